/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * route: which peers have which prefix. A path-compressed binary tree for each address family, so
 * that a lookup costs at most one step a bit that matters. A prefix may belong to several peers:
 * the lowest weight wins, then the lowest peer id; who is reachable is the caller's question, asked
 * through a callback.
 */
#include <stdbool.h>

#include "shared/base/prefix.h"

#define ROUTE_CACHE_ENTRIES 2048u

struct peer;
struct route_node;

/* One owner of a prefix. Ordered by weight, then by id. */
struct route_owner {
	struct peer *peer;
	uint32_t peer_id;
	uint32_t weight;
	struct route_owner *next;
};

struct route_cache;

struct route_table {
	struct route_node *root[2]; /* IPv4, IPv6 */
	uint32_t n_prefixes;
	struct route_cache *cache; /* answers of the last lookups; NULL: none are kept */
};

void route_init(struct route_table *t);
/*
 * Keeps the answers for ROUTE_CACHE_ENTRIES addresses: a large tree costs many cache misses a
 * lookup, traffic goes to few addresses at a time. ERR_NOMEM.
 */
enum err route_keep_answers(struct route_table *t) must_check;
/* Forgets all prefixes; the cache, if there is one, stays. */
void route_clear(struct route_table *t);
void route_fini(struct route_table *t);
/* Adds an owner; one that is there gets the new weight. ERR_NOMEM. */
enum err route_add(struct route_table *t, const struct prefix *p, struct peer *peer,
		   uint32_t peer_id, uint32_t weight) must_check;
/* Takes an owner away; harmless when it is none. */
void route_remove(struct route_table *t, const struct prefix *p, uint32_t peer_id);
/*
 * The owners of the longest prefix that holds the address, best first; NULL when there is none.
 * `family` is AF_INET or AF_INET6, `bytes` the address in network order. Valid until the table
 * changes.
 */
const struct route_owner *route_lookup(struct route_table *t, int family, const uint8_t *bytes);
/* True when `peer_id` is among the owners of the longest prefix that holds the address: the check
 * of inner sources. */
bool route_is_owner(struct route_table *t, int family, const uint8_t *bytes, uint32_t peer_id);
