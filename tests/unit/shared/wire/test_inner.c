/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/wire/inner.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

/* An IPv4 header: version and header length, total length, flags and offset, TTL 64, UDP, 10.0.0.1
 * to 192.0.2.9. */
static void put_ipv4(uint8_t *p, uint8_t first, uint16_t total, uint16_t fragment)
{
	static const uint8_t tail[] = { 64, 17, 0, 0, 10, 0, 0, 1, 192, 0, 2, 9 };
	p[0] = first;
	p[1] = 0;
	p[2] = (uint8_t)(total >> 8);
	p[3] = (uint8_t)total;
	p[4] = p[5] = 0;
	p[6] = (uint8_t)(fragment >> 8);
	p[7] = (uint8_t)fragment;
	memcpy(p + 8, tail, sizeof(tail));
}

static void ipv4_is_judged(void **state)
{
	static const struct {
		const char *name;
		uint8_t first;
		uint16_t total;
		size_t n;
		enum err want;
	} rows[] = {
		{ "header only", 0x45, 20, 20, ERR_OK },
		{ "with payload", 0x45, 60, 60, ERR_OK },
		{ "padded", 0x45, 61, 64, ERR_OK },
		{ "padded a lot", 0x45, 20, 1400, ERR_OK },
		{ "options", 0x4f, 60, 60, ERR_OK },
		{ "one byte missing", 0x45, 61, 60, ERR_TRUNCATED },
		{ "a lot missing", 0x45, 65535, 1400, ERR_TRUNCATED },
		{ "header cut", 0x45, 20, 19, ERR_TRUNCATED },
		{ "one byte", 0x45, 1, 1, ERR_TRUNCATED },
		{ "header length below 20", 0x44, 60, 60, ERR_INVALID },
		{ "header length 0", 0x40, 60, 60, ERR_INVALID },
		{ "options behind the end", 0x4f, 40, 60, ERR_INVALID },
		{ "total length 0", 0x45, 0, 60, ERR_INVALID },
		{ "total below header", 0x45, 19, 60, ERR_INVALID },
		{ "version 5", 0x55, 60, 60, ERR_INVALID },
		{ "version 15", 0xf5, 60, 60, ERR_INVALID },
	};
	uint8_t p[2048] = { 0 };
	struct inner in;
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		put_ipv4(p, rows[i].first, rows[i].total, 0);
		if (inner_decode(p, rows[i].n, i % 2, &in) != rows[i].want)
			fail_msg("%s", rows[i].name);
		if (rows[i].want)
			continue;
		assert_int_equal(in.kind, INNER_IPV4);
		assert_int_equal(in.total_len, rows[i].total);
		assert_int_equal(in.header_len, (rows[i].first & 15) * 4);
		assert_int_equal(in.protocol, 17);
		assert_int_equal(in.ttl, 64);
		assert_int_equal(in.src.family, AF_INET);
		assert_memory_equal(in.src.b, "\x0a\x00\x00\x01\x00", 5);
		assert_memory_equal(in.dst.b, "\xc0\x00\x02\x09\x00", 5);
	}
}

static void ipv4_fragments_are_told(void **state)
{
	static const struct {
		uint16_t field;
		bool fragment, dont_fragment;
	} rows[] = {
		{ 0, false, false },     { 0x4000, false, true }, { 0x2000, true, false },
		{ 0x0001, true, false }, { 0x1fff, true, false }, { 0x8000, false, false },
	};
	uint8_t p[20];
	struct inner in;
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		put_ipv4(p, 0x45, 20, rows[i].field);
		assert_int_equal(inner_decode(p, 20, true, &in), ERR_OK);
		assert_int_equal(in.fragment, rows[i].fragment);
		assert_int_equal(in.dont_fragment, rows[i].dont_fragment);
	}
}

static void ipv6_is_judged(void **state)
{
	static const struct {
		const char *name;
		uint16_t payload;
		uint8_t next;
		size_t n;
		enum err want;
	} rows[] = {
		{ "header only", 0, 59, 40, ERR_OK },
		{ "with payload", 8, 17, 48, ERR_OK },
		{ "padded", 8, 17, 64, ERR_OK },
		{ "hop-by-hop", 8, 0, 48, ERR_OK },
		{ "one byte missing", 9, 17, 48, ERR_TRUNCATED },
		{ "a lot missing", 65535, 17, 1400, ERR_TRUNCATED },
		{ "header cut", 0, 59, 39, ERR_TRUNCATED },
		{ "jumbogram", 0, 0, 1400, ERR_INVALID },
	};
	uint8_t p[2048] = { 0x60, 0x12 };
	struct inner in;
	(void)state;
	for (unsigned i = 0; i < 32; i++)
		p[8 + i] = (uint8_t)(i + 1);
	p[7] = 63;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		p[4] = (uint8_t)(rows[i].payload >> 8);
		p[5] = (uint8_t)rows[i].payload;
		p[6] = rows[i].next;
		if (inner_decode(p, rows[i].n, i % 2, &in) != rows[i].want)
			fail_msg("%s", rows[i].name);
		if (rows[i].want)
			continue;
		assert_int_equal(in.kind, INNER_IPV6);
		assert_int_equal(in.total_len, 40 + rows[i].payload);
		assert_int_equal(in.header_len, 40);
		assert_int_equal(in.protocol, rows[i].next);
		assert_int_equal(in.ttl, 63);
		assert_true(in.dont_fragment && !in.fragment);
		assert_memory_equal(in.src.b, p + 8, 16);
		assert_memory_equal(in.dst.b, p + 24, 16);
	}
}

