/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/carrier/queue.h"

#include <string.h>

#include "shared/wire/limits.h"

/* In front of each run. Only we read it: in our own byte order, copied since it may lie anywhere.
 */
struct run {
	uint64_t at_ms; /* when it came */
	uint32_t bytes;
	uint32_t packets;
};

void carrier_queue_init(struct carrier_queue *q)
{
	buf_init(&q->runs, CARRIER_QUEUE_BYTES);
	q->dropped = 0;
}

void carrier_queue_fini(struct carrier_queue *q) { buf_fini(&q->runs); }

static struct run front(const struct carrier_queue *q)
{
	struct run r;

	BUG_ON(buf_len(&q->runs) < sizeof(r));
	memcpy(&r, buf_data(&q->runs), sizeof(r));
	return r;
}

unsigned carrier_queue_pop(struct carrier_queue *q)
{
	const unsigned packets = front(q).packets;

	buf_consume(&q->runs, sizeof(struct run) + front(q).bytes);
	/* An idle connection should cost no buffer. */
	if (!buf_len(&q->runs))
		buf_fini(&q->runs);
	return packets;
}

static void drop(struct carrier_queue *q) { q->dropped += carrier_queue_pop(q); }

static void drop_old(struct carrier_queue *q, uint64_t now_ms)
{
	while (buf_len(&q->runs) && now_ms - front(q).at_ms >= CARRIER_QUEUE_MS)
		drop(q);
}

void carrier_queue_push(struct carrier_queue *q, const void *frames, size_t n, unsigned packets,
			uint64_t now_ms)
{
	const struct run r = { .at_ms = now_ms, .bytes = (uint32_t)n, .packets = packets };
	const size_t whole = sizeof(r) + n;
	uint8_t *p;

	BUG_ON(n > CARRIER_QUEUE_BYTES / 4);
	while (buf_len(&q->runs) + whole > CARRIER_QUEUE_BYTES)
		drop(q);
	if (buf_reserve(&q->runs, whole, &p)) {
		q->dropped += packets;
		return;
	}
	memcpy(p, &r, sizeof(r));
	memcpy(p + sizeof(r), frames, n);
	buf_commit(&q->runs, whole);
}

const uint8_t *carrier_queue_front(struct carrier_queue *q, uint64_t now_ms, size_t *n)
{
	drop_old(q, now_ms);
	if (!buf_len(&q->runs))
		return NULL;
	*n = front(q).bytes;
	return buf_data(&q->runs) + sizeof(struct run);
}
