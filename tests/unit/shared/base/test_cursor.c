/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "shared/base/cursor.h"

/* Written and read back, with the bytes in between checked by hand. */
static void integers(void **unused)
{
	static const uint8_t want[] = { 0x01, 0x03, 0x02, 0x07, 0x06, 0x05, 0x04, 0x0f, 0x0e, 0x0d,
					0x0c, 0x0b, 0x0a, 0x09, 0x08, 0x10, 0x11, 0x12, 0x13, 0x14,
					0x15, 0x16, 0x17, 0x18, 0x19, 0x1a, 0x1b, 0x1c, 0x1d };
	uint8_t mem[sizeof(want)];
	struct cursor c;

	(void)unused;
	cursor_init_write(&c, mem, sizeof(mem));
	cursor_put_u8(&c, 0x01);
	cursor_put_u16(&c, 0x0203);
	cursor_put_u32(&c, 0x04050607);
	cursor_put_u64(&c, 0x08090a0b0c0d0e0fu);
	cursor_put_be16(&c, 0x1011);
	cursor_put_be32(&c, 0x12131415);
	cursor_put_be64(&c, 0x161718191a1b1c1du);
	assert_int_equal(cursor_end(&c), ERR_OK);
	assert_int_equal(cursor_pos(&c), sizeof(want));
	assert_memory_equal(mem, want, sizeof(want));

	cursor_init_read(&c, want, sizeof(want));
	assert_int_equal(cursor_get_u8(&c), 0x01);
	assert_int_equal(cursor_get_u16(&c), 0x0203);
	assert_int_equal(cursor_get_u32(&c), 0x04050607);
	assert_true(cursor_get_u64(&c) == 0x08090a0b0c0d0e0fu);
	assert_int_equal(cursor_get_be16(&c), 0x1011);
	assert_int_equal(cursor_get_be32(&c), 0x12131415);
	assert_true(cursor_get_be64(&c) == 0x161718191a1b1c1du);
	assert_int_equal(cursor_end(&c), ERR_OK);
}

/* After the first read past the end everything is zero, also what would have fitted. */
static void read_error_sticks(void **unused)
{
	uint8_t mem[4] = { 1, 2, 3, 4 }, dst[3] = { 9, 9, 9 };
	struct cursor c;

	(void)unused;
	cursor_init_read(&c, mem, sizeof(mem));
	assert_int_equal(cursor_get_u8(&c), 1);
	assert_int_equal(cursor_get_u32(&c), 0);
	assert_int_equal(cursor_left(&c), 0);
	assert_int_equal(cursor_get_u8(&c), 0);
	cursor_get_bytes(&c, dst, sizeof(dst));
	assert_int_equal(dst[0] | dst[1] | dst[2], 0);
	assert_null(cursor_get_view(&c, 0));
	assert_int_equal(cursor_end(&c), ERR_TRUNCATED);
	cursor_fail(&c, ERR_INVALID);
	assert_int_equal(cursor_end(&c), ERR_TRUNCATED);
}

static void rest_is_an_error(void **unused)
{
	struct cursor c;

	(void)unused;
	cursor_init_read(&c, "ab", 2);
	assert_int_equal(cursor_get_u8(&c), 'a');
	assert_int_equal(cursor_left(&c), 1);
	assert_int_equal(cursor_end(&c), ERR_INVALID);
	cursor_init_read(&c, NULL, 0);
	assert_int_equal(cursor_end(&c), ERR_OK);
	assert_int_equal(cursor_get_u8(&c), 0);
	assert_int_equal(cursor_end(&c), ERR_TRUNCATED);
}

static void write_error_sticks(void **unused)
{
	uint8_t mem[4] = { 0 };
	struct cursor c;

	(void)unused;
	cursor_init_write(&c, mem, 3);
	cursor_put_u16(&c, 0x0101);
	cursor_put_u16(&c, 0x0202);
	cursor_put_u8(&c, 3);
	assert_int_equal(cursor_end(&c), ERR_TOOBIG);
	assert_int_equal(cursor_pos(&c), 2);
	assert_int_equal(mem[2], 0);
	assert_int_equal(mem[3], 0);
}

/* A huge length may not wrap around. */
static void huge_view(void **unused)
{
	struct cursor c;

	(void)unused;
	cursor_init_read(&c, "abc", 3);
	assert_int_equal(cursor_get_u8(&c), 'a');
	assert_null(cursor_get_view(&c, SIZE_MAX));
	assert_int_equal(cursor_end(&c), ERR_TRUNCATED);
}

static const struct {
	const char *bytes;
	size_t n;
	enum err e;
	const char *text;
} strings[] = {
	{ "\x00\x00", 2, ERR_OK, "" },
	{ "\x03\x00"
	  "abc",
	  5, ERR_OK, "abc" },
	{ "\x04\x00"
	  "abcd",
	  6, ERR_INVALID, "" }, /* does not fit with its end mark */
	{ "\x03\x00"
	  "a\0c",
	  5, ERR_INVALID, "" },
	{ "\x03\x00"
	  "ab",
	  4, ERR_TRUNCATED, "" },
	{ "\x03", 1, ERR_TRUNCATED, "" },
	{ "\xff\xff"
	  "abc",
	  5, ERR_TRUNCATED, "" },
};

static void string_rows(void **unused)
{
	char dst[4];
	struct cursor c;

	(void)unused;
	for (size_t i = 0; i < ARRAY_LEN(strings); i++) {
		memset(dst, 'x', sizeof(dst));
		cursor_init_read(&c, strings[i].bytes, strings[i].n);
		cursor_get_str(&c, dst, sizeof(dst));
		assert_int_equal(cursor_end(&c), strings[i].e);
		assert_string_equal(dst, strings[i].text);
	}
}

static void string_written(void **unused)
{
	uint8_t mem[6];
	struct cursor c;

	(void)unused;
	cursor_init_write(&c, mem, sizeof(mem));
	cursor_put_str(&c, "abc");
	assert_int_equal(cursor_end(&c), ERR_OK);
	assert_memory_equal(mem,
			    "\x03\x00"
			    "abc",
			    5);
	cursor_put_str(&c, "");
	assert_int_equal(cursor_end(&c), ERR_TOOBIG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(integers),         cmocka_unit_test(read_error_sticks),
		cmocka_unit_test(rest_is_an_error), cmocka_unit_test(write_error_sticks),
		cmocka_unit_test(huge_view),        cmocka_unit_test(string_rows),
		cmocka_unit_test(string_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
