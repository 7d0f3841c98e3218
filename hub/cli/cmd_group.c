/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hub/cli/call.h"
#include "shared/base/columns.h"

/* Prints the answer of a change: as JSON, or as a sentence about `name`. Takes `answer`. */
static int say(struct cli *cli, json_t *answer, const char *name, const char *done,
	       const char *could)
{
	int code = CLI_DONE;

	if (cli->json)
		code = call_print_json(answer);
	else
		printf("%s %s\n", name, cli->dry_run ? could : done);
	json_decref(answer);
	return code;
}

int cmd_group_create(struct cli *cli, struct args *a)
{
	json_t *body = json_pack("{s:s}", "name", a->words[0]), *answer = NULL;
	int code;

	if (args_has(a, "--comment"))
		json_object_set_new(body, "comment", json_string(args_get(a, "--comment")));
	code = call_api(cli, "POST", "/api/v1/groups", body, 0, &answer);
	json_decref(body);
	return code ? code : say(cli, answer, a->words[0], "is made", "could be made");
}

int cmd_group_list(struct cli *cli, struct args *a)
{
	static const char *const heads[] = { "ID", "NAME", "NODES", "COMMENT" };
	struct columns table;
	json_t *list, *g;
	size_t i;
	int code;

	(void)a;
	code = call_list(cli, "/api/v1/groups", "items", &list);
	if (code)
		return code;
	if (cli->json) {
		code = call_print_json(list);
		json_decref(list);
		return code;
	}
	columns_init(&table, 1 | 1 << 2, ARRAY_LEN(heads), heads);
	json_array_foreach(json_object_get(list, "items"), i, g)
	{
		columns_addf(&table, "%lld", (long long)call_int(g, "id"));
		columns_add(&table, call_str(g, "name"));
		columns_addf(&table, "%lld", (long long)call_int(g, "nodes"));
		columns_add(&table, call_str(g, "comment"));
	}
	code = columns_print(&table, stdout) ? CLI_FAILED : CLI_DONE;
	columns_fini(&table);
	json_decref(list);
	return code;
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
	return code ? code : say(cli, answer, a->words[0], "is changed", "could be changed");
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
	return code ? code : say(cli, answer, a->words[0], "is deleted", "could be deleted");
}
