/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/wire/handshake.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

/* Three adapters, so that one table and one set of checks serve all messages. */
union message {
	struct handshake_initiation initiation;
	struct handshake_response response;
	struct handshake_cookie_reply cookie;
};

static enum err decode_initiation(const uint8_t *p, size_t n, union message *m)
{
	return handshake_decode_initiation(p, n, &m->initiation);
}
static enum err decode_response(const uint8_t *p, size_t n, union message *m)
{
	return handshake_decode_response(p, n, &m->response);
}
static enum err decode_cookie(const uint8_t *p, size_t n, union message *m)
{
	return handshake_decode_cookie_reply(p, n, &m->cookie);
}
static void encode_initiation(const union message *m, uint8_t *out)
{
	handshake_encode_initiation(&m->initiation, out);
}
static void encode_response(const union message *m, uint8_t *out)
{
	handshake_encode_response(&m->response, out);
}
static void encode_cookie(const union message *m, uint8_t *out)
{
	handshake_encode_cookie_reply(&m->cookie, out);
}

static const struct {
	size_t n;
	uint8_t types[2];
	enum err (*decode)(const uint8_t *p, size_t n, union message *m);
	void (*encode)(const union message *m, uint8_t *out);
} rows[] = {
	{ 148, { 1, 5 }, decode_initiation, encode_initiation },
	{ 92, { 2, 6 }, decode_response, encode_response },
	{ 64, { 3, 9 }, decode_cookie, encode_cookie },
};

static void fill(uint8_t *p, size_t n, uint8_t type)
{
	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)(i * 7 + 1);
	memset(p, 0, 4);
	p[0] = type;
}

static void bytes_there_and_back(void **state)
{
	uint8_t in[160], out[160];
	union message m;
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		for (size_t t = 0; t < 2; t++) {
			fill(in, sizeof(in), rows[i].types[t]);
			memset(out, 0xee, sizeof(out));
			assert_int_equal(rows[i].decode(in, rows[i].n, &m), ERR_OK);
			rows[i].encode(&m, out);
			assert_memory_equal(in, out, rows[i].n);
			assert_int_equal(out[rows[i].n], 0xee);
		}
	}
}

static void other_lengths_and_types_are_refused(void **state)
{
	uint8_t in[160];
	union message m, untouched;
	(void)state;
	memset(&m, 0xee, sizeof(m));
	memset(&untouched, 0xee, sizeof(untouched));
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		fill(in, sizeof(in), rows[i].types[0]);
		for (size_t n = 0; n <= sizeof(in); n++) {
			if (n != rows[i].n)
				assert_int_equal(rows[i].decode(in, n, &m), ERR_INVALID);
		}
		for (unsigned type = 0; type < 256; type++) {
			in[0] = (uint8_t)type;
			if (type != rows[i].types[0] && type != rows[i].types[1])
				assert_int_equal(rows[i].decode(in, rows[i].n, &m), ERR_INVALID);
		}
		for (unsigned bit = 0; bit < 24; bit++) {
			fill(in, sizeof(in), rows[i].types[1]);
			in[1 + bit / 8] = (uint8_t)(1u << (bit % 8));
			assert_int_equal(rows[i].decode(in, rows[i].n, &m), ERR_INVALID);
		}
		assert_memory_equal(&m, &untouched, sizeof(m));
	}
}

static void fields_stand_where_they_should(void **state)
{
	uint8_t in[160];
	union message m;
	(void)state;

	fill(in, sizeof(in), 5);
	assert_int_equal(handshake_decode_initiation(in, 148, &m.initiation), ERR_OK);
	assert_int_equal(m.initiation.type, PACKET_INITIATION);
	assert_int_equal(m.initiation.sender, 0x322b241d);
	assert_memory_equal(m.initiation.ephemeral.b, in + 8, 32);
	assert_memory_equal(m.initiation.sealed_static, in + 40, 48);
	assert_memory_equal(m.initiation.sealed_timestamp, in + 88, 28);
	assert_memory_equal(m.initiation.mac1, in + 116, 16);
	assert_memory_equal(m.initiation.mac2, in + 132, 16);
	assert_int_equal(HANDSHAKE_MAC1_OFFSET(148u), 116);
	assert_int_equal(HANDSHAKE_MAC2_OFFSET(148u), 132);

	fill(in, sizeof(in), 2);
	assert_int_equal(handshake_decode_response(in, 92, &m.response), ERR_OK);
	assert_int_equal(m.response.sender, 0x322b241d);
	assert_int_equal(m.response.receiver, 0x4e474039);
	assert_memory_equal(m.response.ephemeral.b, in + 12, 32);
	assert_memory_equal(m.response.sealed_nothing, in + 44, 16);
	assert_memory_equal(m.response.mac1, in + 60, 16);
	assert_memory_equal(m.response.mac2, in + 76, 16);

	fill(in, sizeof(in), 9);
	assert_int_equal(handshake_decode_cookie_reply(in, 64, &m.cookie), ERR_OK);
	assert_int_equal(m.cookie.receiver, 0x322b241d);
	assert_memory_equal(m.cookie.nonce, in + 8, 24);
	assert_memory_equal(m.cookie.sealed_cookie, in + 32, 32);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_there_and_back),
		cmocka_unit_test(other_lengths_and_types_are_refused),
		cmocka_unit_test(fields_stand_where_they_should),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
