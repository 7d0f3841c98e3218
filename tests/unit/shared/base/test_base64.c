/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdbool.h>
#include <string.h>

#include "shared/base/base64.h"

/* RFC 4648 section 10, and rows for the last two characters of the alphabets. */
static const struct {
	const char *bytes;
	size_t n;
	const char *standard, *url, *hex;
} vectors[] = {
	{ "", 0, "", "", "" },
	{ "f", 1, "Zg==", "Zg", "66" },
	{ "fo", 2, "Zm8=", "Zm8", "666f" },
	{ "foo", 3, "Zm9v", "Zm9v", "666f6f" },
	{ "foob", 4, "Zm9vYg==", "Zm9vYg", "666f6f62" },
	{ "fooba", 5, "Zm9vYmE=", "Zm9vYmE", "666f6f6261" },
	{ "foobar", 6, "Zm9vYmFy", "Zm9vYmFy", "666f6f626172" },
	{ "\xfb\xff\xbf", 3, "+/+/", "-_-_", "fbffbf" },
	{ "\x00", 1, "AA==", "AA", "00" },
};

static void vector_rows(void **unused)
{
	char text[64];
	uint8_t out[8];
	size_t n;

	(void)unused;
	for (size_t i = 0; i < ARRAY_LEN(vectors); i++) {
		assert_string_equal(base64_encode(vectors[i].bytes, vectors[i].n, text),
				    vectors[i].standard);
		assert_int_equal(base64_decode(text, out, sizeof(out), &n), ERR_OK);
		assert_int_equal(n, vectors[i].n);
		assert_memory_equal(out, vectors[i].bytes, n);
		assert_string_equal(base64url_encode(vectors[i].bytes, vectors[i].n, text),
				    vectors[i].url);
		assert_int_equal(base64url_decode(text, out, sizeof(out), &n), ERR_OK);
		assert_int_equal(n, vectors[i].n);
		assert_memory_equal(out, vectors[i].bytes, n);
		assert_string_equal(hex_encode(vectors[i].bytes, vectors[i].n, text),
				    vectors[i].hex);
		assert_int_equal(hex_decode(text, out, sizeof(out), &n), ERR_OK);
		assert_int_equal(n, vectors[i].n);
		assert_memory_equal(out, vectors[i].bytes, n);
	}
}

static const struct {
	const char *text;
	bool url;
} refused[] = {
	{ "Z", false },        { "Zg", false },       { "Zg=", false },    { "Zg===", false },
	{ "====", false },     { "A===", false },     { "=", false },      { "Zm=v", false },
	{ "Zh==", false },     { "Zm9=", false },     { "Zm9v\n", false }, { " Zm9", false },
	{ "Zm9v====", false }, { "Zg==Zg==", false }, { "-_-_", false },   { "Zm9\xc3", false },
	{ "Zm9*", false },     { "Z", true },         { "Zg==", true },    { "Zh", true },
	{ "Zm9", true },       { "+/+/", true },      { "Zm9v ", true },   { "Zm9v=", true },
};

static void refused_rows(void **unused)
{
	uint8_t out[16];
	size_t n;

	(void)unused;
	for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
		enum err e = refused[i].url
				     ? base64url_decode(refused[i].text, out, sizeof(out), &n)
				     : base64_decode(refused[i].text, out, sizeof(out), &n);

		if (e != ERR_INVALID)
			fail_msg("'%s'", refused[i].text);
	}
}

/* Each of the 255 characters: decoding agrees with the alphabet. */
static void every_character(void **unused)
{
	static const char abc[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	char text[5] = "AAA?";
	uint8_t out[3];
	size_t n;

	(void)unused;
	for (int c = 1; c < 256; c++) {
		const char *at = strchr(abc, c);

		text[3] = (char)c;
		if (!at && c != '=') {
			assert_int_equal(base64_decode(text, out, sizeof(out), &n), ERR_INVALID);
			continue;
		}
		assert_int_equal(base64_decode(text, out, sizeof(out), &n), ERR_OK);
		assert_int_equal(n, at ? 3 : 2);
		if (at)
			assert_int_equal(out[2], at - abc);
	}
}

static void size_is_kept(void **unused)
{
	uint8_t out[4] = { 9, 9, 9, 9 };
	size_t n = 77;

	(void)unused;
	assert_int_equal(base64_decode("Zm9v", out, 2, &n), ERR_TOOBIG);
	assert_int_equal(base64url_decode("Zm9vYg", out, 3, &n), ERR_TOOBIG);
	assert_int_equal(hex_decode("010203", out, 2, &n), ERR_TOOBIG);
	assert_int_equal(n, 77);
	assert_int_equal(out[0], 9);
	assert_int_equal(base64_decode("Zm9v", out, 3, &n), ERR_OK);
	assert_int_equal(out[3], 9);
}

static void keys(void **unused)
{
	uint8_t key[32], back[32] = { 0 };
	char text[KEY_BASE64_SIZE];

	(void)unused;
	for (size_t i = 0; i < sizeof(key); i++)
		key[i] = (uint8_t)(i * 37 + 5);
	assert_int_equal(strlen(base64_encode(key, sizeof(key), text)), 44);
	assert_int_equal(base64_decode_key(text, back), ERR_OK);
	assert_memory_equal(key, back, sizeof(key));
	/* 31 and 33 bytes have 44 characters, too. */
	assert_int_equal(base64_decode_key("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==", back),
			 ERR_INVALID);
	assert_int_equal(base64_decode_key("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", back),
			 ERR_INVALID);
	assert_int_equal(base64_decode_key("", back), ERR_INVALID);
	assert_memory_equal(key, back, sizeof(key));
}

static void hex_refused(void **unused)
{
	static const char *const bad[] = { "0",  "0g", "xx", " 00", "00 ", "0x00",
					   "0/", "0:", "0@", "0G",  "0`" };
	uint8_t out[4];
	size_t n;

	(void)unused;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(hex_decode(bad[i], out, sizeof(out), &n), ERR_INVALID);
	assert_int_equal(hex_decode("aBcDeF09", out, sizeof(out), &n), ERR_OK);
	assert_memory_equal(out, "\xab\xcd\xef\x09", 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vector_rows),
		cmocka_unit_test(refused_rows),
		cmocka_unit_test(every_character),
		cmocka_unit_test(size_is_kept),
		cmocka_unit_test(keys),
		cmocka_unit_test(hex_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
