/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * framing: where requests begin and end in what a client sends (RFC 9112 sections 2.2, 6 and 7),
 * whether it is HTTP/1.1 at all, and what of it goes on to the HTTP library. A head goes on when it
 * is whole and judged (head.h), a body as it comes; extensions of chunks, trailers, and empty lines
 * before a request do not. Pure: however the bytes are cut, the result is the same.
 *
 *   1. framing_init()
 *   2. framing_take() for what has come, until it is ERR_OK: one request is whole
 *   3. framing_next(), and 2. again with what was left
 *   4. framing_end() when the client sends no more; framing_fini()
 *
 *    ,-- LINE <-.   CR LF of an empty line, by what the head says:
 *    |    `-----'
 *    +--> DONE                       no body
 *    +--> BODY ----> DONE            a length
 *    `--> SIZE ----> DATA -> DATA_END -> SIZE ...     chunks; the last one has size 0
 *           `------> TRAILER ----> DONE
 */
#include "hub/api/head.h"

/* Most of a body: what is over the hub's own limits is read so far, to be answered. */
#define FRAMING_BODY_MAX_BYTES (16u << 20)
/* Size of a chunk with its extensions. */
#define FRAMING_CHUNK_LINE_MAX_BYTES 256u
/* By how much framing_take() lets `out` grow, beyond the bytes it is given: a head that was kept
 * back. */
#define FRAMING_GROWTH_BYTES (HEAD_MAX_BYTES + HEAD_AUTHORITY_BYTES + HEAD_FIELDS_MAX)

enum framing_state {
	FRAMING_LINE,
	FRAMING_BODY,
	FRAMING_SIZE,
	FRAMING_DATA,
	FRAMING_DATA_END,
	FRAMING_TRAILER,
	FRAMING_DONE,
	FRAMING_BROKEN
};

struct framing {
	enum framing_state state; /* only for reading */
	struct head head;
	struct buf line;   /* the one that has not ended yet */
	struct buf kept;   /* lines of the head that were taken */
	size_t head_bytes; /* of this head, or of these trailers, as they came */
	uint64_t left;     /* of the body, or of this chunk */
	uint64_t body;     /* bytes in chunks so far */
	unsigned trailers; /* lines */
	bool has_cr;       /* the byte before was a CR */
	bool begun;        /* a byte of this request has come */
};

void framing_init(struct framing *f);
/* Zeroes what it holds: heads have tokens in them. */
void framing_fini(struct framing *f);
/*
 * Takes bytes, `*used` of them, and appends to `out` what goes on. ERR_OK: the request ends here.
 * ERR_AGAIN: it does not, all were taken. ERR_INVALID: `p` says what is to be answered; nothing
 * more can be taken.
 */
enum err framing_take(struct framing *f, const uint8_t *bytes, size_t n, size_t *used,
		      struct buf *out, struct problem *p) must_check;
/* After ERR_OK. */
void framing_next(struct framing *f);
/* The client sends no more. ERR_INVALID: it has stopped inside a request; `p`. */
enum err framing_end(const struct framing *f, struct problem *p) must_check;
/* Has the head of this request gone on? */
static inline bool framing_has_head(const struct framing *f)
{
	return f->state != FRAMING_LINE && f->state != FRAMING_BROKEN;
}
