/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/carrier/carrier.h"

#include <stdlib.h>
#include <string.h>

struct carrier {
	struct carrier_params p;
	struct carrier_queue queue;
	struct carrier_counters counters;
	struct timer timer;
	uint64_t heard_ms;
	bool asked; /* a sign of life was sent since something was heard */
};

static void tell(struct carrier *c, enum carrier_msg type)
{
	const struct carrier_link m = { .number = c->p.number, .node = c->p.node };
	struct channel *engine = *c->p.engine;
	uint8_t mem[16];
	struct cursor body;

	if (!engine)
		return;
	cursor_init_write(&body, mem, sizeof(mem));
	carrier_link_encode(&m, &body);
	BUG_ON(body.err);
	/* A channel that takes nothing more closes by itself; the next engine is told of all. */
	if (channel_send(engine, (uint16_t)type, mem, body.pos, -1))
		return;
}

void carrier_tell_engine(struct carrier *c) { tell(c, CARRIER_OPENED); }

static uint64_t deadline(const struct carrier *c)
{
	return c->heard_ms + (c->p.dialled && !c->asked ? LINK_PING_MS : LINK_DEAD_MS);
}

static void send_sign_of_life(struct carrier *c)
{
	uint8_t frame[CARRY_HEADER_BYTES];

	carry_put_header(frame, 0);
	/* What is queued already shows as much. */
	if (stream_queued(c->p.stream) == 0 && stream_send(c->p.stream, frame, sizeof(frame)))
		return;
}

static void timer_fired(struct timer *t, uint64_t now_ms)
{
	struct carrier *c = container_of(t, struct carrier, timer);

	if (now_ms >= deadline(c)) {
		if (!c->p.dialled || c->asked) {
			c->p.dead(c->p.arg);
			return;
		}
		c->asked = true;
		send_sign_of_life(c);
	}
	timer_arm(loop_timers(c->p.loop), t, deadline(c));
}

enum err carrier_new(const struct carrier_params *p, struct carrier **out)
{
	struct carrier *c = calloc(1, sizeof(*c));

	if (!c)
		return ERR_NOMEM;
	c->p = *p;
	c->heard_ms = loop_now_ms(p->loop);
	c->timer.fire = timer_fired;
	carrier_queue_init(&c->queue);
	stream_keep_short(p->stream, CARRIER_UNSENT_BYTES, CARRIER_STUCK_MS);
	timer_arm(loop_timers(p->loop), &c->timer, deadline(c));
	carrier_tell_engine(c);
	*out = c;
	return ERR_OK;
}

void carrier_free(struct carrier *c)
{
	if (!c)
		return;
	tell(c, CARRIER_CLOSED);
	timer_disarm(loop_timers(c->p.loop), &c->timer);
	carrier_queue_fini(&c->queue);
	free(c);
}

uint32_t carrier_number(const struct carrier *c) { return c->p.number; }

struct carrier_counters carrier_counters(const struct carrier *c)
{
	struct carrier_counters x = c->counters;

	x.tx_dropped = c->queue.dropped;
	return x;
}

/* --- from the other side to the engine --- */

static void hand_over(struct carrier *c, const uint8_t *frames, size_t n, unsigned packets)
{
	uint8_t mem[CHANNEL_MSG_MAX_BYTES];

	carrier_packets_encode_head(c->p.number, mem);
	memcpy(mem + CARRIER_HEAD_BYTES, frames, n);
	if (*c->p.engine &&
	    channel_try_send(*c->p.engine, CARRIER_PACKETS, mem, CARRIER_HEAD_BYTES + n) == ERR_OK)
		c->counters.rx_packets += packets;
	else
		c->counters.rx_dropped += packets;
}

/* The frame at the front is a sign of life, is not all there, or is none. */
static enum err take_other(struct carrier *c, struct buf *in)
{
	size_t len;
	enum err e = carry_next(buf_data(in), buf_len(in), &len);

	if (e)
		return e;
	buf_consume(in, CARRY_HEADER_BYTES);
	if (!c->p.dialled)
		send_sign_of_life(c);
	return ERR_OK;
}

enum err carrier_received(struct carrier *c, struct buf *in)
{
	enum err e = ERR_OK;

	c->heard_ms = loop_now_ms(c->p.loop);
	c->asked = false;
	while (!e) {
		unsigned packets;
		size_t n = carry_run(buf_data(in), buf_len(in), CARRIER_FRAMES_MAX_BYTES, &packets);

		if (n) {
			hand_over(c, buf_data(in), n, packets);
			buf_consume(in, n);
		} else {
			e = take_other(c, in);
		}
	}
	return e == ERR_AGAIN ? ERR_OK : e;
}

/* --- from the engine to the other side --- */

void carrier_drained(struct carrier *c)
{
	const uint64_t now_ms = loop_now_ms(c->p.loop);
	const uint8_t *run;
	size_t n;

	while ((run = carrier_queue_front(&c->queue, now_ms, &n)) != NULL) {
		if (stream_queued(c->p.stream) &&
		    stream_queued(c->p.stream) + n > CARRIER_WRITE_BYTES)
			return;
		if (stream_send(c->p.stream, run, n))
			return;
		c->counters.tx_packets += carrier_queue_pop(&c->queue);
	}
}

void carrier_send(struct carrier *c, const uint8_t *frames, size_t n)
{
	unsigned packets;

	(void)carry_run(frames, n, n, &packets);
	carrier_queue_push(&c->queue, frames, n, packets, loop_now_ms(c->p.loop));
	if (!stream_queued(c->p.stream))
		carrier_drained(c);
}
