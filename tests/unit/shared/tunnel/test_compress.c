/* SPDX-License-Identifier: GPL-3.0-or-later */
/* compress: packets there and back, what stays as it is, what is refused, what is counted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <zlib.h>

#include "shared/tunnel/compress.h"
#include "shared/tunnel/method.h"
#include "shared/wire/inner.h"
#include "tests/lib/contents.h"

#define GUARD 0xa5
/* Fills the memory for a burst by itself, in how many packets does not matter. */
#define BURST_PACKETS_MAX 4096u

static struct compressor *compressor;

/* Every reading of the clock is so much later than the one before: what a measured packet costs. */
static uint64_t clock_step_ns;
static uint64_t fake_clock(void)
{
	static uint64_t ns;

	return ns += clock_step_ns;
}

static int setup(void **state)
{
	(void)state;
	clock_step_ns = 1; /* time is no limit, but where a test makes it one */
	return compress_new(fake_clock, &compressor) != ERR_OK;
}

static int teardown(void **state)
{
	(void)state;
	compress_free(compressor);
	return 0;
}

/* Packs the packet in memory of exactly its size. */
static bool pack(unsigned level, const uint8_t *packet, size_t n, uint8_t *out, size_t *len)
{
	uint8_t *copy = malloc(n ? n : 1);
	bool packed;

	assert_non_null(copy);
	if (n)
		memcpy(copy, packet, n);
	*len = n;
	packed = compress_pack(compressor, NULL, level, copy, len, 1000);
	assert_true(*len <= n);
	memcpy(out, copy, *len);
	free(copy);
	return packed;
}

static enum err unpack(const uint8_t *p, size_t n, struct pkt *out)
{
	uint8_t *copy = malloc(n ? n : 1);
	enum err e;

	assert_non_null(copy);
	if (n)
		memcpy(copy, p, n);
	e = compress_unpack(compressor, copy, n, out);
	free(copy);
	return e;
}

static void test_there_and_back(void **state)
{
	static const size_t sizes[] = { COMPRESS_MIN_BYTES, 101, 576, 1400, TUN_MTU_MAX };
	static uint8_t packet[TUN_MTU_MAX], packed[TUN_MTU_MAX];
	uint64_t seed = 1;
	uint16_t port = 0;

	(void)state;
	for (unsigned kind = 0; kind < CONTENTS_KINDS; kind++)
		for (size_t s = 0; s < ARRAY_LEN(sizes); s++)
			for (unsigned level = 1; level <= NODE_COMPRESSION_MAX; level++) {
				const size_t n = sizes[s];
				struct pkt plain;
				size_t len;

				contents_packet(kind, &seed, packet, n, ++port, 0);
				compress_release(compressor);
				if (!pack(level, packet, n, packed, &len)) {
					/* Untouched, and not where something was to be had. */
					assert_int_equal(len, n);
					assert_memory_equal(packed, packet, n);
					assert_true(n < 576 || kind == CONTENTS_JPEG ||
						    kind == CONTENTS_CIPHERTEXT);
					continue;
				}
				assert_true(len < n && packed[0] == EXTENSION_COMPRESSED);
				assert_int_equal(packed[1], level < 10 ? 1 : 2);
				assert_true(kind != CONTENTS_CIPHERTEXT || n < 576);
				assert_int_equal(unpack(packed, len, &plain), ERR_OK);
				assert_int_equal(plain.len, n);
				assert_memory_equal(plain.data, packet, n);
				assert_true(pkt_headroom(&plain) >= PACKET_HEADROOM_BYTES);
				assert_true(pkt_tailroom(&plain) >= PACKET_TAILROOM_BYTES);
			}
}

/* Packets between text and noise, byte by byte: never larger, always the same again. */
static void test_never_expands(void **state)
{
	static uint8_t packet[2000], packed[2000];
	uint64_t seed = 2;
	unsigned n_packed = 0;

	(void)state;
	for (unsigned i = 0; i < 20000; i++) {
		const size_t n = CONTENTS_HEADER_BYTES + contents_random(&seed) % 1900;
		const uint32_t noise = contents_random(&seed) % 101;
		struct pkt plain;
		size_t len;

		contents_packet(CONTENTS_TEXT, &seed, packet, n, (uint16_t)i, i);
		for (size_t k = CONTENTS_HEADER_BYTES; k < n; k++)
			if (contents_random(&seed) % 100 < noise)
				packet[k] = (uint8_t)contents_random(&seed);
		compress_release(compressor);
		if (!pack(1 + i % NODE_COMPRESSION_MAX, packet, n, packed, &len)) {
			assert_int_equal(len, n);
			assert_memory_equal(packed, packet, n);
			continue;
		}
		n_packed++;
		assert_true(len < n);
		assert_int_equal(unpack(packed, len, &plain), ERR_OK);
		assert_int_equal(plain.len, n);
		assert_memory_equal(plain.data, packet, n);
	}
	/* Both happened. */
	assert_true(n_packed > 4000 && n_packed < 19000);
}

