/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/tunnel/path.h"

#include <stdlib.h>
#include <string.h>

#include "shared/base/clock.h"
#include "shared/base/log.h"
#include "shared/tunnel/candidates.h"
#include "shared/tunnel/movers.h"
#include "shared/tunnel/pmtu.h"
#include "shared/tunnel/probe.h"
#include "shared/tunnel/reason.h"
#include "shared/tunnel/report.h"
#include "shared/tunnel/steer.h"
#include "shared/tunnel/timers.h"
#include "shared/tunnel/ways.h"
#include "shared/wire/relay.h"

#define LOCATE_INTERVAL_MS 10000u /* control is asked for one peer at most so often */
/* A passed-over owner of a prefix gets a handshake at most so often. */
#define RETRY_INTERVAL_MS 5000u
/* Packets that come another way than ours go are looked into at most so often. */
#define ELSEWHERE_MS 1000u

/* A carrier's address: the one that is there, or one that was. */
static bool is_carrier(const struct tunnel *t, const struct endpoint *e)
{
	return endpoint_is_set(e) && (path_is_tcp(e) || endpoint_equal(&t->carrier, e));
}

/* Can packets be relayed: does the hub answer? */
bool path_relay_is_up(const struct tunnel *t)
{
	const struct peer *hub = t->hub;

	return hub && peer_has_session(hub) && !hub->path.unreachable &&
	       endpoint_is_set(&hub->path.endpoint);
}

/* The policy as it is for this pair now. */
enum path_policy path_policy(const struct peer *p)
{
	const struct tunnel *t = p->tunnel;

	if (path_is_hub(p))
		return t->self.tcp_only ? PATH_POLICY_HUB_ONLY : PATH_POLICY_AUTO;
	if (!p->set.via_hub)
		return PATH_POLICY_DIRECT_ONLY;
	return p->set.policy == PATH_POLICY_AUTO && t->self.tcp_only ? PATH_POLICY_HUB_ONLY
								     : p->set.policy;
}

bool path_relay_works(const struct peer *p)
{
	return path_policy(p) != PATH_POLICY_DIRECT_ONLY && path_relay_is_up(p->tunnel);
}

/* --- kind and reason -------------------------------------------------------------------------- */

/* The only place where they change; tells control when they really did. */
static void path_move(struct peer *p, enum path_kind kind, enum path_reason reason)
{
	struct path *path = &p->path;

	if (path->kind == kind && path->reason == reason)
		return;
	path->kind = kind;
	path->reason = reason;
	path->since_wall_ms = clock_wall_ms();
	report_path(p);
	movers_tell_path(p);
}

static enum path_kind kind_of(const struct peer *p)
{
	const struct way way = path_way(p);
	const struct endpoint outer = path_outer(p, &way);

	if (path_is_tcp(&outer))
		return PATH_HUB_TCP;
	return way.relayed ? PATH_HUB_UDP : PATH_DIRECT_UDP;
}

enum path_reason path_why(const struct peer *p)
{
	const struct tunnel *t = p->tunnel;
	const struct reason_facts facts = {
		.own_nat = t->self.nat,
		.peer_nat = p->path.told ? p->path.told->nat : NAT_UNKNOWN,
		.tcp_only = t->self.tcp_only,
		.hub_tcp = t->hub && path_is_tcp(&t->hub->path.endpoint),
		.peer_tcp = p->path.peer_tcp,
	};

	if (p->path.choice)
		return reason_of_choice(p->path.choice, &facts);
	if (!p->path.relayed)
		return path_is_tcp(&p->path.endpoint) ? PATH_REASON_PEER_TCP
						      : PATH_REASON_VALIDATED;
	return path_policy(p) == PATH_POLICY_HUB_ONLY && !t->self.tcp_only ? PATH_REASON_POLICY
									   : p->path.rest;
}

