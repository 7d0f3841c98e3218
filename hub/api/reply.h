/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/* reply: the answer to one request, before it goes to the HTTP library. Knows nothing of sockets,
 * so that handlers can be tested without one. */
#include <jansson.h>

#include "hub/api/problem.h"
#include "shared/base/buf.h"

#define REPLY_MAX_BYTES   (64u << 20) /* one answer; a page of 1000 nodes with all their subnets */
#define REPLY_HEADERS_MAX 6u
#define REPLY_ETAG_SIZE   40u /* quotes, 32 hex digits, end mark */

struct reply {
	unsigned status; /* 0: none yet */
	const char *content_type;
	struct buf body;
	const char *fixed; /* instead of `body`: text that outlives the process's answers */
	size_t fixed_len;
	bool stream; /* no body: it is made while it is sent */
	unsigned n_headers;
	struct reply_header {
		const char *name; /* a literal */
		char value[256];
	} headers[REPLY_HEADERS_MAX];
};

void reply_init(struct reply *r);
/* Zeroes body and headers: they may hold a join token or a cookie. */
void reply_fini(struct reply *r);
/* Forgets status, headers and body. */
void reply_clear(struct reply *r);

/* `j` is taken over; NULL (memory was out while it was made) is answered by 503. */
void reply_json(struct reply *r, unsigned status, json_t *j);
/* JSON lines: `text` must hold whole ones. */
void reply_lines(struct reply *r, const struct buf *text);
/* 200; the server asks events.h for what to send. */
void reply_stream(struct reply *r, const char *content_type);
/* `p->status` says which. 503 and 429 get a Retry-After of a second unless the header is set
 * already. */
void reply_problem(struct reply *r, const struct problem *p);
/* Printf-like shortcut for the above. */
void reply_refuse(struct reply *r, unsigned status, const char *code, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* `name` is a literal. A value with control characters is our own mistake. */
void reply_header(struct reply *r, const char *name, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
const char *reply_header_get(const struct reply *r, const char *name);

/* All header fields of an answer: its own, and what every answer says unless it says otherwise
 * itself. Valid as long as `r` is not changed. Returns how many. */
#define REPLY_FIELDS_MAX (REPLY_HEADERS_MAX + 5u)
struct reply_field {
	const char *name, *value;
};
unsigned reply_fields(const struct reply *r, struct reply_field out[REPLY_FIELDS_MAX]);
/* Appends the whole answer as HTTP/1.1, the last of its connection; `head_only` without its body.
 * For what never comes to the HTTP library. ERR_NOMEM, ERR_TOOBIG: a part may have been appended.
 */
enum err reply_write_last(const struct reply *r, bool head_only, int64_t wall_ms,
			  struct buf *out) must_check;

/* The strong entity tag of a representation: the first half of the SHA-256 over its bytes, quoted.
 * Returns `out`. */
char *reply_etag(const void *p, size_t n, char out[REPLY_ETAG_SIZE]);
/* The same for JSON as reply_json() would write it; "" when memory is out. */
char *reply_etag_json(const json_t *j, char out[REPLY_ETAG_SIZE]);
/*
 * Does an If-Match / If-None-Match value (RFC 9110 section 13.1: "*" or a list of tags) name
 * `etag`? Weak tags match only when `weak` is set.
 */
bool reply_etag_matches(const char *condition, const char *etag, bool weak);
