/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/wire/token.h"

#include <openssl/sha.h>
#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "shared/base/base64.h"

static void sample(struct join_token *t, unsigned n_addresses)
{
	memset(t, 0, sizeof(*t));
	for (unsigned i = 0; i < JOIN_SECRET_BYTES; i++)
		t->secret[i] = (uint8_t)(0xf0 + i);
	for (unsigned i = 0; i < KEY_BYTES; i++)
		t->hub_key.b[i] = (uint8_t)(i * 7);
	snprintf(t->network, sizeof(t->network), "linodeVPN");
	t->n_addresses = (uint8_t)n_addresses;
	for (unsigned i = 0; i < n_addresses; i++)
		snprintf(t->addresses[i], sizeof(t->addresses[i]), "hub%u.example.net %u", i,
			 6655 + i);
}

static void test_round_trip(void **state)
{
	char text[JOIN_TOKEN_MAX_CHARS + 1];

	(void)state;
	for (unsigned n = 1; n <= TOKEN_ADDRESSES_MAX; n++) {
		struct join_token t, back;

		sample(&t, n);
		memset(&back, 0xaa, sizeof(back));
		assert_int_equal(token_encode(&t, text), ERR_OK);
		assert_memory_equal(text, "bl1_", 4);
		assert_int_equal(token_decode(text, &back), ERR_OK);
		assert_memory_equal(&t, &back, sizeof(t));
	}
}

/* The text of a known token: a change of the format must be deliberate. */
static void test_known_text(void **state)
{
	static const char want[] = "bl1_AfDx8vP09fb3-Pn6-_z9_v8ABw4VHCMqMTg_Rk1UW2JpcHd-"
				   "hYyTmqGor7a9xMvS2QkAbGlub2RlVlBOARUA"
				   "aHViMC5leGFtcGxlLm5ldCA2NjU1";
	char text[JOIN_TOKEN_MAX_CHARS + 1];
	struct join_token t;

	(void)state;
	sample(&t, 1);
	assert_int_equal(token_encode(&t, text), ERR_OK);
	assert_int_equal(strlen(text), strlen(want) + 6);
	/* The last 6 characters are the sum. */
	text[strlen(want)] = '\0';
	assert_string_equal(text, want);
}

static void test_white_space(void **state)
{
	char text[JOIN_TOKEN_MAX_CHARS + 1], padded[JOIN_TOKEN_MAX_CHARS + 16];
	struct join_token t, back;

	(void)state;
	sample(&t, 2);
	assert_int_equal(token_encode(&t, text), ERR_OK);
	snprintf(padded, sizeof(padded), " \t%s\r\n", text);
	assert_int_equal(token_decode(padded, &back), ERR_OK);
	assert_memory_equal(&t, &back, sizeof(t));
	snprintf(padded, sizeof(padded), "%s %s", "bl1_abc", "def");
	assert_int_equal(token_decode(padded, &back), ERR_INVALID);
}

/* Each character replaced by every other printable one, and each cut: never accepted, and the
 * output stays as it was. */
static void test_corruption(void **state)
{
	char text[JOIN_TOKEN_MAX_CHARS + 1];
	struct join_token t, out, before;
	size_t n;

	(void)state;
	sample(&t, 1);
	assert_int_equal(token_encode(&t, text), ERR_OK);
	memset(&before, 0x5a, sizeof(before));
	n = strlen(text);
	for (size_t i = 0; i < n; i++) {
		char right = text[i];

		for (int c = 1; c < 256; c++) {
			if ((char)c == right)
				continue;
			text[i] = (char)c;
			out = before;
			assert_int_not_equal(token_decode(text, &out), ERR_OK);
			assert_memory_equal(&out, &before, sizeof(out));
		}
		text[i] = right;
	}
	for (size_t i = 0; i < n; i++) {
		char right = text[i];
		enum err e;

		text[i] = '\0';
		e = token_decode(text, &out);
		assert_int_equal(e, i < 4 ? ERR_INVALID : ERR_TRUNCATED);
		text[i] = right;
	}
}

