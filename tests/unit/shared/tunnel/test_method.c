/* SPDX-License-Identifier: GPL-3.0-or-later */
/* method: every level there and back, and data that is not what it should be. */
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <zlib.h>

#include "shared/tunnel/method.h"
#include "tests/lib/contents.h"

#define GUARD 0xa5

static struct methods methods;

static int teardown(void **state)
{
	(void)state;
	method_fini(&methods);
	return 0;
}

/* Heap memory of exactly `n` bytes, so that the sanitizer sees a step beyond. */
static uint8_t *copy_of(const uint8_t *p, size_t n)
{
	uint8_t *copy = malloc(n ? n : 1);

	assert_non_null(copy);
	if (n)
		memcpy(copy, p, n);
	return copy;
}

/* Unpacks into memory of exactly `out_len` bytes with guards behind. */
static enum err unpack(enum compress_method method, const uint8_t *in, size_t n, uint8_t *out,
		       size_t out_len)
{
	uint8_t *packed = copy_of(in, n);
	enum err e;

	memset(out, GUARD, out_len + 64);
	e = method_unpack(&methods, method, packed, n, out, out_len);
	for (size_t i = 0; i < 64; i++)
		assert_int_equal(out[out_len + i], GUARD);
	free(packed);
	return e;
}

static void test_levels_there_and_back(void **state)
{
	static const size_t sizes[] = { 1, 20, 100, 576, 1400, 4097, TUN_MTU_MAX };
	static uint8_t in[TUN_MTU_MAX], out[METHOD_WORST_BYTES(TUN_MTU_MAX)],
		back[TUN_MTU_MAX + 64];
	uint64_t seed = 7;
	size_t len;

	(void)state;
	for (unsigned kind = 0; kind < CONTENTS_KINDS; kind++)
		for (size_t s = 0; s < ARRAY_LEN(sizes); s++)
			for (unsigned level = 1; level <= NODE_COMPRESSION_MAX; level++) {
				const size_t n = sizes[s];

				contents_fill(kind, &seed, in, n);
				assert_int_equal(method_pack(&methods, level, in, n, out,
							     METHOD_WORST_BYTES(n), &len),
						 ERR_OK);
				assert_int_equal(unpack(method_of_level(level), out, len, back, n),
						 ERR_OK);
				assert_memory_equal(back, in, n);
				if (n >= 576 && kind == CONTENTS_ZEROS)
					assert_true(len < n / 10);
				if (n >= 1400 && kind <= CONTENTS_SQL)
					assert_true(len < n * 9 / 10);
			}
}

/* A better level gives no larger result on a packet full of text. */
static void test_levels_differ(void **state)
{
	static const struct {
		unsigned level, better;
	} rows[] = { { 1, 6 }, { 1, 9 }, { 10, 11 }, { 10, 1 } };
	static uint8_t in[1400], out[METHOD_WORST_BYTES(1400)];
	uint64_t seed = 11;
	size_t a, b;

	(void)state;
	contents_fill(CONTENTS_TEXT, &seed, in, sizeof(in));
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_int_equal(
			method_pack(&methods, rows[i].level, in, sizeof(in), out, sizeof(out), &a),
			ERR_OK);
		assert_int_equal(
			method_pack(&methods, rows[i].better, in, sizeof(in), out, sizeof(out), &b),
			ERR_OK);
		assert_true(b < a);
	}
}

