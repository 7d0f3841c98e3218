/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/base/buf.h"

#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include "shared/base/secret.h"

#define BUF_MIN_BYTES  256u   /* smallest piece of memory taken */
#define BUF_KEEP_BYTES 65536u /* an emptied buffer with more memory than this gives it back */

void buf_init(struct buf *b, size_t max_bytes)
{
	BUG_ON(max_bytes == 0 || max_bytes > SIZE_MAX / 8);
	*b = (struct buf){ .max = max_bytes };
}

void buf_fini(struct buf *b)
{
	if (b->mem)
		secret_zero(b->mem, b->cap);
	free(b->mem);
	*b = (struct buf){ .max = b->max };
}

/* Moves the contents to new memory of `cap` bytes. realloc() would leave a copy behind, unzeroed.
 */
static enum err move_to(struct buf *b, size_t cap)
{
	uint8_t *mem = malloc(cap);

	if (!mem)
		return ERR_NOMEM;
	if (b->mem) {
		memcpy(mem, b->mem + b->off, b->len);
		secret_zero(b->mem, b->cap);
		free(b->mem);
	}
	b->mem = mem;
	b->cap = cap;
	b->off = 0;
	return ERR_OK;
}

/*
 * Makes the room behind the contents so large that they could be `need` bytes. What is there moves
 * down only when that is paid for by as many bytes consumed before it, else the memory doubles: so
 * n bytes through the buffer cost O(n), and the memory stays under 2 * (max + 1).
 */
static enum err make_room(struct buf *b, size_t need)
{
	size_t cap = b->cap ? b->cap : BUF_MIN_BYTES, limit = b->max + 1;

	if (b->cap >= need && b->off >= b->len) {
		memmove(b->mem, b->mem + b->off, b->len);
		b->off = 0;
		return ERR_OK;
	}
	if (b->cap >= need) {
		cap *= 2;
		limit *= 2;
	}
	while (cap < need)
		cap *= 2;
	return move_to(b, cap < limit ? cap : limit);
}

enum err buf_reserve(struct buf *b, size_t n, uint8_t **p)
{
	/* One byte more is always there, for buf_cstr() and vsnprintf(). */
	size_t need = b->len + n + 1;
	enum err e = ERR_OK;

	if (n > b->max - b->len)
		return ERR_TOOBIG;
	if (b->cap - b->off < need)
		e = make_room(b, need);
	if (!e)
		*p = b->mem + b->off + b->len;
	return e;
}

void buf_commit(struct buf *b, size_t n)
{
	BUG_ON(!b->mem ? n != 0 : n >= b->cap - b->off - b->len);
	b->len += n;
}

enum err buf_put(struct buf *b, const void *p, size_t n)
{
	uint8_t *at;
	enum err e;

	if (n == 0)
		return ERR_OK;
	e = buf_reserve(b, n, &at);
	if (e)
		return e;
	memcpy(at, p, n);
	buf_commit(b, n);
	return ERR_OK;
}

enum err buf_put_str(struct buf *b, const char *s) { return buf_put(b, s, strlen(s)); }

enum err buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap, again;
	uint8_t *at;
	int n;
	enum err e = ERR_INVALID;

	va_start(ap, fmt);
	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, ap);
	if (n < 0)
		goto out;
	e = buf_reserve(b, (size_t)n, &at);
	if (e)
		goto out;
	vsnprintf((char *)at, (size_t)n + 1, fmt, again);
	buf_commit(b, (size_t)n);
out:
	va_end(again);
	va_end(ap);
	return e;
}

void buf_consume(struct buf *b, size_t n)
{
	BUG_ON(n > b->len);
	b->len -= n;
	b->off += n;
	if (b->len > 0)
		return;
	b->off = 0;
	if (b->cap > BUF_KEEP_BYTES)
		buf_fini(b);
}

void buf_clear(struct buf *b) { buf_consume(b, b->len); }

const char *buf_cstr(struct buf *b)
{
	uint8_t *at;

	if (buf_reserve(b, 0, &at))
		return NULL;
	*at = 0;
	return (const char *)b->mem + b->off;
}
