/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hub/cli/cli.h"

#include <curl/curl.h>
#include <string.h>

#include "hub/cli/call.h"
#include "hub/cli/command.h"
#include "shared/base/file.h"
#include "shared/base/secret.h"

#define TOKEN_FILE_MAX_BYTES 512u
#define DRY_RUN                                                                                    \
	{                                                                                          \
		"--dry-run", NULL, false, "check only, change nothing"                             \
	}
#define END                                                                                        \
	{                                                                                          \
		NULL, NULL, false, NULL                                                            \
	}

#define PATH_OPTION                                                                                \
	{                                                                                          \
		"--path", "POLICY", false,                                                         \
			"how it and other branches meet: auto, hub-only or direct-only"            \
	}

static const struct args_option common_options[] = {
	{ "--json", NULL, false, "print JSON" },
	{ "--url", "URL", false, "a hub on another machine: https://HOST:PORT" },
	{ "--token-file", "FILE", false,
	  "API token for --url (or BRANCHLINE_TOKEN in the environment)" },
	{ "--cacert", "FILE", false, "certificate that the hub's must be signed by, or be" },
	{ "--pin", "sha256//BASE64", false,
	  "public key that the hub's certificate must have, instead of a CA" },
	{ "--help", NULL, false, "show this help" },
	END,
};

static const struct args_option node_add_options[] = {
	{ "--subnet", "PREFIX[#WEIGHT]", true,
	  "a network behind this node (lower weight wins, default 10)" },
	{ "--address", "ADDRESS", true,
	  "its own address in the network, one for IPv4 and one for IPv6 (default: from the "
	  "pools)" },
	{ "--endpoint", "\"HOST PORT\"", true, "where it can be reached, when that is fixed" },
	{ "--kind", "spoke|wireguard", false,
	  "a Branchline spoke (default) or a stock WireGuard device" },
	{ "--public-key", "KEY", false, "public key of a WireGuard device" },
	{ "--keepalive", "SECONDS", false,
	  "send something at least so often (0: only when needed)" },
	PATH_OPTION,
	{ "--comment", "TEXT", false, "a note for people" },
	{ "--group", "NAME", true, "a group that it is in (default: default)" },
	{ "--expires", "SECONDS", false, "life of the join token (default 86400)" },
	DRY_RUN,
	END,
};

static const struct args_option node_edit_options[] = {
	{ "--endpoint", "\"HOST PORT\"", true,
	  "where it can be reached; replaces all that were set" },
	{ "--no-endpoints", NULL, false, "forget all endpoints" },
	{ "--keepalive", "SECONDS", false,
	  "send something at least so often (0: only when needed)" },
	{ "--compression", "LEVEL", false, "0 none, 1 to 9 zlib, 10 and 11 LZO" },
	PATH_OPTION,
	{ "--comment", "TEXT", false, "a note for people" },
	{ "--group", "+NAME,-NAME", true,
	  "groups to join (+) and to leave (-); names without a sign replace all" },
	DRY_RUN,
	END,
};

static const struct args_option node_revoke_options[] = {
	{ "--reason", "TEXT", false, "why; the node is told" },
	{ "--key", "ID", false, "revoke by this key instead of a name" },
	{ "--timeout", "SECONDS", false,
	  "how long to wait for the others to confirm (default 10)" },
	DRY_RUN,
	END,
};

static const struct args_option key_revoke_options[] = {
	{ "--reason", "TEXT", false, "why" },
	{ "--timeout", "SECONDS", false,
	  "how long to wait for the others to confirm (default 10)" },
	DRY_RUN,
	END,
};

static const struct args_option delete_options[] = {
	{ "--yes", NULL, false, "do not ask" },
	DRY_RUN,
	END,
};

static const struct args_option subnet_add_options[] = {
	{ "--weight", "N", false, "lower wins (default 10)" },
	{ "--failover", NULL, false, "the same prefix may be behind another node, too" },
	DRY_RUN,
	END,
};

static const struct args_option group_create_options[] = {
	{ "--comment", "TEXT", false, "a note for people" },
	DRY_RUN,
	END,
};

static const struct args_option group_edit_options[] = {
	{ "--name", "NAME", false, "a new name" },
	{ "--comment", "TEXT", false, "a note for people" },
	DRY_RUN,
	END,
};

static const struct args_option policy_options[] = {
	{ "--path", "POLICY", false,
	  "how their nodes meet: auto (default), hub-only or direct-only" },
	DRY_RUN,
	END,
};

static const struct args_option token_create_options[] = {
	{ "--expires", "SECONDS", false, "life of the token (default 86400)" },
	{ "--uses", "N", false, "how often it may be used (default 1)" },
	DRY_RUN,
	END,
};

