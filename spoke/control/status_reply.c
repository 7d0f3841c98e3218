/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "spoke/control/status_reply.h"

#include <string.h>

#include "shared/base/clock.h"
#include "shared/wire/fields.h"
#include "spoke/control/keys_reply.h"
#include "spoke/control/spoke.h"

/* Why a path is what it is. */
struct explanation {
	const char *id, *sentence, *advice;
};

static json_t *time_json(int64_t wall_ms)
{
	char text[CLOCK_RFC3339_SIZE];

	return wall_ms ? json_string(clock_format_rfc3339(wall_ms, text)) : json_null();
}

static json_t *endpoint_json(const struct endpoint *e)
{
	char text[ENDPOINT_STR_SIZE];

	return endpoint_is_set(e) ? json_string(endpoint_format(e, text)) : json_null();
}

static json_t *addresses_json(const struct addr addresses[2])
{
	json_t *list = json_array();
	char text[ADDR_STR_SIZE];

	for (int i = 0; i < 2; i++)
		if (addresses[i].family)
			json_array_append_new(list, json_string(addr_format(&addresses[i], text)));
	return list;
}

static json_t *subnets_json(const struct node *n)
{
	json_t *list = json_array();
	char text[PREFIX_STR_SIZE];

	for (uint32_t i = 0; i < n->n_subnets; i++)
		json_array_append_new(list, json_pack("{s:s, s:i}", "prefix",
						      prefix_format(&n->subnets[i].prefix, text),
						      "weight", (int)n->subnets[i].weight));
	return list;
}

/* The TCP connection for tunnel packets. */
static json_t *carrier_json(const struct carry *x)
{
	struct carrier_counters n = { 0 };
	char text[DIALER_WHERE_SIZE];
	bool up = x->state == CARRY_UP;

	if (x->carrier)
		n = carrier_counters(x->carrier);
	return json_pack("{s:s, s:o, s:o, s:I, s:I, s:I, s:I}", "state", carry_state_str(x->state),
			 "address", up ? json_string(dialer_where(&x->dialer, text)) : json_null(),
			 "why", x->why[0] ? fields_text(x->why) : json_null(), "rx_packets",
			 (json_int_t)n.rx_packets, "tx_packets", (json_int_t)n.tx_packets,
			 "rx_dropped", (json_int_t)n.rx_dropped, "tx_dropped",
			 (json_int_t)n.tx_dropped);
}

static json_t *hub_json(const struct spoke *s)
{
	const struct client *c = &s->client;
	bool up = client_is_up(c);
	char text[DIALER_WHERE_SIZE];

	return json_pack("{s:s, s:s, s:b, s:o, s:o, s:o, s:o}", "name",
			 s->cache.has_welcome ? s->cache.welcome.hub_name : "", "state",
			 client_state_str(c->state), "up", (int)up, "since",
			 time_json(c->since_wall_ms), "why",
			 up || !c->why[0] ? json_null() : fields_text(c->why), "address",
			 up ? json_string(dialer_where(&c->dialer, text)) : json_null(), "carrier",
			 carrier_json(&s->carry));
}

static const struct engine_status *find_row(const struct gather *g, uint32_t id)
{
	for (size_t i = 0; g && i < g->n_rows; i++)
		if (g->rows[i].id == id)
			return &g->rows[i];
	return NULL;
}

/* What packets to and from a peer are sealed with; null without a session. */
static json_t *cipher_json(const struct engine_status *r)
{
	if (r->path == PATH_DOWN || r->cipher == CIPHER_WIREGUARD)
		return json_null();
	return json_string(r->cipher == CIPHER_AES256GCM ? "aes-256-gcm" : "chacha20-poly1305");
}

/* One peer; `row` is the engine's view of it, or for a WireGuard node of the hub. NULL: the engine
 * knows nothing. */
static json_t *peer_json(const struct node *n, const struct engine_status *row)
{
	static const struct engine_status nothing = { .path = PATH_DOWN,
						      .reason = PATH_REASON_NO_SESSION };
	const struct engine_status *r = row ? row : &nothing;
	bool own =
		n->kind != NODE_WIREGUARD; /* numbers of its own, not those of the hub's tunnel */

	return json_pack(
		"{s:s, s:I, s:s, s:s, s:o, s:o, s:I, s:I, s:I, s:o, s:I, s:I, s:o, s:o, s:o, s:i, "
		"s:I}",
		"name", n->name, "id", (json_int_t)n->id, "kind", node_kind_str(n->kind), "path",
		path_kind_str(r->path), "endpoint", own ? endpoint_json(&r->endpoint) : json_null(),
		"handshake", own ? time_json(r->handshake_wall_ms) : json_null(), "rx_bytes",
		own ? (json_int_t)r->rx_bytes : 0, "tx_bytes", own ? (json_int_t)r->tx_bytes : 0,
		"rtt_us", own ? (json_int_t)r->rtt_us : 0, "cipher",
		own ? cipher_json(r) : json_null(), "compress_before_bytes",
		own ? (json_int_t)r->compress_before : 0, "compress_after_bytes",
		own ? (json_int_t)r->compress_after : 0, "addresses", addresses_json(n->addresses),
		"subnets", subnets_json(n), "since",
		own ? time_json(r->since_wall_ms) : json_null(), "loss_permille",
		own ? (int)r->loss_permille : 0, "pmtu", own ? (json_int_t)r->pmtu : 0);
}

