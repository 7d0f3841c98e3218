/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hub/cli/show.h"

#define EXPIRES_MAX_S (366u * 86400u)

int cmd_token_create(struct cli *cli, struct args *a)
{
	const char *group = args_get(a, "--group");
	json_t *body, *answer = NULL;
	uint64_t expires_s, uses;
	int code = CLI_DONE;

	if ((a->n_words == 0) == !group)
		return call_usage(
			"say for which NODE, or --group NAME for new branches of a group");
	body = json_pack("{s:s}", group ? "group" : "node", group ? group : a->words[0]);
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
		fprintf(stderr, "Paste this line on %s, as root (until %s):\n",
			group ? "each branch server (add --name NAME, or its host name is taken)"
			      : "the branch server",
			call_str(json_object_get(answer, "join_token"), "expires_at"));
		printf("%s\n", call_str(answer, "command"));
	}
	json_decref(answer);
	return code;
}

static void add_row(struct columns *t, const json_t *token, int64_t now_ms)
{
	show_int(t, token, "id");
	columns_add(t, call_str(token, "node"));
	columns_add(t, call_str(token, "group"));
	columns_add(t, call_str(token, "state"));
	columns_addf(t, "%lld of %lld", (long long)call_int(token, "uses"),
		     (long long)call_int(token, "uses_max"));
	show_left(t, token, "expires_at", now_ms);
	show_ago(t, token, "created_at", now_ms);
	columns_add(t, call_str(token, "created_by"));
}

int cmd_token_list(struct cli *cli, struct args *a)
{
	static const char *const heads[] = { "ID",   "NODE",       "GROUP", "STATE",
					     "USES", "EXPIRES IN", "AGE",   "MADE BY" };
	static const struct show_table table = { heads, ARRAY_LEN(heads), 1u << 0, add_row };

	(void)a;
	return show_list(cli, "/api/v1/tokens", &table);
}

int cmd_token_revoke(struct cli *cli, struct args *a)
{
	char path[CALL_PATH_SIZE], name[80];
	json_t *answer;
	int code;

	code = call_api(cli, "POST", call_path(path, "/api/v1/tokens/", a->words[0], "/revoke"),
			NULL, 0, &answer);
	snprintf(name, sizeof(name), "join token %.64s", a->words[0]);
	return code ? code : show_change(cli, answer, name, "is revoked", "could be revoked");
}
