/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/wire/frame.h"

#include <stdarg.h>
#include <setjmp.h>
#include <string.h>
#include <zlib.h>
#include <cmocka.h>

#include "tests/lib/json_text.h"

#define MAX_BYTES 4096u

static void put_head(struct buf *b, uint32_t head)
{
	uint8_t p[4] = { (uint8_t)(head >> 24), (uint8_t)(head >> 16), (uint8_t)(head >> 8),
			 (uint8_t)head };

	assert_int_equal(buf_put(b, p, sizeof(p)), ERR_OK);
}

/* A buffer that holds one frame with `text`, compressed or not. */
static void make_frame(struct buf *b, const void *text, size_t n, bool zlib)
{
	uLongf packed_n = compressBound(n);
	uint8_t *packed = malloc(packed_n);

	buf_init(b, 1u << 20);
	assert_non_null(packed);
	assert_int_equal(compress2(packed, &packed_n, text, n, 9), Z_OK);
	put_head(b, zlib ? 0x80000000u | (uint32_t)packed_n : (uint32_t)n);
	assert_int_equal(buf_put(b, zlib ? packed : text, zlib ? packed_n : n), ERR_OK);
	free(packed);
}

static enum err decode(const struct buf *b)
{
	json_t *j = NULL;
	size_t n = 0;
	enum err e = frame_decode(b, MAX_BYTES, &j, &n);

	if (!e) {
		assert_true(json_is_object(j));
		assert_int_equal(n, buf_len(b));
		json_decref(j);
	} else {
		assert_null(j);
	}
	return e;
}

/* An object with `n` nested arrays, so n + 1 levels. Returns the length. */
static size_t nested(char *out, unsigned n)
{
	size_t at = 5;

	memcpy(out, "{\"a\":", at);
	memset(out + at, '[', n);
	memset(out + at + n, ']', n);
	at += 2 * n;
	out[at++] = '}';
	return at;
}

static void test_text_rows(void **state)
{
	static const struct {
		const char *text;
		enum err e;
	} rows[] = {
		{ "{}", ERR_OK },
		{ " { 'a' : [1, 2.5, -3, true, null, 'x'] } ", ERR_OK },
		{ "{'a':'\\u00e9\\n'}", ERR_OK },
		{ "{'a':'[[[[[[[[[[[[[[[[[[[[[[[[[[[[[['}", ERR_OK },
		{ "{'a':'\\'[[[[[[[[[[[[[[[[[[[[[[[[[[[[[['}", ERR_OK },
		{ "{'a':'\\\\','b':1}", ERR_OK },
		{ "[]", ERR_INVALID },
		{ "1", ERR_INVALID },
		{ "'a'", ERR_INVALID },
		{ "null", ERR_INVALID },
		{ "{", ERR_INVALID },
		{ "{}}", ERR_INVALID },
		{ "{} {}", ERR_INVALID },
		{ "{'a':1,'a':2}", ERR_INVALID },
		{ "{'a':1,}", ERR_INVALID },
		{ "{'a':\\u0000}", ERR_INVALID },
		{ "{'a':'\\u0000'}", ERR_INVALID },
		{ "{'a':'\xff'}", ERR_INVALID },
		{ "{'a':'\n'}", ERR_INVALID },
		{ "{'a':99999999999999999999}", ERR_INVALID },
		{ "{'a':01}", ERR_INVALID },
		{ "{a:1}", ERR_INVALID },
		{ "}}}}", ERR_INVALID },
	};

	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_LEN(rows); i++) {
		char *text = json_text_expand(rows[i / 2].text);
		struct buf b;
		enum err e;

		make_frame(&b, text, strlen(text), i % 2);
		e = decode(&b);
		if (e != rows[i / 2].e)
			fail_msg("%s: %d, want %d", text, e, rows[i / 2].e);
		buf_fini(&b);
		free(text);
	}
}