/* Kind and reason follow from the way in use; of a peer that answers. */
void path_refresh(struct peer *p)
{
	const struct way way = path_way(p);

	if (!p->session.current || (p->path.unreachable && way_is_set(&way)))
		return;
	if (!way_is_set(&way)) {
		p->path.unreachable = true;
		path_move(p, PATH_DOWN, PATH_REASON_DIRECT_ONLY);
		return;
	}
	path_move(p, kind_of(p), path_why(p));
}

/* --- the way in use --------------------------------------------------------------------------- */

static void set_way(struct peer *p, const struct way *way)
{
	p->path.relayed = way->relayed;
	p->path.endpoint = way->endpoint;
	p->path.slot = (struct udp_slot){ 0 };
}

/* Another way is in use. */
static void way_changed(struct peer *p)
{
	const struct choice *c = p->path.choice;

	p->path.loss = (struct loss){ 0 };
	p->path.rtt_us = c && c->way >= 0 ? c->candidates[c->way].rtt_us
			 : c              ? c->fallback.rtt_us
					  : 0;
	p->due.heard_ms = p->tunnel->now_ms;
	p->due.check_ms = TIMER_NEVER;
	pmtu_way_changed(p);
	movers_tell_path(p);
	if (p->session.current && (path_way(p).relayed || endpoint_is_set(&p->path.endpoint)) &&
	    c && c->state != CHOICE_STRANDED)
		p->path.unreachable = false;
	/* The hub sends where real packets come from: one to show it. */
	if (path_is_hub(p) && p->session.current)
		session_send_keepalive(p);
}

/* The way that the machine has chosen. */
static struct way chosen(const struct peer *p)
{
	const struct choice *c = p->path.choice;

	if (c->way >= 0)
		return way_to(&c->candidates[c->way].endpoint);
	if (c->way == CHOICE_NONE)
		return (struct way){ 0 };
	return path_is_hub(p) ? way_to(&p->tunnel->carrier) : way_relay();
}

void path_follow(struct peer *p)
{
	const struct way way = chosen(p);

	if (path_is_in_use(p, &way))
		return;
	log_debug(3, "%s: %s", p->set.name, choice_state_str(p->path.choice->state));
	set_way(p, &way);
	if (p->path.choice->way >= 0)
		p->path.last_direct = way.endpoint;
	way_changed(p);
}

struct endpoint path_outer(const struct peer *p, const struct way *way)
{
	if (!way->relayed)
		return way->endpoint;
	return p->tunnel->hub ? p->tunnel->hub->path.endpoint : (struct endpoint){ 0 };
}

static uint8_t *reserve(struct peer *p, bool relayed, const struct endpoint *to,
			struct udp_slot *slot, const struct udp_mark *mark, size_t len)
{
	struct tunnel *t = p->tunnel;
	const size_t envelope = relayed ? RELAY_HEADER_BYTES : 0;
	uint8_t *out;

	if (!endpoint_is_set(to)) {
		tunnel_drop(t, DROP_NO_SESSION);
		return NULL;
	}
	udp_mark_next(t->udp, mark);
	out = udp_reserve(t->udp, to, slot, envelope + len);
	if (out && envelope)
		relay_encode(p->id, t->self.id, mark->fragment ? RELAY_FLAG_MAY_CUT : 0, out);
	return out ? out + envelope : NULL;
}

uint8_t *path_reserve(struct peer *p, const struct udp_mark *mark, size_t len)
{
	static const struct endpoint nowhere;
	const struct peer *carrier = p->path.relayed ? p->tunnel->hub : p;

	return reserve(p, p->path.relayed, carrier ? &carrier->path.endpoint : &nowhere,
		       &p->path.slot, mark, len);
}

uint8_t *path_reserve_on(struct peer *p, const struct way *way, const struct udp_mark *mark,
			 size_t len)
{
	const struct endpoint to = path_outer(p, way);
	struct udp_slot slot = { 0 };

	return reserve(p, way->relayed, &to, &slot, mark, len);
}

void path_cancel(struct peer *p) { udp_cancel(p->tunnel->udp); }

/* --- settings --------------------------------------------------------------------------------- */

