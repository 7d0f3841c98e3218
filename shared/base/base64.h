/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/* Base64 (RFC 4648 section 4, padded, as WireGuard writes keys), base64url (section 5, without
 * padding) and hex. Decoding is strict. */
#include <stddef.h>
#include <stdint.h>

#include "shared/base/err.h"

#define BASE64_SIZE(n)                                                                             \
	(((n) + 2u) / 3u * 4u + 1u)      /* room for `n` bytes encoded, with the end mark */
#define KEY_BASE64_SIZE BASE64_SIZE(32u) /* 45 */

/* `out` holds BASE64_SIZE(n). Returns `out`. */
char *base64_encode(const void *p, size_t n, char *out);
char *base64url_encode(const void *p, size_t n, char *out);
/* Decodes the whole string to at most `size` bytes and stores how many. ERR_INVALID, ERR_TOOBIG. */
enum err base64_decode(const char *s, void *out, size_t size, size_t *n) must_check;
enum err base64url_decode(const char *s, void *out, size_t size, size_t *n) must_check;
/* Exactly 32 bytes in standard base64 (44 characters). */
enum err base64_decode_key(const char *s, uint8_t out[32]) must_check;
/* Lower-case hex; `out` holds 2 * n + 1. Returns `out`. */
char *hex_encode(const void *p, size_t n, char *out);
enum err hex_decode(const char *s, void *out, size_t size, size_t *n) must_check;
