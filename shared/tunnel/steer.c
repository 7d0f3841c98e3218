/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/tunnel/steer.h"

#include <stdlib.h>

#include "shared/tunnel/candidates.h"
#include "shared/tunnel/path.h"
#include "shared/tunnel/patience.h"
#include "shared/tunnel/probe.h"
#include "shared/tunnel/report.h"
#include "shared/tunnel/timers.h"
#include "shared/tunnel/ways.h"

#define WARM_MS 20000u /* a warm peer without a session is called so often */
/* A direct path that was used within so long is not given up for another peer's. */
#define EVICT_UNUSED_MS 10000u
/* A direct path that was lost within so long speaks against UDP as such. */
#define CORROBORATE_MS 2000u

bool steer_is_direct(const struct peer *p)
{
	return p->path.choice && p->path.choice->way >= 0 && !path_is_hub(p);
}

/* --- the machine's life ----------------------------------------------------------------------- */

static struct choice_settings settings_of(const struct peer *p)
{
	const struct tunnel *t = p->tunnel;

	return (struct choice_settings){
		.policy = path_policy(p),
		.to_hub = path_is_hub(p),
		.fallback_up = path_is_hub(p) ? endpoint_is_set(&t->carrier) : path_relay_is_up(t),
		.warm = p->set.warm,
		.corroborated = path_is_hub(p) && t->direct_lost_ms &&
				t->now_ms - t->direct_lost_ms < CORROBORATE_MS,
		.idle_ms = t->self.direct_idle_s * 1000ull,
	};
}

static struct choice_input input_of(const struct peer *p)
{
	const struct tunnel *t = p->tunnel;

	return (struct choice_input){
		.now_ms = t->now_ms,
		.used_ms = p->due.last_data_ms,
		.heard_ms = p->due.heard_ms,
		.may_direct = steer_is_direct(p) || t->n_direct < t->self.direct_max,
	};
}

static void arm(struct peer *p)
{
	const struct choice_input in = input_of(p);

	p->due.path_ms = choice_next_ms(p->path.choice, &in);
	timers_arm(p);
}

bool steer_begin(struct peer *p)
{
	struct path *path = &p->path;
	const struct choice_settings set = settings_of(p);

	if (path->choice)
		return true;
	path->choice = malloc(sizeof(*path->choice));
	if (!path->choice) {
		p->due.path_ms = p->tunnel->now_ms + 1000;
		timers_arm(p);
		return false;
	}
	choice_init(path->choice, &set, p->tunnel->now_ms);
	if (path->told)
		candidates_tell(path->choice, path->told->e, path->told->n);
	if (endpoint_is_set(&path->last_direct)) {
		int which = candidates_see(path->choice, &path->last_direct);

		if (which >= 0)
			path->choice->candidates[which].seen_ms = p->tunnel->now_ms;
	}
	return true;
}

/* The machine is at rest: only the reason is kept. */
static void end_use(struct peer *p)
{
	p->path.rest = path_why(p);
	free(p->path.choice);
	p->path.choice = NULL;
	p->due.path_ms = TIMER_NEVER;
	if (p->set.warm) {
		p->due.path_ms = p->tunnel->now_ms + WARM_MS;
		timers_arm(p);
	}
}

/* Gives up the direct path that was not used for the longest time. */
static bool make_room(struct tunnel *t)
{
	struct peer *oldest = NULL;

	for (struct table_node *n = table_next(&t->by_id, NULL); n; n = table_next(&t->by_id, n)) {
		struct peer *p = container_of(n, struct peer, by_id);

		if (steer_is_direct(p) && !p->set.warm &&
		    t->now_ms - p->due.last_data_ms >= EVICT_UNUSED_MS &&
		    (!oldest || p->due.last_data_ms < oldest->due.last_data_ms))
			oldest = p;
	}
	if (!oldest)
		return false;
	steer_run(oldest, CHOICE_EVICTED, 0, 0);
	return t->n_direct < t->self.direct_max;
}

