/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/tunnel/path.h"

#include <stdlib.h>
#include <string.h>

#include "shared/base/clock.h"
#include "shared/base/log.h"
#include "shared/tunnel/choice.h"
#include "shared/tunnel/movers.h"
#include "shared/tunnel/probe.h"
#include "shared/tunnel/report.h"
#include "shared/tunnel/timers.h"
#include "shared/wire/relay.h"

#define LOCATE_INTERVAL_MS 10000u /* control is asked for one peer at most so often */
/* A passed-over owner of a prefix gets a handshake at most so often. */
#define RETRY_INTERVAL_MS 5000u
/* Packets that come another way than ours go are looked into at most so often. */
#define ELSEWHERE_MS 1000u
#define WARM_MS      20000u /* a warm peer without a session is called so often */
/* A direct path that was used within so long is not given up for another peer's. */
#define EVICT_UNUSED_MS 10000u
#define LOSS_PROBES     32u

/* What control has told. */
struct path_told {
	uint8_t n;
	enum nat_mapping nat;
	struct endpoint e[];
};

static void run(struct peer *p, enum choice_event e, int which, uint32_t rtt_us);
static void hub_changed(struct tunnel *t);

static bool is_hub(const struct peer *p) { return p == p->tunnel->hub; }

/* Can packets be relayed: does the hub answer? */
static bool relay_works(const struct tunnel *t)
{
	const struct peer *hub = t->hub;

	return hub && peer_has_session(hub) && !hub->path.unreachable &&
	       endpoint_is_set(&hub->path.endpoint);
}

/* The policy as it is for this pair now. */
static enum path_policy policy_of(const struct peer *p)
{
	const struct tunnel *t = p->tunnel;

	if (is_hub(p))
		return t->self.tcp_only ? PATH_POLICY_HUB_ONLY : PATH_POLICY_AUTO;
	if (!p->set.via_hub)
		return PATH_POLICY_DIRECT_ONLY;
	return p->set.policy == PATH_POLICY_AUTO && t->self.tcp_only ? PATH_POLICY_HUB_ONLY
								     : p->set.policy;
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

static enum path_reason reason_of(const struct peer *p)
{
	const struct tunnel *t = p->tunnel;
	const struct choice_facts facts = {
		.own_nat = t->self.nat,
		.peer_nat = p->path.told ? p->path.told->nat : NAT_UNKNOWN,
		.tcp_only = t->self.tcp_only,
		.hub_tcp = t->hub && path_is_tcp(&t->hub->path.endpoint),
		.peer_tcp = p->path.peer_tcp,
	};

	if (p->path.choice)
		return choice_reason(p->path.choice, &facts);
	if (!p->path.relayed)
		return path_is_tcp(&p->path.endpoint) ? PATH_REASON_PEER_TCP
						      : PATH_REASON_VALIDATED;
	return policy_of(p) == PATH_POLICY_HUB_ONLY && !t->self.tcp_only ? PATH_REASON_POLICY
									 : p->path.rest;
}

/* Kind and reason follow from the way in use; of a peer that answers. */
static void refresh(struct peer *p)
{
	const struct way way = path_way(p);

	if (!p->session.current || (p->path.unreachable && way_is_set(&way)))
		return;
	if (!way_is_set(&way)) {
		p->path.unreachable = true;
		path_move(p, PATH_DOWN, PATH_REASON_DIRECT_ONLY);
		return;
	}
	path_move(p, kind_of(p), reason_of(p));
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

	p->path.lost_bits = p->path.probes = 0;
	p->path.rtt_us = c && c->way >= 0 ? c->candidates[c->way].rtt_us
			 : c              ? c->fallback.rtt_us
					  : 0;
	p->due.heard_ms = p->tunnel->now_ms;
	p->due.check_ms = TIMER_NEVER;
	movers_tell_path(p);
	if (p->session.current && (path_way(p).relayed || endpoint_is_set(&p->path.endpoint)) &&
	    c && c->state != CHOICE_STRANDED)
		p->path.unreachable = false;
	/* The hub sends where real packets come from: one to show it. */
	if (is_hub(p) && p->session.current)
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
	return is_hub(p) ? way_to(&p->tunnel->carrier) : way_relay();
}

static bool is_direct(const struct peer *p)
{
	return p->path.choice && p->path.choice->way >= 0 && !is_hub(p);
}

static void sync_way(struct peer *p)
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
			struct udp_slot *slot, size_t len)
{
	struct tunnel *t = p->tunnel;
	const size_t envelope = relayed ? RELAY_HEADER_BYTES : 0;
	uint8_t *out;

