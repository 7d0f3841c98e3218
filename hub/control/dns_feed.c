/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hub/control/dns_feed.h"

#include <string.h>

#include "hub/control/core.h"

static struct channel *worker_of(const struct control *c) { return c->w->siblings[WORKER_DNS]; }

static struct dns_self self_of(const struct control *c)
{
	const struct node *hub = core_hub(c);
	struct dns_self m = { 0 };

	if (hub) {
		m.id = hub->id;
		memcpy(m.addresses, hub->addresses, sizeof(m.addresses));
	}
	memcpy(m.pools, c->settings.pools, sizeof(m.pools));
	return m;
}

void dns_feed_up(struct control *c)
{
	struct channel *ch = worker_of(c);

	c->dns_self = self_of(c);
	dns_tell_self(ch, &c->dns_self);
	for (uint32_t i = 0; i < c->dir.count; i++)
		dns_tell_node(ch, &c->dir.nodes[i]);
	dns_tell_ready(ch, c->dir.revision);
}

void dns_feed_node(struct control *c, const struct node *now)
{
	if (worker_of(c))
		dns_tell_node(worker_of(c), now);
}

void dns_feed_commit(struct control *c)
{
	const struct dns_self m = self_of(c);

	if (!worker_of(c))
		return;
	if (!dns_self_equal(&m, &c->dns_self))
		dns_feed_up(c);
	else
		dns_tell_ready(worker_of(c), c->dir.revision);
}