/* Where packets of a peer go that is not in use. */
static struct way way_at_rest(const struct peer *p)
{
	if (!p->set.via_hub)
		return way_to(&p->path.endpoint);
	return path_policy(p) == PATH_POLICY_DIRECT_ONLY ? (struct way){ 0 } : way_relay();
}

void path_init(struct peer *p)
{
	p->path.reason = PATH_REASON_NO_SESSION;
	p->path.rest = PATH_REASON_RELAYED;
}

void path_fini(struct peer *p)
{
	steer_drop(p);
	free(p->path.told);
	p->path.told = NULL;
}

void path_settings_changed(struct peer *p)
{
	struct way way;

	/* The engine tells its movers what it has decided. */
	if (p->tunnel->mover)
		return;
	if (p->path.choice) {
		steer_run(p, CHOICE_SET, 0, 0);
		return;
	}
	way = way_at_rest(p);
	if (!path_is_in_use(p, &way))
		set_way(p, &way);
	movers_tell_path(p);
	path_refresh(p);
	if (p->set.warm && path_has_choice(p))
		steer_use(p);
}

static bool keep_told(struct path *path, const struct engine_endpoints *m)
{
	struct path_told *told = malloc(sizeof(*told) + m->n * sizeof(told->e[0]));

	if (!told)
		return false;
	told->n = m->n;
	told->nat = m->nat;
	memcpy(told->e, m->endpoints, m->n * sizeof(told->e[0]));
	free(path->told);
	path->told = told;
	return true;
}

void path_candidates(struct peer *p, const struct engine_endpoints *m)
{
	struct path *path = &p->path;

	if (!keep_told(path, m))
		return;
	/* Until its own probe replies say something else. */
	path->peer_tcp |= m->tcp;
	if (path->choice) {
		if (candidates_tell(path->choice, m->endpoints, m->n))
			steer_run(p, CHOICE_TOLD, 0, 0);
		else if (m->punch)
			steer_run(p, CHOICE_CALLED, 0, 0);
		else if (m->tcp)
			path_refresh(p);
		return;
	}
	/* One that works is better than one that we are told of. */
	if (!p->set.via_hub && m->n && path->kind == PATH_DOWN) {
		path->endpoint = m->endpoints[0];
		movers_tell_path(p);
	}
}

void path_carrier(struct tunnel *t, const struct endpoint *carrier)
{
	struct peer *hub = t->hub;

	t->carrier = carrier ? *carrier : (struct endpoint){ 0 };
	if (!hub)
		return;
	if (hub->path.choice)
		steer_run(hub, CHOICE_SET, 0, 0);
	else if (carrier && path_wants_carrier(t))
		steer_hub_silent(hub);
}

void path_forget(struct peer *p, const struct endpoint *outer)
{
	const struct way none = { 0 };

	if (p->path.relayed || !endpoint_equal(&p->path.endpoint, outer))
		return;
	set_way(p, &none);
	path_unreachable(p);
}

bool path_wants_carrier(const struct tunnel *t)
{
	const struct peer *hub = t->hub;

	return t->self.tcp_only ||
	       (hub && (hub->path.unreachable || path_is_tcp(&hub->path.endpoint)));
}

/* --- packets ---------------------------------------------------------------------------------- */

/* WireGuard's roaming (whitepaper section 2.1). */
static void roam(struct peer *p, const struct endpoint *from)
{
	p->path.endpoint = *from;
	movers_tell_path(p);
	if (p->path.kind == PATH_DOWN)
		return;
	path_move(p, kind_of(p), path_why(p));
	report_path(p);
}

/* Packets of the peer come another way than ours go. */
static void elsewhere(struct peer *p, const struct way *way)
{
	const uint64_t now = p->tunnel->now_ms;
	const bool recent = p->path.elsewhere_ms && now - p->path.elsewhere_ms < ELSEWHERE_MS;
	struct choice *c = p->path.choice;
	int which;

	if (!c || is_carrier(p->tunnel, &way->endpoint))
		return;
	if (recent && (way->relayed || candidates_find(c, &way->endpoint) >= 0))
		return;
	p->path.elsewhere_ms = now;
	if (way->relayed) {
		if (steer_is_direct(p))
			steer_run(p, CHOICE_LEFT, 0, 0);
		return;
	}
	which = candidates_see(c, &way->endpoint);
	if (which >= 0)
		steer_run(p, CHOICE_SEEN, which, 0);
}

