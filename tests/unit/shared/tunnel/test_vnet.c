/* SPDX-License-Identifier: GPL-3.0-or-later */
/* vnet: what is said about a packet is believed only where the packet bears it out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "shared/base/err.h"
#include "shared/tunnel/segment.h"
#include "tests/lib/inner_packets.h"

static enum err decode(const struct raw_vnet *raw, const uint8_t *p, size_t len, struct vnet *out)
{
	struct inner in;

	assert_int_equal(inner_decode(p, len, false, &in), ERR_OK);
	return vnet_decode((const uint8_t *)raw, p, &in, out);
}

/* A row changes one thing in the header of a good TCP or UDP super-packet of 3000 bytes payload. */
static void test_headers(void **state)
{
	static const struct {
		const char *what;
		struct shape s;
		int type, gso_size, start, offset, hdr_len, flags; /* -1: as it should be */
		enum err want;
		enum offload_gso gso;
	} rows[] = {
		{ "tso4", { 0 }, -1, -1, -1, -1, -1, -1, ERR_OK, OFFLOAD_TCP4 },
		{ "tso6", { .version = 6 }, -1, -1, -1, -1, -1, -1, ERR_OK, OFFLOAD_TCP6 },
		{ "uso4", { .proto = 17 }, -1, -1, -1, -1, -1, -1, ERR_OK, OFFLOAD_UDP },
		{ "uso6",
		  { .proto = 17, .version = 6 },
		  -1,
		  -1,
		  -1,
		  -1,
		  -1,
		  -1,
		  ERR_OK,
		  OFFLOAD_UDP },
		{ "ecn", { 0 }, 0x81, -1, -1, -1, -1, -1, ERR_OK, OFFLOAD_TCP4 },
		{ "no gso", { 0 }, 0, -1, -1, -1, -1, -1, ERR_OK, OFFLOAD_NONE },
		{ "nothing said", { 0 }, 0, 0, 9999, 9999, 0, 0, ERR_OK, OFFLOAD_NONE },
		{ "data valid", { 0 }, 0, 0, 0, 0, 0, 2, ERR_OK, OFFLOAD_NONE },
		{ "wrong hdr_len", { 0 }, -1, -1, -1, -1, 0xffff, -1, ERR_OK, OFFLOAD_TCP4 },
		{ "options", { .ip_options = 8 }, -1, -1, -1, -1, -1, -1, ERR_OK, OFFLOAD_TCP4 },
		{ "another checksum", { 0 }, 0, 0, 100, 40, -1, 1, ERR_OK, OFFLOAD_NONE },
		{ "type of IPv6", { 0 }, 4, -1, -1, -1, -1, -1, ERR_INVALID, 0 },
		{ "type of IPv4", { .version = 6 }, 1, -1, -1, -1, -1, -1, ERR_INVALID, 0 },
		{ "type of TCP", { .proto = 17 }, 1, -1, -1, 16, -1, -1, ERR_INVALID, 0 },
		{ "type of UDP", { 0 }, 5, -1, -1, 6, -1, -1, ERR_INVALID, 0 },
		{ "UFO", { .proto = 17 }, 3, -1, -1, -1, -1, -1, ERR_INVALID, 0 },
		{ "type 2", { 0 }, 2, -1, -1, -1, -1, -1, ERR_INVALID, 0 },
		{ "type 0x7f", { 0 }, 0x7f, -1, -1, -1, -1, -1, ERR_INVALID, 0 },
		{ "size 0", { 0 }, -1, 0, -1, -1, -1, -1, ERR_INVALID, 0 },
		{ "gso without csum", { 0 }, -1, -1, -1, -1, -1, 0, ERR_INVALID, 0 },
		{ "start in the IP header", { 0 }, -1, -1, 19, -1, -1, -1, ERR_INVALID, 0 },
		{ "start behind", { 0 }, -1, -1, 24, -1, -1, -1, ERR_INVALID, 0 },
		{ "start 0, no gso", { 0 }, 0, 0, 0, 10, -1, 1, ERR_INVALID, 0 },
		{ "start at the end", { 0 }, 0, 0, 3040, 0, -1, 1, ERR_INVALID, 0 },
		{ "store across the end", { 0 }, 0, 0, 3038, 1, -1, 1, ERR_INVALID, 0 },
		{ "store at the end", { 0 }, 0, 0, 3038, 0, -1, 1, ERR_OK, OFFLOAD_NONE },
		{ "start + offset wrap", { 0 }, 0, 0, 0xffff, 0xffff, -1, 1, ERR_INVALID, 0 },
		{ "offset of UDP", { 0 }, -1, -1, -1, 6, -1, -1, ERR_INVALID, 0 },
		{ "offset of TCP", { .proto = 17 }, -1, -1, -1, 16, -1, -1, ERR_INVALID, 0 },
	};
	uint8_t p[4096];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct shape s = rows[i].s;
		struct raw_vnet raw;
		struct vnet v = { .gso_size = 77 };
		size_t len;

		s.partial = true;
		s.payload = 3000;
		len = make_packet(p, &s);
		raw = vnet_of(p, 1000);
		raw.gso_type = rows[i].type < 0 ? raw.gso_type : (uint8_t)rows[i].type;
		raw.gso_size = rows[i].gso_size < 0 ? raw.gso_size : (uint16_t)rows[i].gso_size;
		raw.csum_start = rows[i].start < 0 ? raw.csum_start : (uint16_t)rows[i].start;
		raw.csum_offset = rows[i].offset < 0 ? raw.csum_offset : (uint16_t)rows[i].offset;
		raw.hdr_len = rows[i].hdr_len < 0 ? raw.hdr_len : (uint16_t)rows[i].hdr_len;
		raw.flags = rows[i].flags < 0 ? raw.flags : (uint8_t)rows[i].flags;
		if (decode(&raw, p, len, &v) != rows[i].want)
			fail_msg("%s: not as expected", rows[i].what);
		if (rows[i].want) {
			assert_int_equal(v.gso_size, 77);
			continue;
		}
		assert_int_equal(v.gso, rows[i].gso);
		assert_int_equal(v.needs_csum, raw.flags & 1);
		assert_int_equal(v.ecn, raw.gso_type >> 7);
		assert_int_equal(v.gso_size, v.gso ? raw.gso_size : 0);
		assert_int_equal(v.csum_start, v.needs_csum ? raw.csum_start : 0);
		assert_int_equal(v.csum_offset, v.needs_csum ? raw.csum_offset : 0);
	}
}

