/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "spoke/control/net_feed.h"

#include <string.h>

#include "shared/base/log.h"

void net_feed_init(struct net_feed *f, struct channel *const *monitor)
{
	memset(f, 0, sizeof(*f));
	f->monitor = monitor;
}

void net_set_fini(struct net_set *s)
{
	free(s->list);
	memset(s, 0, sizeof(*s));
}

void net_feed_fini(struct net_feed *f)
{
	net_set_fini(&f->addresses);
	net_set_fini(&f->routes);
}

static enum err set_add(struct net_set *s, const struct prefix *p)
{
	if (s->n == s->cap) {
		size_t cap = s->cap ? s->cap * 2 : 16;
		struct prefix *list = realloc(s->list, cap * sizeof(*list));

		if (!list)
			return ERR_NOMEM;
		s->list = list;
		s->cap = cap;
	}
	s->list[s->n++] = *p;
	return ERR_OK;
}

static int prefix_order(const void *a, const void *b) { return prefix_cmp(a, b); }

static void set_sort(struct net_set *s)
{
	size_t kept = 0;

	if (s->n)
		qsort(s->list, s->n, sizeof(*s->list), prefix_order);
	for (size_t i = 0; i < s->n; i++)
		if (kept == 0 || !prefix_equal(&s->list[kept - 1], &s->list[i]))
			s->list[kept++] = s->list[i];
	s->n = kept;
}

static bool is_own_subnet(const struct node *self, const struct prefix *p)
{
	for (uint32_t i = 0; self && i < self->n_subnets; i++)
		if (prefix_equal(&self->subnets[i].prefix, p))
			return true;
	return false;
}

static enum err want_addresses(const struct cache *c, struct net_set *s)
{
	const struct node *self = cache_self(c);
	const struct addr *own = self ? self->addresses : c->welcome.addresses;
	enum err e = ERR_OK;

	for (size_t i = 0; e == ERR_OK && i < 2; i++) {
		struct prefix host;

		if (!own[i].family)
			continue;
		host = prefix_of_host(&own[i]);
		e = set_add(s, &host);
	}
	return e;
}

/* The subnets of one node that packets may be sent to; those of one whose key is held back, too:
 * they must not leave in the clear meanwhile. */
static enum err want_node(const struct cache *c, const struct engine_feed *f, const struct node *n,
			  struct net_set *s)
{
	const struct node *self = cache_self(c);
	bool is_wireguard = n->kind == NODE_WIREGUARD && n->status == NODE_ACTIVE;
	enum err e = ERR_OK;

	if (!is_wireguard && (!engine_feed_is_peer(c, n) ||
			      (engine_feed_refuses(f, n->id) && !engine_feed_holds(f, n))))
		return ERR_OK;
	for (uint32_t i = 0; e == ERR_OK && i < n->n_subnets; i++)
		if (!is_own_subnet(self, &n->subnets[i].prefix))
			e = set_add(s, &n->subnets[i].prefix);
	return e;
}

enum err net_feed_wanted(const struct cache *c, const struct engine_feed *f,
			 struct net_set *addresses, struct net_set *routes)
{
	enum err e = want_addresses(c, addresses);

	for (size_t i = 0; e == ERR_OK && i < ARRAY_LEN(c->welcome.pools); i++)
		if (c->welcome.pools[i].addr.family)
			e = set_add(routes, &c->welcome.pools[i]);
	for (uint32_t i = 0; e == ERR_OK && i < c->dir.count; i++)
		e = want_node(c, f, &c->dir.nodes[i], routes);
	set_sort(addresses);
	set_sort(routes);
	return e;
}

enum err net_feed_send(struct net_feed *f, enum monitor_msg type, const struct cursor *body)
{
	if (!f->monitor || !*f->monitor)
		return ERR_CLOSED;
	if (body && body->err)
		return body->err;
	return channel_send(*f->monitor, (uint16_t)type, body ? body->out : NULL,
			    body ? cursor_pos(body) : 0, -1);
}

static void send_message(struct net_feed *f, enum monitor_msg type, const struct cursor *body)
{
	enum err e = net_feed_send(f, type, body);

	if (e)
		log_error("addresses and routes: the monitor does not take them: %s", err_str(e));
}

static void send_prefix(struct net_feed *f, enum monitor_msg type, bool add, const struct prefix *p)
{
	struct monitor_prefix m = { .tag = ++f->tag, .add = add, .prefix = *p };
	uint8_t mem[64];
	struct cursor body;

	f->told = m.tag;
	cursor_init_write(&body, mem, sizeof(mem));
	monitor_prefix_encode(&m, &body);
	send_message(f, type, &body);
}

