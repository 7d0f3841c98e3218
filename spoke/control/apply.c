/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The spine of the control worker: what the hub says of the directory becomes what the engine does.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "shared/base/log.h"
#include "spoke/control/spoke.h"

bool apply_save(struct spoke *s)
{
	enum err e = cache_save(&s->cache, s->cfg->cache_file);

	if (e && log_allowed(&s->cache_limit))
		log_warn("%s cannot be written: %s; after a restart the directory has to come from "
			 "the hub",
			 s->cfg->cache_file, err_str(e));
	return e == ERR_OK;
}

void apply_save_soon(struct spoke *s)
{
	uint64_t at_ms = loop_now_ms(s->loop) + SPOKE_CACHE_SOON_MS;

	if (s->started && s->save_timer.at_ms > at_ms)
		timer_arm(loop_timers(s->loop), &s->save_timer, at_ms);
}

void apply_save_strictly(struct spoke *s)
{
	if (apply_save(s) || unlink(s->cfg->cache_file) == 0 || errno == ENOENT)
		return;
	log_error("%s cannot be removed: %s. It holds nodes that the hub has cut; with the hub "
		  "away a restart would trust them",
		  s->cfg->cache_file, strerror(errno));
}

/* Does the hub take something back: a membership, or a key that was trusted until now? */
static bool takes_back(const struct spoke *s, const struct delta *x)
{
	if (x->n_gone || x->from == 0)
		return true;
	for (uint32_t i = 0; i < x->n_changed; i++) {
		const struct node *new = &x->changed[i],
				  *old = directory_find(&s->cache.dir, new->id);

		if (old && old->has_tunnel &&
		    (new->status != old->status || !new->has_tunnel ||
		     !public_key_equal(&new->tunnel_key, &old->tunnel_key)))
			return true;
	}
	return false;
}

/* Says what an admin of this branch wants to know about a change, and runs his scripts. */
static void tell_changes(struct spoke *s, const struct delta *x)
{
	for (uint32_t i = 0; i < x->n_changed; i++) {
		const struct node *new = &x->changed[i],
				  *old = directory_find(&s->cache.dir, new->id);

		if (old)
			announce_changed(s, old, new);
		if (old && new->id == s->cache.welcome.id && strcmp(old->name, new->name) != 0)
			log_notice("the hub calls this node %s now (Name in spoke.conf: %s)",
				   new->name, s->cfg->name);
	}
	for (uint32_t i = 0; i < x->n_gone; i++) {
		const struct node *old = directory_find(&s->cache.dir, x->gone[i].id);

		if (old)
			log_debug(1, "node %s is %s", old->name,
				  x->gone[i].revoked ? "revoked" : "gone");
	}
	if (x->to < s->cache.highest)
		log_warn("the hub's directory went back from revision %" PRIu64 " to %" PRIu64
			 "; was it restored from a backup?",
			 s->cache.highest, x->to);
}

static bool stays(const struct delta *x, uint32_t id)
{
	for (uint32_t i = 0; i < x->n_changed; i++)
		if (x->changed[i].id == id)
			return true;
	return false;
}

static void forget_peer(struct spoke *s, uint32_t id)
{
	announce_down(s, id);
	whereabouts_forget(s, id);
	peers_remove(&s->peers, id);
}

/* Peers that will be in the directory no more: their scripts run while their subnets are still
 * known. */
static void forget_gone(struct spoke *s, const struct delta *x)
{
	struct table_node *n, *next;

	for (uint32_t i = 0; i < x->n_gone; i++)
		forget_peer(s, x->gone[i].id);
	/* A snapshot replaces everything: whoever is not in it is gone, too. */
	for (n = table_next(&s->peers.by_id, NULL); x->from == 0 && n; n = next) {
		uint32_t id = container_of(n, struct peer_state, by_id)->id;

		next = table_next(&s->peers.by_id, n);
		if (!stays(x, id))
			forget_peer(s, id);
	}
}