static void test_not_a_token(void **state)
{
	static const struct {
		const char *text;
		enum err e;
	} rows[] = {
		{ "", ERR_INVALID },
		{ "   ", ERR_INVALID },
		{ "hello", ERR_INVALID },
		{ "bl_AAAA", ERR_INVALID },
		{ "bl0_AAAA", ERR_INVALID },
		{ "BL1_AAAA", ERR_INVALID },
		{ "bl2_AAAA", ERR_VERSION },
		{ "bl10_AAAA", ERR_VERSION },
		{ "bl1_", ERR_TRUNCATED },
		{ "bl1_AAAA", ERR_TRUNCATED },
		{ "bl1_AAAAAAAAAAAAAAAAAAAAAAAA", ERR_TRUNCATED },
		{ "bl1_A*AA", ERR_TRUNCATED },
		{ "bl1_AAAA=", ERR_TRUNCATED },
	};
	char big[JOIN_TOKEN_MAX_CHARS + 8];
	struct join_token out;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		enum err e = token_decode(rows[i].text, &out);

		if (e != rows[i].e)
			fail_msg("\"%s\": %d, want %d", rows[i].text, e, rows[i].e);
	}
	memset(big, 'A', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	memcpy(big, "bl1_", 4);
	assert_int_equal(token_decode(big, &out), ERR_INVALID);
}

/* Bodies with a right sum and wrong contents. */
static void test_bad_bodies(void **state)
{
	static const struct {
		const char *what;
		size_t at; /* byte of the body that is replaced */
		uint8_t with;
		enum err e;
	} rows[] = {
		{ "version 2", 0, 2, ERR_VERSION },
		{ "version 0", 0, 0, ERR_VERSION },
		{ "network length", 49, 200, ERR_INVALID },
		{ "network name", 51, '/', ERR_INVALID },
		{ "no addresses", 60, 0, ERR_INVALID },
		{ "one address too many", 60, 2, ERR_INVALID },
		{ "too many addresses", 60, 255, ERR_INVALID },
		{ "address with a NUL", 63, 0, ERR_INVALID },
		{ "address with a slash", 63, '/', ERR_INVALID },
		{ "address without a port", 80, '-', ERR_INVALID },
	};
	uint8_t body[JOIN_TOKEN_MAX_CHARS], good[JOIN_TOKEN_MAX_CHARS];
	char text[JOIN_TOKEN_MAX_CHARS + 1] = "";
	struct join_token t, out;
	size_t n;

	(void)state;
	sample(&t, 1);
	assert_int_equal(token_encode(&t, text), ERR_OK);
	assert_int_equal(base64url_decode(text + 4, good, sizeof(good), &n), ERR_OK);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint8_t digest[SHA256_DIGEST_LENGTH];
		enum err e;

		memcpy(body, good, n);
		body[rows[i].at] = rows[i].with;
		SHA256(body, n - 4, digest);
		memcpy(body + n - 4, digest, 4);
		base64url_encode(body, n, text + 4);
		e = token_decode(text, &out);
		if (e != rows[i].e)
			fail_msg("%s: %d, want %d", rows[i].what, e, rows[i].e);
	}
}

static void test_encode_refuses(void **state)
{
	char text[JOIN_TOKEN_MAX_CHARS + 1];
	struct join_token t;

	(void)state;
	sample(&t, 0);
	assert_int_equal(token_encode(&t, text), ERR_INVALID);
	sample(&t, 1);
	t.n_addresses = TOKEN_ADDRESSES_MAX + 1;
	assert_int_equal(token_encode(&t, text), ERR_INVALID);
	sample(&t, 1);
	t.network[0] = '.';
	assert_int_equal(token_encode(&t, text), ERR_INVALID);
	sample(&t, 1);
	snprintf(t.addresses[0], sizeof(t.addresses[0]), "hub.example.net");
	assert_int_equal(token_encode(&t, text), ERR_INVALID);
	/* Eight names of 200 characters are more than a token may hold. */
	sample(&t, 8);
	for (unsigned i = 0; i < 8; i++) {
		memset(t.addresses[i], 'a', 200);
		snprintf(t.addresses[i] + 200, 8, " 6655");
	}
	assert_int_equal(token_encode(&t, text), ERR_TOOBIG);
}

static void test_hash(void **state)
{
	/* SHA-256 of sixteen zero bytes, computed with another tool. */
	static const char want[] =
		"374708fff7719dd5979ec875d56cd2286f6d3cf7ec317a3b25632aab28ec37bb";
	uint8_t secret[JOIN_SECRET_BYTES] = { 0 }, out[32];
	char hex[65];

	(void)state;
	token_hash(secret, out);
	assert_string_equal(hex_encode(out, sizeof(out), hex), want);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),     cmocka_unit_test(test_known_text),
		cmocka_unit_test(test_white_space),    cmocka_unit_test(test_corruption),
		cmocka_unit_test(test_not_a_token),    cmocka_unit_test(test_bad_bodies),
		cmocka_unit_test(test_encode_refuses), cmocka_unit_test(test_hash),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
