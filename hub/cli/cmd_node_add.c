/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "hub/cli/call.h"
#include "hub/cli/wgconf.h"
#include "shared/wire/limits.h"

/* "PREFIX" or "PREFIX#WEIGHT" as an object of the API. */
static int add_subnet(struct args *a, json_t *list, const char *text)
{
	const char *hash = strchr(text, '#');
	json_t *item = json_object();
	uint64_t weight;

	json_object_set_new(item, "prefix",
			    json_stringn(text, hash ? (size_t)(hash - text) : strlen(text)));
	json_array_append_new(list, item);
	if (!hash)
		return CLI_DONE;
	if (args_number(a, "the weight behind #", hash + 1, 0, SUBNET_WEIGHT_MAX, &weight))
		return call_usage("%s", a->error);
	json_object_set_new(item, "weight", json_integer((json_int_t)weight));
	return CLI_DONE;
}

/* All values of a repeatable option as an array of the body. */
static void add_strings(const struct args *a, json_t *body, const char *option, const char *member)
{
	json_t *list = args_has(a, option) ? json_array() : NULL;

	for (unsigned i = 0; list && args_nth(a, option, i); i++)
		json_array_append_new(list, json_string(args_nth(a, option, i)));
	if (list)
		json_object_set_new(body, member, list);
}

static int make_body(struct args *a, json_t *body)
{
	json_t *subnets = json_array();
	uint64_t keepalive;
	int code = CLI_DONE;

	json_object_set_new(body, "name", json_string(a->words[0]));
	if (args_has(a, "--kind"))
		json_object_set_new(body, "kind", json_string(args_get(a, "--kind")));
	json_object_set_new(body, "subnets", subnets);
	for (unsigned i = 0; args_nth(a, "--subnet", i) && !code; i++)
		code = add_subnet(a, subnets, args_nth(a, "--subnet", i));
	if (code)
		return code;
	add_strings(a, body, "--address", "addresses");
	add_strings(a, body, "--endpoint", "endpoints");
	add_strings(a, body, "--group", "groups");
	if (args_has(a, "--public-key"))
		json_object_set_new(body, "tunnel_key", json_string(args_get(a, "--public-key")));
	if (args_has(a, "--path"))
		json_object_set_new(body, "path_policy", json_string(args_get(a, "--path")));
	if (args_has(a, "--comment"))
		json_object_set_new(body, "comment", json_string(args_get(a, "--comment")));
	if (args_has(a, "--keepalive")) {
		if (args_uint(a, "--keepalive", 0, 65535, 0, &keepalive))
			return call_usage("%s", a->error);
		json_object_set_new(body, "keepalive_s", json_integer((json_int_t)keepalive));
	}
	return CLI_DONE;
}

/* A spoke gets a join token. Standard output has the line to paste and nothing else. */
static int invite(struct cli *cli, const json_t *node, uint64_t expires_s)
{
	json_t *body = json_pack("{s:I}", "node", (json_int_t)call_int(node, "id")), *answer, *all;
	int code;

	if (expires_s)
		json_object_set_new(body, "expires_s", json_integer((json_int_t)expires_s));
	code = call_api(cli, "POST", "/api/v1/tokens", body, 0, &answer);
	json_decref(body);
	if (code) {
		fprintf(stderr,
			"branchline-hub: %s was added, but has no join token yet; make one with: "
			"branchline-hub -n %s token create %s\n",
			call_str(node, "name"), cli->paths->net, call_str(node, "name"));
		return code;
	}
	if (cli->json) {
		all = json_pack("{s:O, s:O, s:O, s:O}", "node", node, "token",
				json_object_get(answer, "token"), "command",
				json_object_get(answer, "command"), "join_token",
				json_object_get(answer, "join_token"));
		code = call_print_json(all);
		json_decref(all);
	} else {
		fprintf(stderr,
			"%s is added. Paste this line on the branch server, as root (it works "
			"once, until %s):\n",
			call_str(node, "name"),
			call_str(json_object_get(answer, "join_token"), "expires_at"));
		printf("%s\n", call_str(answer, "command"));
	}
	json_decref(answer);
	return code;
}

static int print_config(struct cli *cli, const json_t *node, const json_t *status,
			const json_t *subnets)
{
	struct buf text;
	json_t *all;
	int code = CLI_DONE;

	buf_init(&text, 1u << 20);
	if (wgconf_write(node, status, subnets, &text) != ERR_OK || !buf_cstr(&text)) {
		fprintf(stderr,
			"branchline-hub: %s was added, but its configuration cannot be written: "
			"the hub has no "
			"address that devices could use\n",
			call_str(node, "name"));
		code = CLI_FAILED;
	} else if (cli->json) {
		all = json_pack("{s:O, s:s}", "node", node, "config", buf_cstr(&text));
		code = call_print_json(all);
		json_decref(all);
	} else {
		fprintf(stderr,
			"%s is added. Its configuration, for wg-quick; put in its private key:\n",
			call_str(node, "name"));
		fputs(buf_cstr(&text), stdout);
	}
	buf_fini(&text);
	return code;
}

/* A WireGuard device gets its configuration. */
static int configure(struct cli *cli, const json_t *node)
{
	json_t *status = NULL, *subnets = NULL;
	int code;

	code = call_api(cli, "GET", "/api/v1/status?limit=1", NULL, 0, &status);
	if (!code)
		code = call_list(cli, "/api/v1/subnets", "items", &subnets);
	if (!code)
		code = print_config(cli, node, status, json_object_get(subnets, "items"));
	json_decref(status);
	json_decref(subnets);
	return code;
}

int cmd_node_add(struct cli *cli, struct args *a)
{
	json_t *body = json_object(), *answer = NULL, *node;
	uint64_t expires_s = 0;
	int code = make_body(a, body);

	if (!code && args_uint(a, "--expires", 1, 366 * 86400, 0, &expires_s))
		code = call_usage("%s", a->error);
	if (!code)
		code = call_api(cli, "POST", "/api/v1/nodes", body, 0, &answer);
	json_decref(body);
	if (code)
		return code;
	node = json_object_get(answer, "node");
	if (cli->dry_run && cli->json)
		code = call_print_json(answer);
	else if (cli->dry_run)
		fprintf(stderr, "%s could be added. Nothing was changed.\n", a->words[0]);
	else if (strcmp(call_str(node, "kind"), "wireguard") == 0)
		code = configure(cli, node);
	else
		code = invite(cli, node, expires_s);
	json_decref(answer);
	return code;
}
