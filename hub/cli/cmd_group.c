/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hub/cli/show.h"

int cmd_group_create(struct cli *cli, struct args *a)
{
	json_t *body = json_pack("{s:s}", "name", a->words[0]), *answer = NULL;
	int code;

	if (args_has(a, "--comment"))
		json_object_set_new(body, "comment", json_string(args_get(a, "--comment")));
	code = call_api(cli, "POST", "/api/v1/groups", body, 0, &answer);
	json_decref(body);
	return code ? code : show_change(cli, answer, a->words[0], "is made", "could be made");
}

static void add_row(struct columns *t, const json_t *group, int64_t now_ms)
{
	(void)now_ms;
	show_int(t, group, "id");
	columns_add(t, call_str(group, "name"));
	show_int(t, group, "nodes");
	columns_add(t, call_str(group, "comment"));
}

int cmd_group_list(struct cli *cli, struct args *a)
{
	static const char *const heads[] = { "ID", "NAME", "NODES", "COMMENT" };
	static const struct show_table table = { heads, ARRAY_LEN(heads), 1u << 0 | 1u << 2,
						 add_row };

	(void)a;
	return show_list(cli, "/api/v1/groups", &table);
}

int cmd_group_edit(struct cli *cli, struct args *a)
{
	char path[CALL_PATH_SIZE];
	json_t *body = json_object(), *answer = NULL;
	int code;

	if (args_has(a, "--name"))
		json_object_set_new(body, "name", json_string(args_get(a, "--name")));
	if (args_has(a, "--comment"))
		json_object_set_new(body, "comment", json_string(args_get(a, "--comment")));
	if (json_object_size(body))
		code = call_api(cli, "PATCH", call_path(path, "/api/v1/groups/", a->words[0], ""),
				body, 0, &answer);
	else
		code = call_usage("nothing to change was given");
	json_decref(body);
	return code ? code
		    : show_change(cli, answer, a->words[0], "is changed", "could be changed");
}

int cmd_group_delete(struct cli *cli, struct args *a)
{
	char path[CALL_PATH_SIZE], question[128];
	json_t *answer;
	int code;

	snprintf(question, sizeof(question), "Delete group %.63s?", a->words[0]);
	if (!call_confirm(a, question))
		return CLI_USAGE;
	code = call_api(cli, "DELETE", call_path(path, "/api/v1/groups/", a->words[0], ""), NULL, 0,
			&answer);
	return code ? code
		    : show_change(cli, answer, a->words[0], "is deleted", "could be deleted");
}
