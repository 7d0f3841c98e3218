/* SPDX-License-Identifier: GPL-3.0-or-later */
/* icmp and mss: packets made and changed by the engine, judged by their checksums. */
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "shared/tunnel/icmp.h"
#include "shared/tunnel/mss.h"

#define ROOM 2048u

static void put16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

/* The sum over a pseudo-header and the payload; 0 when the checksum in it is right. */
static uint16_t l4_check(const uint8_t *ip, size_t len, uint8_t proto)
{
	bool v4 = ip[0] >> 4 == 4;
	size_t header = v4 ? 20 : 40;
	uint32_t sum = icmp_sum(ip + (v4 ? 12 : 8), v4 ? 8 : 32, (uint32_t)(len - header) + proto);

	return icmp_fold(icmp_sum(ip + header, len - header, sum));
}

/* An IP packet with `payload` bytes of one protocol; addresses 10.0.0.1 -> 10.0.0.2 or fd00::1 ->
 * fd00::2. */
static size_t make_ip(uint8_t *p, int version, uint8_t proto, size_t payload)
{
	size_t header = version == 4 ? 20 : 40;

	memset(p, 0, header + payload);
	if (version == 4) {
		p[0] = 0x45;
		put16(p + 2, (unsigned)(header + payload));
		p[8] = 64;
		p[9] = proto;
		memcpy(p + 12, (const uint8_t[]){ 10, 0, 0, 1, 10, 0, 0, 2 }, 8);
		put16(p + 10, icmp_fold(icmp_sum(p, 20, 0)));
	} else {
		p[0] = 0x60;
		put16(p + 4, (unsigned)payload);
		p[6] = proto;
		p[7] = 64;
		p[8] = p[24] = 0xfd;
		p[23] = 1;
		p[39] = 2;
	}
	return header + payload;
}

static void test_icmp_errors_are_well_formed(void **state)
{
	static const struct {
		int version;
		enum icmp_error kind;
		size_t payload;
		uint8_t type, code;
		size_t len;
	} rows[] = {
		{ 4, ICMP_NO_ROUTE, 100, 3, 0, 20 + 8 + 120 },
		{ 4, ICMP_HOST_UNREACHABLE, 1400, 3, 1, 576 },
		{ 4, ICMP_PROHIBITED, 8, 3, 13, 20 + 8 + 28 },
		{ 4, ICMP_TIME_EXCEEDED, 8, 11, 0, 20 + 8 + 28 },
		{ 4, ICMP_PACKET_TOO_BIG, 1400, 3, 4, 576 },
		{ 6, ICMP_NO_ROUTE, 100, 1, 0, 40 + 8 + 140 },
		{ 6, ICMP_HOST_UNREACHABLE, 8, 1, 3, 40 + 8 + 48 },
		{ 6, ICMP_PROHIBITED, 8, 1, 1, 40 + 8 + 48 },
		{ 6, ICMP_TIME_EXCEEDED, 8, 3, 0, 40 + 8 + 48 },
		{ 6, ICMP_PACKET_TOO_BIG, 1400, 2, 0, 1280 },
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
		uint8_t original[ROOM], mem[ROOM];
		size_t n = make_ip(original, rows[i].version, IPPROTO_UDP, rows[i].payload);
		size_t header = rows[i].version == 4 ? 20 : 40;
		struct inner in, made;
		struct addr source;
		struct pkt out;

		assert_int_equal(
			addr_parse(rows[i].version == 4 ? "192.0.2.1" : "2001:db8::1", &source),
			ERR_OK);
		assert_int_equal(inner_decode(original, n, false, &in), ERR_OK);
		pkt_init(&out, mem, sizeof(mem), 64);
		assert_true(icmp_build(rows[i].kind, &in, original, &source, 1234, &out));
		assert_int_equal(out.len, rows[i].len);
		assert_int_equal(inner_decode(out.data, out.len, false, &made), ERR_OK);
		assert_true(addr_equal(&made.src, &source));
		assert_true(addr_equal(&made.dst, &in.src));
		assert_int_equal(out.data[header], rows[i].type);
		assert_int_equal(out.data[header + 1], rows[i].code);
		if (rows[i].kind == ICMP_PACKET_TOO_BIG)
			assert_int_equal(out.data[header + 6] << 8 | out.data[header + 7], 1234);
		assert_memory_equal(out.data + header + 8, original, out.len - header - 8);
		if (rows[i].version == 4) {
			assert_int_equal(icmp_fold(icmp_sum(out.data, 20, 0)), 0);
			assert_int_equal(icmp_fold(icmp_sum(out.data + 20, out.len - 20, 0)), 0);
		} else {
			assert_int_equal(l4_check(out.data, out.len, IPPROTO_ICMPV6), 0);
		}
	}
}

