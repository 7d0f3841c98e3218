/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "hub/cli/show.h"

int cmd_policy_add(struct cli *cli, struct args *a)
{
	json_t *body = json_pack("{s:s, s:s}", "from", a->words[0], "to", a->words[1]), *answer;
	char what[160];
	int code;

	if (args_has(a, "--path"))
		json_object_set_new(body, "path_policy", json_string(args_get(a, "--path")));
	code = call_api(cli, "POST", "/api/v1/policies", body, 0, &answer);
	json_decref(body);
	snprintf(what, sizeof(what), "%.63s -> %.63s", a->words[0], a->words[1]);
	return code ? code : show_change(cli, answer, what, "is allowed", "could be allowed");
}

static void add_row(struct columns *t, const json_t *policy, int64_t now_ms)
{
	(void)now_ms;
	show_int(t, policy, "id");
	columns_add(t, call_str(policy, "from"));
	columns_add(t, call_str(policy, "to"));
	columns_add(t, call_str(policy, "path_policy"));
}

int cmd_policy_list(struct cli *cli, struct args *a)
{
	static const char *const heads[] = { "ID", "GROUP", "AND GROUP", "PATHS" };
	static const struct show_table table = { heads, ARRAY_LEN(heads), 1u << 0, add_row };

	(void)a;
	return show_list(cli, "/api/v1/policies", &table);
}

/* The id of the policy between two groups, whichever of them was named first. */
static int find_id(struct cli *cli, const char *one, const char *other, int64_t *id)
{
	json_t *list, *p;
	size_t i;
	int code = call_list(cli, "/api/v1/policies", "items", &list);

	if (code)
		return code;
	*id = 0;
	json_array_foreach(json_object_get(list, "items"), i, p)
	{
		const char *from = call_str(p, "from"), *to = call_str(p, "to");

		if ((strcmp(from, one) == 0 && strcmp(to, other) == 0) ||
		    (strcmp(from, other) == 0 && strcmp(to, one) == 0))
			*id = call_int(p, "id");
	}
	json_decref(list);
	if (*id)
		return CLI_DONE;
	fprintf(stderr, "branchline-hub: there is no policy %s -> %s [not_found]\n", one, other);
	return CLI_REFUSED;
}

int cmd_policy_edit(struct cli *cli, struct args *a)
{
	char path[CALL_PATH_SIZE], what[160];
	json_t *body, *answer;
	int64_t id;
	int code;

	if (!args_has(a, "--path"))
		return call_usage("nothing to change was given");
	code = find_id(cli, a->words[0], a->words[1], &id);
	if (code)
		return code;
	snprintf(path, sizeof(path), "/api/v1/policies/%lld", (long long)id);
	snprintf(what, sizeof(what), "%.63s -> %.63s", a->words[0], a->words[1]);
	body = json_pack("{s:s}", "path_policy", args_get(a, "--path"));
	code = call_api(cli, "PATCH", path, body, 0, &answer);
	json_decref(body);
	return code ? code : show_change(cli, answer, what, "is changed", "could be changed");
}

int cmd_policy_remove(struct cli *cli, struct args *a)
{
	char path[CALL_PATH_SIZE], what[160];
	json_t *answer;
	int64_t id;
	int code = find_id(cli, a->words[0], a->words[1], &id);

	if (code)
		return code;
	snprintf(path, sizeof(path), "/api/v1/policies/%lld", (long long)id);
	snprintf(what, sizeof(what), "%.63s -> %.63s", a->words[0], a->words[1]);
	code = call_api(cli, "DELETE", path, NULL, 0, &answer);
	return code ? code : show_change(cli, answer, what, "is removed", "could be removed");
}

static void print_default(const json_t *answer)
{
	puts(call_bool(answer, "allow") ? "allow" : "deny");
}

int cmd_policy_default(struct cli *cli, struct args *a)
{
	json_t *body, *answer;
	bool allow;
	int code;

	if (a->n_words == 0)
		return show_item(cli, "/api/v1/policies/default", print_default);
	allow = strcmp(a->words[0], "allow") == 0;
	if (!allow && strcmp(a->words[0], "deny") != 0)
		return call_usage("the default is allow or deny, not \"%s\"", a->words[0]);
	body = json_pack("{s:b}", "allow", allow);
	code = call_api(cli, "PATCH", "/api/v1/policies/default", body, 0, &answer);
	json_decref(body);
	return code ? code
		    : show_change(cli, answer, "the default", allow ? "is allow" : "is deny",
				  allow ? "could be allow" : "could be deny");
}

int cmd_policy_check(struct cli *cli, struct args *a)
{
	char path[CALL_PATH_SIZE], before[CALL_PATH_SIZE];
	json_t *answer;
	int code;

	call_path(before, "/api/v1/policies/check?from=", a->words[0], "&to=");
	code = call_api(cli, "GET", call_path(path, before, a->words[1], ""), NULL, 0, &answer);
	if (code)
		return code;
	if (cli->json)
		code = call_print_json(answer);
	else
		printf("%s: %s\n", call_bool(answer, "allowed") ? "yes" : "no",
		       call_str(answer, "reason"));
	if (!code && !call_bool(answer, "allowed"))
		code = CLI_FAILED;
	json_decref(answer);
	return code;
}
