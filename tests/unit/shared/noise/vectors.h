/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/* For the tests of shared/noise: hex, and the fields of tests/vectors/handshake.json. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <jansson.h>
#include <string.h>

#include "shared/base/base64.h"
#include "shared/base/secret.h"

/* Decodes a literal into `out` of `size` bytes and returns how many there were. */
static inline size_t unhex(const char *s, void *out, size_t size)
{
	size_t n = 0;
	if (*s)
		assert_int_equal(hex_decode(s, out, size, &n), ERR_OK);
	return n;
}

static inline size_t json_hex(const json_t *o, const char *name, void *out, size_t size)
{
	const char *s = json_string_value(json_object_get(o, name));
	assert_non_null(s);
	return unhex(s, out, size);
}

static inline struct secret_key json_secret(const json_t *o, const char *name)
{
	struct secret_key k;
	assert_int_equal(json_hex(o, name, k.b, sizeof(k.b)), sizeof(k.b));
	return k;
}

static inline struct public_key json_public(const json_t *o, const char *name)
{
	struct public_key k;
	assert_int_equal(json_hex(o, name, k.b, sizeof(k.b)), sizeof(k.b));
	return k;
}

static inline uint32_t json_u32(const json_t *o, const char *name)
{
	const json_t *v = json_object_get(o, name);
	assert_true(json_is_integer(v));
	return (uint32_t)json_integer_value(v);
}

/* Tests run from the project's root. */
static inline json_t *vectors_load(void)
{
	json_error_t error;
	json_t *j = json_load_file("tests/vectors/handshake.json", 0, &error);
	if (!j)
		fail_msg("handshake.json: %s", error.text);
	return j;
}
