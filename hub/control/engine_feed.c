/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hub/control/engine_feed.h"

#include <inttypes.h>
#include <string.h>

#include "hub/control/core.h"
#include "hub/control/endpoints.h"
#include "hub/control/orders.h"
#include "hub/control/reach.h"
#include "shared/ipc/nudge_msg.h"
#include "shared/keys/keys.h"

/* --- sending --- */

/* A channel that does not take it is closing: the engine is then told all anew when it is back. */
static void send_bytes(struct control *c, enum engine_msg type, struct cursor *cur)
{
	struct channel *engine = c->w->siblings[WORKER_ENGINE];

	BUG_ON(cur->err);
	if (!engine || !c->engine.there)
		return;
	if (channel_send(engine, (uint16_t)type, cur->out, cursor_pos(cur), -1) != ERR_OK)
		c->engine.there = false;
}

static void send_revision(struct control *c, enum engine_msg type)
{
	struct engine_revision m = { .revision = c->dir.revision };
	uint8_t mem[16];
	struct cursor cur;

	cursor_init_write(&cur, mem, sizeof(mem));
	engine_revision_encode(&m, &cur);
	send_bytes(c, type, &cur);
}

bool engine_feed_is_peer(const struct control *c, const struct node *n)
{
	return n->status == NODE_ACTIVE && n->has_tunnel && n->id != c->settings.hub_id;
}

/* The hub's own record goes to its engine, too: what is behind the hub is ours to receive. */
static bool is_own(const struct control *c, const struct node *n)
{
	return n->id == c->settings.hub_id && n->has_tunnel;
}

static void send_peer(struct control *c, const struct engine_peer *m)
{
	uint8_t mem[CHANNEL_MSG_MAX_BYTES];
	struct cursor cur;

	cursor_init_write(&cur, mem, sizeof(mem));
	engine_peer_encode(m, &cur);
	send_bytes(c, ENGINE_PEER, &cur);
}

/* One more route of the peer; a full message goes out and the next one appends. */
static void add_route(struct control *c, struct engine_peer *m, const struct node_subnet *s)
{
	if (m->n_subnets == ENGINE_PEER_SUBNETS_MAX) {
		send_peer(c, m);
		m->append = true;
		m->n_subnets = 0;
	}
	m->subnets[m->n_subnets++] = *s;
}

/* Also our own record, whose prefixes are those that the engine hands to the kernel. */
static void tell_peer(struct control *c, const struct node *n)
{
	const struct hub_branch *branch = c->config ? expected_of(c, n) : NULL;
	struct engine_peer m;

	memset(&m, 0, sizeof(m));
	m.id = n->id;
	m.pmtu_max = branch ? branch->pmtu_max : 0;
	m.pmtu_fixed = branch && branch->pmtu_fixed;
	memcpy(m.name, n->name, sizeof(m.name));
	m.kind = n->kind;
	m.tunnel_key = n->tunnel_key;
	m.aes = n->aes;
	m.forward = n->kind == NODE_WIREGUARD;
	m.keepalive_s = n->keepalive_s;
	m.groups = n->groups;
	m.reach = n->reach;
	m.compression = n->compression;
	m.warm = expected_is(c, n);
	m.policy = n->path_policy;
	m.hub_only = n->hub_only;
	m.direct_only = n->direct_only;
	for (unsigned i = 0; i < ARRAY_LEN(n->addresses); i++) {
		struct node_subnet own = { .weight = SUBNET_WEIGHT_DEFAULT };
		if (!n->addresses[i].family)
			continue;
		own.prefix = prefix_of_host(&n->addresses[i]);
		add_route(c, &m, &own);
	}
	for (uint32_t i = 0; i < n->n_subnets; i++)
		add_route(c, &m, &n->subnets[i]);
	send_peer(c, &m);
}

static void tell_gone(struct control *c, const struct node *n)
{
	struct engine_peer_gone m = { .id = n->id,
				      .why = n->status == NODE_REVOKED ? PEER_GONE_REVOKED
								       : PEER_GONE_REMOVED };
	uint8_t mem[16];
	struct cursor cur;

	cursor_init_write(&cur, mem, sizeof(mem));
	engine_peer_gone_encode(&m, &cur);
	send_bytes(c, ENGINE_PEER_GONE, &cur);
}

