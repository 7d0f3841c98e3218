/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hub/api/presence.h"

#include <stdlib.h>
#include <string.h>

static enum err append(void *arg, const struct store_presence *row)
{
	struct presence *p = arg;

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

enum err presence_load(struct store *s, struct presence *out)
{
	struct presence p = { 0 };
	enum err e = store_presence_list(s, append, &p);

	if (e) {
		presence_fini(&p);
		return e;
	}
	if (p.n)
		qsort(p.rows, p.n, sizeof(*p.rows), by_node);
	*out = p;
	return ERR_OK;
}

void presence_fini(struct presence *p)
{
	free(p->rows);
	memset(p, 0, sizeof(*p));
}

const struct store_presence *presence_find(const struct presence *p, uint32_t node_id)
{
	struct store_presence key = { .node_id = node_id };

	return p->n ? bsearch(&key, p->rows, p->n, sizeof(key), by_node) : NULL;
}

enum err applied_init(struct applied *a, uint64_t revision, uint32_t except)
{
	*a = (struct applied){ .revision = revision, .except = except };
	a->missing = json_array();
	a->offline = json_array();
	if (a->missing && a->offline)
		return ERR_OK;
	applied_fini(a);
	return ERR_NOMEM;
}

void applied_fini(struct applied *a)
{
	json_decref(a->missing);
	json_decref(a->offline);
	a->missing = a->offline = NULL;
}

void applied_add(struct applied *a, const struct node *n, const struct store_presence *p)
{
	if (n->kind != NODE_SPOKE || n->status != NODE_ACTIVE || n->id == a->except)
		return;
	if (!p || !p->online) {
		json_array_append_new(a->offline, json_string(n->name));
		return;
	}
	a->online++;
	if (p->acked_revision < a->revision) {
		json_array_append_new(a->missing, json_string(n->name));
		return;
	}
	a->applied++;
	if (p->acked_ms > a->last_ms)
		a->last_ms = p->acked_ms;
}

int64_t applied_elapsed_ms(const struct applied *a, int64_t at_ms, int64_t now_ms)
{
	int64_t end = a->applied < a->online ? now_ms : a->last_ms;

	return end > at_ms ? end - at_ms : 0;
}