/* The limit is kept to the byte, and what was refused leaves nothing behind. */
static void test_limit_is_kept(void **state)
{
	static uint8_t in[1400], out[METHOD_WORST_BYTES(1400)], back[1400 + 64];
	uint64_t seed = 13;
	size_t len, again;

	(void)state;
	contents_fill(CONTENTS_SQL, &seed, in, sizeof(in));
	for (unsigned level = 1; level <= NODE_COMPRESSION_MAX; level++) {
		assert_int_equal(
			method_pack(&methods, level, in, sizeof(in), out, sizeof(in), &len),
			ERR_OK);
		for (size_t max = 1; max < len; max += 37)
			assert_int_equal(
				method_pack(&methods, level, in, sizeof(in), out, max, &again),
				ERR_TOOBIG);
		assert_int_equal(method_pack(&methods, level, in, sizeof(in), out, len - 1, &again),
				 ERR_TOOBIG);
		assert_int_equal(method_pack(&methods, level, in, sizeof(in), out, len, &again),
				 ERR_OK);
		assert_int_equal(again, len);
		assert_int_equal(unpack(method_of_level(level), out, len, back, sizeof(in)),
				 ERR_OK);
		assert_memory_equal(back, in, sizeof(in));
	}
}

static void test_corrupt_data(void **state)
{
	static const unsigned levels[] = { 1, 9, 10, 11 };
	static uint8_t in[1400], out[METHOD_WORST_BYTES(1400) + 1], back[3000 + 64];
	uint64_t seed = 17;
	size_t len;

	(void)state;
	contents_fill(CONTENTS_SQL, &seed, in, sizeof(in));
	for (size_t l = 0; l < ARRAY_LEN(levels); l++) {
		const enum compress_method m = method_of_level(levels[l]);

		assert_int_equal(
			method_pack(&methods, levels[l], in, sizeof(in), out, sizeof(in), &len),
			ERR_OK);
		/* Cut anywhere. */
		for (size_t n = 0; n < len; n++)
			assert_int_equal(unpack(m, out, n, back, sizeof(in)), ERR_INVALID);
		/* Something behind the end. */
		out[len] = 0;
		assert_int_equal(unpack(m, out, len + 1, back, sizeof(in)), ERR_INVALID);
		/* A wrong length. */
		for (size_t n = 1300; n < 1500; n++)
			assert_int_equal(unpack(m, out, len, back, n),
					 n == sizeof(in) ? ERR_OK : ERR_INVALID);
		assert_int_equal(unpack(m, out, len, back, 1), ERR_INVALID);
		assert_int_equal(unpack(m, out, len, back, 3000), ERR_INVALID);
		/* The other method. */
		assert_int_equal(unpack(m == COMPRESS_DEFLATE ? COMPRESS_LZO1X : COMPRESS_DEFLATE,
					out, len, back, sizeof(in)),
				 ERR_INVALID);
		/* Every bit turned: an error, or something else of the same length. */
		for (size_t bit = 0; bit < len * 8; bit++) {
			enum err e;

			out[bit / 8] ^= (uint8_t)(1u << bit % 8);
			e = unpack(m, out, len, back, sizeof(in));
			assert_true(e == ERR_OK || e == ERR_INVALID);
			out[bit / 8] ^= (uint8_t)(1u << bit % 8);
		}
		assert_int_equal(unpack(m, out, len, back, sizeof(in)), ERR_OK);
	}
}

static void test_garbage(void **state)
{
	static uint8_t in[2000], back[TUN_MTU_MAX + 64];
	uint64_t seed = 19;

	(void)state;
	for (unsigned i = 0; i < 20000; i++) {
		const size_t n = contents_random(&seed) % 1500;
		const size_t out_len = 1 + contents_random(&seed) % TUN_MTU_MAX;

		contents_fill(i % 2 ? CONTENTS_CIPHERTEXT : CONTENTS_TEXT, &seed, in, n);
		assert_int_equal(unpack(COMPRESS_DEFLATE, in, n, back, out_len), ERR_INVALID);
		assert_int_equal(unpack(COMPRESS_LZO1X, in, n, back, out_len), ERR_INVALID);
	}
}

