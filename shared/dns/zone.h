/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * zone: the nodes as DNS sees them: by name, and by who owns an address. Pure: no I/O, no clock.
 */
#include "shared/base/table.h"
#include "shared/ipc/dns_msg.h"
#include "shared/wire/dns.h"

#define ZONE_SUFFIX     "internal"
#define ZONE_OWNERS_MAX 16u /* of one address: fail-over; those with the lowest weight */

struct zone_node {
	struct table_node by_id;
	uint32_t id;
	struct table_node by_name;
	char key[NAME_SIZE]; /* the name in lower case, zeros behind it */
	bool named;          /* it is in the table of names */
	bool hub;
	uint64_t groups, reach;
	struct addr addresses[2];
	uint32_t n_subnets, cap_subnets;
	struct node_subnet *subnets; /* owned */
};

struct zone {
	char apex[DNS_NAME_SIZE];    /* "net.internal", lower case */
	char mailbox[DNS_NAME_SIZE]; /* "hostmaster.net.internal" */
	struct dns_self self;
	uint64_t revision;
	bool ready;
	struct table nodes;       /* struct zone_node by id */
	struct table names;       /* by key, those that are named */
	struct table prefixes;    /* struct zone_prefix */
	uint32_t lengths[2][129]; /* how many prefixes of each length: IPv4, IPv6 */
	uint32_t dotted;          /* named nodes with a dot in their name */
};

/* ERR_INVALID: the network's name cannot be part of one in DNS. */
enum err zone_init(struct zone *z, const char *net) must_check;
void zone_fini(struct zone *z);

/* Everything is forgotten; `self` is ours from here on. */
void zone_reset(struct zone *z, const struct dns_self *self);
/* In the place of what was known of the node, its subnets included. */
enum err zone_put(struct zone *z, const struct dns_node *m) must_check;
/* More subnets of a node; of one that is not known: nothing. */
enum err zone_put_subnets(struct zone *z, const struct dns_subnets *m) must_check;
void zone_remove(struct zone *z, uint32_t id);

/* Our own node, or NULL. */
const struct zone_node *zone_self(const struct zone *z);
/* Whose is the address: a node's own, or in a subnet behind it (longest prefix, then weight). At
 * most ZONE_OWNERS_MAX into `out`; returns how many. */
size_t zone_owners(const struct zone *z, const struct addr *a,
		   const struct zone_node *out[ZONE_OWNERS_MAX]);
/* The node with this name in lower case, or NULL. */
const struct zone_node *zone_find(const struct zone *z, const char *name);
/* Does a node's name end with a dot and this? */
bool zone_has_below(const struct zone *z, const char *name);
/* Does the prefix meet a pool of the network? */
bool zone_meets_pool(const struct zone *z, const struct prefix *p);
/* May `asker` know of `n`? As node_may_talk(); what we were told is ours to know. */
bool zone_may_see(const struct zone *z, const struct zone_node *asker, const struct zone_node *n);
