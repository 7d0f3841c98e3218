/* SPDX-License-Identifier: GPL-3.0-or-later */
/* segment: what is cut from a super-packet is what a naive cutter makes of it, byte by byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "shared/base/err.h"
#include "shared/tunnel/segment.h"
#include "tests/lib/inner_packets.h"

/* Begins on a packet as the kernel would hand it over. */
static enum err begin(struct segmenter *s, uint8_t *p, size_t len, const struct raw_vnet *raw,
		      bool partial)
{
	struct inner in;
	struct vnet v;

	assert_int_equal(inner_decode(p, len, false, &in), ERR_OK);
	assert_int_equal(vnet_decode((const uint8_t *)raw, p, &in, &v), ERR_OK);
	return segment_begin(s, p, &in, &v, partial);
}

/* Cuts the packet and compares with the naive way. */
static void compare(const struct shape *shape, size_t gso_size, bool partial)
{
	struct packets want = { 0 };
	struct segmenter s;
	struct raw_vnet raw;
	uint8_t *super = malloc(PACKET_MAX), *p, *out;
	size_t len, n;
	bool is_partial;
	unsigned i = 0;

	assert_non_null(super);
	len = make_packet(super, shape);
	raw = vnet_of(super, gso_size);
	naive_cut(super, len, gso_size, &want);
	p = malloc(len);
	assert_non_null(p);
	memcpy(p, super, len);
	assert_int_equal(begin(&s, p, len, &raw, partial), ERR_OK);
	for (; segment_next(&s, &out, &n, &is_partial); i++) {
		assert_true(i < want.n);
		assert_int_equal(n, want.at[i].len);
		assert_int_equal(is_partial, partial);
		if (is_partial) {
			assert_true(naive_has_pseudo(out, n));
			set_l4_csum(out, n, false);
		}
		assert_true(naive_is_right(out, n));
		assert_memory_equal(out, want.at[i].data, n);
		/* It may be used up: nothing of it is needed any more. */
		memset(out, 0xee, n);
	}
	assert_int_equal(i, want.n);
	assert_false(segment_next(&s, &out, &n, &is_partial));
	packets_clear(&want);
	free(p);
	free(super);
}

static void test_sizes(void **state)
{
	static const struct {
		size_t payload, gso_size;
	} rows[] = {
		{ 0, 1 },        { 1, 1 },         { 2, 1 },       { 99, 1 },
		{ 100, 40 },     { 1448, 1448 },   { 1449, 1448 }, { 2896, 1448 },
		{ 2895, 1448 },  { 65000, 1448 },  { 65000, 536 }, { 65000, 0xffff },
		{ 65000, 9000 }, { 65000, 64999 }, { 1000, 1001 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows) * 8; i++) {
		struct shape s = {
			.version = i & 1 ? 6 : 4,
			.proto = i & 2 ? IPPROTO_UDP : IPPROTO_TCP,
			.payload = rows[i / 8].payload,
			.seq = 0xfffffff0,
			.id = 0xfffe,
			.tcp_options = 12,
			.partial = true,
		};

		compare(&s, rows[i / 8].gso_size, i & 4);
	}
}

