/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/base/cursor.h"

void cursor_init_read(struct cursor *c, const void *p, size_t n)
{
	*c = (struct cursor){ .in = p ? p : (const uint8_t *)"", .len = p ? n : 0 };
}

void cursor_init_write(struct cursor *c, void *p, size_t n)
{
	*c = (struct cursor){ .out = p, .len = n };
}

void cursor_fail(struct cursor *c, enum err e)
{
	if (!c->err)
		c->err = e;
}

enum err cursor_end(const struct cursor *c)
{
	if (c->err)
		return c->err;
	return c->in && c->pos != c->len ? ERR_INVALID : ERR_OK;
}

const uint8_t *cursor_get_view(struct cursor *c, size_t n)
{
	const uint8_t *at;

	BUG_ON(!c->in);
	if (c->err)
		return NULL;
	if (n > c->len - c->pos) {
		cursor_fail(c, ERR_TRUNCATED);
		return NULL;
	}
	at = c->in + c->pos;
	c->pos += n;
	return at;
}

/* Reads `n` <= 8 bytes as one integer, the most significant byte last. */
static uint64_t get_le(struct cursor *c, size_t n)
{
	const uint8_t *p = cursor_get_view(c, n);
	uint64_t v = 0;

	for (size_t i = n; p && i > 0; i--)
		v = v << 8 | p[i - 1];
	return v;
}

/* Reads `n` <= 8 bytes as one integer, the most significant byte first. */
static uint64_t get_be(struct cursor *c, size_t n)
{
	const uint8_t *p = cursor_get_view(c, n);
	uint64_t v = 0;

	for (size_t i = 0; p && i < n; i++)
		v = v << 8 | p[i];
	return v;
}

uint8_t cursor_get_u8(struct cursor *c) { return (uint8_t)get_le(c, 1); }

uint16_t cursor_get_u16(struct cursor *c) { return (uint16_t)get_le(c, 2); }

uint32_t cursor_get_u32(struct cursor *c) { return (uint32_t)get_le(c, 4); }

uint64_t cursor_get_u64(struct cursor *c) { return get_le(c, 8); }

uint16_t cursor_get_be16(struct cursor *c) { return (uint16_t)get_be(c, 2); }

uint32_t cursor_get_be32(struct cursor *c) { return (uint32_t)get_be(c, 4); }

uint64_t cursor_get_be64(struct cursor *c) { return get_be(c, 8); }

void cursor_get_bytes(struct cursor *c, void *dst, size_t n)
{
	const uint8_t *p = cursor_get_view(c, n);

	if (n == 0)
		return;
	if (p)
		memcpy(dst, p, n);
	else
		memset(dst, 0, n);
}

void cursor_get_str(struct cursor *c, char *dst, size_t size)
{
	size_t n = cursor_get_u16(c);
	const uint8_t *p;

	BUG_ON(size == 0);
	dst[0] = 0;
	p = cursor_get_view(c, n);
	if (!p)
		return;
	if (n >= size || memchr(p, 0, n)) {
		cursor_fail(c, ERR_INVALID);
		return;
	}
	memcpy(dst, p, n);
	dst[n] = 0;
}

/* Room for `n` more bytes, or NULL and the sticky error. */
static uint8_t *put_space(struct cursor *c, size_t n)
{
	uint8_t *at;

	BUG_ON(c->in);
	if (c->err)
		return NULL;
	if (n > c->len - c->pos) {
		cursor_fail(c, ERR_TOOBIG);
		return NULL;
	}
	at = c->out + c->pos;
	c->pos += n;
	return at;
}

static void put_le(struct cursor *c, uint64_t v, size_t n)
{
	uint8_t *p = put_space(c, n);

	for (size_t i = 0; p && i < n; i++)
		p[i] = (uint8_t)(v >> (8 * i));
}

static void put_be(struct cursor *c, uint64_t v, size_t n)
{
	uint8_t *p = put_space(c, n);

	for (size_t i = 0; p && i < n; i++)
		p[i] = (uint8_t)(v >> (8 * (n - 1 - i)));
}

void cursor_put_u8(struct cursor *c, uint8_t v) { put_le(c, v, 1); }

void cursor_put_u16(struct cursor *c, uint16_t v) { put_le(c, v, 2); }

void cursor_put_u32(struct cursor *c, uint32_t v) { put_le(c, v, 4); }

void cursor_put_u64(struct cursor *c, uint64_t v) { put_le(c, v, 8); }

void cursor_put_be16(struct cursor *c, uint16_t v) { put_be(c, v, 2); }

void cursor_put_be32(struct cursor *c, uint32_t v) { put_be(c, v, 4); }

void cursor_put_be64(struct cursor *c, uint64_t v) { put_be(c, v, 8); }

void cursor_put_bytes(struct cursor *c, const void *src, size_t n)
{
	uint8_t *p = put_space(c, n);

	if (p && n)
		memcpy(p, src, n);
}

void cursor_put_str(struct cursor *c, const char *s)
{
	size_t n = strlen(s);

	if (n > UINT16_MAX) {
		cursor_fail(c, ERR_TOOBIG);
		return;
	}
	cursor_put_u16(c, (uint16_t)n);
	cursor_put_bytes(c, s, n);
}
