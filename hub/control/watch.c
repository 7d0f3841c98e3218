/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hub/control/watch.h"

#include <stdlib.h>

#include "hub/control/core.h"

struct watched {
	struct table_node by_id;
	uint32_t id;
	struct list watches;
};

struct watch {
	struct list in_side; /* the follower's, oldest first */
	struct list in_watched;
	struct conn *follower;
	struct watched *watched;
};

enum err watch_init(struct watches *w)
{
	return table_init(&w->by_id, TABLE_KEY(struct watched, by_id, id));
}

void watch_fini(struct watches *w)
{
	BUG_ON(w->by_id.count);
	table_fini(&w->by_id);
}

void watch_side_init(struct watch_side *s)
{
	list_init(&s->watches);
	s->n = 0;
}

static struct watched *find(struct watches *w, uint32_t id)
{
	struct table_node *n = table_find(&w->by_id, &id);

	return n ? container_of(n, struct watched, by_id) : NULL;
}

/* The anchor of a node's followers, made when it is the first. */
static struct watched *find_or_make(struct watches *w, uint32_t id)
{
	struct watched *x = find(w, id);

	if (x)
		return x;
	x = calloc(1, sizeof(*x));
	if (!x)
		return NULL;
	x->id = id;
	list_init(&x->watches);
	if (table_insert(&w->by_id, &x->by_id) != ERR_OK) {
		free(x);
		return NULL;
	}
	return x;
}

static void forget_if_unused(struct watches *w, struct watched *x)
{
	if (!list_empty(&x->watches))
		return;
	table_remove(&w->by_id, &x->by_id);
	free(x);
}

static void remove_watch(struct watches *w, struct watch *x)
{
	struct watched *watched = x->watched;

	x->follower->watches.n--;
	list_del(&x->in_side);
	list_del(&x->in_watched);
	free(x);
	forget_if_unused(w, watched);
}

/* True when it follows the node already; it is then the newest of its watches. */
static bool renew(struct conn *conn, uint32_t id)
{
	struct list *pos, *tmp;

	list_for_each(pos, tmp, &conn->watches.watches) {
		struct watch *x = list_entry(pos, struct watch, in_side);
		if (x->watched->id != id)
			continue;
		list_del(&x->in_side);
		list_push_back(&conn->watches.watches, &x->in_side);
		return true;
	}
	return false;
}

void watch_add(struct control *c, struct conn *conn, uint32_t id)
{
	if (renew(conn, id))
		return;
	if (conn->watches.n >= LINK_WATCHES_MAX)
		remove_watch(&c->watches,
			     list_entry(conn->watches.watches.next, struct watch, in_side));
	struct watched *watched = find_or_make(&c->watches, id);
	if (!watched)
		return;
	struct watch *x = calloc(1, sizeof(*x));
	if (!x) {
		forget_if_unused(&c->watches, watched);
		return;
	}
	x->follower = conn;
	x->watched = watched;
	list_push_back(&conn->watches.watches, &x->in_side);
	list_push_back(&watched->watches, &x->in_watched);
	conn->watches.n++;
}

void watch_drop(struct control *c, struct conn *conn)
{
	while (!list_empty(&conn->watches.watches))
		remove_watch(&c->watches,
			     list_entry(conn->watches.watches.next, struct watch, in_side));
}

void watch_each(struct control *c, uint32_t id,
		void (*cb)(struct control *, struct conn *, uint32_t))
{
	struct watched *watched = find(&c->watches, id);
	struct list *pos, *tmp;

	if (!watched)
		return;
	list_for_each(pos, tmp, &watched->watches)
		cb(c, list_entry(pos, struct watch, in_watched)->follower, id);
}
