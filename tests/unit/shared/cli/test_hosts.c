/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "shared/cli/hosts.h"

#define BEGIN "# begin of Branchline network n\n"
#define END   "# end of Branchline network n\n"

static const char nodes_text[] =
	"[{\"name\": \"oslo\", \"addresses\": [\"10.1.0.2\", \"fd00::2\"]},"
	" {\"name\": \"bad name\\n1.2.3.4 evil\", \"addresses\": [\"10.1.0.3\"]},"
	" {\"name\": \"rome\", \"addresses\": [\"10.1.0.4\\n1.2.3.4 evil\", 7]},"
	" {\"addresses\": [\"10.1.0.5\"]}, 3]";

/* Only names and addresses get into the block, whatever was told. */
static void the_block(void **unused)
{
	json_t *nodes = json_loads(nodes_text, 0, NULL);
	struct buf out;

	(void)unused;
	assert_non_null(nodes);
	buf_init(&out, 4096);
	assert_int_equal(hosts_block(nodes, "n", &out), ERR_OK);
	assert_string_equal(buf_cstr(&out), BEGIN "10.1.0.2 oslo.n.internal oslo\n"
						  "fd00::2 oslo.n.internal oslo\n" END);
	buf_fini(&out);
	json_decref(nodes);
}

/* A row: a file, the block, and what comes of it. */
static const struct {
	const char *text, *block, *want;
} rows[] = {
	{ "", BEGIN END, BEGIN END },
	{ "127.0.0.1 a", BEGIN END, "127.0.0.1 a\n" BEGIN END },
	{ "a\n" BEGIN "old\n" END "b\n", BEGIN "new\n" END, "a\n" BEGIN "new\n" END "b\n" },
	{ "a\n" BEGIN "old\n" END "b\n", "", "a\nb\n" },
	{ "a\n", "", "a\n" },
	{ "# see \"" BEGIN END, BEGIN END, "# see \"" BEGIN END BEGIN END },
	{ "a\n" BEGIN "old\n", BEGIN END, NULL },
	{ "# begin of Branchline network nn\n", BEGIN END,
	  "# begin of Branchline network nn\n" BEGIN END },
};

static void the_block_is_replaced(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct buf out;
		enum err e;

		buf_init(&out, 4096);
		e = hosts_replace(rows[i].text, strlen(rows[i].text), "n", rows[i].block,
				  strlen(rows[i].block), &out);
		assert_int_equal(e, rows[i].want ? ERR_OK : ERR_INVALID);
		if (rows[i].want)
			assert_string_equal(buf_len(&out) ? buf_cstr(&out) : "", rows[i].want);
		buf_fini(&out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_block),
		cmocka_unit_test(the_block_is_replaced),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
