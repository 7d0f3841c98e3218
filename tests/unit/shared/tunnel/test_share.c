/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who is cut, and how far, when a socket gives more than can be worked on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "shared/tunnel/share.h"

#define MESSAGE 1000u

static struct share share;
static uint64_t now_ms;

/* The same places in every run. */
static void begin(uint64_t seed)
{
	share_init(&share);
	share.seed[0] = seed;
	share.seed[1] = 0x0123456789abcdefu;
}

static int setup(void **state)
{
	(void)state;
	begin(1);
	now_ms = 1000;
	return 0;
}

static struct endpoint sender(uint32_t i)
{
	const uint8_t a[4] = { 10, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i };

	return (struct endpoint){ .addr = addr_from_v4(a), .port = 6655 };
}

/* `n` messages of one sender, spread over an epoch that begins now; how many are admitted. */
static unsigned epoch_of(uint32_t i, unsigned n)
{
	const struct endpoint from = sender(i);
	unsigned admitted = 0;

	for (unsigned k = 0; k < n; k++)
		admitted += share_admit(&share, &from, MESSAGE, now_ms + k * SHARE_EPOCH_MS / n);
	return admitted;
}

/* An epoch in which the elephant sends `n` messages, and each of `mice` one; its part. */
static unsigned mixed_epoch(unsigned n, unsigned mice, bool overflow)
{
	unsigned admitted;

	if (overflow)
		share_overflow(&share, now_ms);
	for (uint32_t i = 1; i <= mice; i++) {
		const struct endpoint from = sender(i);

		assert_true(share_admit(&share, &from, MESSAGE / 10, now_ms));
	}
	admitted = epoch_of(0, n);
	now_ms += SHARE_EPOCH_MS;
	return admitted;
}

static void nothing_is_cut_while_nothing_overflows(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 10; i++)
		assert_int_equal(mixed_epoch(1000, 10, false), 1000);
	assert_false(share.active);
}

static void the_largest_is_cut_until_it_fits(void **state)
{
	unsigned before = 1000, admitted;

	(void)state;
	assert_int_equal(mixed_epoch(1000, 10, true), 1000); /* seen for the first time */
	for (unsigned i = 0; i < 5; i++) {
		admitted = mixed_epoch(1000, 10, true);
		assert_in_range(admitted, before * 70 / 100, before * 80 / 100);
		before = admitted;
	}
}

/* However long it lasts, nobody gets less than all would if they had sent the same. */
static void never_below_the_equal_part(void **state)
{
	unsigned admitted = 0;

	(void)state;
	for (unsigned i = 0; i < 100; i++)
		admitted = mixed_epoch(1000, 9, true);
	/* Ten senders, or nine where two are at one place. */
	assert_in_range(admitted, 99, 113);
}

/* But for those who happen to be at one place for an epoch: 45 pairs of ten in 2048 places. */
static void those_who_send_the_same_are_not_cut(void **state)
{
	unsigned admitted = 0;

	(void)state;
	for (unsigned i = 0; i < 100; i++) {
		share_overflow(&share, now_ms);
		for (uint32_t k = 0; k < 10; k++)
			admitted += epoch_of(k, 1);
		now_ms += SHARE_EPOCH_MS;
	}
	assert_in_range(admitted, 990, 1000);
}

static void one_alone_is_not_cut(void **state)
{
	(void)state;
	for (unsigned i = 1; i <= 20; i++)
		assert_int_equal(mixed_epoch(100 * i, 0, true), 100 * i);
}

/* When there is room again the limit rises, until it is none, and nothing is counted any more. */
static void the_limit_goes_away(void **state)
{
	unsigned epochs = 0, before = 0, admitted = 0;

	(void)state;
	for (unsigned i = 0; i < 8; i++)
		before = mixed_epoch(1000, 10, true);
	assert_true(before < 200);
	/* The last of them only tells in the next. */
	(void)mixed_epoch(1000, 10, false);
	for (; share.active && epochs < 200; epochs++) {
		before = admitted;
		admitted = mixed_epoch(1000, 10, false);
		assert_true(admitted >= before);
	}
	assert_in_range(epochs, 20, 100);
	assert_int_equal(mixed_epoch(2000, 10, false), 2000);
}

/* A part may be used at once, so that a burst at the beginning does not take the whole epoch's. */
static void a_burst_is_not_the_whole_epoch(void **state)
{
	const struct endpoint from = sender(0);
	unsigned admitted = 0;

	(void)state;
	(void)mixed_epoch(1000, 10, true);
	for (unsigned i = 0; i < 1000; i++)
		admitted += share_admit(&share, &from, MESSAGE, now_ms);
	assert_in_range(admitted, 180, 190); /* a quarter of three quarters */
	assert_true(share_admit(&share, &from, MESSAGE, now_ms + SHARE_EPOCH_MS / 2));
}

/* An epoch in which these two send: are they at one place? */
static bool are_together(uint32_t i, uint32_t k)
{
	const struct endpoint a = sender(i), b = sender(k);

	(void)share_admit(&share, &a, MESSAGE, now_ms);
	(void)share_admit(&share, &b, MESSAGE, now_ms);
	return share.senders == 1;
}

/* Two at one place have to share it for that epoch only. */
static void places_change(void **state)
{
	unsigned found = 0, again = 0;

	(void)state;
	for (uint32_t k = 2; found < 10; k++) {
		begin(k);
		share_overflow(&share, now_ms);
		if (!are_together(1, k))
			continue;
		found++;
		share_overflow(&share, now_ms);
		now_ms += SHARE_EPOCH_MS;
		again += are_together(1, k);
	}
	assert_true(again <= 1);
}

#define SHARE_TEST(test) cmocka_unit_test_setup(test, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SHARE_TEST(nothing_is_cut_while_nothing_overflows),
		SHARE_TEST(the_largest_is_cut_until_it_fits),
		SHARE_TEST(never_below_the_equal_part),
		SHARE_TEST(those_who_send_the_same_are_not_cut),
		SHARE_TEST(one_alone_is_not_cut),
		SHARE_TEST(the_limit_goes_away),
		SHARE_TEST(a_burst_is_not_the_whole_epoch),
		SHARE_TEST(places_change),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
