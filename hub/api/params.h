/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * params: the query parameters of a request ("?name=value&..."), already
 * decoded, and the decoding itself.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hub/api/problem.h"

#define PARAMS_ARGS_MAX      16u
#define PARAMS_LIMIT_DEFAULT 100u /* items on one page */
#define PARAMS_LIMIT_MAX     1000u

struct params {
	unsigned n;
	bool overflow; /* there were more than PARAMS_ARGS_MAX */
	struct params_arg {
		const char *name;
		const char *value; /* "" when there was none */
	} args[PARAMS_ARGS_MAX];
};

/* Adds one; strings are kept by reference. `value` may be NULL. */
void params_add(struct params *q, const char *name, const char *value);
/* The value, or NULL. */
const char *params_get(const struct params *q, const char *name);

/* Refuses names that are not in `allowed` (separated by spaces, may be NULL) and names given twice.
 */
enum err params_check(const struct params *q, const char *allowed, struct problem *p) must_check;
/* A whole number within min..max, or `def` when it is not given. */
enum err params_uint(const struct params *q, const char *name, uint64_t min, uint64_t max,
		     uint64_t def, uint64_t *out, struct problem *p) must_check;
/* 1 or true, 0 or false; false when it is not given. */
enum err params_bool(const struct params *q, const char *name, bool *out,
		     struct problem *p) must_check;

/* A time as RFC 3339 in UTC ("2026-11-22T14:40:01Z", with or without a fraction) or a date
 * ("2026-11-22", its beginning), as wall time; 0 when it is not given. */
enum err params_time(const struct params *q, const char *name, int64_t *out,
		     struct problem *p) must_check;
/* Percent-encodes everything but letters, digits and "-._~:". False: it does not fit. */
bool params_escape(const char *text, char *out, size_t size);

/* A page: limit and after. */
struct params_page {
	uint32_t limit;
	uint32_t after; /* an id, 0 from the start */
};
enum err params_page(const struct params *q, struct params_page *out, struct problem *p) must_check;

/* True for a plain decimal number within 0..max, without sign or leading blanks. */
bool params_parse_uint(const char *s, uint64_t max, uint64_t *out);

/*
 * Decodes %XX in place and returns the new length. A NUL (%00) and broken sequences stay as they
 * are, so that the text keeps one meaning for all who read it.
 */
size_t params_unescape(char *s);
