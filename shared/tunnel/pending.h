/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * pending: packets that wait for their peer's handshake. One pool for all peers, made at the start;
 * a peer may hold SESSION_PENDING_PACKETS, then its oldest goes. An empty pool drops the newcomer.
 * Nothing here is allocated later.
 */
#include <stdint.h>

#include "shared/base/list.h"

struct pending_pool;

/* One peer's queue. */
struct pending {
	struct list packets;
	unsigned n;
};

enum err pending_pool_new(struct pending_pool **out) must_check;
/* All queues must be empty. Packets are zeroed when they leave the pool, since they are plaintext.
 */
void pending_pool_free(struct pending_pool *pool);
void pending_init(struct pending *q);
/*
 * Copies a packet into the queue. `flags`: TRANSPORT_FLAG_*, kept with it. Returns how many packets
 * were dropped for it (0, or 1: the oldest, or itself when the pool is empty or it is too long).
 */
unsigned pending_push(struct pending_pool *pool, struct pending *q, const uint8_t *packet,
		      size_t len, uint8_t flags);
/*
 * The oldest packet, or NULL when there is none. It stays in the pool's memory, no longer in the
 * queue, until it is given back with pending_release().
 */
uint8_t *pending_pop(struct pending_pool *pool, struct pending *q, size_t *len, uint8_t *flags);
void pending_release(struct pending_pool *pool, uint8_t *packet);
/* Drops all; returns how many. */
unsigned pending_clear(struct pending_pool *pool, struct pending *q);
