/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/dns/zone.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct zone_owner {
	uint32_t id;
	uint32_t weight;
};

/* A prefix that somebody has: a subnet, or an own address with weight 0. */
struct zone_prefix {
	struct table_node node;
	struct prefix prefix; /* the key: bytes only, no padding */
	uint32_t n, cap;
	struct zone_owner *owners; /* owned; lowest weight first */
};

_Static_assert(sizeof(struct prefix) == sizeof(struct addr) + 1 && sizeof(struct addr) == 17,
	       "a prefix has no padding and can be a key");

static void lower(char *s)
{
	for (; *s; s++)
		if (*s >= 'A' && *s <= 'Z')
			*s = (char)(*s - 'A' + 'a');
}

enum err zone_init(struct zone *z, const char *net)
{
	enum err e;

	memset(z, 0, sizeof(*z));
	snprintf(z->apex, sizeof(z->apex), "%.63s." ZONE_SUFFIX, net);
	lower(z->apex);
	snprintf(z->mailbox, sizeof(z->mailbox), "hostmaster.%.100s", z->apex);
	if (!dns_name_is_valid(z->apex))
		return ERR_INVALID;
	e = table_init(&z->nodes, TABLE_KEY(struct zone_node, by_id, id));
	if (!e)
		e = table_init(&z->names, TABLE_KEY(struct zone_node, by_name, key));
	if (!e)
		e = table_init(&z->prefixes, TABLE_KEY(struct zone_prefix, node, prefix));
	if (e)
		zone_fini(z);
	return e;
}

/* --- prefixes --- */

static unsigned family_of(const struct prefix *p) { return p->addr.family == AF_INET6; }

static struct zone_prefix *find_prefix(const struct zone *z, const struct prefix *p)
{
	struct table_node *n = table_find(&z->prefixes, p);

	return n ? container_of(n, struct zone_prefix, node) : NULL;
}

static void free_prefix(struct zone *z, struct zone_prefix *x)
{
	z->lengths[family_of(&x->prefix)][x->prefix.len]--;
	table_remove(&z->prefixes, &x->node);
	free(x->owners);
	free(x);
}

static enum err make_prefix(struct zone *z, const struct prefix *p, struct zone_prefix **out)
{
	struct zone_prefix *x = find_prefix(z, p);

	if (!x) {
		x = calloc(1, sizeof(*x));
		if (!x)
			return ERR_NOMEM;
		x->prefix = *p;
		if (table_insert(&z->prefixes, &x->node)) {
			free(x);
			return ERR_NOMEM;
		}
		z->lengths[family_of(p)][p->len]++;
	}
	*out = x;
	return ERR_OK;
}

static enum err own(struct zone *z, uint32_t id, const struct prefix *p, uint32_t weight)
{
	struct zone_prefix *x;
	uint32_t at;
	enum err e = make_prefix(z, p, &x);

	if (e)
		return e;
	if (x->n == x->cap) {
		uint32_t cap = x->cap ? x->cap * 2 : 1;
		struct zone_owner *more = reallocarray(x->owners, cap, sizeof(*more));

		if (!more) {
			if (!x->n)
				free_prefix(z, x);
			return ERR_NOMEM;
		}
		x->owners = more;
		x->cap = cap;
	}
	for (at = x->n; at && x->owners[at - 1].weight > weight; at--)
		x->owners[at] = x->owners[at - 1];
	x->owners[at] = (struct zone_owner){ .id = id, .weight = weight };
	x->n++;
	return ERR_OK;
}

static void disown(struct zone *z, uint32_t id, const struct prefix *p)
{
	struct zone_prefix *x = find_prefix(z, p);
	uint32_t kept = 0;

	if (!x)
		return;
	for (uint32_t i = 0; i < x->n; i++)
		if (x->owners[i].id != id)
			x->owners[kept++] = x->owners[i];
	x->n = kept;
	if (!kept)
		free_prefix(z, x);
}

/* --- names --- */

static bool is_dotted(const struct zone_node *n) { return strchr(n->key, '.') != NULL; }

static void forget_name(struct zone *z, struct zone_node *n)
{
	struct zone_node *heir = NULL;

	if (!n->named)
		return;
	table_remove(&z->names, &n->by_name);
	n->named = false;
	z->dotted -= is_dotted(n);
	for (struct table_node *t = table_next(&z->nodes, NULL); t; t = table_next(&z->nodes, t)) {
		struct zone_node *x = container_of(t, struct zone_node, by_id);

		if (x != n && !x->named && memcmp(x->key, n->key, sizeof(x->key)) == 0 &&
		    (!heir || x->id < heir->id))
			heir = x;
	}
	/* There is room: one has just left. */
	if (heir && table_insert(&z->names, &heir->by_name) == ERR_OK) {
		heir->named = true;
		z->dotted += is_dotted(heir);
	}
}

/* Of two that differ in case only the one with the lower id has the name. */
static enum err take_name(struct zone *z, struct zone_node *n)
{
	struct table_node *t = table_find(&z->names, n->key);
	struct zone_node *other = t ? container_of(t, struct zone_node, by_name) : NULL;
	enum err e;

	if (!dns_name_is_valid(n->key) || (other && other->id < n->id))
		return ERR_OK;
	if (other) {
		table_remove(&z->names, &other->by_name);
		other->named = false;
		z->dotted -= is_dotted(other);
	}
	e = table_insert(&z->names, &n->by_name);
	if (!e) {
		n->named = true;
		z->dotted += is_dotted(n);
	}
	return e;
}

/* --- nodes --- */

