/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/wire/fields.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "shared/base/base64.h"
#include "shared/base/secret.h"

#define BYTES_MAX       64u /* the longest binary field: a signature */
#define TEXT_MAX_BYTES  255u
#define BITS_MAX_DIGITS 20u /* of 2^64 - 1 */

void fields_init(struct fields *f, const json_t *j)
{
	f->obj = j;
	f->err = json_is_object(j) ? ERR_OK : ERR_INVALID;
}

void fields_fail(struct fields *f, enum err e)
{
	if (!f->err)
		f->err = e;
}

/* The value, or NULL when it is missing (an error if it is required) or an error was seen before.
 */
static const json_t *lookup(struct fields *f, const char *key, enum fields_need need)
{
	const json_t *v;

	if (f->err)
		return NULL;
	v = json_object_get(f->obj, key);
	if (v && !json_is_null(v))
		return v;
	if (need == FIELDS_REQUIRED)
		fields_fail(f, ERR_INVALID);
	return NULL;
}

int64_t fields_get_int(struct fields *f, const char *key, enum fields_need need, int64_t min,
		       int64_t max)
{
	const json_t *v = lookup(f, key, need);

	if (!v)
		return 0;
	if (!json_is_integer(v) || json_integer_value(v) < min || json_integer_value(v) > max) {
		fields_fail(f, ERR_INVALID);
		return 0;
	}
	return json_integer_value(v);
}

uint64_t fields_get_count(struct fields *f, const char *key, enum fields_need need)
{
	return (uint64_t)fields_get_int(f, key, need, 0, INT64_MAX);
}

uint32_t fields_get_id(struct fields *f, const char *key)
{
	return (uint32_t)fields_get_int(f, key, FIELDS_REQUIRED, 1, UINT32_MAX);
}

bool fields_get_bool(struct fields *f, const char *key, enum fields_need need)
{
	const json_t *v = lookup(f, key, need);

	if (v && !json_is_boolean(v))
		fields_fail(f, ERR_INVALID);
	return v && json_is_true(v);
}

/* Strict: digits only, no sign, no leading zeros, no overflow. */
static enum err parse_bits(const char *s, uint64_t *out)
{
	uint64_t v = 0;
	size_t n = strlen(s);

	if (n == 0 || n > BITS_MAX_DIGITS || (s[0] == '0' && n > 1))
		return ERR_INVALID;
	for (size_t i = 0; i < n; i++) {
		unsigned digit = (unsigned)(s[i] - '0');

		if (s[i] < '0' || s[i] > '9' || v > (UINT64_MAX - digit) / 10)
			return ERR_INVALID;
		v = v * 10 + digit;
	}
	*out = v;
	return ERR_OK;
}

uint64_t fields_get_bits(struct fields *f, const char *key, enum fields_need need)
{
	const char *s = fields_get_str(f, key, need);
	uint64_t v = 0;

	if (s && parse_bits(s, &v))
		fields_fail(f, ERR_INVALID);
	return v;
}

/* Bytes 0x00-0x1f and 0x7f, and U+0080 to U+009F (in UTF-8 0xc2 0x80 to 0xc2 0x9f), which some
 * terminals obey, too. */
static bool is_control(const char *s)
{
	unsigned char a = (unsigned char)s[0];

	return a < 0x20 || a == 0x7f || (a == 0xc2 && (unsigned char)s[1] < 0xa0);
}

bool fields_text_is_clean(const char *s)
{
	for (; *s; s++)
		if (is_control(s))
			return false;
	return true;
}

const char *fields_get_str(struct fields *f, const char *key, enum fields_need need)
{
	const json_t *v = lookup(f, key, need);

	if (!v)
		return NULL;
	/* A NUL inside would cut the string short: the parser refuses those, a test's own object
	 * may not. */
	if (!json_is_string(v) || strlen(json_string_value(v)) != json_string_length(v) ||
	    !fields_text_is_clean(json_string_value(v))) {
		fields_fail(f, ERR_INVALID);
		return NULL;
	}
	return json_string_value(v);
}

void fields_get_text(struct fields *f, const char *key, enum fields_need need, char *dst,
		     size_t size)
{
	const char *s = fields_get_str(f, key, need);
	size_t n = s ? strlen(s) : 0;

	if (n >= size) {
		fields_fail(f, ERR_INVALID);
		n = 0;
	}
	if (n)
		memcpy(dst, s, n);
	dst[n] = '\0';
}

