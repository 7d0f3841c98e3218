/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a TLS handshake, a reload or a question of the command line needed of memory is given back
 * when it is over; most of the time this process only waits. */
#include "shared/base/resident.h"
#include "spoke/control/spoke.h"

/* The messages that follow a welcome, and other questions of the same admin. */
#define SETTLE_MS 1000u

static void settled(struct timer *t, uint64_t now_ms)
{
	(void)t;
	(void)now_ms;
	resident_trim();
}

void tidy_soon(struct spoke *s)
{
	s->tidy_timer.fire = settled;
	timer_arm(loop_timers(s->loop), &s->tidy_timer, loop_now_ms(s->loop) + SETTLE_MS);
}
