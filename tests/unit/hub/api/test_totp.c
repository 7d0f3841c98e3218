/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "hub/api/password.h"
#include "hub/api/totp.h"

static const uint8_t *const secret = (const uint8_t *)"12345678901234567890";

/* RFC 6238 appendix B (SHA-1), the last six of its eight digits. */
static const struct {
	int64_t seconds;
	const char *code;
} vectors[] = {
	{ 59, "287082" },         { 1111111109, "081804" }, { 1111111111, "050471" },
	{ 1234567890, "005924" }, { 2000000000, "279037" }, { 20000000000, "353130" },
};

static void codes_of_the_rfc(void **unused)
{
	char code[TOTP_DIGITS + 1];
	int64_t step;

	(void)unused;
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		totp_code(secret, vectors[i].seconds / TOTP_STEP_S, code);
		assert_string_equal(code, vectors[i].code);
		assert_true(totp_matches(secret, code, vectors[i].seconds * 1000, 0, &step));
		assert_int_equal(step, vectors[i].seconds / TOTP_STEP_S);
	}
}

static void clocks_differ_a_little(void **unused)
{
	char code[TOTP_DIGITS + 1];
	int64_t step;

	(void)unused;
	for (int64_t off = -3; off <= 3; off++) {
		totp_code(secret, 1000 + off, code);
		assert_int_equal(totp_matches(secret, code, 1000 * TOTP_STEP_S * 1000, 0, &step),
				 off >= -1 && off <= 1);
	}
}

static void no_code_is_taken_twice(void **unused)
{
	int64_t now = 1000ll * TOTP_STEP_S * 1000, step = 0, other = 0;
	char code[TOTP_DIGITS + 1], before[TOTP_DIGITS + 1];

	(void)unused;
	totp_code(secret, 1000, code);
	totp_code(secret, 999, before);
	assert_true(totp_matches(secret, code, now, 0, &step));
	assert_false(totp_matches(secret, code, now, step, &other));
	/* Nor one of before the last that was taken. */
	assert_false(totp_matches(secret, before, now, step, &other));
	totp_code(secret, 1001, code);
	assert_true(totp_matches(secret, code, now, step, &other));
}

static void nonsense(void **unused)
{
	static const char *const texts[] = { "",       "2",      "28708",   "2870822",
					     "287083", "abcdef", "287082 ", "      " };
	int64_t step;

	(void)unused;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_false(totp_matches(secret, texts[i], 59000, 0, &step));
}

static void in_base32(void **unused)
{
	char text[TOTP_BASE32_SIZE];

	(void)unused;
	assert_string_equal(totp_base32(secret, text), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
}

static void passwords(void **unused)
{
	char one[PASSWORD_HASH_SIZE], two[PASSWORD_HASH_SIZE], made[PASSWORD_NEW_SIZE];
	char other[PASSWORD_NEW_SIZE];

	(void)unused;
	assert_int_equal(password_hash("correct horse", one), ERR_OK);
	assert_int_equal(password_hash("correct horse", two), ERR_OK);
	assert_string_not_equal(one, two);
	assert_memory_equal(one, "scrypt$15$8$1$", 14);
	assert_null(strstr(one, "horse"));
	assert_true(password_matches("correct horse", one));
	assert_true(password_matches("correct horse", two));
	assert_false(password_matches("correct horsf", one));
	assert_false(password_matches("", one));
	password_new(made);
	password_new(other);
	assert_string_not_equal(made, other);
	assert_int_equal(strlen(made), 20);
}

/* What another hand wrote into the database lets nobody in. */
static void broken_hashes(void **unused)
{
	static const char *const hashes[] = {
		"",
		"x",
		"scrypt$15$8$1$",
		"scrypt$15$8$1$$",
		"scrypt$15$8$1$AAAAAAAAAAAAAAAAAAAAAA$",
		"scrypt$15$8$1$AAAAAAAAAAAAAAAAAAAAAA$AAAA",
		"scrypt$15$8$1$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAA$AAAA",
		"scrypt$1$8$1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
	};

	(void)unused;
	for (size_t i = 0; i < sizeof(hashes) / sizeof(hashes[0]); i++)
		assert_false(password_matches("x", hashes[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(codes_of_the_rfc),
		cmocka_unit_test(clocks_differ_a_little),
		cmocka_unit_test(no_code_is_taken_twice),
		cmocka_unit_test(nonsense),
		cmocka_unit_test(in_base32),
		cmocka_unit_test(passwords),
		cmocka_unit_test(broken_hashes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
