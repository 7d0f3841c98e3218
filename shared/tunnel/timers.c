/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/tunnel/timers.h"

#include "shared/base/log.h"
#include "shared/tunnel/movers.h"
#include "shared/tunnel/path.h"
#include "shared/tunnel/pmtu.h"
#include "shared/tunnel/probe.h"
#include "shared/tunnel/session.h"
#include "shared/tunnel/steer.h"

/* The third initiation of an agent in vain, or the first of a WireGuard node. */
#define SILENT_WAIT_MS (4 * REKEY_RETRY_MIN_MS)

static uint64_t earliest(const struct peer *p)
{
	const struct deadlines *d = &p->due;
	const uint64_t all[] = {
		d->retransmit_ms, d->keepalive_ms,
		d->renew_ms,      d->wipe_ms,
		d->persistent_ms, d->check_ms,
		d->hush_ms,       d->rekey_ms,
		d->path_ms,       d->probe_ms,
		d->pmtu_ms,       p->ping.active ? p->ping.deadline_ms : TIMER_NEVER,
	};
	uint64_t at = TIMER_NEVER;

	for (unsigned i = 0; i < ARRAY_LEN(all); i++)
		if (all[i] < at)
			at = all[i];
	return at;
}

/* A deadline that moved away is not worth the heap's work: the timer fires once for nothing and is
 * then armed anew. */
void timers_arm(struct peer *p)
{
	uint64_t at = earliest(p);

	if (!timer_armed(&p->timer) || at < p->timer.at_ms)
		timer_arm(loop_timers(p->tunnel->loop), &p->timer, at);
}

/* Nothing can be sent, and so many initiations stayed without an answer that it is no accident. */
static bool is_silent(const struct peer *p, uint64_t now)
{
	if (p->session.current && keypair_may_send(p->session.current, now) &&
	    p->path.kind != PATH_DOWN)
		return false;
	return p->due.retry_wait_ms >= SILENT_WAIT_MS;
}

static void due_retransmit(struct peer *p, uint64_t now)
{
	struct deadlines *d = &p->due;

	d->retransmit_ms = TIMER_NEVER;
	if (is_silent(p, now))
		path_unreachable(p);
	if (now - d->attempt_began_ms >= REKEY_ATTEMPT_MS) {
		log_debug(2, "%s does not answer, giving up for now", p->set.name);
		session_abandon(p);
		return;
	}
	session_initiate(p, true);
}

/* Nothing came back. Where there is a choice of ways it is the machine's affair. */
static void due_check(struct peer *p, uint64_t now)
{
	struct deadlines *d = &p->due;
	const struct way way = path_way(p);

	d->check_ms = TIMER_NEVER;
	if (p->path.choice) {
		steer_doubt(p);
		return;
	}
	if (d->probes_unanswered < PROBES_UNANSWERED_MAX) {
		d->probes_unanswered++;
		d->check_ms = now + PROBE_INTERVAL_MS;
		if (!probe_send_on(p, &way, PROBE_PATH, EXTENSION_PROBE_BYTES))
			udp_flush(p->tunnel->udp);
		return;
	}
	d->probes_unanswered = 0;
	path_unreachable(p);
	session_initiate(p, false);
}

/* A stream in one direction has stopped, or does not get to us any more. */
static void due_hush(struct peer *p, uint64_t now)
{
	struct deadlines *d = &p->due;

	d->hush_ms = TIMER_NEVER;
	/* Something of ours went out since: if it is not answered that is noticed anyway. */
	if (d->keepalive_ms == TIMER_NEVER || !p->path.choice)
		return;
	if (now - d->last_received_ms < HUSH_MS)
		d->hush_ms = d->last_received_ms + HUSH_MS;
	else
		steer_doubt(p);
}

static void due_wipe(struct peer *p, uint64_t now)
{
	(void)now;
	p->due.wipe_ms = TIMER_NEVER;
	session_wipe(p);
	path_down(p);
}

static void due_renew(struct peer *p, uint64_t now)
{
	(void)now;
	p->due.renew_ms = TIMER_NEVER;
	session_initiate(p, false);
}

static void due_keepalive(struct peer *p, uint64_t now)
{
	(void)now;
	p->due.keepalive_ms = TIMER_NEVER;
	if (p->session.current)
		session_send_keepalive(p);
}

/* Until a keypair is there that was made after what timers_rekey() was called for. */
static void due_rekey(struct peer *p, uint64_t now)
{
	p->due.rekey_ms = TIMER_NEVER;
	if (!p->session.current || p->session.current->created_ms > p->due.rekey_since_ms)
		return;
	p->due.rekey_ms = now + REKEY_TIMEOUT_MS;
	p->due.last_initiation_ms = 0;
	session_initiate(p, false);
}

/* Without a session this makes one: whoever has a persistent keepalive is to be connected always.
 */
static void due_persistent(struct peer *p, uint64_t now)
{
	p->due.persistent_ms = now + p->set.keepalive_s * 1000ull;
	session_send_keepalive(p);
}

static void fire(struct timer *timer, uint64_t now)
{
	struct peer *p = container_of(timer, struct peer, timer);
	struct deadlines *d = &p->due;

	p->tunnel->now_ms = now;
	probe_expire(p);
	if (now >= d->wipe_ms)
		due_wipe(p, now);
	if (now >= d->retransmit_ms)
		due_retransmit(p, now);
	if (now >= d->renew_ms)
		due_renew(p, now);
	if (now >= d->check_ms)
		due_check(p, now);
	if (now >= d->hush_ms)
		due_hush(p, now);
	if (now >= d->keepalive_ms)
		due_keepalive(p, now);
	if (now >= d->persistent_ms)
		due_persistent(p, now);
	if (now >= d->rekey_ms)
		due_rekey(p, now);
	if (now >= d->path_ms)
		steer_tick(p);
	if (now >= d->pmtu_ms)
		pmtu_due(p);
	timer_arm(loop_timers(p->tunnel->loop), &p->timer, earliest(p));
}

