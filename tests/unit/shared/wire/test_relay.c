/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/wire/relay.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

/* One row: an envelope with these ids around a message of this type and length. */
static const struct {
	const char *name;
	uint32_t destination, source;
	uint8_t inner_type;
	size_t inner_len;
	enum err want;
} rows[] = {
	{ "initiation", 2, 3, PACKET_INITIATION, 148, ERR_OK },
	{ "response", 3, 2, PACKET_RESPONSE, 92, ERR_OK },
	{ "cookie", 0xffffffff, 1, PACKET_COOKIE, 64, ERR_OK },
	{ "keepalive", 1, 0xffffffff, PACKET_TRANSPORT, 32, ERR_OK },
	{ "transport", 2, 3, PACKET_TRANSPORT, 1440, ERR_OK },
	{ "initiation too short", 2, 3, PACKET_INITIATION, 147, ERR_INVALID },
	{ "initiation too long", 2, 3, PACKET_INITIATION, 149, ERR_INVALID },
	{ "transport too short", 2, 3, PACKET_TRANSPORT, 31, ERR_INVALID },
	{ "nothing inside", 2, 3, 0, 0, ERR_INVALID },
	{ "nested", 2, 3, PACKET_RELAY, 100, ERR_INVALID },
	{ "WireGuard initiation", 2, 3, PACKET_WG_INITIATION, 148, ERR_INVALID },
	{ "WireGuard response", 2, 3, PACKET_WG_RESPONSE, 92, ERR_INVALID },
	{ "WireGuard cookie", 2, 3, PACKET_WG_COOKIE, 64, ERR_INVALID },
	{ "WireGuard transport", 2, 3, PACKET_WG_TRANSPORT, 100, ERR_INVALID },
	{ "unknown type", 2, 3, 10, 100, ERR_INVALID },
	{ "type 0", 2, 3, 0, 100, ERR_INVALID },
	{ "no destination", 0, 3, PACKET_TRANSPORT, 100, ERR_INVALID },
	{ "no source", 2, 0, PACKET_TRANSPORT, 100, ERR_INVALID },
	{ "to itself", 3, 3, PACKET_TRANSPORT, 100, ERR_INVALID },
};

/* Written by hand, since relay_encode() takes no wrong ids. */
static void put_le32(uint8_t *p, uint32_t v)
{
	for (unsigned i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> (8 * i));
}

static void envelopes_are_judged(void **state)
{
	uint8_t p[2048];
	struct relay_view v;
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		memset(p, 0, sizeof(p));
		p[0] = PACKET_RELAY;
		put_le32(p + 4, rows[i].destination);
		put_le32(p + 8, rows[i].source);
		p[12] = rows[i].inner_type;
		if (relay_decode(p, 12 + rows[i].inner_len, &v) != rows[i].want)
			fail_msg("%s", rows[i].name);
		if (rows[i].want)
			continue;
		assert_int_equal(v.destination, rows[i].destination);
		assert_int_equal(v.source, rows[i].source);
		assert_int_equal(v.inner_type, rows[i].inner_type);
		assert_ptr_equal(v.inner, p + 12);
		assert_int_equal(v.inner_len, rows[i].inner_len);
		uint8_t header[RELAY_HEADER_BYTES];
		relay_encode(v.destination, v.source, 0, header);
		assert_memory_equal(header, p, sizeof(header));
	}
}

static void reserved_bytes_and_lengths_are_judged(void **state)
{
	uint8_t p[256] = { 0 };
	struct relay_view v;
	(void)state;
	relay_encode(2, 3, 0, p);
	p[12] = PACKET_TRANSPORT;
	for (size_t n = 0; n < 44; n++)
		assert_int_equal(relay_decode(p, n, &v), ERR_INVALID);
	assert_int_equal(relay_decode(p, 44, &v), ERR_OK);
	for (size_t i = 0; i < 4; i++) {
		p[i] ^= 0x10;
		assert_int_equal(relay_decode(p, 100, &v), ERR_INVALID);
		p[i] ^= 0x10;
	}
	assert_int_equal(v.flags, 0);
	relay_encode(2, 3, RELAY_FLAG_MAY_CUT, p);
	assert_int_equal(p[1], 1);
	assert_int_equal(relay_decode(p, 44, &v), ERR_OK);
	assert_int_equal(v.flags, RELAY_FLAG_MAY_CUT);
	p[1] = 3;
	assert_int_equal(relay_decode(p, 44, &v), ERR_INVALID);
	p[1] = 0;
	/* The message inside is judged as if it had come by itself. */
	p[13] = TRANSPORT_FLAG_PARTIAL_CSUM;
	assert_int_equal(relay_decode(p, 100, &v), ERR_OK);
	p[13] = 0x80;
	assert_int_equal(relay_decode(p, 100, &v), ERR_INVALID);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(envelopes_are_judged),
		cmocka_unit_test(reserved_bytes_and_lengths_are_judged),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
