/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "spoke/control/engine_feed.h"

#include <string.h>

#include "shared/base/log.h"
#include "shared/keys/keys.h"

void engine_feed_init(struct engine_feed *f, const struct spoke_config *cfg,
		      const struct peers *peers, const struct known_keys *known)
{
	memset(f, 0, sizeof(*f));
	f->cfg = cfg;
	f->peers = peers;
	f->known = known;
}

void engine_feed_fini(struct engine_feed *f)
{
	free(f->refused);
	memset(f, 0, sizeof(*f));
}

void engine_feed_attach(struct engine_feed *f, struct channel *engine)
{
	f->engine = engine;
	f->applied = 0;
}

bool engine_feed_send(struct engine_feed *f, enum engine_msg type, struct cursor *body)
{
	enum err e;

	if (!f->engine)
		return false;
	if (body && body->err) {
		log_error("engine message %d does not fit: %s", (int)type, err_str(body->err));
		return false;
	}
	e = channel_send(f->engine, (uint16_t)type, body ? body->out : NULL,
			 body ? cursor_pos(body) : 0, -1);
	/* A channel that takes nothing more closes by itself; the next engine gets everything
	 * afresh. */
	if (e)
		log_warn("engine message %d was not sent: %s", (int)type, err_str(e));
	return e == ERR_OK;
}

/* --- refused peers --- */

bool engine_feed_refuses(const struct engine_feed *f, uint32_t id)
{
	for (uint32_t i = 0; i < f->n_refused; i++)
		if (f->refused[i] == id)
			return true;
	return false;
}

bool engine_feed_holds(const struct engine_feed *f, const struct node *n)
{
	return f->cfg && f->cfg->strict_keys && f->known && known_keys_doubts(f->known, n);
}

static void accept_again(struct engine_feed *f, uint32_t id)
{
	for (uint32_t i = 0; i < f->n_refused; i++)
		if (f->refused[i] == id)
			f->refused[i--] = f->refused[--f->n_refused];
}

/* `why` NULL: it was said already. */
static void refuse(struct engine_feed *f, const struct node *n, const char *why)
{
	if (engine_feed_refuses(f, n->id))
		return;
	if (f->n_refused == f->cap_refused) {
		uint32_t cap = f->cap_refused ? f->cap_refused * 2 : 16;
		uint32_t *p = realloc(f->refused, cap * sizeof(*p));

		if (!p)
			return;
		f->refused = p;
		f->cap_refused = cap;
	}
	f->refused[f->n_refused++] = n->id;
	if (why)
		log_warn("node %s is refused: %s", n->name, why);
}

/* --- what a peer is --- */

bool engine_feed_is_peer(const struct cache *c, const struct node *n)
{
	if (!c->has_welcome || n->status != NODE_ACTIVE || !n->has_tunnel || !n->has_identity ||
	    n->id == c->welcome.id || revoked_find(&c->revoked, n))
		return false;
	return n->kind == NODE_HUB ? n->id == c->welcome.hub_id : n->kind == NODE_SPOKE;
}

enum path_policy engine_feed_rules(const struct engine_feed *f, const struct cache *c,
				   const struct node *n)
{
	const struct node *self = cache_self(c);

	if (n->kind != NODE_SPOKE || n->id == c->welcome.id)
		return PATH_POLICY_AUTO;
	return path_policy_stricter(self ? node_path_policy(self, n) : PATH_POLICY_AUTO,
				    f->cfg ? spoke_config_path_policy(f->cfg, n->name)
					   : PATH_POLICY_AUTO);
}

enum path_policy engine_feed_policy(const struct engine_feed *f, const struct cache *c,
				    const struct node *n)
{
	const struct peer_state *state = f->peers ? peers_find(f->peers, n->id) : NULL;

	return path_policy_stricter(engine_feed_rules(f, c, n),
				    state ? state->policy : PATH_POLICY_AUTO);
}

struct routes {
	struct node_subnet *list;
	size_t n, cap;
};

static enum err routes_add(struct routes *r, const struct prefix *p, uint32_t weight)
{
	if (r->n == r->cap) {
		size_t cap = r->cap ? r->cap * 2 : 16;
		struct node_subnet *list = realloc(r->list, cap * sizeof(*list));

		if (!list)
			return ERR_NOMEM;
		r->list = list;
		r->cap = cap;
	}
	r->list[r->n++] = (struct node_subnet){ .prefix = *p, .weight = weight };
	return ERR_OK;
}