static void first_nibble_decides(void **state)
{
	uint8_t p[64] = { 0 };
	struct inner in;
	(void)state;
	assert_int_equal(inner_decode(p, 0, false, &in), ERR_OK);
	assert_int_equal(in.kind, INNER_KEEPALIVE);
	for (unsigned first = 0; first < 256; first++) {
		memset(p, 0, sizeof(p));
		p[0] = (uint8_t)first;
		/* Zeros behind a 4 or a 6 are no IP header; and extensions are not for WireGuard
		 * devices. */
		assert_int_not_equal(inner_decode(p, sizeof(p), false, &in), ERR_OK);
		enum err e = inner_decode(p, sizeof(p), true, &in);
		assert_int_equal(e == ERR_OK, first >= 1 && first <= 15);
		if (e)
			continue;
		assert_int_equal(in.kind, INNER_EXTENSION);
		assert_int_equal(in.extension, first);
		assert_int_equal(in.total_len, sizeof(p));
	}
}

static const uint8_t probe_bytes[EXTENSION_PROBE_BYTES] = {
	1, 0x80, 0x40, 0x01, 0, 0, 0, 0, 9, 8, 7, 6, 5, 4, 3, 2, 8, 7, 6, 5, 4, 3, 2, 1,
};

static void probes_there_and_back(void **state)
{
	const struct inner_probe m = { .flags = 0x80,
				       .size = 320,
				       .id = { 9, 8, 7, 6, 5, 4, 3, 2 },
				       .sent_us = 0x0102030405060708 };
	uint8_t p[400];
	struct inner_probe got;
	(void)state;
	memset(p, 0xee, sizeof(p));
	inner_encode_probe(&m, p);
	assert_memory_equal(p, probe_bytes, sizeof(probe_bytes));
	for (size_t i = sizeof(probe_bytes); i < sizeof(p); i++)
		assert_int_equal(p[i], i < 320 ? 0 : 0xee);
	for (size_t n = 0; n < sizeof(p); n++) {
		enum err want = n < EXTENSION_PROBE_BYTES ? ERR_TRUNCATED
				: n == 320                ? ERR_OK
							  : ERR_INVALID;
		assert_int_equal(inner_decode_probe(p, n, &got), want);
	}
	assert_int_equal(inner_decode_probe(p, 320, &got), ERR_OK);
	assert_memory_equal(got.id, m.id, 8);
	assert_true(got.flags == m.flags && got.size == m.size && got.sent_us == m.sent_us);
	p[0] = EXTENSION_PROBE_REPLY;
	assert_int_equal(inner_decode_probe(p, 320, &got), ERR_INVALID);
	/* A size below the probe's own. */
	p[0] = EXTENSION_PROBE;
	p[2] = EXTENSION_PROBE_BYTES - 1;
	p[3] = 0;
	assert_int_equal(inner_decode_probe(p, EXTENSION_PROBE_BYTES, &got), ERR_INVALID);
}

