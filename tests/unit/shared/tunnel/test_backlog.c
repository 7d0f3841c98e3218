/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A device that always has packets, before a line of a given rate: how much waits in the socket,
 * whether the line ever has nothing to send, and what senders are told. Time is counted, not taken.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "shared/base/err.h"
#include "shared/tunnel/backlog.h"

#define US_PER_S     1000000u
#define STEP_US      100u
#define BUFFER_BYTES (8u << 20)
#define PACKET_BYTES 2304u /* 1400, as the kernel counts them */
#define START_US     5000000u
#define BUSY_READ_US 100u /* between two bursts of a device that is not held */

struct line {
	struct backlog b;
	uint64_t now_us, rate, idle_us, worst_us;
	uint64_t credit; /* of the line, in bytes * US_PER_S */
	size_t queued;
	uint64_t sent;
	uint64_t next_us[TUN_QUEUES]; /* when the queue is read again */
	size_t read[TUN_QUEUES];
	unsigned signals;
};

static struct backlog_look look(const struct line *l)
{
	return (struct backlog_look){ .queued = l->queued,
				      .buffer = BUFFER_BYTES,
				      .sent = l->sent };
}

static void line_init(struct line *l, uint64_t rate)
{
	memset(l, 0, sizeof(*l));
	l->rate = rate;
	l->now_us = START_US;
	for (unsigned i = 0; i < TUN_QUEUES; i++)
		l->next_us[i] = START_US;
}

static void give(struct line *l, size_t bytes)
{
	l->queued += bytes;
	l->sent += bytes;
}

/* One burst of a queue that is never empty. */
static void read_queue(struct line *l, enum tun_queue queue)
{
	struct backlog_look at = look(l);
	size_t room = TUN_BURST_BYTES, bytes = 0;

	if (!backlog_is_small(&l->b))
		room = backlog_room(&l->b, queue, &at, l->now_us);
	if (!room) {
		l->next_us[queue] = l->now_us + backlog_wait_ms(&l->b, queue) * 1000u;
		return;
	}
	for (unsigned i = 0; i < TUN_BURST && bytes < room; i++) {
		l->signals += backlog_congests(&l->b, queue, 1400);
		bytes += PACKET_BYTES;
	}
	give(l, bytes);
	at = look(l);
	backlog_sent(&l->b, &at, l->now_us);
	l->read[queue] += bytes;
	l->next_us[queue] = l->now_us + BUSY_READ_US;
}

/* The line sends for one step, in whole packets. */
static void drain(struct line *l)
{
	l->now_us += STEP_US;
	if (!l->queued) {
		l->idle_us += STEP_US;
		l->credit = 0;
		return;
	}
	for (l->credit += l->rate * STEP_US;
	     l->queued && l->credit >= (uint64_t)PACKET_BYTES * US_PER_S;
	     l->credit -= (uint64_t)PACKET_BYTES * US_PER_S)
		l->queued -= PACKET_BYTES;
}

static void run(struct line *l, uint64_t for_us, bool first, bool bulk)
{
	const uint64_t end = l->now_us + for_us;

	l->idle_us = l->worst_us = 0;
	while (l->now_us < end) {
		if (first && l->now_us >= l->next_us[TUN_FIRST])
			read_queue(l, TUN_FIRST);
		if (bulk && l->now_us >= l->next_us[TUN_BULK])
			read_queue(l, TUN_BULK);
		if (l->queued * (uint64_t)US_PER_S / l->rate > l->worst_us)
			l->worst_us = l->queued * (uint64_t)US_PER_S / l->rate;
		drain(l);
	}
}

static const uint64_t rates[] = { 125000, 1250000, 12500000, 125000000 }; /* 1 Mbit/s..1 Gbit/s */

/* At each rate little waits in the socket, and never nothing. */
static void test_little_waits_and_never_nothing(void **state)
{
	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(rates); i++) {
		struct line l;
		/* At 1 Mbit/s a few packets are more than the target. */
		uint64_t most_us = 2 * BACKLOG_TARGET_US +
				   2 * BACKLOG_MIN_BYTES * (uint64_t)US_PER_S / rates[i];

		line_init(&l, rates[i]);
		run(&l, 3 * US_PER_S, false, true);
		run(&l, 3 * US_PER_S, false, true);
		print_message("%u kbyte/s: %u us at most, idle for %u us\n",
			      (unsigned)(rates[i] / 1000), (unsigned)l.worst_us,
			      (unsigned)l.idle_us);
		assert_true(l.worst_us <= most_us);
		assert_int_equal(l.idle_us, 0);
	}
}

/* A line that gets faster or slower, by ten times, is followed within a second. */
static void test_rates_are_followed(void **state)
{
	struct line l;

	(void)state;
	line_init(&l, 1250000);
	run(&l, US_PER_S, false, true);
	l.rate = 12500000;
	run(&l, US_PER_S, false, true);
	run(&l, US_PER_S, false, true);
	assert_int_equal(l.idle_us, 0);
	l.rate = 1250000;
	run(&l, US_PER_S, false, true);
	run(&l, US_PER_S, false, true);
	assert_int_equal(l.idle_us, 0);
	assert_true(l.worst_us <= 3 * BACKLOG_TARGET_US);
}

