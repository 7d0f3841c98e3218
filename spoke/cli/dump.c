/* SPDX-License-Identifier: GPL-3.0-or-later */
/* dump, info, top, hosts and export: what tinc's command of these names shows, as this branch sees
 * it. */
#include <string.h>

#include "shared/base/clock.h"
#include "shared/base/columns.h"
#include "shared/base/prefix.h"
#include "shared/base/units.h"
#include "shared/cli/dot.h"
#include "shared/cli/hostfile.h"
#include "shared/cli/hosts.h"
#include "shared/cli/owner.h"
#include "shared/cli/top.h"
#include "spoke/cli/cli.h"

#define STATUS_TIMEOUT_MS 10000u /* the daemon gives its data plane GATHER_TIMEOUT_MS */

static const char *text_of(const json_t *j, const char *key)
{
	const char *s = json_string_value(json_object_get(j, key));

	return s ? s : "";
}

static int ask_status(const struct cli *cli, json_t **out)
{
	return cli_ask(cli, json_pack("{s:s}", "cmd", "status"), STATUS_TIMEOUT_MS, out);
}

/* This node and all that it may know of: objects with name, addresses, subnets. A new reference. */
static json_t *nodes_of(const json_t *status)
{
	json_t *nodes =
		json_pack("[{s:O*, s:O*, s:O*, s:s}]", "name", json_object_get(status, "name"),
			  "addresses", json_object_get(status, "addresses"), "subnets",
			  json_object_get(status, "subnets"), "path", "self");

	if (nodes)
		json_array_extend(nodes, json_object_get(status, "peers"));
	return nodes;
}

/* Strings of a list with ", " between them. */
static void add_list(struct columns *t, const json_t *list)
{
	char text[256] = "";
	size_t n = 0;

	for (size_t i = 0; i < json_array_size(list) && n < sizeof(text); i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s", i ? ", " : "",
				      json_string_value(json_array_get(list, i)));
	columns_add(t, text);
}

static int print_nodes(const json_t *nodes)
{
	static const char *const heads[] = { "NAME", "KIND", "PATH", "ADDRESSES", "ENDPOINT" };
	struct columns t;
	int code;

	columns_init(&t, 0, ARRAY_LEN(heads), heads);
	for (size_t i = 0; i < json_array_size(nodes); i++) {
		const json_t *n = json_array_get(nodes, i);

		columns_add(&t, text_of(n, "name"));
		columns_add(&t, text_of(n, "kind"));
		columns_add(&t, text_of(n, "path"));
		add_list(&t, json_object_get(n, "addresses"));
		columns_add(&t, text_of(n, "endpoint"));
	}
	code = columns_print(&t, stdout) ? LAUNCH_FAILED : LAUNCH_DONE;
	columns_fini(&t);
	return code;
}

static int print_subnets(const json_t *nodes)
{
	static const char *const heads[] = { "PREFIX", "WEIGHT", "NODE" };
	struct columns t;
	int code;

	columns_init(&t, 1u << 1, ARRAY_LEN(heads), heads);
	for (size_t i = 0; i < json_array_size(nodes); i++) {
		const json_t *n = json_array_get(nodes, i), *list = json_object_get(n, "subnets");

		for (size_t k = 0; k < json_array_size(list); k++) {
			const json_t *s = json_array_get(list, k);

			columns_add(&t, text_of(s, "prefix"));
			columns_addf(&t, "%lld",
				     (long long)json_integer_value(json_object_get(s, "weight")));
			columns_add(&t, text_of(n, "name"));
		}
	}
	code = columns_print(&t, stdout) ? LAUNCH_FAILED : LAUNCH_DONE;
	columns_fini(&t);
	return code;
}

/* The link and the tunnels that packets can take. */
static int print_connections(const json_t *status, const json_t *nodes)
{
	const json_t *hub = json_object_get(status, "hub");

	printf("link    %s  %s\n", text_of(hub, "name"),
	       json_is_true(json_object_get(hub, "up")) ? text_of(hub, "address") : "down");
	for (size_t i = 1; i < json_array_size(nodes); i++) {
		const json_t *n = json_array_get(nodes, i);

		if (json_is_string(json_object_get(n, "handshake")) &&
		    strcmp(text_of(n, "path"), "down") != 0)
			printf("tunnel  %s  %s  %s\n", text_of(n, "name"), text_of(n, "path"),
			       text_of(n, "endpoint"));
	}
	return LAUNCH_DONE;
}

static int print_graph(const json_t *status, const json_t *nodes)
{
	dot_begin(stdout, text_of(status, "network"));
	for (size_t i = 0; i < json_array_size(nodes); i++)
		dot_node(stdout, text_of(json_array_get(nodes, i), "name"),
			 i ? text_of(json_array_get(nodes, i), "path") : "direct");
	for (size_t i = 1; i < json_array_size(nodes); i++)
		dot_edge(stdout, text_of(status, "name"), text_of(json_array_get(nodes, i), "name"),
			 text_of(json_array_get(nodes, i), "path"));
	dot_end(stdout);
	return LAUNCH_DONE;
}

int cmd_dump(struct cli *cli, struct args *a)
{
	const char *what = a->words[0];
	json_t *status, *nodes;
	int code = ask_status(cli, &status);

	if (code)
		return code;
	nodes = nodes_of(status);
	if (cli->json)
		cli_print_json(json_incref(strcmp(what, "connections") == 0 ? status : nodes));
	else if (strcmp(what, "nodes") == 0)
		code = print_nodes(nodes);
	else if (strcmp(what, "subnets") == 0)
		code = print_subnets(nodes);
	else if (strcmp(what, "connections") == 0)
		code = print_connections(status, nodes);
	else if (strcmp(what, "graph") == 0)
		code = print_graph(status, nodes);
	else
		code = cli_usage("dump nodes, subnets, connections or graph, not \"%.64s\"", what);
	json_decref(nodes);
	json_decref(status);
	return code;
}