static bool answered(uint8_t *original, size_t n, const char *source_text)
{
	uint8_t mem[ROOM];
	struct inner in;
	struct addr source;
	struct pkt out;

	assert_int_equal(addr_parse(source_text, &source), ERR_OK);
	assert_int_equal(inner_decode(original, n, false, &in), ERR_OK);
	pkt_init(&out, mem, sizeof(mem), 64);
	return icmp_build(ICMP_NO_ROUTE, &in, original, &source, 0, &out);
}

static void test_icmp_is_silent_where_it_must_be(void **state)
{
	uint8_t p[ROOM];
	size_t n;

	(void)state;
	n = make_ip(p, 4, IPPROTO_ICMP, 8);
	p[20] = 8;
	assert_true(answered(p, n, "192.0.2.1")); /* an echo request may be answered */
	p[20] = 3;
	assert_false(answered(p, n, "192.0.2.1")); /* an error may not */
	n = make_ip(p, 6, IPPROTO_ICMPV6, 8);
	p[40] = 128;
	assert_true(answered(p, n, "2001:db8::1"));
	p[40] = 1;
	assert_false(answered(p, n, "2001:db8::1"));
	n = make_ip(p, 4, IPPROTO_UDP, 8);
	assert_false(answered(p, n, "2001:db8::1")); /* no source of that family */
	p[7] = 1;
	assert_false(answered(p, n, "192.0.2.1")); /* not the first fragment */
	n = make_ip(p, 4, IPPROTO_UDP, 8);
	p[16] = 224;
	assert_false(answered(p, n, "192.0.2.1")); /* to multicast */
	n = make_ip(p, 4, IPPROTO_UDP, 8);
	memset(p + 12, 0, 4);
	assert_false(answered(p, n, "192.0.2.1")); /* from nobody */
}

static void test_mss_clamp(void **state)
{
	/* `before` is the option as sent (0: none); options before it: NOPs, to try odd places */
	static const struct {
		int version;
		uint8_t flags;
		unsigned nops, before, mtu, after;
	} rows[] = {
		{ 4, 0x02, 0, 1460, 1400, 1360 }, { 4, 0x12, 0, 1460, 1400, 1360 },
		{ 4, 0x02, 1, 1460, 1400, 1360 }, { 4, 0x02, 3, 8960, 1400, 1360 },
		{ 4, 0x02, 0, 1200, 1400, 1200 }, { 4, 0x10, 0, 1460, 1400, 1460 },
		{ 4, 0x02, 4, 0, 1400, 0 },       { 6, 0x02, 0, 1440, 1400, 1340 },
		{ 6, 0x02, 1, 1440, 1280, 1220 },
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
		uint8_t mem[ROOM];
		size_t header = rows[i].version == 4 ? 20 : 40;
		size_t n = make_ip(mem, rows[i].version, IPPROTO_TCP, 28);
		uint8_t *tcp = mem + header, *option = tcp + 20 + rows[i].nops;
		struct inner in;
		bool changed;

		tcp[12] = 7 << 4;
		tcp[13] = rows[i].flags;
		memset(tcp + 20, 1, 8);
		if (rows[i].before) {
			option[0] = 2;
			option[1] = 4;
			put16(option + 2, rows[i].before);
		}
		put16(tcp + 16, l4_check(mem, n, IPPROTO_TCP));
		assert_int_equal(l4_check(mem, n, IPPROTO_TCP), 0);
		assert_int_equal(inner_decode(mem, n, false, &in), ERR_OK);
		changed = mss_clamp(mem, &in, (uint16_t)rows[i].mtu, false);
		assert_int_equal(changed, rows[i].before != rows[i].after);
		if (rows[i].before)
			assert_int_equal(option[2] << 8 | option[3], rows[i].after);
		assert_int_equal(l4_check(mem, n, IPPROTO_TCP), 0);
	}
}

static void test_mss_survives_bad_options(void **state)
{
	uint8_t mem[ROOM], copy[ROOM];
	struct inner in;
	size_t n = make_ip(mem, 4, IPPROTO_TCP, 28);

	(void)state;
	mem[20 + 12] = 7 << 4;
	mem[20 + 13] = 2;
	for (unsigned kind = 0; kind < 256; kind++)
		for (unsigned len = 0; len < 256; len++) {
			mem[40] = (uint8_t)kind;
			mem[41] = (uint8_t)len;
			memcpy(copy, mem, n);
			assert_int_equal(inner_decode(mem, n, false, &in), ERR_OK);
			assert_false(mss_clamp(mem, &in, 1400, false));
			assert_memory_equal(copy, mem, n);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_icmp_errors_are_well_formed),
		cmocka_unit_test(test_icmp_is_silent_where_it_must_be),
		cmocka_unit_test(test_mss_clamp),
		cmocka_unit_test(test_mss_survives_bad_options),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
