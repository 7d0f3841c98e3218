/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * pkt: one packet in memory that somebody else owns, with room before and behind it, so that
 * headers and tags are added and taken without a copy. Misuse (pushing into nothing) is our own
 * mistake and aborts.
 *
 *      mem            data              data+len          mem+cap
 *       |  headroom    |    packet         |    tailroom     |
 */
#include <stddef.h>
#include <stdint.h>

#include "shared/base/err.h"

struct pkt {
	uint8_t *mem;
	size_t cap;
	uint8_t *data;
	size_t len;
};

static inline void pkt_init(struct pkt *p, void *mem, size_t cap, size_t headroom)
{
	BUG_ON(headroom > cap);
	p->mem = mem;
	p->cap = cap;
	p->data = p->mem + headroom;
	p->len = 0;
}

static inline size_t pkt_headroom(const struct pkt *p) { return (size_t)(p->data - p->mem); }
static inline size_t pkt_tailroom(const struct pkt *p) { return p->cap - pkt_headroom(p) - p->len; }

/* Adds `n` bytes in front and returns the new start. */
static inline uint8_t *pkt_push(struct pkt *p, size_t n)
{
	BUG_ON(n > pkt_headroom(p));
	p->data -= n;
	p->len += n;
	return p->data;
}

/* Takes `n` bytes off the front. */
static inline void pkt_pull(struct pkt *p, size_t n)
{
	BUG_ON(n > p->len);
	p->data += n;
	p->len -= n;
}

/* Adds `n` bytes behind the packet and returns where they start. */
static inline uint8_t *pkt_put(struct pkt *p, size_t n)
{
	BUG_ON(n > pkt_tailroom(p));
	uint8_t *at = p->data + p->len;
	p->len += n;
	return at;
}

/* Cuts the packet to `n` bytes. */
static inline void pkt_trim(struct pkt *p, size_t n)
{
	BUG_ON(n > p->len);
	p->len = n;
}