static void line(const char *name, const char *value)
{
	if (*value)
		printf("%-13s%s\n", name, value);
}

static void print_info(const json_t *n)
{
	const json_t *addresses = json_object_get(n, "addresses");
	const json_t *subnets = json_object_get(n, "subnets");
	char text[UNITS_STR_SIZE], more[UNITS_STR_SIZE];
	const char *handshake = json_string_value(json_object_get(n, "handshake"));

	line("node", text_of(n, "name"));
	line("kind", text_of(n, "kind"));
	for (size_t i = 0; i < json_array_size(addresses); i++)
		line("address", json_string_value(json_array_get(addresses, i)));
	for (size_t i = 0; i < json_array_size(subnets); i++)
		line("subnet", text_of(json_array_get(subnets, i), "prefix"));
	line("path", text_of(n, "path"));
	line("because", text_of(n, "reason"));
	line("endpoint", text_of(n, "endpoint"));
	if (handshake)
		printf("%-13s%s ago\n", "handshake", units_ago(handshake, clock_wall_ms(), text));
	if (json_is_integer(json_object_get(n, "rx_bytes")))
		printf("%-13sreceived %s, sent %s\n", "traffic",
		       units_bytes((uint64_t)json_integer_value(json_object_get(n, "rx_bytes")),
				   text),
		       units_bytes((uint64_t)json_integer_value(json_object_get(n, "tx_bytes")),
				   more));
}

/* The node of this name. */
static int info_of_node(const struct cli *cli, const json_t *nodes, const char *name)
{
	for (size_t i = 0; i < json_array_size(nodes); i++) {
		json_t *n = json_array_get(nodes, i);

		if (strcmp(text_of(n, "name"), name) != 0)
			continue;
		if (cli->json)
			cli_print_json(json_incref(n));
		else
			print_info(n);
		return LAUNCH_DONE;
	}
	fprintf(stderr, "branchline-spoke: this branch knows no node %.64s\n", name);
	return LAUNCH_FAILED;
}

/* Whoever has the address or prefix. */
static int info_of_address(const struct cli *cli, const json_t *nodes, const char *word)
{
	json_t *found;
	int code = LAUNCH_DONE;

	if (owner_find(nodes, word, &found) != ERR_OK)
		return LAUNCH_FAILED;
	if (cli->json) {
		cli_print_json(json_incref(found));
	} else if (!owner_print(found)) {
		fprintf(stderr, "branchline-spoke: no node that this branch knows has %s\n", word);
		code = LAUNCH_FAILED;
	}
	json_decref(found);
	return code;
}

int cmd_info(struct cli *cli, struct args *a)
{
	struct prefix p;
	json_t *status, *nodes;
	int code = ask_status(cli, &status);

	if (code)
		return code;
	nodes = nodes_of(status);
	code = prefix_parse(a->words[0], &p, NULL) == ERR_OK
		       ? info_of_address(cli, nodes, a->words[0])
		       : info_of_node(cli, nodes, a->words[0]);
	json_decref(nodes);
	json_decref(status);
	return code;
}

/* One sample for top. */
static int ask_traffic(void *arg, json_t **nodes)
{
	json_t *status;
	int code = ask_status(arg, &status);

	if (code)
		return code;
	*nodes = json_incref(json_object_get(status, "peers"));
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
	json_t *status, *nodes;
	int code;

	if (args_has(a, "--write") && !file)
		file = "/etc/hosts";
	if (args_has(a, "--remove"))
		return file ? hosts_run("branchline-spoke", NULL, cli->paths->net, file, true)
			    : cli_usage("say where: --write (/etc/hosts) or --file");
	code = ask_status(cli, &status);
	if (code)
		return code;
	nodes = nodes_of(status);
	if (cli->json)
		cli_print_json(json_incref(nodes));
	else
		code = hosts_run("branchline-spoke", nodes, cli->paths->net, file, false);
	json_decref(nodes);
	json_decref(status);
	return code;
}

/* `node` is one, or a list of all. */
static int print_export(const struct cli *cli, const json_t *node, bool all)
{
	struct buf out;
	enum err e;

	if (cli->json) {
		cli_print_json(json_deep_copy(node));
		return LAUNCH_DONE;
	}
	buf_init(&out, HOSTFILE_MAX_BYTES);
	e = all ? hostfile_put_all(node, &out) : hostfile_put(node, &out);
	if (e)
		fprintf(stderr, "branchline-spoke: %s\n", err_str(e));
	else
		fwrite(buf_data(&out), 1, buf_len(&out), stdout);
	buf_fini(&out);
	return e ? LAUNCH_FAILED : LAUNCH_DONE;
}

/* Without a name this branch itself, which stands first. */
static const json_t *find_export(const json_t *nodes, const char *name)
{
	for (size_t i = 0; i < json_array_size(nodes); i++)
		if (!name || strcmp(text_of(json_array_get(nodes, i), "name"), name) == 0)
			return json_array_get(nodes, i);
	return NULL;
}

static int export(struct cli *cli, const char *name, bool all)
{
	const json_t *node;
	json_t *status, *nodes;
	int code = ask_status(cli, &status);

	if (code)
		return code;
	nodes = nodes_of(status);
	node = all ? nodes : find_export(nodes, name);
	if (node)
		code = print_export(cli, node, all);
	else
		fprintf(stderr, "branchline-spoke: this branch knows no node %s\n", name);
	json_decref(nodes);
	json_decref(status);
	return node ? code : LAUNCH_FAILED;
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