static void test_left_alone(void **state)
{
	static const struct {
		const char *name;
		size_t n;
		uint8_t first;
		bool packed;
	} rows[] = {
		{ "small", COMPRESS_MIN_BYTES - 1, 0x45, false },
		{ "just large enough", COMPRESS_MIN_BYTES, 0x45, true },
		{ "the largest", TUN_MTU_MAX, 0x45, true },
		{ "too large", TUN_MTU_MAX + 1, 0x45, false },
		{ "IPv6", 1000, 0x60, true },
		{ "an extension packet", 1000, 0x01, false },
		{ "compressed already", 1000, 0x03, false },
		{ "no IP", 1000, 0x50, false },
		{ "nothing", 0, 0, false },
	};
	static uint8_t packet[TUN_MTU_MAX + 1], packed[TUN_MTU_MAX + 1];
	size_t len;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		memset(packet, 0, sizeof(packet));
		packet[0] = rows[i].first;
		if (pack(6, packet, rows[i].n, packed, &len) != rows[i].packed)
			fail_msg("%s", rows[i].name);
	}
}

/* An extension packet around `n` bytes of anything, deflated here. */
static size_t wrap(const uint8_t *inside, size_t n, size_t said_len, uint8_t *out, size_t size)
{
	z_stream z = { 0 };

	inner_encode_compressed(COMPRESS_DEFLATE, said_len, out);
	assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, -15, 9, Z_DEFAULT_STRATEGY), Z_OK);
	z.next_in = (z_const Bytef *)inside;
	z.avail_in = (uInt)n;
	z.next_out = out + EXTENSION_COMPRESSED_HEADER_BYTES;
	z.avail_out = (uInt)(size - EXTENSION_COMPRESSED_HEADER_BYTES);
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	deflateEnd(&z);
	return EXTENSION_COMPRESSED_HEADER_BYTES + z.total_out;
}

static void test_refused(void **state)
{
	static const struct {
		const char *name;
		uint8_t first;      /* of what is inside */
		size_t n, said_len; /* what is inside, what the header says */
		enum err want;
	} rows[] = {
		{ "IPv4", 0x45, 500, 500, ERR_OK },
		{ "IPv6", 0x60, 500, 500, ERR_OK },
		{ "the largest", 0x45, TUN_MTU_MAX, TUN_MTU_MAX, ERR_OK },
		{ "a probe", 0x01, 500, 500, ERR_INVALID },
		{ "a compressed packet", 0x03, 500, 500, ERR_INVALID },
		{ "zeros", 0x00, 500, 500, ERR_INVALID },
		{ "no IP", 0x50, 500, 500, ERR_INVALID },
		{ "shorter than said", 0x45, 499, 500, ERR_INVALID },
		{ "longer than said", 0x45, 501, 500, ERR_INVALID },
		{ "nothing inside", 0x45, 0, 500, ERR_INVALID },
		{ "a bomb", 0x45, 1u << 20, TUN_MTU_MAX, ERR_INVALID },
	};
	static uint8_t inside[1u << 20], p[4096];
	struct pkt plain;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		size_t n;

		inside[0] = rows[i].first;
		n = wrap(inside, rows[i].n, rows[i].said_len, p, sizeof(p));
		compress_release(compressor);
		if (unpack(p, n, &plain) != rows[i].want)
			fail_msg("%s", rows[i].name);
		if (rows[i].want)
			continue;
		assert_int_equal(plain.len, rows[i].n);
		assert_memory_equal(plain.data, inside, rows[i].n);
		/* Header and data broken, one after the other. */
		assert_int_equal(unpack(p, 3, &plain), ERR_TRUNCATED);
		assert_int_equal(unpack(p, n - 1, &plain), ERR_INVALID);
		p[4] = 1;
		assert_int_equal(unpack(p, n, &plain), ERR_INVALID);
		p[4] = 0;
		p[1] = 3;
		assert_int_equal(unpack(p, n, &plain), ERR_INVALID);
		p[1] = COMPRESS_LZO1X;
		assert_int_equal(unpack(p, n, &plain), ERR_INVALID);
	}
}

