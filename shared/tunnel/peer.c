/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/tunnel/peer.h"

#include <stdlib.h>
#include <string.h>

#include "shared/base/log.h"
#include "shared/tunnel/carrier.h"
#include "shared/tunnel/movers.h"
#include "shared/tunnel/path.h"
#include "shared/tunnel/pmtu.h"
#include "shared/tunnel/probe.h"
#include "shared/tunnel/session.h"
#include "shared/tunnel/timers.h"
#include "shared/tunnel/tunnel.h"

struct peer *peer_find(const struct tunnel *t, uint32_t id)
{
	struct table_node *n = table_find(&t->by_id, &id);

	return n ? container_of(n, struct peer, by_id) : NULL;
}

struct peer *peer_find_key(const struct tunnel *t, const struct public_key *key)
{
	struct table_node *n = table_find(&t->by_key, key);

	return n ? container_of(n, struct peer, by_key) : NULL;
}

bool peer_may_talk(const struct peer *a, const struct peer *b)
{
	return (a->set.reach & b->set.groups) || (b->set.reach & a->set.groups);
}

/* As the directory told it to us about each of them. */
static struct path_rules rules_of(const struct peer *p)
{
	return (struct path_rules){ p->set.policy, p->set.groups, p->set.hub_only,
				    p->set.direct_only };
}

bool peer_may_relay(const struct peer *a, const struct peer *b)
{
	const struct path_rules of_a = rules_of(a), of_b = rules_of(b);

	return peer_may_talk(a, b) && path_policy_of_pair(&of_a, &of_b) != PATH_POLICY_DIRECT_ONLY;
}

/* The cipher follows from the directory alone (DESIGN section 4), so nobody can negotiate it down.
 */
static enum tunnel_cipher cipher_for(const struct tunnel *t, enum node_kind kind, bool aes)
{
	if (kind == NODE_WIREGUARD)
		return CIPHER_WIREGUARD;
	return aes && t->self.aes ? CIPHER_AES256GCM : CIPHER_CHACHA20POLY1305;
}

/* Sessions of another cipher are of no use to the other side, which knows the same directory. */
static void set_cipher(struct peer *p, enum tunnel_cipher cipher)
{
	if (p->cipher == cipher)
		return;
	p->cipher = cipher;
	session_wipe(p);
	path_down(p);
	timers_restart(p);
}

void peer_self_changed(struct tunnel *t)
{
	struct table_node *n = NULL;

	while ((n = table_next(&t->by_id, n))) {
		struct peer *p = container_of(n, struct peer, by_id);

		set_cipher(p, cipher_for(t, p->set.kind, p->set.aes));
		path_settings_changed(p);
		pmtu_settings_changed(p);
	}
}

static void remove_routes(struct peer *p)
{
	for (uint32_t i = 0; i < p->n_subnets; i++)
		route_remove(&p->tunnel->routes, &p->subnets[i].prefix, p->id);
	free(p->subnets);
	p->subnets = NULL;
	p->n_subnets = 0;
}

/* Adds the message's prefixes behind those that the peer has. */
static enum err add_routes(struct peer *p, const struct engine_peer *m)
{
	struct node_subnet *grown;
	enum err e;

	if (!m->n_subnets)
		return ERR_OK;
	if (p->n_subnets + m->n_subnets > NODE_SUBNETS_MAX * 4u)
		return ERR_LIMIT;
	grown = reallocarray(p->subnets, p->n_subnets + m->n_subnets, sizeof(*grown));
	if (!grown)
		return ERR_NOMEM;
	p->subnets = grown;
	for (uint16_t i = 0; i < m->n_subnets; i++) {
		const struct node_subnet *s = &m->subnets[i];

		e = route_add(&p->tunnel->routes, &s->prefix, p, p->id, s->weight);
		if (e)
			return e;
		p->subnets[p->n_subnets++] = *s;
	}
	return ERR_OK;
}

static bool same_routes(const struct peer *p, const struct engine_peer *m)
{
	if (p->n_subnets != m->n_subnets)
		return false;
	for (uint32_t i = 0; i < p->n_subnets; i++)
		if (!prefix_equal(&p->subnets[i].prefix, &m->subnets[i].prefix) ||
		    p->subnets[i].weight != m->subnets[i].weight)
			return false;
	return true;
}

static void copy_settings(struct peer *p, const struct engine_peer *m)
{
	memcpy(p->set.name, m->name, sizeof(p->set.name));
	p->set.kind = m->kind;
	p->set.aes = m->aes;
	p->set.via_hub = m->via_hub;
	p->set.forward = m->forward;
	p->set.keepalive_s = m->keepalive_s;
	p->set.groups = m->groups;
	p->set.reach = m->reach;
	p->set.compression = m->compression;
	p->set.policy = m->policy;
	p->set.hub_only = m->hub_only;
	p->set.direct_only = m->direct_only;
	p->set.pmtu_max = m->pmtu_max;
	p->set.pmtu_fixed = m->pmtu_fixed;
	p->set.warm = m->warm;
}

