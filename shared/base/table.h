/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * table: an intrusive hash table (separate chaining, grows by doubling, a secret seed so that
 * nobody can choose collisions). Entries embed a struct table_node; keys are fixed-size bytes
 * inside the entry.
 */
#include <stddef.h>
#include <stdint.h>

#include "shared/base/err.h"

struct table_node {
	struct table_node *next;
	uint64_t hash;
};

struct table {
	struct table_node **buckets;
	size_t n_buckets; /* a power of two */
	size_t count;
	size_t key_offset; /* of the key, from the table_node, may be negative as wrapped size_t */
	size_t key_len;
	uint64_t seed[2];
};

/* Use TABLE_INIT for the offset: table_init(&t, TABLE_KEY(struct peer, by_id, id)). */
#define TABLE_KEY(type, node, key)                                                                 \
	(offsetof(type, key) - offsetof(type, node)), sizeof(((type *)0)->key)

enum err table_init(struct table *t, size_t key_offset, size_t key_len) must_check;
/* Frees the buckets, not the entries. */
void table_fini(struct table *t);
/* The entry must not be in the table; a second one with an equal key is our own mistake. ERR_NOMEM.
 */
enum err table_insert(struct table *t, struct table_node *n) must_check;
void table_remove(struct table *t, struct table_node *n);
/* The node whose key equals `key`, or NULL. */
struct table_node *table_find(const struct table *t, const void *key);
/* Iteration: start with NULL; the entry returned last may be removed before the next call only if
 * `next` was fetched before. */
struct table_node *table_next(const struct table *t, const struct table_node *after);
