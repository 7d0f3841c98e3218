/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/ipc/nudge_msg.h"

#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>

#include "tests/lib/codec_check.h"

CODEC_CHECK_WRAP(nudge_revision)

static void test_messages(void **state)
{
	static const struct nudge_revision m = { .revision = 0x8877665544332211ull };
	static const struct codec_check row = CODEC_CHECK_ROW(nudge_revision, &m);

	(void)state;
	codec_check_run(&row);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_messages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
