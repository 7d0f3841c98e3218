/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "spoke/control/whereabouts.h"

#include <string.h>

#include "shared/base/clock.h"
#include "shared/base/hostport.h"
#include "shared/base/log.h"
#include "spoke/control/spoke.h"

/* May we look for this node at all? */
static bool is_sought(const struct spoke *s, const struct node *n)
{
	return n->kind == NODE_SPOKE && !s->engine.muted && engine_feed_is_peer(&s->cache, n) &&
	       !engine_feed_refuses(&s->engine, n->id) &&
	       engine_feed_policy(&s->engine, &s->cache, n) != PATH_POLICY_HUB_ONLY;
}

_Static_assert(CACHE_PEER_ENDPOINTS_MAX == ENGINE_ENDPOINTS_MAX, "add() counts to either");

static bool is_warm(const struct spoke *s, const struct node *n)
{
	return spoke_config_connects_to(s->cfg, n->name);
}

/* --- collecting --- */

static size_t add(const struct spoke *s, struct endpoint *out, size_t n, const struct endpoint *e)
{
	if (!endpoint_is_set(e) || !e->port || addr_is_special(&e->addr) ||
	    n == ENGINE_ENDPOINTS_MAX ||
	    (s->cfg->family != AF_UNSPEC && s->cfg->family != e->addr.family))
		return n;
	for (size_t i = 0; i < n; i++)
		if (endpoint_equal(&out[i], e))
			return n;
	out[n++] = *e;
	return n;
}

/* A line, if it is a number. */
static size_t add_line(const struct spoke *s, struct endpoint *out, size_t n, const char *line)
{
	char host[HOSTPORT_HOST_SIZE];
	struct endpoint e = { 0 };

	if (hostport_split(line, UDP_PORT_DEFAULT, host, &e.port) || addr_parse(host, &e.addr))
		return n;
	return add(s, out, n, &e);
}

size_t whereabouts_collect(const struct spoke *s, const struct node *n,
			   struct endpoint out[ENGINE_ENDPOINTS_MAX])
{
	const struct spoke_host *host = spoke_config_host(s->cfg, n->name);
	const struct cache_peer *known = cache_peer_find(&s->cache, n->id);
	const struct endpoint *found;
	uint8_t n_found;
	size_t count = 0;

	for (unsigned i = 0; host && i < host->n_addresses; i++)
		count = add_line(s, out, count, host->addresses[i]);
	for (unsigned i = 0; known && i < known->n; i++)
		count = add(s, out, count, &known->endpoints[i]);
	for (uint32_t i = 0; i < n->n_endpoints; i++)
		count = add_line(s, out, count, n->endpoints[i]);
	found = lookups_found(&s->names, n->id, &n_found);
	for (unsigned i = 0; i < n_found; i++)
		count = add(s, out, count, &found[i]);
	return count;
}

void whereabouts_send(struct spoke *s, const struct node *n, bool punch)
{
	const struct peer_state *state = peers_find(&s->peers, n->id);
	struct endpoint list[ENGINE_ENDPOINTS_MAX];
	size_t count;

	if (!is_sought(s, n))
		return;
	count = whereabouts_collect(s, n, list);
	if (count)
		engine_feed_endpoints(&s->engine, n->id, punch, state ? state->nat : NAT_UNKNOWN,
				      list, count);
}

/* --- host names --- */

static void names_found(struct lookups *l, uint32_t id, bool any)
{
	struct spoke *s = container_of(l, struct spoke, names);
	const struct node *n = directory_find(&s->cache.dir, id);

	if (!n)
		return;
	if (any)
		whereabouts_send(s, n, true);
	else
		log_debug(1, "node %s: none of its host names could be resolved", n->name);
}

/* The names in the lines about this node are looked up, again if that is some time ago. */
static void look_up(struct spoke *s, const struct node *n)
{
	const struct spoke_host *host = spoke_config_host(s->cfg, n->name);
	const char *lines[2 * NODE_ENDPOINTS_MAX];
	size_t count = 0;

	for (unsigned i = 0; host && i < host->n_addresses; i++)
		lines[count++] = host->addresses[i];
	for (uint32_t i = 0; i < n->n_endpoints; i++)
		lines[count++] = n->endpoints[i];
	lookups_set(&s->names, n->id, lines, count);
	lookups_again(&s->names, n->id);
}

enum err whereabouts_init(struct spoke *s)
{
	return lookups_init(&s->names, s->loop, s->cfg->family, UDP_PORT_DEFAULT, names_found);
}

void whereabouts_fini(struct spoke *s) { lookups_fini(&s->names); }

/* --- what happens --- */

void whereabouts_told(struct spoke *s, const struct node *n, const struct control_presence *p,
		      bool punch)
{
	struct peer_state *state = peers_get(&s->peers, n->id);
	struct endpoint list[CACHE_PEER_ENDPOINTS_MAX];
	size_t count = 0;

	if (!p->online)
		return;
	/* A kind that a later hub may know counts as none. */
	if (state)
		state->nat = p->nat <= NAT_HARD ? (enum nat_mapping)p->nat : NAT_UNKNOWN;
	/* Where it is met now is what we want to know after a restart. */
	if (state && state->path == PATH_DIRECT_UDP && is_sought(s, n))
		count = add(s, list, count, &state->endpoint);
	for (unsigned i = 0; i < p->n_endpoints; i++)
		count = add(s, list, count, &p->endpoints[i]);
	if (cache_peer_put(&s->cache, n->id, list, count, clock_wall_ms()))
		apply_save_soon(s);
	whereabouts_send(s, n, punch);
}

/* It is met there now. Where it was met before is of no use any more, unless the hub says so, too:
 * an address that a branch has given up may be somebody else's. */
static bool keep_met(struct spoke *s, uint32_t id, const struct endpoint *at)
{
	const struct peer_state *state = peers_find(&s->peers, id);
	struct endpoint list[CACHE_PEER_ENDPOINTS_MAX];
	size_t count = 0;

	if (!state || !state->n_candidates)
		return cache_peer_first(&s->cache, id, at, clock_wall_ms());
	count = add(s, list, count, at);
	for (uint8_t i = 0; i < state->n_candidates; i++)
		count = add(s, list, count, &state->candidates[i]);
	return cache_peer_put(&s->cache, id, list, count, clock_wall_ms());
}

void whereabouts_path(struct spoke *s, const struct engine_path *p)
{
	const struct node *n = directory_find(&s->cache.dir, p->id);

	if (n && n->kind == NODE_SPOKE && p->path == PATH_DIRECT_UDP &&
	    endpoint_is_set(&p->endpoint) && keep_met(s, p->id, &p->endpoint))
		apply_save_soon(s);
}

void whereabouts_sync(struct spoke *s)
{
	for (uint32_t i = 0; i < s->cache.dir.count; i++) {
		const struct node *n = &s->cache.dir.nodes[i];

		if (!is_sought(s, n))
			continue;
		if (is_warm(s, n))
			look_up(s, n);
		whereabouts_send(s, n, is_warm(s, n));
	}
}

void whereabouts_ask(struct spoke *s, const struct node *n)
{
	if (!is_sought(s, n))
		return;
	look_up(s, n);
	whereabouts_send(s, n, true);
}

void whereabouts_forget(struct spoke *s, uint32_t id)
{
	cache_peer_forget(&s->cache, id);
	lookups_set(&s->names, id, NULL, 0);
}
