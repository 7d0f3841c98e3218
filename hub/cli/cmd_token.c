/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hub/cli/call.h"
#include "shared/base/clock.h"
#include "shared/base/columns.h"
#include "shared/base/units.h"

#define EXPIRES_MAX_S (366u * 86400u)

int cmd_token_create(struct cli *cli, struct args *a)
{
	json_t *body = json_pack("{s:s}", "node", a->words[0]), *answer = NULL;
	uint64_t expires_s, uses;
	int code = CLI_DONE;

	if (args_uint(a, "--expires", 1, EXPIRES_MAX_S, 0, &expires_s) ||
	    args_uint(a, "--uses", 1, 1000, 0, &uses))
		code = call_usage("%s", a->error);
	if (!code && expires_s)
		json_object_set_new(body, "expires_s", json_integer((json_int_t)expires_s));
	if (!code && uses)
		json_object_set_new(body, "uses", json_integer((json_int_t)uses));
	if (!code)
		code = call_api(cli, "POST", "/api/v1/tokens", body, 0, &answer);
	json_decref(body);
	if (code)
		return code;
	if (cli->json) {
		code = call_print_json(answer);
	} else if (cli->dry_run) {
		fprintf(stderr, "A token could be made. Nothing was changed.\n");
	} else {
		fprintf(stderr, "Paste this line on the branch server, as root (until %s):\n",
			call_str(json_object_get(answer, "join_token"), "expires_at"));
		printf("%s\n", call_str(answer, "command"));
	}
	json_decref(answer);
	return code;
}

int cmd_token_list(struct cli *cli, struct args *a)
{
	static const char *const heads[] = { "ID",         "NODE", "STATE",  "USES",
					     "EXPIRES IN", "AGE",  "MADE BY" };
	char text[UNITS_STR_SIZE];
	int64_t now = clock_wall_ms();
	struct columns table;
	json_t *list, *t;
	size_t i;
	int code;

	(void)a;
	code = call_list(cli, "/api/v1/tokens", "items", &list);
	if (code)
		return code;
	if (cli->json) {
		code = call_print_json(list);
		json_decref(list);
		return code;
	}
	columns_init(&table, 1, ARRAY_LEN(heads), heads);
	json_array_foreach(json_object_get(list, "items"), i, t)
	{
		columns_addf(&table, "%lld", (long long)call_int(t, "id"));
		columns_add(&table, call_str(t, "node"));
		columns_add(&table, call_str(t, "state"));
		columns_addf(&table, "%lld of %lld", (long long)call_int(t, "uses"),
			     (long long)call_int(t, "uses_max"));
		columns_add(&table, units_left(call_str_or_null(t, "expires_at"), now, text));
		columns_add(&table, units_ago(call_str_or_null(t, "created_at"), now, text));
		columns_add(&table, call_str(t, "created_by"));
	}
	code = columns_print(&table, stdout) ? CLI_FAILED : CLI_DONE;
	columns_fini(&table);
	json_decref(list);
	return code;
}

int cmd_token_revoke(struct cli *cli, struct args *a)
{
	char path[CALL_PATH_SIZE];
	json_t *answer;
	int code;

	code = call_api(cli, "POST", call_path(path, "/api/v1/tokens/", a->words[0], "/revoke"),
			NULL, 0, &answer);
	if (code)
		return code;
	if (cli->json)
		code = call_print_json(answer);
	else
		printf("join token %s %s\n", a->words[0],
		       cli->dry_run ? "could be revoked" : "is revoked");
	json_decref(answer);
	return code;
}
