/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "shared/conf/edit.h"

/* A row: a file, a change, and the file that comes of it (NULL: it is there already). */
static const struct {
	enum conf_edit kind;
	const char *text, *key, *value, *want;
	unsigned n;
} rows[] = {
	{ CONF_EDIT_SET, "", "Port", "7000", "Port = 7000\n", 0 },
	{ CONF_EDIT_SET, "# a\nport=1\nName = x", "Port", "7", "# a\nPort = 7\nName = x\n", 1 },
	{ CONF_EDIT_SET, "Port 1\nPort = 2\n", "Port", "3", "Port = 3\n", 2 },
	{ CONF_EDIT_SET, "#Port = 1\nPorts = 2\n", "Port", "3", "#Port = 1\nPorts = 2\nPort = 3\n",
	  0 },
	{ CONF_EDIT_ADD, "ConnectTo = a\nName = x\n", "ConnectTo", "b",
	  "ConnectTo = a\nConnectTo = b\nName = x\n", 1 },
	{ CONF_EDIT_ADD, "Name = x\n", "ConnectTo", "b", "Name = x\nConnectTo = b\n", 0 },
	{ CONF_EDIT_ADD, "  ConnectTo \t b  \n", "connectto", "b", NULL, 1 },
	{ CONF_EDIT_DEL, "A = 1\nB = 2\nA = 3\n", "A", NULL, "B = 2\n", 2 },
	{ CONF_EDIT_DEL, "A = 1\nB = 2\nA = 3\n", "A", "3", "A = 1\nB = 2\n", 1 },
	{ CONF_EDIT_DEL, "A = 1\r\nB = 2\n", "A", "1", "B = 2\n", 1 },
	{ CONF_EDIT_DEL, "A = 1\n", "B", NULL, "A = 1\n", 0 },
	/* What stands in a block of keys is no variable. */
	{ CONF_EDIT_SET, "-----BEGIN RSA-----\nPort\n-----END RSA-----\n", "Port", "1",
	  "-----BEGIN RSA-----\nPort\n-----END RSA-----\nPort = 1\n", 0 },
};

static void changes_are_small(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct buf out;
		unsigned n = 99;
		enum err e;

		buf_init(&out, 4096);
		e = conf_edit(rows[i].kind, rows[i].text, strlen(rows[i].text), rows[i].key,
			      rows[i].value, &out, &n);
		assert_int_equal(e, rows[i].want ? ERR_OK : ERR_EXISTS);
		assert_int_equal(n, rows[i].n);
		if (rows[i].want)
			assert_string_equal(buf_cstr(&out), rows[i].want);
		buf_fini(&out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(changes_are_small),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
