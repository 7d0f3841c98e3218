/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The engine has traffic for a peer that it has no path to: the hub is asked where that peer is,
 * but not for every packet. */
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

void locate_peer(struct spoke *s, uint32_t id)
{
	struct control_msg m = { .type = CONTROL_LOCATE, .locate = { .id = id } };
	const struct node *n = directory_find(&s->cache.dir, id);
	uint64_t now_ms = loop_now_ms(s->loop);
	struct peer_state *p;

	if (!n || n->kind != NODE_SPOKE || !client_is_up(&s->client))
		return;
	p = peers_get(&s->peers, id);
	if (!p || (p->located_ms && now_ms - p->located_ms < LOCATE_AGAIN_MS) ||
	    !rate_allows(s, now_ms))
		return;
	p->located_ms = now_ms;
	client_send(&s->client, &m);
}
