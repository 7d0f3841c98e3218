/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hub/cli/cli.h"

#include <curl/curl.h>
#include <string.h>

#include "hub/cli/call.h"
#include "hub/cli/command.h"
#include "shared/base/config.h"
#include "shared/base/file.h"
#include "shared/base/secret.h"

#define TOKEN_FILE_MAX_BYTES 512u
#define PROFILE_MAX_BYTES    65536u

static const struct args_option common_options[] = {
	{ "--json", NULL, false, "print JSON" },
	{ "--url", "URL", false, "a hub on another machine: https://HOST:PORT" },
	{ "--token-file", "FILE", false,
	  "API token for --url (or BRANCHLINE_TOKEN in the environment)" },
	{ "--profile", "NAME", false, "a hub as ~/.config/branchline/NAME.conf says" },
	{ "--cacert", "FILE", false, "certificate that the hub's must be signed by, or be" },
	{ "--pin", "sha256//BASE64", false,
	  "public key that the hub's certificate must have, instead of a CA" },
	{ "--help", NULL, false, "show this help" },
	{ NULL, NULL, false, NULL },
};

struct command_set cli_command_set(void)
{
	return (struct command_set){ .program = "branchline-hub",
				     .commands = commands,
				     .n = commands_n,
				     .common = common_options,
				     .done = CLI_DONE,
				     .usage = CLI_USAGE };
}

bool cli_has_command(const char *word)
{
	struct command_set set = cli_command_set();

	return command_exists(&set, word);
}

void cli_usage(FILE *out)
{
	struct command_set set = cli_command_set();

	command_print_usage(&set, out, NULL);
}

/* What may stand in a profile. */
static const struct config_var profile_vars[] = {
	{ "Url", CONFIG_STRING, CONFIG_SERVER, 0, 0, NULL, "as --url" },
	{ "Token", CONFIG_STRING, CONFIG_SERVER, 0, 0, NULL, "the API token" },
	{ "CACert", CONFIG_PATH, CONFIG_SERVER, 0, 0, NULL, "as --cacert" },
	{ "Pin", CONFIG_STRING, CONFIG_SERVER, 0, 0, NULL, "as --pin" },
};

/* Reads a profile, which has a token in it and is therefore for its owner only. */
static int read_profile(const char *name, struct config *c)
{
	const char *base = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
	char path[PATHS_FILE_SIZE];
	struct buf text;
	int n, code = CLI_FAILED;
	enum err e;

	if (!name_is_valid(name))
		return call_usage("\"%.64s\" cannot be a profile's name", name);
	if (base && *base)
		n = snprintf(path, sizeof(path), "%s/branchline/%s.conf", base, name);
	else
		n = snprintf(path, sizeof(path), "%s/.config/branchline/%s.conf", home ? home : "",
			     name);
	if (n < 0 || (size_t)n >= sizeof(path))
		return call_usage("the path of profile %s is too long", name);
	buf_init(&text, PROFILE_MAX_BYTES);
	e = file_read_secret(path, &text);
	if (e)
		fprintf(stderr, "branchline-hub: %s: %s\n", path,
			e == ERR_DENIED ? "must be a file that only you can read (mode 0600)"
					: err_str(e));
	else if (config_parse(c, path, (const char *)buf_data(&text), buf_len(&text),
			      CONFIG_SERVER))
		fprintf(stderr, "branchline-hub: %s\n", c->error);
	else if (!config_str(c, "Url"))
		fprintf(stderr, "branchline-hub: %s has no Url\n", path);
	else
		code = CLI_DONE;
	buf_fini(&text);
	return code;
}

/* What the command line says, or else the profile; NULL: neither. */
static const char *given(const struct args *a, const char *option, const struct config *profile,
			 const char *name)
{
	const char *value = args_get(a, option);

	return value ? value : config_str(profile, name);
}

/* Where the hub is and how we show who we are. `file` and `profile` keep the texts. */
static int choose_target(struct cli *cli, const struct args *a, char socket[PATHS_FILE_SIZE],
			 struct config *profile, struct buf *file)
{
	const char *path = args_get(a, "--token-file");
	int code = args_has(a, "--profile") ? read_profile(args_get(a, "--profile"), profile)
					    : CLI_DONE;
	enum err e;

	if (code)
		return code;
	cli->target.unix_socket = paths_join(socket, cli->paths->run, "api.sock");
	cli->target.url = given(a, "--url", profile, "Url");
	cli->target.ca_file = given(a, "--cacert", profile, "CACert");
	cli->target.pin = given(a, "--pin", profile, "Pin");
	if (!cli->target.url)
		return path || cli->target.ca_file || cli->target.pin
			       ? call_usage("--token-file, --cacert and --pin go with --url")
			       : CLI_DONE;
	if (strncmp(cli->target.url, "https://", 8) != 0)
		return call_usage("--url must begin with https://");
	if (cli->target.pin && strncmp(cli->target.pin, "sha256//", 8) != 0)
		return call_usage("--pin must look like sha256//BASE64");
	if (!path) {
		cli->target.token = config_str(profile, "Token");
		if (!cli->target.token)
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
	struct config profile;
	struct buf token;
	int code;

	buf_init(&token, TOKEN_FILE_MAX_BYTES);
	config_init(&profile, profile_vars, ARRAY_LEN(profile_vars));
	code = choose_target(&cli, a, socket, &profile, &token);
	if (!code && client_new(&cli.target, &cli.client) != ERR_OK) {
		fprintf(stderr, "branchline-hub: the HTTP client could not be started\n");
		code = CLI_FAILED;
	}
	if (!code)
		code = c->run(&cli, a);
	client_free(cli.client);
	buf_fini(&token);
	config_fini(&profile);
	if (fflush(stdout) == EOF && !code)
		code = CLI_FAILED;
	return code;
}

int cli_main(const struct paths *paths, int argc, char **argv)
{
	struct command_set set = cli_command_set();
	const struct command *c;
	struct args a;
	int code;

	c = command_parse(&set, argc, argv, &a, &code);
	if (!c)
		return code;
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != 0) {
		fprintf(stderr, "branchline-hub: the HTTP client could not be started\n");
		return CLI_FAILED;
	}
	code = run_command(paths, c, &a);
	curl_global_cleanup();
	return code;
}
