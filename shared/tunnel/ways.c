/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/tunnel/ways.h"

#include "shared/tunnel/choice.h"
#include "shared/tunnel/path.h"
#include "shared/tunnel/probe.h"

static unsigned add_way(struct way out[WAYS_HANDSHAKE_MAX], unsigned n, const struct way *way)
{
	for (unsigned i = 0; i < n; i++)
		if (way_equal(&out[i], way))
			return n;
	if (n == WAYS_HANDSHAKE_MAX || !way_is_set(way))
		return n;
	out[n] = *way;
	return n + 1;
}

/* Every outer address that is known of the peer; what worked goes first. */
static unsigned add_known(const struct peer *p, struct way out[WAYS_HANDSHAKE_MAX], unsigned n)
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

unsigned ways_for_handshake(const struct peer *p, bool retry, struct way out[WAYS_HANDSHAKE_MAX])
{
	const struct tunnel *t = p->tunnel;
	const enum path_policy policy = path_policy(p);
	const struct way now = path_way(p), relay = way_relay(), carrier = way_to(&t->carrier);
	unsigned n = 0;

	if (path_is_hub(p) && (t->self.tcp_only || p->path.unreachable))
		n = add_way(out, n, &carrier);
	if (policy == PATH_POLICY_HUB_ONLY)
		return path_is_hub(p) ? n : add_way(out, n, &relay);
	n = add_way(out, n, &now);
	/* One that works, so far. */
	if (p->path.choice && n && !retry && !p->path.unreachable)
		return n;
	if (!p->set.via_hub)
		return endpoint_is_set(&p->path.endpoint) && !retry && !path_is_hub(p)
			       ? n
			       : add_known(p, out, n);
	if (policy == PATH_POLICY_AUTO)
		n = add_way(out, n, &relay);
	if (policy == PATH_POLICY_DIRECT_ONLY || retry || !path_relay_is_up(t))
		n = add_known(p, out, n);
	return n;
}

static bool covers(struct route_table *routes, const struct addr *a)
{
	return a->family && route_lookup(routes, a->family, a->b);
}

bool ways_is_looped(struct tunnel *t, const struct probe_answer *a)
{
	const struct addr *seen = &a->observed.addr;

	if (a->way.relayed || !seen->family)
		return false;
	return addr_equal(seen, &t->self.addresses[0]) || addr_equal(seen, &t->self.addresses[1]) ||
	       (covers(&t->own, seen) && !covers(&t->own, &a->way.endpoint.addr));
}

bool ways_may_loop(struct tunnel *t, const struct addr *a)
{
	return covers(&t->routes, a) && !covers(&t->own, a);
}
