/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * revoked: the keys that this spoke was told to be revoked. Kept in the cache, so that a hub whose
 * database was replaced by an older copy cannot bring one back: a node with such a key is no peer,
 * whatever the directory says. Pure.
 */
#include <jansson.h>

#include "shared/wire/directory.h"

#define REVOKED_MAX 256u /* nodes; the oldest is forgotten first */

struct revoked_node {
	uint32_t id;
	uint64_t revision; /* at which it was revoked, as far as we were told */
	struct public_key identity_key, tunnel_key;
	bool told; /* the hub, on this link, that it has come back. Not in the file */
};

struct revoked {
	uint32_t n;
	struct revoked_node nodes[REVOKED_MAX]; /* oldest first */
};

/* What `x` revokes of the directory before it is applied; nodes that were not in it are not known.
 */
void revoked_note(struct revoked *r, const struct directory *before, const struct delta *x);
/* The entry with one of this node's keys, or NULL. */
const struct revoked_node *revoked_find(const struct revoked *r, const struct node *n);
/* For the cache file, NULL without memory; and back into an empty one: ERR_INVALID, ERR_TOOBIG. */
json_t *revoked_to_json(const struct revoked *r);
enum err revoked_from_json(const json_t *array, struct revoked *r) must_check;
