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

/*
 * Commands that change nothing at the hub. All others have --dry-run: who adds a command either
 * finds it here, by its verb or as a whole, or gives it that.
 */
static const char *const looking_verbs[] = {
	"list",   "reach", "show", "check",      "verify",
	"export", "log",   "held", "revocation", "rotations",
};
static const char *const looks[] = {
	"events",
	"log",
	"history",
	"status",
	"revision",
	"info",
	"top",
	"completion",
	"get",
	"network",
	"pid",
	"export",
	"export-all",
	/* its own look is the one without --fix, or --write */
	"fsck",
	"hosts",
	/* an editor is its own question */
	"edit",
	/* of the moment: what they end comes back by itself */
	"connect",
	"disconnect",
	"purge",
	"retry",
	/* signals */
	"reload",
	"stop",
	"restart",
};

static bool is_in(const char *const *list, size_t n, const char *word)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(list[i], word) == 0)
			return true;
	return false;
}

static bool only_looks(const struct command *c)
{
	return !c->verb ? is_in(looks, ARRAY_LEN(looks), c->group)
			: strcmp(c->group, "dump") == 0 ||
				  is_in(looking_verbs, ARRAY_LEN(looking_verbs), c->verb);
}

static const char *name_of(const struct command *c, char out[64])
{
	snprintf(out, 64, "%s%s%s", c->group, c->verb ? " " : "", c->verb ? c->verb : "");
	return out;
}

static bool has_option(const struct command *c, const char *name)
{
	for (const struct args_option *o = c->options; o && o->name; o++)
		if (strcmp(o->name, name) == 0)
			return true;
	return false;
}

static void what_changes_has_a_dry_run(void **unused)
{
	char name[64];

	(void)unused;
	for (size_t i = 0; i < commands_n; i++)
		if (has_option(&commands[i], "--dry-run") == only_looks(&commands[i]))
			fail_msg("%s: a command that looks has no --dry-run, all others have one",
				 name_of(&commands[i], name));
}

/* The exit code of a command line, with no hub anywhere. */
static int run_line(const char *line)
{
	struct paths paths = { .net = "testnet", .run = "/nonexistent" };
	char text[128], *argv[16], *save = NULL;
	int argc = 0;

	snprintf(text, sizeof(text), "%s", line);
	for (char *word = strtok_r(text, " ", &save); word; word = strtok_r(NULL, " ", &save))
		argv[argc++] = word;
	return cli_main(&paths, argc, argv);
}

/* Without a terminal nobody can be asked: what deletes refuses, before it looks for the hub. */
static void what_deletes_asks(void **unused)
{
	char name[64], line[128];
	unsigned n = 0;
	int in = dup(STDIN_FILENO);

	(void)unused;
	assert_non_null(freopen("/dev/null", "r", stdin));
	for (size_t i = 0; i < commands_n; i++) {
		const struct command *c = &commands[i];

		if (!c->verb || strcmp(c->verb, "delete") != 0)
			continue;
		n++;
		assert_true(has_option(c, "--yes"));
		snprintf(line, sizeof(line), "%s x", name_of(c, name));
		assert_int_equal(run_line(line), CLI_USAGE);
		snprintf(line, sizeof(line), "%s x --yes", name);
		assert_int_equal(run_line(line), CLI_UNREACHABLE);
		snprintf(line, sizeof(line), "%s x --dry-run", name);
		assert_int_equal(run_line(line), CLI_UNREACHABLE);
	}
	assert_true(n >= 4);
	assert_int_equal(run_line("node revoke x"), CLI_UNREACHABLE);
	dup2(in, STDIN_FILENO);
	close(in);
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
	(void)unused;
	unsetenv("BRANCHLINE_TOKEN");
	for (size_t i = 0; i < ARRAY_LEN(lines); i++)
		if (run_line(lines[i].line) != lines[i].want)
			fail_msg("%s", lines[i].line);
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
		cmocka_unit_test(the_table_is_sound), cmocka_unit_test(what_changes_has_a_dry_run),
		cmocka_unit_test(what_deletes_asks),  cmocka_unit_test(exit_codes),
		cmocka_unit_test(escapes_paths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
