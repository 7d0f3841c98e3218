/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "shared/base/buf.h"

static void put_and_consume(void **unused)
{
	struct buf b;

	(void)unused;
	buf_init(&b, 10);
	assert_int_equal(buf_len(&b), 0);
	assert_non_null(buf_data(&b));
	assert_string_equal(buf_cstr(&b), "");
	assert_int_equal(buf_put(&b, "abcdef", 6), ERR_OK);
	buf_consume(&b, 2);
	assert_int_equal(buf_put_str(&b, "ghijkl"), ERR_OK);
	assert_string_equal(buf_cstr(&b), "cdefghijkl");
	/* Full: one byte more changes nothing. */
	assert_int_equal(buf_put(&b, "x", 1), ERR_TOOBIG);
	assert_int_equal(buf_printf(&b, "%d", 1), ERR_TOOBIG);
	assert_string_equal(buf_cstr(&b), "cdefghijkl");
	buf_clear(&b);
	assert_int_equal(buf_len(&b), 0);
	assert_int_equal(buf_printf(&b, "%s-%d", "n", 42), ERR_OK);
	assert_string_equal(buf_cstr(&b), "n-42");
	buf_fini(&b);
	/* Usable again, with the same maximum. */
	assert_int_equal(buf_put(&b, "12345678901", 11), ERR_TOOBIG);
	assert_int_equal(buf_put(&b, "1234567890", 10), ERR_OK);
	buf_fini(&b);
}

static void reserve_and_commit(void **unused)
{
	struct buf b;
	uint8_t *p;

	(void)unused;
	buf_init(&b, 1000);
	assert_int_equal(buf_reserve(&b, 1001, &p), ERR_TOOBIG);
	assert_int_equal(buf_reserve(&b, SIZE_MAX, &p), ERR_TOOBIG);
	assert_int_equal(buf_reserve(&b, 1000, &p), ERR_OK);
	memset(p, 'x', 1000);
	buf_commit(&b, 3);
	assert_string_equal(buf_cstr(&b), "xxx");
	buf_fini(&b);
}

/* Random puts and consumes against plain memory, from a fixed seed; the memory stays bounded. */
static void against_a_model(void **unused)
{
	enum { MAX = 5000, ROUNDS = 20000 };
	static uint8_t model[MAX];
	size_t len = 0;
	uint32_t r = 1;
	uint8_t next = 0;
	struct buf b;

	(void)unused;
	buf_init(&b, MAX);
	for (int i = 0; i < ROUNDS; i++) {
		uint8_t chunk[300];
		size_t n;

		r = r * 1664525u + 1013904223u;
		n = (r >> 16) % sizeof(chunk);
		for (size_t j = 0; j < n; j++)
			chunk[j] = next++;
		if (buf_put(&b, chunk, n) == ERR_OK) {
			assert_true(len + n <= MAX);
			memcpy(model + len, chunk, n);
			len += n;
		} else {
			assert_true(len + n > MAX);
		}
		r = r * 1664525u + 1013904223u;
		n = (r >> 16) % (len + 1) % 280;
		buf_consume(&b, n);
		memmove(model, model + n, len - n);
		len -= n;
		assert_int_equal(buf_len(&b), len);
		assert_memory_equal(buf_data(&b), model, len);
		assert_true(b.cap <= 2 * (MAX + 1));
	}
	buf_fini(&b);
}

/* What was in the buffer is not in its memory any more once an emptied large one gives it back. */
static void large_memory_is_given_back(void **unused)
{
	struct buf b;
	uint8_t *p;

	(void)unused;
	buf_init(&b, 1u << 20);
	assert_int_equal(buf_reserve(&b, 1u << 20, &p), ERR_OK);
	memset(p, 1, 1u << 20);
	buf_commit(&b, 1u << 20);
	buf_consume(&b, 1u << 20);
	assert_null(b.mem);
	assert_int_equal(buf_len(&b), 0);
	buf_fini(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(put_and_consume),
		cmocka_unit_test(reserve_and_commit),
		cmocka_unit_test(against_a_model),
		cmocka_unit_test(large_memory_is_given_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
