/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "shared/base/args.h"

static const struct args_option own[] = {
	{ "--subnet", "PREFIX", true, "" }, { "--name", "NAME", false, "" },
	{ "--yes", NULL, false, "" },       { "-c", "COUNT", false, "" },
	{ "-v", NULL, false, "" },          { NULL, NULL, false, NULL },
};
static const struct args_option common[] = {
	{ "--json", NULL, false, "" },
	{ NULL, NULL, false, NULL },
};

/* A row: command line; the words and options that come out, or what the error must say. */
static const struct {
	const char *line;
	unsigned n_words, n_given;
	const char *error;
} lines[] = {
	{ "", 0, 0, NULL },
	{ "a b", 2, 0, NULL },
	{ "a --yes b --json", 2, 2, NULL },
	{ "--subnet 10.0.0.0/8 --subnet=::/0 a", 1, 2, NULL },
	{ "--name= a", 1, 1, NULL },
	{ "--name --yes", 0, 1, NULL },
	{ "-- --yes -x", 2, 0, NULL },
	{ "-", 1, 0, NULL },
	{ "--nam x", 0, 0, "unknown option" },
	{ "--names x", 0, 0, "unknown option" },
	{ "-y", 0, 0, "unknown option" },
	{ "-c 5 a", 1, 1, NULL },
	{ "-c5 a", 1, 1, NULL },
	{ "-v", 0, 1, NULL },
	{ "-v5", 0, 0, "unknown option" },
	{ "-c", 0, 0, "a value is missing" },
	{ "--yes=1", 0, 0, "takes no value" },
	{ "--name", 0, 0, "a value is missing" },
	{ "--name a --name b", 0, 0, "given twice" },
	{ "--yes --yes", 0, 0, "given twice" },
	{ "a b c d e f g h i j k l", 12, 0, NULL },
	{ "a b c d e f g h i j k l m", 0, 0, "too many words" },
};

static enum err parse(struct args *a, char *text)
{
	char *argv[128], *save = NULL;
	int argc = 0;

	for (char *word = strtok_r(text, " ", &save); word; word = strtok_r(NULL, " ", &save))
		argv[argc++] = word;
	return args_parse(a, argc, argv, own, common);
}

static void parses_lines(void **unused)
{
	struct args a;
	char text[128];

	(void)unused;
	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		snprintf(text, sizeof(text), "%s", lines[i].line);
		assert_int_equal(parse(&a, text), lines[i].error ? ERR_INVALID : ERR_OK);
		if (lines[i].error) {
			assert_non_null(strstr(a.error, lines[i].error));
			continue;
		}
		assert_int_equal(a.n_words, lines[i].n_words);
		assert_int_equal(a.n_given, lines[i].n_given);
	}
}

static void finds_values(void **unused)
{
	char text[] = "x --subnet a --yes --subnet=b --name c=d";
	struct args a;

	(void)unused;
	assert_int_equal(parse(&a, text), ERR_OK);
	assert_string_equal(a.words[0], "x");
	assert_string_equal(args_get(&a, "--subnet"), "a");
	assert_string_equal(args_nth(&a, "--subnet", 1), "b");
	assert_null(args_nth(&a, "--subnet", 2));
	assert_string_equal(args_get(&a, "--name"), "c=d");
	assert_string_equal(args_get(&a, "--yes"), "");
	assert_true(args_has(&a, "--yes"));
	assert_false(args_has(&a, "--json"));
}

static void too_many_options(void **unused)
{
	char text[ARGS_OPTIONS_MAX * 12 + 32] = "";
	struct args a;

	(void)unused;
	for (unsigned i = 0; i <= ARGS_OPTIONS_MAX; i++)
		snprintf(text + i * 11, sizeof(text) - i * 11, "--subnet=a ");
	assert_int_equal(parse(&a, text), ERR_INVALID);
	assert_non_null(strstr(a.error, "too many options"));
}

static const struct {
	const char *text;
	int64_t want;
} numbers[] = {
	{ "1", 1 },    { "100", 100 }, { "0", -1 },
	{ "101", -1 }, { "", -1 },     { "1s", -1 },
	{ "-1", -1 },  { " 1", -1 },   { "99999999999999999999999", -1 },
};

static void parses_numbers(void **unused)
{
	struct args a = { 0 };
	uint64_t v;

	(void)unused;
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
		v = 7;
		assert_int_equal(args_number(&a, "--n", numbers[i].text, 1, 100, &v),
				 numbers[i].want < 0 ? ERR_INVALID : ERR_OK);
		assert_int_equal(v, numbers[i].want < 0 ? 7 : (uint64_t)numbers[i].want);
	}
	assert_int_equal(args_uint(&a, "--not-given", 1, 100, 55, &v), ERR_OK);
	assert_int_equal(v, 55);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parses_lines),
		cmocka_unit_test(finds_values),
		cmocka_unit_test(too_many_options),
		cmocka_unit_test(parses_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
