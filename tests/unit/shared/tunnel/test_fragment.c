/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "shared/base/err.h"
#include "shared/tunnel/fragment.h"
#include "shared/tunnel/offload.h"

#define PACKET_MAX 9000u
#define MORE       0x2000u
#define DF         0x4000u

/* A packet with that header length, whose payload says where each byte stands. `word`: flags and
 * offset. */
static void build(uint8_t *p, size_t header, size_t len, unsigned word, struct inner *in)
{
	memset(p, 0, header);
	p[0] = (uint8_t)(0x40 | header / 4);
	p[1] = 0xb9;
	offload_put16(p + 2, len);
	offload_put16(p + 4, 0xabcd);
	offload_put16(p + 6, word);
	p[8] = 64;
	p[9] = 17;
	memcpy(p + 12, "\x0a\x14\x00\x0a\x0a\x15\x00\x0a", 8);
	memset(p + 20, 1, header - 20);
	for (size_t i = header; i < len; i++)
		p[i] = (uint8_t)((i - header) * 7 + (i - header) / 256);
	offload_put_csum(p + 10, (uint16_t)~offload_fold(offload_sum(p, header, 0)));
	assert_int_equal(inner_decode(p, len, false, in), ERR_OK);
}

/* Cuts, checks each fragment by itself, and puts the payload together again. Returns how many. */
static unsigned check(uint8_t *p, const struct inner *in, size_t mtu, size_t later_header)
{
	static uint8_t payload[PACKET_MAX], expected[PACKET_MAX];
	const size_t header = in->header_len, n = in->total_len - header;
	const unsigned word = offload_get16(p + 6);
	size_t got = 0, len;
	unsigned fragments = 0;
	struct fragmenter f;
	uint8_t *frag;
	bool more = true;

	memcpy(expected, p + header, n);
	assert_int_equal(fragment_begin(&f, p, in, mtu), ERR_OK);
	while (fragment_next(&f, &frag, &len)) {
		struct inner one;
		unsigned w = offload_get16(frag + 6);

		assert_true(more && len <= mtu);
		assert_int_equal(inner_decode(frag, len, false, &one), ERR_OK);
		assert_int_equal(one.total_len, len);
		assert_int_equal(one.header_len, fragments ? later_header : header);
		assert_int_equal(offload_fold(offload_sum(frag, one.header_len, 0)), 0xffff);
		assert_true(addr_equal(&one.src, &in->src) && addr_equal(&one.dst, &in->dst));
		assert_true(frag[1] == 0xb9 && frag[8] == 64 && frag[9] == 17 &&
			    offload_get16(frag + 4) == 0xabcd);
		assert_int_equal((w & 0x1fff) - (word & 0x1fff), got / 8);
		assert_int_equal(w & DF, 0);
		memcpy(payload + got, frag + one.header_len, len - one.header_len);
		got += len - one.header_len;
		more = got < n;
		assert_int_equal((w & MORE) != 0, more || (word & MORE));
		assert_true(!more || (len - one.header_len) % 8 == 0);
		/* As much as goes in. */
		assert_true(!more || len + 8 > mtu);
		fragments++;
	}
	assert_int_equal(got, n);
	assert_memory_equal(payload, expected, n);
	return fragments;
}

static void test_lengths(void **state)
{
	static uint8_t p[PACKET_MAX];
	struct inner in;

	(void)state;
	for (size_t mtu = FRAGMENT_MTU_MIN; mtu < 1500; mtu += 13) {
		for (size_t len = mtu - 9; len < 4100; len += 61) {
			build(p, 20, len, 0, &in);
			check(p, &in, mtu, 20);
		}
	}
	build(p, 20, 1400, 0, &in);
	assert_int_equal(check(p, &in, 1400, 20), 1);
	build(p, 20, 1400, 0, &in);
	assert_int_equal(check(p, &in, 1399, 20), 2);
	build(p, 20, 1400, 0, &in);
	assert_int_equal(check(p, &in, 700, 20), 3);
	build(p, 20, 1396, 0, &in); /* 2 * 688 */
	assert_int_equal(check(p, &in, 708, 20), 2);
}

/* A fragment may be cut again: offset and "more fragments" of the whole stay right. */
static void test_again(void **state)
{
	static uint8_t p[PACKET_MAX];
	struct inner in;

	(void)state;
	build(p, 20, 1396, MORE | 172, &in);
	assert_int_equal(check(p, &in, 600, 20), 3);
	build(p, 20, 1000, 344, &in);
	assert_int_equal(check(p, &in, 600, 20), 2);
}

static void test_options(void **state)
{
	static const struct {
		const char *what;
		uint8_t options[40];
		size_t n, later; /* bytes of options; of a later header, 0: refused */
	} rows[] = {
		{ "only padding", { 1, 1, 1, 0 }, 4, 20 },
		{ "record route is not copied", { 7, 7, 4, 0, 0, 0, 0, 0 }, 8, 20 },
		{ "router alert is copied", { 148, 4, 0, 0 }, 4, 24 },
		{ "one of each", { 1, 148, 4, 0, 0, 7, 3, 4, 131, 3, 4, 0 }, 12, 28 },
		{ "copied to the end",
		  { 130, 11, 1, 2, 3, 4, 5, 6, 7, 8, 9, 148, 4, 9, 9, 0 },
		  16,
		  36 },
		{ "length 1", { 148, 1, 0, 0 }, 4, 0 },
		{ "length 0", { 148, 0, 0, 0 }, 4, 0 },
		{ "longer than the header", { 148, 5, 0, 0 }, 4, 0 },
		{ "without length", { 1, 1, 1, 148 }, 4, 0 },
	};
	static uint8_t p[PACKET_MAX];
	struct inner in;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const size_t header = 20 + rows[i].n;
		struct fragmenter f;

		build(p, header, 1400, 0, &in);
		memcpy(p + 20, rows[i].options, rows[i].n);
		offload_put16(p + 10, 0);
		offload_put_csum(p + 10, (uint16_t)~offload_fold(offload_sum(p, header, 0)));
		if (!rows[i].later)
			assert_int_equal(fragment_begin(&f, p, &in, 600), ERR_INVALID);
		else
			check(p, &in, 600, rows[i].later);
	}
}

static void test_refused(void **state)
{
	static uint8_t p[PACKET_MAX];
	struct fragmenter f;
	struct inner in;

	(void)state;
	build(p, 20, 1400, DF, &in);
	assert_int_equal(fragment_begin(&f, p, &in, 600), ERR_INVALID);
	build(p, 20, 1400, 0, &in);
	assert_int_equal(fragment_begin(&f, p, &in, FRAGMENT_MTU_MIN - 1), ERR_INVALID);
	in.kind = INNER_IPV6;
	assert_int_equal(fragment_begin(&f, p, &in, 600), ERR_INVALID);
	/* Nothing behind the header: nothing comes out. */
	build(p, 20, 20, 0, &in);
	assert_int_equal(check(p, &in, 68, 20), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_again),
		cmocka_unit_test(test_options),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