static void probe_way(struct peer *p, const struct way *way)
{
	/* What cannot be sent counts as not answered. */
	if (!way_is_set(way) || probe_send_on(p, way, PROBE_PATH, EXTENSION_PROBE_BYTES))
		return;
	/* No answer may as well mean that the hub has lost us: it relays only what comes from where
	 * it knows us, and a probe does not tell it. */
	if (way->relayed && p->tunnel->hub && p->tunnel->hub->session.current)
		timers_relayed(p->tunnel->hub);
	/* A hub that forgot our address, or never saw it, needs more than a probe. */
	if (path_is_hub(p) && path_is_in_use(p, way))
		session_send_keepalive(p);
}

static void send_probes(struct peer *p, const struct choice_orders *o)
{
	const struct choice *c = p->path.choice;
	struct way way;

	for (unsigned i = 0; i < c->n; i++) {
		if (!(o->probe & 1u << i))
			continue;
		way = way_to(&c->candidates[i].endpoint);
		probe_way(p, &way);
	}
	if (o->probe_fallback) {
		way = path_is_hub(p) ? way_to(&p->tunnel->carrier) : way_relay();
		probe_way(p, &way);
	}
	if (o->probe || o->probe_fallback)
		udp_flush(p->tunnel->udp);
}

/* Nobody answers, anywhere: a new handshake, and others with the same prefix go first. */
static void give_up(struct peer *p)
{
	path_unreachable(p);
	session_initiate(p, false);
}

/* While nothing comes back from the hub control opens a carrier, so that there is one by the time
 * that UDP is given up. */
static void tell_silence(struct peer *p)
{
	struct tunnel *t = p->tunnel;
	const bool silent = p->path.choice && patience_is_silent(p->path.choice, t->now_ms);

	if (!path_is_hub(p) || silent == t->hub_silent)
		return;
	t->hub_silent = silent;
	report_hub_silent(t);
}

/* The hub, if it is silent, too, is not waited for much longer. */
static void note_direct_lost(struct tunnel *t)
{
	t->direct_lost_ms = t->now_ms;
	if (t->hub && t->hub->path.choice && patience_is_silent(t->hub->path.choice, t->now_ms))
		steer_run(t->hub, CHOICE_TICK, 0, 0);
}

static void carry_out(struct peer *p, const struct choice_orders *o)
{
	path_follow(p);
	tell_silence(p);
	send_probes(p, o);
	path_refresh(p);
	if (o->locate)
		path_locate(p);
	if (o->dead)
		give_up(p);
	if (o->lost && !path_is_hub(p))
		note_direct_lost(p->tunnel);
	/* The hub may have changed its way under those that it relays for. */
	if (o->moved && path_is_hub(p))
		steer_hub_changed(p->tunnel);
}

/* The machine, with an event and all that follows. */
void steer_run(struct peer *p, enum choice_event e, int which, uint32_t rtt_us)
{
	struct tunnel *t = p->tunnel;
	struct choice *c = p->path.choice;
	struct choice_input in = input_of(p);
	struct choice_orders orders;
	const bool was_direct = steer_is_direct(p);

	if (!c)
		return;
	in.which = which;
	in.rtt_us = rtt_us;
	c->set = settings_of(p);
	choice_run(c, e, &in, &orders);
	if (orders.limited && make_room(t)) {
		in.may_direct = true;
		choice_run(c, e, &in, &orders);
	}
	if (steer_is_direct(p) != was_direct)
		t->n_direct = was_direct ? t->n_direct - 1 : t->n_direct + 1;
	carry_out(p, &orders);
	if (c->state == CHOICE_REST)
		end_use(p);
	else
		arm(p);
}

void steer_use(struct peer *p)
{
	if (p->path.choice || !path_has_choice(p) || p->tunnel->mover ||
	    p->due.path_ms <= p->tunnel->now_ms)
		return;
	p->due.path_ms = p->tunnel->now_ms;
	timers_arm(p);
}

/* A hub that does not answer the first initiation: who waits for it must know, and a carrier that
 * is there is used. */