static void probe_replies_there_and_back(void **state)
{
	static const struct {
		struct endpoint observed;
		uint8_t tail[20]; /* path, family, port; the address follows id and time */
		uint8_t address[16];
	} rows[] = {
		{ { { AF_INET, { 192, 0, 2, 1 } }, 0x1234, 0 },
		  { 3, 4, 0x34, 0x12 },
		  { 192, 0, 2, 1 } },
		{ { { AF_INET6, { 0x20, 1, 0xd, 0xb8, 9 } }, 655, 0 },
		  { 3, 6, 0x8f, 2 },
		  { 0x20, 1, 0xd, 0xb8, 9 } },
		{ { { 0, { 0 } }, 0, 0 }, { 3, 0, 0, 0 }, { 0 } },
	};
	uint8_t p[EXTENSION_PROBE_REPLY_BYTES + 1] = { 0 };
	struct inner_probe_reply got;
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct inner_probe_reply m = { .flags = 0x80,
						     .size = 320,
						     .path = 3,
						     .id = { 9, 8, 7, 6, 5, 4, 3, 2 },
						     .sent_us = 0x0102030405060708,
						     .observed = rows[i].observed };
		inner_encode_probe_reply(&m, p);
		assert_int_equal(p[0], EXTENSION_PROBE_REPLY);
		assert_memory_equal(p + 1, probe_bytes + 1, 3);
		assert_memory_equal(p + 4, rows[i].tail, 4);
		assert_memory_equal(p + 8, probe_bytes + 8, 16);
		assert_memory_equal(p + 24, rows[i].address, 16);
		for (size_t n = 0; n < EXTENSION_PROBE_REPLY_BYTES; n++)
			assert_int_equal(inner_decode_probe_reply(p, n, &got), ERR_TRUNCATED);
		assert_int_equal(inner_decode_probe_reply(p, sizeof(p), &got), ERR_INVALID);
		assert_int_equal(inner_decode_probe_reply(p, EXTENSION_PROBE_REPLY_BYTES, &got),
				 ERR_OK);
		assert_true(endpoint_equal(&got.observed, &m.observed));
		assert_true(got.flags == m.flags && got.size == m.size && got.sent_us == m.sent_us);
		assert_int_equal(got.path, 3);
		assert_memory_equal(got.id, m.id, 8);
	}
	for (unsigned family = 0; family < 256; family++) {
		p[5] = (uint8_t)family;
		enum err want = family == 0 || family == 4 || family == 6 ? ERR_OK : ERR_INVALID;
		assert_int_equal(inner_decode_probe_reply(p, EXTENSION_PROBE_REPLY_BYTES, &got),
				 want);
	}
	p[5] = 4;
	p[0] = EXTENSION_PROBE;
	assert_int_equal(inner_decode_probe_reply(p, EXTENSION_PROBE_REPLY_BYTES, &got),
			 ERR_INVALID);
}

static void compressed_headers_there_and_back(void **state)
{
	static const struct {
		const char *name;
		uint8_t header[EXTENSION_COMPRESSED_HEADER_BYTES];
		size_t n;
		enum err want;
	} rows[] = {
		{ "deflate", { 3, 1, 0x78, 5, 0 }, 700, ERR_OK },
		{ "LZO", { 3, 2, 0x78, 5, 0 }, 700, ERR_OK },
		{ "one byte of data", { 3, 1, 0x78, 5, 0 }, 6, ERR_OK },
		{ "one byte saved", { 3, 1, 0x78, 5, 0 }, 1399, ERR_OK },
		{ "the largest", { 3, 1, 0x28, 0x23, 0 }, 100, ERR_OK },
		{ "nothing", { 0 }, 0, ERR_TRUNCATED },
		{ "header cut", { 3, 1, 0x78, 5 }, 4, ERR_TRUNCATED },
		{ "no data", { 3, 1, 0x78, 5, 0 }, 5, ERR_TRUNCATED },
		{ "nothing saved", { 3, 1, 0x78, 5, 0 }, 1400, ERR_INVALID },
		{ "expanded", { 3, 1, 0x78, 5, 0 }, 1500, ERR_INVALID },
		{ "above the largest", { 3, 1, 0x29, 0x23, 0 }, 100, ERR_INVALID },
		{ "far above the largest", { 3, 1, 0xff, 0xff, 0 }, 100, ERR_INVALID },
		{ "length 0", { 3, 1, 0, 0, 0 }, 100, ERR_INVALID },
		{ "method 0", { 3, 0, 0x78, 5, 0 }, 700, ERR_INVALID },
		{ "method 3", { 3, 3, 0x78, 5, 0 }, 700, ERR_INVALID },
		{ "reserved", { 3, 1, 0x78, 5, 1 }, 700, ERR_INVALID },
		{ "a probe", { 1, 1, 0x78, 5, 0 }, 700, ERR_INVALID },
	};
	uint8_t p[2048], header[EXTENSION_COMPRESSED_HEADER_BYTES];
	struct inner_compressed got;
	(void)state;
	memset(p, 0xee, sizeof(p));
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		memcpy(p, rows[i].header, sizeof(rows[i].header));
		if (inner_decode_compressed(p, rows[i].n, &got) != rows[i].want)
			fail_msg("%s", rows[i].name);
		if (rows[i].want)
			continue;
		assert_int_equal(got.method, p[1]);
		assert_int_equal(got.original_len, p[2] | p[3] << 8);
		assert_ptr_equal(got.data, p + 5);
		assert_int_equal(got.data_len, rows[i].n - 5);
		inner_encode_compressed(got.method, got.original_len, header);
		assert_memory_equal(header, rows[i].header, sizeof(header));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ipv4_is_judged),
		cmocka_unit_test(ipv4_fragments_are_told),
		cmocka_unit_test(ipv6_is_judged),
		cmocka_unit_test(first_nibble_decides),
		cmocka_unit_test(probes_there_and_back),
		cmocka_unit_test(probe_replies_there_and_back),
		cmocka_unit_test(compressed_headers_there_and_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
