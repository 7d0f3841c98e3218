/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/tunnel/pending.h"

#include <stdint.h>
#include <string.h>

#include "shared/base/secret.h"
#include "shared/wire/limits.h"

#define SLOT_BYTES TUN_MTU_MAX

struct slot {
	struct list link; /* in the pool's free list or a peer's queue */
	size_t len;
	uint8_t flags;
};

/* The packets' memory lies apart from the slots, so that its pages are touched only as far as the
 * queues are ever filled. */
struct pending_pool {
	struct list free;
	struct slot slots[PENDING_PACKETS_TOTAL];
	uint8_t mem[PENDING_PACKETS_TOTAL][SLOT_BYTES];
};

enum err pending_pool_new(struct pending_pool **out)
{
	struct pending_pool *pool = calloc(1, sizeof(*pool));

	if (!pool)
		return ERR_NOMEM;
	list_init(&pool->free);
	for (size_t i = 0; i < PENDING_PACKETS_TOTAL; i++)
		list_push_back(&pool->free, &pool->slots[i].link);
	*out = pool;
	return ERR_OK;
}

void pending_pool_free(struct pending_pool *pool) { free(pool); }

void pending_init(struct pending *q)
{
	list_init(&q->packets);
	q->n = 0;
}

static uint8_t *slot_mem(struct pending_pool *pool, const struct slot *s)
{
	return pool->mem[s - pool->slots];
}

/* Wipes a slot and puts it back in front, so that the same few pages are used again. */
static void slot_release(struct pending_pool *pool, struct slot *s)
{
	secret_zero(slot_mem(pool, s), s->len);
	s->len = 0;
	list_push_front(&pool->free, &s->link);
}

static struct slot *slot_take_first(struct list *from)
{
	struct slot *s = list_entry(from->next, struct slot, link);

	list_del(&s->link);
	return s;
}

unsigned pending_push(struct pending_pool *pool, struct pending *q, const uint8_t *packet,
		      size_t len, uint8_t flags)
{
	unsigned dropped = 0;
	struct slot *s;

	if (len > SLOT_BYTES)
		return 1;
	if (q->n == SESSION_PENDING_PACKETS) {
		slot_release(pool, slot_take_first(&q->packets));
		q->n--;
		dropped = 1;
	}
	if (list_empty(&pool->free))
		return 1;
	s = slot_take_first(&pool->free);
	memcpy(slot_mem(pool, s), packet, len);
	s->len = len;
	s->flags = flags;
	list_push_back(&q->packets, &s->link);
	q->n++;
	return dropped;
}

uint8_t *pending_pop(struct pending_pool *pool, struct pending *q, size_t *len, uint8_t *flags)
{
	struct slot *s;

	if (!q->n)
		return NULL;
	s = slot_take_first(&q->packets);
	q->n--;
	*len = s->len;
	*flags = s->flags;
	return slot_mem(pool, s);
}

void pending_release(struct pending_pool *pool, uint8_t *packet)
{
	size_t n = (size_t)(packet - pool->mem[0]) / SLOT_BYTES;

	BUG_ON(n >= PENDING_PACKETS_TOTAL);
	slot_release(pool, &pool->slots[n]);
}

unsigned pending_clear(struct pending_pool *pool, struct pending *q)
{
	unsigned n = q->n;

	while (q->n) {
		slot_release(pool, slot_take_first(&q->packets));
		q->n--;
	}
	return n;
}
