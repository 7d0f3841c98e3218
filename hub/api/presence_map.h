/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/* presence_map: the presence of all nodes at one moment, to be looked up by node. */
#include "hub/store/store.h"

struct presence_map {
	struct store_presence *rows; /* sorted by node id */
	size_t n, cap;
};

/* Caller frees with presence_map_fini(). */
enum err presence_map_load(struct store *s, struct presence_map *out) must_check;
void presence_map_fini(struct presence_map *p);
/* NULL: nothing was ever heard of that node. */
const struct store_presence *presence_map_find(const struct presence_map *p, uint32_t node_id);
