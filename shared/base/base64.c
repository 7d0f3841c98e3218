/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Private keys pass through here, so characters are translated by arithmetic alone: no table
 * look-up and no branch depends on a secret byte.
 */
#include "shared/base/base64.h"

#include <stdbool.h>
#include <string.h>

#include "shared/base/secret.h"

/* The two characters in which the alphabets differ. */
struct alphabet {
	uint32_t c62, c63;
	bool padded;
};

static const struct alphabet standard = { '+', '/', true };
static const struct alphabet url = { '-', '_', false };

/* All ones when lo <= v <= hi, else 0; all three below 2^31. */
static uint32_t within(uint32_t v, uint32_t lo, uint32_t hi)
{
	/* Either difference is "negative" outside of the range, which shows in the top bit. */
	return (((v - lo) | (hi - v)) >> 31) - 1u;
}

static char encode_char(uint32_t v, const struct alphabet *abc)
{
	uint32_t c = (within(v, 0, 25) & (v + 'A')) | (within(v, 26, 51) & (v - 26 + 'a')) |
		     (within(v, 52, 61) & (v - 52 + '0')) | (within(v, 62, 62) & abc->c62) |
		     (within(v, 63, 63) & abc->c63);

	return (char)c;
}

/* 0..63, or 64 and more for what is no character of the alphabet. */
static uint32_t decode_char(char ch, const struct alphabet *abc)
{
	uint32_t c = (uint8_t)ch;
	uint32_t plus_one =
		(within(c, 'A', 'Z') & (c - 'A' + 1)) | (within(c, 'a', 'z') & (c - 'a' + 27)) |
		(within(c, '0', '9') & (c - '0' + 53)) | (within(c, abc->c62, abc->c62) & 63) |
		(within(c, abc->c63, abc->c63) & 64);

	return plus_one - 1u;
}

static char *encode(const uint8_t *p, size_t n, char *out, const struct alphabet *abc)
{
	char *to = out;

	for (; n >= 3; p += 3, n -= 3) {
		uint32_t v = (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];

		for (int shift = 18; shift >= 0; shift -= 6)
			*to++ = encode_char(v >> shift & 63, abc);
	}
	if (n > 0) {
		uint32_t v = (uint32_t)p[0] << 16 | (n == 2 ? (uint32_t)p[1] << 8 : 0);

		*to++ = encode_char(v >> 18 & 63, abc);
		*to++ = encode_char(v >> 12 & 63, abc);
		if (n == 2)
			*to++ = encode_char(v >> 6 & 63, abc);
		else if (abc->padded)
			*to++ = '=';
		if (abc->padded)
			*to++ = '=';
	}
	*to = 0;
	return out;
}

/* How many characters count: the length without padding, which must be just what the alphabet asks
 * for. */
static enum err count_chars(const char *s, const struct alphabet *abc, size_t *count)
{
	size_t n = strlen(s), pad = 0;

	if (abc->padded) {
		if (n % 4)
			return ERR_INVALID;
		while (pad < 2 && n > 0 && s[n - 1] == '=') {
			pad++;
			n--;
		}
	}
	if (n % 4 == 1)
		return ERR_INVALID;
	*count = n;
	return ERR_OK;
}

/* True when all characters belong to the alphabet and the bits left over at the end are zero. */
static bool is_canonical(const char *s, size_t n, const struct alphabet *abc)
{
	uint32_t bad = 0;

	for (size_t i = 0; i < n; i++)
		bad |= decode_char(s[i], abc) >> 6;
	if (n % 4 == 2)
		bad |= decode_char(s[n - 1], abc) & 15;
	if (n % 4 == 3)
		bad |= decode_char(s[n - 1], abc) & 3;
	return bad == 0;
}

static enum err decode(const char *s, uint8_t *out, size_t size, size_t *n,
		       const struct alphabet *abc)
{
	size_t chars, used = 0, bits = 0;
	uint32_t v = 0;
	enum err e = count_chars(s, abc, &chars);

	if (e)
		return e;
	if (!is_canonical(s, chars, abc))
		return ERR_INVALID;
	if (chars / 4 * 3 + chars % 4 * 3 / 4 > size)
		return ERR_TOOBIG;
	for (size_t i = 0; i < chars; i++) {
		v = v << 6 | decode_char(s[i], abc);
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			out[used++] = (uint8_t)(v >> bits);
		}
	}
	*n = used;
	return ERR_OK;
}

char *base64_encode(const void *p, size_t n, char *out) { return encode(p, n, out, &standard); }

char *base64url_encode(const void *p, size_t n, char *out) { return encode(p, n, out, &url); }

enum err base64_decode(const char *s, void *out, size_t size, size_t *n)
{
	return decode(s, out, size, n, &standard);
}

enum err base64url_decode(const char *s, void *out, size_t size, size_t *n)
{
	return decode(s, out, size, n, &url);
}

enum err base64_decode_key(const char *s, uint8_t out[32])
{
	uint8_t key[33];
	size_t n;
	enum err e;

	if (strlen(s) != KEY_BASE64_SIZE - 1)
		return ERR_INVALID;
	e = base64_decode(s, key, sizeof(key), &n);
	if (!e && n != 32)
		e = ERR_INVALID;
	if (!e)
		memcpy(out, key, 32);
	secret_zero(key, sizeof(key));
	return e;
}

char *hex_encode(const void *p, size_t n, char *out)
{
	const uint8_t *from = p;

	for (size_t i = 0; i < 2 * n; i++) {
		uint32_t v = from[i / 2] >> (i % 2 ? 0 : 4) & 15;

		out[i] = (char)((within(v, 0, 9) & (v + '0')) |
				(within(v, 10, 15) & (v - 10 + 'a')));
	}
	out[2 * n] = 0;
	return out;
}

/* 0..15, or 16 and more for what is no hex digit of either case. */
static uint32_t hex_value(char ch)
{
	uint32_t c = (uint8_t)ch;

	return ((within(c, '0', '9') & (c - '0' + 1)) | (within(c, 'a', 'f') & (c - 'a' + 11)) |
		(within(c, 'A', 'F') & (c - 'A' + 11))) -
	       1u;
}

enum err hex_decode(const char *s, void *out, size_t size, size_t *n)
{
	size_t len = strlen(s);
	uint8_t *to = out;
	uint32_t bad = 0;

	for (size_t i = 0; i < len; i++)
		bad |= hex_value(s[i]) >> 4;
	if (bad || len % 2)
		return ERR_INVALID;
	if (len / 2 > size)
		return ERR_TOOBIG;
	for (size_t i = 0; i < len; i += 2)
		to[i / 2] = (uint8_t)(hex_value(s[i]) << 4 | hex_value(s[i + 1]));
	*n = len / 2;
	return ERR_OK;
}