	if (!endpoint_is_set(to)) {
		tunnel_drop(t, DROP_NO_SESSION);
		return NULL;
	}
	out = udp_reserve(t->udp, to, slot, envelope + len);
	if (out && envelope)
		relay_encode(p->id, t->self.id, out);
	return out ? out + envelope : NULL;
}

uint8_t *path_reserve(struct peer *p, size_t len)
{
	static const struct endpoint nowhere;
	const struct peer *carrier = p->path.relayed ? p->tunnel->hub : p;

	return reserve(p, p->path.relayed, carrier ? &carrier->path.endpoint : &nowhere,
		       &p->path.slot, len);
}

uint8_t *path_reserve_on(struct peer *p, const struct way *way, size_t len)
{
	const struct endpoint to = path_outer(p, way);
	struct udp_slot slot = { 0 };

	return reserve(p, way->relayed, &to, &slot, len);
}

void path_cancel(struct peer *p) { udp_cancel(p->tunnel->udp); }

/* --- the machine ------------------------------------------------------------------------------ */

static struct choice_settings settings_of(const struct peer *p)
{
	const struct tunnel *t = p->tunnel;

	return (struct choice_settings){
		.policy = policy_of(p),
		.to_hub = is_hub(p),
		.fallback_up = is_hub(p) ? endpoint_is_set(&t->carrier) : relay_works(t),
		.warm = p->set.warm,
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
		.may_direct = is_direct(p) || t->n_direct < t->self.direct_max,
	};
}

static void arm(struct peer *p)
{
	const struct choice_input in = input_of(p);

	p->due.path_ms = choice_next_ms(p->path.choice, &in);
	timers_arm(p);
}

static bool begin_use(struct peer *p)
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
		choice_tell(path->choice, path->told->e, path->told->n);
	if (endpoint_is_set(&path->last_direct)) {
		int which = choice_see(path->choice, &path->last_direct);

		if (which >= 0)
			path->choice->candidates[which].seen_ms = p->tunnel->now_ms;
	}
	return true;
}

/* The machine is at rest: only the reason is kept. */
static void end_use(struct peer *p)
{
	p->path.rest = reason_of(p);
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

		if (is_direct(p) && !p->set.warm &&
		    t->now_ms - p->due.last_data_ms >= EVICT_UNUSED_MS &&
		    (!oldest || p->due.last_data_ms < oldest->due.last_data_ms))
			oldest = p;
	}
	if (!oldest)
		return false;
	run(oldest, CHOICE_EVICTED, 0, 0);
	return t->n_direct < t->self.direct_max;
}