static void test_depth(void **state)
{
	char text[MAX_BYTES];
	struct buf b;

	(void)state;
	for (unsigned depth = 2; depth <= 2000; depth = depth < 40 ? depth + 1 : depth * 2) {
		make_frame(&b, text, nested(text, depth - 1), false);
		assert_int_equal(decode(&b), depth <= LINK_JSON_DEPTH_MAX ? ERR_OK : ERR_INVALID);
		buf_fini(&b);
	}
}

/* Any part of a frame is "not all there yet"; lengths are judged as soon as they are known. */
static void test_lengths(void **state)
{
	static const struct {
		uint32_t head;
		enum err e;
	} rows[] = {
		{ 0, ERR_INVALID },
		{ 0x80000000u, ERR_INVALID },
		{ 1, ERR_AGAIN },
		{ MAX_BYTES, ERR_AGAIN },
		{ MAX_BYTES + 1, ERR_TOOBIG },
		{ 0x7fffffffu, ERR_TOOBIG },
		{ 0xffffffffu, ERR_TOOBIG },
		{ 0x80000000u | MAX_BYTES, ERR_AGAIN },
		{ 0x80000000u | (MAX_BYTES + 1), ERR_TOOBIG },
	};
	struct buf whole, part;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		buf_init(&part, 64);
		put_head(&part, rows[i].head);
		assert_int_equal(decode(&part), rows[i].e);
		buf_fini(&part);
	}
	for (unsigned zlib = 0; zlib < 2; zlib++) {
		make_frame(&whole, "{\"a\":1}", 7, zlib);
		for (size_t n = 0; n < buf_len(&whole); n++) {
			buf_init(&part, 64);
			assert_int_equal(buf_put(&part, buf_data(&whole), n), ERR_OK);
			assert_int_equal(decode(&part), ERR_AGAIN);
			assert_int_equal(buf_len(&part), n);
			buf_fini(&part);
		}
		assert_int_equal(decode(&whole), ERR_OK);
		buf_fini(&whole);
	}
}

/* What inflates to more than 16 times the allowed frame is refused, to the byte. */
static void test_inflate_limit(void **state)
{
	size_t limit = FRAME_INFLATE_RATIO_MAX * MAX_BYTES;
	char *text = malloc(limit + 2);
	struct buf b;

	(void)state;
	assert_non_null(text);
	for (size_t n = limit - 1; n <= limit + 2; n++) {
		memset(text, ' ', n);
		memcpy(text, "{}", 2);
		make_frame(&b, text, n, true);
		assert_int_equal(decode(&b), n <= limit ? ERR_OK : ERR_TOOBIG);
		buf_fini(&b);
	}
	free(text);
}

static void test_damaged_zlib(void **state)
{
	static const char text[] =
		"{\"a\":\"some text that is compressed, and some text that is not\"}";
	struct buf good, bad;
	size_t n;

	(void)state;
	make_frame(&good, text, sizeof(text) - 1, true);
	n = buf_len(&good) - FRAME_HEADER_BYTES;
	/* Cut: the header says less than the stream has. */
	for (size_t cut = 1; cut < n; cut++) {
		buf_init(&bad, 256);
		put_head(&bad, 0x80000000u | (uint32_t)cut);
		assert_int_equal(buf_put(&bad, buf_data(&good) + 4, cut), ERR_OK);
		assert_int_equal(decode(&bad), ERR_TRUNCATED);
		buf_fini(&bad);
	}
	/* Bytes behind the end of the stream. */
	buf_init(&bad, 256);
	put_head(&bad, 0x80000000u | (uint32_t)(n + 1));
	assert_int_equal(buf_put(&bad, buf_data(&good) + 4, n), ERR_OK);
	assert_int_equal(buf_put(&bad, "x", 1), ERR_OK);
	assert_int_equal(decode(&bad), ERR_CORRUPT);
	buf_fini(&bad);
	/* A wrong Adler-32, and no zlib stream at all. */
	buf_init(&bad, 256);
	assert_int_equal(buf_put(&bad, buf_data(&good), buf_len(&good)), ERR_OK);
	bad.mem[bad.off + bad.len - 1] ^= 1;
	assert_int_equal(decode(&bad), ERR_CORRUPT);
	bad.mem[bad.off + 4] = 0;
	assert_int_equal(decode(&bad), ERR_CORRUPT);
	buf_fini(&bad);
	buf_fini(&good);
}

