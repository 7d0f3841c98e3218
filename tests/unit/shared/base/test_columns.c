/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "shared/base/columns.h"

static const char *const heads[] = { "ID", "NAME", "NOTE" };

/* Prints a table into `text`. */
static void print(const struct columns *c, char *text, size_t size)
{
	FILE *out = fmemopen(text, size, "w");

	assert_non_null(out);
	assert_int_equal(columns_print(c, out), ERR_OK);
	fclose(out);
}

static void aligns(void **unused)
{
	struct columns c;
	char text[512] = "";

	(void)unused;
	columns_init(&c, 1, ARRAY_LEN(heads), heads);
	columns_addf(&c, "%d", 7);
	columns_add(&c, "oslo");
	columns_add(&c, "");
	columns_addf(&c, "%d", 1234);
	columns_add(&c, "\xc3\xa5lesund");
	columns_add(&c, "a\nb\x1b[31m");
	print(&c, text, sizeof(text));
	assert_string_equal(text, "  ID  NAME     NOTE\n"
				  "   7  oslo     -\n"
				  "1234  \xc3\xa5lesund  a?b?[31m\n");
	columns_fini(&c);
}

static void empty_table_has_heads(void **unused)
{
	struct columns c;
	char text[64] = "";

	(void)unused;
	columns_init(&c, 0, ARRAY_LEN(heads), heads);
	print(&c, text, sizeof(text));
	assert_string_equal(text, "ID  NAME  NOTE\n");
	columns_fini(&c);
}

static void many_rows(void **unused)
{
	static char text[1u << 16];
	struct columns c;
	unsigned lines = 0;

	(void)unused;
	columns_init(&c, 1, ARRAY_LEN(heads), heads);
	for (unsigned i = 0; i < 1000; i++) {
		columns_addf(&c, "%u", i);
		columns_add(&c, "n");
		columns_add(&c, NULL);
	}
	print(&c, text, sizeof(text));
	for (const char *s = text; *s; s++)
		lines += *s == '\n';
	assert_int_equal(lines, 1001);
	columns_fini(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(aligns),
		cmocka_unit_test(empty_table_has_heads),
		cmocka_unit_test(many_rows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
