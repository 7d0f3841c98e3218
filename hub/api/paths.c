/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How nodes reach each other, as each of them tells: an item a direction. */
#include <stdlib.h>
#include <string.h>

#include "hub/api/context.h"
#include "hub/api/handlers.h"
#include "hub/api/lookup.h"
#include "hub/api/page.h"
#include "hub/api/render.h"

struct node_name {
	uint32_t id;
	char name[NAME_SIZE];
};

/* One page, and the names of all nodes, sorted by id. */
struct listing {
	struct page page;
	struct node_name *names;
	size_t n, cap;
};

static enum err add_name(void *arg, const struct node *n, const struct store_node_meta *meta)
{
	struct listing *l = arg;

	(void)meta;
	if (n->status != NODE_ACTIVE)
		return ERR_OK;
	if (l->n == l->cap) {
		size_t cap = l->cap ? l->cap * 2 : 64;
		struct node_name *names = reallocarray(l->names, cap, sizeof(*names));

		if (!names)
			return ERR_NOMEM;
		l->names = names;
		l->cap = cap;
	}
	l->names[l->n].id = n->id;
	memcpy(l->names[l->n++].name, n->name, NAME_SIZE);
	return ERR_OK;
}

static int by_id(const void *a, const void *b)
{
	const struct node_name *x = a, *y = b;

	return x->id < y->id ? -1 : x->id > y->id;
}

static const char *name_of(const struct listing *l, uint32_t id)
{
	struct node_name key = { .id = id };
	const struct node_name *n = l->n ? bsearch(&key, l->names, l->n, sizeof(key), by_id) : NULL;

	return n ? n->name : NULL;
}

/* Without those of nodes that are in the network no more. */
static enum err add_to_page(void *arg, const struct store_pair *p)
{
	struct listing *l = arg;
	const char *node = name_of(l, p->node_id), *peer = name_of(l, p->peer_id);

	if (!node || !peer)
		return ERR_OK;
	return page_add(&l->page, p->id, render_pair(p, node, peer));
}

/* Answers with the paths of one node, or of all (0). */
static void list(struct request *r, uint32_t node_id)
{
	struct listing l = { 0 };
	enum err e;

	if (page_init(&l.page, r))
		return;
	e = store_nodes_brief(r->api->store, add_name, &l);
	if (!e && l.n)
		qsort(l.names, l.n, sizeof(*l.names), by_id);
	if (!e)
		e = store_pairs_list(r->api->store, l.page.want.after, node_id, add_to_page, &l);
	page_reply(&l.page, r, e);
	page_fini(&l.page);
	free(l.names);
}

void paths_list(struct request *r)
{
	uint32_t node;

	if (lookup_node_filter(r, &node) == ERR_OK)
		list(r, node);
}

void paths_of_node(struct request *r)
{
	struct node n;
	uint32_t id;

	if (lookup_node(r, r->param, &n, NULL))
		return;
	id = n.id;
	node_fini(&n);
	list(r, id);
}
