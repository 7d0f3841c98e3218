/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/wire/packet.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

static uint8_t mem[PACKET_MAX_BYTES + 1];

/* One row: the lengths between which a type is accepted, and the flag bits that it may have. */
static const struct {
	uint8_t type;
	size_t min, max;
	uint8_t flags;
} rows[] = {
	{ PACKET_WG_INITIATION, 148, 148, 0 }, { PACKET_WG_RESPONSE, 92, 92, 0 },
	{ PACKET_WG_COOKIE, 64, 64, 0 },       { PACKET_WG_TRANSPORT, 32, 65535, 0 },
	{ PACKET_INITIATION, 148, 148, 0 },    { PACKET_RESPONSE, 92, 92, 0 },
	{ PACKET_TRANSPORT, 32, 65535, 1 },    { PACKET_RELAY, 44, 65535, 1 },
	{ PACKET_COOKIE, 64, 64, 0 },
};

static bool accepts(const uint8_t *p, size_t n, uint8_t type)
{
	enum packet_type got = (enum packet_type)0xee;
	enum err e = packet_classify(p, n, &got);
	assert_true(e == ERR_OK || e == ERR_INVALID);
	assert_int_equal(got, e ? 0xee : type);
	return e == ERR_OK;
}

static void types_have_their_lengths(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		memset(mem, 0, 4);
		mem[0] = rows[i].type;
		for (size_t n = 0; n < 300; n++)
			assert_int_equal(accepts(mem, n, rows[i].type),
					 n >= rows[i].min && n <= rows[i].max);
		assert_int_equal(accepts(mem, 65535, rows[i].type), rows[i].max == 65535);
		assert_false(accepts(mem, 65536, rows[i].type));
	}
}

static void reserved_bits_must_be_zero(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		for (unsigned bit = 0; bit < 24; bit++) {
			memset(mem, 0, 4);
			mem[0] = rows[i].type;
			mem[1 + bit / 8] = (uint8_t)(1u << (bit % 8));
			assert_int_equal(accepts(mem, rows[i].min, rows[i].type),
					 bit < 8 && (rows[i].flags & (1u << bit)));
		}
	}
}

static void other_types_are_refused(void **state)
{
	static const size_t lengths[] = { 1, 4, 32, 44, 64, 92, 148, 1400 };
	(void)state;
	memset(mem, 0, 4);
	for (unsigned type = 0; type < 256; type++) {
		mem[0] = (uint8_t)type;
		for (size_t k = 0; (type == 0 || type > 9) && k < ARRAY_LEN(lengths); k++)
			assert_false(accepts(mem, lengths[k], (uint8_t)type));
	}
	assert_false(accepts(mem, 0, 0));
	for (unsigned type = 1; type <= 9; type++)
		assert_int_equal(packet_is_agent((enum packet_type)type), type >= 5);
}

static void transport_header_there_and_back(void **state)
{
	static const struct {
		struct packet_transport h;
		uint8_t bytes[16];
	} cases[] = {
		{ { PACKET_WG_TRANSPORT, 0, 0x11223344, 0x0102030405060708 },
		  { 4, 0, 0, 0, 0x44, 0x33, 0x22, 0x11, 8, 7, 6, 5, 4, 3, 2, 1 } },
		{ { PACKET_TRANSPORT, TRANSPORT_FLAG_PARTIAL_CSUM, 0xffffffff, 0 },
		  { 7, 1, 0, 0, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0 } },
		{ { PACKET_TRANSPORT, 0, 0, UINT64_MAX },
		  { 7, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff } },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct packet_transport got;
		memset(mem, 0xee, 32);
		packet_encode_transport(&cases[i].h, mem);
		assert_memory_equal(mem, cases[i].bytes, 16);
		assert_int_equal(mem[16], 0xee);
		assert_int_equal(packet_decode_transport(mem, 31, &got), ERR_INVALID);
		assert_int_equal(packet_decode_transport(mem, 32, &got), ERR_OK);
		assert_int_equal(got.type, cases[i].h.type);
		assert_int_equal(got.flags, cases[i].h.flags);
		assert_int_equal(got.receiver, cases[i].h.receiver);
		assert_true(got.counter == cases[i].h.counter);
	}
	mem[0] = PACKET_TRANSPORT;
	mem[1] = 2;
	assert_int_equal(packet_decode_transport(mem, 32, &(struct packet_transport){ 0 }),
			 ERR_INVALID);
	memset(mem, 0, 4);
	mem[0] = PACKET_INITIATION;
	assert_int_equal(packet_decode_transport(mem, 148, &(struct packet_transport){ 0 }),
			 ERR_INVALID);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(types_have_their_lengths),
		cmocka_unit_test(reserved_bits_must_be_zero),
		cmocka_unit_test(other_types_are_refused),
		cmocka_unit_test(transport_header_there_and_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
