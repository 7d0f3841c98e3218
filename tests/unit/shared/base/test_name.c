/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "shared/base/name.h"
#include "shared/base/err.h"

static const struct {
	const char *name;
	bool valid;
} rows[] = {
	{ "oslo", true },
	{ "a", true },
	{ "0", true },
	{ "linodeVPN", true },
	{ "a.b-c_D9", true },
	{ "_x", true },
	{ "a..b", true },
	{ "", false },
	{ ".", false },
	{ "..", false },
	{ ".hidden", false },
	{ "-n", false },
	{ "a b", false },
	{ "a/b", false },
	{ "a\n", false },
	{ "a\xc3\xa5", false },
	{ "a:b", false },
	{ "123456789012345678901234567890123456789012345678901234567890123", true },
	{ "1234567890123456789012345678901234567890123456789012345678901234", false },
};

static void names(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (name_is_valid(rows[i].name) != rows[i].valid)
			fail_msg("'%s'", rows[i].name);
}

/* Each of the 255 characters, alone in the middle of a name. */
static void every_character(void **unused)
{
	static const char good[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";
	char name[4] = "x?x";

	(void)unused;
	for (int c = 1; c < 256; c++) {
		name[1] = (char)c;
		assert_int_equal(name_is_valid(name), strchr(good, c) != NULL);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names),
		cmocka_unit_test(every_character),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
