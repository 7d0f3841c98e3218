/* SPDX-License-Identifier: GPL-3.0-or-later */
/* cmd_node_state: a node gets another name, is taken out for a while, and comes back. */
#include "hub/cli/show.h"

/* Sends the change and says what came of it. Takes over `body`. */
static int change(struct cli *cli, const char *method, const char *path, json_t *body,
		  const char *name, const char *done, const char *could)
{
	json_t *answer = NULL;
	int code = call_api(cli, method, path, body, 0, &answer);

	json_decref(body);
	return code ? code : show_change(cli, answer, name, done, could);
}

int cmd_node_rename(struct cli *cli, struct args *a)
{
	char path[CALL_PATH_SIZE], done[128], could[128];

	snprintf(done, sizeof(done), "is called %.63s now", a->words[1]);
	snprintf(could, sizeof(could), "could be called %.63s", a->words[1]);
	return change(cli, "PATCH", call_path(path, "/api/v1/nodes/", a->words[0], ""),
		      json_pack("{s:s}", "name", a->words[1]), a->words[0], done, could);
}

int cmd_node_disable(struct cli *cli, struct args *a)
{
	const char *reason = args_get(a, "--reason");
	char path[CALL_PATH_SIZE];

	return change(cli, "POST", call_path(path, "/api/v1/nodes/", a->words[0], "/disable"),
		      reason ? json_pack("{s:s}", "reason", reason) : json_object(), a->words[0],
		      "is disabled", "could be disabled");
}

int cmd_node_enable(struct cli *cli, struct args *a)
{
	char path[CALL_PATH_SIZE];

	return change(cli, "POST", call_path(path, "/api/v1/nodes/", a->words[0], "/enable"),
		      json_object(), a->words[0], "is enabled", "could be enabled");
}
