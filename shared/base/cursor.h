/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * cursor: bounds-checked reading and writing of a fixed piece of memory, with a sticky error.
 *
 * Read or write everything in order, then look at the error once. After a failure reads return
 * zeros, writes do nothing. Integers are little-endian unless the name says `be`.
 */
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
	enum err err; /* ERR_OK, ERR_TRUNCATED (read past the end), ERR_TOOBIG (written past it) or
			 what cursor_fail() set */
};

void cursor_init_read(struct cursor *c, const void *p, size_t n);
void cursor_init_write(struct cursor *c, void *p, size_t n);

uint8_t cursor_get_u8(struct cursor *c);
uint16_t cursor_get_u16(struct cursor *c);
uint32_t cursor_get_u32(struct cursor *c);
uint64_t cursor_get_u64(struct cursor *c);
uint16_t cursor_get_be16(struct cursor *c);
uint32_t cursor_get_be32(struct cursor *c);
uint64_t cursor_get_be64(struct cursor *c);
/* Copies `n` bytes to `dst`; zeros them when they are not there. */
void cursor_get_bytes(struct cursor *c, void *dst, size_t n);
/* The next `n` bytes in place, or NULL. */
const uint8_t *cursor_get_view(struct cursor *c, size_t n);
/* A string with a u16 length before it, into `dst` of `size` bytes with an end mark. Sets
 * ERR_INVALID when it does not fit or holds a NUL. */
void cursor_get_str(struct cursor *c, char *dst, size_t size);

void cursor_put_u8(struct cursor *c, uint8_t v);
void cursor_put_u16(struct cursor *c, uint16_t v);
void cursor_put_u32(struct cursor *c, uint32_t v);
void cursor_put_u64(struct cursor *c, uint64_t v);
void cursor_put_be16(struct cursor *c, uint16_t v);
void cursor_put_be32(struct cursor *c, uint32_t v);
void cursor_put_be64(struct cursor *c, uint64_t v);
void cursor_put_bytes(struct cursor *c, const void *src, size_t n);
void cursor_put_str(struct cursor *c, const char *s);

static inline size_t cursor_left(const struct cursor *c) { return c->err ? 0 : c->len - c->pos; }
static inline size_t cursor_pos(const struct cursor *c) { return c->pos; }
/* Sets the error, unless there is one already. */
void cursor_fail(struct cursor *c, enum err e);
/* The sticky error; for a reader also ERR_INVALID when bytes are left over. */
enum err cursor_end(const struct cursor *c) must_check;
