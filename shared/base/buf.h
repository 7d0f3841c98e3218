/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * buf: a byte queue that grows up to a hard maximum. Bytes are added at the end and consumed from
 * the front. For streams, HTTP bodies, files. Freed memory is zeroed, since what goes through it
 * may be secret.
 */
#include <stddef.h>
#include <stdint.h>

#include "shared/base/err.h"

struct buf {
	uint8_t *mem; /* NULL until the first byte */
	size_t cap;
	size_t off; /* first byte that is not yet consumed */
	size_t len; /* bytes from `off` on */
	size_t max; /* the hard maximum of `len` */
};

/* Caller owns the struct. `max_bytes` > 0. */
void buf_init(struct buf *b, size_t max_bytes);
/* Frees and zeroes; the buffer can be used again with its old maximum. */
void buf_fini(struct buf *b);

static inline const uint8_t *buf_data(const struct buf *b)
{
	return b->mem ? b->mem + b->off : (const uint8_t *)"";
}
static inline size_t buf_len(const struct buf *b) { return b->len; }

/* Appends. ERR_TOOBIG over the maximum, ERR_NOMEM; nothing is added then. */
enum err buf_put(struct buf *b, const void *p, size_t n) must_check;
/* Appends a string without its end mark. */
enum err buf_put_str(struct buf *b, const char *s) must_check;
enum err buf_printf(struct buf *b, const char *fmt, ...) must_check
	__attribute__((format(printf, 2, 3)));
/* Makes room for `n` bytes at the end and returns it in `*p`; buf_commit() then adds those really
 * written. */
enum err buf_reserve(struct buf *b, size_t n, uint8_t **p) must_check;
void buf_commit(struct buf *b, size_t n);
/* Drops `n` bytes from the front; `n` <= buf_len. */
void buf_consume(struct buf *b, size_t n);
void buf_clear(struct buf *b);
/* The contents as a C string (a NUL is kept behind them, not counted); valid until the next change.
 * NULL when memory is out. */
const char *buf_cstr(struct buf *b);
