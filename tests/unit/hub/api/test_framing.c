/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "hub/api/framing.h"

#define H             "Host: hub\r\n"
#define GET           "GET /a HTTP/1.1\r\n"
#define POST          "POST /a HTTP/1.1\r\n" H
#define TE            POST "Transfer-Encoding: chunked\r\n\r\n"
#define OUT_MAX_BYTES (1u << 20)

/* A row: what comes, and what goes on of it (NULL: all); or the problem; `requests` that are whole.
 */
struct row {
	const char *in, *out;
	unsigned requests, status;
	const char *code;
};

static const struct row good[] = {
	{ GET H "\r\n", NULL, 1, 0, NULL },
	{ GET "host: \r\n\r\n", NULL, 1, 0, NULL },
	{ GET "HOST: [fd00::1]:8655\r\n\r\n", NULL, 1, 0, NULL },
	{ "GET / HTTP/1.0\r\n\r\n", NULL, 1, 0, NULL },
	{ "GET / HTTP/1.9\r\n" H "\r\n", "GET / HTTP/1.1\r\n" H "\r\n", 1, 0, NULL },
	{ "OPTIONS * HTTP/1.1\r\n" H "\r\n", NULL, 1, 0, NULL },
	{ "CONNECT hub:443 HTTP/1.1\r\n" H "\r\n", NULL, 1, 0, NULL },
	{ GET H "\r\n" GET H "\r\n", NULL, 2, 0, NULL },
	{ "\r\n" GET H "\r\n\r\n\r\n" GET H "\r\n", GET H "\r\n" GET H "\r\n", 2, 0, NULL },
	{ GET H "A:b\r\nB: \t c\td \t\r\nC:\r\n\r\n", GET H "A: b\r\nB: c\td\r\nC: \r\n\r\n", 1, 0,
	  NULL },
	{ GET H "A: \xc3\xb8\r\n\r\n", NULL, 1, 0, NULL },
	{ POST "Content-Length: 3\r\n\r\nabc", NULL, 1, 0, NULL },
	{ POST "Content-Length: 0\r\n\r\n" GET H "\r\n", NULL, 2, 0, NULL },
	{ POST "Content-Length: 003\r\n\r\n\r\n\r" GET H "\r\n", NULL, 2, 0, NULL },
	{ TE "3\r\nabc\r\n0\r\n\r\n", NULL, 1, 0, NULL },
	{ POST "transfer-encoding: \tCHUNKED \r\n\r\n1\r\n\n\r\n0\r\n\r\n",
	  POST "transfer-encoding: CHUNKED\r\n\r\n1\r\n\n\r\n0\r\n\r\n", 1, 0, NULL },
	{ TE "00A \t;name=\"va;lue\";b\r\n0123456789\r\n000;last\r\nTrailer: x\r\n\r\n" GET H
	     "\r\n",
	  TE "a\r\n0123456789\r\n0\r\n\r\n" GET H "\r\n", 2, 0, NULL },
	{ "GET http://Other:80/a?b=c HTTP/1.1\r\n" H "A: b\r\n\r\n",
	  "GET /a?b=c HTTP/1.1\r\nHost: Other:80\r\nA: b\r\n\r\n", 1, 0, NULL },
	{ "GET HTTPS://other?b HTTP/1.1\r\n" H "\r\n", "GET /?b HTTP/1.1\r\nHost: other\r\n\r\n", 1,
	  0, NULL },
	{ "GET http://other HTTP/1.0\r\n\r\n", "GET / HTTP/1.0\r\nHost: other\r\n\r\n", 1, 0,
	  NULL },
	/* Not whole yet. */
	{ GET H, "", 0, 0, NULL },
	{ "\r\n", "", 0, 0, NULL },
	{ POST "Content-Length: 3\r\n\r\nab", NULL, 0, 0, NULL },
	{ TE "3;x\r\nab", TE "3\r\nab", 0, 0, NULL },
};