void path_received(struct peer *p, const struct way *way, enum path_traffic traffic)
{
	if (traffic == PATH_TRAFFIC_PROBE || path_is_in_use(p, way))
		return;
	if (path_has_choice(p))
		elsewhere(p, way);
	else if (!way->relayed)
		roam(p, &way->endpoint);
}

void path_probed(struct peer *p, const struct way *way)
{
	struct choice *c = p->path.choice;
	int which;

	if (!c || is_carrier(p->tunnel, &way->endpoint))
		return;
	if (way->relayed) {
		steer_run(p, CHOICE_CALLED, 0, 0);
		return;
	}
	which = path_is_in_use(p, way) ? CHOICE_NONE : candidates_see(c, &way->endpoint);
	if (which >= 0)
		steer_run(p, CHOICE_KNOCKED, which, 0);
}

/* What the machine calls the way; CHOICE_NONE when it does not know it. */
static int number_of(const struct peer *p, const struct way *way)
{
	if (way->relayed || is_carrier(p->tunnel, &way->endpoint))
		return CHOICE_FALLBACK;
	return candidates_find(p->path.choice, &way->endpoint);
}

void path_probe_answered(struct peer *p, const struct probe_answer *a)
{
	struct path *path = &p->path;
	int which;

	if (ways_is_looped(p->tunnel, a)) {
		if (path->choice)
			candidates_forget(path->choice, number_of(p, &a->way));
		return;
	}
	if (a->way.relayed && (a->path == PATH_HUB_TCP || a->path == PATH_HUB_UDP))
		path->peer_tcp = a->path == PATH_HUB_TCP;
	if (path_is_in_use(p, &a->way))
		loss_note(&path->loss, a->lost, true);
	if (path_is_in_use(p, &a->way))
		path->rtt_us = path->rtt_us ? (uint32_t)((path->rtt_us * 7ull + a->rtt_us) / 8)
					    : a->rtt_us;
	if (!path->choice)
		return;
	which = number_of(p, &a->way);
	if (which != CHOICE_NONE)
		steer_run(p, CHOICE_ANSWERED, which, a->rtt_us);
}

void path_probe_lost(struct peer *p, const struct way *way, uint16_t size)
{
	(void)size;
	if (path_is_in_use(p, way))
		loss_note(&p->path.loss, 1, false);
}

/* --- sessions --------------------------------------------------------------------------------- */

/* A direct handshake shows that packets go there and come back, unless it went through the tunnel
 * itself: then only a probe's answer tells. */
static void meet(struct peer *p, const struct way *way)
{
	struct tunnel *t = p->tunnel;
	const bool direct = !way->relayed && !is_carrier(t, &way->endpoint);
	int which;

	if (!p->path.choice && !direct && !path_is_hub(p))
		return;
	if (!steer_begin(p))
		return;
	if (direct && !path_is_hub(p) && ways_may_loop(t, &way->endpoint.addr)) {
		steer_run(p, CHOICE_USED, 0, 0);
		return;
	}
	which = direct ? candidates_see(p->path.choice, &way->endpoint) : CHOICE_FALLBACK;
	if (which != CHOICE_NONE)
		steer_run(p, CHOICE_MET, which, 0);
}

void path_up(struct peer *p, const struct way *way)
{
	p->path.unreachable = false;
	if (!path_has_choice(p)) {
		if (!way->relayed)
			p->path.endpoint = way->endpoint;
		path_move(p, kind_of(p), path_why(p));
		movers_tell_path(p);
		return;
	}
	meet(p, way);
	path_refresh(p);
	movers_tell_path(p);
	if (!path_is_hub(p))
		return;
	steer_hub_changed(p->tunnel);
	if (p->tunnel->relay_awaited)
		steer_relay_opened(p->tunnel);
}

