/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "shared/base/err.h"
#include "shared/tunnel/ecn.h"
#include "shared/tunnel/offload.h"
#include "shared/wire/inner.h"

#define DROPPED 9

/* RFC 6040, figure 4, written down again by its own order of columns. */
static const struct {
	enum ecn inner;
	uint8_t not_ect, ect0, ect1, ce;
} figure4[] = {
	{ ECN_NOT_ECT, ECN_NOT_ECT, ECN_NOT_ECT, ECN_NOT_ECT, DROPPED },
	{ ECN_ECT0, ECN_ECT0, ECN_ECT0, ECN_ECT1, ECN_CE },
	{ ECN_ECT1, ECN_ECT1, ECN_ECT1, ECN_ECT1, ECN_CE },
	{ ECN_CE, ECN_CE, ECN_CE, ECN_CE, ECN_CE },
};

static void build(uint8_t *p, bool v4, uint8_t tos)
{
	memset(p, 0, 60);
	if (!v4) {
		p[0] = (uint8_t)(0x60 | tos >> 4);
		p[1] = (uint8_t)(tos << 4 | 0x05); /* and some flow label */
		offload_put16(p + 4, 20);
		return;
	}
	p[0] = 0x45;
	p[1] = tos;
	offload_put16(p + 2, 60);
	offload_put16(p + 4, 0x1234);
	p[8] = 64;
	p[9] = 6;
	memcpy(p + 12, "\x0a\x14\x00\x0a\x0a\x15\x00\x0a", 8);
	offload_put_csum(p + 10, (uint16_t)~offload_fold(offload_sum(p, 20, 0)));
}

static void check(bool v4, uint8_t dscp, enum ecn inner, uint8_t outer, uint8_t expected)
{
	uint8_t p[60], before[60];
	bool kept;

	build(p, v4, (uint8_t)((unsigned)dscp << 2 | inner));
	memcpy(before, p, sizeof(p));
	kept = ecn_decapsulate(p, outer);
	assert_int_equal(kept, expected != DROPPED);
	if (!kept)
		return;
	assert_int_equal(ecn_tos(p), dscp << 2 | expected);
	if (v4)
		assert_int_equal(offload_fold(offload_sum(p, 20, 0)), 0xffff);
	/* Nothing else has changed. */
	before[1] = p[1];
	if (v4)
		memcpy(before + 10, p + 10, 2);
	assert_memory_equal(p, before, sizeof(p));
}

static void test_decapsulate(void **state)
{
	(void)state;
	for (unsigned v4 = 0; v4 < 2; v4++) {
		for (unsigned dscp = 0; dscp < 64; dscp++) {
			for (size_t i = 0; i < ARRAY_LEN(figure4); i++) {
				/* The outer DSCP says nothing. */
				const uint8_t other = (uint8_t)((63 - dscp) << 2);

				check(v4, (uint8_t)dscp, figure4[i].inner, other | ECN_NOT_ECT,
				      figure4[i].not_ect);
				check(v4, (uint8_t)dscp, figure4[i].inner, other | ECN_ECT0,
				      figure4[i].ect0);
				check(v4, (uint8_t)dscp, figure4[i].inner, other | ECN_ECT1,
				      figure4[i].ect1);
				check(v4, (uint8_t)dscp, figure4[i].inner, other | ECN_CE,
				      figure4[i].ce);
			}
		}
	}
}

static void test_encapsulate(void **state)
{
	uint8_t p[60];

	(void)state;
	for (unsigned tos = 0; tos < 256; tos++) {
		for (unsigned v4 = 0; v4 < 2; v4++) {
			build(p, v4, (uint8_t)tos);
			assert_int_equal(ecn_tos(p), tos);
		}
		assert_int_equal(ecn_outer_tos((uint8_t)tos, true), tos);
		assert_int_equal(ecn_outer_tos((uint8_t)tos, false), tos & 3);
	}
}

/* A checksum whose words are all ones or zeros stays right, too: the ends of RFC 1624's equation.
 */
static void test_checksum_ends(void **state)
{
	(void)state;
	for (unsigned id = 0; id < 65536; id++) {
		uint8_t p[60];

		build(p, true, ECN_ECT0);
		offload_put16(p + 4, id);
		offload_put16(p + 10, 0);
		offload_put_csum(p + 10, (uint16_t)~offload_fold(offload_sum(p, 20, 0)));
		assert_true(ecn_decapsulate(p, ECN_CE));
		assert_int_equal(offload_fold(offload_sum(p, 20, 0)), 0xffff);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_decapsulate),
		cmocka_unit_test(test_encapsulate),
		cmocka_unit_test(test_checksum_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
