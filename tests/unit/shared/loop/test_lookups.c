/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Host names of many nodes: found, kept, looked up again, forgotten. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "shared/loop/lookups.h"

static unsigned n_done, n_found;
static unsigned wanted;
static struct loop *loop;

static void done(struct lookups *l, uint32_t id, bool any)
{
	(void)l;
	(void)id;
	n_done++;
	n_found += any;
	if (n_done == wanted)
		loop_stop(loop, 0);
}

static void give_up(struct timer *t, uint64_t now_ms)
{
	(void)t;
	(void)now_ms;
	loop_stop(loop, 1);
}

/* Runs until `n` rounds are done in all. */
static void run_until(unsigned n)
{
	struct timer limit = { .fire = give_up };

	wanted = n;
	if (n_done >= n)
		return;
	timer_arm(loop_timers(loop), &limit, loop_now_ms(loop) + 60000);
	assert_int_equal(loop_run(loop), 0);
	timer_disarm(loop_timers(loop), &limit);
}

static void finds_and_forgets(void **state)
{
	static const char *const numeric[] = { "192.0.2.1 6655", "2001:db8::1 6655" };
	static const char *const names[] = { "192.0.2.1 6655", "localhost 7000" };
	struct lookups l;
	uint8_t n;

	(void)state;
	assert_int_equal(loop_new(&loop), ERR_OK);
	assert_int_equal(lookups_init(&l, loop, AF_UNSPEC, 6655, done), ERR_OK);
	lookups_set(&l, 1, numeric, 2);
	assert_int_equal(l.by_id.count, 0);
	/* More nodes than look-ups at once. */
	for (uint32_t id = 1; id <= 3 * LOOKUPS_AT_ONCE; id++)
		lookups_set(&l, id, names, 2);
	assert_null(lookups_found(&l, 1, &n));
	run_until(3 * LOOKUPS_AT_ONCE);
	assert_int_equal(n_found, n_done);
	assert_int_equal(l.running, 0);
	assert_non_null(lookups_found(&l, 1, &n));
	assert_true(n >= 1);
	assert_int_equal(lookups_found(&l, 1, &n)->port, 7000);
	/* The same lines, or asked again too soon: nothing to do. */
	lookups_set(&l, 1, names, 2);
	lookups_again(&l, 1);
	assert_true(list_empty(&l.queue));
	/* Other lines; what was found stays until then. */
	lookups_set(&l, 1, (const char *const[]){ "localhost 7001" }, 1);
	assert_non_null(lookups_found(&l, 1, &n));
	run_until(n_done + 1);
	assert_int_equal(lookups_found(&l, 1, &n)->port, 7001);
	lookups_set(&l, 1, NULL, 0);
	assert_null(lookups_found(&l, 1, &n));
	assert_int_equal(n, 0);
	/* In the middle of a look-up. */
	lookups_set(&l, 2, (const char *const[]){ "localhost 7002" }, 1);
	lookups_fini(&l);
	lookups_fini(&l);
	loop_free(loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(finds_and_forgets) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
