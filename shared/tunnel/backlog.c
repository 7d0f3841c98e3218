/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/tunnel/backlog.h"

#include <string.h>

#define US_PER_S UINT64_C(1000000)
/* Less tells of a card's interrupts, or of single packets. */
#define SAMPLE_US     5000u
#define SAMPLE_BYTES  (32u << 10)
#define SAMPLE_MAX_US 50000u
/* Bytes a second: what is believed before anything is known. */
#define START_RATE  UINT64_C(12500000)
#define DECAY_PART  8u /* of the difference to a lower rate is believed at once */
#define WAIT_MAX_US 20000u
#define WORTH_US    1000u /* timers are no finer: what drains sooner is not waited for */
/* Acknowledgements and names do not make the queue long. */
#define SIGNAL_MIN_BYTES 256u
/* After so short a time without signals they go on at nearly the pace that they had (RFC 8289
 * section 5.4). */
#define MEMORY_US (16u * BACKLOG_INTERVAL_US)

/*
 * What has left since the last look. Rates are made of enough of it; when more was handed over
 * meanwhile, or the sockets ran empty, the line's is at least that, else it is that, but one slow
 * moment is not believed at once.
 */
static void measure(struct backlog *b, const struct backlog_look *look, uint64_t now_us)
{
	uint64_t rate;

	if (look->queued < b->now.queued)
		b->drain.bytes += b->now.queued - look->queued;
	b->drain.us += now_us - b->now_us;
	if (!look->queued || look->sent != b->now.sent)
		b->drain.at_least = true;
	if (b->drain.us < SAMPLE_US ||
	    (b->drain.bytes < SAMPLE_BYTES && b->drain.us < SAMPLE_MAX_US))
		return;
	rate = b->drain.bytes * US_PER_S / b->drain.us;
	if (rate > b->rate)
		b->rate = rate;
	else if (!b->drain.at_least)
		b->rate -= (b->rate - rate) / DECAY_PART;
	memset(&b->drain, 0, sizeof(b->drain));
}

static uint64_t rate_of(const struct backlog *b) { return b->rate ? b->rate : START_RATE; }

/* So much may wait while this queue is read. Never the whole buffer: what goes beyond is lost. */
static size_t limit_of(const struct backlog *b, enum tun_queue queue)
{
	const uint64_t most = b->now.buffer / 2;
	uint64_t limit = rate_of(b) * BACKLOG_TARGET_US / US_PER_S;

	if (limit < BACKLOG_MIN_BYTES)
		limit = BACKLOG_MIN_BYTES;
	if (limit > most)
		limit = most;
	if (queue == TUN_FIRST)
		limit = 2 * limit < most + most / 2 ? 2 * limit : most + most / 2;
	return (size_t)limit;
}

/* Until half of the queue's limit waits. */
static uint64_t wait_us(const struct backlog *b, enum tun_queue queue)
{
	const size_t rest = limit_of(b, queue) / 2;
	uint64_t us;

	if (b->now.queued <= rest)
		return 0;
	us = (b->now.queued - rest) * US_PER_S / rate_of(b);
	return us < WAIT_MAX_US ? us : WAIT_MAX_US;
}

unsigned backlog_wait_ms(const struct backlog *b, enum tun_queue queue)
{
	return (unsigned)(wait_us(b, queue) / 1000) + 1;
}

static void hold(struct backlog_queue *q, uint64_t sent, uint64_t now_us)
{
	q->held_us = now_us;
	if (!q->held)
		q->held_sent = sent;
	q->held = true;
	if (q->standing_us)
		return;
	q->standing_us = now_us;
	q->signal_us = now_us + BACKLOG_INTERVAL_US;
	if (now_us - q->signalled_us >= MEMORY_US)
		q->signals = 0;
	else
		q->signals -= q->signals < 2 ? q->signals : 2;
}

size_t backlog_room(struct backlog *b, enum tun_queue queue, const struct backlog_look *look,
		    uint64_t now_us)
{
	struct backlog_queue *q = &b->queues[queue];
	size_t limit, room = TUN_BURST_BYTES;

	measure(b, look, now_us);
	backlog_sent(b, look, now_us);
	limit = limit_of(b, queue);
	if (look->queued < limit)
		room = limit - look->queued;
	else if (q->held && look->sent - q->held_sent >= 2 * limit)
		room = limit;
	else if (wait_us(b, queue) >= WORTH_US)
		room = 0;
	if (!room)
		hold(q, look->sent, now_us);
	else
		q->held = false;
	return room < TUN_BURST_BYTES ? room : TUN_BURST_BYTES;
}

/* Of a number below 2^24, rounded down. */
static uint32_t root(uint32_t n)
{
	uint32_t r = 0;

	for (uint32_t bit = 1u << 11; bit; bit >>= 1)
		if ((r + bit) * (r + bit) <= n)
			r += bit;
	return r;
}

/* The next signal after the n-th: an interval divided by the root of n. */
static uint64_t pace_us(uint32_t n)
{
	const uint32_t scale = 16;

	return BACKLOG_INTERVAL_US * scale / root((n < 0xffff ? n : 0xffff) * scale * scale);
}

bool backlog_congests(struct backlog *b, enum tun_queue queue, size_t len)
{
	struct backlog_queue *q = &b->queues[queue];
	const uint64_t now_us = b->now_us;

	if (!q->standing_us || len < SIGNAL_MIN_BYTES || now_us < q->signal_us)
		return false;
	/* Not the line is slow any more, but we are. */
	if (now_us - q->held_us >= BACKLOG_INTERVAL_US) {
		q->standing_us = 0;
		return false;
	}
	q->signals++;
	q->signalled_us = now_us;
	q->signal_us = now_us + pace_us(q->signals);
	return true;
}

void backlog_emptied(struct backlog *b, enum tun_queue queue) { b->queues[queue].standing_us = 0; }

void backlog_sent(struct backlog *b, const struct backlog_look *look, uint64_t now_us)
{
	b->now = *look;
	b->now_us = now_us;
}