/* The packets of a burst stay until the release, and are no more than its memory holds. */
static void test_burst_is_bounded(void **state)
{
	static uint8_t packet[1400], packed[1400];
	static struct pkt plain[BURST_PACKETS_MAX];
	uint64_t seed = 4;
	size_t len;
	unsigned held[2] = { 0 };

	(void)state;
	contents_packet(CONTENTS_TEXT, &seed, packet, sizeof(packet), 1, 1);
	assert_true(pack(6, packet, sizeof(packet), packed, &len));
	for (unsigned round = 0; round < 2; round++) {
		enum err e = ERR_OK;
		unsigned n = 0;

		compress_release(compressor);
		while (n < BURST_PACKETS_MAX) {
			e = compress_unpack(compressor, packed, len, &plain[n]);
			if (e)
				break;
			/* Written all over, as a seal in place would. */
			memset(plain[n].mem, (int)n & 255, plain[n].cap);
			n++;
		}
		assert_int_equal(e, ERR_LIMIT);
		assert_true(n >= 64);
		for (unsigned i = 0; i < n; i++)
			for (size_t k = 0; k < plain[i].cap; k++)
				assert_int_equal(plain[i].mem[k], i & 255);
		held[round] = n;
	}
	assert_int_equal(held[0], held[1]);
	/* Being full is no fault of the packet. */
	assert_int_equal(compress_counters(compressor)->unpack_failed, 0);
}

/* A flow that does not pay costs nothing for a while, and is tried again. */
static void test_flow_is_skipped(void **state)
{
	const struct compress_counters *c = compress_counters(compressor);
	static uint8_t packet[1400];
	uint64_t seed = 5, now_ms = 1000;
	size_t len;

	(void)state;
	for (unsigned i = 0; i < 10000; i++, now_ms++) {
		contents_packet(CONTENTS_CIPHERTEXT, &seed, packet, sizeof(packet), 1, i);
		len = sizeof(packet);
		assert_false(compress_pack(compressor, NULL, 9, packet, &len, now_ms));
	}
	/* 10 s: at 0, 1, 3 and 7 s. */
	assert_int_equal(c->random, 4 * COMPRESS_TRIES);
	assert_int_equal(c->paused, 10000 - 4 * COMPRESS_TRIES);
	assert_int_equal(c->tried, 0);
	/* The flow becomes text: seen at the next try, 8 s after the last. */
	for (unsigned i = 0; i < 10000; i++, now_ms++) {
		contents_packet(CONTENTS_TEXT, &seed, packet, sizeof(packet), 1, i);
		len = sizeof(packet);
		compress_pack(compressor, NULL, 9, packet, &len, now_ms);
	}
	assert_true(c->compressed > 4900 && c->compressed < 5100);
	/* Another one beside it was never in question. */
	contents_packet(CONTENTS_SQL, &seed, packet, sizeof(packet), 2, 0);
	len = sizeof(packet);
	assert_true(compress_pack(compressor, NULL, 9, packet, &len, now_ms));
}

static void test_counters(void **state)
{
	const struct compress_counters *c = compress_counters(compressor);
	struct compress_tally one = { 0 }, two = { 0 };
	static uint8_t packet[1400];
	uint64_t seed = 6, before = 0, after = 0, packed_bytes = 0, packed = 0;
	struct pkt plain;

	(void)state;
	for (uint32_t i = 0; i < 1000; i++) {
		const size_t n = i % 10 ? sizeof(packet) : 60;
		size_t len = n;

		contents_packet(i % CONTENTS_KINDS, &seed, packet, n,
				(uint16_t)(i % CONTENTS_KINDS), i);
		if (compress_pack(compressor, i % 3 ? &one : &two, 3, packet, &len, i)) {
			compress_release(compressor);
			assert_int_equal(compress_unpack(compressor, packet, len, &plain), ERR_OK);
			packed++;
			packed_bytes += len;
		}
		before += n;
		after += len;
	}
	assert_int_equal(c->packets, 1000);
	assert_int_equal(c->small, 100);
	assert_int_equal(c->small + c->paused + c->random + c->busy + c->tried, 1000);
	assert_int_equal(c->compressed, packed);
	assert_true(c->tried >= c->compressed && c->compressed > 0);
	assert_int_equal(c->before_bytes, before);
	assert_int_equal(c->after_bytes, after);
	assert_int_equal(one.before_bytes + two.before_bytes, before);
	assert_int_equal(one.after_bytes + two.after_bytes, after);
	assert_true(one.after_bytes < one.before_bytes);
	assert_int_equal(c->timed, (c->tried + COMPRESS_TIMED - 1) / COMPRESS_TIMED);
	assert_int_equal(c->timed_ns, c->timed);
	assert_int_equal(c->unpacked, packed);
	assert_int_equal(c->packed_bytes, packed_bytes);
	assert_int_equal(c->unpacked_bytes - c->packed_bytes, before - after);
	assert_int_equal(c->unpack_failed, 0);
	assert_int_equal(compress_unpack(compressor, packet, 3, &plain), ERR_TRUNCATED);
	assert_int_equal(c->unpack_failed, 1);
}