/* An object with one text of `n` characters, which compress well or not at all. */
static json_t *object_of(size_t n, bool noise)
{
	char *s = malloc(n + 1);
	uint64_t seed = 1;
	json_t *j;

	assert_non_null(s);
	for (size_t i = 0; i < n; i++) {
		seed = seed * 6364136223846793005ull + 1442695040888963407ull;
		s[i] = noise ? (char)(' ' + 3 + (seed >> 40) % 57) : 'x';
	}
	s[n] = '\0';
	j = json_pack("{s:s}", "text", s);
	assert_non_null(j);
	free(s);
	return j;
}

static void test_encode(void **state)
{
	static const struct {
		size_t text; /* the JSON is 11 bytes longer */
		bool noise, zlib;
		size_t max_bytes;
		enum err e;
		bool compressed;
	} rows[] = {
		{ 10, false, true, 1 << 20, ERR_OK, false },
		{ LINK_COMPRESS_ABOVE_BYTES - 11, false, true, 1 << 20, ERR_OK, false },
		{ LINK_COMPRESS_ABOVE_BYTES - 10, false, true, 1 << 20, ERR_OK, true },
		{ LINK_COMPRESS_ABOVE_BYTES - 10, false, false, 1 << 20, ERR_OK, false },
		{ 8192 - 11, false, false, 8192, ERR_OK, false },
		{ 8192 - 10, false, false, 8192, ERR_TOOBIG, false },
		{ 8192 - 10, false, true, 8192, ERR_OK, true },
		{ 16 * 8192 - 11, false, true, 8192, ERR_OK, true },
		{ 16 * 8192 - 10, false, true, 8192, ERR_TOOBIG, false },
		{ 60000, true, true, 8192, ERR_TOOBIG, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		json_t *j = object_of(rows[i].text, rows[i].noise), *back = NULL;
		struct buf b;
		size_t n = 0;
		enum err e;

		buf_init(&b, 1u << 20);
		assert_int_equal(buf_put(&b, "before", 6), ERR_OK);
		e = frame_encode(j, rows[i].zlib, rows[i].max_bytes, &b);
		if (e != rows[i].e)
			fail_msg("row %zu: %d, want %d", i, e, rows[i].e);
		assert_memory_equal(buf_data(&b), "before", 6);
		buf_consume(&b, 6);
		if (!e) {
			assert_int_equal(buf_data(&b)[0] >> 7, rows[i].compressed);
			assert_int_equal(frame_decode(&b, rows[i].max_bytes, &back, &n), ERR_OK);
			assert_int_equal(n, buf_len(&b));
			assert_true(json_equal(j, back));
		} else {
			assert_int_equal(buf_len(&b), 0);
		}
		json_decref(back);
		json_decref(j);
		buf_fini(&b);
	}
}

/* No room in the output: nothing is appended. */
static void test_encode_no_room(void **state)
{
	json_t *j = object_of(100, false);
	struct buf b;

	(void)state;
	buf_init(&b, 100);
	assert_int_equal(frame_encode(j, false, MAX_BYTES, &b), ERR_TOOBIG);
	assert_int_equal(buf_len(&b), 0);
	buf_fini(&b);
	json_decref(j);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text_rows),      cmocka_unit_test(test_depth),
		cmocka_unit_test(test_lengths),        cmocka_unit_test(test_inflate_limit),
		cmocka_unit_test(test_damaged_zlib),   cmocka_unit_test(test_encode),
		cmocka_unit_test(test_encode_no_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