/* A node's own addresses, as single hosts of the best weight, and its subnets. */
static enum err routes_add_node(struct routes *r, const struct node *n)
{
	enum err e = ERR_OK;

	for (size_t i = 0; e == ERR_OK && i < ARRAY_LEN(n->addresses); i++) {
		struct prefix host;

		if (!n->addresses[i].family)
			continue;
		host = prefix_of_host(&n->addresses[i]);
		e = routes_add(r, &host, 0);
	}
	for (uint32_t i = 0; e == ERR_OK && i < n->n_subnets; i++)
		e = routes_add(r, &n->subnets[i].prefix, n->subnets[i].weight);
	return e;
}

static int subnet_order(const void *pa, const void *pb)
{
	const struct node_subnet *a = pa, *b = pb;
	int d = prefix_cmp(&a->prefix, &b->prefix);

	return d ? d : (a->weight > b->weight) - (a->weight < b->weight);
}

static size_t sort_unique(struct node_subnet *list, size_t n)
{
	size_t kept = 0;

	if (n)
		qsort(list, n, sizeof(*list), subnet_order);
	for (size_t i = 0; i < n; i++)
		if (kept == 0 || !prefix_equal(&list[kept - 1].prefix, &list[i].prefix))
			list[kept++] = list[i];
	return kept;
}

enum err engine_feed_routes(const struct cache *c, const struct node *n, struct node_subnet **out,
			    size_t *count)
{
	struct routes r = { 0 };
	enum err e = routes_add_node(&r, n);

	for (uint32_t i = 0; e == ERR_OK && n->kind == NODE_HUB && i < c->dir.count; i++) {
		const struct node *w = &c->dir.nodes[i];

		if (w->kind == NODE_WIREGUARD && w->status == NODE_ACTIVE)
			e = routes_add_node(&r, w);
	}
	if (e) {
		free(r.list);
		return e;
	}
	*count = sort_unique(r.list, r.n);
	*out = r.list;
	return ERR_OK;
}

/* --- messages --- */

uint16_t engine_feed_mtu(const struct engine_feed *f, const struct cache *c)
{
	return f->cfg && f->cfg->mtu ? f->cfg->mtu : c->welcome.mtu;
}

void engine_feed_self(struct engine_feed *f, const struct cache *c)
{
	const struct node *self = cache_self(c);
	struct engine_self m = {
		.id = c->welcome.id,
		.hub_id = c->welcome.hub_id,
		.aes = self ? self->aes : keys_cpu_has_aes(),
		.mtu = engine_feed_mtu(f, c),
		.clock_ahead_ms = c->clock_ahead_ms,
		.direct_idle_s = DIRECT_IDLE_S_DEFAULT,
		.direct_max = DIRECT_MAX_DEFAULT,
		.pmtu_discovery = true,
		.clamp_mss = true,
		.nat = f->nat,
		.nat_port = c->welcome.nat_port,
	};
	uint8_t mem[CHANNEL_MSG_MAX_BYTES];
	struct cursor body;

	if (f->cfg) {
		m.direct_idle_s = f->cfg->direct_idle_s;
		m.direct_max = f->cfg->direct_max;
		m.tcp_only = f->cfg->tcp_only;
		m.pmtu_discovery = f->cfg->pmtu_discovery;
		m.pmtu_max = f->cfg->pmtu_max;
		m.clamp_mss = f->cfg->clamp_mss;
		m.priority_inheritance = f->cfg->priority_inheritance;
	}
	if (self && self->has_tunnel)
		m.tunnel_key = self->tunnel_key;
	memcpy(m.addresses, self ? self->addresses : c->welcome.addresses, sizeof(m.addresses));
	cursor_init_write(&body, mem, sizeof(mem));
	engine_self_encode(&m, &body);
	engine_feed_send(f, ENGINE_SELF, &body);
}

static void send_peer_message(struct engine_feed *f, const struct engine_peer *m)
{
	uint8_t mem[CHANNEL_MSG_MAX_BYTES];
	struct cursor body;

	cursor_init_write(&body, mem, sizeof(mem));
	engine_peer_encode(m, &body);
	engine_feed_send(f, ENGINE_PEER, &body);
}