void engine_feed_self(struct control *c)
{
	const struct node *hub = core_hub(c);
	struct engine_self m = { .id = c->settings.hub_id,
				 .is_hub = true,
				 .hub_id = c->settings.hub_id,
				 .mtu = c->settings.mtu,
				 .pmtu_discovery = true,
				 .clamp_mss = true };
	uint8_t mem[ENGINE_FEED_SELF_BYTES];
	struct engine_feed *f = &c->engine;
	struct cursor cur;

	if (!hub)
		return;
	if (c->config) {
		m.pmtu_discovery = c->config->pmtu_discovery;
		m.pmtu_max = c->config->pmtu_max;
		m.clamp_mss = c->config->clamp_mss;
		m.priority_inheritance = c->config->priority_inheritance;
	}
	m.aes = hub->aes;
	m.tunnel_key = hub->tunnel_key;
	memcpy(m.addresses, hub->addresses, sizeof(m.addresses));
	cursor_init_write(&cur, mem, sizeof(mem));
	engine_self_encode(&m, &cur);
	if (cursor_pos(&cur) == f->self_len && memcmp(mem, f->self, f->self_len) == 0)
		return;
	memcpy(f->self, mem, cursor_pos(&cur));
	f->self_len = cursor_pos(&cur);
	send_bytes(c, ENGINE_SELF, &cur);
}

void engine_feed_key(struct control *c, enum engine_msg step)
{
	struct cursor none;

	BUG_ON(step != ENGINE_KEY_MAKE && step != ENGINE_KEY_RETIRE);
	cursor_init_write(&none, NULL, 0);
	send_bytes(c, step, &none);
}

void engine_feed_endpoints(struct control *c, const struct node *n, bool punch)
{
	struct engine_endpoints m = { .id = n->id, .punch = punch };
	struct presence_node *p;
	uint8_t mem[1024];
	struct cursor cur;

	if (!c->engine.there)
		return;
	p = presence_get(c, n->id);
	m.nat = p ? (enum nat_mapping)p->row.nat : NAT_UNKNOWN;
	m.n = endpoints_of(c, n, m.endpoints, ENGINE_ENDPOINTS_MAX);
	if (m.n == 0)
		return;
	cursor_init_write(&cur, mem, sizeof(mem));
	engine_endpoints_encode(&m, &cur);
	send_bytes(c, ENGINE_ENDPOINTS, &cur);
}

/* A question is out. For too long: what the engine said before is not shown as if it were of now,
 * the counters of the link go on. */
static void check_answer(struct control *c)
{
	struct engine_feed *f = &c->engine;

	if (loop_now_ms(c->loop) - f->asked_ms < ENGINE_FEED_ANSWER_MS)
		return;
	if (!f->silent)
		log_warn("control: the hub's engine has not answered for %u s: it hangs or is very "
			 "busy; its numbers are not shown until it does",
			 ENGINE_FEED_ANSWER_MS / 1000);
	f->silent = true;
	totals_engine_lost(c);
}

void engine_feed_ask_status(struct control *c)
{
	struct engine_tag m;
	uint8_t mem[16];
	struct cursor cur;

	if (!c->engine.there)
		return;
	if (c->engine.asked) {
		check_answer(c);
		return;
	}
	c->engine.asked = true;
	c->engine.asked_ms = loop_now_ms(c->loop);
	m.tag = ++c->engine.status_tag;
	cursor_init_write(&cur, mem, sizeof(mem));
	engine_tag_encode(&m, &cur);
	send_bytes(c, ENGINE_STATUS_GET, &cur);
}

/* --- what happens --- */

/* Calls the next ones; see ENGINE_FEED_CALLS. */
static void call_some(struct control *c, uint32_t n)
{
	struct engine_feed *f = &c->engine;
	uint32_t i = directory_place(&c->dir, f->call_next);

	f->answered = f->called = 0;
	for (; i < c->dir.count && n; i++) {
		if (!engine_feed_is_peer(c, &c->dir.nodes[i]))
			continue;
		engine_feed_endpoints(c, &c->dir.nodes[i], true);
		n--;
	}
	f->call_next = i < c->dir.count ? c->dir.nodes[i].id : 0;
	if (f->call_next)
		timer_arm(loop_timers(c->loop), &f->calls,
			  loop_now_ms(c->loop) + ENGINE_FEED_CALLS_MS);
}

static void calls_fired(struct timer *t, uint64_t now_ms)
{
	struct control *c = container_of(t, struct control, engine.calls);

	const uint32_t n = ENGINE_FEED_CALLS_MORE + c->engine.answered;

	(void)now_ms;
	if (c->engine.there && c->engine.call_next)
		call_some(c, n > c->engine.called ? n - c->engine.called : 0);
}

