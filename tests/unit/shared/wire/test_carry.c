/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/wire/carry.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define TOO_LONG (CARRY_MESSAGE_MAX_BYTES + 1)

/* A row: the first bytes of what has come, how many bytes there are, and what carry_next() says. */
static const struct row {
	const char *name;
	uint8_t p[8];
	size_t n;
	enum err e;
	size_t len;
} rows[] = {
	{ "nothing", { 0 }, 0, ERR_AGAIN, 0 },
	{ "half a header", { 0 }, 1, ERR_AGAIN, 0 },
	{ "sign of life", { 0, 0 }, 2, ERR_OK, 0 },
	{ "header only", { 0, 3 }, 2, ERR_AGAIN, 0 },
	{ "cut", { 0, 3, 1, 2 }, 4, ERR_AGAIN, 0 },
	{ "whole", { 0, 3, 1, 2, 3 }, 5, ERR_OK, 3 },
	{ "and more", { 0, 3, 1, 2, 3, 0, 1 }, 7, ERR_OK, 3 },
	{ "too long", { TOO_LONG >> 8, TOO_LONG & 0xff, 1 }, 3, ERR_TOOBIG, 0 },
	{ "longest, cut",
	  { CARRY_MESSAGE_MAX_BYTES >> 8, CARRY_MESSAGE_MAX_BYTES & 0xff },
	  2,
	  ERR_AGAIN,
	  0 },
	{ "0xffff", { 0xff, 0xff }, 2, ERR_TOOBIG, 0 },
};

static void test_next(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		size_t len = 0;
		enum err e = carry_next(rows[i].p, rows[i].n, &len);

		if (e != rows[i].e || len != rows[i].len)
			fail_msg("%s: %d, %zu bytes", rows[i].name, (int)e, len);
	}
}

static void test_longest(void **state)
{
	static uint8_t p[CARRY_HEADER_BYTES + CARRY_MESSAGE_MAX_BYTES];
	size_t len;

	(void)state;
	carry_put_header(p, CARRY_MESSAGE_MAX_BYTES);
	assert_int_equal(carry_next(p, sizeof(p), &len), ERR_OK);
	assert_int_equal(len, CARRY_MESSAGE_MAX_BYTES);
	assert_int_equal(carry_next(p, sizeof(p) - 1, &len), ERR_AGAIN);
}

/* Runs stop before what is no packet, what is cut, and what would be too much. */
static void test_run(void **state)
{
	static const uint8_t p[] = { 0, 1, 'a', 0, 2, 'b', 'c', 0, 0, 0, 1, 'd' };
	unsigned n;

	(void)state;
	assert_int_equal(carry_run(p, sizeof(p), 100, &n), 7);
	assert_int_equal(n, 2);
	assert_int_equal(carry_run(p, 6, 100, &n), 3);
	assert_int_equal(n, 1);
	assert_int_equal(carry_run(p, sizeof(p), 6, &n), 3);
	assert_int_equal(carry_run(p, sizeof(p), 2, &n), 0);
	assert_int_equal(n, 0);
	assert_int_equal(carry_run(p + 7, 5, 100, &n), 0);
	assert_int_equal(carry_run(p + 9, 3, 100, &n), 3);
	assert_true(carry_is_whole(p, 7));
	assert_false(carry_is_whole(p, 0));
	assert_false(carry_is_whole(p, 6));
	assert_false(carry_is_whole(p, sizeof(p)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_next),
		cmocka_unit_test(test_longest),
		cmocka_unit_test(test_run),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