static void send_gone(struct engine_feed *f, uint32_t id, bool revoked)
{
	struct engine_peer_gone m = { .id = id,
				      .why = revoked ? PEER_GONE_REVOKED : PEER_GONE_REMOVED };
	uint8_t mem[64];
	struct cursor body;

	cursor_init_write(&body, mem, sizeof(mem));
	engine_peer_gone_encode(&m, &body);
	engine_feed_send(f, ENGINE_PEER_GONE, &body);
}

/* One peer (or our own record, whose prefixes the engine hands to the kernel), in as many messages
 * as its routes need. */
static void send_peer(struct engine_feed *f, const struct cache *c, const struct node *n)
{
	bool is_hub = n->kind == NODE_HUB;
	bool is_self = n->id == c->welcome.id;
	const struct spoke_host *host =
		f->cfg && !is_self ? spoke_config_host(f->cfg, n->name) : NULL;
	struct node_subnet *routes = NULL;
	size_t count = 0, done = 0;
	struct engine_peer m = {
		.id = n->id,
		.kind = n->kind,
		.tunnel_key = n->tunnel_key,
		.aes = n->aes,
		.via_hub = !is_hub && !is_self,
		.keepalive_s = is_hub ? c->welcome.keepalive_s : 0,
		.groups = n->groups,
		.reach = n->reach,
		.compression = n->compression,
		.policy = engine_feed_policy(f, c, n),
		.pmtu_max = host ? host->pmtu_max : 0,
		.pmtu_fixed = host && host->pmtu_fixed,
		.warm = f->cfg && n->kind == NODE_SPOKE && !is_self &&
			spoke_config_connects_to(f->cfg, n->name),
	};

	if (engine_feed_routes(c, n, &routes, &count)) {
		log_error("node %s: no memory for its routes; it is left out", n->name);
		send_gone(f, n->id, false); /* rather than with a key or routes of before */
		return;
	}
	snprintf(m.name, sizeof(m.name), "%s", n->name);
	do {
		size_t part = count - done < ENGINE_PEER_SUBNETS_MAX ? count - done
								     : ENGINE_PEER_SUBNETS_MAX;

		m.append = done > 0;
		m.n_subnets = (uint16_t)part;
		if (part)
			memcpy(m.subnets, routes + done, part * sizeof(*routes));
		send_peer_message(f, &m);
		done += part;
	} while (done < count);
	free(routes);
}

static void send_own(struct engine_feed *f, const struct cache *c)
{
	const struct node *self = cache_self(c);

	if (self && self->has_tunnel)
		send_peer(f, c, self);
}

static void send_revision(struct engine_feed *f, enum engine_msg type, uint64_t revision)
{
	struct engine_revision m = { .revision = revision };
	uint8_t mem[64];
	struct cursor body;

	cursor_init_write(&body, mem, sizeof(mem));
	engine_revision_encode(&m, &body);
	engine_feed_send(f, type, &body);
}

/* Judges a node of the directory: true when it is to be a peer. */
static bool judge(struct engine_feed *f, const struct cache *c, const struct node *n)
{
	if (!engine_feed_is_peer(c, n)) {
		accept_again(f, n->id);
		return false;
	}
	if (!keys_tunnel_is_signed(&n->identity_key, &n->tunnel_key, n->tunnel_sig)) {
		refuse(f, n, "its tunnel key is not signed by its identity key");
		return false;
	}
	if (engine_feed_holds(f, n)) {
		refuse(f, n, NULL);
		return false;
	}
	accept_again(f, n->id);
	return true;
}

void engine_feed_sync(struct engine_feed *f, const struct cache *c)
{
	if (!c->has_welcome)
		return;
	engine_feed_self(f, c);
	engine_feed_send(f, ENGINE_SYNC_BEGIN, NULL);
	f->n_refused = 0;
	send_own(f, c);
	for (uint32_t i = 0; i < c->dir.count; i++)
		if (judge(f, c, &c->dir.nodes[i]) && !f->muted)
			send_peer(f, c, &c->dir.nodes[i]);
	send_revision(f, ENGINE_SYNC_END, c->dir.revision);
	if (!f->muted)
		engine_feed_hub_endpoints(f, c);
}