/* Only what has changed goes to the engine; where the new ones are, too. */
static void apply_delta(struct spoke *s, const struct delta *x, bool hub_routes)
{
	engine_feed_delta(&s->engine, &s->cache, x, hub_routes);
	for (uint32_t i = 0; i < x->n_changed; i++)
		whereabouts_send(s, &x->changed[i], false);
}

void apply_directory(struct spoke *s, const struct delta *x)
{
	bool hub_routes = engine_feed_touches_hub(&s->cache, x), strict = takes_back(s, x);
	enum err e;

	log_debug(2, "directory: revision %" PRIu64 " to %" PRIu64 ", %u changed, %u gone", x->from,
		  x->to, x->n_changed, x->n_gone);
	tell_changes(s, x);
	forget_gone(s, x);
	revoked_note(&s->cache.revoked, &s->cache.dir, x);
	e = directory_apply(&s->cache.dir, x);
	if (e) {
		/* Most likely we have missed a revision: then everything is asked for, once. */
		log_warn("directory: revision %" PRIu64 " does not follow on %" PRIu64 ": %s",
			 x->to, s->cache.dir.revision, err_str(e));
		s->want_snapshot = true;
		client_close(&s->client, "the directory has to be fetched as a whole", false, 0);
		return;
	}
	s->want_snapshot = false;
	if (x->to > s->cache.highest)
		s->cache.highest = x->to;
	grace_confirmed(s);
	if (strict)
		apply_save_strictly(s);
	else
		apply_save(s);
	cache_peers_prune(&s->cache);
	trust_judge(s, x);
	if (x->from == 0)
		apply_engine(s);
	else
		apply_delta(s, x, hub_routes);
	net_feed_update(&s->net, &s->cache, &s->engine);
	announce_own(s);
	dns_feed_delta(s, x);
	locate_warm(s);
	rotation_settle(s);
	hub_pin_settle(s);
	apply_tell_revived(s);
	trust_tell(s);
	policies_tell(s);
}

void apply_tell_revived(struct spoke *s)
{
	struct control_msg m = { .type = CONTROL_REVIVED };

	if (!s->cache.revoked.n || !client_is_up(&s->client))
		return;
	for (uint32_t i = 0; i < s->cache.dir.count; i++) {
		const struct node *n = &s->cache.dir.nodes[i];
		/* Ours to change: the list is in our cache. */
		struct revoked_node *x =
			(struct revoked_node *)(uintptr_t)revoked_find(&s->cache.revoked, n);

		if (!x || x->told || n->status != NODE_ACTIVE)
			continue;
		x->told = true;
		log_warn("node %s is refused: its key was revoked at revision %" PRIu64
			 ", and the hub names it again; was the hub restored from a backup?",
			 n->name, x->revision);
		if (!(s->client.capabilities & CAP_REVIVED))
			continue;
		m.revived = (struct control_revived){ .id = n->id,
						      .revision = x->revision,
						      .identity_key = n->identity_key };
		client_send(&s->client, &m);
	}
}

void apply_engine(struct spoke *s)
{
	engine_feed_sync(&s->engine, &s->cache);
	whereabouts_sync(s);
}

void apply_cache(struct spoke *s)
{
	apply_engine(s);
	net_feed_update(&s->net, &s->cache, &s->engine);
	announce_own(s);
	dns_feed_all(s);
}

void apply_done(struct spoke *s, uint64_t revision)
{
	s->engine.applied = revision;
	apply_ack(s);
}

void apply_ack(struct spoke *s)
{
	struct control_msg m = { .type = CONTROL_ACK };

	if (!client_is_up(&s->client) || s->engine.muted || s->engine.applied == 0 ||
	    s->engine.applied == s->acked || s->engine.applied != s->cache.dir.revision)
		return;
	s->acked = s->engine.applied;
	m.ack.revision = s->acked;
	client_send(&s->client, &m);
}