static const struct args_option api_token_options[] = {
	{ "--role", "ROLE", false,
	  "auditor (looks only), operator (runs the network) or admin (default)" },
	{ "--scope", "NOUN[:read]", true, "narrow it to a part of the API, such as nodes:read" },
	{ "--expires", "SECONDS", false, "life of the token (default: no end)" },
	DRY_RUN,
	END,
};

#define PASSWORD_FILE                                                                              \
	{                                                                                          \
		"--password-file", "FILE", false,                                                  \
			"a file of mode 0600 with the password (default: one is made and printed)" \
	}

static const struct args_option user_add_options[] = {
	{ "--role", "ROLE", false,
	  "auditor (looks only), operator (runs the network) or admin; required" },
	PASSWORD_FILE,
	DRY_RUN,
	END,
};

static const struct args_option user_edit_options[] = {
	{ "--role", "ROLE", false, "auditor, operator or admin" },
	{ "--disable", NULL, false, "let the user sign in no more" },
	{ "--enable", NULL, false, "take that back" },
	{ "--forget-totp", NULL, false, "the second factor is lost: sign in without it" },
	DRY_RUN,
	END,
};

static const struct args_option user_passwd_options[] = {
	PASSWORD_FILE,
	DRY_RUN,
	END,
};

#define AUDIT_FILTERS                                                                              \
	{ "--actor", "ACTOR", false, "who: unix:root, user:NAME, token:NAME, node:NAME" },         \
		{ "--action", "ACTION", false,                                                     \
		  "what: node.revoke, or node. for all about nodes" },                             \
		{ "--object", "OBJECT", false, "to what: node:NAME" },                             \
		{ "--since", "TIME", false, "from then on: 2026-11-22 or 2026-11-22T14:40:00Z" },  \
	{                                                                                          \
		"--until", "TIME", false, "before then"                                            \
	}

static const struct args_option audit_list_options[] = {
	AUDIT_FILTERS,
	{ "--limit", "N", false, "how many, the newest of them (default 50)" },
	END,
};

static const struct args_option audit_export_options[] = {
	AUDIT_FILTERS,
	END,
};

static const struct args_option events_options[] = {
	{ "--follow", NULL, false, "go on until interrupted (it always does)" },
	{ "--after", "ID", false, "begin behind this event, as --json showed it" },
	END,
};

static const struct args_option status_options[] = {
	{ "--verbose", NULL, false,
	  "also the data plane, what it dropped and why, and of each node its "
	  "NAT and the reason of its path" },
	END,
};

static const struct args_option change_options[] = {
	DRY_RUN,
	END,
};

