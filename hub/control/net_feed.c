/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hub/control/net_feed.h"

#include <stdlib.h>
#include <string.h>

#include "hub/control/core.h"

/* --- sets --- */

static enum err set_add(struct net_set *s, const struct prefix *p)
{
	if (s->n == s->cap) {
		size_t cap = s->cap ? s->cap * 2 : 64;
		struct prefix *more = reallocarray(s->p, cap, sizeof(*more));
		if (!more)
			return ERR_NOMEM;
		s->p = more;
		s->cap = cap;
	}
	s->p[s->n++] = *p;
	return ERR_OK;
}

static int compare(const void *a, const void *b) { return prefix_cmp(a, b); }

/* Sorts, and keeps one of equal ones: fail-over puts a subnet on two nodes. */
static void set_sort(struct net_set *s)
{
	size_t n = 0;

	if (s->n == 0)
		return;
	qsort(s->p, s->n, sizeof(*s->p), compare);
	for (size_t i = 1; i < s->n; i++)
		if (!prefix_equal(&s->p[i], &s->p[n]))
			s->p[++n] = s->p[i];
	s->n = n + 1;
}

static void set_fini(struct net_set *s)
{
	free(s->p);
	memset(s, 0, sizeof(*s));
}

/* --- what should be --- */

static bool is_own(const struct node *hub, const struct prefix *p)
{
	for (uint32_t i = 0; i < hub->n_subnets; i++)
		if (prefix_equal(&hub->subnets[i].prefix, p))
			return true;
	return false;
}

/* An address that an admin chose outside of the pools needs a route of its own. */
static bool in_pool(const struct control *c, const struct addr *a)
{
	for (unsigned i = 0; i < ARRAY_LEN(c->settings.pools); i++)
		if (c->settings.pools[i].addr.family == a->family &&
		    prefix_contains(&c->settings.pools[i], a))
			return true;
	return false;
}

static enum err add_node(const struct control *c, const struct node *hub, const struct node *n,
			 struct net_set *routes)
{
	enum err e = ERR_OK;

	if (n->status != NODE_ACTIVE || n == hub)
		return ERR_OK;
	for (uint32_t i = 0; i < n->n_subnets && e == ERR_OK; i++)
		if (!is_own(hub, &n->subnets[i].prefix))
			e = set_add(routes, &n->subnets[i].prefix);
	for (unsigned i = 0; i < ARRAY_LEN(n->addresses) && e == ERR_OK; i++) {
		struct prefix host;
		if (!n->addresses[i].family || in_pool(c, &n->addresses[i]))
			continue;
		host = prefix_of_host(&n->addresses[i]);
		e = set_add(routes, &host);
	}
	return e;
}

static enum err compute(const struct control *c, struct net_set *addresses, struct net_set *routes)
{
	const struct node *hub = core_hub(c);
	enum err e = hub ? ERR_OK : ERR_NOTFOUND;

	for (unsigned i = 0; e == ERR_OK && i < ARRAY_LEN(hub->addresses); i++) {
		struct prefix own;
		if (!hub->addresses[i].family)
			continue;
		own = prefix_of_host(&hub->addresses[i]);
		e = set_add(addresses, &own);
	}
	for (unsigned i = 0; e == ERR_OK && i < ARRAY_LEN(c->settings.pools); i++)
		if (c->settings.pools[i].addr.family)
			e = set_add(routes, &c->settings.pools[i]);
	for (uint32_t i = 0; e == ERR_OK && i < c->dir.count; i++)
		e = add_node(c, hub, &c->dir.nodes[i], routes);
	set_sort(addresses);
	set_sort(routes);
	return e;
}

/* --- asking for it --- */

static void request(struct control *c, enum monitor_msg type, const void *p, size_t n)
{
	if (!c->w->monitor)
		return;
	/* Without the monitor we end, too: nothing to repair here. */
	if (channel_send(c->w->monitor, (uint16_t)type, p, n, -1) != ERR_OK &&
	    log_allowed(&c->log_system))
		log_error("control: the monitor does not take requests");
}

static void ask(struct control *c, enum monitor_msg type, bool add, const struct prefix *p)
{
	struct monitor_prefix m = { .tag = ++c->net.tag, .add = add, .prefix = *p };
	uint8_t mem[64];
	struct cursor cur;

	cursor_init_write(&cur, mem, sizeof(mem));
	monitor_prefix_encode(&m, &cur);
	BUG_ON(cur.err);
	request(c, type, mem, cursor_pos(&cur));
}

/* Walks both sorted sets: what is only in `old` goes, what is only in `now` comes. */
static void ask_difference(struct control *c, enum monitor_msg type, const struct net_set *old,
			   const struct net_set *now)
{
	size_t i = 0, j = 0;

	while (i < old->n || j < now->n) {
		int order = i == old->n ? 1 : j == now->n ? -1 : prefix_cmp(&old->p[i], &now->p[j]);
		if (order < 0)
			ask(c, type, false, &old->p[i]);
		else if (order > 0)
			ask(c, type, true, &now->p[j]);
		i += order <= 0;
		j += order >= 0;
	}
}

/* Takes the new sets in place of the old. */
static void keep(struct net_feed *f, struct net_set *addresses, struct net_set *routes)
{
	set_fini(&f->addresses);
	set_fini(&f->routes);
	f->addresses = *addresses;
	f->routes = *routes;
}

/* Computes and sends; between BEGIN and END the whole set is what differs from nothing. */
static void send_sets(struct control *c)
{
	struct net_set addresses = { 0 }, routes = { 0 };

	if (compute(c, &addresses, &routes) != ERR_OK) {
		set_fini(&addresses);
		set_fini(&routes);
		if (log_allowed(&c->log_system))
			log_error("control: out of memory for the routes; the old ones stay");
		return;
	}
	ask_difference(c, MONITOR_ADDRESS, &c->net.addresses, &addresses);
	ask_difference(c, MONITOR_ROUTE, &c->net.routes, &routes);
	keep(&c->net, &addresses, &routes);
}

static void send_end(struct control *c)
{
	struct monitor_net_end m = { .tag = ++c->net.tag, .mtu = c->settings.mtu };
	uint8_t mem[16];
	struct cursor cur;

	cursor_init_write(&cur, mem, sizeof(mem));
	monitor_net_end_encode(&m, &cur);
	BUG_ON(cur.err);
	request(c, MONITOR_NET_END, mem, cursor_pos(&cur));
}

void net_feed_start(struct control *c)
{
	c->net.on = strcmp(c->config->device, "none") != 0;
	if (!c->net.on)
		return;
	set_fini(&c->net.addresses);
	set_fini(&c->net.routes);
	request(c, MONITOR_NET_BEGIN, NULL, 0);
	send_sets(c);
	send_end(c);
	c->net.mtu = c->settings.mtu;
}

void net_feed_update(struct control *c)
{
	if (!c->net.on)
		return;
	/* Only a whole set carries the MTU. */
	if (c->net.mtu != c->settings.mtu)
		net_feed_start(c);
	else
		send_sets(c);
}

void net_feed_done(struct control *c, const struct monitor_done *m)
{
	if (m->result != ERR_OK && log_allowed(&c->log_system))
		log_warn("control: an address or route could not be set: %s (%s)",
			 err_str(m->result), m->text);
}

void net_feed_fini(struct control *c)
{
	set_fini(&c->net.addresses);
	set_fini(&c->net.routes);
}