/* A peer in both tables with an idle session, without settings but for what pmtu_init() needs. */
static enum err peer_new(struct tunnel *t, const struct engine_peer *m, struct peer **out)
{
	struct peer *p;
	enum err e;

	if (t->by_id.count >= PEERS_MAX)
		return ERR_LIMIT;
	p = calloc(1, sizeof(*p));
	if (!p)
		return ERR_NOMEM;
	p->tunnel = t;
	p->id = m->id;
	p->tunnel_key = m->tunnel_key;
	p->set.pmtu_max = m->pmtu_max;
	p->set.pmtu_fixed = m->pmtu_fixed;
	list_init(&p->news.link);
	timers_init(p);
	pmtu_init(p);
	path_init(p);
	e = session_init(p);
	if (!e)
		e = table_insert(&t->by_id, &p->by_id);
	if (e)
		goto out;
	e = table_insert(&t->by_key, &p->by_key);
	if (e) {
		table_remove(&t->by_id, &p->by_id);
		goto out;
	}
	*out = p;
	return ERR_OK;
out:
	session_fini(p);
	free(p);
	return e;
}

/* A peer that is there: its new routes, and a new session if the cipher has changed. */
static enum err peer_change(struct peer *p, const struct engine_peer *m)
{
	set_cipher(p, cipher_for(p->tunnel, m->kind, m->aes));
	if (m->append || !same_routes(p, m)) {
		if (!m->append)
			remove_routes(p);
		return add_routes(p, m);
	}
	return ERR_OK;
}

/* Under its new key the peer is found from now on. Any error: it has to begin anew. */
static enum err change_key(struct peer *p, const struct engine_peer *m)
{
	struct tunnel *t = p->tunnel;
	enum err e;

	if ((t->syncing && t->self.is_hub) || m->kind == NODE_WIREGUARD)
		return ERR_DENIED;
	e = session_change_key(p, &m->tunnel_key);
	if (e)
		return e;
	log_debug(1, "%s has another tunnel key; its session goes on", p->set.name);
	table_remove(&t->by_key, &p->by_key);
	p->tunnel_key = m->tunnel_key;
	e = table_insert(&t->by_key, &p->by_key);
	BUG_ON(e); /* it has just made room */
	if (!t->mover)
		timers_old_key(p);
	return ERR_OK;
}

enum err peer_set(struct tunnel *t, const struct engine_peer *m)
{
	struct peer *p = peer_find(t, m->id);
	struct peer *other = peer_find_key(t, &m->tunnel_key);
	uint16_t keepalive;
	bool pmtu;
	enum err e = ERR_OK;

	if (other && other != p)
		return ERR_EXISTS;
	if (p && !public_key_equal(&p->tunnel_key, &m->tunnel_key)) {
		e = change_key(p, m);
		if (e) {
			peer_drop(p);
			p = NULL;
		}
	}
	if (!p && m->append)
		return ERR_NOTFOUND;
	if (!p)
		e = peer_new(t, m, &p);
	if (e)
		return e;
	keepalive = p->set.keepalive_s;
	e = peer_change(p, m);
	if (e) {
		peer_drop(p);
		return e;
	}
	pmtu = p->set.pmtu_max != m->pmtu_max || p->set.pmtu_fixed != m->pmtu_fixed;
	copy_settings(p, m);
	p->seen_in_sync = t->sync;
	if (m->kind == NODE_HUB && !t->self.is_hub)
		t->hub = p;
	path_settings_changed(p);
	if (t->hub == p && !t->mover)
		carrier_hub_known(t);
	if (keepalive != p->set.keepalive_s)
		timers_settings_changed(p);
	if (pmtu)
		pmtu_settings_changed(p);
	return ERR_OK;
}

void peer_drop(struct peer *p)
{
	struct tunnel *t = p->tunnel;

	probe_fini(p);
	p->set.warm = false;
	path_down(p);
	path_fini(p);
	timers_stop(p);
	session_fini(p);
	movers_tell_gone(p);
	list_del(&p->news.link);
	remove_routes(p);
	table_remove(&t->by_id, &p->by_id);
	table_remove(&t->by_key, &p->by_key);
	if (t->hub == p)
		t->hub = NULL;
	free(p);
}

/* Nothing of the session stays; what keeps a peer connected starts at once. */
static void begin_anew(struct peer *p)
{
	session_wipe(p);
	path_reset(p);
	timers_restart(p);
}

uint32_t peer_forget(struct tunnel *t, uint32_t id)
{
	struct table_node *n = NULL;
	uint32_t count = 0;

	while ((n = table_next(&t->by_id, n))) {
		struct peer *p = container_of(n, struct peer, by_id);

		if (id ? p->id != id : !p->path.unreachable)
			continue;
		begin_anew(p);
		count++;
	}
	return count;
}

void peer_drop_unseen(struct tunnel *t, uint32_t seen)
{
	struct table_node *n = table_next(&t->by_id, NULL);

	while (n) {
		struct peer *p = container_of(n, struct peer, by_id);

		n = table_next(&t->by_id, n);
		if (p->seen_in_sync != seen)
			peer_drop(p);
	}
}
