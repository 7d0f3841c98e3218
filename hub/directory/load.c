/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hub/directory/load.h"

struct reader {
	struct directory *d;
	load_changed changed;
	void *arg;
	uint32_t n;
	uint64_t newest; /* revision of all that was read */
};

static enum err read_node(void *arg, const struct node *n, const struct store_node_meta *meta)
{
	struct reader *r = arg;
	const struct node *old = directory_find(r->d, n->id);

	(void)meta;
	if (n->revision > r->newest)
		r->newest = n->revision;
	r->n++;
	if (r->changed)
		r->changed(r->arg, old, n);
	return directory_put(r->d, n);
}

/*
 * The revision is read before the nodes, and another process may commit in between. The nodes are
 * one snapshot, so that the newest revision among them is one that they show as a whole.
 */
enum err load_refresh(struct store *s, struct directory *d, load_changed changed, void *arg,
		      uint32_t *n)
{
	struct reader r = { .d = d, .changed = changed, .arg = arg };
	enum err e = store_revision_get(s, &r.newest);

	*n = 0;
	if (e)
		return e;
	if (r.newest <= d->revision && r.newest != 0)
		return ERR_OK;
	e = store_nodes_since(s, d->revision, 0, 0, read_node, &r);
	*n = r.n;
	if (e)
		return e;
	d->revision = r.newest;
	return ERR_OK;
}
