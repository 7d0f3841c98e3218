/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * import-tinc, import: nodes, subnets, addresses and policies of a tinc network, or of host files
 * as one text, put into the directory through the API like everything else. Each node is one
 * change; what is there already is left alone, so that it can be run again.
 */
#include <stdlib.h>
#include <string.h>

#include "hub/cli/call.h"
#include "hub/cli/import_taken.h"
#include "shared/cli/hostfile.h"
#include "shared/conf/tincnet.h"
#include "shared/base/prefix.h"

/* Group of the nodes that are made with --policy-from-connect-to. */
#define BRANCHES "branches"

struct import {
	struct cli *cli;
	bool json; /* cli->json, which is off from where refusals are no part of what is printed */
	struct tincnet net;
	struct prefix pools[2];  /* the nodes' own addresses come from there; family 0: none */
	json_t *nodes;           /* {"items": [...]} of the API, owned */
	json_t *result;          /* for --json, owned */
	struct taken_list taken; /* what is behind which node, and what this run puts there */
	bool apart;              /* the nodes that are made are to talk to the hub only */
	bool has_group;          /* the group for that is there */
	unsigned n_added, n_completed, n_unchanged, n_refused;
};

/* --- what is there ---------------------------------------------------------------------------- */

static const json_t *find_node(const struct import *im, const char *name)
{
	const json_t *items = json_object_get(im->nodes, "items");

	for (size_t i = 0; i < json_array_size(items); i++)
		if (strcmp(call_str(json_array_get(items, i), "name"), name) == 0)
			return json_array_get(items, i);
	return NULL;
}

static const json_t *find_hub(const struct import *im)
{
	const json_t *items = json_object_get(im->nodes, "items");

	for (size_t i = 0; i < json_array_size(items); i++)
		if (strcmp(call_str(json_array_get(items, i), "kind"), "hub") == 0)
			return json_array_get(items, i);
	return NULL;
}

static int read_network(struct import *im)
{
	const json_t *pools;
	json_t *status;
	int code = call_api(im->cli, "GET", "/api/v1/status?limit=1", NULL, 0, &status);

	if (code)
		return code;
	pools = json_object_get(status, "pools");
	for (size_t i = 0; i < ARRAY_LEN(im->pools); i++) {
		const char *text = json_string_value(json_array_get(pools, i));

		if (!text || prefix_parse(text, &im->pools[i], NULL) != ERR_OK)
			im->pools[i].addr.family = 0;
	}
	json_decref(status);
	return call_list(im->cli, "/api/v1/nodes", "items", &im->nodes);
}

/* --- one node --------------------------------------------------------------------------------- */

/* A single address out of a pool: what tinc calls a subnet is the node's own address here. */
static bool is_own_address(const struct import *im, const struct prefix *p)
{
	for (size_t i = 0; i < ARRAY_LEN(im->pools); i++)
		if (p->addr.family == im->pools[i].addr.family && p->len == addr_bits(&p->addr) &&
		    prefix_contains(&im->pools[i], &p->addr))
			return true;
	return false;
}

static json_t *subnet_json(const struct node_subnet *s)
{
	char text[PREFIX_STR_SIZE];

	return json_pack("{s:s, s:I}", "prefix", prefix_format(&s->prefix, text), "weight",
			 (json_int_t)s->weight);
}

/* Subnets that are behind another node, too, come later: as fail-over. */
static json_t *node_body(const struct import *im, const struct tinc_host *h)
{
	json_t *subnets = json_array(), *addresses = json_array(), *endpoints = json_array();
	char text[ADDR_STR_SIZE];
	json_t *body;

	for (size_t i = 0; i < h->n_subnets; i++) {
		const struct prefix *p = &h->subnets[i].prefix;

		if (is_own_address(im, p))
			json_array_append_new(addresses, json_string(addr_format(&p->addr, text)));
		else if (!import_taken_same(&im->taken, p, h->name))
			json_array_append_new(subnets, subnet_json(&h->subnets[i]));
	}
	for (size_t i = 0; i < h->n_endpoints; i++)
		json_array_append_new(endpoints, json_string(h->endpoints[i]));
	body = json_pack("{s:s, s:o, s:o, s:o, s:i, s:s}", "name", h->name, "subnets", subnets,
			 "addresses", addresses, "endpoints", endpoints, "compression",
			 (int)h->compression, "path_policy", path_policy_str(h->path_policy));
	if (im->has_group)
		json_object_set_new(body, "groups", json_pack("[s]", BRANCHES));
	return body;
}