static void all_off(struct deadlines *d)
{
	d->retransmit_ms = d->keepalive_ms = d->renew_ms = TIMER_NEVER;
	d->wipe_ms = d->persistent_ms = d->check_ms = d->rekey_ms = TIMER_NEVER;
	d->hush_ms = d->path_ms = d->probe_ms = d->pmtu_ms = TIMER_NEVER;
}

void timers_init(struct peer *p)
{
	all_off(&p->due);
	p->timer.fire = fire;
}

void timers_restart(struct peer *p)
{
	all_off(&p->due);
	p->due.last_initiation_ms = 0;
	timers_settings_changed(p);
	if (p->set.warm)
		steer_use(p);
}

void timers_stop(struct peer *p)
{
	all_off(&p->due);
	timer_disarm(loop_timers(p->tunnel->loop), &p->timer);
}

/*
 * The three functions below run for every packet. A deadline that moves away needs no work; the
 * timer is armed only when one comes up that was off.
 */
static void restart_persistent(struct peer *p)
{
	struct deadlines *d = &p->due;
	const bool was_off = d->persistent_ms == TIMER_NEVER;

	if (!p->set.keepalive_s)
		return;
	d->persistent_ms = p->tunnel->now_ms + p->set.keepalive_s * 1000ull;
	if (was_off)
		timers_arm(p);
}

/* Sets a deadline that is off. */
static void begin(struct peer *p, uint64_t *deadline_ms, uint64_t delay_ms)
{
	if (*deadline_ms != TIMER_NEVER)
		return;
	*deadline_ms = p->tunnel->now_ms + delay_ms;
	timers_arm(p);
}

static void begin_check(struct peer *p)
{
	const uint64_t ways_ms = p->path.relayed ? PATH_CHECK_RELAYED_MS : PATH_CHECK_MS;

	begin(p, &p->due.check_ms, path_has_choice(p) ? ways_ms : PROBE_AFTER_MS);
}

void timers_sent(struct peer *p, bool data)
{
	struct deadlines *d = &p->due;

	d->keepalive_ms = TIMER_NEVER;
	restart_persistent(p);
	if (!data)
		return;
	begin(p, &d->renew_ms, KEEPALIVE_MS + REKEY_TIMEOUT_MS);
	if (peer_is_agent(p))
		begin_check(p);
	if (pmtu_is_discovered(p))
		begin(p, &d->pmtu_ms, pmtu_delay_ms(p));
	timers_used(p);
}

void timers_relayed(struct peer *p)
{
	begin_check(p);
	timers_used(p);
}

void timers_used(struct peer *p)
{
	p->due.last_data_ms = p->tunnel->now_ms;
	if (!p->path.choice)
		steer_use(p);
}

void timers_heard(struct peer *p) { p->due.check_ms = TIMER_NEVER; }

void timers_received(struct peer *p, bool data, bool here)
{
	struct deadlines *d = &p->due;

	d->last_received_ms = p->tunnel->now_ms;
	d->renew_ms = TIMER_NEVER;
	if (here) {
		d->heard_ms = d->last_received_ms;
		d->check_ms = TIMER_NEVER;
		d->probes_unanswered = 0;
	}
	restart_persistent(p);
	if (!data)
		return;
	begin(p, &d->keepalive_ms, KEEPALIVE_MS);
	if (p->path.choice)
		begin(p, &d->hush_ms, HUSH_MS);
	timers_used(p);
}

/* How long the answer to an initiation is waited for. */
static uint32_t next_wait_ms(const struct peer *p, bool retry)
{
	const uint32_t last = p->due.retry_wait_ms;

	if (!peer_is_agent(p))
		return REKEY_TIMEOUT_MS;
	if (!retry || !last)
		return REKEY_RETRY_MIN_MS;
	return last < REKEY_TIMEOUT_MS / 2 ? last * 2 : REKEY_TIMEOUT_MS;
}

void timers_initiation_sent(struct peer *p, bool retry)
{
	struct deadlines *d = &p->due;
	uint64_t now = p->tunnel->now_ms;

	d->retry_wait_ms = next_wait_ms(p, retry);
	d->last_initiation_ms = now;
	d->retransmit_ms = now + d->retry_wait_ms + secret_random_below(REKEY_JITTER_MS);
	if (!retry)
		d->attempt_began_ms = now;
	timers_arm(p);
	if (!retry && p == p->tunnel->hub)
		steer_hub_asked(p);
}

void timers_keypair_made(struct peer *p)
{
	p->due.wipe_ms = p->tunnel->now_ms + 3ull * REJECT_AFTER_MS;
	timers_arm(p);
}

void timers_handshake_done(struct peer *p)
{
	p->due.retransmit_ms = TIMER_NEVER;
	p->due.probes_unanswered = 0;
	timers_arm(p);
}

void timers_rekey(struct peer *p, uint64_t in_ms)
{
	p->due.rekey_ms = p->tunnel->now_ms + in_ms;
	p->due.rekey_since_ms = p->tunnel->now_ms;
	timers_arm(p);
}

void timers_old_key(struct peer *p)
{
	timers_rekey(p, PEER_KEY_REKEY_MIN_MS + secret_random_below(PEER_KEY_REKEY_SPREAD_MS));
}

void timers_settings_changed(struct peer *p)
{
	/* All timers are the engine's. */
	if (p->tunnel->mover)
		return;
	p->due.persistent_ms = p->set.keepalive_s ? p->tunnel->now_ms : TIMER_NEVER;
	timers_arm(p);
}
