/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/tunnel/hold.h"

#include "shared/base/clock.h"
#include "shared/tunnel/tunnel.h"
#include "shared/tunnel/tx.h"

/* As long as nothing waits the sockets are looked at once in so many bytes. */
#define LOOK_BYTES (16u << 10)

static struct loop_fd *reader(struct tunnel *t, enum tun_queue queue)
{
	return queue == TUN_BULK ? &t->bulk_reader : &t->tun_reader;
}

static void watch(struct tunnel *t, enum tun_queue queue, uint32_t events)
{
	struct loop_fd *f = reader(t, queue);

	if (f->ready)
		loop_fd_events(t->loop, f, events);
}

/* Time to look again: the queue is read, or goes on waiting. */
static void look_again(struct timer *timer, uint64_t now_ms)
{
	struct hold *h = container_of(timer, struct hold, timer);
	struct tunnel *t = h->tunnel;
	const enum tun_queue queue = (enum tun_queue)(h - t->holds);

	t->now_ms = now_ms;
	tx_run(t, queue);
}

void hold_init(struct tunnel *t)
{
	for (unsigned i = 0; i < TUN_QUEUES; i++) {
		t->holds[i].tunnel = t;
		t->holds[i].timer.fire = look_again;
	}
}

void hold_fini(struct tunnel *t)
{
	for (unsigned i = 0; i < TUN_QUEUES; i++)
		if (t->loop)
			timer_disarm(loop_timers(t->loop), &t->holds[i].timer);
}

size_t hold_room(struct tunnel *t, enum tun_queue queue)
{
	struct backlog_look look;
	size_t room = TUN_BURST_BYTES;

	if (!backlog_is_small(&t->backlog)) {
		udp_backlog(t->udp, &look);
		room = backlog_room(&t->backlog, queue, &look, clock_now_us());
	}
	watch(t, queue, room ? EPOLLIN : 0);
	if (!room)
		timer_arm(loop_timers(t->loop), &t->holds[queue].timer,
			  t->now_ms + backlog_wait_ms(&t->backlog, queue));
	return room;
}

void hold_sent(struct tunnel *t, size_t bytes)
{
	struct backlog_look look;

	t->unlooked_bytes += bytes;
	if (backlog_is_small(&t->backlog) && t->unlooked_bytes < LOOK_BYTES)
		return;
	t->unlooked_bytes = 0;
	udp_backlog(t->udp, &look);
	backlog_sent(&t->backlog, &look, clock_now_us());
}
