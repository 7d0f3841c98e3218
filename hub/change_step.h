/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * change_step: the steps that all changes are made of; for hub/change*.c only. A change is
 *
 *	e = change_begin(c);
 *	if (!e)
 *		e = change_end(c, the_change_itself(c, ...));
 *
 * or, when it is about one node, with change_begin_node() and change_end_node(); and the change
 * itself calls, in this order, what it needs of: checks that end in
 * change_refuse(), change_revise(), the store, change_audit().
 */
#include "hub/change.h"

/* Subnets named in one audit entry; more are only counted. */
#define CHANGE_AUDIT_SUBNETS_MAX 256u

/* Clears the results and opens the transaction. On failure code and detail are set. */
enum err change_begin(struct change *c) must_check;
/* Commits, or rolls back when `e` is a failure or this is a dry run. Sets code and detail for a
 * failure that has none yet. Returns what came of it. */
enum err change_end(struct change *c, enum err e) must_check;
/* The same for a change of one node, which is loaded as by change_node_load(): after a failure
 * everything has ended. node_fini() is change_end_node()'s. */
enum err change_begin_node(struct change *c, uint32_t id, struct node *n) must_check;
enum err change_end_node(struct change *c, enum err e, struct node *n) must_check;
/* For what needs no transaction: clears the results and reads the present revision. */
enum err change_look(struct change *c) must_check;

/* Sets code, pointer ("" none) and detail; returns `e`, a failure. */
enum err change_refuse(struct change *c, enum err e, const char *code, const char *pointer,
		       const char *fmt, ...) __attribute__((format(printf, 5, 6)));
/* The same for a failure of the store. */
enum err change_store_failed(struct change *c, enum err e);

/* Notes something in c->uses: it is in the way of a deletion, or goes with it. */
void change_note_use(struct change *c, const char *kind, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Takes the next revision, into c->revision. */
enum err change_revise(struct change *c, const char *fmt, ...) must_check
	__attribute__((format(printf, 2, 3)));
/* Adds the audit entry; takes over `detail`, which may be NULL when memory was out. The object is
 * "KIND:NAME". */
enum err change_audit(struct change *c, const char *action, const char *kind, const char *name,
		      json_t *detail) must_check;

/* A node that is not deleted, else "not_found". node_fini() is the caller's after ERR_OK. */
enum err change_node_load(struct change *c, uint32_t id, struct node *out) must_check;

/* Texts of admins: at most `size` - 1 bytes, UTF-8, no control characters. */
enum err change_check_text(struct change *c, const char *text, size_t size, const char *code,
			   const char *pointer) must_check;
/* "host port". */
enum err change_check_endpoint(struct change *c, const char *text, const char *pointer) must_check;
/*
 * May this subnet be behind the node `node_id` (0: a new one)? Refusals: subnet_invalid,
 * weight_invalid, subnet_in_pool, subnet_overlap. `prefix_pointer` is where the prefix stands in
 * the request.
 */
enum err change_check_subnet(struct change *c, uint32_t node_id, const struct node_subnet *sub,
			     bool failover, const char *prefix_pointer) must_check;
/* Does the prefix hold an address at which branches reach the hub? Refusal: subnet_holds_hub. */
enum err change_check_hub_outside(struct change *c, const struct prefix *p,
				  const char *pointer) must_check;
/* Is the key unknown until now? Else "key_exists". `except_node`: this node's current key is fine,
 * and *is_current tells so. */
enum err change_check_key(struct change *c, enum key_kind kind, const struct public_key *key,
			  uint32_t except_node, bool *is_current, const char *pointer) must_check;

/* --- change_node.c --- */
/* Adds a node within a change that has begun; node_init(n) comes before, node_fini() after,
 * whatever comes back. Refusals as for change_node_add(). */
enum err change_node_put(struct change *c, const struct change_node_add *in,
			 struct node *n) must_check;

/* --- change_group.c --- */
/* The group of a bit, else "not_found". */
enum err change_group_find(struct change *c, uint8_t bit, struct store_group *out) must_check;
/* The names of a set of groups, for audit entries; NULL when they cannot be read. */
json_t *change_group_names(struct change *c, uint64_t groups);

/* --- change_key.c --- */
/* Asks a node, which is an active spoke, for new keys (ROTATION_* bits), in whoever's name this
 * change is. Refusal: rotation_proposed. */
enum err change_rotation_ask(struct change *c, uint32_t node_id, const char *name, unsigned keys,
			     struct store_rotation *out) must_check;

/* --- change_pool.c: addresses of nodes --- */
/* The network's pools: [0] IPv4, [1] IPv6; family 0 none. */
enum err change_pools_read(struct change *c, struct prefix pools[2]) must_check;
/* Sets n->addresses from the wanted ones, and from the pools where none is wanted. Refusals:
 * address_invalid, address_taken, pool_exhausted. */
enum err change_pools_assign(struct change *c, const struct addr *wanted, size_t n_wanted,
			     struct node *n) must_check;