static void probe_way(struct peer *p, const struct way *way)
{
	/* What cannot be sent counts as not answered. */
	if (way_is_set(way) && probe_send_on(p, way, PROBE_PATH, EXTENSION_PROBE_BYTES))
		return;
	/* A hub that forgot our address, or never saw it, needs more than a probe. */
	if (is_hub(p) && path_is_in_use(p, way))
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
		way = is_hub(p) ? way_to(&p->tunnel->carrier) : way_relay();
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

static void carry_out(struct peer *p, const struct choice_orders *o)
{
	sync_way(p);
	send_probes(p, o);
	refresh(p);
	if (o->locate)
		path_locate(p);
	if (o->dead)
		give_up(p);
	/* The hub may have changed its way under those that it relays for. */
	if (o->moved && is_hub(p))
		hub_changed(p->tunnel);
}

/* The machine, with an event and all that follows. */
static void run(struct peer *p, enum choice_event e, int which, uint32_t rtt_us)
{
	struct tunnel *t = p->tunnel;
	struct choice *c = p->path.choice;
	struct choice_input in = input_of(p);
	struct choice_orders orders;
	const bool was_direct = is_direct(p);

	in.which = which;
	in.rtt_us = rtt_us;
	c->set = settings_of(p);
	choice_run(c, e, &in, &orders);
	if (orders.limited && make_room(t)) {
		in.may_direct = true;
		choice_run(c, e, &in, &orders);
	}
	if (is_direct(p) != was_direct)
		t->n_direct = was_direct ? t->n_direct - 1 : t->n_direct + 1;
	carry_out(p, &orders);
	if (c->state == CHOICE_REST)
		end_use(p);
	else
		arm(p);
}

void path_use(struct peer *p)
{
	if (p->path.choice || !path_has_choice(p) || p->tunnel->mover ||
	    p->due.path_ms <= p->tunnel->now_ms)
		return;
	p->due.path_ms = p->tunnel->now_ms;
	timers_arm(p);
}

/* A hub that does not answer the first initiation: who waits for it must know, and a carrier that
 * is there is used. */
static void hub_silent(struct peer *hub)
{
	path_unreachable(hub);
	if (!endpoint_is_set(&hub->tunnel->carrier))
		return;
	hub->due.retransmit_ms = TIMER_NEVER;
	hub->due.last_initiation_ms = 0;
	session_initiate(hub, false);
}

void path_hub_asked(struct peer *hub)
{
	if (hub->path.choice || hub->path.unreachable)
		return;
	hub->due.path_ms = hub->tunnel->now_ms + CHOICE_FALLBACK_MS;
	timers_arm(hub);
}

/* Without a session there is nothing to choose. */
static void tick_without_session(struct peer *p)
{
	p->due.path_ms = TIMER_NEVER;
	if (is_hub(p) && p->due.retransmit_ms != TIMER_NEVER && !p->path.unreachable) {
		hub_silent(p);
	} else if (p->set.warm) {
		p->due.path_ms = p->tunnel->now_ms + WARM_MS;
		path_locate(p);
		session_initiate(p, false);
	}
}

void path_tick(struct peer *p)
{
	const bool begins = !p->path.choice;

	if (!p->session.current)
		tick_without_session(p);
	else if (path_has_choice(p) && begin_use(p))
		run(p, begins ? CHOICE_USED : CHOICE_TICK, 0, 0);
	else if (!path_has_choice(p))
		p->due.path_ms = TIMER_NEVER;
}

void path_doubt(struct peer *p)
{
	struct peer *hub = p->tunnel->hub;

	if (!p->path.choice)
		return;
	/* It may as well be the hub that has lost us. */
	if (p->path.relayed && hub && hub->path.choice)
		run(hub, CHOICE_DOUBTED, 0, 0);
	run(p, CHOICE_DOUBTED, 0, 0);
}

void path_rebind(struct tunnel *t)
{
	for (struct table_node *n = table_next(&t->by_id, NULL); n; n = table_next(&t->by_id, n)) {
		struct peer *p = container_of(n, struct peer, by_id);

		p->path.slot = (struct udp_slot){ 0 };
		if (p->path.choice)
			run(p, CHOICE_REBOUND, 0, 0);
	}
}

/* --- settings --------------------------------------------------------------------------------- */

/* Where packets of a peer go that is not in use. */
static struct way way_at_rest(const struct peer *p)
{
	if (!p->set.via_hub)
		return way_to(&p->path.endpoint);
	return policy_of(p) == PATH_POLICY_DIRECT_ONLY ? (struct way){ 0 } : way_relay();
}

void path_init(struct peer *p)
{
	p->path.reason = PATH_REASON_NO_SESSION;
	p->path.rest = PATH_REASON_RELAYED;
}

static void drop_choice(struct peer *p)
{
	if (is_direct(p))
		p->tunnel->n_direct--;
	free(p->path.choice);
	p->path.choice = NULL;
	p->due.path_ms = TIMER_NEVER;
}

void path_fini(struct peer *p)
{
	drop_choice(p);
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
		run(p, CHOICE_SET, 0, 0);
		return;
	}
	way = way_at_rest(p);
	if (!path_is_in_use(p, &way))
		set_way(p, &way);
	movers_tell_path(p);
	refresh(p);
	if (p->set.warm && path_has_choice(p))
		path_use(p);
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
	if (path->choice) {
		if (choice_tell(path->choice, m->endpoints, m->n))
			run(p, CHOICE_TOLD, 0, 0);
		else if (m->punch)
			run(p, CHOICE_CALLED, 0, 0);
		return;
	}
	/* One that works is better than one that we are told of. */
	if (!p->set.via_hub && m->n && path->kind == PATH_DOWN) {
		path->endpoint = m->endpoints[0];
		movers_tell_path(p);
	}
}

