/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/monitor/network.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/base/log.h"
#include "shared/base/table.h"
#include "shared/monitor/netlink.h"
#include "shared/wire/limits.h"

struct net_address {
	struct addr addr;
	bool marked;
};

struct net_route {
	struct table_node node;
	struct prefix prefix; /* the key: bytes only, no padding */
	bool marked;
	bool installed; /* the kernel has it */
};

struct network {
	struct netlink *nl;
	struct net_address addresses[NETWORK_ADDRESSES_MAX]; /* oldest first */
	unsigned n_addresses;
	struct table routes;   /* of struct net_route */
	struct addr source[2]; /* preferred source the routes were set with: IPv4, IPv6 */
	char text[NETWORK_TEXT_BYTES];
};

_Static_assert(sizeof(struct prefix) == sizeof(struct addr) + 1 && sizeof(struct addr) == 17,
	       "a prefix has no padding and can be a key");

enum err network_new(struct netlink *nl, struct network **out)
{
	struct network *n = calloc(1, sizeof(*n));
	enum err e;

	if (!n)
		return ERR_NOMEM;
	n->nl = nl;
	e = table_init(&n->routes, TABLE_KEY(struct net_route, node, prefix));
	if (e != ERR_OK) {
		free(n);
		return e;
	}
	*out = n;
	return ERR_OK;
}

static void forget_route(struct network *n, struct net_route *r)
{
	table_remove(&n->routes, &r->node);
	free(r);
}

void network_free(struct network *n)
{
	struct table_node *pos, *next;

	if (!n)
		return;
	for (pos = table_next(&n->routes, NULL); pos; pos = next) {
		next = table_next(&n->routes, pos);
		forget_route(n, container_of(pos, struct net_route, node));
	}
	table_fini(&n->routes);
	free(n);
}

const char *network_text(const struct network *n) { return n->text; }

