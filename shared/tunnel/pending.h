/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * pending: packets that wait for their peer's handshake. One pool for all peers, made at the start;
 * a peer may hold SESSION_PENDING_PACKETS, then its oldest goes. An empty pool drops the newcomer.
 * Nothing here is allocated later.
 */
#include "shared/base/list.h"
#include "shared/base/pkt.h"

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
/* Copies a packet into the queue. Returns how many packets were dropped for it (0, or 1: the
 * oldest, or itself when the pool is empty). */
unsigned pending_push(struct pending_pool *pool, struct pending *q, const struct pkt *p);
/*
 * Takes the oldest packet out; false when there is none. `*p` points into the pool, with headroom
 * and tailroom, and must be given back with pending_release() before the next packet is taken.
 */
bool pending_pop(struct pending_pool *pool, struct pending *q, struct pkt *p);
void pending_release(struct pending_pool *pool, struct pkt *p);
/* Drops all; returns how many. */
unsigned pending_clear(struct pending_pool *pool, struct pending *q);
