/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "shared/loop/timer.h"

#define N 200

struct item {
	struct timer timer;
	bool armed; /* the model */
	uint64_t at_ms;
	unsigned fired;
};

static struct item items[N];
static struct timers *ts;
static uint64_t last_ms;

static int make(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < N; i++)
		items[i] = (struct item){ 0 };
	last_ms = 0;
	return timers_new(&ts);
}

static int unmake(void **unused)
{
	(void)unused;
	timers_free(ts);
	return 0;
}

/* Due, in order, and known to the model. */
static void fired(struct timer *t, uint64_t now_ms)
{
	struct item *it = container_of(t, struct item, timer);

	assert_true(it->armed);
	assert_true(it->at_ms <= now_ms);
	assert_true(it->at_ms >= last_ms);
	assert_false(timer_armed(t));
	last_ms = it->at_ms;
	it->armed = false;
	it->fired++;
}

static uint64_t model_next(void)
{
	uint64_t next = TIMER_NEVER;

	for (size_t i = 0; i < N; i++)
		if (items[i].armed && items[i].at_ms < next)
			next = items[i].at_ms;
	return next;
}

/* Arms, moves, disarms and runs at random from a fixed seed, compared with a plain array after each
 * step. */
static void against_a_model(void **unused)
{
	uint64_t now = 1000;
	uint32_t r = 42;

	(void)unused;
	for (int step = 0; step < 50000; step++) {
		struct item *it;

		r = r * 1664525u + 1013904223u;
		it = &items[(r >> 8) % N];
		it->timer.fire = fired;
		switch (r >> 28) {
		case 0:
			now += (r >> 16) % 50;
			last_ms = 0;
			timers_run(ts, now, UINT_MAX);
			assert_true(model_next() > now);
			break;
		case 1:
		case 2:
		case 3:
			timer_disarm(ts, &it->timer);
			it->armed = false;
			break;
		case 4:
			timer_arm(ts, &it->timer, TIMER_NEVER);
			it->armed = false;
			break;
		default:
			it->at_ms = now - 5 + (r >> 12) % 300;
			timer_arm(ts, &it->timer, it->at_ms);
			it->armed = true;
			break;
		}
		assert_int_equal(timer_armed(&it->timer), it->armed);
		assert_true(timers_next_ms(ts) == model_next());
	}
}

static void rearms_itself(struct timer *t, uint64_t now_ms)
{
	struct item *it = container_of(t, struct item, timer);

	it->fired++;
	timer_arm(ts, t, now_ms);
}

/* A timer that arms itself for now fires once a call, and is not lost. */
static void once_a_call(void **unused)
{
	(void)unused;
	items[0].timer.fire = rearms_itself;
	timer_arm(ts, &items[0].timer, 10);
	timers_run(ts, 10, UINT_MAX);
	assert_int_equal(items[0].fired, 1);
	assert_true(timer_armed(&items[0].timer));
	timers_run(ts, 11, UINT_MAX);
	assert_int_equal(items[0].fired, 2);
}

static void disarms_next(struct timer *t, uint64_t now_ms)
{
	struct item *it = container_of(t, struct item, timer);

	(void)now_ms;
	it->fired++;
	timer_disarm(ts, &it[1].timer);
}

/* A callback may disarm another that is due in the same call. */
static void disarmed_while_due(void **unused)
{
	(void)unused;
	items[0].timer.fire = disarms_next;
	items[1].timer.fire = fired;
	timer_arm(ts, &items[0].timer, 10);
	timer_arm(ts, &items[1].timer, 11);
	timers_run(ts, 20, UINT_MAX);
	assert_int_equal(items[0].fired, 1);
	assert_int_equal(items[1].fired, 0);
	assert_true(timers_next_ms(ts) == TIMER_NEVER);
}

/* However many are due, a call fires as many as it was told to, and the rest stay due, in order. */
static void no_more_than_asked(void **unused)
{
	unsigned n_fired = 0;

	(void)unused;
	for (size_t i = 0; i < N; i++) {
		items[i].timer.fire = fired;
		items[i].armed = true;
		items[i].at_ms = 10 + (i * 7) % 50;
		timer_arm(ts, &items[i].timer, items[i].at_ms);
	}
	timers_run(ts, 100, 0);
	assert_int_equal(last_ms, 0);
	for (unsigned calls = 1; timers_next_ms(ts) != TIMER_NEVER; calls++) {
		assert_true(timers_next_ms(ts) <= 100);
		timers_run(ts, 100, 16);
		n_fired = 0;
		for (size_t i = 0; i < N; i++)
			n_fired += items[i].fired;
		assert_int_equal(n_fired, calls * 16 < N ? calls * 16 : N);
	}
	assert_int_equal(n_fired, N);
}

/* What is still armed when the timers go is not armed afterwards. */
static void freed_while_armed(void **unused)
{
	struct timers *mine;
	struct timer t = { .fire = fired };

	(void)unused;
	assert_int_equal(timers_new(&mine), ERR_OK);
	timer_arm(mine, &t, 5);
	timers_free(mine);
	assert_false(timer_armed(&t));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(against_a_model, make, unmake),
		cmocka_unit_test_setup_teardown(once_a_call, make, unmake),
		cmocka_unit_test_setup_teardown(disarmed_while_due, make, unmake),
		cmocka_unit_test_setup_teardown(no_more_than_asked, make, unmake),
		cmocka_unit_test(freed_while_armed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