static enum err refuse(struct network *n, enum err e, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
static enum err refuse(struct network *n, enum err e, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(n->text, sizeof(n->text), fmt, ap);
	va_end(ap);
	return e;
}

/* Hands on what the kernel said about `p`. */
static enum err refused_by_kernel(struct network *n, enum err e, const struct prefix *p)
{
	char text[PREFIX_STR_SIZE];

	return refuse(n, e, "%s: %s", prefix_format(p, text), netlink_text(n->nl));
}

static unsigned slot(const struct addr *a) { return a->family == AF_INET6; }

/* The oldest address of a family, or one of family 0. */
static struct addr oldest(const struct network *n, uint8_t family)
{
	for (unsigned i = 0; i < n->n_addresses; i++)
		if (n->addresses[i].addr.family == family)
			return n->addresses[i].addr;
	return (struct addr){ 0 };
}

static enum err install(struct network *n, struct net_route *r)
{
	enum err e = netlink_add_route(n->nl, &r->prefix, &n->source[slot(&r->prefix.addr)]);

	r->installed = e == ERR_OK;
	return e == ERR_OK ? e : refused_by_kernel(n, e, &r->prefix);
}

/*
 * After an address came or went: when the preferred source of the family is another one now, its
 * routes are set anew. The kernel takes IPv4 routes away together with their source address. A
 * route that fails stays in the table, and the next sync tries it again.
 */
static enum err refresh_source(struct network *n, uint8_t family)
{
	struct addr now = oldest(n, family);
	struct addr *before = &n->source[family == AF_INET6];
	enum err e, first = ERR_OK;

	if (addr_equal(&now, before))
		return ERR_OK;
	*before = now;
	for (struct table_node *pos = table_next(&n->routes, NULL); pos;
	     pos = table_next(&n->routes, pos)) {
		struct net_route *r = container_of(pos, struct net_route, node);

		if (r->prefix.addr.family != family)
			continue;
		e = install(n, r);
		if (first == ERR_OK)
			first = e;
	}
	return first;
}

static int find_address(const struct network *n, const struct addr *a)
{
	for (unsigned i = 0; i < n->n_addresses; i++)
		if (addr_equal(&n->addresses[i].addr, a))
			return (int)i;
	return -1;
}

bool network_has_address(const struct network *n, const struct addr *a)
{
	return find_address(n, a) >= 0;
}

static enum err add_address(struct network *n, const struct prefix *p)
{
	int i = find_address(n, &p->addr);
	enum err e;

	if (i >= 0) {
		n->addresses[i].marked = true;
		return ERR_OK;
	}
	if (n->n_addresses == NETWORK_ADDRESSES_MAX)
		return refuse(n, ERR_LIMIT, "more than %u addresses", NETWORK_ADDRESSES_MAX);
	e = netlink_add_address(n->nl, &p->addr);
	if (e != ERR_OK)
		return refused_by_kernel(n, e, p);
	n->addresses[n->n_addresses++] = (struct net_address){ .addr = p->addr, .marked = true };
	return refresh_source(n, p->addr.family);
}

static enum err remove_address(struct network *n, unsigned i)
{
	struct addr gone = n->addresses[i].addr;
	enum err e = netlink_del_address(n->nl, &gone);
	struct prefix p = prefix_of_host(&gone);

	if (e != ERR_OK)
		return refused_by_kernel(n, e, &p);
	n->n_addresses--;
	memmove(&n->addresses[i], &n->addresses[i + 1],
		(n->n_addresses - i) * sizeof(n->addresses[0]));
	return refresh_source(n, gone.family);
}

/* What the caller got wrong whatever it wants to do with the prefix. */
static enum err check_shape(struct network *n, const struct prefix *p)
{
	struct prefix net;

	n->text[0] = '\0';
	if (!n->nl)
		return refuse(n, ERR_UNSUPPORTED, "this node has no interface (Device = none)");
	if ((p->addr.family != AF_INET && p->addr.family != AF_INET6) ||
	    p->len > addr_bits(&p->addr))
		return refuse(n, ERR_INVALID, "not a prefix");
	net = prefix_of_net(&p->addr, p->len);
	if (!prefix_equal(&net, p))
		return refuse(n, ERR_INVALID, "host bits are set");
	return ERR_OK;
}

enum err network_address(struct network *n, bool add, const struct prefix *p)
{
	char text[PREFIX_STR_SIZE];
	int i;
	enum err e = check_shape(n, p);

	if (e != ERR_OK)
		return e;
	if (p->len != addr_bits(&p->addr))
		return refuse(n, ERR_INVALID, "%s is not a single address", prefix_format(p, text));
	if (addr_is_special(&p->addr) || prefix_is_reserved(p))
		return refuse(n, ERR_DENIED, "%s cannot be an address of a node",
			      prefix_format(p, text));
	if (add)
		return add_address(n, p);
	i = find_address(n, &p->addr);
	return i < 0 ? ERR_OK : remove_address(n, (unsigned)i);
}

static struct net_route *find_route(const struct network *n, const struct prefix *p)
{
	struct table_node *node = table_find(&n->routes, p);

	return node ? container_of(node, struct net_route, node) : NULL;
}

static enum err add_route(struct network *n, const struct prefix *p)
{
	struct net_route *r = find_route(n, p);
	enum err e;

	if (r) {
		r->marked = true;
		return r->installed ? ERR_OK : install(n, r);
	}
	if (n->routes.count >= NETWORK_ROUTES_MAX)
		return refuse(n, ERR_LIMIT, "more than %u routes", NETWORK_ROUTES_MAX);
	r = calloc(1, sizeof(*r));
	if (!r)
		return refuse(n, ERR_NOMEM, "out of memory");
	r->prefix = *p;
	r->marked = true;
	e = table_insert(&n->routes, &r->node);
	if (e != ERR_OK) {
		free(r);
		return refuse(n, e, "out of memory");
	}
	e = install(n, r);
	if (e != ERR_OK)
		forget_route(n, r);
	return e;
}

static enum err remove_route(struct network *n, struct net_route *r)
{
	enum err e = netlink_del_route(n->nl, &r->prefix);

	if (e != ERR_OK)
		return refused_by_kernel(n, e, &r->prefix);
	forget_route(n, r);
	return ERR_OK;
}

enum err network_route(struct network *n, bool add, const struct prefix *p)
{
	char text[PREFIX_STR_SIZE];
	struct net_route *r;
	enum err e = check_shape(n, p);

	if (e != ERR_OK)
		return e;
	if (p->len == 0)
		return refuse(n, ERR_DENIED,
			      "a default route through the network is not supported");
	if (prefix_is_reserved(p))
		return refuse(n, ERR_DENIED, "%s meets addresses that cannot be routed",
			      prefix_format(p, text));
	if (add)
		return add_route(n, p);
	r = find_route(n, p);
	return r ? remove_route(n, r) : ERR_OK;
}

void network_begin(struct network *n)
{
	for (unsigned i = 0; i < n->n_addresses; i++)
		n->addresses[i].marked = false;
	for (struct table_node *pos = table_next(&n->routes, NULL); pos;
	     pos = table_next(&n->routes, pos))
		container_of(pos, struct net_route, node)->marked = false;
}

static enum err sweep_routes(struct network *n)
{
	struct table_node *pos, *next;
	enum err e, first = ERR_OK;

	for (pos = table_next(&n->routes, NULL); pos; pos = next) {
		struct net_route *r = container_of(pos, struct net_route, node);

		next = table_next(&n->routes, pos);
		e = r->marked ? ERR_OK : remove_route(n, r);
		if (first == ERR_OK)
			first = e;
	}
	return first;
}

/* Backwards, since removing moves what is behind. */
static enum err sweep_addresses(struct network *n)
{
	enum err e, first = ERR_OK;

	for (unsigned i = n->n_addresses; i-- > 0;) {
		e = n->addresses[i].marked ? ERR_OK : remove_address(n, i);
		if (first == ERR_OK)
			first = e;
	}
	return first;
}

enum err network_end(struct network *n, uint16_t mtu)
{
	enum err first, e;

	n->text[0] = '\0';
	if (mtu < TUN_MTU_MIN || mtu > TUN_MTU_MAX)
		return refuse(n, ERR_INVALID, "MTU %u is not in %u..%u", mtu, TUN_MTU_MIN,
			      TUN_MTU_MAX);
	if (!n->nl)
		return ERR_OK;
	/* Routes first: those that stay are then set anew only once, when their source goes. */
	first = sweep_routes(n);
	e = sweep_addresses(n);
	if (first == ERR_OK)
		first = e;
	e = netlink_set_mtu(n->nl, mtu);
	if (e != ERR_OK)
		refuse(n, e, "MTU %u: %s", mtu, netlink_text(n->nl));
	return first == ERR_OK ? e : first;
}