/* The hub came, went, or is reached another way. */
static void hub_changed(struct tunnel *t)
{
	for (struct table_node *n = table_next(&t->by_id, NULL); n; n = table_next(&t->by_id, n)) {
		struct peer *p = container_of(n, struct peer, by_id);

		if (p == t->hub || !path_has_choice(p))
			continue;
		if (p->path.choice)
			run(p, CHOICE_SET, 0, 0);
		else
			refresh(p);
		/* Its initiation went to a hub that is not there: now it goes everywhere. */
		if (!relay_works(t) && p->path.told && p->due.retransmit_ms != TIMER_NEVER) {
			p->due.retransmit_ms = t->now_ms;
			timers_arm(p);
		}
	}
}

void path_carrier(struct tunnel *t, const struct endpoint *carrier)
{
	struct peer *hub = t->hub;

	t->carrier = carrier ? *carrier : (struct endpoint){ 0 };
	if (!hub)
		return;
	if (hub->path.choice)
		run(hub, CHOICE_SET, 0, 0);
	else if (carrier && path_wants_carrier(t))
		hub_silent(hub);
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
	path_move(p, kind_of(p), reason_of(p));
	report_path(p);
}

/* Packets of the peer come another way than ours go. */
static void elsewhere(struct peer *p, const struct way *way)
{
	const uint64_t now = p->tunnel->now_ms;
	const bool recent = p->path.elsewhere_ms && now - p->path.elsewhere_ms < ELSEWHERE_MS;
	struct choice *c = p->path.choice;
	int which;

	if (!c || path_is_tcp(&way->endpoint))
		return;
	if (recent && (way->relayed || choice_find(c, &way->endpoint) >= 0))
		return;
	p->path.elsewhere_ms = now;
	if (way->relayed) {
		if (is_direct(p))
			run(p, CHOICE_CALLED, 0, 0);
		return;
	}
	which = choice_see(c, &way->endpoint);
	if (which >= 0)
		run(p, CHOICE_SEEN, which, 0);
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

	if (!c || path_is_tcp(&way->endpoint))
		return;
	if (way->relayed) {
		run(p, CHOICE_CALLED, 0, 0);
		return;
	}
	which = path_is_in_use(p, way) ? CHOICE_NONE : choice_see(c, &way->endpoint);
	if (which >= 0)
		run(p, CHOICE_KNOCKED, which, 0);
}

/* What the machine calls the way; CHOICE_NONE when it does not know it. */
static int number_of(const struct peer *p, const struct way *way)
{
	if (way->relayed || path_is_tcp(&way->endpoint))
		return CHOICE_FALLBACK;
	return choice_find(p->path.choice, &way->endpoint);
}

static bool covers(struct route_table *routes, const struct addr *a)
{
	return a->family && route_lookup(routes, a->family, a->b);
}

/*
 * The kernel may have sent our packets to the candidate into the tunnel itself, since the candidate
 * lies in a subnet of the peer. Then they came from an address of the tunnel.
 */