static void record(struct import *im, const char *name, const char *outcome, const char *command)
{
	json_array_append_new(json_object_get(im->result, "nodes"),
			      json_pack("{s:s, s:s, s:o}", "name", name, "outcome", outcome,
					"command",
					command && *command ? json_string(command) : json_null()));
}

/* The line to paste at the branch. */
static int invite(struct import *im, const struct tinc_host *h)
{
	json_t *body = json_pack("{s:s}", "node", h->name), *answer;
	int code = call_api(im->cli, "POST", "/api/v1/tokens", body, 0, &answer);

	json_decref(body);
	if (code) {
		record(im, h->name, "added", NULL);
		return code;
	}
	record(im, h->name, "added", call_str(answer, "command"));
	if (!im->json)
		printf("%-20s %s\n", h->name, call_str(answer, "command"));
	json_decref(answer);
	return CLI_DONE;
}

static int refuse(struct import *im, const char *name, int code)
{
	/* Without an answer the next ones will get none, either. */
	if (code != CLI_REFUSED)
		return code;
	fprintf(stderr, "branchline-hub: %s was not carried over, see the line above\n", name);
	record(im, name, "refused", NULL);
	im->n_refused++;
	return CLI_DONE;
}

static int add_subnet(struct import *im, const char *node, const struct node_subnet *s)
{
	json_t *body = subnet_json(s), *answer;
	int code;

	json_object_set_new(body, "node", json_string(node));
	json_object_set_new(body, "failover", json_true());
	code = call_api(im->cli, "POST", "/api/v1/subnets", body, 0, &answer);
	json_decref(body);
	json_decref(answer);
	return code;
}

/* In a dry run the directory does not know what the nodes before this one would have taken. */
static bool meets_others(const struct import *im, const struct tinc_host *h)
{
	char ours[PREFIX_STR_SIZE], theirs[PREFIX_STR_SIZE];

	for (size_t i = 0; i < h->n_subnets; i++) {
		const struct prefix *p = &h->subnets[i].prefix;
		const struct taken *t =
			import_taken_clash(&im->taken, p, h->name, is_own_address(im, p));

		if (!t)
			continue;
		fprintf(stderr, "branchline-hub: %s overlaps %s of node %s.\n",
			prefix_format(p, ours), prefix_format(&t->prefix, theirs), t->node);
		return true;
	}
	return false;
}

/* The node is there: the subnets that it shares with others, and what it has taken is known. */
static int add_shared(struct import *im, const struct tinc_host *h)
{
	int code = CLI_DONE;

	for (size_t i = 0; i < h->n_subnets && !code; i++) {
		const struct prefix *p = &h->subnets[i].prefix;

		if (!im->cli->dry_run && !is_own_address(im, p) &&
		    import_taken_same(&im->taken, p, h->name))
			code = add_subnet(im, h->name, &h->subnets[i]);
	}
	for (size_t i = 0; i < h->n_subnets; i++)
		import_taken_add(&im->taken, &h->subnets[i].prefix, h->name);
	return code;
}

static int add_node(struct import *im, const struct tinc_host *h)
{
	json_t *body, *answer;
	int code = CLI_REFUSED;

	if (!im->cli->dry_run || !meets_others(im, h)) {
		body = node_body(im, h);
		code = call_api(im->cli, "POST", "/api/v1/nodes", body, 0, &answer);
		json_decref(body);
		json_decref(answer);
	}
	if (code)
		return refuse(im, h->name, code);
	im->n_added++;
	code = add_shared(im, h);
	if (code)
		code = refuse(im, h->name, code);
	if (code)
		return code;
	if (!im->cli->dry_run)
		return invite(im, h);
	record(im, h->name, "addable", NULL);
	if (!im->json)
		printf("%-20s could be added\n", h->name);
	return CLI_DONE;
}

static bool has_subnet(const json_t *node, const struct prefix *p)
{
	const json_t *list = json_object_get(node, "subnets");
	struct prefix have;

	for (size_t i = 0; i < json_array_size(list); i++)
		if (prefix_parse(call_str(json_array_get(list, i), "prefix"), &have, NULL) ==
			    ERR_OK &&
		    prefix_equal(&have, p))
			return true;
	return false;
}