uint32_t engine_feed_call_all(struct control *c)
{
	uint32_t silent = 0;

	for (uint32_t i = 0; i < c->dir.count; i++) {
		const struct node *n = &c->dir.nodes[i];
		const struct presence_node *p;

		if (!engine_feed_is_peer(c, n))
			continue;
		p = presence_get(c, n->id);
		if (p && p->row.path != PATH_DOWN)
			continue;
		names_again(c, n->id);
		silent++;
	}
	c->engine.call_next = 1;
	call_some(c, ENGINE_FEED_CALLS);
	return silent;
}

void engine_feed_link_up(struct control *c, const struct node *n, bool moved)
{
	struct presence_node *p = presence_get(c, n->id);
	const bool waits = c->engine.call_next && n->id >= c->engine.call_next;
	const bool anew = p && p->ended;

	if (!engine_feed_is_peer(c, n) || !(moved || waits || anew))
		return;
	engine_feed_endpoints(c, n, waits || anew);
	/* At the cost of those who may not even be there. */
	c->engine.called += waits;
	if (anew)
		p->ended = false;
}

/*
 * The engine may be new and have no sessions, or it may be as old as we are new: the sync is the
 * same. With `punch` a new engine makes sessions with those it can find at once; stale ones at the
 * other ends would else go on for minutes.
 */
void engine_feed_up(struct control *c)
{
	struct cursor none;

	c->engine.there = true;
	c->engine.asked = c->engine.silent = false;
	c->engine.since_ms = loop_now_ms(c->loop);
	c->engine.applied = 0;
	c->engine.self_len = 0;
	cursor_init_write(&none, NULL, 0);
	engine_feed_self(c);
	send_bytes(c, ENGINE_SYNC_BEGIN, &none);
	for (uint32_t i = 0; i < c->dir.count; i++)
		if (engine_feed_is_peer(c, &c->dir.nodes[i]) || is_own(c, &c->dir.nodes[i]))
			tell_peer(c, &c->dir.nodes[i]);
	send_revision(c, ENGINE_SYNC_END);
	c->engine.calls.fire = calls_fired;
	c->engine.call_next = 1;
	call_some(c, ENGINE_FEED_CALLS);
	engine_feed_ask_status(c);
}

void engine_feed_down(struct control *c)
{
	c->engine.there = false;
	timer_disarm(loop_timers(c->loop), &c->engine.calls);
	reach_engine_lost(c);
	totals_engine_lost(c);
	orders_engine_lost(c);
	tunnel_key_engine_lost(c);
}

void engine_feed_fini(struct control *c) { timer_disarm(loop_timers(c->loop), &c->engine.calls); }

/* True when the configured Address lines differ. */
static bool has_other_endpoints(const struct node *a, const struct node *b)
{
	if (a->n_endpoints != b->n_endpoints)
		return true;
	for (uint32_t i = 0; i < a->n_endpoints; i++)
		if (strcmp(a->endpoints[i], b->endpoints[i]) != 0)
			return true;
	return false;
}

/* Another machine, or the same with keys that those of before have not signed: its sessions end. */
static bool is_joined_anew(const struct node *old, const struct node *now)
{
	return old->has_identity && !keys_identity_follows(&old->identity_key, now);
}

void engine_feed_node(struct control *c, const struct node *old, const struct node *now)
{
	if (engine_feed_is_peer(c, now)) {
		if (old && engine_feed_is_peer(c, old) && is_joined_anew(old, now))
			tell_gone(c, now);
		tell_peer(c, now);
		if (!old || !engine_feed_is_peer(c, old) || has_other_endpoints(old, now))
			engine_feed_endpoints(c, now, false);
	} else if (is_own(c, now)) {
		engine_feed_self(c);
		tell_peer(c, now);
	} else if (old && engine_feed_is_peer(c, old)) {
		tell_gone(c, now);
	}
}

void engine_feed_commit(struct control *c) { send_revision(c, ENGINE_COMMIT); }

/* --- what the engine says --- */

static enum err on_applied(struct control *c, struct cursor *body)
{
	struct engine_revision m;
	enum err e = engine_revision_decode(body, &m);

	if (e)
		return e;
	c->engine.applied = m.revision;
	presence_acked(c, c->settings.hub_id, m.revision);
	log_debug(3, "control: the hub's engine has applied revision %" PRIu64, m.revision);
	return ERR_OK;
}

/* The engine has packets for a node and no path to it. */
static enum err on_locate(struct control *c, struct cursor *body)
{
	struct engine_node_id m;
	enum err e = engine_node_id_decode(body, &m);

	if (e)
		return e;
	const struct node *n = directory_find(&c->dir, m.id);
	if (n && engine_feed_is_peer(c, n)) {
		engine_feed_endpoints(c, n, true);
		names_again(c, n->id);
	}
	return ERR_OK;
}

