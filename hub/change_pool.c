/* SPDX-License-Identifier: GPL-3.0-or-later */
/* change_pool: which address a new node gets. The lowest free one, so that a network's addresses
 * stay together and can be foretold. */
#include <string.h>

#include "hub/change_step.h"

/* One setting as a prefix; family 0 when there is none. */
static enum err read_pool(struct change *c, const char *key, struct prefix *out)
{
	struct buf b;
	enum err e;

	*out = (struct prefix){ 0 };
	buf_init(&b, PREFIX_STR_SIZE);
	e = store_setting_get(c->store, key, &b);
	if (e == ERR_NOTFOUND) {
		e = ERR_OK;
	} else if (!e) {
		const char *text = buf_cstr(&b);

		if (!text)
			e = ERR_NOMEM;
		else if (prefix_parse(text, out, NULL))
			e = ERR_CORRUPT;
	}
	buf_fini(&b);
	return e;
}

enum err change_pools_read(struct change *c, struct prefix pools[2])
{
	enum err e = read_pool(c, "pool4", &pools[0]);

	return e ? e : read_pool(c, "pool6", &pools[1]);
}

/* The address after `a`; ERR_LIMIT after the very last one. */
static enum err next_addr(struct addr *a)
{
	for (size_t i = addr_len(a); i-- > 0;)
		if (++a->b[i] != 0)
			return ERR_OK;
	return ERR_LIMIT;
}

/*
 * Can a node have this address of the pool? The first is the network's own (in IPv6 the
 * subnet-router anycast address, RFC 4291 section 2.6.1), the last one of IPv4 is the broadcast
 * address. Pools of one or two addresses have neither (RFC 3021, RFC 6164).
 */
static bool is_usable(const struct prefix *pool, const struct addr *a)
{
	struct addr next = *a;

	if (!prefix_contains(pool, a))
		return false;
	if (pool->len + 1u >= addr_bits(a))
		return true;
	if (addr_equal(a, &pool->addr))
		return false;
	return a->family != AF_INET || (!next_addr(&next) && prefix_contains(pool, &next));
}

/* A walk over the taken addresses, in ascending order: `candidate` moves on until there is a gap.
 */
struct gap {
	struct addr candidate;
	bool found;
};

static enum err look_for_gap(void *arg, const struct addr *taken)
{
	struct gap *g = arg;
	int cmp = addr_cmp(taken, &g->candidate);

	if (cmp > 0) {
		g->found = true;
		return ERR_AGAIN; /* ends the walk */
	}
	return cmp == 0 ? next_addr(&g->candidate) : ERR_OK;
}

/* The lowest address of the pool that nobody has. */
static enum err lowest_free(struct change *c, const struct prefix *pool, struct addr *out)
{
	struct gap g = { .candidate = pool->addr };
	char text[PREFIX_STR_SIZE];
	enum err e;

	if (!is_usable(pool, &g.candidate))
		(void)!next_addr(&g.candidate);
	e = store_addresses_in(c->store, pool, look_for_gap, &g);
	if (e && e != ERR_AGAIN && e != ERR_LIMIT)
		return e;
	if (e == ERR_LIMIT || !is_usable(pool, &g.candidate))
		return change_refuse(c, ERR_LIMIT, "pool_exhausted", "/addresses",
				     "All addresses of the pool %s are taken.",
				     prefix_format(pool, text));
	*out = g.candidate;
	return ERR_OK;
}

struct owner {
	uint32_t node_id;
	char name[NAME_SIZE];
};

/* Notes who has the address (rows with id 0 are nodes' own addresses). */
static enum err note_owner(void *arg, const struct store_subnet *row)
{
	struct owner *o = arg;

	o->node_id = row->node_id;
	memcpy(o->name, row->node_name, sizeof(o->name));
	return ERR_OK;
}

/* An address that the admin chose. */
static enum err take_wanted(struct change *c, const struct prefix *pool, const struct addr *a,
			    size_t i, uint32_t node_id, struct addr *out)
{
	struct prefix host = prefix_of_host(a);
	struct owner owner = { 0 };
	char text[ADDR_STR_SIZE], pool_text[PREFIX_STR_SIZE], pointer[32];
	enum err e;

	snprintf(pointer, sizeof(pointer), "/addresses/%zu", i);
	addr_format(a, text);
	if (!pool->addr.family)
		return change_refuse(c, ERR_INVALID, "address_invalid", pointer,
				     "%s: this network has no %s addresses.", text,
				     a->family == AF_INET ? "IPv4" : "IPv6");
	if (!is_usable(pool, a))
		return change_refuse(c, ERR_INVALID, "address_invalid", pointer,
				     "%s is not an address for a node in the pool %s.", text,
				     prefix_format(pool, pool_text));
	if (out->family)
		return change_refuse(c, ERR_INVALID, "address_invalid", pointer,
				     "%s: a node has one address of a family.", text);
	e = store_subnets_overlapping(c->store, &host, node_id, note_owner, &owner);
	if (e)
		return e;
	if (owner.node_id)
		return change_refuse(c, ERR_EXISTS, "address_taken", pointer,
				     "%s belongs to node %s.", text, owner.name);
	*out = *a;
	return ERR_OK;
}

enum err change_pools_assign(struct change *c, const struct addr *wanted, size_t n_wanted,
			     struct node *n)
{
	struct prefix pools[2];
	enum err e = change_pools_read(c, pools);

	for (size_t i = 0; i < n_wanted && !e; i++) {
		unsigned slot = wanted[i].family == AF_INET6;

		if (!wanted[i].family)
			return change_refuse(c, ERR_INVALID, "address_invalid", "/addresses",
					     "An address is empty.");
		e = take_wanted(c, &pools[slot], &wanted[i], i, n->id, &n->addresses[slot]);
	}
	for (unsigned slot = 0; slot < 2 && !e; slot++)
		if (pools[slot].addr.family && !n->addresses[slot].family)
			e = lowest_free(c, &pools[slot], &n->addresses[slot]);
	return e;
}
