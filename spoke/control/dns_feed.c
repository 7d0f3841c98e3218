/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "spoke/control/dns_feed.h"

#include <string.h>

#include "spoke/control/spoke.h"

static struct channel *worker_of(const struct spoke *s)
{
	return s->w ? s->w->siblings[WORKER_DNS] : NULL;
}

static struct dns_self self_of(const struct spoke *s)
{
	const struct node *self = cache_self(&s->cache);
	struct dns_self m = { 0 };

	m.id = s->cache.welcome.id;
	memcpy(m.addresses, self ? self->addresses : s->cache.welcome.addresses,
	       sizeof(m.addresses));
	memcpy(m.pools, s->cache.welcome.pools, sizeof(m.pools));
	return m;
}

void dns_feed_all(struct spoke *s)
{
	struct channel *ch = worker_of(s);

	if (!ch || !s->cache.has_welcome)
		return;
	s->dns.self = self_of(s);
	dns_tell_self(ch, &s->dns.self);
	for (uint32_t i = 0; i < s->cache.dir.count; i++)
		dns_tell_node(ch, &s->cache.dir.nodes[i]);
	dns_tell_ready(ch, s->cache.dir.revision);
}

void dns_feed_delta(struct spoke *s, const struct delta *x)
{
	const struct dns_self m = self_of(s);
	struct channel *ch = worker_of(s);

	if (!ch)
		return;
	if (x->from == 0 || !dns_self_equal(&m, &s->dns.self)) {
		dns_feed_all(s);
		return;
	}
	for (uint32_t i = 0; i < x->n_gone; i++)
		dns_tell_gone(ch, x->gone[i].id);
	for (uint32_t i = 0; i < x->n_changed; i++)
		dns_tell_node(ch, &x->changed[i]);
	dns_tell_ready(ch, x->to);
}
