/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "hub/api/waits.h"

static unsigned looks, late_looks;
static bool is_done;

static bool look(struct wait *one, bool late)
{
	(void)one;
	looks++;
	late_looks += late;
	return late || is_done;
}

static int reset(void **unused)
{
	(void)unused;
	looks = late_looks = 0;
	is_done = false;
	return 0;
}

static void timer_follows_the_earliest(void **unused)
{
	struct wait a = { 0 }, b = { 0 };
	struct waits w;

	(void)unused;
	waits_init(&w, NULL, look);
	assert_true(waits_next_ms(&w) == TIMER_NEVER);
	assert_true(waits_add(&w, &a, 500));
	assert_true(waits_add(&w, &b, 300));
	assert_int_equal(waits_next_ms(&w), 300);
	waits_remove(&w, &b);
	waits_remove(&w, &b);
	assert_int_equal(w.n, 1);
	assert_int_equal(waits_next_ms(&w), 500);
	w.timer.fire(&w.timer, 499);
	assert_int_equal(looks, 0);
	w.timer.fire(&w.timer, 500);
	assert_int_equal(late_looks, 1);
	assert_int_equal(w.n, 0);
	assert_true(waits_next_ms(&w) == TIMER_NEVER);
}

/* A nudge is looked at once; the next one not before WAITS_LOOK_MS have passed, and it is not lost.
 */
static void nudges_are_paced(void **unused)
{
	struct wait a = { 0 };
	struct waits w;

	(void)unused;
	waits_init(&w, NULL, look);
	assert_true(waits_add(&w, &a, 5000));
	waits_nudge(&w, 1000);
	assert_int_equal(looks, 1);
	waits_nudge(&w, 1001);
	assert_int_equal(looks, 1);
	assert_int_equal(waits_next_ms(&w), 1000 + WAITS_LOOK_MS);
	is_done = true;
	w.timer.fire(&w.timer, 1000 + WAITS_LOOK_MS);
	assert_int_equal(looks, 2);
	assert_int_equal(late_looks, 0);
	assert_int_equal(w.n, 0);
}

static void has_a_limit(void **unused)
{
	struct wait all[WAITS_MAX + 1] = { 0 };
	struct waits w;

	(void)unused;
	waits_init(&w, NULL, look);
	for (unsigned i = 0; i < WAITS_MAX; i++)
		assert_true(waits_add(&w, &all[i], 100 + i));
	assert_false(waits_add(&w, &all[WAITS_MAX], 100));
	assert_false(all[WAITS_MAX].waiting);
	waits_flush(&w);
	assert_int_equal(late_looks, WAITS_MAX);
	assert_int_equal(w.n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(timer_follows_the_earliest, reset),
		cmocka_unit_test_setup(nudges_are_paced, reset),
		cmocka_unit_test_setup(has_a_limit, reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