static void send_set(struct net_feed *f, enum monitor_msg type, const struct net_set *s)
{
	for (size_t i = 0; i < s->n; i++)
		send_prefix(f, type, true, &s->list[i]);
}

/* Sends what is in one sorted set and not in the other: a merge of the two. */
static void send_difference(struct net_feed *f, enum monitor_msg type, const struct net_set *old,
			    const struct net_set *new)
{
	size_t i = 0, k = 0;

	while (i < old->n || k < new->n) {
		int d = i == old->n   ? 1
			: k == new->n ? -1
				      : prefix_cmp(&old->list[i], &new->list[k]);

		if (d < 0)
			send_prefix(f, type, false, &old->list[i++]);
		else if (d > 0)
			send_prefix(f, type, true, &new->list[k++]);
		else
			i++, k++;
	}
}

static void send_all(struct net_feed *f, const struct net_set *addresses,
		     const struct net_set *routes, uint16_t mtu)
{
	struct monitor_net_end end = { .mtu = mtu };
	uint8_t mem[64];
	struct cursor body;

	send_message(f, MONITOR_NET_BEGIN, NULL);
	send_set(f, MONITOR_ADDRESS, addresses);
	send_set(f, MONITOR_ROUTE, routes);
	end.tag = f->told = ++f->tag;
	cursor_init_write(&body, mem, sizeof(mem));
	monitor_net_end_encode(&end, &body);
	send_message(f, MONITOR_NET_END, &body);
}

bool net_feed_has_address(const struct net_feed *f, const struct addr *a)
{
	for (size_t i = 0; i < f->addresses.n; i++)
		if (addr_equal(&f->addresses.list[i].addr, a))
			return true;
	return false;
}

bool net_feed_hold(struct net_feed *f, const struct addr *to, struct prefix *held)
{
	const struct prefix *best = NULL;

	for (size_t i = 0; i < f->routes.n; i++)
		if (prefix_contains(&f->routes.list[i], to) &&
		    (!best || f->routes.list[i].len > best->len))
			best = &f->routes.list[i];
	if (!best)
		return false;
	if (f->n_held == NET_FEED_HELD_MAX)
		memmove(&f->held[0], &f->held[1], --f->n_held * sizeof(f->held[0]));
	f->held[f->n_held++] = *held = *best;
	return true;
}

/* Does it lead to one of them? */
static bool leads_to(const struct prefix *p, const struct addr *list, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (prefix_contains(p, &list[i]))
			return true;
	return false;
}

bool net_feed_release(struct net_feed *f, const struct addr *except, unsigned n)
{
	const unsigned before = f->n_held;

	f->n_held = 0;
	for (unsigned i = 0; i < before; i++)
		if (leads_to(&f->held[i], except, n))
			f->held[f->n_held++] = f->held[i];
	return f->n_held != before;
}

/* Takes out of the wanted routes those that are held, and forgets of these what nobody wants any
 * more. */
static void leave_out_held(struct net_feed *f, struct net_set *routes)
{
	const unsigned before = f->n_held;

	f->n_held = 0;
	for (unsigned i = 0; i < before; i++)
		for (size_t k = 0; k < routes->n; k++)
			if (prefix_equal(&routes->list[k], &f->held[i])) {
				f->held[f->n_held++] = routes->list[k];
				memmove(&routes->list[k], &routes->list[k + 1],
					(--routes->n - k) * sizeof(*routes->list));
				break;
			}
}

void net_feed_update(struct net_feed *f, const struct cache *c, const struct engine_feed *e)
{
	struct net_set addresses = { 0 }, routes = { 0 };

	uint16_t mtu = engine_feed_mtu(e, c);

	if (!c->has_welcome)
		return;
	if (net_feed_wanted(c, e, &addresses, &routes)) {
		log_error("addresses and routes: out of memory, they stay as they are");
		net_set_fini(&addresses);
		net_set_fini(&routes);
		return;
	}
	leave_out_held(f, &routes);
	if (!f->begun || f->mtu != mtu) {
		send_all(f, &addresses, &routes, mtu);
	} else {
		/* Addresses first: a route's preferred source is one of them. */
		send_difference(f, MONITOR_ADDRESS, &f->addresses, &addresses);
		send_difference(f, MONITOR_ROUTE, &f->routes, &routes);
	}
	f->begun = true;
	f->mtu = mtu;
	net_feed_fini(f);
	f->addresses = addresses;
	f->routes = routes;
}