void fields_get_name(struct fields *f, const char *key, char dst[NAME_SIZE])
{
	fields_get_text(f, key, FIELDS_REQUIRED, dst, NAME_SIZE);
	if (!f->err && !name_is_valid(dst))
		fields_fail(f, ERR_INVALID);
}

bool fields_get_bytes(struct fields *f, const char *key, enum fields_need need, void *dst, size_t n)
{
	const char *s = fields_get_str(f, key, need);
	uint8_t bytes[BYTES_MAX];
	size_t got = 0;
	bool there = false;

	BUG_ON(n > sizeof(bytes));
	memset(dst, 0, n);
	if (s) {
		there = base64_decode(s, bytes, sizeof(bytes), &got) == ERR_OK && got == n;
		if (there)
			memcpy(dst, bytes, n);
		else
			fields_fail(f, ERR_INVALID);
	}
	secret_zero(bytes, sizeof(bytes));
	return there;
}

const json_t *fields_get_array(struct fields *f, const char *key, enum fields_need need, size_t max)
{
	const json_t *v = lookup(f, key, need);

	if (!v)
		return NULL;
	if (!json_is_array(v)) {
		fields_fail(f, ERR_INVALID);
		return NULL;
	}
	if (json_array_size(v) > max) {
		fields_fail(f, ERR_LIMIT);
		return NULL;
	}
	return v;
}

/* An element of an array as a clean string, or NULL. */
static const char *element_str(const json_t *array, size_t i)
{
	const json_t *v = json_array_get(array, i);

	if (!json_is_string(v) || strlen(json_string_value(v)) != json_string_length(v))
		return NULL;
	return json_string_value(v);
}

static enum err parse_endpoint(const char *s, struct endpoint *out)
{
	struct endpoint e;

	if (!s || endpoint_parse(s, 0, &e) || e.port == 0 || e.scope_id != 0)
		return ERR_INVALID;
	*out = e;
	return ERR_OK;
}

void fields_get_endpoint(struct fields *f, const char *key, struct endpoint *dst)
{
	const char *s = fields_get_str(f, key, FIELDS_OPTIONAL);

	memset(dst, 0, sizeof(*dst));
	if (s && parse_endpoint(s, dst))
		fields_fail(f, ERR_INVALID);
}

uint8_t fields_get_endpoints(struct fields *f, const char *key, struct endpoint *dst, uint8_t max)
{
	const json_t *array = fields_get_array(f, key, FIELDS_OPTIONAL, max);
	uint8_t n = array ? (uint8_t)json_array_size(array) : 0;

	for (uint8_t i = 0; i < n; i++)
		if (parse_endpoint(element_str(array, i), &dst[i]))
			fields_fail(f, ERR_INVALID);
	return f->err ? 0 : n;
}

void fields_get_prefix(struct fields *f, const char *key, struct prefix *dst)
{
	const char *s = fields_get_str(f, key, FIELDS_REQUIRED);

	memset(dst, 0, sizeof(*dst));
	if (s && prefix_parse(s, dst, NULL))
		fields_fail(f, ERR_INVALID);
}

void fields_get_addrs(struct fields *f, const char *key, struct addr dst[2])
{
	const json_t *array = fields_get_array(f, key, FIELDS_OPTIONAL, 2);

	memset(dst, 0, 2 * sizeof(*dst));
	for (size_t i = 0; array && i < json_array_size(array); i++) {
		const char *s = element_str(array, i);
		struct addr a;
		int slot;

		if (!s || addr_parse(s, &a)) {
			fields_fail(f, ERR_INVALID);
			return;
		}
		slot = a.family == AF_INET ? 0 : 1;
		if (dst[slot].family != 0)
			fields_fail(f, ERR_INVALID);
		dst[slot] = a;
	}
}

void fields_get_prefixes(struct fields *f, const char *key, struct prefix dst[2])
{
	const json_t *array = fields_get_array(f, key, FIELDS_OPTIONAL, 2);

	memset(dst, 0, 2 * sizeof(*dst));
	for (size_t i = 0; array && i < json_array_size(array); i++) {
		const char *s = element_str(array, i);
		struct prefix p;
		int slot;

		if (!s || prefix_parse(s, &p, NULL)) {
			fields_fail(f, ERR_INVALID);
			return;
		}
		slot = p.addr.family == AF_INET ? 0 : 1;
		if (dst[slot].addr.family != 0)
			fields_fail(f, ERR_INVALID);
		dst[slot] = p;
	}
}