void engine_feed_peer(struct engine_feed *f, const struct cache *c, const struct node *n)
{
	if (!f->muted && judge(f, c, n))
		send_peer(f, c, n);
}

bool engine_feed_touches_hub(const struct cache *c, const struct delta *x)
{
	const struct node *old;

	for (uint32_t i = 0; i < x->n_changed; i++) {
		old = directory_find(&c->dir, x->changed[i].id);
		if (x->changed[i].kind == NODE_WIREGUARD || (old && old->kind == NODE_WIREGUARD))
			return true;
	}
	for (uint32_t i = 0; i < x->n_gone; i++) {
		old = directory_find(&c->dir, x->gone[i].id);
		if (old && old->kind == NODE_WIREGUARD)
			return true;
	}
	return false;
}

void engine_feed_delta(struct engine_feed *f, const struct cache *c, const struct delta *x,
		       bool hub_routes)
{
	const struct node *hub = cache_hub(c);
	bool hub_sent = false;

	if (!c->has_welcome)
		return;
	for (uint32_t i = 0; i < x->n_gone; i++) {
		accept_again(f, x->gone[i].id);
		send_gone(f, x->gone[i].id, x->gone[i].revoked);
	}
	for (uint32_t i = 0; i < x->n_changed; i++) {
		const struct node *n = &x->changed[i];

		if (n->kind == NODE_WIREGUARD)
			continue; /* a route of the hub */
		if (n->id == c->welcome.id) {
			engine_feed_self(f, c);
			send_own(f, c);
		} else if (!judge(f, c, n) || f->muted) {
			send_gone(f, n->id, n->status == NODE_REVOKED);
		} else {
			send_peer(f, c, n);
			hub_sent |= n->kind == NODE_HUB;
		}
	}
	if (hub_routes && !hub_sent && !f->muted && hub && judge(f, c, hub))
		send_peer(f, c, hub);
	send_revision(f, ENGINE_COMMIT, c->dir.revision);
}

static void send_endpoints(struct engine_feed *f, const struct engine_endpoints *m)
{
	uint8_t mem[CHANNEL_MSG_MAX_BYTES];
	struct cursor body;

	cursor_init_write(&body, mem, sizeof(mem));
	engine_endpoints_encode(m, &body);
	engine_feed_send(f, ENGINE_ENDPOINTS, &body);
}

void engine_feed_endpoints(struct engine_feed *f, uint32_t id, bool punch, enum nat_mapping nat,
			   const struct endpoint *list, size_t n)
{
	struct engine_endpoints m = { .id = id, .punch = punch, .nat = nat };

	m.n = (uint8_t)(n < ENGINE_ENDPOINTS_MAX ? n : ENGINE_ENDPOINTS_MAX);
	if (m.n)
		memcpy(m.endpoints, list, m.n * sizeof(*list));
	send_endpoints(f, &m);
}

void engine_feed_tcp(struct engine_feed *f, uint32_t id)
{
	const struct engine_endpoints m = { .id = id, .tcp = true };

	send_endpoints(f, &m);
}

/* Adds `e` with the data plane's port, each once. */
static size_t add_endpoint(struct endpoint *list, size_t n, struct endpoint e, uint16_t udp_port)
{
	e.port = udp_port;
	for (size_t i = 0; i < n; i++)
		if (endpoint_equal(&list[i], &e))
			return n;
	if (n < ENGINE_ENDPOINTS_MAX)
		list[n++] = e;
	return n;
}

void engine_feed_hub_endpoints(struct engine_feed *f, const struct cache *c)
{
	struct endpoint list[ENGINE_ENDPOINTS_MAX];
	size_t n = 0;

	if (!c->has_welcome)
		return;
	if (endpoint_is_set(&c->last_good))
		n = add_endpoint(list, n, c->last_good, c->welcome.udp_port);
	for (uint32_t i = 0; i < c->n_addresses; i++)
		for (uint32_t k = 0; k < c->addresses[i].n; k++)
			n = add_endpoint(list, n, c->addresses[i].found[k], c->welcome.udp_port);
	if (n)
		engine_feed_endpoints(f, c->welcome.hub_id, false, NAT_UNKNOWN, list, n);
}