/* The reason for programs, and what can be done about it; where the peer is looked for. */
static void add_explanation(json_t *peer, const struct spoke *s, const struct node *n,
			    const struct explanation *e)
{
	const struct peer_state *state = peers_find(&s->peers, n->id);
	json_t *candidates = json_array();

	for (uint8_t i = 0; state && i < state->n_candidates; i++)
		json_array_append_new(candidates, endpoint_json(&state->candidates[i]));
	json_object_set_new(peer, "reason_id", json_string(e->id));
	json_object_set_new(peer, "reason", json_string(e->sentence));
	json_object_set_new(peer, "advice", json_string(e->advice));
	json_object_set_new(peer, "candidates", candidates);
}

/* NULL: what the engine says. */
static const struct explanation *special_reason(const struct spoke *s, const struct node *n)
{
	static const struct explanation refused = { "refused", "the hub refuses this node",
						    "ask the hub's admin" },
					grace = { "grace-over",
						  "the directory is too old (OfflineGrace)",
						  "it comes back with the hub" },
					held = { "key-held",
						 "its identity key is not the one that this "
						 "branch knows (StrictKeys)",
						 "ask its admin whether it was joined anew, then: "
						 "branchline-spoke key accept" },
					key = { "key-refused",
						"its tunnel key is not signed by its identity key",
						"it has to join anew" },
					device = { "through-hub", "reached through the hub", "" };

	if (s->cache.refused)
		return &refused;
	if (s->grace_over)
		return &grace;
	if (engine_feed_holds(&s->engine, n))
		return &held;
	if (engine_feed_refuses(&s->engine, n->id))
		return &key;
	return n->kind == NODE_WIREGUARD ? &device : NULL;
}

/* Which paths we may use with a peer, whether a direct one is kept without traffic, and where it is
 * looked for. */
static void add_choice(json_t *peer, const struct spoke *s, const struct node *n)
{
	struct endpoint known[ENGINE_ENDPOINTS_MAX];
	size_t count = n->kind == NODE_SPOKE ? whereabouts_collect(s, n, known) : 0;
	json_t *list = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(list, endpoint_json(&known[i]));
	json_object_set_new(peer, "known_at", list);
	json_object_set_new(peer, "key_changed", json_boolean(known_keys_doubts(&s->known, n)));
	json_object_set_new(
		peer, "policy",
		json_string(path_policy_str(engine_feed_policy(&s->engine, &s->cache, n))));
	json_object_set_new(
		peer, "warm",
		json_boolean(n->kind == NODE_SPOKE && spoke_config_connects_to(s->cfg, n->name)));
}

static struct explanation usual_reason(const struct engine_status *row)
{
	enum path_reason why = row ? row->reason : PATH_REASON_NO_SESSION;

	return (struct explanation){ path_reason_id(why), path_reason_str(why),
				     path_reason_advice(why) };
}

/* What stands in for the row of a peer that the engine has not told of: its path as it was told to
 * have last. */
static struct engine_status last_told(const struct spoke *s, uint32_t id)
{
	const struct peer_state *state = peers_find(&s->peers, id);
	struct engine_status row = { .id = id,
				     .path = PATH_DOWN,
				     .reason = PATH_REASON_NO_SESSION,
				     .cipher = CIPHER_WIREGUARD };

	if (state) {
		row.path = state->path;
		row.reason = state->reason;
		row.endpoint = state->endpoint;
	}
	return row;
}

/* Null without an error. */
static json_t *engine_error_json(enum err e)
{
	if (!e)
		return json_null();
	if (e == ERR_TIMEOUT)
		return json_string("the data plane did not answer in time: it hangs or is very "
				   "busy; paths are those it told last");
	if (e == ERR_CLOSED)
		return json_string("the data plane does not run just now; it is started again");
	return json_string(err_str(e));
}

