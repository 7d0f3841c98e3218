/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hub/cli/cli.h"

#include <curl/curl.h>
#include <string.h>

#include "hub/cli/call.h"
#include "hub/cli/command.h"
#include "shared/base/file.h"
#include "shared/base/secret.h"

#define TOKEN_FILE_MAX_BYTES 512u

static const struct args_option common_options[] = {
	{ "--json", NULL, false, "print JSON" },
	{ "--url", "URL", false, "a hub on another machine: https://HOST:PORT" },
	{ "--token-file", "FILE", false,
	  "API token for --url (or BRANCHLINE_TOKEN in the environment)" },
	{ "--cacert", "FILE", false, "certificate that the hub's must be signed by, or be" },
	{ "--pin", "sha256//BASE64", false,
	  "public key that the hub's certificate must have, instead of a CA" },
	{ "--help", NULL, false, "show this help" },
	{ NULL, NULL, false, NULL },
};

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