/* A node that is there gets the subnets that it lacks. One that it cannot have stops no other. */
static int complete_node(struct import *im, const struct tinc_host *h, const json_t *node)
{
	unsigned added = 0, refused = 0;
	int code;

	for (size_t i = 0; i < h->n_subnets; i++) {
		const struct node_subnet *s = &h->subnets[i];

		if (is_own_address(im, &s->prefix) || has_subnet(node, &s->prefix))
			continue;
		code = add_subnet(im, call_str(node, "name"), s);
		if (code && code != CLI_REFUSED)
			return code;
		if (!code)
			import_taken_add(&im->taken, &s->prefix, call_str(node, "name"));
		*(code ? &refused : &added) += 1;
	}
	if (!im->json && added)
		printf("%-20s is there; subnets that %s: %u\n", h->name,
		       im->cli->dry_run ? "could be added" : "were added", added);
	if (refused)
		return refuse(im, h->name, CLI_REFUSED);
	*(added ? &im->n_completed : &im->n_unchanged) += 1;
	record(im, h->name, added ? "completed" : "unchanged", NULL);
	return CLI_DONE;
}

static bool has_address(const json_t *node, const char *text)
{
	const json_t *list = json_object_get(node, "addresses");

	for (size_t i = 0; i < json_array_size(list); i++)
		if (strcmp(json_string_value(json_array_get(list, i)), text) == 0)
			return true;
	return false;
}

/* The hub was made with the first address of its pool; the branches know it by the one it had. */
static int keep_hub_address(struct import *im, const struct tinc_host *h, const json_t *hub)
{
	json_t *body, *answer, *addresses = json_array();
	char text[ADDR_STR_SIZE];
	int code = CLI_DONE;

	for (size_t i = 0; i < h->n_subnets; i++)
		if (is_own_address(im, &h->subnets[i].prefix) &&
		    !has_address(hub, addr_format(&h->subnets[i].prefix.addr, text)))
			json_array_append_new(addresses, json_string(text));
	if (json_array_size(addresses)) {
		char path[CALL_PATH_SIZE];

		body = json_pack("{s:O}", "addresses", addresses);
		code = call_api(im->cli, "PATCH",
				call_path(path, "/api/v1/nodes/", call_str(hub, "name"), ""), body,
				0, &answer);
		json_decref(body);
		json_decref(answer);
		if (!code && !im->json)
			printf("%-20s %s its address %s\n", call_str(hub, "name"),
			       im->cli->dry_run ? "could keep" : "keeps",
			       json_string_value(json_array_get(addresses, 0)));
	}
	json_decref(addresses);
	return code ? refuse(im, call_str(hub, "name"), code) : CLI_DONE;
}

static int carry(struct import *im, const struct tinc_host *h)
{
	bool self = tincnet_is_self(&im->net, h);
	const json_t *node = self ? find_hub(im) : find_node(im, h->name);
	int code = CLI_DONE;

	if (h->broken) {
		fprintf(stderr, "branchline-hub: hosts/%s is of no use, see the notes\n", h->name);
		return refuse(im, h->name, CLI_REFUSED);
	}
	if (self && node)
		code = keep_hub_address(im, h, node);
	if (code)
		return code;
	return node ? complete_node(im, h, node) : add_node(im, h);
}

/* --- the whole -------------------------------------------------------------------------------- */

static void report(const struct import *im)
{
	const json_t *hub = find_hub(im);

	for (size_t i = 0; i < im->net.n_notes; i++)
		fprintf(stderr, "note: %s\n", im->net.notes[i]);
	if (im->net.self[0])
		fprintf(stderr,
			"%s of the tinc network is this hub, %s. Its keys, scripts and settings "
			"stay as they are here.\n",
			im->net.self, hub ? call_str(hub, "name") : "?");
	fprintf(stderr, "%u nodes %s, %u completed, %u unchanged, %u refused, %zu notes.%s\n",
		im->n_added, im->cli->dry_run ? "could be added" : "added", im->n_completed,
		im->n_unchanged, im->n_refused, im->net.n_notes,
		im->cli->dry_run ? " Nothing was changed." : "");
}

static enum err take_host(void *arg, const char name[NAME_SIZE], const char *text, size_t len)
{
	struct import *im = arg;

	return tincnet_parse_host(&im->net, name, name, text, len);
}

/* Host files as a text. */
static enum err read_text(struct import *im, const char *file)
{
	struct buf text;
	unsigned line;
	enum err e;

