/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>
#include <unistd.h>

#include "hub/cli/cli.h"
#include "hub/cli/client.h"
#include "hub/cli/command.h"

static void the_table_is_sound(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < commands_n; i++) {
		const struct command *c = &commands[i];

		assert_non_null(c->group);
		assert_true(c->summary && c->summary[0]);
		assert_true(c->run != NULL);
		assert_true(c->min_words <= c->max_words && c->max_words <= ARGS_WORDS_MAX);
		assert_int_equal(c->max_words > 0, c->words[0] != '\0');
		assert_true(cli_has_command(c->group));
		for (const struct args_option *o = c->options; o && o->name; o++) {
			assert_memory_equal(o->name, "--", 2);
			assert_true(o->help && o->help[0]);
		}
		for (size_t k = 0; k < i; k++)
			assert_false(strcmp(commands[k].group, c->group) == 0 &&
				     strcmp(commands[k].verb ? commands[k].verb : "",
					    c->verb ? c->verb : "") == 0);
	}
	assert_false(cli_has_command("run"));
	assert_false(cli_has_command("nod"));
}

/* A row: command line and its exit code, with no hub anywhere. */
static const struct {
	const char *line;
	int want;
} lines[] = {
	{ "node", CLI_USAGE },
	{ "node --help", CLI_DONE },
	{ "node add --help", CLI_DONE },
	{ "node frob", CLI_USAGE },
	{ "frob", CLI_USAGE },
	{ "node add", CLI_USAGE },
	{ "node add a b", CLI_USAGE },
	{ "node add a --frob", CLI_USAGE },
	{ "node add a --subnet 10.0.0.0/8#x", CLI_USAGE },
	{ "node add a --subnet 10.0.0.0/8#65536", CLI_USAGE },
	{ "node add a --keepalive x", CLI_USAGE },
	{ "node add a --expires 0", CLI_USAGE },
	{ "node revoke", CLI_USAGE },
	{ "node revoke a --timeout 3601", CLI_USAGE },
	{ "node edit a", CLI_USAGE },
	{ "subnet add a", CLI_USAGE },
	{ "subnet remove a nonsense", CLI_USAGE },
	{ "token create a --uses 0", CLI_USAGE },
	{ "status --url http://h", CLI_USAGE },
	{ "status --url https://h", CLI_USAGE },
	{ "status --token-file x", CLI_USAGE },
	{ "status --url https://h --token-file /nonexistent", CLI_FAILED },
	{ "status --url https://h --token-file x --pin x", CLI_USAGE },
	{ "status", CLI_UNREACHABLE },
	{ "status --json", CLI_UNREACHABLE },
	{ "node list", CLI_UNREACHABLE },
	{ "node add a", CLI_UNREACHABLE },
	{ "node delete a --yes", CLI_UNREACHABLE },
	{ "node revoke a", CLI_UNREACHABLE },
	{ "key revoke 1", CLI_UNREACHABLE },
};

static void exit_codes(void **unused)
{
	struct paths paths = { .net = "testnet", .run = "/nonexistent" };

	(void)unused;
	unsetenv("BRANCHLINE_TOKEN");
	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		char text[128], *argv[16], *save = NULL;
		int argc = 0;

		snprintf(text, sizeof(text), "%s", lines[i].line);
		for (char *word = strtok_r(text, " ", &save); word;
		     word = strtok_r(NULL, " ", &save))
			argv[argc++] = word;
		if (cli_main(&paths, argc, argv) != lines[i].want)
			fail_msg("%s", lines[i].line);
	}
}

static void escapes_paths(void **unused)
{
	char out[16];

	(void)unused;
	assert_string_equal(client_escape("a.b-c_d~1:2", out, sizeof(out)), "a.b-c_d~1:2");
	assert_string_equal(client_escape("a/b?c", out, sizeof(out)), "a%2Fb%3Fc");
	assert_string_equal(client_escape("\xc3\xa5 %", out, sizeof(out)), "%C3%A5%20%25");
	assert_string_equal(client_escape("", out, sizeof(out)), "");
	assert_true(strlen(client_escape("////////////", out, sizeof(out))) < sizeof(out));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_table_is_sound),
		cmocka_unit_test(exit_codes),
		cmocka_unit_test(escapes_paths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
