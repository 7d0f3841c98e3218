/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>
#include <unistd.h>

#include "hub/cli/show.h"
#include "shared/base/clock.h"

/* "10.20.0.0/24, 10.21.0.0/24#20": weights other than 10 are shown as they are typed. */
static char *join_subnets(const json_t *subnets, char *out, size_t size)
{
	json_t *texts = json_array();
	size_t i;
	json_t *s;

	json_array_foreach((json_t *)subnets, i, s)
	{
		char text[96];

		if (call_int(s, "weight") == 10)
			snprintf(text, sizeof(text), "%.64s", call_str(s, "prefix"));
		else
			snprintf(text, sizeof(text), "%.64s#%lld", call_str(s, "prefix"),
				 (long long)call_int(s, "weight"));
		json_array_append_new(texts, json_string(text));
	}
	call_join(texts, out, size);
	json_decref(texts);
	return out;
}

static void add_row(struct columns *t, const json_t *node, int64_t now_ms)
{
	char text[256];

	(void)now_ms;
	show_int(t, node, "id");
	columns_add(t, call_str(node, "name"));
	columns_add(t, call_str(node, "kind"));
	columns_add(t, call_str(node, "status"));
	columns_add(t, call_join(json_object_get(node, "addresses"), text, sizeof(text)));
	columns_add(t, join_subnets(json_object_get(node, "subnets"), text, sizeof(text)));
	columns_add(t, call_str(node, "comment"));
}

int cmd_node_list(struct cli *cli, struct args *a)
{
	static const char *const heads[] = { "ID",        "NAME",    "KIND",   "STATUS",
					     "ADDRESSES", "SUBNETS", "COMMENT" };
	static const struct show_table table = { heads, ARRAY_LEN(heads), 1u << 0, add_row };

	(void)a;
	return show_list(cli, "/api/v1/nodes", &table);
}

/* What the directory says of a node. */
static void print_node(const json_t *n)
{
	char text[1024], ago[UNITS_STR_SIZE];
	int64_t now = clock_wall_ms();

	printf("%s (%s %lld, %s)\n", call_str(n, "name"), call_str(n, "kind"),
	       (long long)call_int(n, "id"), call_str(n, "status"));
	show_line("addresses", call_join(json_object_get(n, "addresses"), text, sizeof(text)));
	show_line("subnets", join_subnets(json_object_get(n, "subnets"), text, sizeof(text)));
	show_line("endpoints", call_join(json_object_get(n, "endpoints"), text, sizeof(text)));
	show_line("groups", call_join(json_object_get(n, "groups"), text, sizeof(text)));
	show_line("identity", call_str(n, "identity_fingerprint"));
	show_line("tunnel key", call_str(n, "tunnel_key"));
	if (call_int(n, "keepalive_s"))
		printf("%-13s%lld s\n", "keepalive", (long long)call_int(n, "keepalive_s"));
	if (call_int(n, "compression"))
		printf("%-13slevel %lld\n", "compression", (long long)call_int(n, "compression"));
	if (strcmp(call_str(n, "path_policy"), "auto") != 0)
		show_line("path policy", call_str(n, "path_policy"));
	show_line("comment", call_str(n, "comment"));
	printf("%-13s%s ago, at revision %lld\n", "changed",
	       units_ago(call_str_or_null(n, "updated_at"), now, ago),
	       (long long)call_int(n, "revision"));
	if (strcmp(call_str(n, "status"), "disabled") == 0)
		show_line("disabled", call_str(n, "revoked_why"));
	if (call_str_or_null(n, "revoked_at"))
		printf("%-13s%s ago%s%s\n", "revoked",
		       units_ago(call_str(n, "revoked_at"), now, ago),
		       *call_str(n, "revoked_why") ? ": " : "", call_str(n, "revoked_why"));
}

/* What is known of it at this moment. */
static void print_presence(const json_t *p)
{
	char text[UNITS_STR_SIZE], more[UNITS_STR_SIZE];
	int64_t now = clock_wall_ms();

	printf("%-13s%s", "online", call_bool(p, "online") ? "yes" : "no");
	if (call_str_or_null(p, "since"))
		printf(", for %s", units_ago(call_str(p, "since"), now, text));
	printf("\n%-13s%s", "path", call_str(p, "path"));
	if (*call_str(p, "path_reason"))
		printf(" (%s)", call_str(p, "path_reason"));
	putchar('\n');
	if (call_bool(p, "expected"))
		show_line("expected", "yes: ConnectTo in hub.conf");
	show_line("endpoint", call_str(p, "endpoint"));
	if (strcmp(call_str(p, "nat"), "unknown") != 0)
		show_line("NAT", strcmp(call_str(p, "nat"), "hard") == 0
					 ? "hard: another port for each destination"
					 : "easy: direct paths work with most nodes");
	if (call_str_or_null(p, "handshake_at"))
		printf("%-13s%s ago\n", "handshake",
		       units_ago(call_str(p, "handshake_at"), now, text));
	printf("%-13sreceived %s, sent %s\n", "traffic",
	       units_bytes((uint64_t)call_int(p, "rx_bytes"), text),
	       units_bytes((uint64_t)call_int(p, "tx_bytes"), more));
	show_line("version", call_str(p, "version"));
}

