/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/tunnel/route.h"

#include <stdlib.h>
#include <string.h>

/*
 * A node stands for the prefix `bits`/`len`. Nodes with owners are routes; nodes without exist only
 * where two subtrees part, and then have both children. A child's prefix is always longer than its
 * parent's and lies in it:
 *
 *            10.0.0.0/8 (owners)
 *               /            \
 *      10.20.0.0/16 (owners)  10.128.0.0/9 (fork, no owners)
 *                              /         \
 *                     10.130.0.0/24    10.200.0.0/16
 */
struct route_node {
	uint8_t bits[16];
	uint8_t len;
	struct route_node *child[2];
	struct route_owner *owners;
};

/* The answer for one address. Those of an earlier generation of the table mean nothing. */
struct answer {
	uint64_t address[2];
	const struct route_owner *owners; /* NULL: nobody has it */
	uint32_t generation;
	int family;
};

struct route_cache {
	uint32_t generation; /* never 0 */
	struct answer answers[ROUTE_CACHE_ENTRIES];
};

static int family_index(int family) { return family == AF_INET ? 0 : 1; }

static unsigned bit_at(const uint8_t *bytes, unsigned i)
{
	return ((unsigned)bytes[i / 8] >> (7 - i % 8)) & 1u;
}

/* How many leading bits two addresses share, at most `max`. */
static unsigned common_bits(const uint8_t *a, const uint8_t *b, unsigned max)
{
	unsigned n = 0;

	while (n + 8 <= max && a[n / 8] == b[n / 8])
		n += 8;
	while (n < max && bit_at(a, n) == bit_at(b, n))
		n++;
	return n;
}

void route_init(struct route_table *t) { memset(t, 0, sizeof(*t)); }

static void owners_free(struct route_owner *o)
{
	while (o) {
		struct route_owner *next = o->next;

		free(o);
		o = next;
	}
}

/* Depth is bounded by the address length, so recursion is. */
static void node_free(struct route_node *n)
{
	if (!n)
		return;
	node_free(n->child[0]);
	node_free(n->child[1]);
	owners_free(n->owners);
	free(n);
}

/* The table has changed: no answer counts any more. */
static void forget_answers(struct route_table *t)
{
	if (t->cache && ++t->cache->generation == 0) {
		memset(t->cache, 0, sizeof(*t->cache));
		t->cache->generation = 1;
	}
}

enum err route_keep_answers(struct route_table *t)
{
	t->cache = calloc(1, sizeof(*t->cache));
	if (!t->cache)
		return ERR_NOMEM;
	t->cache->generation = 1;
	return ERR_OK;
}

void route_clear(struct route_table *t)
{
	node_free(t->root[0]);
	node_free(t->root[1]);
	t->root[0] = t->root[1] = NULL;
	t->n_prefixes = 0;
	forget_answers(t);
}

void route_fini(struct route_table *t)
{
	route_clear(t);
	free(t->cache);
	t->cache = NULL;
}

static struct route_node *node_new(const uint8_t *bits, unsigned len)
{
	struct route_node *n = calloc(1, sizeof(*n));

	if (!n)
		return NULL;
	n->len = (uint8_t)len;
	memcpy(n->bits, bits, (len + 7) / 8);
	if (len % 8)
		n->bits[len / 8] &= (uint8_t)(0xff00u >> (len % 8));
	return n;
}

/*
 * The link that points to the node of exactly this prefix, or to where it has to be put in.
 * `shared` gets how many bits the node found there has in common with the prefix.
 */
static struct route_node **find_link(struct route_table *t, const struct prefix *p,
				     unsigned *shared)
{
	struct route_node **link = &t->root[family_index(p->addr.family)];

	*shared = 0;
	while (*link) {
		struct route_node *n = *link;
		unsigned max = n->len < p->len ? n->len : p->len;

		*shared = common_bits(n->bits, p->addr.b, max);
		if (*shared < n->len || n->len == p->len)
			break;
		link = &n->child[bit_at(p->addr.b, n->len)];
	}
	return link;
}

/* Puts a new node for the prefix at `link`, with a fork above it where the node there goes another
 * way. */
static struct route_node *insert_at(struct route_node **link, const struct prefix *p,
				    unsigned shared)
{
	struct route_node *old = *link;
	struct route_node *n = node_new(p->addr.b, p->len);
	struct route_node *fork;

	if (!n)
		return NULL;
	if (!old) {
		*link = n;
		return n;
	}
	if (shared == p->len) {
		n->child[bit_at(old->bits, p->len)] = old;
		*link = n;
		return n;
	}
	fork = node_new(p->addr.b, shared);
	if (!fork) {
		free(n);
		return NULL;
	}
	fork->child[bit_at(p->addr.b, shared)] = n;
	fork->child[bit_at(old->bits, shared)] = old;
	*link = fork;
	return n;
}

