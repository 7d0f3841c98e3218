/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/carrier/queue.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "shared/wire/limits.h"

#define RUN_BYTES 16000u

static struct carrier_queue q;
static uint8_t run[RUN_BYTES];

/* A run whose first byte is its mark. */
static void push(uint8_t mark, unsigned packets, uint64_t now_ms)
{
	run[0] = mark;
	carrier_queue_push(&q, run, sizeof(run), packets, now_ms);
}

/* The mark of the oldest that is worth sending, -1 none. */
static int front(uint64_t now_ms)
{
	size_t n;
	const uint8_t *p = carrier_queue_front(&q, now_ms, &n);

	if (!p)
		return -1;
	assert_int_equal(n, RUN_BYTES);
	return p[0];
}

static int setup(void **state)
{
	(void)state;
	carrier_queue_init(&q);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	carrier_queue_fini(&q);
	return 0;
}

static void test_order(void **state)
{
	(void)state;
	assert_int_equal(front(1000), -1);
	assert_true(carrier_queue_empty(&q));
	push(1, 10, 1000);
	push(2, 20, 1000);
	assert_int_equal(front(1001), 1);
	assert_int_equal(front(1001), 1);
	assert_int_equal(carrier_queue_pop(&q), 10);
	assert_int_equal(front(1001), 2);
	assert_int_equal(carrier_queue_pop(&q), 20);
	assert_int_equal(front(1001), -1);
	assert_int_equal(q.dropped, 0);
	/* An empty queue holds no memory. */
	assert_null(q.runs.mem);
}

static void test_age(void **state)
{
	(void)state;
	push(1, 10, 1000);
	push(2, 20, 1050);
	assert_int_equal(front(1000 + CARRIER_QUEUE_MS - 1), 1);
	assert_int_equal(front(1000 + CARRIER_QUEUE_MS), 2);
	assert_int_equal(q.dropped, 10);
	assert_int_equal(front(1050 + CARRIER_QUEUE_MS), -1);
	assert_int_equal(q.dropped, 30);
}

/* However much comes: the bytes are bounded, and the newest are those that stay. */
static void test_bytes(void **state)
{
	const unsigned n = 200;
	unsigned kept = 0;

	(void)state;
	for (unsigned i = 0; i < n; i++) {
		push((uint8_t)i, 1, 1000);
		assert_true(buf_len(&q.runs) <= CARRIER_QUEUE_BYTES);
	}
	for (int mark = front(1000); mark >= 0; mark = front(1000)) {
		kept++;
		carrier_queue_pop(&q);
		if (front(1000) < 0)
			assert_int_equal(mark, n - 1);
	}
	assert_int_equal(kept, CARRIER_QUEUE_BYTES / (RUN_BYTES + 16));
	assert_int_equal(q.dropped, n - kept);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_order, setup, teardown),
		cmocka_unit_test_setup_teardown(test_age, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bytes, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