void steer_hub_silent(struct peer *hub)
{
	path_unreachable(hub);
	if (!endpoint_is_set(&hub->tunnel->carrier))
		return;
	hub->due.retransmit_ms = TIMER_NEVER;
	hub->due.last_initiation_ms = 0;
	session_initiate(hub, false);
}

void steer_hub_asked(struct peer *hub)
{
	if (hub->path.choice || hub->path.unreachable)
		return;
	hub->due.path_ms = hub->tunnel->now_ms + CHOICE_DEAD_MS;
	timers_arm(hub);
}

/* Without a session there is nothing to choose. */
static void tick_without_session(struct peer *p)
{
	p->due.path_ms = TIMER_NEVER;
	if (path_is_hub(p) && p->due.retransmit_ms != TIMER_NEVER && !p->path.unreachable) {
		steer_hub_silent(p);
	} else if (p->set.warm) {
		p->due.path_ms = p->tunnel->now_ms + WARM_MS;
		path_locate(p);
		session_initiate(p, false);
	}
}

void steer_tick(struct peer *p)
{
	const bool begins = !p->path.choice;

	if (!p->session.current)
		tick_without_session(p);
	else if (path_has_choice(p) && steer_begin(p))
		steer_run(p, begins ? CHOICE_USED : CHOICE_TICK, 0, 0);
	else if (!path_has_choice(p))
		p->due.path_ms = TIMER_NEVER;
}

void steer_doubt(struct peer *p)
{
	struct peer *hub = p->tunnel->hub;

	if (!p->path.choice)
		return;
	/* It may as well be the hub that has lost us, or all of UDP: then the carrier is needed by
	 * the time that the relay is. */
	if (hub && hub != p && hub->path.choice && (p->path.relayed || hub->path.choice->way >= 0))
		steer_run(hub, CHOICE_DOUBTED, 0, 0);
	steer_run(p, CHOICE_DOUBTED, 0, 0);
}

void steer_rebind(struct tunnel *t)
{
	for (struct table_node *n = table_next(&t->by_id, NULL); n; n = table_next(&t->by_id, n)) {
		struct peer *p = container_of(n, struct peer, by_id);

		p->path.slot = (struct udp_slot){ 0 };
		if (p->path.choice)
			steer_run(p, CHOICE_REBOUND, 0, 0);
	}
	/* A probe moves nothing at the hub, which would go on to send to where we were. */
	if (t->hub && t->hub->session.current)
		session_send_keepalive(t->hub);
}

void steer_drop(struct peer *p)
{
	if (steer_is_direct(p))
		p->tunnel->n_direct--;
	free(p->path.choice);
	p->path.choice = NULL;
	p->due.path_ms = TIMER_NEVER;
	tell_silence(p);
}

/* The hub came, went, or is reached another way. */
void steer_hub_changed(struct tunnel *t)
{
	for (struct table_node *n = table_next(&t->by_id, NULL); n; n = table_next(&t->by_id, n)) {
		struct peer *p = container_of(n, struct peer, by_id);

		if (p == t->hub || !path_has_choice(p))
			continue;
		if (p->path.choice)
			steer_run(p, CHOICE_SET, 0, 0);
		else
			path_refresh(p);
		/* Its initiation went to a hub that is not there: now it goes everywhere. */
		if (!path_relay_is_up(t) && p->path.told && p->due.retransmit_ms != TIMER_NEVER) {
			p->due.retransmit_ms = t->now_ms;
			timers_arm(p);
		}
	}
}

void steer_relay_opened(struct tunnel *t)
{
	t->relay_awaited = false;
	for (struct table_node *n = table_next(&t->by_id, NULL); n; n = table_next(&t->by_id, n)) {
		struct peer *p = container_of(n, struct peer, by_id);

		if (p == t->hub || !p->path.relayed || p->due.retransmit_ms == TIMER_NEVER)
			continue;
		p->due.retransmit_ms = t->now_ms;
		timers_arm(p);
	}
}
