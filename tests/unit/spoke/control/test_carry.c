/* SPDX-License-Identifier: GPL-3.0-or-later */
/* When a carrier is wanted, which moves its machine may make, and how long it waits. */
#include "spoke/control/carry.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void need_rows(void **state)
{
	static const struct {
		enum path_kind path;
		enum path_reason reason;
		bool silent;
		enum carry_need need;
	} rows[] = {
		{ PATH_DOWN, PATH_REASON_NONE, false, CARRY_IDLE },
		{ PATH_DOWN, PATH_REASON_NO_SESSION, false, CARRY_IDLE },
		{ PATH_DOWN, PATH_REASON_HANDSHAKE, false, CARRY_TRYING },
		{ PATH_DOWN, PATH_REASON_NO_ANSWER, false, CARRY_NEEDED },
		{ PATH_DOWN, PATH_REASON_NO_ENDPOINT, false, CARRY_NEEDED },
		{ PATH_DOWN, PATH_REASON_UDP_BLOCKED, false, CARRY_NEEDED },
		{ PATH_DOWN, PATH_REASON_TCP_ONLY, false, CARRY_NEEDED },
		{ PATH_HUB_TCP, PATH_REASON_UDP_BLOCKED, false, CARRY_NEEDED },
		{ PATH_DIRECT_UDP, PATH_REASON_VALIDATED, false, CARRY_UDP },
		{ PATH_HUB_UDP, PATH_REASON_RELAYED, false, CARRY_UDP },
		{ PATH_DIRECT_UDP, PATH_REASON_VALIDATED, true, CARRY_NEEDED },
		{ PATH_HUB_TCP, PATH_REASON_UDP_BLOCKED, true, CARRY_NEEDED },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (carry_need_of(rows[i].path, rows[i].reason, rows[i].silent) != rows[i].need)
			fail_msg("%s, %s", path_kind_str(rows[i].path),
				 path_reason_str(rows[i].reason));
}

/* The drawing in the header, both ways round. */
static void moves(void **state)
{
	static const enum carry_state rows[][2] = {
		{ CARRY_OFF, CARRY_DIALLING },      { CARRY_DIALLING, CARRY_OFF },
		{ CARRY_DIALLING, CARRY_GREETING }, { CARRY_DIALLING, CARRY_WAITING },
		{ CARRY_GREETING, CARRY_OFF },      { CARRY_GREETING, CARRY_UP },
		{ CARRY_GREETING, CARRY_WAITING },  { CARRY_UP, CARRY_OFF },
		{ CARRY_UP, CARRY_WAITING },        { CARRY_WAITING, CARRY_OFF },
		{ CARRY_WAITING, CARRY_DIALLING },
	};

	(void)state;
	for (unsigned from = 0; from < CARRY_STATES; from++)
		for (unsigned to = 0; to < CARRY_STATES; to++) {
			bool drawn = false;

			for (size_t i = 0; i < ARRAY_LEN(rows); i++)
				drawn |= rows[i][0] == from && rows[i][1] == to;
			if (carry_may_move(from, to) != drawn)
				fail_msg("%s -> %s", carry_state_str(from), carry_state_str(to));
		}
	assert_false(carry_may_move(CARRY_STATES, CARRY_OFF));
}

static void retry_delays(void **state)
{
	(void)state;
	for (unsigned attempt = 0; attempt < 40; attempt++) {
		uint64_t top = 0;

		for (uint32_t r = 0; r < 70000; r += 7)
			if (carry_retry_delay_ms(attempt, r) > top)
				top = carry_retry_delay_ms(attempt, r);
		assert_true(top <= 30000);
		assert_true(top >= (attempt < 6 ? 490u << attempt : 29000));
		assert_int_equal(carry_retry_delay_ms(attempt, 0), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(need_rows),
		cmocka_unit_test(moves),
		cmocka_unit_test(retry_delays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