static struct zone_node *find_node(const struct zone *z, uint32_t id)
{
	struct table_node *n = table_find(&z->nodes, &id);

	return n ? container_of(n, struct zone_node, by_id) : NULL;
}

void zone_remove(struct zone *z, uint32_t id)
{
	struct zone_node *n = find_node(z, id);
	struct prefix host;

	if (!n)
		return;
	for (unsigned i = 0; i < ARRAY_LEN(n->addresses); i++) {
		if (!n->addresses[i].family)
			continue;
		host = prefix_of_host(&n->addresses[i]);
		disown(z, id, &host);
	}
	for (uint32_t i = 0; i < n->n_subnets; i++)
		disown(z, id, &n->subnets[i].prefix);
	table_remove(&z->nodes, &n->by_id);
	forget_name(z, n);
	free(n->subnets);
	free(n);
}

static void remove_all(struct zone *z)
{
	struct table_node *t;

	/* Without an heir for each name on the way. */
	while ((t = table_next(&z->names, NULL)) != NULL) {
		table_remove(&z->names, t);
		container_of(t, struct zone_node, by_name)->named = false;
	}
	z->dotted = 0;
	while ((t = table_next(&z->nodes, NULL)) != NULL)
		zone_remove(z, container_of(t, struct zone_node, by_id)->id);
}

void zone_reset(struct zone *z, const struct dns_self *self)
{
	remove_all(z);
	z->self = *self;
	z->ready = false;
}

void zone_fini(struct zone *z)
{
	if (z->nodes.buckets)
		remove_all(z);
	table_fini(&z->nodes);
	table_fini(&z->names);
	table_fini(&z->prefixes);
}

enum err zone_put(struct zone *z, const struct dns_node *m)
{
	struct zone_node *n;
	struct prefix host;
	enum err e;

	zone_remove(z, m->id);
	n = calloc(1, sizeof(*n));
	if (!n)
		return ERR_NOMEM;
	n->id = m->id;
	n->hub = m->hub;
	n->groups = m->groups;
	n->reach = m->reach;
	memcpy(n->addresses, m->addresses, sizeof(n->addresses));
	snprintf(n->key, sizeof(n->key), "%s", m->name);
	lower(n->key);
	e = table_insert(&z->nodes, &n->by_id);
	if (e) {
		free(n);
		return e;
	}
	e = take_name(z, n);
	for (unsigned i = 0; !e && i < ARRAY_LEN(n->addresses); i++) {
		if (!n->addresses[i].family)
			continue;
		host = prefix_of_host(&n->addresses[i]);
		e = own(z, n->id, &host, 0);
	}
	return e;
}

enum err zone_put_subnets(struct zone *z, const struct dns_subnets *m)
{
	struct zone_node *n = find_node(z, m->id);
	enum err e = ERR_OK;

	if (!n)
		return ERR_OK;
	if (n->n_subnets + m->n > n->cap_subnets) {
		uint32_t cap = n->n_subnets + m->n;
		struct node_subnet *more = reallocarray(n->subnets, cap, sizeof(*more));

		if (!more)
			return ERR_NOMEM;
		n->subnets = more;
		n->cap_subnets = cap;
	}
	for (uint16_t i = 0; !e && i < m->n; i++) {
		n->subnets[n->n_subnets++] = m->list[i];
		e = own(z, n->id, &m->list[i].prefix, m->list[i].weight);
	}
	return e;
}

/* --- questions --- */

const struct zone_node *zone_self(const struct zone *z) { return find_node(z, z->self.id); }

size_t zone_owners(const struct zone *z, const struct addr *a,
		   const struct zone_node *out[ZONE_OWNERS_MAX])
{
	const uint32_t *lengths = z->lengths[a->family == AF_INET6];
	size_t n = 0;

	for (int len = (int)addr_bits(a); len >= 0; len--) {
		struct prefix p = prefix_of_net(a, (uint8_t)len);
		const struct zone_prefix *x = lengths[len] ? find_prefix(z, &p) : NULL;

		if (!x)
			continue;
		for (uint32_t i = 0; i < x->n && n < ZONE_OWNERS_MAX; i++)
			out[n++] = find_node(z, x->owners[i].id);
		return n;
	}
	return 0;
}

const struct zone_node *zone_find(const struct zone *z, const char *name)
{
	char key[NAME_SIZE] = { 0 };
	struct table_node *n;

	if (strlen(name) >= sizeof(key))
		return NULL;
	memcpy(key, name, strlen(name));
	n = table_find(&z->names, key);
	return n ? container_of(n, struct zone_node, by_name) : NULL;
}

bool zone_has_below(const struct zone *z, const char *name)
{
	const size_t len = strlen(name);

	if (!z->dotted)
		return false;
	for (struct table_node *t = table_next(&z->names, NULL); t; t = table_next(&z->names, t)) {
		const char *key = container_of(t, struct zone_node, by_name)->key;
		const size_t n = strlen(key);

		if (n > len && key[n - len - 1] == '.' && strcmp(key + n - len, name) == 0)
			return true;
	}
	return false;
}

bool zone_meets_pool(const struct zone *z, const struct prefix *p)
{
	for (unsigned i = 0; i < ARRAY_LEN(z->self.pools); i++)
		if (z->self.pools[i].addr.family && prefix_overlaps(&z->self.pools[i], p))
			return true;
	return false;
}

bool zone_may_see(const struct zone *z, const struct zone_node *asker, const struct zone_node *n)
{
	if (asker->id == z->self.id || asker == n || asker->hub || n->hub)
		return true;
	return (asker->reach & n->groups) != 0 || (n->reach & asker->groups) != 0;
}
