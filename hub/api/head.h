/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * head: whether the head of a request means one thing only (RFC 9112). The HTTP library takes more
 * than that: two lengths, a length beside an encoding, names with blanks in them, no Host; what a
 * proxy in front reads otherwise than we do smuggles requests. Pure.
 *
 *   1. fill version, bytes and target_bytes
 *   2. head_take() each field
 *   3. head_check()
 */
#include <stdbool.h>
#include <stddef.h>

#include "hub/api/problem.h"

#define HEAD_MAX_BYTES        (32u << 10) /* request line and fields */
#define HEAD_TARGET_MAX_BYTES (8u << 10)  /* path and query */

struct head {
	const char *version; /* "HTTP/1.1" */
	size_t bytes, target_bytes;
	unsigned hosts, lengths, encodings;
	bool chunked;   /* the last encoding is */
	bool bad_field; /* a name that is no token, a value with control characters */
};

/* One field; `value` may be NULL. */
void head_take(struct head *h, const char *name, const char *value);
/* ERR_INVALID: `p` says what is wrong. The connection must be closed then, since nobody can say
 * where the next request begins. */
enum err head_check(const struct head *h, struct problem *p) must_check;