const struct command commands[] = {
	{ "node", "add", "NAME", "add a branch, and print the line to paste there", 1, 1,
	  node_add_options, cmd_node_add },
	{ "node", "list", "", "list all nodes", 0, 0, NULL, cmd_node_list },
	{ "node", "show", "NAME", "show one node", 1, 1, NULL, cmd_node_show },
	{ "node", "edit", "NAME", "change settings of a node", 1, 1, node_edit_options,
	  cmd_node_edit },
	{ "node", "revoke", "NAME", "cut a node off, and wait until the others confirm", 0, 1,
	  node_revoke_options, cmd_node_revoke },
	{ "node", "delete", "NAME", "delete a node with all that belongs to it", 1, 1,
	  delete_options, cmd_node_delete },
	{ "subnet", "add", "NODE PREFIX", "put a network behind a node", 2, 2, subnet_add_options,
	  cmd_subnet_add },
	{ "subnet", "remove", "NODE PREFIX | ID", "take it away", 1, 2, change_options,
	  cmd_subnet_remove },
	{ "subnet", "list", "[NODE]", "list subnets", 0, 1, NULL, cmd_subnet_list },
	{ "path", "list", "[NODE]", "how nodes reach each other, and why so", 0, 1, NULL,
	  cmd_path_list },
	{ "group", "create", "NAME", "make a group of nodes", 1, 1, group_create_options,
	  cmd_group_create },
	{ "group", "list", "", "list groups", 0, 0, NULL, cmd_group_list },
	{ "group", "edit", "NAME", "rename a group, or change its comment", 1, 1,
	  group_edit_options, cmd_group_edit },
	{ "group", "delete", "NAME", "delete a group that nothing uses", 1, 1, delete_options,
	  cmd_group_delete },
	{ "policy", "add", "GROUP GROUP", "let two groups talk to each other", 2, 2, policy_options,
	  cmd_policy_add },
	{ "policy", "edit", "GROUP GROUP", "change which paths they may use", 2, 2, policy_options,
	  cmd_policy_edit },
	{ "policy", "list", "", "list what is allowed", 0, 0, NULL, cmd_policy_list },
	{ "policy", "remove", "GROUP GROUP", "take that back", 2, 2, change_options,
	  cmd_policy_remove },
	{ "policy", "default", "[allow|deny]", "show, open or close the network", 0, 1,
	  change_options, cmd_policy_default },
	{ "policy", "check", "NODE NODE", "can one reach the other, and what decides it", 2, 2,
	  NULL, cmd_policy_check },
	{ "import-tinc", NULL, "DIR", "take over nodes and subnets of a tinc network", 1, 1,
	  change_options, cmd_import_tinc },
	{ "token", "create", "NODE", "make a join token, and print the line to paste", 1, 1,
	  token_create_options, cmd_token_create },
	{ "token", "list", "", "list join tokens", 0, 0, NULL, cmd_token_list },
	{ "token", "revoke", "ID", "make a join token worthless", 1, 1, change_options,
	  cmd_token_revoke },
	{ "key", "list", "[NODE]", "list keys", 0, 1, NULL, cmd_key_list },
	{ "key", "revoke", "ID", "revoke a key, and wait until the others confirm", 1, 1,
	  key_revoke_options, cmd_key_revoke },
	{ "api-token", "create", "NAME", "make a token for the API over HTTPS", 1, 1,
	  api_token_options, cmd_api_token_create },
	{ "api-token", "list", "", "list API tokens", 0, 0, NULL, cmd_api_token_list },
	{ "api-token", "revoke", "NAME | ID", "make an API token worthless", 1, 1, change_options,
	  cmd_api_token_revoke },
	{ "user", "add", "NAME", "add somebody who may sign in to the page", 1, 1, user_add_options,
	  cmd_user_add },
	{ "user", "list", "", "list users", 0, 0, NULL, cmd_user_list },
	{ "user", "edit", "NAME", "change role or state of a user", 1, 1, user_edit_options,
	  cmd_user_edit },
	{ "user", "passwd", "NAME", "give a user a new password", 1, 1, user_passwd_options,
	  cmd_user_passwd },
	{ "user", "delete", "NAME", "delete a user", 1, 1, delete_options, cmd_user_delete },
	{ "audit", "list", "", "show who did what lately", 0, 0, audit_list_options,
	  cmd_audit_list },
	{ "audit", "export", "", "print all of it, a JSON object a line", 0, 0,
	  audit_export_options, cmd_audit_export },
	{ "audit", "verify", "", "has anybody altered it", 0, 0, NULL, cmd_audit_verify },
	{ "events", NULL, "", "show what happens, as it happens", 0, 0, events_options,
	  cmd_events },
	{ "log", NULL, "", "the same", 0, 0, events_options, cmd_events },
	{ "status", NULL, "", "show the hub and how each node is reached", 0, 0, status_options,
	  cmd_status },
	{ "revision", NULL, "[N]", "show the directory's revision, and who has applied it", 0, 1,
	  NULL, cmd_revision },
};
const size_t commands_n = ARRAY_LEN(commands);

bool cli_has_command(const char *word)
{
	for (size_t i = 0; i < commands_n; i++)
		if (strcmp(commands[i].group, word) == 0)
			return true;
	return false;
}

/* One line of usage; `group` NULL for all. */
static void print_usage(FILE *out, const char *group)
{
	for (size_t i = 0; i < commands_n; i++) {
		const struct command *c = &commands[i];
		char words[64];

		if (group && strcmp(c->group, group) != 0)
			continue;
		snprintf(words, sizeof(words), "%s%s%s %s", c->group, c->verb ? " " : "",
			 c->verb ? c->verb : "", c->words);
		fprintf(out, "  %-32s %s\n", words, c->summary);
	}
}

void cli_usage(FILE *out) { print_usage(out, NULL); }

static void print_options(FILE *out, const struct args_option *o)
{
	for (; o && o->name; o++) {
		char text[64];

		snprintf(text, sizeof(text), "%s%s%s", o->name, o->value ? " " : "",
			 o->value ? o->value : "");
		fprintf(out, "  %-32s %s%s\n", text, o->help, o->repeat ? "; may be repeated" : "");
	}
}

static int print_help(const struct command *c)
{
	printf("Usage: branchline-hub [-n NET] %s%s%s %s [options]\n%s\n\n", c->group,
	       c->verb ? " " : "", c->verb ? c->verb : "", c->words, c->summary);
	print_options(stdout, c->options);
	print_options(stdout, common_options);
	return CLI_DONE;
}