/* Flags of the three segments of a super-packet, and their urgent pointers. */
static void test_flags(void **state)
{
	static const struct {
		uint8_t flags;
		uint16_t urgent;
		uint8_t want[3];
		uint16_t want_urgent[3];
	} rows[] = {
		{ FLAG_ACK, 0, { FLAG_ACK, FLAG_ACK, FLAG_ACK }, { 0, 0, 0 } },
		{ FLAG_ACK, 7, { FLAG_ACK, FLAG_ACK, FLAG_ACK }, { 7, 7, 7 } },
		{ FLAG_ACK | FLAG_PSH,
		  0,
		  { FLAG_ACK, FLAG_ACK, FLAG_ACK | FLAG_PSH },
		  { 0, 0, 0 } },
		{ FLAG_ACK | FLAG_FIN,
		  0,
		  { FLAG_ACK, FLAG_ACK, FLAG_ACK | FLAG_FIN },
		  { 0, 0, 0 } },
		{ FLAG_ACK | FLAG_RST,
		  0,
		  { FLAG_ACK, FLAG_ACK, FLAG_ACK | FLAG_RST },
		  { 0, 0, 0 } },
		{ FLAG_ACK | FLAG_CWR,
		  0,
		  { FLAG_ACK | FLAG_CWR, FLAG_ACK, FLAG_ACK },
		  { 0, 0, 0 } },
		{ FLAG_ACK | FLAG_ECE,
		  0,
		  { FLAG_ACK | FLAG_ECE, FLAG_ACK | FLAG_ECE, FLAG_ACK | FLAG_ECE },
		  { 0, 0, 0 } },
		{ FLAG_ACK | FLAG_URG,
		  50,
		  { FLAG_ACK | FLAG_URG, FLAG_ACK, FLAG_ACK },
		  { 50, 0, 0 } },
		{ FLAG_ACK | FLAG_URG,
		  100,
		  { FLAG_ACK | FLAG_URG, FLAG_ACK, FLAG_ACK },
		  { 100, 0, 0 } },
		{ FLAG_ACK | FLAG_URG,
		  101,
		  { FLAG_ACK | FLAG_URG, FLAG_ACK | FLAG_URG, FLAG_ACK },
		  { 101, 1, 0 } },
		{ FLAG_ACK | FLAG_URG,
		  999,
		  { FLAG_ACK | FLAG_URG, FLAG_ACK | FLAG_URG, FLAG_ACK | FLAG_URG },
		  { 999, 899, 799 } },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct shape shape = { .flags = rows[i].flags,
				       .urgent = rows[i].urgent,
				       .payload = 300,
				       .partial = true };
		uint8_t p[512], *out;
		size_t len = make_packet(p, &shape), n;
		struct raw_vnet raw = vnet_of(p, 100);
		struct segmenter s;
		bool partial;

		assert_int_equal(begin(&s, p, len, &raw, true), ERR_OK);
		for (unsigned k = 0; k < 3; k++) {
			assert_true(segment_next(&s, &out, &n, &partial));
			assert_int_equal(out[20 + 13], rows[i].want[k]);
			assert_int_equal(get16(out + 20 + 18), rows[i].want_urgent[k]);
		}
		assert_false(segment_next(&s, &out, &n, &partial));
	}
}

static void test_random_super_packets(void **state)
{
	static const uint8_t flags[] = {
		FLAG_PSH, FLAG_FIN, FLAG_CWR, FLAG_ECE, FLAG_URG, FLAG_RST
	};
	uint64_t r = 0x243f6a8885a308d3u;

	(void)state;
	for (int i = 0; i < 400; i++) {
		size_t gso_size = 1 + random_u32(&r) % (i % 4 ? 9000 : 100);
		size_t most = gso_size * 150 < 65000 ? gso_size * 150 : 65000;
		struct shape s = {
			.version = random_u32(&r) % 2 ? 6 : 4,
			.proto = random_u32(&r) % 3 ? IPPROTO_TCP : IPPROTO_UDP,
			.sport = (uint16_t)random_u32(&r),
			.dport = (uint16_t)random_u32(&r),
			.host = (uint8_t)random_u32(&r),
			.tos = (uint8_t)random_u32(&r),
			.ttl = (uint8_t)(1 + random_u32(&r) % 255),
			.label = random_u32(&r) & 0xfffff,
			.df = random_u32(&r) % 2,
			.id = (uint16_t)random_u32(&r),
			.ip_options = random_u32(&r) % 8 ? 0 : 4 * (random_u32(&r) % 11),
			.seq = random_u32(&r),
			.ack = random_u32(&r),
			.flags = FLAG_ACK,
			.window = (uint16_t)random_u32(&r),
			.urgent = (uint16_t)(random_u32(&r) % 4 ? 0 : random_u32(&r)),
			.tcp_options = 4 * (random_u32(&r) % 11),
			.payload = random_u32(&r) % most,
			.salt = random_u32(&r),
			.partial = true,
		};

		for (size_t k = 0; k < ARRAY_LEN(flags); k++)
			s.flags |= random_u32(&r) % 3 ? 0 : flags[k];
		compare(&s, gso_size, random_u32(&r) % 2);
	}
}

static void test_what_cannot_be_cut(void **state)
{
	struct shape shape = { .version = 6, .payload = 1000, .tcp_options = 40, .partial = true };
	uint8_t p[2048], plain[2048];
	size_t len = make_packet(plain, &shape);
	struct raw_vnet raw = vnet_of(plain, 500);
	struct segmenter s;

	(void)state;
	/* 40 + 32 + 60 bytes of headers. */
	memcpy(p, plain, 40);
	memset(p + 40, 0, 32);
	memcpy(p + 72, plain + 40, len - 40);
	put16(p + 4, len - 40 + 32);
	p[6] = 0;
	p[40] = IPPROTO_TCP;
	p[41] = 3;
	raw.csum_start = 72;
	assert_int_equal(begin(&s, p, len + 32, &raw, true), ERR_INVALID);

	shape = (struct shape){ .payload = 1000, .flags = FLAG_SYN, .partial = true };
	len = make_packet(p, &shape);
	raw = vnet_of(p, 500);
	assert_int_equal(begin(&s, p, len, &raw, true), ERR_INVALID);
}

