/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "shared/base/secret.h"

static void zeroing(void **unused)
{
	uint8_t b[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };

	(void)unused;
	secret_zero(b, 0);
	assert_int_equal(b[0], 1);
	secret_zero(b + 1, 6);
	assert_int_equal(b[0], 1);
	assert_int_equal(b[7], 8);
	assert_true(secret_is_zero(b + 1, 6));
	assert_false(secret_is_zero(b, 8));
	assert_false(secret_is_zero(b + 1, 7));
}

/* A difference in any single bit of any byte is seen. */
static void comparing(void **unused)
{
	uint8_t a[32], b[32];

	(void)unused;
	secret_random(a, sizeof(a));
	memcpy(b, a, sizeof(a));
	assert_true(secret_equal(a, b, sizeof(a)));
	assert_true(secret_equal(a, b, 0));
	for (size_t bit = 0; bit < 256; bit++) {
		b[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_false(secret_equal(a, b, sizeof(a)));
		b[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	b[31] ^= 1;
	assert_true(secret_equal(a, b, 31));
}

/* Longer than getrandom() gives at once after a signal (256 bytes); every part is filled. */
static void random_bytes(void **unused)
{
	static uint8_t a[100000];

	(void)unused;
	secret_random(a, sizeof(a));
	for (size_t i = 0; i + 32 <= sizeof(a); i += 32)
		assert_false(secret_is_zero(a + i, 32));
	assert_memory_not_equal(a, a + 32, 32);
}

static void random_below(void **unused)
{
	unsigned seen[3] = { 0 };

	(void)unused;
	for (int i = 0; i < 3000; i++) {
		uint32_t v = secret_random_below(3);

		assert_true(v < 3);
		seen[v]++;
	}
	/* The chance of less than 700 in 3000 is under 10^-30. */
	for (int i = 0; i < 3; i++)
		assert_true(seen[i] > 700);
	assert_int_equal(secret_random_below(1), 0);
	for (int i = 0; i < 100; i++)
		assert_true(secret_random_below(0x80000001u) < 0x80000001u);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(zeroing),
		cmocka_unit_test(comparing),
		cmocka_unit_test(random_bytes),
		cmocka_unit_test(random_below),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