/* Packets that come in one round, `after_ms` after the round before: how many are compressed when
 * one takes so long. */
static void test_time_is_bounded(void **state)
{
	static const struct {
		uint64_t after_ms, cost_ns;
		unsigned packets, min, max;
	} rows[] = {
		{ 0, 50000, 1000, 100, 100 }, /* 5 ms at one go */
		{ 0, 50000, 1000, 0, 0 },     /* and no more */
		{ 1, 50000, 1000, 10, 10 },   /* half of 1 ms */
		{ 4, 50000, 1000, 40, 40 },
		{ 4, 50000, 20, 20, 20 }, /* a slow line: all of them, and some is left */
		{ 0, 50000, 1000, 20, 20 },
		{ 10, 50000, 1000, 100, 100 },
		{ 1000, 50000, 1000, 100, 100 }, /* idle time is not saved up */
		{ UINT32_MAX, 50000, 1000, 100, 100 },
		{ 1000, 1000000000, 16, 16, 16 }, /* one measurement of a second: not believed */
		{ 1000, 50000, 1000, 57, 99 },
		{ 1000, 200000, 1000, 30, 99 }, /* a slower one is learnt within some packets */
		{ 1000, 200000, 1000, 25, 60 },
		{ 1000, 200000, 1000, 25, 40 },
		{ 1000, 200000, 1000, 25, 30 },
	};
	static uint8_t original[1400], packet[1400];
	const struct compress_counters *c = compress_counters(compressor);
	uint64_t seed = 10, now_ms = 1;

	(void)state;
	contents_packet(CONTENTS_TEXT, &seed, original, sizeof(original), 1, 1);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const uint64_t before = c->compressed, busy = c->busy;
		unsigned n;

		now_ms += rows[i].after_ms;
		clock_step_ns = rows[i].cost_ns;
		for (unsigned k = 0; k < rows[i].packets; k++) {
			size_t len = sizeof(packet);

			memcpy(packet, original, sizeof(packet));
			compress_pack(compressor, NULL, 6, packet, &len, now_ms);
		}
		n = (unsigned)(c->compressed - before);
		if (n < rows[i].min || n > rows[i].max)
			fail_msg("row %zu: %u compressed", i, n);
		assert_int_equal(c->busy - busy, rows[i].packets - n);
	}
}

/* Where a packet takes more than there ever is, it gets its turn all the same, and when it takes
 * less again, that is seen. */
static void test_time_never_ends(void **state)
{
	static uint8_t original[1400], packet[1400];
	uint64_t seed = 12;
	unsigned n = 0;

	(void)state;
	contents_packet(CONTENTS_SQL, &seed, original, sizeof(original), 1, 1);
	clock_step_ns = 20000000;
	for (uint64_t now_ms = 1; now_ms <= 2000; now_ms++) {
		size_t len = sizeof(packet);
		bool packed;

		memcpy(packet, original, sizeof(packet));
		packed = compress_pack(compressor, NULL, 6, packet, &len, now_ms);
		/* 5 ms are there again after 10. */
		if (now_ms <= 1000)
			assert_int_equal(packed, now_ms % 10 == 1);
		else if (now_ms > 1500)
			n += packed;
		if (now_ms == 1000)
			clock_step_ns = 50000;
	}
	assert_int_equal(n, 500);
}

/* The bytes behind the packet belong to the next one. */
static void test_nothing_written_behind(void **state)
{
	static uint8_t mem[3000];
	uint64_t seed = 8;

	(void)state;
	for (unsigned level = 1; level <= NODE_COMPRESSION_MAX; level++)
		for (unsigned kind = 0; kind < CONTENTS_KINDS; kind++) {
			size_t len = 1400;

			memset(mem, GUARD, sizeof(mem));
			contents_packet(kind, &seed, mem + 100, len, (uint16_t)(level * 8 + kind),
					0);
			compress_pack(compressor, NULL, level, mem + 100, &len, 1);
			for (size_t i = 0; i < sizeof(mem); i++)
				if (i < 100 || i >= 1500)
					assert_int_equal(mem[i], GUARD);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_there_and_back, setup, teardown),
		cmocka_unit_test_setup_teardown(test_never_expands, setup, teardown),
		cmocka_unit_test_setup_teardown(test_left_alone, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_burst_is_bounded, setup, teardown),
		cmocka_unit_test_setup_teardown(test_flow_is_skipped, setup, teardown),
		cmocka_unit_test_setup_teardown(test_counters, setup, teardown),
		cmocka_unit_test_setup_teardown(test_time_is_bounded, setup, teardown),
		cmocka_unit_test_setup_teardown(test_time_never_ends, setup, teardown),
		cmocka_unit_test_setup_teardown(test_nothing_written_behind, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
