/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "hub/api/params.h"

/* A row: text, the greatest value, what comes out; -1 when it must be refused. */
static const struct {
	const char *text;
	uint64_t max;
	int64_t want;
} numbers[] = {
	{ "0", 10, 0 },
	{ "10", 10, 10 },
	{ "11", 10, -1 },
	{ "007", 10, 7 },
	{ "", 10, -1 },
	{ "-1", 10, -1 },
	{ "+1", 10, -1 },
	{ " 1", 10, -1 },
	{ "1 ", 10, -1 },
	{ "1.0", 10, -1 },
	{ "0x1", 10, -1 },
	{ "9223372036854775807", INT64_MAX, INT64_MAX },
	{ "18446744073709551616", UINT64_MAX, -1 },
	{ "99999999999999999999999", UINT64_MAX, -1 },
};

static void parses_numbers(void **unused)
{
	uint64_t v;

	(void)unused;
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
		v = 77;
		assert_int_equal(params_parse_uint(numbers[i].text, numbers[i].max, &v),
				 numbers[i].want >= 0);
		assert_int_equal(v, numbers[i].want >= 0 ? (uint64_t)numbers[i].want : 77);
	}
	assert_true(params_parse_uint("18446744073709551615", UINT64_MAX, &v));
	assert_true(v == UINT64_MAX);
}

static const struct {
	const char *in, *out;
} escapes[] = {
	{ "plain", "plain" }, { "a%20b", "a b" },   { "%2F%2f", "//" }, { "%41%4a", "AJ" },
	{ "%00", "%00" },     { "a%00b", "a%00b" }, { "%", "%" },       { "%4", "%4" },
	{ "%zz", "%zz" },     { "%%41", "%A" },     { "%2541", "%41" }, { "+", "+" },
};

static void unescapes(void **unused)
{
	char text[32];

	(void)unused;
	for (size_t i = 0; i < ARRAY_LEN(escapes); i++) {
		snprintf(text, sizeof(text), "%s", escapes[i].in);
		assert_int_equal(params_unescape(text), strlen(escapes[i].out));
		assert_string_equal(text, escapes[i].out);
	}
}

static void checks_names(void **unused)
{
	struct params q = { 0 };
	struct problem p = { 0 };

	(void)unused;
	assert_int_equal(params_check(&q, NULL, &p), ERR_OK);
	params_add(&q, "limit", "5");
	assert_int_equal(params_check(&q, "limit after", &p), ERR_OK);
	assert_int_equal(params_check(&q, "limits after", &p), ERR_INVALID);
	assert_string_equal(p.code, "query_unknown");
	assert_int_equal(p.status, 400);
	assert_int_equal(params_check(&q, NULL, &p), ERR_INVALID);
	params_add(&q, "limit", "5");
	assert_int_equal(params_check(&q, "limit", &p), ERR_INVALID);
	assert_string_equal(p.code, "query_invalid");
}

static void has_a_limit(void **unused)
{
	struct params q = { 0 };
	struct problem p = { 0 };

	(void)unused;
	for (unsigned i = 0; i <= PARAMS_ARGS_MAX; i++)
		params_add(&q, "x", NULL);
	assert_int_equal(q.n, PARAMS_ARGS_MAX);
	assert_int_equal(params_check(&q, "x", &p), ERR_LIMIT);
}

static void reads_pages(void **unused)
{
	struct params q = { 0 };
	struct params_page page;
	struct problem p = { 0 };
	bool flag = true;

	(void)unused;
	assert_int_equal(params_page(&q, &page, &p), ERR_OK);
	assert_int_equal(page.limit, PARAMS_LIMIT_DEFAULT);
	assert_int_equal(page.after, 0);
	params_add(&q, "limit", "1000");
	params_add(&q, "after", "4294967295");
	assert_int_equal(params_page(&q, &page, &p), ERR_OK);
	assert_int_equal(page.limit, 1000);
	assert_int_equal(page.after, UINT32_MAX);
	q.args[0].value = "1001";
	assert_int_equal(params_page(&q, &page, &p), ERR_INVALID);
	q.args[0].value = "0";
	assert_int_equal(params_page(&q, &page, &p), ERR_INVALID);
	assert_int_equal(params_bool(&q, "dry_run", &flag, &p), ERR_OK);
	assert_false(flag);
	params_add(&q, "dry_run", "true");
	assert_int_equal(params_bool(&q, "dry_run", &flag, &p), ERR_OK);
	assert_true(flag);
	q.args[2].value = "yes";
	assert_int_equal(params_bool(&q, "dry_run", &flag, &p), ERR_INVALID);
}

static void times(void **unused)
{
	static const struct {
		const char *text;
		int64_t want; /* -1: refused */
	} rows[] = {
		{ "1970-01-02", 86400000 },
		{ "2026-11-22T14:40:01Z", 1795358401000 },
		{ "2026-11-22T14:40:01.5Z", 1795358401500 },
		{ "2026-11-22T14:40:01.123456Z", 1795358401123 },
		{ "2026-11-22T14:40:01", -1 },
		{ "2026-11-22T14:40:01.Z", -1 },
		{ "2026-11-22T14:40:01+01:00", -1 },
		{ "2026-11-22T14:40Z", -1 },
		{ "2026-13-01", -1 },
		{ "1969-12-31", -1 },
		{ "yesterday", -1 },
		{ "", -1 },
	};

	(void)unused;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct params q = { 0 };
		struct problem p = { 0 };
		int64_t got;
		enum err e;

		params_add(&q, "since", rows[i].text);
		e = params_time(&q, "since", &got, &p);
		if (rows[i].want < 0 ? e == ERR_OK : (e || got != rows[i].want))
			fail_msg("\"%s\": %lld", rows[i].text, (long long)got);
	}
}

static void escaping(void **unused)
{
	char out[8];

	(void)unused;
	assert_true(params_escape("a:b", out, sizeof(out)));
	assert_string_equal(out, "a:b");
	assert_true(params_escape("\r\xc3", out, sizeof(out)));
	assert_string_equal(out, "%0D%C3");
	assert_false(params_escape("&&&", out, sizeof(out)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(times),          cmocka_unit_test(escaping),
		cmocka_unit_test(parses_numbers), cmocka_unit_test(unescapes),
		cmocka_unit_test(checks_names),   cmocka_unit_test(has_a_limit),
		cmocka_unit_test(reads_pages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
