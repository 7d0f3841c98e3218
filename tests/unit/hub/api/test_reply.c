/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "hub/api/reply.h"

/* A row: value of a condition; does it name "abc", as If-None-Match (weak) and as If-Match
 * (strong)? */
static const struct {
	const char *condition;
	bool weak, strong;
} conditions[] = {
	{ "\"abc\"", true, true },
	{ "*", true, true },
	{ " * ", true, true },
	{ "W/\"abc\"", true, false },
	{ "\"x\", \"abc\"", true, true },
	{ "\"x\",W/\"abc\"", true, false },
	{ "\"x\",\t\"abc\" ", true, true },
	{ "\"abcd\"", false, false },
	{ "\"ab\"", false, false },
	{ "abc", false, false },
	{ "", false, false },
	{ "\"abc", false, false },
	{ "*\"abc\"", false, false },
	{ "\"x,\"abc\"", false, false },
};

static void matches_tags(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < ARRAY_LEN(conditions); i++) {
		assert_int_equal(reply_etag_matches(conditions[i].condition, "\"abc\"", true),
				 conditions[i].weak);
		assert_int_equal(reply_etag_matches(conditions[i].condition, "\"abc\"", false),
				 conditions[i].strong);
	}
}

/* The tag of an item is that of the answer which shows it: what GET gave can go into If-Match. */
static void tag_of_item_is_tag_of_answer(void **unused)
{
	json_t *item = json_pack("{s:i, s:s}", "id", 1, "name", "a");
	char one[REPLY_ETAG_SIZE], two[REPLY_ETAG_SIZE], other[REPLY_ETAG_SIZE];
	struct reply r;

	(void)unused;
	reply_init(&r);
	reply_etag_json(item, one);
	reply_json(&r, 200, json_incref(item));
	reply_etag(buf_data(&r.body), buf_len(&r.body), two);
	assert_string_equal(one, two);
	assert_int_equal(strlen(one), 34);
	json_object_set_new(item, "name", json_string("b"));
	assert_string_not_equal(reply_etag_json(item, other), one);
	json_decref(item);
	reply_fini(&r);
}

/* What the gate sends by itself. */
static void an_answer_as_http(void **unused)
{
	static const char head[] = "HTTP/1.1 505 HTTP Version Not Supported\r\n"
				   "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
				   "Connection: close\r\n"
				   "X-Content-Type-Options: nosniff\r\n"
				   "Content-Security-Policy: default-src 'none'; "
				   "frame-ancestors 'none'\r\n"
				   "Referrer-Policy: no-referrer\r\n"
				   "Content-Type: application/problem+json\r\n"
				   "Cache-Control: private\r\n"
				   "Content-Length: ";
	const int64_t wall_ms = 784111777999;
	struct reply r;
	struct buf with, without;
	const char *end;

	(void)unused;
	reply_init(&r);
	reply_header(&r, "Cache-Control", "private");
	reply_refuse(&r, 505, "version_unsupported", "no");
	buf_init(&with, 4096);
	buf_init(&without, 4096);
	assert_int_equal(reply_write_last(&r, false, wall_ms, &with), ERR_OK);
	assert_int_equal(reply_write_last(&r, true, wall_ms, &without), ERR_OK);
	assert_memory_equal(buf_cstr(&with), head, sizeof(head) - 1);
	assert_int_equal(atoll(buf_cstr(&with) + sizeof(head) - 1), buf_len(&r.body));
	end = strstr(buf_cstr(&with), "\r\n\r\n");
	assert_non_null(end);
	assert_string_equal(end + 4, buf_cstr(&r.body));
	assert_int_equal(buf_len(&without) + buf_len(&r.body), buf_len(&with));
	assert_memory_equal(buf_data(&with), buf_data(&without), buf_len(&without));
	buf_fini(&without);
	buf_clear(&with);
	with.max = 100;
	assert_int_equal(reply_write_last(&r, false, wall_ms, &with), ERR_TOOBIG);
	buf_fini(&with);
	reply_fini(&r);
}

static void without_memory_there_is_an_answer(void **unused)
{
	struct reply r;

	(void)unused;
	reply_init(&r);
	reply_json(&r, 200, NULL);
	assert_int_equal(r.status, 503);
	assert_string_equal(r.content_type, "application/problem+json");
	assert_non_null(strstr(r.fixed, "no_memory"));
	assert_int_equal(r.fixed_len, strlen(r.fixed));
	reply_fini(&r);
}

static void problems_say_when_to_come_back(void **unused)
{
	struct reply r;

	(void)unused;
	reply_init(&r);
	reply_refuse(&r, 503, "store_busy", "try again");
	assert_string_equal(reply_header_get(&r, "retry-after"), "1");
	assert_string_equal(r.content_type, "application/problem+json");
	reply_clear(&r);
	reply_header(&r, "Retry-After", "%d", 30);
	reply_refuse(&r, 429, "too_many_failures", "slow down");
	assert_string_equal(reply_header_get(&r, "Retry-After"), "30");
	assert_int_equal(r.n_headers, 1);
	reply_clear(&r);
	reply_refuse(&r, 404, "not_found", "no");
	assert_null(reply_header_get(&r, "Retry-After"));
	reply_fini(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(matches_tags),
		cmocka_unit_test(tag_of_item_is_tag_of_answer),
		cmocka_unit_test(an_answer_as_http),
		cmocka_unit_test(without_memory_there_is_an_answer),
		cmocka_unit_test(problems_say_when_to_come_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
