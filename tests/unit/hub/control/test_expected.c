/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Expected branches: told once when one stays away, once when it is back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "hub/control/expected.h"

static void judge(void **state)
{
	const uint64_t t = 5000000;
	static const struct {
		bool there;
		uint64_t after_ms;
		enum expected_news news;
	} rows[] = {
		{ false, 0, EXPECTED_NOTHING },
		{ false, EXPECTED_GRACE_MS - 1, EXPECTED_NOTHING },
		{ true, EXPECTED_GRACE_MS, EXPECTED_NOTHING }, /* back in time */
		{ false, EXPECTED_GRACE_MS + 1, EXPECTED_NOTHING },
		{ false, 2 * EXPECTED_GRACE_MS, EXPECTED_NOTHING },
		{ false, 2 * EXPECTED_GRACE_MS + 1, EXPECTED_AWAY },
		{ false, 9 * EXPECTED_GRACE_MS, EXPECTED_NOTHING },
		{ true, 10 * EXPECTED_GRACE_MS, EXPECTED_BACK },
		{ true, 11 * EXPECTED_GRACE_MS, EXPECTED_NOTHING },
	};
	struct expected_state s = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (expected_judge(&s, rows[i].there, t + rows[i].after_ms) != rows[i].news)
			fail_msg("row %zu", i);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(judge) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