void fields_write_init(struct fields_out *o)
{
	o->obj = json_object();
	o->failed = o->obj == NULL;
}

json_t *fields_write_end(struct fields_out *o)
{
	json_t *obj = o->obj;

	o->obj = NULL;
	if (!o->failed)
		return obj;
	json_decref(obj);
	return NULL;
}

void fields_put(struct fields_out *o, const char *key, json_t *v)
{
	if (json_object_set_new_nocheck(o->obj, key, v) != 0)
		o->failed = true;
}

void fields_put_int(struct fields_out *o, const char *key, int64_t v)
{
	fields_put(o, key, json_integer(v));
}

void fields_put_count(struct fields_out *o, const char *key, uint64_t v)
{
	if (v > INT64_MAX)
		o->failed = true;
	else
		fields_put_int(o, key, (int64_t)v);
}

void fields_put_bool(struct fields_out *o, const char *key, bool v)
{
	fields_put(o, key, json_boolean(v));
}

void fields_put_bits(struct fields_out *o, const char *key, uint64_t v)
{
	char digits[BITS_MAX_DIGITS + 1];

	snprintf(digits, sizeof(digits), "%" PRIu64, v);
	fields_put(o, key, json_string(digits));
}

json_t *fields_text(const char *s)
{
	json_t *v = json_string(s);
	char *plain = v ? NULL : strdup(s);

	if (!plain)
		return v;
	for (char *p = plain; *p; p++)
		if ((unsigned char)*p >= 0x80)
			*p = '?';
	v = json_string(plain);
	free(plain);
	return v;
}

void fields_put_text(struct fields_out *o, const char *key, const char *s)
{
	char text[TEXT_MAX_BYTES + 1];
	size_t n = strnlen(s, TEXT_MAX_BYTES);

	memcpy(text, s, n);
	text[n] = '\0';
	for (size_t i = 0; i < n; i++)
		if (is_control(text + i))
			text[i] = '?';
	fields_put(o, key, fields_text(text));
}

void fields_put_bytes(struct fields_out *o, const char *key, const void *p, size_t n)
{
	char text[BASE64_SIZE(BYTES_MAX)];

	BUG_ON(n > BYTES_MAX);
	fields_put(o, key, json_string(base64_encode(p, n, text)));
	secret_zero(text, sizeof(text));
}

static json_t *endpoint_json(const struct endpoint *e)
{
	struct endpoint plain = *e;
	char text[ENDPOINT_STR_SIZE];

	plain.scope_id = 0;
	return json_string(endpoint_format(&plain, text));
}

void fields_put_endpoint(struct fields_out *o, const char *key, const struct endpoint *e)
{
	if (endpoint_is_set(e))
		fields_put(o, key, endpoint_json(e));
}

void fields_put_endpoints(struct fields_out *o, const char *key, const struct endpoint *e, size_t n)
{
	json_t *array = json_array();

	for (size_t i = 0; i < n; i++)
		if (json_array_append_new(array, endpoint_json(&e[i])) != 0)
			o->failed = true;
	fields_put(o, key, array);
}

static json_t *prefix_json(const struct prefix *p)
{
	char text[PREFIX_STR_SIZE];

	return json_string(prefix_format(p, text));
}

void fields_put_prefix(struct fields_out *o, const char *key, const struct prefix *p)
{
	fields_put(o, key, prefix_json(p));
}

void fields_put_addrs(struct fields_out *o, const char *key, const struct addr a[2])
{
	json_t *array = json_array();
	char text[ADDR_STR_SIZE];

	for (int i = 0; i < 2; i++)
		if (a[i].family != 0 &&
		    json_array_append_new(array, json_string(addr_format(&a[i], text))) != 0)
			o->failed = true;
	fields_put(o, key, array);
}

void fields_put_prefixes(struct fields_out *o, const char *key, const struct prefix p[2])
{
	json_t *array = json_array();

	for (int i = 0; i < 2; i++)
		if (p[i].addr.family != 0 && json_array_append_new(array, prefix_json(&p[i])) != 0)
			o->failed = true;
	fields_put(o, key, array);
}
