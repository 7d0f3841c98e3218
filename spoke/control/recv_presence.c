/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where a peer is, as the hub sees it: for the engine, which looks for a direct path. */
#include <string.h>

#include "shared/base/log.h"
#include "spoke/control/spoke.h"

/* For `status`: what is being tried. */
static void keep_candidates(struct spoke *s, const struct control_presence *p)
{
	struct peer_state *state = peers_get(&s->peers, p->id);

	if (!state)
		return;
	state->n_candidates = p->online ? p->n_endpoints : 0;
	memcpy(state->candidates, p->endpoints, state->n_candidates * sizeof(p->endpoints[0]));
}

/* What it says of its paths itself. */
static void keep_policy(struct spoke *s, const struct node *n, const struct control_presence *p)
{
	struct peer_state *state = peers_get(&s->peers, n->id);

	if (!state || !p->online || state->policy == p->path_policy)
		return;
	state->policy = p->path_policy;
	log_debug(1, "node %s says of its paths: %s", n->name, path_policy_str(state->policy));
	engine_feed_peer(&s->engine, &s->cache, n);
}

void recv_presence(struct spoke *s, const struct control_presence *p, bool punch)
{
	const struct node *n = directory_find(&s->cache.dir, p->id);

	/* Only peers of the directory, and not the hub: where that one is, our own names and
	 * addresses say. */
	if (!n || !engine_feed_is_peer(&s->cache, n) || n->kind != NODE_SPOKE ||
	    engine_feed_refuses(&s->engine, p->id) || s->engine.muted)
		return;
	log_debug(2, "node %s is %s, %u addresses%s", n->name, p->online ? "online" : "offline",
		  p->n_endpoints, punch ? ", it is looking for us" : "");
	keep_candidates(s, p);
	keep_policy(s, n, p);
	if (p->online && p->tcp)
		engine_feed_tcp(&s->engine, p->id);
	else
		whereabouts_told(s, n, p, punch);
}
