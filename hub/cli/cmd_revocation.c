/* SPDX-License-Identifier: GPL-3.0-or-later */
/* revocation: what became of one, and of all of them. */
#include <string.h>

#include "hub/cli/show.h"

#define BASE "/api/v1/revocations"

static void add_receipt(struct columns *t, const json_t *r, int64_t now_ms)
{
	const json_t *ms = json_object_get(r, "elapsed_ms");

	columns_add(t, call_str(r, "node"));
	columns_add(t, call_str(r, "state"));
	if (json_is_integer(ms))
		columns_addf(t, "%s%lld ms", json_is_true(json_object_get(r, "exact")) ? "" : "<= ",
			     (long long)json_integer_value(ms));
	else
		columns_add(t, "");
	show_ago(t, r, "at", now_ms);
}

/* One for people: what and why, the sum, then a line for each node. */
static void print_one(const json_t *r)
{
	static const char *const heads[] = { "NODE", "STATE", "TOOK", "CONFIRMED" };
	static const struct show_table table = { heads, ARRAY_LEN(heads), 1u << 2 | 1u << 3,
						 add_receipt };
	const char *why = call_str(r, "reason");

	printf("%s was revoked at %s by %s%s%s\n", call_str(r, "node"), call_str(r, "at"),
	       call_str(r, "actor"), why[0] ? ": " : "", why);
	printf("revision %lld: %s, on %lld of %lld", (long long)call_int(r, "revision"),
	       call_str(r, "state"), (long long)call_int(r, "applied"),
	       (long long)call_int(r, "expected"));
	if (json_is_integer(json_object_get(r, "elapsed_ms")))
		printf(" in %lld ms", (long long)call_int(r, "elapsed_ms"));
	putchar('\n');
	(void)show_table(json_object_get(r, "receipts"), &table);
}

static void add_revocation(struct columns *t, const json_t *r, int64_t now_ms)
{
	show_int(t, r, "id");
	columns_add(t, call_str(r, "node"));
	columns_add(t, call_str(r, "state"));
	columns_addf(t, "%lld of %lld", (long long)call_int(r, "applied"),
		     (long long)call_int(r, "expected"));
	if (json_is_integer(json_object_get(r, "elapsed_ms")))
		columns_addf(t, "%lld ms", (long long)call_int(r, "elapsed_ms"));
	else
		columns_add(t, "");
	show_ago(t, r, "at", now_ms);
	columns_add(t, call_str(r, "actor"));
	columns_add(t, call_str(r, "reason"));
}

int cmd_revocation_list(struct cli *cli, struct args *a)
{
	static const char *const heads[] = { "ID",   "NODE", "STATE", "APPLIED",
					     "TOOK", "AGE",  "BY",    "REASON" };
	static const struct show_table table = { heads, ARRAY_LEN(heads),
						 1u << 0 | 1u << 4 | 1u << 5, add_revocation };

	(void)a;
	return show_list(cli, BASE, &table);
}

int cmd_revocation_show(struct cli *cli, struct args *a)
{
	char path[CALL_PATH_SIZE];

	return show_item(cli, call_path(path, BASE "/", a->words[0], ""), print_one);
}

/* The newest revocation of a node, by its id; 0 without one. */
static int find_revocation(struct cli *cli, int64_t node_id, int64_t *id)
{
	json_t *list, *r;
	size_t i;
	int code = call_list(cli, BASE, "items", &list);

	*id = 0;
	if (code)
		return code;
	json_array_foreach(json_object_get(list, "items"), i, r)
	{
		if (*id == 0 && call_int(r, "node_id") == node_id)
			*id = call_int(r, "id");
	}
	json_decref(list);
	return CLI_DONE;
}

int cmd_node_revocation(struct cli *cli, struct args *a)
{
	json_t *node = NULL;
	char path[CALL_PATH_SIZE];
	int64_t id = 0;
	int code;

	code = call_api(cli, "GET", call_path(path, "/api/v1/nodes/", a->words[0], ""), NULL, 0,
			&node);
	if (!code)
		code = find_revocation(cli, call_int(node, "id"), &id);
	if (!code && (!id || strcmp(call_str(node, "status"), "revoked") != 0)) {
		fprintf(stderr, "Node %s is not revoked: it is %s.\n", call_str(node, "name"),
			call_str(node, "status"));
		code = CLI_REFUSED;
	}
	json_decref(node);
	if (code)
		return code;
	snprintf(path, sizeof(path), BASE "/%lld", (long long)id);
	return show_item(cli, path, print_one);
}
