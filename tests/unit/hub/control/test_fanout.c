/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "hub/control/fanout.h"

static uint64_t total(const struct fanout *f)
{
	uint64_t n = 0;

	for (unsigned i = 0; i <= FANOUT_BUCKETS; i++)
		n += f->n[i];
	return n;
}

static void times_are_sorted_by_bucket(void **state)
{
	struct fanout f = { 0 };

	(void)state;
	for (unsigned i = 0; i < FANOUT_BUCKETS; i++)
		assert_true(fanout_end_ms(i) < fanout_end_ms(i + 1));
	fanout_read(&f, 7, 1000);
	for (unsigned i = 0; i < FANOUT_BUCKETS; i++) {
		fanout_applied(&f, 7, 900, 1000 + fanout_end_ms(i));
		assert_int_equal(f.n[i], 1);
	}
	fanout_applied(&f, 7, 900, 1001 + fanout_end_ms(FANOUT_BUCKETS - 1));
	assert_int_equal(f.n[FANOUT_BUCKETS], 1);
	assert_int_equal(total(&f), FANOUT_BUCKETS + 1);
	assert_int_equal(f.sum_ms, 5 + 10 + 50 + 100 + 250 + 500 + 1000 + 5000 + 30000 + 30001);
}

static void what_says_nothing_is_left_out(void **state)
{
	struct fanout f = { 0 };

	(void)state;
	fanout_applied(&f, 0, 0, 5); /* of no revision at all */
	fanout_applied(&f, 7, 0, 5); /* not seen */
	fanout_read(&f, 7, 1000);
	fanout_applied(&f, 7, 1001, 1005); /* the spoke was away */
	assert_int_equal(total(&f), 0);
	fanout_applied(&f, 7, 1000, 1005);
	assert_int_equal(total(&f), 1);
	/* Long ago: there were many since. */
	for (unsigned i = 0; i < FANOUT_REVISIONS; i++)
		fanout_read(&f, 8 + i, 2000);
	fanout_applied(&f, 7, 1000, 2005);
	assert_int_equal(total(&f), 1);
	fanout_applied(&f, 8, 1000, 2005);
	assert_int_equal(total(&f), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(times_are_sorted_by_bucket),
		cmocka_unit_test(what_says_nothing_is_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
