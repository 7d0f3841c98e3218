/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The link's policy: how long to wait before the next try, and which moves the machine may make. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "spoke/control/client.h"

/* `lo` and `hi` are reached with some random number, and never left. */
static void delays(void **state)
{
	static const struct {
		struct client_retry retry;
		uint64_t lo, hi;
	} rows[] = {
		{ { 0, 0, false, 0 }, 0, LINK_RETRY_MIN_MS },
		{ { LINK_RETRY_MIN_MS, 0, false, 0 }, 0, LINK_RETRY_MIN_MS },
		{ { 1500, 0, false, 0 }, 0, 1500 },
		{ { LINK_RETRY_MAX_MS, 0, false, 0 }, 0, LINK_RETRY_MAX_MS },
		{ { UINT64_MAX, 0, false, 0 }, 0, LINK_RETRY_MAX_MS },
		{ { 0, 10000, false, 0 }, 10000, 15000 },
		{ { 40000, 10000, false, 0 }, 10000, 15000 },
		{ { 0, 1, false, 0 }, LINK_RETRY_MIN_MS, LINK_RETRY_MIN_MS * 3 / 2 },
		{ { 0, UINT32_MAX, false, 0 },
		  LINK_RETRY_REFUSED_MS,
		  LINK_RETRY_REFUSED_MS * 3 / 2 },
		{ { 0, 0, true, 0 }, LINK_RETRY_REFUSED_MS, LINK_RETRY_REFUSED_MS * 5 / 4 },
		{ { 7000, 100, true, 0 }, LINK_RETRY_REFUSED_MS, LINK_RETRY_REFUSED_MS * 5 / 4 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint32_t width = (uint32_t)(rows[i].hi - rows[i].lo);

		assert_int_equal(client_retry_delay_ms(&rows[i].retry, 0), rows[i].lo);
		assert_int_equal(client_retry_delay_ms(&rows[i].retry, width), rows[i].hi);
		for (uint32_t r = 1; r < UINT32_MAX - 7919 * 9973u; r += 7919 * 9973u)
			assert_in_range(client_retry_delay_ms(&rows[i].retry, r), rows[i].lo,
					rows[i].hi);
		assert_in_range(client_retry_delay_ms(&rows[i].retry, UINT32_MAX), rows[i].lo,
				rows[i].hi);
	}
}

/* A round that took as long as the wait would have been is followed by the next at once. */
static void tries_count_as_waiting(void **state)
{
	struct client_retry r = { .away_ms = 12000, .tried_ms = 10000 };

	(void)state;
	assert_int_equal(client_retry_delay_ms(&r, 12000), 2000);
	assert_int_equal(client_retry_delay_ms(&r, 10001), 1);
	assert_int_equal(client_retry_delay_ms(&r, 10000), 0);
	assert_int_equal(client_retry_delay_ms(&r, 5), 0);
	/* What the hub asked for is kept. */
	r.asked_ms = 10000;
	assert_int_equal(client_retry_delay_ms(&r, 0), 10000);
}

static void moves(void **state)
{
	static const char table[CLIENT_STATES][CLIENT_STATES + 1] = {
		/* to:   S D G U W */
		[CLIENT_STOPPED] = "-x---",  [CLIENT_DIALLING] = "x-x-x",
		[CLIENT_GREETING] = "x--xx", [CLIENT_UP] = "x---x",
		[CLIENT_WAITING] = "xx---",
	};

	(void)state;
	for (int from = 0; from < CLIENT_STATES; from++)
		for (int to = 0; to < CLIENT_STATES; to++)
			assert_int_equal(
				client_may_move((enum client_state)from, (enum client_state)to),
				table[from][to] == 'x');
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(delays),
		cmocka_unit_test(tries_count_as_waiting),
		cmocka_unit_test(moves),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