static bool is_looped(struct tunnel *t, const struct probe_answer *a)
{
	const struct addr *seen = &a->observed.addr;

	if (a->way.relayed || !seen->family)
		return false;
	return addr_equal(seen, &t->self.addresses[0]) || addr_equal(seen, &t->self.addresses[1]) ||
	       (covers(&t->own, seen) && !covers(&t->own, &a->way.endpoint.addr));
}

static void count_probes(struct path *path, unsigned lost, bool answered)
{
	for (; lost; lost--)
		path->lost_bits = path->lost_bits << 1 | 1;
	if (answered)
		path->lost_bits <<= 1;
}

static void note_probes(struct peer *p, const struct way *way, unsigned lost, bool answered)
{
	const unsigned n = p->path.probes + lost + answered;

	if (!path_is_in_use(p, way))
		return;
	count_probes(&p->path, lost < LOSS_PROBES ? lost : LOSS_PROBES, answered);
	p->path.probes = (uint8_t)(n < LOSS_PROBES ? n : LOSS_PROBES);
}

uint16_t path_loss_permille(const struct peer *p)
{
	const unsigned n = p->path.probes;
	const uint32_t mask = n < LOSS_PROBES ? (1u << n) - 1 : UINT32_MAX;

	return n ? (uint16_t)(1000u * (unsigned)__builtin_popcount(p->path.lost_bits & mask) / n)
		 : 0;
}

void path_probe_answered(struct peer *p, const struct probe_answer *a)
{
	struct path *path = &p->path;
	int which;

	if (is_looped(p->tunnel, a)) {
		if (path->choice)
			choice_forget(path->choice, number_of(p, &a->way));
		return;
	}
	if (a->way.relayed && (a->path == PATH_HUB_TCP || a->path == PATH_HUB_UDP))
		path->peer_tcp = a->path == PATH_HUB_TCP;
	note_probes(p, &a->way, a->lost, true);
	if (path_is_in_use(p, &a->way))
		path->rtt_us = path->rtt_us ? (uint32_t)((path->rtt_us * 7ull + a->rtt_us) / 8)
					    : a->rtt_us;
	if (!path->choice)
		return;
	which = number_of(p, &a->way);
	if (which != CHOICE_NONE)
		run(p, CHOICE_ANSWERED, which, a->rtt_us);
}

void path_probe_lost(struct peer *p, const struct way *way, uint16_t size)
{
	(void)size;
	note_probes(p, way, 1, false);
}

/* --- sessions --------------------------------------------------------------------------------- */

/* A direct handshake shows that packets go there and come back, unless it went through the tunnel
 * itself: then only a probe's answer tells. */
static void meet(struct peer *p, const struct way *way)
{
	struct tunnel *t = p->tunnel;
	const bool direct = !way->relayed && !path_is_tcp(&way->endpoint);
	int which;

	if (!p->path.choice && !direct && !is_hub(p))
		return;
	if (!begin_use(p))
		return;
	if (direct && !is_hub(p) && covers(&t->routes, &way->endpoint.addr) &&
	    !covers(&t->own, &way->endpoint.addr)) {
		run(p, CHOICE_USED, 0, 0);
		return;
	}
	which = direct ? choice_see(p->path.choice, &way->endpoint) : CHOICE_FALLBACK;
	if (which != CHOICE_NONE)
		run(p, CHOICE_MET, which, 0);
}

void path_up(struct peer *p, const struct way *way)
{
	p->path.unreachable = false;
	if (!path_has_choice(p)) {
		if (!way->relayed)
			p->path.endpoint = way->endpoint;
		path_move(p, kind_of(p), reason_of(p));
		movers_tell_path(p);
		return;
	}
	meet(p, way);
	refresh(p);
	movers_tell_path(p);
	if (is_hub(p))
		hub_changed(p->tunnel);
}

