/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * head: whether the head of a request is HTTP/1.1 (RFC 9112 sections 2 to 5), and means one thing
 * only: two lengths, a length beside an encoding, names with blanks in them, no Host; what a proxy
 * in front reads otherwise than we do smuggles requests. The only place that judges a head. Pure.
 *
 *   1. head_init()
 *   2. head_take() each line, the request line first, without its CRLF
 *   3. head_end() at the empty line; then the "known" members say how long the body is
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hub/api/problem.h"
#include "shared/base/buf.h"

#define HEAD_MAX_BYTES        (32u << 10) /* request line and fields */
#define HEAD_TARGET_MAX_BYTES (8u << 10)  /* path and query */
#define HEAD_METHOD_MAX_BYTES 32u
/* Method, target, version, and the blanks between. */
#define HEAD_LINE_MAX_BYTES (HEAD_METHOD_MAX_BYTES + HEAD_TARGET_MAX_BYTES + 10u)
#define HEAD_FIELDS_MAX     100u
/* Parameters of the query, cookies: the HTTP library keeps a record of each. */
#define HEAD_PARTS_MAX       256u
#define HEAD_AUTHORITY_BYTES 256u

struct head {
	bool has_line; /* the request line was taken */
	unsigned fields, hosts, lengths, encodings, cookies;
	bool bad_length, bad_host;
	bool says_close, says_keep_alive;
	char authority[HEAD_AUTHORITY_BYTES]; /* of an absolute target; "" none */

	/* known, after head_end() */
	bool http10;
	bool is_head;    /* the method is HEAD: an answer has no body */
	bool is_last;    /* the client wants no other answer on this connection */
	bool chunked;    /* the body comes in chunks */
	uint64_t length; /* of the body, when it does not */
};

void head_init(struct head *h);
/*
 * One line. What it means is appended to `out`, with CRLF: the line itself, but a target that is a
 * whole URI becomes its path, and Host what the URI says (RFC 9112 section 3.2.2). ERR_INVALID: `p`
 * says what is wrong. The connection must be closed then, since nobody can say where the next
 * request begins.
 */
enum err head_take(struct head *h, const char *line, size_t n, struct buf *out,
		   struct problem *p) must_check;
/* The empty line; appended, too. */
enum err head_end(struct head *h, struct buf *out, struct problem *p) must_check;
/* A line of what comes behind the last chunk (RFC 9112 section 7.1.2). */
enum err head_check_trailer(const char *line, size_t n, struct problem *p) must_check;
/* What may stand in a line: no control characters but tabs; in the first one (`is_first`) visible
 * ASCII and blanks only. */
bool head_is_text(uint8_t byte, bool is_first) must_check;
/* The problem of a line that has a character in it that may not be there. */
enum err head_bad_text(bool is_first, struct problem *p) must_check;
/* The problem of a first line of which more than HEAD_LINE_MAX_BYTES have come. */
enum err head_line_too_long(const char *line, size_t n, struct problem *p) must_check;
/* The problem of a head, or of trailers, that is longer than HEAD_MAX_BYTES. */
enum err head_too_long(struct problem *p) must_check;
