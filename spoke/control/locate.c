/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Where is a peer? The engine asks when it has traffic for one without a direct path, and again
 * while that lasts; we ask for those that ConnectTo names, and for those we were talking with when
 * the link was lost, whom the hub has forgotten to follow for us. The hub is asked, but not for
 * every packet; while it is away, what we know has to do.
 */
#include "shared/base/log.h"
#include "spoke/control/spoke.h"

/* At most LOCATE_RATE_PER_S in each second. */
static bool rate_allows(struct spoke *s, uint64_t now_ms)
{
	if (now_ms - s->locate_ms >= 1000) {
		s->locate_ms = now_ms;
		s->locates = 0;
	}
	return s->locates++ < LOCATE_RATE_PER_S;
}

/* One that only says itself that it wants no direct path is asked for, too: it may say something
 * else by now. */
static bool is_sought(const struct spoke *s, const struct node *n)
{
	return n && n->kind == NODE_SPOKE && engine_feed_is_peer(&s->cache, n) &&
	       engine_feed_rules(&s->engine, &s->cache, n) != PATH_POLICY_HUB_ONLY;
}

static void ask_hub(struct spoke *s, struct peer_state *p)
{
	struct control_msg m = { .type = CONTROL_LOCATE, .locate = { .id = p->id } };

	p->located_ms = loop_now_ms(s->loop);
	client_send(&s->client, &m);
}

void locate_peer(struct spoke *s, uint32_t id)
{
	const struct node *n = directory_find(&s->cache.dir, id);
	uint64_t now_ms = loop_now_ms(s->loop);
	struct peer_state *p;

	if (!is_sought(s, n))
		return;
	p = peers_get(&s->peers, id);
	if (!p || (p->located_ms && now_ms - p->located_ms < LOCATE_AGAIN_MS) ||
	    !rate_allows(s, now_ms))
		return;
	p->located_ms = now_ms;
	if (client_is_up(&s->client))
		ask_hub(s, p);
	whereabouts_ask(s, n);
}

/* Asks for one that was not asked for on this link. */
static bool locate_on_link(struct spoke *s, const struct node *n)
{
	struct peer_state *p = is_sought(s, n) ? peers_get(&s->peers, n->id) : NULL;

	if (!p || p->located_ms > s->link_up_ms)
		return false;
	ask_hub(s, p);
	return true;
}

void locate_warm(struct spoke *s)
{
	if (!client_is_up(&s->client))
		return;
	for (unsigned i = 0; i < s->cfg->n_hubs; i++)
		locate_on_link(s, directory_find_name(&s->cache.dir, s->cfg->hubs[i].name));
}

void locate_link_up(struct spoke *s)
{
	uint64_t now_ms = loop_now_ms(s->loop);
	struct table_node *t = NULL;
	unsigned n = 0;

	/* In the same round as an answer of the engine: what comes from here on is of this link. */
	s->link_up_ms = now_ms ? now_ms - 1 : 0;
	locate_warm(s);
	while (n < LOCATE_LINK_UP_MAX && (t = table_next(&s->peers.by_id, t))) {
		const struct peer_state *p = container_of(t, struct peer_state, by_id);

		if ((p->located_ms && now_ms - p->located_ms < LOCATE_RECENT_MS) ||
		    p->policy != PATH_POLICY_AUTO)
			n += locate_on_link(s, directory_find(&s->cache.dir, p->id));
	}
}
