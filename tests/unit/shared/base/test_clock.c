/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "shared/base/clock.h"
#include "shared/base/err.h"

static const struct {
	int64_t ms;
	const char *text;
} rows[] = {
	{ 0, "1970-01-01T00:00:00.000Z" },
	{ 1, "1970-01-01T00:00:00.001Z" },
	{ -1, "1969-12-31T23:59:59.999Z" },
	{ -1000, "1969-12-31T23:59:59.000Z" },
	{ 951782400000, "2000-02-29T00:00:00.000Z" },
	{ 1795358401123, "2026-11-22T14:40:01.123Z" },
	{ 253402300799999, "9999-12-31T23:59:59.999Z" },
};

static void formatting(void **unused)
{
	char out[CLOCK_RFC3339_SIZE];

	(void)unused;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_string_equal(clock_format_rfc3339(rows[i].ms, out), rows[i].text);
	/* Far away times may look odd, but stay in the buffer. */
	clock_format_rfc3339(INT64_MAX, out);
	clock_format_rfc3339(INT64_MIN, out);
}

static void units_agree(void **unused)
{
	uint64_t ms = clock_now_ms(), us = clock_now_us(), ns = clock_now_ns();

	(void)unused;
	assert_true(us / 1000 >= ms && us / 1000 < ms + 10000);
	assert_true(ns / 1000 >= us && ns / 1000 < us + 10000000);
	/* 2024 to 2100: the wall clock is in milliseconds. */
	assert_in_range((uint64_t)clock_wall_ms(), 1704067200000u, 4102444800000u);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(formatting),
		cmocka_unit_test(units_agree),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