/* Little data that wants to become a lot: 8 MiB of zeros in a few KiB. */
static void test_bombs(void **state)
{
	const size_t big = 8u << 20;
	static uint8_t back[TUN_MTU_MAX + 64];
	uint8_t *zeros = calloc(1, big);
	uLong room = compressBound(big);
	uint8_t *bomb = malloc(room);
	/* LZO: three literals, then a match whose length goes on with every zero byte. */
	uint8_t lzo[4096] = { 20, 'a', 'b', 'c', 0x20 };
	z_stream z = { 0 };

	(void)state;
	assert_true(zeros && bomb);
	assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, -15, 9, Z_DEFAULT_STRATEGY), Z_OK);
	z.next_in = zeros;
	z.avail_in = (uInt)big;
	z.next_out = bomb;
	z.avail_out = (uInt)room;
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	assert_true(z.total_out < big / 900);
	assert_int_equal(unpack(COMPRESS_DEFLATE, bomb, z.total_out, back, TUN_MTU_MAX),
			 ERR_INVALID);
	assert_int_equal(unpack(COMPRESS_DEFLATE, bomb, 1400, back, TUN_MTU_MAX), ERR_INVALID);
	assert_int_equal(unpack(COMPRESS_LZO1X, lzo, sizeof(lzo), back, TUN_MTU_MAX), ERR_INVALID);
	deflateEnd(&z);
	free(zeros);
	free(bomb);
}

/* A stream that reaches back before its own start must not see the packet before it. */
static void test_no_look_back(void **state)
{
	static const uint8_t secret[] = "the password of another branch, twice: the password";
	static uint8_t out[400], back[sizeof(secret) + 64];
	z_stream z = { 0 };
	size_t len;

	(void)state;
	assert_int_equal(method_pack(&methods, 9, secret, sizeof(secret), out, sizeof(out), &len),
			 ERR_OK);
	assert_int_equal(unpack(COMPRESS_DEFLATE, out, len, back, sizeof(secret)), ERR_OK);
	/* The same text, made with the text as dictionary: nothing but a reference. */
	assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, -15, 9, Z_DEFAULT_STRATEGY), Z_OK);
	assert_int_equal(deflateSetDictionary(&z, secret, sizeof(secret)), Z_OK);
	z.next_in = (z_const Bytef *)secret;
	z.avail_in = sizeof(secret);
	z.next_out = out;
	z.avail_out = sizeof(out);
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	assert_true(z.total_out < 20);
	assert_int_equal(unpack(COMPRESS_DEFLATE, out, z.total_out, back, sizeof(secret)),
			 ERR_INVALID);
	deflateEnd(&z);
}

/* Once each method was used, neither good nor bad packets take memory. */
static void test_no_allocation(void **state)
{
	static uint8_t in[1400], out[METHOD_WORST_BYTES(1400)], back[1400];
	uint64_t seed = 23;
	size_t before = 0, len;

	(void)state;
	contents_fill(CONTENTS_TEXT, &seed, in, sizeof(in));
	for (unsigned round = 0; round < 3; round++) {
		for (unsigned level = 1; level <= NODE_COMPRESSION_MAX; level++) {
			const enum compress_method m = method_of_level(level);
			enum err e = method_pack(&methods, level, in, sizeof(in), out, 100, &len);

			assert_int_equal(e, ERR_TOOBIG);
			assert_int_equal(method_pack(&methods, level, in, sizeof(in), out,
						     sizeof(out), &len),
					 ERR_OK);
			assert_int_equal(method_unpack(&methods, m, out, len, back, sizeof(back)),
					 ERR_OK);
			/* zlib would make its window now, had it not done so before. */
			if (round)
				assert_int_equal(method_unpack(&methods, m, out, len / 2, back,
							       sizeof(back)),
						 ERR_INVALID);
		}
		if (!round)
			before = mallinfo2().uordblks;
		assert_int_equal(mallinfo2().uordblks, before);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_no_allocation, teardown),
		cmocka_unit_test_teardown(test_levels_there_and_back, teardown),
		cmocka_unit_test_teardown(test_levels_differ, teardown),
		cmocka_unit_test_teardown(test_limit_is_kept, teardown),
		cmocka_unit_test_teardown(test_corrupt_data, teardown),
		cmocka_unit_test_teardown(test_garbage, teardown),
		cmocka_unit_test_teardown(test_bombs, teardown),
		cmocka_unit_test_teardown(test_no_look_back, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
