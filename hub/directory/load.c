/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hub/directory/load.h"

struct reader {
	struct directory *d;
	load_changed changed;
	void *arg;
	uint32_t n;
};

static enum err read_node(void *arg, const struct node *n, const struct store_node_meta *meta)
{
	struct reader *r = arg;
	const struct node *old = directory_find(r->d, n->id);

	(void)meta;
	/* Read early by the call before (see load_refresh): nothing new. */
	if (old && old->revision == n->revision && node_equal(old, n))
		return ERR_OK;
	r->n++;
	if (r->changed)
		r->changed(r->arg, old, n);
	return directory_put(r->d, n);
}

/*
 * The revision is read before the nodes. A change that another process commits in between may then show in some of them already;
 * since d->revision stays behind it, the next call reads all of that change.
 */
enum err load_refresh(struct store *s, struct directory *d, load_changed changed, void *arg, uint32_t *n)
{
	struct reader r = {.d = d, .changed = changed, .arg = arg};
	uint64_t revision = 0;
	enum err e = store_revision_get(s, &revision);

	*n = 0;
	if (e)
		return e;
	if (revision == d->revision && revision != 0)
		return ERR_OK;
	e = store_nodes_since(s, d->revision, 0, 0, read_node, &r);
	*n = r.n;
	if (e)
		return e;
	d->revision = revision;
	return ERR_OK;
}
