/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/* query: the `?name=value&...` part of a request, already decoded, and the decoding itself. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hub/api/problem.h"

#define QUERY_ARGS_MAX      16u
#define QUERY_LIMIT_DEFAULT 100u /* items on one page */
#define QUERY_LIMIT_MAX     1000u

struct query {
	unsigned n;
	bool overflow; /* there were more than QUERY_ARGS_MAX */
	struct query_arg {
		const char *name;
		const char *value; /* "" when there was none */
	} args[QUERY_ARGS_MAX];
};

/* Adds one; strings are kept by reference. `value` may be NULL. */
void query_add(struct query *q, const char *name, const char *value);
/* The value, or NULL. */
const char *query_get(const struct query *q, const char *name);

/* Refuses names that are not in `allowed` (separated by spaces, may be NULL) and names given twice.
 */
enum err query_check(const struct query *q, const char *allowed, struct problem *p) must_check;
/* A whole number within min..max, or `def` when it is not given. */
enum err query_uint(const struct query *q, const char *name, uint64_t min, uint64_t max,
		    uint64_t def, uint64_t *out, struct problem *p) must_check;
/* 1 or true, 0 or false; false when it is not given. */
enum err query_bool(const struct query *q, const char *name, bool *out,
		    struct problem *p) must_check;

/* A page: limit and after. */
struct query_page {
	uint32_t limit;
	uint32_t after; /* an id, 0 from the start */
};
enum err query_page(const struct query *q, struct query_page *out, struct problem *p) must_check;

/* True for a plain decimal number within 0..max, without sign or leading blanks. */
bool query_parse_uint(const char *s, uint64_t max, uint64_t *out);

/*
 * Decodes %XX in place and returns the new length. A NUL (%00) and broken sequences stay as they
 * are, so that the text keeps one meaning for all who read it.
 */
size_t query_unescape(char *s);