/* Segments with an extension header never travel as partial, since nobody would find the checksum.
 */
static void test_extension_header(void **state)
{
	uint8_t plain[2048], p[2048], *out;
	size_t len = make_packet(plain,
				 &(struct shape){ .version = 6, .payload = 1000, .partial = true });
	struct raw_vnet raw = vnet_of(plain, 400);
	struct segmenter s;
	struct packets want = { 0 };
	bool partial;
	size_t n;

	(void)state;
	naive_cut(plain, len, 400, &want);
	memcpy(p, plain, 40);
	memset(p + 40, 0, 8);
	memcpy(p + 48, plain + 40, len - 40);
	put16(p + 4, len - 40 + 8);
	p[6] = IPPROTO_DSTOPTS;
	p[40] = IPPROTO_TCP;
	raw.csum_start = 48;
	assert_int_equal(begin(&s, p, len + 8, &raw, true), ERR_OK);
	for (unsigned i = 0; i < 3; i++) {
		assert_true(segment_next(&s, &out, &n, &partial));
		assert_false(partial);
		assert_int_equal(n, want.at[i].len + 8);
		assert_int_equal(get16(out + 4), n - 40);
		assert_int_equal(out[6], IPPROTO_DSTOPTS);
		/* The pseudo-header does not know of extension headers: it is the same checksum. */
		assert_memory_equal(out + 48, want.at[i].data + 40, n - 48);
	}
	assert_false(segment_next(&s, &out, &n, &partial));
	packets_clear(&want);
}

/* No super-packet: comes out once, with what the receiver can do about its checksum. */
static void test_single_packets(void **state)
{
	static const struct {
		struct shape s;
		bool needs, allowed, partial;
	} rows[] = {
		{ { .payload = 100, .partial = true }, true, true, true },
		{ { .payload = 100, .partial = true }, true, false, false },
		{ { .payload = 101, .partial = true, .version = 6 }, true, false, false },
		{ { .payload = 100, .proto = 17, .partial = true }, true, true, true },
		{ { .payload = 100, .proto = 17, .partial = true }, true, false, false },
		{ { .payload = 0, .flags = FLAG_SYN, .partial = true }, true, true, true },
		{ { .payload = 100, .ip_options = 12, .partial = true }, true, false, false },
		{ { .payload = 100 }, false, true, false },
		{ { .payload = 100 }, false, false, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint8_t p[512], want[512], *out;
		size_t len = make_packet(p, &rows[i].s), n;
		struct raw_vnet raw = vnet_of(p, 0);
		struct segmenter s;
		bool partial;

		if (!rows[i].needs)
			raw = (struct raw_vnet){ 0 };
		memcpy(want, p, len);
		set_l4_csum(want, len, rows[i].partial);
		assert_int_equal(begin(&s, p, len, &raw, rows[i].allowed), ERR_OK);
		assert_true(segment_next(&s, &out, &n, &partial));
		assert_ptr_equal(out, p);
		assert_int_equal(n, len);
		assert_int_equal(partial, rows[i].partial);
		assert_memory_equal(p, want, len);
		assert_false(segment_next(&s, &out, &n, &partial));
	}
}

/* A checksum that is neither TCP's nor UDP's own, or of a packet inside the packet, is completed
 * where the kernel says. */
static void test_checksum_somewhere_else(void **state)
{
	uint8_t p[512], *out;
	size_t outer, len, n;
	struct raw_vnet raw;
	struct segmenter s;
	bool partial;

	(void)state;
	/* IPIP: TCP within. */
	len = make_packet(p + 20, &(struct shape){ .payload = 77, .partial = true });
	raw = vnet_of(p + 20, 0);
	raw.csum_start = 40;
	outer = len + 20;
	memcpy(p, p + 20, 20);
	p[9] = IPPROTO_IPIP;
	put16(p + 2, outer);
	set_ip_csum(p);
	assert_int_equal(begin(&s, p, outer, &raw, true), ERR_OK);
	assert_true(segment_next(&s, &out, &n, &partial));
	assert_false(partial);
	assert_int_equal(n, outer);
	assert_true(naive_is_right(p + 20, len));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_flags),
		cmocka_unit_test(test_random_super_packets),
		cmocka_unit_test(test_what_cannot_be_cut),
		cmocka_unit_test(test_extension_header),
		cmocka_unit_test(test_single_packets),
		cmocka_unit_test(test_checksum_somewhere_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
