/* SPDX-License-Identifier: GPL-3.0-or-later */
/* dump, info, top and hosts: what tinc's command of these names shows, from the hub's API. */
#include <string.h>

#include "hub/cli/show.h"
#include "shared/base/prefix.h"
#include "shared/cli/dot.h"
#include "shared/cli/hostfile.h"
#include "shared/cli/hosts.h"
#include "shared/cli/owner.h"
#include "shared/cli/top.h"

static void add_connection(struct columns *t, const json_t *node, int64_t now_ms)
{
	columns_add(t, call_str(node, "name"));
	columns_add(t, call_str(node, "endpoint"));
	show_ago(t, node, "since", now_ms);
	columns_add(t, call_str(node, "version"));
	show_int(t, node, "acked_revision");
}

int cmd_dump_connections(struct cli *cli, struct args *a)
{
	static const char *const heads[] = { "NODE", "ENDPOINT", "SINCE", "VERSION", "REVISION" };
	static const struct show_table table = { heads, ARRAY_LEN(heads), 1u << 2 | 1u << 4,
						 add_connection };
	json_t *status, *nodes;
	int code = call_list(cli, "/api/v1/status", "nodes", &status);

	(void)a;
	if (code)
		return code;
	nodes = json_object_get(status, "nodes");
	for (size_t i = json_array_size(nodes); i-- > 0;) {
		const json_t *n = json_array_get(nodes, i);

		if (!call_bool(n, "online") || strcmp(call_str(n, "kind"), "hub") == 0)
			json_array_remove(nodes, i);
	}
	code = cli->json ? call_print_json(nodes) : show_table(nodes, &table);
	json_decref(status);
	return code;
}

/* Nodes first, then a line for each pair: both ends may tell of it. */
static void print_graph(const char *net, const json_t *nodes, const json_t *paths)
{
	dot_begin(stdout, net);
	for (size_t i = 0; i < json_array_size(nodes); i++) {
		const json_t *n = json_array_get(nodes, i);
		bool hub = strcmp(call_str(n, "kind"), "hub") == 0;

		dot_node(stdout, call_str(n, "name"), hub ? "direct" : call_str(n, "path"));
	}
	for (size_t i = 0; i < json_array_size(paths); i++) {
		const json_t *p = json_array_get(paths, i);
		bool told = false;

		for (size_t k = 0; k < i && !told; k++) {
			const json_t *q = json_array_get(paths, k);

			told = call_int(q, "node_id") == call_int(p, "peer_id") &&
			       call_int(q, "peer_id") == call_int(p, "node_id");
		}
		if (!told)
			dot_edge(stdout, call_str(p, "node"), call_str(p, "peer"),
				 call_str(p, "path"));
	}
	dot_end(stdout);
}

int cmd_dump_graph(struct cli *cli, struct args *a)
{
	json_t *status, *paths = NULL;
	int code = call_list(cli, "/api/v1/status", "nodes", &status);

	(void)a;
	if (!code)
		code = call_list(cli, "/api/v1/paths", "items", &paths);
	if (!code && cli->json)
		code = call_print_json(paths);
	else if (!code)
		print_graph(call_str(status, "network"), json_object_get(status, "nodes"),
			    json_object_get(paths, "items"));
	json_decref(paths);
	json_decref(status);
	return code;
}

int cmd_info(struct cli *cli, struct args *a)
{
	struct prefix p;
	json_t *list, *found;
	int code;

	if (prefix_parse(a->words[0], &p, NULL) != ERR_OK)
		return cmd_node_show(cli, a);
	code = call_list(cli, "/api/v1/nodes", "items", &list);
	if (code)
		return code;
	if (owner_find(json_object_get(list, "items"), a->words[0], &found) != ERR_OK)
		code = CLI_FAILED;
	json_decref(list);
	if (code)
		return code;
	if (cli->json) {
		code = call_print_json(found);
	} else if (!owner_print(found)) {
		fprintf(stderr, "branchline-hub: no node has %s\n", a->words[0]);
		code = CLI_FAILED;
	}
	json_decref(found);
	return code;
}

/* One sample for top. */
static int ask_traffic(void *arg, json_t **nodes)
{
	json_t *status;
	int code = call_list(arg, "/api/v1/status", "nodes", &status);

	if (code)
		return code;
	*nodes = json_incref(json_object_get(status, "nodes"));
	for (size_t i = json_array_size(*nodes); i-- > 0;)
		if (strcmp(call_str(json_array_get(*nodes, i), "kind"), "hub") == 0)
			json_array_remove(*nodes, i);
	json_decref(status);
	return code;
}

int cmd_top(struct cli *cli, struct args *a)
{
	char title[NAME_SIZE + 16];

	(void)a;
	snprintf(title, sizeof(title), "network %s", cli->paths->net);
	return top_run(ask_traffic, cli, title, cli->json);
}

int cmd_hosts(struct cli *cli, struct args *a)
{
	const char *file = args_get(a, "--file");
	json_t *status, *list = NULL;
	int code;

	if (args_has(a, "--write") && !file)
		file = "/etc/hosts";
	if (args_has(a, "--remove"))
		return file ? hosts_run("branchline-hub", NULL, cli->paths->net, file, true)
			    : call_usage("say where: --write (/etc/hosts) or --file");
	code = call_api(cli, "GET", "/api/v1/status?limit=1", NULL, 0, &status);
	if (!code)
		code = call_list(cli, "/api/v1/nodes", "items", &list);
	if (!code && cli->json)
		code = call_print_json(json_object_get(list, "items"));
	else if (!code)
		code = hosts_run("branchline-hub", json_object_get(list, "items"),
				 call_str(status, "network"), file, false);
	json_decref(status);
	json_decref(list);
	return code;
}

static const json_t *find_export(const json_t *items, const char *name)
{
	for (size_t i = 0; i < json_array_size(items); i++) {
		const json_t *n = json_array_get(items, i);

		if (name ? strcmp(call_str(n, "name"), name) == 0
			 : strcmp(call_str(n, "kind"), "hub") == 0)
			return n;
	}
	return NULL;
}

/* One node, the hub without a name, or all of them. */
static int export(struct cli *cli, const char *name, bool all)
{
	json_t *list = NULL;
	const json_t *items, *node;
	struct buf out;
	int code = call_list(cli, "/api/v1/nodes", "items", &list);
	enum err e;

	if (code)
		return code;
	items = json_object_get(list, "items");
	node = all ? items : find_export(items, name);
	if (!node) {
		fprintf(stderr, "branchline-hub: there is no node %s\n", name ? name : "hub");
		json_decref(list);
		return CLI_REFUSED;
	}
	buf_init(&out, HOSTFILE_MAX_BYTES);
	e = all ? hostfile_put_all(items, &out) : hostfile_put(node, &out);
	if (cli->json)
		code = call_print_json(node);
	else if (e || fwrite(buf_data(&out), 1, buf_len(&out), stdout) != buf_len(&out))
		code = CLI_FAILED;
	if (e)
		fprintf(stderr, "branchline-hub: %s\n", err_str(e));
	buf_fini(&out);
	json_decref(list);
	return code;
}

int cmd_export(struct cli *cli, struct args *a)
{
	return export(cli, a->n_words ? a->words[0] : NULL, false);
}

int cmd_export_all(struct cli *cli, struct args *a)
{
	(void)a;
	return export(cli, NULL, true);
}
