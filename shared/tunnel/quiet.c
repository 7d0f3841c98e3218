/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/tunnel/quiet.h"

#include "shared/tunnel/tunnel.h"

static void look(struct timer *timer, uint64_t now_ms)
{
	struct quiet *q = container_of(timer, struct quiet, timer);
	struct tunnel *t = container_of(q, struct tunnel, quiet);
	const struct udp_counters *c = udp_counters(t->udp);
	const uint64_t count = c->received + c->sent;

	if (count - q->seen >= QUIET_MESSAGES) {
		q->busy = true;
	} else if (q->busy) {
		/* What movers handed over in this round leaves behind its timers only. */
		udp_flush(t->udp);
		udp_release(t->udp);
		q->busy = false;
	}
	q->seen = count;
	timer_arm(loop_timers(t->loop), timer, now_ms + QUIET_MS);
}

void quiet_init(struct tunnel *t)
{
	t->quiet = (struct quiet){ .timer.fire = look };
	timer_arm(loop_timers(t->loop), &t->quiet.timer, t->now_ms + QUIET_MS);
}

void quiet_fini(struct tunnel *t)
{
	if (t->loop)
		timer_disarm(loop_timers(t->loop), &t->quiet.timer);
}