	buf_init(&text, HOSTFILE_MAX_BYTES);
	e = hostfile_read("branchline-hub", file, &text);
	if (!e) {
		e = hostfile_split((const char *)buf_data(&text), buf_len(&text), take_host, im,
				   &line);
		if (e && im->net.error[0])
			fprintf(stderr, "branchline-hub: import: %s\n", im->net.error);
		else if (e)
			fprintf(stderr, "branchline-hub: import: line %u: %s\n", line,
				e == ERR_INVALID ? "a node begins with \"Name = NODE\""
						 : err_str(e));
	}
	buf_fini(&text);
	return e;
}

/* What the nodes have that are there already. */
static void read_taken(struct import *im)
{
	const json_t *items = json_object_get(im->nodes, "items");

	for (size_t i = 0; i < json_array_size(items); i++) {
		const json_t *node = json_array_get(items, i);
		const json_t *subnets = json_object_get(node, "subnets");
		const json_t *addresses = json_object_get(node, "addresses");
		struct prefix p;

		for (size_t k = 0; k < json_array_size(subnets); k++)
			if (!prefix_parse(call_str(json_array_get(subnets, k), "prefix"), &p, NULL))
				import_taken_add(&im->taken, &p, call_str(node, "name"));
		for (size_t k = 0; k < json_array_size(addresses); k++)
			if (!prefix_parse(json_string_value(json_array_get(addresses, k)), &p,
					  NULL))
				import_taken_add(&im->taken, &p, call_str(node, "name"));
	}
}

/* --policy-from-connect-to: a group whose nodes no policy lets talk, so that they reach the hub. */
static int make_group(struct import *im)
{
	json_t *groups, *body, *answer;
	const json_t *items;
	int code = call_list(im->cli, "/api/v1/groups", "items", &groups);

	if (code)
		return code;
	items = json_object_get(groups, "items");
	for (size_t i = 0; i < json_array_size(items); i++)
		if (strcmp(call_str(json_array_get(items, i), "name"), BRANCHES) == 0)
			im->has_group = true;
	json_decref(groups);
	if (im->has_group)
		return CLI_DONE;
	body = json_pack("{s:s, s:s}", "name", BRANCHES, "comment",
			 "imported from tinc: each talks to the hub only");
	code = call_api(im->cli, "POST", "/api/v1/groups", body, 0, &answer);
	json_decref(body);
	json_decref(answer);
	im->has_group = !code && !im->cli->dry_run;
	if (!code && !im->json)
		printf("group %-14s %s: its nodes talk to the hub only\n", BRANCHES,
		       im->cli->dry_run ? "could be made" : "is made");
	return code;
}

/* What was read becomes nodes of the directory. */
static int run(struct import *im)
{
	int code = read_network(im);

	im->cli->json = false;
	if (!code)
		read_taken(im);
	if (!code && im->apart)
		code = make_group(im);
	for (size_t i = 0; i < im->net.n_hosts && !code; i++)
		code = carry(im, &im->net.hosts[i]);
	if (code)
		return code;
	for (size_t i = 0; im->json && i < im->net.n_notes; i++)
		json_array_append_new(json_object_get(im->result, "notes"),
				      json_string(im->net.notes[i]));
	if (im->json)
		code = call_print_json(im->result);
	else
		report(im);
	return code ? code : im->n_refused ? CLI_REFUSED : CLI_DONE;
}

static void start(struct import *im, struct cli *cli)
{
	*im = (struct import){ .cli = cli, .json = cli->json };
	im->result = json_pack("{s:[], s:[]}", "nodes", "notes");
}

static int finish(struct import *im, int code)
{
	tincnet_fini(&im->net);
	import_taken_fini(&im->taken);
	json_decref(im->nodes);
	json_decref(im->result);
	return code;
}

int cmd_import_tinc(struct cli *cli, struct args *a)
{
	struct import im;

	start(&im, cli);
	im.apart = args_has(a, "--policy-from-connect-to");
	if (tincnet_read(&im.net, a->words[0])) {
		fprintf(stderr, "branchline-hub: import-tinc: %s\n", im.net.error);
		return finish(&im, CLI_FAILED);
	}
	return finish(&im, run(&im));
}

/* The hub's own lines are those of the node that has its name. */
int cmd_import(struct cli *cli, struct args *a)
{
	struct import im;

	start(&im, cli);
	if (read_text(&im, a->n_words ? a->words[0] : NULL) != ERR_OK)
		return finish(&im, CLI_FAILED);
	return finish(&im, run(&im));
}
