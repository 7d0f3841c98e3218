/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "hub/cli/show.h"

#define EXPIRES_MAX_S (3660u * 86400u)

static int make_body(struct args *a, json_t *body)
{
	json_t *scopes = args_has(a, "--scope") ? json_array() : NULL;
	uint64_t expires_s;

	json_object_set_new(body, "name", json_string(a->words[0]));
	if (args_has(a, "--role"))
		json_object_set_new(body, "role", json_string(args_get(a, "--role")));
	for (unsigned i = 0; scopes && args_nth(a, "--scope", i); i++)
		json_array_append_new(scopes, json_string(args_nth(a, "--scope", i)));
	if (scopes)
		json_object_set_new(body, "scopes", scopes);
	if (args_uint(a, "--expires", 1, EXPIRES_MAX_S, 0, &expires_s))
		return call_usage("%s", a->error);
	if (expires_s)
		json_object_set_new(body, "expires_s", json_integer((json_int_t)expires_s));
	return CLI_DONE;
}

int cmd_api_token_create(struct cli *cli, struct args *a)
{
	json_t *body = json_object(), *answer = NULL;
	int code = make_body(a, body);

	if (!code)
		code = call_api(cli, "POST", "/api/v1/api-tokens", body, 0, &answer);
	json_decref(body);
	if (code)
		return code;
	if (cli->json) {
		code = call_print_json(answer);
	} else if (cli->dry_run) {
		fprintf(stderr, "An API token could be made. Nothing was changed.\n");
	} else {
		fprintf(stderr,
			"API token \"%s\", shown only now; keep it in a file of mode 0600 for "
			"--token-file:\n",
			a->words[0]);
		printf("%s\n", call_str(answer, "token"));
	}
	json_decref(answer);
	return code;
}

static void add_row(struct columns *t, const json_t *token, int64_t now_ms)
{
	char scopes[256];

	show_int(t, token, "id");
	columns_add(t, call_str(token, "name"));
	columns_add(t, call_str(token, "role"));
	columns_add(t, call_str(token, "state"));
	show_ago(t, token, "created_at", now_ms);
	show_ago(t, token, "used_at", now_ms);
	show_left(t, token, "expires_at", now_ms);
	columns_add(t, call_join(json_object_get(token, "scopes"), scopes, sizeof(scopes)));
}

int cmd_api_token_list(struct cli *cli, struct args *a)
{
	static const char *const heads[] = { "ID",  "NAME",     "ROLE",       "STATE",
					     "AGE", "LAST USE", "EXPIRES IN", "SCOPES" };
	static const struct show_table table = { heads, ARRAY_LEN(heads), 1u << 0, add_row };

	(void)a;
	return show_list(cli, "/api/v1/api-tokens", &table);
}

/* The id of the open token of this name: no two have the same. */
static int find_id(struct cli *cli, const char *name, int64_t *id)
{
	json_t *list, *t;
	size_t i;
	int code = call_list(cli, "/api/v1/api-tokens", "items", &list);

	if (code)
		return code;
	*id = 0;
	json_array_foreach(json_object_get(list, "items"), i, t)
	{
		if (strcmp(call_str(t, "name"), name) == 0 && !call_str_or_null(t, "revoked_at"))
			*id = call_int(t, "id");
	}
	json_decref(list);
	if (*id)
		return CLI_DONE;
	fprintf(stderr, "branchline-hub: there is no API token %s [not_found]\n", name);
	return CLI_REFUSED;
}

int cmd_api_token_revoke(struct cli *cli, struct args *a)
{
	const char *word = a->words[0];
	char path[CALL_PATH_SIZE], number[24], name[80];
	json_t *answer;
	int64_t id;
	int code;

	if (word[strspn(word, "0123456789")]) {
		code = find_id(cli, word, &id);
		if (code)
			return code;
		snprintf(number, sizeof(number), "%lld", (long long)id);
		word = number;
	}
	code = call_api(cli, "POST", call_path(path, "/api/v1/api-tokens/", word, "/revoke"), NULL,
			0, &answer);
	snprintf(name, sizeof(name), "API token %.64s", a->words[0]);
	return code ? code : show_change(cli, answer, name, "is revoked", "could be revoked");
}