int cmd_node_show(struct cli *cli, struct args *a)
{
	char path[CALL_PATH_SIZE];
	json_t *node, *status = NULL, *presence;
	int code;

	code = call_api(cli, "GET", call_path(path, "/api/v1/nodes/", a->words[0], ""), NULL, 0,
			&node);
	if (code)
		return code;
	snprintf(path, sizeof(path), "/api/v1/status?limit=1&after=%lld",
		 (long long)call_int(node, "id") - 1);
	code = call_api(cli, "GET", path, NULL, 0, &status);
	presence = json_array_get(json_object_get(status, "nodes"), 0);
	if (presence && call_int(presence, "id") != call_int(node, "id"))
		presence = NULL;
	if (!code && cli->json) {
		json_object_set(node, "presence", presence ? presence : json_null());
		code = call_print_json(node);
	} else if (!code) {
		print_node(node);
		if (presence && strcmp(call_str(node, "kind"), "hub") != 0)
			print_presence(presence);
	}
	json_decref(node);
	json_decref(status);
	return code;
}

/* Asks, with what goes with the node. CLI_DONE: yes. */
static int confirm_delete(struct cli *cli, struct args *a, const char *path)
{
	char names[512] = "", question[768];
	json_t *would = NULL, *use;
	int code = CLI_DONE;
	size_t i;

	if (args_has(a, "--yes") || cli->dry_run)
		return CLI_DONE;
	if (isatty(STDIN_FILENO)) {
		cli->dry_run = true;
		code = call_api(cli, "DELETE", path, NULL, 0, &would);
		cli->dry_run = false;
	}
	if (code)
		return code;
	json_array_foreach(json_object_get(would, "removed"), i, use)
	{
		size_t n = strlen(names);

		snprintf(names + n, sizeof(names) - n, ", %s %s", call_str(use, "kind"),
			 call_str(use, "name"));
	}
	json_decref(would);
	snprintf(question, sizeof(question), "Delete node %.63s with its keys%s?", a->words[0],
		 names);
	return call_confirm(a, question) ? CLI_DONE : CLI_USAGE;
}

int cmd_node_delete(struct cli *cli, struct args *a)
{
	char path[CALL_PATH_SIZE];
	json_t *answer;
	int code;

	call_path(path, "/api/v1/nodes/", a->words[0], args_has(a, "--force") ? "?force=1" : "");
	code = confirm_delete(cli, a, path);
	if (!code)
		code = call_api(cli, "DELETE", path, NULL, 0, &answer);
	return code ? code
		    : show_change(cli, answer, a->words[0], "is deleted", "could be deleted");
}

/* Appends to a list of the body that is made when it is missing. */
static void append(json_t *body, const char *member, const char *text)
{
	json_t *list = json_object_get(body, member);

	if (!list) {
		list = json_array();
		json_object_set_new(body, member, list);
	}
	json_array_append_new(list, json_string(text));
}

/* "+staff,-default": one value of --group. */
static void add_groups(json_t *body, const char *value)
{
	char name[128];

	for (;;) {
		size_t n = strcspn(value, ",");
		bool sign = *value == '+' || *value == '-';

		snprintf(name, sizeof(name), "%.*s", (int)(n - sign), value + sign);
		append(body,
		       *value == '+'   ? "join_groups"
		       : *value == '-' ? "leave_groups"
				       : "groups",
		       name);
		if (!value[n])
			return;
		value += n + 1;
	}
}

/* The options that were given, as the members to change. */
static int edit_body(struct args *a, json_t *body)
{
	uint64_t n;

	if (args_has(a, "--keepalive")) {
		if (args_uint(a, "--keepalive", 0, 65535, 0, &n))
			return call_usage("%s", a->error);
		json_object_set_new(body, "keepalive_s", json_integer((json_int_t)n));
	}
	if (args_has(a, "--compression")) {
		if (args_uint(a, "--compression", 0, 11, 0, &n))
			return call_usage("%s", a->error);
		json_object_set_new(body, "compression", json_integer((json_int_t)n));
	}
	if (args_has(a, "--path"))
		json_object_set_new(body, "path_policy", json_string(args_get(a, "--path")));
	if (args_has(a, "--comment"))
		json_object_set_new(body, "comment", json_string(args_get(a, "--comment")));
	for (unsigned i = 0; args_nth(a, "--group", i); i++)
		add_groups(body, args_nth(a, "--group", i));
	for (unsigned i = 0; args_nth(a, "--address", i); i++)
		append(body, "addresses", args_nth(a, "--address", i));
	if (args_has(a, "--endpoint") || args_has(a, "--no-endpoints")) {
		json_t *list = json_array();

		for (unsigned i = 0; args_nth(a, "--endpoint", i); i++)
			json_array_append_new(list, json_string(args_nth(a, "--endpoint", i)));
		json_object_set_new(body, "endpoints", list);
	}
	return json_object_size(body) ? CLI_DONE : call_usage("nothing to change was given");
}

int cmd_node_edit(struct cli *cli, struct args *a)
{
	char path[CALL_PATH_SIZE];
	json_t *body = json_object(), *answer = NULL;
	int code = edit_body(a, body);

	if (!code)
		code = call_api(cli, "PATCH", call_path(path, "/api/v1/nodes/", a->words[0], ""),
				body, 0, &answer);
	json_decref(body);
	return code ? code
		    : show_change(cli, answer, a->words[0], "is changed", "could be changed");
}
