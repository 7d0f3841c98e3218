/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "hub/api/order_waits.h"

/* Orders with a clock of our own, and a control worker that this test plays. */

static struct order_waits orders;
static struct timers *timers;
static uint64_t now;
static struct nudge_order asked;
static enum err refuse;
static unsigned n_done;
static struct nudge_order_done told;

static enum err ask(struct order_waits *o, const struct nudge_order *order)
{
	assert_ptr_equal(o, &orders);
	asked = *order;
	return refuse;
}

static void done(struct order_wait *one, const struct nudge_order_done *what)
{
	assert_false(one->waiting);
	n_done++;
	told = *what;
}

static int setup(void **unused)
{
	(void)unused;
	now = 1000;
	n_done = 0;
	refuse = ERR_OK;
	assert_int_equal(timers_new(&timers), ERR_OK);
	order_waits_init(&orders, timers, ask, done);
	return 0;
}

static int teardown(void **unused)
{
	(void)unused;
	order_waits_fini(&orders);
	timers_free(timers);
	return 0;
}

static enum err begin(struct order_wait *one)
{
	memset(one, 0, sizeof(*one));
	list_init(&one->link);
	return order_waits_begin(&orders, ORDER_DISCONNECT, 7, one, now);
}

static void pass(uint64_t ms)
{
	now += ms;
	timers_run(timers, now, 100);
}

static void an_answer_finds_its_request(void **unused)
{
	struct order_wait a, b;
	uint32_t first;

	(void)unused;
	assert_int_equal(begin(&a), ERR_OK);
	first = asked.tag;
	assert_int_equal(asked.kind, ORDER_DISCONNECT);
	assert_int_equal(asked.id, 7);
	assert_int_equal(begin(&b), ERR_OK);
	assert_int_not_equal(asked.tag, first);
	order_waits_take(&orders, &(struct nudge_order_done){ .tag = asked.tag, .sessions = 2 });
	assert_int_equal(n_done, 1);
	assert_int_equal(told.sessions, 2);
	assert_false(b.waiting);
	assert_true(a.waiting);
	/* Answered already, or of nobody. */
	order_waits_take(&orders, &(struct nudge_order_done){ .tag = asked.tag });
	order_waits_take(&orders, &(struct nudge_order_done){ .tag = 0 });
	assert_int_equal(n_done, 1);
	order_waits_leave(&orders, &a);
	order_waits_leave(&orders, &a);
	assert_int_equal(orders.n, 0);
	order_waits_take(&orders, &(struct nudge_order_done){ .tag = first });
	assert_int_equal(n_done, 1);
}

static void patience_ends(void **unused)
{
	struct order_wait a, b;

	(void)unused;
	assert_int_equal(begin(&a), ERR_OK);
	pass(100);
	assert_int_equal(begin(&b), ERR_OK);
	pass(ORDER_WAITS_PATIENCE_MS - 101);
	assert_int_equal(n_done, 0);
	pass(1);
	assert_int_equal(n_done, 1);
	assert_int_equal(told.result, ERR_BUSY);
	assert_false(a.waiting);
	assert_true(b.waiting);
	pass(100);
	assert_int_equal(n_done, 2);
	assert_int_equal(orders.n, 0);
}

static void there_is_a_limit(void **unused)
{
	struct order_wait all[ORDER_WAITS_MAX], more;

	(void)unused;
	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		assert_int_equal(begin(&all[i]), ERR_OK);
	assert_int_equal(begin(&more), ERR_LIMIT);
	assert_false(more.waiting);
	order_waits_lost(&orders);
	assert_int_equal(n_done, ORDER_WAITS_MAX);
	assert_int_equal(told.result, ERR_BUSY);
	refuse = ERR_CLOSED;
	assert_int_equal(begin(&more), ERR_CLOSED);
	assert_int_equal(orders.n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(an_answer_finds_its_request, setup, teardown),
		cmocka_unit_test_setup_teardown(patience_ends, setup, teardown),
		cmocka_unit_test_setup_teardown(there_is_a_limit, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