/* Finds the command, and how many words name it. NULL: usage was printed, `*code` is the exit code.
 */
static const struct command *find_command(int argc, char **argv, int *used, int *code)
{
	bool help = argc >= 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0);

	for (size_t i = 0; i < commands_n; i++) {
		const struct command *c = &commands[i];

		if (argc < 1 || strcmp(c->group, argv[0]) != 0)
			continue;
		if (c->verb && (argc < 2 || strcmp(c->verb, argv[1]) != 0))
			continue;
		*used = c->verb ? 2 : 1;
		return c;
	}
	*code = help ? CLI_DONE : CLI_USAGE;
	if (!help && argc >= 2 && cli_has_command(argv[0]))
		call_usage("there is no command \"%s %s\"; these are:", argv[0], argv[1]);
	else if (!help && argc >= 1 && !cli_has_command(argv[0]))
		call_usage("there is no command \"%s\"; these are:", argv[0]);
	print_usage(help ? stdout : stderr, argc >= 1 && cli_has_command(argv[0]) ? argv[0] : NULL);
	return NULL;
}

/* Where the hub is and how we show who we are. `file` keeps the token's text. */
static int choose_target(struct cli *cli, const struct args *a, char socket[PATHS_FILE_SIZE],
			 struct buf *file)
{
	const char *path = args_get(a, "--token-file");
	enum err e;

	cli->target.unix_socket = paths_join(socket, cli->paths->run, "api.sock");
	cli->target.url = args_get(a, "--url");
	cli->target.ca_file = args_get(a, "--cacert");
	cli->target.pin = args_get(a, "--pin");
	if (!cli->target.url)
		return path || cli->target.ca_file || cli->target.pin
			       ? call_usage("--token-file, --cacert and --pin go with --url")
			       : CLI_DONE;
	if (strncmp(cli->target.url, "https://", 8) != 0)
		return call_usage("--url must begin with https://");
	if (cli->target.pin && strncmp(cli->target.pin, "sha256//", 8) != 0)
		return call_usage("--pin must look like sha256//BASE64");
	if (!path) {
		cli->target.token = getenv("BRANCHLINE_TOKEN");
		return cli->target.token ? CLI_DONE
					 : call_usage("--url needs --token-file, or "
						      "BRANCHLINE_TOKEN in the environment");
	}
	e = file_read_secret(path, file);
	if (e || !buf_cstr(file)) {
		fprintf(stderr, "branchline-hub: %s: %s\n", path,
			e == ERR_DENIED ? "must be a file that only you can read (mode 0600)"
					: err_str(e));
		return CLI_FAILED;
	}
	((char *)(uintptr_t)buf_cstr(file))[strcspn(buf_cstr(file), " \t\r\n")] = '\0';
	cli->target.token = buf_cstr(file);
	return CLI_DONE;
}

static int run_command(const struct paths *paths, const struct command *c, struct args *a)
{
	struct cli cli = { .paths = paths,
			   .json = args_has(a, "--json"),
			   .dry_run = args_has(a, "--dry-run") };
	char socket[PATHS_FILE_SIZE];
	struct buf token;
	int code;

	buf_init(&token, TOKEN_FILE_MAX_BYTES);
	code = choose_target(&cli, a, socket, &token);
	if (!code && client_new(&cli.target, &cli.client) != ERR_OK) {
		fprintf(stderr, "branchline-hub: the HTTP client could not be started\n");
		code = CLI_FAILED;
	}
	if (!code)
		code = c->run(&cli, a);
	client_free(cli.client);
	buf_fini(&token);
	if (fflush(stdout) == EOF && !code)
		code = CLI_FAILED;
	return code;
}

int cli_main(const struct paths *paths, int argc, char **argv)
{
	const struct command *c;
	struct args a;
	int used = 0, code = CLI_USAGE;

	c = find_command(argc, argv, &used, &code);
	if (!c)
		return code;
	if (args_parse(&a, argc - used, argv + used, c->options, common_options))
		return call_usage("%s (see --help)", a.error);
	if (args_has(&a, "--help"))
		return print_help(c);
	if (a.n_words < c->min_words || a.n_words > c->max_words)
		return call_usage("usage: branchline-hub [-n NET] %s%s%s %s", c->group,
				  c->verb ? " " : "", c->verb ? c->verb : "", c->words);
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != 0) {
		fprintf(stderr, "branchline-hub: the HTTP client could not be started\n");
		return CLI_FAILED;
	}
	code = run_command(paths, c, &a);
	curl_global_cleanup();
	return code;
}