static void owner_unlink(struct route_node *n, uint32_t peer_id)
{
	for (struct route_owner **o = &n->owners; *o; o = &(*o)->next) {
		struct route_owner *gone = *o;

		if (gone->peer_id != peer_id)
			continue;
		*o = gone->next;
		free(gone);
		return;
	}
}

static void owner_link(struct route_node *n, struct route_owner *own)
{
	struct route_owner **o = &n->owners;

	while (*o && ((*o)->weight < own->weight ||
		      ((*o)->weight == own->weight && (*o)->peer_id < own->peer_id)))
		o = &(*o)->next;
	own->next = *o;
	*o = own;
}

enum err route_add(struct route_table *t, const struct prefix *p, struct peer *peer,
		   uint32_t peer_id, uint32_t weight)
{
	unsigned shared;
	struct route_node **link = find_link(t, p, &shared);
	struct route_node *n = *link;
	struct route_owner *own = calloc(1, sizeof(*own));

	if (!own)
		return ERR_NOMEM;
	forget_answers(t);
	if (!n || n->len != p->len || shared != p->len)
		n = insert_at(link, p, shared);
	if (!n) {
		free(own);
		return ERR_NOMEM;
	}
	*own = (struct route_owner){ .peer = peer, .peer_id = peer_id, .weight = weight };
	if (!n->owners)
		t->n_prefixes++;
	owner_unlink(n, peer_id);
	owner_link(n, own);
	return ERR_OK;
}

/* Takes a node without owners out, if it no longer parts two subtrees. */
static void prune(struct route_node **link)
{
	struct route_node *n = *link;

	if (n->owners || (n->child[0] && n->child[1]))
		return;
	*link = n->child[0] ? n->child[0] : n->child[1];
	free(n);
}

void route_remove(struct route_table *t, const struct prefix *p, uint32_t peer_id)
{
	struct route_node **parent = NULL;
	struct route_node **link = &t->root[family_index(p->addr.family)];

	while (*link && (*link)->len < p->len &&
	       common_bits((*link)->bits, p->addr.b, (*link)->len) == (*link)->len) {
		parent = link;
		link = &(*link)->child[bit_at(p->addr.b, (*link)->len)];
	}
	if (!*link || (*link)->len != p->len ||
	    common_bits((*link)->bits, p->addr.b, p->len) != p->len)
		return;
	if (!(*link)->owners)
		return;
	forget_answers(t);
	owner_unlink(*link, peer_id);
	if ((*link)->owners)
		return;
	t->n_prefixes--;
	prune(link);
	if (parent)
		prune(parent);
}

static const struct route_owner *walk(const struct route_table *t, int family, const uint8_t *bytes)
{
	const struct route_node *n = t->root[family_index(family)];
	const unsigned max = family == AF_INET ? 32 : 128;
	const struct route_owner *best = NULL;

	while (n && common_bits(n->bits, bytes, n->len) == n->len) {
		if (n->owners)
			best = n->owners;
		if (n->len == max)
			break;
		n = n->child[bit_at(bytes, n->len)];
	}
	return best;
}

/* As two integers, which never go through memory: reading back in one piece what was just written
 * in several is a wait. */
static inline void load_address(uint64_t address[2], int family, const uint8_t *bytes)
{
	uint32_t v4;

	if (family == AF_INET) {
		memcpy(&v4, bytes, sizeof(v4));
		address[0] = v4;
		address[1] = 0;
	} else {
		memcpy(&address[0], bytes, 8);
		memcpy(&address[1], bytes + 8, 8);
	}
}

const struct route_owner *route_lookup(struct route_table *t, int family, const uint8_t *bytes)
{
	uint64_t address[2], hash;
	struct answer *a;

	if (!t->cache)
		return walk(t, family, bytes);
	load_address(address, family, bytes);
	hash = (address[0] ^ (address[1] * 0xc2b2ae3d27d4eb4full)) * 0x9e3779b97f4a7c15ull;
	a = &t->cache->answers[(hash >> 40) % ROUTE_CACHE_ENTRIES];
	if (a->generation != t->cache->generation || a->family != family ||
	    a->address[0] != address[0] || a->address[1] != address[1]) {
		*a = (struct answer){ .address = { address[0], address[1] },
				      .owners = walk(t, family, bytes),
				      .generation = t->cache->generation,
				      .family = family };
	}
	return a->owners;
}

bool route_is_owner(struct route_table *t, int family, const uint8_t *bytes, uint32_t peer_id)
{
	for (const struct route_owner *o = route_lookup(t, family, bytes); o; o = o->next)
		if (o->peer_id == peer_id)
			return true;
	return false;
}