static json_t *peers_json(const struct spoke *s, const struct gather *g, enum err e)
{
	static const struct explanation silent = {
		"no-answer", "the data plane did not answer",
		"ask again; if it stays so, look at the daemon's log and restart it"
	};
	json_t *list = json_array();

	for (uint32_t i = 0; i < s->cache.dir.count; i++) {
		const struct node *n = &s->cache.dir.nodes[i];
		bool is_wireguard = n->kind == NODE_WIREGUARD && n->status == NODE_ACTIVE;

		const struct explanation *special;
		const struct engine_status *row;
		struct engine_status told;
		struct explanation usual;
		uint32_t id;
		json_t *peer;

		if (!is_wireguard && !engine_feed_is_peer(&s->cache, n))
			continue;
		id = is_wireguard ? s->cache.welcome.hub_id : n->id;
		row = find_row(g, id);
		special = special_reason(s, n);
		if (!row && e) {
			told = last_told(s, id);
			row = &told;
			special = special ? special : &silent;
		}
		peer = peer_json(n, row);
		add_choice(peer, s, n);
		usual = usual_reason(row);
		add_explanation(peer, s, n, special ? special : &usual);
		json_array_append_new(list, peer);
	}
	return list;
}

/* What compression towards nodes that ask for it has done; bytes are of all packets to them. */
static json_t *compression_json(const struct engine_status_end *e)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:f}", "tried", (json_int_t)e->compress_tried,
			 "compressed", (json_int_t)e->compress_packed, "before_bytes",
			 (json_int_t)e->compress_before, "after_bytes",
			 (json_int_t)e->compress_after, "us_per_packet",
			 e->compress_timed
				 ? (double)e->compress_timed_ns / 1000.0 / (double)e->compress_timed
				 : 0.0);
}

static json_t *engine_json(const struct gather *g)
{
	json_t *drops, *offloads;

	if (!g || !g->has_totals)
		return json_null();
	drops = json_object();
	for (int d = 0; d < DROP_COUNT; d++)
		json_object_set_new(drops, engine_drop_str((enum engine_drop)d),
				    json_integer((json_int_t)g->totals.drops[d]));
	offloads = json_array();
	for (unsigned bit = 0; bit < ENGINE_OFFLOAD_BITS; bit++)
		if (g->totals.offloads & 1u << bit)
			json_array_append_new(offloads, json_string(engine_offload_str(
								(enum engine_offload)(1 << bit))));
	return json_pack("{s:I, s:I, s:I, s:s, s:o, s:o, s:o}", "peers",
			 (json_int_t)g->totals.n_peers, "sessions",
			 (json_int_t)g->totals.n_sessions, "handshakes",
			 (json_int_t)g->totals.handshakes, "crypto", g->totals.crypto, "offloads",
			 offloads, "compression", compression_json(&g->totals), "drops", drops);
}

/* Routes that would lead the hub's own packets into the tunnel. */
static json_t *held_json(const struct net_feed *f)
{
	json_t *list = json_array();
	char text[PREFIX_STR_SIZE];

	for (unsigned i = 0; i < f->n_held; i++)
		json_array_append_new(list, json_string(prefix_format(&f->held[i], text)));
	return list;
}

json_t *status_reply_build(const struct spoke *s, const struct gather *g, enum err e)
{
	const struct node *self = cache_self(&s->cache);
	const struct control_welcome *w = &s->cache.welcome;
	const char *name = cache_name(&s->cache);
	json_t *j = json_pack(
		"{s:b, s:s, s:s, s:I, s:s, s:I, s:o, s:o, s:b, s:o, s:o, s:o, s:o, s:o, s:s, s:o}",
		"done", 1, "network", s->cfg->paths.net, "name", name ? name : s->cfg->name, "id",
		(json_int_t)w->id, "version", BRANCHLINE_VERSION, "revision",
		(json_int_t)s->cache.dir.revision, "hub", hub_json(s), "refused",
		s->cache.refused ? fields_text(s->cache.refused_why) : json_null(), "grace_over",
		(int)s->grace_over, "addresses",
		addresses_json(self ? self->addresses : w->addresses), "subnets",
		self ? subnets_json(self) : json_array(), "engine", engine_json(g), "engine_error",
		engine_error_json(e), "peers", peers_json(s, g, e), "nat",
		nat_mapping_str(s->nat.kind), "observed", endpoint_json(&s->nat.observed));

	if (j) {
		json_object_set_new(j, "keys", keys_reply_json(s));
		json_object_set_new(j, "routes_held", held_json(&s->net));
	}
	return j;
}

json_t *status_reply_pong(const struct spoke *s, const struct engine_pong *p)
{
	const struct node *n = directory_find(&s->cache.dir, p->id);
	bool ok = p->result == ERR_OK;

	const struct peer_state *state = peers_find(&s->peers, p->id);
	enum path_reason why = state ? state->reason : PATH_REASON_NONE;

	return json_pack("{s:s, s:b, s:I, s:s, s:o, s:o, s:s, s:s, s:s}", "node", n ? n->name : "",
			 "ok", (int)ok, "rtt_us", (json_int_t)p->rtt_us, "path",
			 path_kind_str(p->path), "endpoint", endpoint_json(&p->endpoint), "error",
			 ok ? json_null() : json_string(err_str(p->result)), "reason_id",
			 path_reason_id(why), "reason", path_reason_str(why), "advice",
			 path_reason_advice(why));
}
