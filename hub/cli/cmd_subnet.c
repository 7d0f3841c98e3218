/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "hub/cli/show.h"
#include "shared/base/prefix.h"
#include "shared/wire/limits.h"

int cmd_subnet_add(struct cli *cli, struct args *a)
{
	char done[96], could[96];
	json_t *body, *answer;
	uint64_t weight;
	int code;

	if (args_uint(a, "--weight", 0, SUBNET_WEIGHT_MAX, SUBNET_WEIGHT_DEFAULT, &weight))
		return call_usage("%s", a->error);
	body = json_pack("{s:s, s:s, s:I, s:b, s:b}", "node", a->words[0], "prefix", a->words[1],
			 "weight", (json_int_t)weight, "failover", args_has(a, "--failover"),
			 "force", args_has(a, "--force"));
	code = call_api(cli, "POST", "/api/v1/subnets", body, 0, &answer);
	json_decref(body);
	snprintf(done, sizeof(done), "is behind %.63s", a->words[0]);
	snprintf(could, sizeof(could), "could be put behind %.63s", a->words[0]);
	return code ? code : show_change(cli, answer, a->words[1], done, could);
}

/* Finds the id of a node's subnet by its prefix, however that is spelled. */
static int find_id(struct cli *cli, const char *node, const char *text, int64_t *id)
{
	char path[CALL_PATH_SIZE];
	struct prefix wanted, p;
	json_t *list, *s;
	size_t i;
	int code;

	if (prefix_parse(text, &wanted, NULL) != ERR_OK)
		return call_usage("\"%s\" is not a prefix such as 10.20.0.0/24", text);
	code = call_list(cli, call_path(path, "/api/v1/subnets?node=", node, ""), "items", &list);
	if (code)
		return code;
	*id = 0;
	json_array_foreach(json_object_get(list, "items"), i, s)
	{
		if (prefix_parse(call_str(s, "prefix"), &p, NULL) == ERR_OK &&
		    prefix_equal(&p, &wanted))
			*id = call_int(s, "id");
	}
	json_decref(list);
	if (*id)
		return CLI_DONE;
	fprintf(stderr, "branchline-hub: %s has no subnet %s [not_found]\n", node, text);
	return CLI_REFUSED;
}

/* The path of the subnet that the words name: NODE PREFIX, or ID. */
static int find_path(struct cli *cli, const struct args *a, char path[CALL_PATH_SIZE])
{
	const char *id_text = a->words[0];
	char number[24];
	int64_t id = 0;
	int code;

	if (a->n_words == 2) {
		code = find_id(cli, a->words[0], a->words[1], &id);
		if (code)
			return code;
		snprintf(number, sizeof(number), "%lld", (long long)id);
		id_text = number;
	}
	call_path(path, "/api/v1/subnets/", id_text, "");
	return CLI_DONE;
}

static int edit(struct cli *cli, struct args *a, bool approve, const char *done, const char *could)
{
	char path[CALL_PATH_SIZE];
	json_t *body, *answer;
	uint64_t weight;
	int code;

	if (args_uint(a, "--weight", 0, SUBNET_WEIGHT_MAX, 0, &weight))
		return call_usage("%s", a->error);
	if (!approve && !args_get(a, "--weight"))
		return call_usage("say what to change: --weight N");
	code = find_path(cli, a, path);
	if (code)
		return code;
	body = json_object();
	if (args_get(a, "--weight"))
		json_object_set_new(body, "weight", json_integer((json_int_t)weight));
	if (approve)
		json_object_set_new(body, "status", json_string("approved"));
	if (args_has(a, "--failover"))
		json_object_set_new(body, "failover", json_true());
	if (args_has(a, "--force"))
		json_object_set_new(body, "force", json_true());
	code = call_api(cli, "PATCH", path, body, 0, &answer);
	json_decref(body);
	return code ? code : show_change(cli, answer, a->words[a->n_words - 1], done, could);
}

int cmd_subnet_approve(struct cli *cli, struct args *a)
{
	return edit(cli, a, true, "is approved", "could be approved");
}

int cmd_subnet_edit(struct cli *cli, struct args *a)
{
	return edit(cli, a, false, "is changed", "could be changed");
}

int cmd_subnet_remove(struct cli *cli, struct args *a)
{
	char path[CALL_PATH_SIZE];
	json_t *answer;
	int code = find_path(cli, a, path);

	if (code)
		return code;
	code = call_api(cli, "DELETE", path, NULL, 0, &answer);
	return code ? code
		    : show_change(cli, answer, a->words[a->n_words - 1], "is removed",
				  "could be removed");
}

static void add_row(struct columns *t, const json_t *subnet, int64_t now_ms)
{
	(void)now_ms;
	show_int(t, subnet, "id");
	columns_add(t, call_str(subnet, "prefix"));
	show_int(t, subnet, "weight");
	columns_add(t, call_str(subnet, "node"));
	columns_add(t, call_str(subnet, "status"));
}

int cmd_subnet_list(struct cli *cli, struct args *a)
{
	static const char *const heads[] = { "ID", "PREFIX", "WEIGHT", "NODE", "STATUS" };
	static const struct show_table table = { heads, ARRAY_LEN(heads), 1u << 0 | 1u << 2,
						 add_row };

	return show_list_of(cli, a, "/api/v1/subnets", "?node=", &table);
}