static const struct row bad[] = {
	{ "GET\r\n", "", 0, 400, "request_line_invalid" },
	{ "GET /\r\n", "", 0, 400, "request_line_invalid" },
	{ "GET  / HTTP/1.1\r\n", "", 0, 400, "request_line_invalid" },
	{ "GET / HTTP/1.1 \r\n", "", 0, 400, "request_line_invalid" },
	{ "GET / x HTTP/1.1\r\n", "", 0, 400, "request_line_invalid" },
	{ " GET / HTTP/1.1\r\n", "", 0, 400, "request_line_invalid" },
	{ "G(T / HTTP/1.1\r\n", "", 0, 400, "request_line_invalid" },
	{ "GET / http/1.1\r\n", "", 0, 400, "request_line_invalid" },
	{ "GET / HTTP/1.10\r\n", "", 0, 400, "request_line_invalid" },
	{ "GET / HTTP/11\r\n", "", 0, 400, "request_line_invalid" },
	{ "GET / HTTP/x.1\r\n", "", 0, 400, "request_line_invalid" },
	{ "GET\t/ HTTP/1.1\r\n", "", 0, 400, "request_line_invalid" },
	{ "\x16\x03\x01\x02", "", 0, 400, "request_line_invalid" },
	{ "GET /\xc3\xb8 HTTP/1.1\r\n", "", 0, 400, "request_line_invalid" },
	{ "ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFG / HTTP/1.1\r\n", "", 0, 400, "request_line_invalid" },
	{ "\r\n\r\n\r\n\r\n\r\n", "", 0, 400, "request_line_invalid" },
	{ "GET / HTTP/2.0\r\n", "", 0, 505, "version_unsupported" },
	{ "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "", 0, 505, "version_unsupported" },
	{ "GET / HTTP/0.9\r\n", "", 0, 505, "version_unsupported" },
	{ "GET a HTTP/1.1\r\n", "", 0, 400, "target_invalid" },
	{ "GET /a#b HTTP/1.1\r\n", "", 0, 400, "target_invalid" },
	{ "GET ftp://other/ HTTP/1.1\r\n", "", 0, 400, "target_invalid" },
	{ "GET http:///a HTTP/1.1\r\n", "", 0, 400, "target_invalid" },
	{ "GET http://user@other/a HTTP/1.1\r\n", "", 0, 400, "target_invalid" },
	{ "CONNECT /a HTTP/1.1\r\n", "", 0, 400, "target_invalid" },
	{ "GET / HTTP/1.1\n", "", 0, 400, "line_end_invalid" },
	{ "GET / HTTP/1.1\rX", "", 0, 400, "line_end_invalid" },
	{ GET H "A: b\r\r\n", "", 0, 400, "line_end_invalid" },
	{ GET H "A: b\n", "", 0, 400, "line_end_invalid" },
	{ GET H "\n", "", 0, 400, "line_end_invalid" },
	{ GET H "no colon\r\n", "", 0, 400, "field_invalid" },
	{ GET H "A : b\r\n", "", 0, 400, "field_invalid" },
	{ GET H " folded: b\r\n", "", 0, 400, "field_invalid" },
	{ GET H "A: b\r\n c\r\n", "", 0, 400, "field_invalid" },
	{ GET H ": b\r\n", "", 0, 400, "field_invalid" },
	{ GET H "A\x80: b\r\n", "", 0, 400, "field_invalid" },
	{ GET H "A: b\x01", "", 0, 400, "field_invalid" },
	{ GET H "A: \x7f", "", 0, 400, "field_invalid" },
	{ GET "\r\n", "", 0, 400, "host_invalid" },
	{ GET H "HOST: hub\r\n\r\n", "", 0, 400, "host_invalid" },
	{ "GET / HTTP/1.0\r\n" H H "\r\n", "", 0, 400, "host_invalid" },
	{ GET "Host: a b\r\n\r\n", "", 0, 400, "host_invalid" },
	{ GET "Host: a/b\r\n\r\n", "", 0, 400, "host_invalid" },
	{ "GET http://other/ HTTP/1.1\r\n\r\n", "", 0, 400, "host_invalid" },
	{ POST "Content-Length: \r\n", "", 0, 400, "length_invalid" },
	{ POST "Content-Length: -1\r\n", "", 0, 400, "length_invalid" },
	{ POST "Content-Length: +1\r\n", "", 0, 400, "length_invalid" },
	{ POST "Content-Length: 0x1\r\n", "", 0, 400, "length_invalid" },
	{ POST "Content-Length: 1, 1\r\n", "", 0, 400, "length_invalid" },
	{ POST "Content-Length: 2\r\nContent-Length: 2\r\n\r\n", "", 0, 400, "length_ambiguous" },
	{ POST "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n", "", 0, 400,
	  "length_ambiguous" },
	{ POST "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n", "", 0, 400,
	  "length_ambiguous" },
	{ "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", "", 0, 400, "length_ambiguous" },
	{ POST "Transfer-Encoding: gzip, chunked\r\n\r\n", "", 0, 501, "encoding_unknown" },
	{ POST "Transfer-Encoding:\r\n\r\n", "", 0, 501, "encoding_unknown" },
	{ POST "Content-Length: 16777217\r\n\r\n", "", 0, 413, "body_too_big" },
	{ POST "Content-Length: 99999999999999999999999999\r\n\r\n", "", 0, 413, "body_too_big" },
	{ TE "1000001\r\n", TE, 0, 413, "body_too_big" },
	{ TE "1\r\na\r\n1000000\r\n", TE "1\r\na\r\n", 0, 413, "body_too_big" },
	{ TE "ffffffffffffffffffffffffffff\r\n", TE, 0, 413, "body_too_big" },
	{ TE "\r\n", TE, 0, 400, "chunk_invalid" },
	{ TE "x\r\n", TE, 0, 400, "chunk_invalid" },
	{ TE "-1\r\n", TE, 0, 400, "chunk_invalid" },
	{ TE "0x1\r\n", TE, 0, 400, "chunk_invalid" },
	{ TE " 1\r\n", TE, 0, 400, "chunk_invalid" },
	{ TE "1 \r\n", TE, 0, 400, "chunk_invalid" },
	{ TE ";a\r\n", TE, 0, 400, "chunk_invalid" },
	{ TE "1;a\x01", TE, 0, 400, "chunk_invalid" },
	{ TE "1\n", TE, 0, 400, "line_end_invalid" },
	{ TE "1\r\nab", TE "1\r\na", 0, 400, "chunk_invalid" },
	{ TE "1\r\na\n", TE "1\r\na", 0, 400, "line_end_invalid" },
	{ TE "0\r\nno colon\r\n", TE, 0, 400, "field_invalid" },
	{ TE "0\r\nA: \x02", TE, 0, 400, "field_invalid" },
	/* What was whole before it stays so. */
	{ GET H "\r\nGET\r\n", GET H "\r\n", 1, 400, "request_line_invalid" },
	{ POST "Content-Length: 3\r\n\r\nabcd / HTTP/1\r\n", POST "Content-Length: 3\r\n\r\nabc", 1,
	  400, "request_line_invalid" },
};

/* What came of some bytes. */
struct result {
	struct buf out;
	unsigned requests;
	struct problem p;
	bool cut; /* the end of the bytes would be one in the middle of a request */
};

/* Takes a piece, as many requests as are in it. */
static void take(struct framing *f, struct result *r, const uint8_t *p, size_t n)
{
	while (n && !r->p.status) {
		size_t used = 0;
		enum err e = framing_take(f, p, n, &used, &r->out, &r->p);

		assert_true(used <= n && (e != ERR_AGAIN || used == n));
		assert_int_equal(e == ERR_INVALID, r->p.status != 0);
		p += used;
		n -= used;
		if (e)
			continue;
		r->requests++;
		framing_next(f);
	}
}

/* Takes bytes in pieces of `step`, the first of `first`. */
static void run(const uint8_t *bytes, size_t n, size_t first, size_t step, struct result *r)
{
	struct framing f;
	struct problem p = { 0 };

	memset(r, 0, sizeof(*r));
	buf_init(&r->out, OUT_MAX_BYTES);
	framing_init(&f);
	for (size_t at = 0, some = first; at < n; at += some, some = step) {
		if (some > n - at)
			some = n - at;
		take(&f, r, bytes + at, some);
	}
	r->cut = !r->p.status && framing_end(&f, &p) != ERR_OK;
	framing_fini(&f);
}

static void assert_same(const struct result *a, const struct result *b)
{
	assert_int_equal(a->requests, b->requests);
	assert_int_equal(a->p.status, b->p.status);
	assert_string_equal(a->p.code, b->p.code);
	assert_int_equal(a->cut, b->cut);
	assert_int_equal(buf_len(&a->out), buf_len(&b->out));
	assert_memory_equal(buf_data(&a->out), buf_data(&b->out), buf_len(&a->out));
}

/* The same, however it is cut. */
static void try_cuts(const uint8_t *bytes, size_t n, const struct result *whole)
{
	struct result r;

	for (size_t at = 1; at < n; at++) {
		run(bytes, at, at, n, &r);
		buf_fini(&r.out);
		run(bytes, n, at, n, &r);
		assert_same(&r, whole);
		buf_fini(&r.out);
	}
	run(bytes, n, 1, 1, &r);
	assert_same(&r, whole);
	buf_fini(&r.out);
}

static void try_row(const struct row *row)
{
	const char *out = row->out ? row->out : row->in;
	struct result r;

	run((const uint8_t *)row->in, strlen(row->in), SIZE_MAX, 1, &r);
	if (r.requests != row->requests || r.p.status != row->status ||
	    strcmp(r.p.code, row->code ? row->code : "") != 0)
		fail_msg("%s: %u requests, %u %s", row->in, r.requests, r.p.status, r.p.code);
	assert_string_equal(buf_cstr(&r.out), out);
	try_cuts((const uint8_t *)row->in, strlen(row->in), &r);
	buf_fini(&r.out);
}

static void what_is_http_goes_on(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		try_row(&good[i]);
}

static void what_is_not_is_a_problem(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		try_row(&bad[i]);
}

/* `n` times `piece` between two texts; the caller frees. */
static char *long_text(const char *before, const char *piece, size_t n, const char *behind)
{
	char *all = calloc(1, strlen(before) + n * strlen(piece) + strlen(behind) + 1), *at = all;

	assert_non_null(all);
	at = stpcpy(at, before);
	while (n--)
		at = stpcpy(at, piece);
	stpcpy(at, behind);
	return all;
}

static void try_long(const char *before, const char *piece, size_t n, const char *behind,
		     unsigned status, const char *code)
{
	char *all = long_text(before, piece, n, behind);
	struct result r;

	run((const uint8_t *)all, strlen(all), SIZE_MAX, 1, &r);
	if (r.p.status != status || strcmp(r.p.code, code) != 0 || r.requests != (status == 0))
		fail_msg("%zu times %s: %u %s", n, piece, r.p.status, r.p.code);
	for (size_t step = 1; step < 5000; step = step * 3 + 1) {
		struct result again;

		run((const uint8_t *)all, strlen(all), 7, step, &again);
		assert_same(&again, &r);
		buf_fini(&again.out);
	}
	buf_fini(&r.out);
	free(all);
}

/* Each limit, and one more than it. */
static void limits(void **unused)
{
	const size_t target = HEAD_TARGET_MAX_BYTES - 1, head = HEAD_MAX_BYTES - 17 - 11 - 3 - 4;

	(void)unused;
	try_long("GET /", "a", target, " HTTP/1.1\r\n" H "\r\n", 0, "");
	try_long("GET /", "a", target + 1, " HTTP/1.1\r\n" H "\r\n", 414, "target_too_long");
	try_long("GET /", "a", 100000, "", 414, "target_too_long");
	try_long("", "A", 100000, "", 400, "request_line_invalid");
	try_long("GET /?", "&", HEAD_PARTS_MAX - 1, " HTTP/1.1\r\n" H "\r\n", 0, "");
	try_long("GET /?", "&", HEAD_PARTS_MAX, " HTTP/1.1\r\n" H "\r\n", 414, "target_too_long");
	try_long(GET H "A: ", "a", head, "\r\n\r\n", 0, "");
	try_long(GET H "A: ", "a", head + 1, "\r\n\r\n", 431, "head_too_long");
	try_long(GET H "A: ", "a", 100000, "", 431, "head_too_long");
	try_long(GET H, "A:\r\n", HEAD_FIELDS_MAX - 1, "\r\n", 0, "");
	try_long(GET H, "A:\r\n", HEAD_FIELDS_MAX, "\r\n", 431, "head_too_long");
	try_long(GET H "Cookie: ", "a;", HEAD_PARTS_MAX - 1, "a\r\n\r\n", 0, "");
	try_long(GET H "Cookie: ", "a;", HEAD_PARTS_MAX, "a\r\n\r\n", 431, "head_too_long");
	try_long(TE "1;", "a", FRAMING_CHUNK_LINE_MAX_BYTES - 2, "\r\nb\r\n0\r\n\r\n", 0, "");
	try_long(TE "1;", "a", FRAMING_CHUNK_LINE_MAX_BYTES - 1, "\r\nb\r\n0\r\n\r\n", 400,
		 "chunk_invalid");
	try_long(TE, "0", 1000, "", 400, "chunk_invalid");
	try_long(TE "0\r\n", "A:\r\n", HEAD_FIELDS_MAX, "\r\n", 0, "");
	try_long(TE "0\r\n", "A:\r\n", HEAD_FIELDS_MAX + 1, "\r\n", 431, "head_too_long");
	try_long(TE "0\r\nA: ", "a", HEAD_MAX_BYTES - 7, "\r\n\r\n", 0, "");
	try_long(TE "0\r\nA: ", "a", HEAD_MAX_BYTES - 6, "\r\n\r\n", 431, "head_too_long");
}

/* What a head says of the connection. */
static void the_last_request(void **unused)
{
	static const struct {
		const char *in;
		bool is_last, is_head;
	} rows[] = {
		{ GET H "\r\n", false, false },
		{ GET H "Connection: close\r\n\r\n", true, false },
		{ GET H "Connection: x, Close\r\n\r\n", true, false },
		{ GET H "Connection: closed\r\n\r\n", false, false },
		{ "HEAD / HTTP/1.0\r\n\r\n", true, true },
		{ "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", false, false },
		{ "HEAD / HTTP/1.0\r\nConnection: keep-alive,close\r\n\r\n", true, true },
	};

	(void)unused;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct framing f;
		struct problem p = { 0 };
		struct buf out;
		size_t used;

		framing_init(&f);
		buf_init(&out, OUT_MAX_BYTES);
		assert_int_equal(framing_take(&f, (const uint8_t *)rows[i].in, strlen(rows[i].in),
					      &used, &out, &p),
				 ERR_OK);
		assert_int_equal(f.head.is_last, rows[i].is_last);
		assert_int_equal(f.head.is_head, rows[i].is_head);
		buf_fini(&out);
		framing_fini(&f);
	}
}

/* Who stops in the middle of a request is told. */
static void an_end_in_the_middle(void **unused)
{
	static const struct {
		const char *in;
		bool cut;
	} rows[] = {
		{ "", false },
		{ "\r\n", false },
		{ GET H "\r\n", false },
		{ GET H "\r\n\r\n", false },
		{ "G", true },
		{ GET H, true },
		{ POST "Content-Length: 3\r\n\r\nab", true },
		{ TE "0\r\n", true },
	};

	(void)unused;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct result r;

		run((const uint8_t *)rows[i].in, strlen(rows[i].in), SIZE_MAX, 1, &r);
		assert_int_equal(r.cut, rows[i].cut);
		buf_fini(&r.out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_http_goes_on),
		cmocka_unit_test(what_is_not_is_a_problem),
		cmocka_unit_test(limits),
		cmocka_unit_test(the_last_request),
		cmocka_unit_test(an_end_in_the_middle),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