void path_alive(struct peer *p)
{
	const struct way way = path_way(p);

	if (!way_is_set(&way))
		return;
	p->path.unreachable = false;
	refresh(p);
	movers_tell_path(p);
	if (is_hub(p))
		hub_changed(p->tunnel);
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
	struct way ways[PATH_HANDSHAKE_WAYS];

	if (p->path.relayed && !relay_works(p->tunnel))
		return PATH_REASON_HUB_DOWN;
	if (!path_handshake_ways(p, true, ways))
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
	if (!was && is_hub(p) && path_has_choice(p))
		hub_changed(p->tunnel);
}

void path_down(struct peer *p)
{
	const bool hub_went = is_hub(p) && path_has_choice(p) && !p->path.unreachable;
	struct way way;

	drop_choice(p);
	way = way_at_rest(p);
	set_way(p, &way);
	p->path.unreachable = false;
	path_move(p, PATH_DOWN, PATH_REASON_NO_SESSION);
	movers_tell_path(p);
	if (p->set.warm)
		path_use(p);
	if (hub_went)
		hub_changed(p->tunnel);
}

static unsigned add_way(struct way out[PATH_HANDSHAKE_WAYS], unsigned n, const struct way *way)
{
	for (unsigned i = 0; i < n; i++)
		if (way_equal(&out[i], way))
			return n;
	if (n == PATH_HANDSHAKE_WAYS || !way_is_set(way))
		return n;
	out[n] = *way;
	return n + 1;
}

/* Every outer address that is known of the peer; what worked goes first. */
static unsigned add_known(const struct peer *p, struct way out[PATH_HANDSHAKE_WAYS], unsigned n)
{
	const struct path *path = &p->path;
	struct way way = way_to(&path->last_direct);

	n = add_way(out, n, &way);
	for (unsigned i = 0; path->choice && i < path->choice->n; i++) {
		const struct choice_candidate *k = &path->choice->candidates[i];

		way = way_to(&k->endpoint);
		if (k->answered_ms)
			n = add_way(out, n, &way);
	}
	for (unsigned i = 0; path->told && i < path->told->n; i++) {
		way = way_to(&path->told->e[i]);
		n = add_way(out, n, &way);
	}
	return n;
}

unsigned path_handshake_ways(const struct peer *p, bool retry, struct way out[PATH_HANDSHAKE_WAYS])
{
	const struct tunnel *t = p->tunnel;
	const enum path_policy policy = policy_of(p);
	const struct way now = path_way(p), relay = way_relay(), carrier = way_to(&t->carrier);
	unsigned n = 0;

	if (is_hub(p) && (t->self.tcp_only || p->path.unreachable))
		n = add_way(out, n, &carrier);
	if (policy == PATH_POLICY_HUB_ONLY)
		return is_hub(p) ? n : add_way(out, n, &relay);
	n = add_way(out, n, &now);
	/* One that works, so far. */
	if (p->path.choice && n && !retry && !p->path.unreachable)
		return n;
	if (!p->set.via_hub)
		return endpoint_is_set(&p->path.endpoint) && !retry && !is_hub(p)
			       ? n
			       : add_known(p, out, n);
	if (policy == PATH_POLICY_AUTO)
		n = add_way(out, n, &relay);
	if (policy == PATH_POLICY_DIRECT_ONLY || retry || !relay_works(t))
		n = add_known(p, out, n);
	return n;
}

/* --- questions -------------------------------------------------------------------------------- */

bool path_relay_works(const struct peer *p)
{
	return policy_of(p) != PATH_POLICY_DIRECT_ONLY && relay_works(p->tunnel);
}

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
	if (path_is_tcp(from))
		return endpoint_equal(&p->tunnel->carrier, from);
	which = choice_find(c, from);
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

	if (!path_has_choice(p) || is_hub(p) || policy_of(p) == PATH_POLICY_HUB_ONLY ||
	    (p->path.located_ms && t->now_ms - p->path.located_ms < LOCATE_INTERVAL_MS))
		return;
	p->path.located_ms = t->now_ms;
	report_locate(p);
}
