/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How long the directory is trusted without the hub (OfflineGrace). Inside one run time is measured
 * with the boot clock, so a wall clock that jumps changes nothing; over a restart the wall clock
 * has to do (cache_grace_left_ms()).
 */
#include "shared/base/clock.h"
#include "shared/base/log.h"
#include "spoke/control/spoke.h"

static void over(struct timer *t, uint64_t now_ms)
{
	struct spoke *s = container_of(t, struct spoke, grace_timer);

	(void)now_ms;
	s->grace_over = true;
	log_error("the hub has not confirmed the directory for more than %u s (OfflineGrace): all "
		  "tunnels are closed until it does",
		  s->cfg->offline_grace_s);
	grace_settle(s);
}

void grace_confirmed(struct spoke *s)
{
	s->cache.confirmed_ms = s->cache.seen_ms = clock_wall_ms();
	s->confirmed = true;
	s->grace_over = false;
	timer_disarm(loop_timers(s->loop), &s->grace_timer);
	grace_settle(s);
}

void grace_begin(struct spoke *s)
{
	uint64_t left_ms;

	/* Until now the link kept our directory in step with the hub's. */
	if (s->confirmed)
		s->cache.confirmed_ms = s->cache.seen_ms = clock_wall_ms();
	s->confirmed = false;
	/* Without a directory there is nothing to trust; a timer that runs goes on. */
	if (s->cache.dir.revision == 0 || s->grace_over || timer_armed(&s->grace_timer))
		return;
	left_ms = cache_grace_left_ms(&s->cache, clock_wall_ms(), s->cfg->offline_grace_s);
	s->grace_timer.fire = over;
	timer_arm(loop_timers(s->loop), &s->grace_timer, loop_now_ms(s->loop) + left_ms);
	if (left_ms == 0)
		s->grace_over = true;
}

void grace_settle(struct spoke *s)
{
	bool muted = s->cache.refused || s->grace_over;

	if (muted == s->engine.muted)
		return;
	s->engine.muted = muted;
	/* Routes stay: packets for the branches must not leave in the clear over the default route.
	 */
	apply_engine(s);
}