static enum err on_path(struct control *c, struct cursor *body)
{
	struct engine_path m;
	enum err e = engine_path_decode(body, &m);

	if (e)
		return e;
	c->engine.answered += m.path != PATH_DOWN;
	reach_path(c, &m);
	orders_path(c, m.id);
	return ERR_OK;
}

static enum err on_status(struct control *c, struct cursor *body)
{
	struct engine_status m;
	enum err e = engine_status_decode(body, &m);

	if (e)
		return e;
	if (m.tag == c->engine.status_tag)
		reach_status(c, &m);
	return ERR_OK;
}

/* The end of an answer. */
static void answered(struct control *c, uint32_t tag)
{
	struct engine_feed *f = &c->engine;

	if (tag != f->status_tag)
		return;
	if (f->silent)
		log_notice("control: the hub's engine answers again");
	f->asked = f->silent = false;
}

static enum err on_status_end(struct control *c, struct cursor *body)
{
	struct engine_status_end m;
	enum err e = engine_status_end_decode(body, &m);

	if (e)
		return e;
	answered(c, m.tag);
	totals_engine(c, &m);
	history_swept(c);
	return ERR_OK;
}

bool engine_feed_forget(struct control *c, uint32_t tag, uint32_t id)
{
	const struct engine_forget m = { .tag = tag, .id = id };
	uint8_t mem[16];
	struct cursor cur;

	if (!c->w->siblings[WORKER_ENGINE] || !c->engine.there)
		return false;
	cursor_init_write(&cur, mem, sizeof(mem));
	engine_forget_encode(&m, &cur);
	send_bytes(c, ENGINE_FORGET, &cur);
	return c->engine.there;
}

static enum err on_forgotten(struct control *c, struct cursor *body)
{
	struct engine_forgotten m;
	enum err e = engine_forgotten_decode(body, &m);

	if (!e)
		orders_forgotten(c, &m);
	return e;
}

/* To api, which asked. When it is away nobody waits for it any more. */
static void pass_pong(struct control *c, const struct engine_pong *m)
{
	struct channel *api = c->w->siblings[WORKER_API];
	uint8_t mem[64];
	struct cursor cur;

	cursor_init_write(&cur, mem, sizeof(mem));
	engine_pong_encode(m, &cur);
	BUG_ON(cur.err);
	if (api && channel_send(api, NUDGE_PONG, mem, cursor_pos(&cur), -1) != ERR_OK)
		log_debug(3, "control: api was not told of an echo");
}

void engine_feed_ping(struct control *c, const struct engine_ping *m)
{
	uint8_t mem[16];
	struct cursor cur;

	cursor_init_write(&cur, mem, sizeof(mem));
	engine_ping_encode(m, &cur);
	send_bytes(c, ENGINE_PING, &cur);
	if (!c->w->siblings[WORKER_ENGINE] || !c->engine.there)
		pass_pong(c, &(struct engine_pong){
				     .tag = m->tag, .id = m->id, .result = ERR_CLOSED });
}

static enum err on_pong(struct control *c, struct cursor *body)
{
	struct engine_pong m;
	enum err e = engine_pong_decode(body, &m);

	if (!e)
		pass_pong(c, &m);
	return e;
}

static enum err on_keys(struct control *c, struct cursor *body)
{
	struct engine_keys m;
	enum err e = engine_keys_decode(body, &m);

	if (!e)
		tunnel_key_engine(c, &m);
	return e;
}

void engine_feed_message(struct control *c, uint16_t type, struct cursor *body)
{
	enum err e;

	switch (type) {
	case ENGINE_APPLIED:
		e = on_applied(c, body);
		break;
	case ENGINE_LOCATE:
		e = on_locate(c, body);
		break;
	case ENGINE_PATH:
		e = on_path(c, body);
		break;
	case ENGINE_STATUS:
		e = on_status(c, body);
		break;
	case ENGINE_STATUS_END:
		e = on_status_end(c, body);
		break;
	case ENGINE_PONG:
		e = on_pong(c, body);
		break;
	case ENGINE_FORGOTTEN:
		e = on_forgotten(c, body);
		break;
	case ENGINE_KEYS:
		e = on_keys(c, body);
		break;
	case ENGINE_READY:
		e = ERR_OK;
		break;
	default:
		e = ERR_INVALID;
	}
	if (e && c->w->siblings[WORKER_ENGINE])
		channel_bad(c->w->siblings[WORKER_ENGINE], type, e);
}
