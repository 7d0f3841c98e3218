/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * queue: packets that wait for a slow TCP connection, in runs of whole frames (wire/carry.h) as
 * they came from the engine. Bounded in bytes and in time, and what is oldest is dropped first:
 * whoever sends through a tunnel finds out from losses how fast the line is, and an old packet is
 * of little use to anybody. Pure: no I/O, `now_ms` is an argument.
 */
#include <stdbool.h>

#include "shared/base/buf.h"

struct carrier_queue {
	struct buf runs;  /* each a header and its frames */
	uint64_t dropped; /* packets */
};

void carrier_queue_init(struct carrier_queue *q);
void carrier_queue_fini(struct carrier_queue *q);
static inline bool carrier_queue_empty(const struct carrier_queue *q)
{
	return buf_len(&q->runs) == 0;
}
/* Adds a run of `packets` packets, at most CARRIER_QUEUE_BYTES / 4 bytes. What has no room, or no
 * memory, is dropped and counted: the oldest first. */
void carrier_queue_push(struct carrier_queue *q, const void *frames, size_t n, unsigned packets,
			uint64_t now_ms);
/*
 * The oldest run that is still worth sending, without taking it out: `*n` bytes, NULL when there is
 * none. What has waited too long is dropped and counted on the way. Valid until the next call.
 */
const uint8_t *carrier_queue_front(struct carrier_queue *q, uint64_t now_ms, size_t *n);
/* Takes that run out; returns how many packets it has. */
unsigned carrier_queue_pop(struct carrier_queue *q);
