/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "shared/base/units.h"
#include "shared/base/err.h"

#define NOW_MS 1795358401500 /* 2026-11-22T14:40:01.5Z */

static const struct {
	uint64_t n;
	const char *want;
} sizes[] = {
	{ 0, "0 B" },
	{ 1023, "1023 B" },
	{ 1024, "1.0 KiB" },
	{ 1536, "1.5 KiB" },
	{ 1048575, "1.0 MiB" },
	{ 1048576, "1.0 MiB" },
	{ 3435973837, "3.2 GiB" },
	{ UINT64_MAX, "16.0 EiB" },
};

static const struct {
	uint64_t us;
	const char *want;
} rtts[] = { { 0, "0 us" },
	     { 999, "999 us" },
	     { 1000, "1.0 ms" },
	     { 12345, "12.3 ms" },
	     { 1200000, "1.20 s" } };

/* A row: a time; how long ago that is, and how long until then. */
static const struct {
	const char *time, *ago, *left;
} times[] = {
	{ NULL, "-", "-" },
	{ "nonsense", "-", "-" },
	{ "2026-11-22T14:40:01.123Z", "0 s", "over" },
	{ "2026-11-22T14:39:00.000Z", "61 s", "over" },
	{ "2026-11-22T14:30:01.000Z", "10 min", "over" },
	{ "2026-11-22T09:40:01.000Z", "5 h", "over" },
	{ "2026-11-12T14:40:01.000Z", "10 d", "over" },
	{ "2026-11-22T15:40:01.000Z", "0 s", "60 min" },
	{ "2026-11-23T14:40:01.000Z", "0 s", "24 h" },
};

static void formats(void **unused)
{
	char text[UNITS_STR_SIZE];

	(void)unused;
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++)
		assert_string_equal(units_bytes(sizes[i].n, text), sizes[i].want);
	for (size_t i = 0; i < ARRAY_LEN(rtts); i++)
		assert_string_equal(units_rtt(rtts[i].us, text), rtts[i].want);
	for (size_t i = 0; i < ARRAY_LEN(times); i++) {
		assert_string_equal(units_ago(times[i].time, NOW_MS, text), times[i].ago);
		assert_string_equal(units_left(times[i].time, NOW_MS, text), times[i].left);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(formats),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
