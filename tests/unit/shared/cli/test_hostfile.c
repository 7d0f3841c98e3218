/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/cli/hostfile.h"

#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#define SEPARATOR "#---------------------------------------------------------------#\n"

/* All that was taken, as "NAME{TEXT}". */
static char taken[512];

static enum err take(void *arg, const char name[NAME_SIZE], const char *text, size_t len)
{
	size_t n = strlen(taken);

	(void)arg;
	snprintf(taken + n, sizeof(taken) - n, "%s{%.*s}", name, (int)len, text);
	return strcmp(name, "full") == 0 ? ERR_FULL : ERR_OK;
}

static void test_put(void **state)
{
	static const char want[] = "Name = hq\nAddress = 203.0.113.10 6655\n"
				   "Subnet = 192.168.100.1\nSubnet = fd00::1\n" SEPARATOR
				   "Name = oslo\nSubnet = 10.1.0.0/24#10\nSubnet = fd01::/64#5\n";
	json_t *nodes = json_loads(
		"[{\"name\":\"hq\",\"endpoints\":[\"203.0.113.10 6655\"],"
		"\"addresses\":[\"192.168.100.1\",\"fd00::1\",7]},"
		"{\"name\":\"oslo\",\"subnets\":[{\"prefix\":\"10.1.0.0/24\",\"weight\":10},"
		"{\"prefix\":\"fd01::/64\",\"weight\":5}]}]",
		0, NULL);
	struct buf out;

	(void)state;
	buf_init(&out, 4096);
	assert_int_equal(hostfile_put_all(nodes, &out), ERR_OK);
	assert_string_equal(buf_cstr(&out), want);
	buf_fini(&out);
	json_decref(nodes);
}

static void test_split(void **state)
{
	static const struct {
		const char *text, *taken;
		enum err err;
		unsigned line; /* of an error */
	} rows[] = {
		{ "Name = a\nSubnet = 10.0.0.0/8\n" SEPARATOR "Name = b\n",
		  "a{Subnet = 10.0.0.0/8\n}b{}", ERR_OK, 0 },
		{ "\n# of tinc\n  \nname=a\r\nx\r\n" SEPARATOR SEPARATOR "\n", "a{x\r\n}", ERR_OK,
		  0 },
		{ "Name a\nName = x\n", "a{Name = x\n}", ERR_OK, 0 },
		{ "Name = a.b-c", "a.b-c{}", ERR_OK, 0 },
		{ "", "", ERR_OK, 0 },
		{ "Subnet = 10.0.0.0/8\n", "", ERR_INVALID, 1 },
		{ "Name = ../etc\n", "", ERR_INVALID, 1 },
		{ "Name = \n", "", ERR_INVALID, 1 },
		{ "Named = a\n", "", ERR_INVALID, 1 },
		{ "Name = a\n" SEPARATOR "\nSubnet = 1.0.0.0/8\n", "a{}", ERR_INVALID, 4 },
		{ "Name = full\n" SEPARATOR "Name = b\n", "full{}", ERR_FULL, 3 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		unsigned line;
		enum err e;

		taken[0] = '\0';
		e = hostfile_split(rows[i].text, strlen(rows[i].text), take, NULL, &line);
		if (e != rows[i].err || strcmp(taken, rows[i].taken) != 0 ||
		    (e && line != rows[i].line))
			fail_msg("row %zu: %d, line %u, %s", i, e, line, taken);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_put),
		cmocka_unit_test(test_split),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
