/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * fields: strict reading of the fields of a JSON object, and writing them, both with a sticky
 * error.
 *
 * Reading: take every field in turn, then look at the error once. A missing field is an error where
 * it is required and zero (false, empty, "none") where it is optional; a field of the wrong type,
 * out of range or malformed is always an error. null counts as missing. Fields that nobody asks for
 * are ignored: a newer side may send them.
 *
 * Writing: fields_write_init(), put everything, fields_write_end() gives the object, or NULL.
 */
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/base/addr.h"
#include "shared/base/err.h"
#include "shared/base/name.h"
#include "shared/base/prefix.h"

enum fields_need { FIELDS_OPTIONAL, FIELDS_REQUIRED };

struct fields {
	const json_t *obj;
	enum err err; /* the first one: ERR_INVALID, ERR_LIMIT, ERR_NOMEM */
};

/* `j` may be anything; what is not an object is ERR_INVALID. */
void fields_init(struct fields *f, const json_t *j);
/* Sets the error, unless there is one already. */
void fields_fail(struct fields *f, enum err e);

/* An integer of min..max. When it is missing and optional: 0, which need not be in the range. */
int64_t fields_get_int(struct fields *f, const char *key, enum fields_need need, int64_t min,
		       int64_t max);
/* A number that counts up (revision, bytes): 0..2^63-1. */
uint64_t fields_get_count(struct fields *f, const char *key, enum fields_need need);
/* A node id: required, 1..2^32-1. */
uint32_t fields_get_id(struct fields *f, const char *key);
bool fields_get_bool(struct fields *f, const char *key, enum fields_need need);
/* 64 bits as a string of decimal digits. */
uint64_t fields_get_bits(struct fields *f, const char *key, enum fields_need need);
/* UTF-8 text without control characters, at most `size` - 1 bytes. */
void fields_get_text(struct fields *f, const char *key, enum fields_need need, char *dst,
		     size_t size);
/* A name, see name_is_valid(). */
void fields_get_name(struct fields *f, const char *key, char dst[NAME_SIZE]);
/* The string itself, without control characters, or NULL when it is missing; lives as long as the
 * object. */
const char *fields_get_str(struct fields *f, const char *key, enum fields_need need);
/* Exactly `n` bytes (at most 64) in standard base64. False, and zeros, when it is missing. */
bool fields_get_bytes(struct fields *f, const char *key, enum fields_need need, void *dst,
		      size_t n);
/* An array of at most `max` values, or NULL when it is missing; lives as long as the object. */
const json_t *fields_get_array(struct fields *f, const char *key, enum fields_need need,
			       size_t max);
/* A numeric "address:port" with port > 0 and without a scope; family 0 when it is missing. */
void fields_get_endpoint(struct fields *f, const char *key, struct endpoint *dst);
/* An array of at most `max` endpoints. Returns their number. */
uint8_t fields_get_endpoints(struct fields *f, const char *key, struct endpoint *dst, uint8_t max);
/* A required "address/length" without host bits. */
void fields_get_prefix(struct fields *f, const char *key, struct prefix *dst);
/* An array of at most two addresses, one a family: IPv4 goes to dst[0], IPv6 to dst[1]. */
void fields_get_addrs(struct fields *f, const char *key, struct addr dst[2]);
/* The same for prefixes. */
void fields_get_prefixes(struct fields *f, const char *key, struct prefix dst[2]);

/* True when `s` has no control characters (of ASCII or of Latin-1 in UTF-8), so that it can be
 * shown and logged. */
bool fields_text_is_clean(const char *s);

struct fields_out {
	json_t *obj;
	bool failed;
};

void fields_write_init(struct fields_out *o);
/* The object (the caller owns the reference), or NULL when something could not be put. */
json_t *fields_write_end(struct fields_out *o);
/* Takes over `v`; NULL is a failure. */
void fields_put(struct fields_out *o, const char *key, json_t *v);
void fields_put_int(struct fields_out *o, const char *key, int64_t v);
/* Fails above 2^63-1. */
void fields_put_count(struct fields_out *o, const char *key, uint64_t v);
void fields_put_bool(struct fields_out *o, const char *key, bool v);
void fields_put_bits(struct fields_out *o, const char *key, uint64_t v);
/*
 * Any bytes as a JSON string, new reference: where they are no UTF-8 (a text that was cut inside a
 * character, a name of the system's), '?' stands for each byte that is not ASCII. NULL when memory
 * is out.
 */
json_t *fields_text(const char *s);
/* What the other side would refuse (control characters, bytes that are not UTF-8) is replaced by
 * '?'. At most 255 bytes. */
void fields_put_text(struct fields_out *o, const char *key, const char *s);
void fields_put_bytes(struct fields_out *o, const char *key, const void *p, size_t n);
/* Without its scope, which means nothing elsewhere. Nothing is put for family 0. */
void fields_put_endpoint(struct fields_out *o, const char *key, const struct endpoint *e);
void fields_put_endpoints(struct fields_out *o, const char *key, const struct endpoint *e,
			  size_t n);
void fields_put_prefix(struct fields_out *o, const char *key, const struct prefix *p);
/* Those of a[0], a[1] that are set. */
void fields_put_addrs(struct fields_out *o, const char *key, const struct addr a[2]);
void fields_put_prefixes(struct fields_out *o, const char *key, const struct prefix p[2]);