void path_alive(struct peer *p)
{
	const struct way way = path_way(p);

	if (!way_is_set(&way))
		return;
	p->path.unreachable = false;
	path_refresh(p);
	movers_tell_path(p);
	if (path_is_hub(p))
		steer_hub_changed(p->tunnel);
}

void path_handshaking(struct peer *p)
{
	/* A re-key under a living session does not make the path worse. */
	if (p->path.kind == PATH_DOWN && p->path.reason != PATH_REASON_NO_ANSWER &&
	    !p->path.unreachable)
		path_move(p, PATH_DOWN, PATH_REASON_HANDSHAKE);
}

static enum path_reason why_unreachable(const struct peer *p)
{
	struct way ways[WAYS_HANDSHAKE_MAX];

	if (p->path.relayed && !path_relay_is_up(p->tunnel))
		return PATH_REASON_HUB_DOWN;
	if (!ways_for_handshake(p, true, ways))
		return p->set.via_hub ? PATH_REASON_DIRECT_ONLY : PATH_REASON_NO_ENDPOINT;
	return PATH_REASON_NO_ANSWER;
}

void path_unreachable(struct peer *p)
{
	const bool was = p->path.unreachable;

	if (!was)
		p->path.retry_ms = p->tunnel->now_ms + RETRY_INTERVAL_MS;
	p->path.unreachable = true;
	path_move(p, PATH_DOWN, why_unreachable(p));
	movers_tell_path(p);
	if (!was && path_is_hub(p) && path_has_choice(p))
		steer_hub_changed(p->tunnel);
}

void path_down(struct peer *p)
{
	const bool hub_went = path_is_hub(p) && path_has_choice(p) && !p->path.unreachable;
	struct way way;

	steer_drop(p);
	way = way_at_rest(p);
	set_way(p, &way);
	p->path.unreachable = false;
	path_move(p, PATH_DOWN, PATH_REASON_NO_SESSION);
	movers_tell_path(p);
	if (p->set.warm)
		steer_use(p);
	if (hub_went)
		steer_hub_changed(p->tunnel);
}

void path_reset(struct peer *p)
{
	p->path.last_direct = (struct endpoint){ 0 };
	p->path.located_ms = 0;
	path_down(p);
}

/* --- questions -------------------------------------------------------------------------------- */

bool path_may_receive(const struct peer *p, bool relayed)
{
	if (!p->set.via_hub || p->set.policy == PATH_POLICY_AUTO)
		return true;
	return relayed == (p->set.policy == PATH_POLICY_HUB_ONLY);
}

bool path_is_from(const struct peer *p, const struct endpoint *from)
{
	const struct choice *c = p->path.choice;
	int which;

	if (endpoint_equal(&p->path.endpoint, from))
		return true;
	if (!c)
		return false;
	/* While one way is changed for another, the hub's packets still come over the first. */
	if (is_carrier(p->tunnel, from))
		return endpoint_equal(&p->tunnel->carrier, from);
	which = candidates_find(c, from);
	return which >= 0 && c->candidates[which].answered_ms;
}

void path_retry(struct peer *p)
{
	struct way way = path_way(p);

	if (p->tunnel->now_ms < p->path.retry_ms)
		return;
	p->path.retry_ms = p->tunnel->now_ms + RETRY_INTERVAL_MS;
	timers_used(p);
	/* With a session and no way only the way is missing. */
	if (!peer_has_session(p) || way_is_set(&way))
		session_initiate(p, false);
}

void path_locate(struct peer *p)
{
	struct tunnel *t = p->tunnel;

	if (!path_has_choice(p) || path_is_hub(p) || path_policy(p) == PATH_POLICY_HUB_ONLY ||
	    (p->path.located_ms && t->now_ms - p->path.located_ms < LOCATE_INTERVAL_MS))
		return;
	p->path.located_ms = t->now_ms;
	report_locate(p);
}
