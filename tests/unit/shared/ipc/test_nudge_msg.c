/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/ipc/nudge_msg.h"

#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>

#include "tests/lib/codec_check.h"

CODEC_CHECK_WRAP(nudge_revision)
CODEC_CHECK_WRAP(nudge_order)
CODEC_CHECK_WRAP(nudge_order_done)

static void test_messages(void **state)
{
	static const struct nudge_revision m = { .revision = 0x8877665544332211ull };
	static const struct codec_check row = CODEC_CHECK_ROW(nudge_revision, &m);

	(void)state;
	codec_check_run(&row);
}

static void test_orders(void **state)
{
	static const struct nudge_order order = { .tag = 0x11223344,
						  .kind = ORDER_RETRY,
						  .id = 0x55667788 };
	static const struct nudge_order_done done = {
		.tag = 0x11223344,
		.result = ERR_CLOSED,
		.link = true,
		.carrier = true,
		.sessions = 0x99aabbcc,
		.path = PATH_DIRECT_UDP,
		.endpoint = { .addr = { .family = AF_INET, .b = { 203, 0, 113, 11 } },
			      .port = 6655 },
	};
	static const struct codec_check rows[] = { CODEC_CHECK_ROW(nudge_order, &order),
						   CODEC_CHECK_ROW(nudge_order_done, &done) };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		codec_check_run(&rows[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_messages),
		cmocka_unit_test(test_orders),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