/* What takes everything at once never holds anything, however much there is. */
static void test_a_fast_line_holds_nothing(void **state)
{
	struct line l;

	(void)state;
	line_init(&l, 1250000000u);
	for (unsigned i = 0; i < 10000; i++) {
		struct backlog_look at;

		/* Up to a burst is on its way at any time, as with a card that reports late. */
		l.queued = i % TUN_BURST * PACKET_BYTES;
		at = look(&l);
		assert_true(backlog_room(&l.b, TUN_BULK, &at, l.now_us) > 0);
		l.sent++;
		backlog_sent(&l.b, &at, l.now_us);
		l.now_us += STEP_US;
	}
	assert_int_equal(l.b.queues[TUN_BULK].standing_us, 0);
}

/* The first queue is read while the other one has to wait, and neither starves beside the other. */
static void test_the_first_queue_goes_first(void **state)
{
	struct line l;

	(void)state;
	line_init(&l, 1250000);
	run(&l, 2 * US_PER_S, true, true);
	memset(l.read, 0, sizeof(l.read));
	run(&l, 10 * US_PER_S, true, true);
	print_message("first %u, bulk %u bytes, %u us at most\n", (unsigned)l.read[TUN_FIRST],
		      (unsigned)l.read[TUN_BULK], (unsigned)l.worst_us);
	assert_true(l.read[TUN_FIRST] > l.read[TUN_BULK]);
	assert_true(l.read[TUN_BULK] * 10 > l.read[TUN_FIRST]);
	assert_true(l.worst_us <= 5 * BACKLOG_TARGET_US);
}

/* Others keep the socket full for ever: a queue has its turn all the same, a third of the line. */
static void test_a_full_socket_does_not_stop_a_queue(void **state)
{
	struct backlog b = { 0 };
	struct backlog_look at = { .queued = BUFFER_BYTES, .buffer = BUFFER_BYTES };
	uint64_t now_us = START_US, ours = 0, others = 0;

	(void)state;
	backlog_sent(&b, &at, now_us);
	for (unsigned i = 0; i < 5000; i++) {
		size_t room;

		now_us += 1000;
		at.sent += 5 * PACKET_BYTES;
		others += 5 * PACKET_BYTES;
		room = backlog_room(&b, TUN_BULK, &at, now_us);
		at.sent += room;
		ours += room;
		backlog_sent(&b, &at, now_us);
	}
	print_message("%u bytes of others, %u of ours\n", (unsigned)others, (unsigned)ours);
	assert_true(ours * 4 > others && ours < others);
}

/* Nobody sends anything, and nothing leaves: nothing more is put there. */
static void test_a_dead_line_gets_nothing(void **state)
{
	struct backlog b = { 0 };
	struct backlog_look at = { .queued = BUFFER_BYTES / 2, .buffer = BUFFER_BYTES };

	(void)state;
	backlog_sent(&b, &at, START_US);
	for (unsigned i = 1; i < 1000; i++)
		assert_int_equal(backlog_room(&b, TUN_BULK, &at, START_US + i * 1000u), 0);
	at.queued = 0;
	assert_true(backlog_room(&b, TUN_BULK, &at, START_US + US_PER_S) > 0);
}

/* Senders are told after an interval, then ever more often: the n-th pause is an interval divided
 * by the root of n, which makes about twenty in the first second after that. */
static void test_a_standing_queue_is_told(void **state)
{
	struct line l;

	(void)state;
	line_init(&l, 1250000);
	run(&l, BACKLOG_INTERVAL_US / 2, false, true);
	assert_int_equal(l.signals, 0);
	run(&l, BACKLOG_INTERVAL_US / 2 + US_PER_S, false, true);
	print_message("%u signals in a second\n", l.signals);
	assert_in_range(l.signals, 15, 30);
	/* Empty once: all is well. */
	l.signals = 0;
	backlog_emptied(&l.b, TUN_BULK);
	assert_false(backlog_congests(&l.b, TUN_BULK, 1400));
	run(&l, BACKLOG_INTERVAL_US / 2, false, true);
	assert_int_equal(l.signals, 0);
	/* It stands again, soon after: the pace is nearly what it was. */
	run(&l, US_PER_S, false, true);
	assert_true(l.signals > 30);
}

/* Acknowledgements are no reason for the queue, and a queue that waits for us is not the line's. */
static void test_who_is_not_told(void **state)
{
	struct line l;

	(void)state;
	line_init(&l, 1250000);
	run(&l, 3 * BACKLOG_INTERVAL_US, false, true);
	l.b.queues[TUN_BULK].signal_us = l.b.now_us;
	assert_false(backlog_congests(&l.b, TUN_BULK, 100));
	l.b.now_us += 2 * BACKLOG_INTERVAL_US;
	assert_false(backlog_congests(&l.b, TUN_BULK, 1400));
	assert_int_equal(l.b.queues[TUN_BULK].standing_us, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_little_waits_and_never_nothing),
		cmocka_unit_test(test_rates_are_followed),
		cmocka_unit_test(test_a_fast_line_holds_nothing),
		cmocka_unit_test(test_the_first_queue_goes_first),
		cmocka_unit_test(test_a_full_socket_does_not_stop_a_queue),
		cmocka_unit_test(test_a_dead_line_gets_nothing),
		cmocka_unit_test(test_a_standing_queue_is_told),
		cmocka_unit_test(test_who_is_not_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
