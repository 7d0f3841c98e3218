/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "shared/monitor/log_tap.h"

static void lines_are_decoded(void **unused)
{
	static const struct {
		const char *message;
		enum err want;
	} rows[] = {
		{ "3 6 7 1763822401123 branchline-hub[control]\noslo", ERR_OK },
		{ "0 3 0 0 p\n", ERR_OK },
		{ "", ERR_INVALID },
		{ "3 6 7 1763822401123 branchline-hub[control]", ERR_INVALID },
		{ "6 6 7 1 p\nx", ERR_INVALID },
		{ "9 6 7 1 p\nx", ERR_INVALID },
		{ "-1 6 7 1 p\nx", ERR_INVALID },
		{ "3 2 7 1 p\nx", ERR_INVALID },
		{ "3 8 7 1 p\nx", ERR_INVALID },
		{ "3 6 9223372036854775808 1 p\nx", ERR_INVALID },
		{ "3 6 99999999999999999999 1 p\nx", ERR_INVALID },
		{ "3 6  1 p\nx", ERR_INVALID },
		{ "3 6 7\n1 p", ERR_INVALID },
		{ "3 6 7 1\np x", ERR_INVALID },
	};
	struct log_line l;

	(void)unused;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (log_line_decode(rows[i].message, strlen(rows[i].message), &l) != rows[i].want)
			fail_msg("%s", rows[i].message);
	assert_int_equal(log_line_decode(rows[0].message, strlen(rows[0].message), &l), ERR_OK);
	assert_int_equal(l.level, 3);
	assert_int_equal(l.prio, LOG_PRIO_INFO);
	assert_int_equal(l.lost, 7);
	assert_int_equal(l.at_ms, 1763822401123);
	assert_string_equal(l.process, "branchline-hub[control]");
	assert_string_equal(l.text, "oslo");
}

/* Bytes of a worker that may be taken over: no terminal is driven, and JSON can be made of it. */
static void texts_are_clean(void **unused)
{
	static const char hostile[] = "3 6 0 1 p\x1b[2J\n\x1b[31m\xff\0\n";
	struct log_line l;
	char big[LOG_TAP_MAX_BYTES + 1];
	json_t *j;

	(void)unused;
	assert_int_equal(log_line_decode(hostile, sizeof(hostile) - 1, &l), ERR_OK);
	assert_string_equal(l.process, "p?[2J");
	assert_string_equal(l.text, "?[31m\xff??");
	j = log_line_json(&l, 2);
	assert_string_equal(json_string_value(json_object_get(j, "text")), "?[31m???");
	assert_int_equal(json_integer_value(json_object_get(j, "lost")), 2);
	json_decref(j);
	memset(big, 'x', sizeof(big));
	memcpy(big, "3 6 0 1 p\n", 10);
	assert_int_equal(log_line_decode(big, sizeof(big), &l), ERR_TOOBIG);
	assert_int_equal(log_line_decode(big, sizeof(big) - 1, &l), ERR_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_are_decoded),
		cmocka_unit_test(texts_are_clean),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
