/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * directory: the set of nodes at one revision, ordered by id; and the difference between two of
 * them (a delta). Pure: no I/O, no clock. The hub keeps one with tombstones, a spoke keeps what it
 * was given.
 */
#include "shared/wire/node.h"

struct directory {
	uint64_t revision;
	uint32_t count, cap;
	struct node *nodes; /* sorted by id */
};

struct delta {
	uint64_t from,
		to; /* revisions; from = 0: a snapshot, everything before is to be forgotten */
	uint32_t n_changed;
	struct node *changed; /* whole records, sorted by id */
	uint32_t n_gone;
	struct delta_gone {
		uint32_t id;
		bool revoked;
	} * gone;
};

void directory_init(struct directory *d);
void directory_fini(struct directory *d);
/* The place in `nodes` of the first one whose id is not below `id`; d->count: there is none. */
uint32_t directory_place(const struct directory *d, uint32_t id);
struct node *directory_find(const struct directory *d, uint32_t id);
struct node *directory_find_name(const struct directory *d, const char *name);
/* Adds or replaces by id (deep copy). */
enum err directory_put(struct directory *d, const struct node *n) must_check;
void directory_remove(struct directory *d, uint32_t id);

void delta_fini(struct delta *x);
/* What `viewer` must be told to go from revision `from` to d->revision; from = 0 makes a snapshot.
 * Nodes that policy hides, and those that are not active, are "gone". */
enum err directory_delta(const struct directory *d, uint64_t from, const struct node *viewer,
			 struct delta *out) must_check;
/* The whole delta or nothing. ERR_STALE when x->from is neither 0 nor d->revision. */
enum err directory_apply(struct directory *d, const struct delta *x) must_check;
json_t *delta_to_json(const struct delta *x);
enum err delta_from_json(const json_t *j, struct delta *out) must_check;
/* A directory as JSON {revision, nodes} and back: the spoke's cache. */
json_t *directory_to_json(const struct directory *d);
enum err directory_from_json(const json_t *j, struct directory *out) must_check;