/* What the packet itself says must bear the header out. */
static void test_packets_that_do_not_fit(void **state)
{
	uint8_t p[4096];
	struct raw_vnet raw;
	struct vnet v;
	size_t len = make_packet(p, &(struct shape){ .payload = 1000, .partial = true });

	(void)state;
	raw = vnet_of(p, 500);
	assert_int_equal(decode(&raw, p, len, &v), ERR_OK);
	p[32] = 0x40; /* a TCP header of 16 bytes */
	assert_int_equal(decode(&raw, p, len, &v), ERR_INVALID);
	p[32] = 0xf0;
	assert_int_equal(decode(&raw, p, len, &v), ERR_OK);
	put16(p + 2, 79); /* one byte less than the 60 of the TCP header */
	assert_int_equal(decode(&raw, p, 79, &v), ERR_INVALID);
	put16(p + 2, 80);
	assert_int_equal(decode(&raw, p, 80, &v), ERR_OK);
	p[6] = 0x20; /* a fragment */
	assert_int_equal(decode(&raw, p, 80, &v), ERR_INVALID);
	raw.gso_type = 0;
	assert_int_equal(decode(&raw, p, 80, &v), ERR_INVALID);

	len = make_packet(p, &(struct shape){ .proto = 17, .payload = 1000, .partial = true });
	raw = vnet_of(p, 500);
	put16(p + 24, 999); /* the UDP length */
	assert_int_equal(decode(&raw, p, len, &v), ERR_INVALID);
}

/* Extension headers that a sender puts into each packet are walked; a fragment header is not. */
static void test_extension_headers(void **state)
{
	static const struct {
		uint8_t first, second;
		uint8_t blocks; /* length byte of the first one */
		enum err want;
	} rows[] = {
		{ 0, 60, 0, ERR_OK },          { 43, 60, 0, ERR_OK },
		{ 60, 43, 0, ERR_OK },         { 44, 60, 0, ERR_INVALID },
		{ 0, 44, 0, ERR_INVALID },     { 50, 60, 0, ERR_INVALID },
		{ 0, 60, 1, ERR_INVALID },     { 0, 60, 255, ERR_INVALID },
		{ 0, IPPROTO_TCP, 1, ERR_OK }, { 60, IPPROTO_TCP, 0, ERR_INVALID },
	};
	uint8_t plain[1200], p[1216];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct shape s = { .version = 6, .payload = 1000, .partial = true };
		size_t len = make_packet(plain, &s);
		struct raw_vnet raw = vnet_of(plain, 500);
		struct vnet v;

		memcpy(p, plain, 40);
		memset(p + 40, 0, 16);
		memcpy(p + 56, plain + 40, len - 40);
		put16(p + 4, len - 40 + 16);
		p[6] = rows[i].first;
		p[40] = rows[i].second;
		p[41] = rows[i].blocks;
		p[48] = IPPROTO_TCP;
		raw.csum_start = 56;
		if (decode(&raw, p, len + 16, &v) != rows[i].want)
			fail_msg("row %zu: not as expected", i);
	}
}

