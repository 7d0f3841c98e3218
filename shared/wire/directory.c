/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/wire/directory.h"

#include <stdlib.h>
#include <string.h>

#include "shared/wire/fields.h"

void directory_init(struct directory *d) { memset(d, 0, sizeof(*d)); }

static void free_nodes(struct node *nodes, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		node_fini(&nodes[i]);
	free(nodes);
}

void directory_fini(struct directory *d)
{
	free_nodes(d->nodes, d->count);
	directory_init(d);
}

/* The place of the first node whose id is not below `id`. */
static uint32_t place_of(const struct node *nodes, uint32_t n, uint32_t id)
{
	uint32_t lo = 0, hi = n;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (nodes[mid].id < id)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

uint32_t directory_place(const struct directory *d, uint32_t id)
{
	return place_of(d->nodes, d->count, id);
}

struct node *directory_find(const struct directory *d, uint32_t id)
{
	uint32_t i = place_of(d->nodes, d->count, id);

	return i < d->count && d->nodes[i].id == id ? &d->nodes[i] : NULL;
}

struct node *directory_find_name(const struct directory *d, const char *name)
{
	for (uint32_t i = 0; i < d->count; i++)
		if (d->nodes[i].status != NODE_DELETED && strcmp(d->nodes[i].name, name) == 0)
			return &d->nodes[i];
	return NULL;
}

static enum err make_room(struct directory *d)
{
	uint32_t cap = d->cap ? d->cap * 2 : 8;
	struct node *grown;

	if (d->count < d->cap)
		return ERR_OK;
	if (cap < d->cap)
		return ERR_LIMIT;
	grown = realloc(d->nodes, cap * sizeof(*grown));
	if (!grown)
		return ERR_NOMEM;
	d->nodes = grown;
	d->cap = cap;
	return ERR_OK;
}

enum err directory_put(struct directory *d, const struct node *n)
{
	uint32_t i = place_of(d->nodes, d->count, n->id);
	struct node copy;
	enum err e = node_copy(&copy, n);

	if (e)
		return e;
	if (i < d->count && d->nodes[i].id == n->id) {
		node_fini(&d->nodes[i]);
		d->nodes[i] = copy;
		return ERR_OK;
	}
	e = make_room(d);
	if (e) {
		node_fini(&copy);
		return e;
	}
	memmove(&d->nodes[i + 1], &d->nodes[i], (d->count - i) * sizeof(*d->nodes));
	d->nodes[i] = copy;
	d->count++;
	return ERR_OK;
}

void directory_remove(struct directory *d, uint32_t id)
{
	struct node *n = directory_find(d, id);
	size_t behind;

	if (!n)
		return;
	node_fini(n);
	behind = d->count - (size_t)(n - d->nodes) - 1;
	memmove(n, n + 1, behind * sizeof(*n));
	d->count--;
}

void delta_fini(struct delta *x)
{
	free_nodes(x->changed, x->n_changed);
	free(x->gone);
	memset(x, 0, sizeof(*x));
}

/* Itself and the hub a node always sees; of the others those that are active and that policy lets
 * it talk to. */
static bool is_visible(const struct node *viewer, const struct node *n)
{
	if (n->id == viewer->id)
		return true;
	return n->status == NODE_ACTIVE && node_may_talk(viewer, n);
}

/* Invited nodes that never had keys were never told to anybody, so nobody has to forget them. */
static bool is_unborn(const struct node *n)
{
	return n->status == NODE_INVITED && !n->has_identity && !n->has_tunnel;
}

enum err directory_delta(const struct directory *d, uint64_t from, const struct node *viewer,
			 struct delta *out)
{
	struct delta x = { .to = d->revision };
	enum err e = ERR_NOMEM;

	/*
	 * When the viewer itself has changed, what policy lets it see may have changed for every
	 * node, and a node that did not change is in no delta. A revision that we have not reached
	 * comes from before a restored backup.
	 */
	x.from = viewer->revision > from || from > d->revision ? 0 : from;
	x.changed = calloc(d->count + 1u, sizeof(*x.changed));
	x.gone = calloc(d->count + 1u, sizeof(*x.gone));
	if (!x.changed || !x.gone)
		goto out;
	for (uint32_t i = 0; i < d->count; i++) {
		const struct node *n = &d->nodes[i];

		if (x.from > 0 && n->revision <= x.from)
			continue;
		if (is_visible(viewer, n)) {
			e = node_copy(&x.changed[x.n_changed], n);
			if (e)
				goto out;
			x.n_changed++;
		} else if (x.from > 0 && !is_unborn(n)) {
			x.gone[x.n_gone].id = n->id;
			x.gone[x.n_gone++].revoked = n->status == NODE_REVOKED;
		}
	}
	*out = x;
	return ERR_OK;
out:
	delta_fini(&x);
	return e;
}

static bool is_gone(const struct delta *x, uint32_t id, uint32_t *hint)
{
	while (*hint < x->n_gone && x->gone[*hint].id < id)
		(*hint)++;
	return *hint < x->n_gone && x->gone[*hint].id == id;
}

/*
 * Merges the old nodes (sorted), without those that are gone or replaced, with the fresh ones
 * (sorted) into `merged`. Nothing can fail here: nodes are moved, and what is left of the old ones
 * is freed. Returns the new number.
 */
static uint32_t merge(struct node *old, uint32_t n_old, struct node *fresh, const struct delta *x,
		      struct node *merged)
{
	uint32_t n = 0, f = 0, hint = 0;

	for (uint32_t i = 0; i < n_old; i++) {
		while (f < x->n_changed && fresh[f].id < old[i].id)
			merged[n++] = fresh[f++];
		if ((f < x->n_changed && fresh[f].id == old[i].id) || x->from == 0 ||
		    is_gone(x, old[i].id, &hint))
			node_fini(&old[i]);
		else
			merged[n++] = old[i];
	}
	while (f < x->n_changed)
		merged[n++] = fresh[f++];
	return n;
}

/* How many nodes there will be; found beforehand, since merge() must not fail. */
static uint32_t count_after(const struct directory *d, const struct delta *x)
{
	uint32_t n = x->from == 0 ? 0 : d->count;

	if (x->from == 0)
		return x->n_changed;
	for (uint32_t i = 0; i < x->n_changed; i++)
		n += directory_find(d, x->changed[i].id) ? 0 : 1;
	for (uint32_t i = 0; i < x->n_gone; i++)
		n -= directory_find(d, x->gone[i].id) ? 1 : 0;
	return n;
}

enum err directory_apply(struct directory *d, const struct delta *x)
{
	struct node *fresh, *merged;
	uint32_t n_fresh = 0, n;
	enum err e = ERR_NOMEM;

	if (x->from != 0 && x->from != d->revision)
		return ERR_STALE;
	n = count_after(d, x);
	if (n > NODES_MAX)
		return ERR_LIMIT;
	fresh = calloc(x->n_changed + 1u, sizeof(*fresh));
	merged = calloc(n + 1u, sizeof(*merged));
	if (!fresh || !merged)
		goto out;
	for (; n_fresh < x->n_changed; n_fresh++) {
		e = node_copy(&fresh[n_fresh], &x->changed[n_fresh]);
		if (e)
			goto out;
	}
	d->count = merge(d->nodes, d->count, fresh, x, merged);
	BUG_ON(d->count != n);
	free(d->nodes);
	d->nodes = merged;
	d->cap = n + 1;
	d->revision = x->to;
	free(fresh); /* its nodes have moved */
	return ERR_OK;
out:
	if (fresh)
		free_nodes(fresh, n_fresh);
	free(merged);
	return e;
}

static json_t *nodes_to_json(const struct node *nodes, uint32_t n)
{
	json_t *array = json_array();

	for (uint32_t i = 0; i < n && array; i++) {
		if (json_array_append_new(array, node_to_json(&nodes[i])) == 0)
			continue;
		json_decref(array);
		array = NULL;
	}
	return array;
}

static json_t *gone_to_json(const struct delta *x)
{
	json_t *array = json_array();

	for (uint32_t i = 0; i < x->n_gone && array; i++) {
		struct fields_out o;

		fields_write_init(&o);
		fields_put_int(&o, "id", x->gone[i].id);
		fields_put_bool(&o, "revoked", x->gone[i].revoked);
		if (json_array_append_new(array, fields_write_end(&o)) == 0)
			continue;
		json_decref(array);
		array = NULL;
	}
	return array;
}

json_t *delta_to_json(const struct delta *x)
{
	struct fields_out o;

	fields_write_init(&o);
	fields_put_count(&o, "from", x->from);
	fields_put_count(&o, "to", x->to);
	fields_put(&o, "nodes", nodes_to_json(x->changed, x->n_changed));
	fields_put(&o, "gone", gone_to_json(x));
	return fields_write_end(&o);
}

/* Nodes in strictly ascending order of their ids, none newer than `revision`. */
static void get_nodes(struct fields *f, uint64_t revision, struct node **out, uint32_t *n_out)
{
	const json_t *array = fields_get_array(f, "nodes", FIELDS_REQUIRED, NODES_MAX);
	size_t n = array ? json_array_size(array) : 0;
	struct node *nodes;
	uint32_t i = 0;

	if (f->err)
		return;
	nodes = calloc(n + 1, sizeof(*nodes));
	if (!nodes) {
		fields_fail(f, ERR_NOMEM);
		return;
	}
	while (i < n && !f->err) {
		enum err e = node_from_json(json_array_get(array, i), &nodes[i]);

		if (e) {
			fields_fail(f, e);
			break;
		}
		if (nodes[i].revision > revision || (i > 0 && nodes[i].id <= nodes[i - 1].id))
			fields_fail(f, ERR_INVALID);
		i++;
	}
	*out = nodes;
	*n_out = i;
}

/* The ids that are gone, strictly ascending, none of them also among the changed nodes. */
static void get_gone(struct fields *f, struct delta *x)
{
	const json_t *array = fields_get_array(f, "gone", FIELDS_OPTIONAL, NODES_MAX);
	size_t n = array ? json_array_size(array) : 0;

	if (f->err)
		return;
	x->gone = calloc(n + 1, sizeof(*x->gone));
	if (!x->gone) {
		fields_fail(f, ERR_NOMEM);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		struct fields g;
		uint32_t id, at;

		fields_init(&g, json_array_get(array, i));
		id = fields_get_id(&g, "id");
		x->gone[i].id = id;
		x->gone[i].revoked = fields_get_bool(&g, "revoked", FIELDS_OPTIONAL);
		at = place_of(x->changed, x->n_changed, id);
		if (g.err || (i > 0 && id <= x->gone[i - 1].id) ||
		    (at < x->n_changed && x->changed[at].id == id)) {
			fields_fail(f, ERR_INVALID);
			return;
		}
	}
	x->n_gone = (uint32_t)n;
}

enum err delta_from_json(const json_t *j, struct delta *out)
{
	struct delta x = { 0 };
	struct fields f;

	fields_init(&f, j);
	x.from = fields_get_count(&f, "from", FIELDS_REQUIRED);
	x.to = fields_get_count(&f, "to", FIELDS_REQUIRED);
	if (x.to < x.from)
		fields_fail(&f, ERR_INVALID);
	get_nodes(&f, x.to, &x.changed, &x.n_changed);
	get_gone(&f, &x);
	if (x.from == 0 && x.n_gone > 0)
		fields_fail(&f, ERR_INVALID);
	if (f.err)
		delta_fini(&x);
	else
		*out = x;
	return f.err;
}

json_t *directory_to_json(const struct directory *d)
{
	struct fields_out o;

	fields_write_init(&o);
	fields_put_count(&o, "revision", d->revision);
	fields_put(&o, "nodes", nodes_to_json(d->nodes, d->count));
	return fields_write_end(&o);
}

enum err directory_from_json(const json_t *j, struct directory *out)
{
	struct directory d;
	struct fields f;

	directory_init(&d);
	fields_init(&f, j);
	d.revision = fields_get_count(&f, "revision", FIELDS_REQUIRED);
	get_nodes(&f, d.revision, &d.nodes, &d.count);
	d.cap = d.count;
	if (f.err)
		directory_fini(&d);
	else
		*out = d;
	return f.err;
}
