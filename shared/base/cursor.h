/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * cursor: bounds-checked reading and writing of a fixed piece of memory, with a sticky error.
 *
 * Read or write everything in order, then look at the error once. After a failure reads return
 * zeros, writes do nothing. Integers are little-endian unless the name says `be`. The accessors are
 * inline because packet headers are read with them: a read is one load then.
 */
#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "shared/base/err.h"

struct cursor {
	const uint8_t *in; /* reading: the memory; NULL when writing */
	uint8_t *out;      /* writing: the memory; NULL when reading */
	size_t len;        /* its size */
	size_t pos;        /* bytes read or written so far */
	/* ERR_OK, ERR_TRUNCATED (read past the end), ERR_TOOBIG (written past it) or what
	 * cursor_fail() set */
	enum err err;
};

static inline void cursor_init_read(struct cursor *c, const void *p, size_t n)
{
	*c = (struct cursor){ .in = p ? p : (const uint8_t *)"", .len = p ? n : 0 };
}

static inline void cursor_init_write(struct cursor *c, void *p, size_t n)
{
	*c = (struct cursor){ .out = p, .len = n };
}

static inline size_t cursor_left(const struct cursor *c) { return c->err ? 0 : c->len - c->pos; }
static inline size_t cursor_pos(const struct cursor *c) { return c->pos; }

/* Sets the error, unless there is one already. */
static inline void cursor_fail(struct cursor *c, enum err e)
{
	if (!c->err)
		c->err = e;
}

/* The sticky error; for a reader also ERR_INVALID when bytes are left over. */
static inline must_check enum err cursor_end(const struct cursor *c)
{
	if (c->err)
		return c->err;
	return c->in && c->pos != c->len ? ERR_INVALID : ERR_OK;
}

/* --- reading --- */

/* The next `n` bytes in place, or NULL. */
static inline const uint8_t *cursor_get_view(struct cursor *c, size_t n)
{
	const uint8_t *at;

	BUG_ON(!c->in);
	if (c->err || n > c->len - c->pos) {
		cursor_fail(c, ERR_TRUNCATED);
		return NULL;
	}
	at = c->in + c->pos;
	c->pos += n;
	return at;
}

/* `n` <= 8 bytes as one integer, the most significant byte last. */
static inline uint64_t cursor_get_le(struct cursor *c, size_t n)
{
	const uint8_t *p = cursor_get_view(c, n);
	uint64_t v = 0;

	if (p)
		memcpy(&v, p, n);
	return le64toh(v);
}

/* The same with the most significant byte first. */
static inline uint64_t cursor_get_be(struct cursor *c, size_t n)
{
	const uint8_t *p = cursor_get_view(c, n);
	uint64_t v = 0;

	if (p)
		memcpy((uint8_t *)&v + sizeof(v) - n, p, n);
	return be64toh(v);
}

static inline uint8_t cursor_get_u8(struct cursor *c) { return (uint8_t)cursor_get_le(c, 1); }
static inline uint16_t cursor_get_u16(struct cursor *c) { return (uint16_t)cursor_get_le(c, 2); }
static inline uint32_t cursor_get_u32(struct cursor *c) { return (uint32_t)cursor_get_le(c, 4); }
static inline uint64_t cursor_get_u64(struct cursor *c) { return cursor_get_le(c, 8); }
static inline uint16_t cursor_get_be16(struct cursor *c) { return (uint16_t)cursor_get_be(c, 2); }
static inline uint32_t cursor_get_be32(struct cursor *c) { return (uint32_t)cursor_get_be(c, 4); }
static inline uint64_t cursor_get_be64(struct cursor *c) { return cursor_get_be(c, 8); }

/* Copies `n` bytes to `dst`; zeros them when they are not there. */
void cursor_get_bytes(struct cursor *c, void *dst, size_t n);
/* A string with a u16 length before it, into `dst` of `size` bytes with an end mark. Sets
 * ERR_INVALID when it does not fit or holds a NUL. */
void cursor_get_str(struct cursor *c, char *dst, size_t size);

/* --- writing --- */

/* Room for `n` more bytes, or NULL and the sticky error. */
static inline uint8_t *cursor_put_space(struct cursor *c, size_t n)
{
	uint8_t *at;

	BUG_ON(c->in);
	if (c->err || n > c->len - c->pos) {
		cursor_fail(c, ERR_TOOBIG);
		return NULL;
	}
	at = c->out + c->pos;
	c->pos += n;
	return at;
}

static inline void cursor_put_le(struct cursor *c, uint64_t v, size_t n)
{
	uint8_t *p = cursor_put_space(c, n);

	for (size_t i = 0; p && i < n; i++)
		p[i] = (uint8_t)(v >> (8 * i));
}

static inline void cursor_put_be(struct cursor *c, uint64_t v, size_t n)
{
	uint8_t *p = cursor_put_space(c, n);

	for (size_t i = 0; p && i < n; i++)
		p[i] = (uint8_t)(v >> (8 * (n - 1 - i)));
}

static inline void cursor_put_u8(struct cursor *c, uint8_t v) { cursor_put_le(c, v, 1); }
static inline void cursor_put_u16(struct cursor *c, uint16_t v) { cursor_put_le(c, v, 2); }
static inline void cursor_put_u32(struct cursor *c, uint32_t v) { cursor_put_le(c, v, 4); }
static inline void cursor_put_u64(struct cursor *c, uint64_t v) { cursor_put_le(c, v, 8); }
static inline void cursor_put_be16(struct cursor *c, uint16_t v) { cursor_put_be(c, v, 2); }
static inline void cursor_put_be32(struct cursor *c, uint32_t v) { cursor_put_be(c, v, 4); }
static inline void cursor_put_be64(struct cursor *c, uint64_t v) { cursor_put_be(c, v, 8); }

void cursor_put_bytes(struct cursor *c, const void *src, size_t n);
/* A u16 length and the bytes; longer strings set ERR_TOOBIG. */
void cursor_put_str(struct cursor *c, const char *s);