/* A chain of extension headers that leads to the end of the packet. */
static void test_extension_headers_without_end(void **state)
{
	struct raw_vnet raw = { .flags = 1, .gso_type = 4, .gso_size = 100, .csum_start = 40 };
	struct vnet v;
	uint8_t *p = calloc(1, 48);

	(void)state;
	assert_non_null(p);
	p[0] = 0x60;
	p[5] = 8;
	p[6] = p[40] = IPPROTO_DSTOPTS;
	assert_int_equal(decode(&raw, p, 48, &v), ERR_INVALID);
	free(p);
}

/* Whatever stands in the header: what is accepted can be cut without leaving the packet. */
static void cut_it(const struct raw_vnet *raw, const uint8_t *packet, size_t len)
{
	uint8_t *copy, *out;
	struct segmenter s;
	struct inner in;
	struct vnet v;
	size_t n, sum = 0;
	bool partial;

	if (decode(raw, packet, len, &v))
		return;
	copy = malloc(len);
	assert_non_null(copy);
	memcpy(copy, packet, len);
	assert_int_equal(inner_decode(copy, len, false, &in), ERR_OK);
	if (!segment_begin(&s, copy, &in, &v, raw->hdr_len & 1)) {
		while (segment_next(&s, &out, &n, &partial)) {
			assert_true(out >= copy && out + n <= copy + len);
			sum += n;
		}
		assert_true(sum >= len);
	}
	free(copy);
}

static void test_every_field_extreme(void **state)
{
	static const struct shape shapes[] = {
		{ .payload = 0 },
		{ .payload = 100, .tcp_options = 40, .ip_options = 40 },
		{ .version = 6, .payload = 60 },
		{ .proto = 17, .payload = 0 },
		{ .proto = 17, .payload = 90, .version = 6 },
		{ .proto = 1, .payload = 30 },
	};
	static const uint8_t types[] = { 0, 1, 2, 3, 4, 5, 6, 0x80, 0x81, 0x84, 0x85, 0xff };
	static const uint8_t flags[] = { 0, 1, 2, 0xff };
	static const uint16_t sizes[] = { 0, 1, 2, 59, 60, 0x7fff, 0xffff };
	static const uint16_t starts[] = { 0, 1, 19, 20, 21, 39, 40, 60, 67, 127, 0x7fff, 0xffff };
	static const uint16_t offsets[] = { 0, 1, 6, 16, 17, 0x7fff, 0xffff };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(shapes); i++) {
		size_t rows = ARRAY_LEN(types) * ARRAY_LEN(flags) * ARRAY_LEN(sizes) *
			      ARRAY_LEN(starts) * ARRAY_LEN(offsets);
		uint8_t room[400], *p;
		size_t len = make_packet(room, &shapes[i]);

		p = malloc(len);
		assert_non_null(p);
		memcpy(p, room, len);
		for (size_t row = 0; row < rows; row++) {
			struct raw_vnet raw = { .hdr_len = row % 2 ? 0xffff : 0 };
			size_t x = row;

			raw.gso_type = types[x % ARRAY_LEN(types)];
			raw.flags = flags[(x /= ARRAY_LEN(types)) % ARRAY_LEN(flags)];
			raw.gso_size = sizes[(x /= ARRAY_LEN(flags)) % ARRAY_LEN(sizes)];
			raw.csum_start = starts[(x /= ARRAY_LEN(sizes)) % ARRAY_LEN(starts)];
			raw.csum_offset = offsets[(x /= ARRAY_LEN(starts)) % ARRAY_LEN(offsets)];
			cut_it(&raw, p, len);
		}
		free(p);
	}
}

static void test_encode_is_the_way_back(void **state)
{
	static const struct vnet rows[] = {
		{ .gso = OFFLOAD_NONE },
		{ .needs_csum = true, .csum_start = 20, .csum_offset = 6 },
		{ OFFLOAD_TCP4, true, false, 1448, 20, 16 },
		{ OFFLOAD_TCP4, true, true, 1, 20, 16 },
	};
	uint8_t p[2048], header[VNET_HEADER_BYTES];
	size_t len = make_packet(p, &(struct shape){ .payload = 1900, .partial = true });

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct raw_vnet raw;
		struct vnet v;

		vnet_encode(&rows[i], 40, header);
		memcpy(&raw, header, sizeof(raw));
		assert_int_equal(raw.hdr_len, rows[i].gso ? 40 : 0);
		assert_int_equal(decode(&raw, p, len, &v), ERR_OK);
		assert_int_equal(v.gso, rows[i].gso);
		assert_int_equal(v.needs_csum, rows[i].needs_csum);
		assert_int_equal(v.ecn, rows[i].ecn);
		assert_int_equal(v.gso_size, rows[i].gso_size);
		assert_int_equal(v.csum_start, rows[i].csum_start);
		assert_int_equal(v.csum_offset, rows[i].csum_offset);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_headers),
		cmocka_unit_test(test_packets_that_do_not_fit),
		cmocka_unit_test(test_extension_headers),
		cmocka_unit_test(test_extension_headers_without_end),
		cmocka_unit_test(test_every_field_extreme),
		cmocka_unit_test(test_encode_is_the_way_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
