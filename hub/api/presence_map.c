/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hub/api/presence_map.h"

#include <stdlib.h>
#include <string.h>

static enum err append(void *arg, const struct store_presence *row)
{
	struct presence_map *p = arg;

	if (p->n == p->cap) {
		size_t cap = p->cap ? p->cap * 2 : 64;
		struct store_presence *rows = reallocarray(p->rows, cap, sizeof(*rows));

		if (!rows)
			return ERR_NOMEM;
		p->rows = rows;
		p->cap = cap;
	}
	p->rows[p->n++] = *row;
	return ERR_OK;
}

static int by_node(const void *a, const void *b)
{
	const struct store_presence *x = a, *y = b;

	return x->node_id < y->node_id ? -1 : x->node_id > y->node_id;
}

enum err presence_map_load(struct store *s, struct presence_map *out)
{
	struct presence_map p = { 0 };
	enum err e = store_presence_list(s, append, &p);

	if (e) {
		presence_map_fini(&p);
		return e;
	}
	if (p.n)
		qsort(p.rows, p.n, sizeof(*p.rows), by_node);
	*out = p;
	return ERR_OK;
}

void presence_map_fini(struct presence_map *p)
{
	free(p->rows);
	memset(p, 0, sizeof(*p));
}

const struct store_presence *presence_map_find(const struct presence_map *p, uint32_t node_id)
{
	struct store_presence key = { .node_id = node_id };

	return p->n ? bsearch(&key, p->rows, p->n, sizeof(key), by_node) : NULL;
}
