/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/loop/lookups.h"

#include <stdlib.h>
#include <string.h>

#include "shared/base/hostport.h"
#include "shared/loop/resolve.h"

/* A name to look up. */
struct line {
	char host[HOSTPORT_HOST_SIZE];
	uint16_t port;
};

/* One node with names; kept while it has any. */
struct lookup {
	struct table_node by_id;
	uint32_t id;
	struct lookups *all;
	struct list in_queue;    /* waiting for its turn */
	struct resolve *resolve; /* the look-up under way, NULL none */
	size_t next;             /* which line is next */
	uint64_t done_ms;        /* when the last round ended, 0 never */
	uint8_t n, n_new;
	struct endpoint found[LOOKUPS_FOUND_MAX], fresh[LOOKUPS_FOUND_MAX];
	size_t n_lines;
	struct line lines[LOOKUPS_LINES_MAX];
};

enum err lookups_init(struct lookups *l, struct loop *loop, int family, uint16_t default_port,
		      lookups_done done)
{
	memset(l, 0, sizeof(*l));
	l->loop = loop;
	l->family = family;
	l->default_port = default_port;
	l->done = done;
	list_init(&l->queue);
	return table_init(&l->by_id, TABLE_KEY(struct lookup, by_id, id));
}

static struct lookup *find(const struct lookups *l, uint32_t id)
{
	struct table_node *t = table_find(&l->by_id, &id);

	return t ? container_of(t, struct lookup, by_id) : NULL;
}

static void cancel(struct lookup *x)
{
	if (!x->resolve)
		return;
	resolve_cancel(x->resolve);
	x->resolve = NULL;
	x->all->running--;
}

static void forget(struct lookup *x)
{
	cancel(x);
	list_del(&x->in_queue);
	table_remove(&x->all->by_id, &x->by_id);
	free(x);
}

void lookups_fini(struct lookups *l)
{
	struct table_node *t;

	if (!l->loop)
		return;
	while ((t = table_next(&l->by_id, NULL)))
		forget(container_of(t, struct lookup, by_id));
	table_fini(&l->by_id);
	loop_later_cancel(l->loop, &l->pump);
	l->loop = NULL;
}

static void step(struct lookup *x);

static void answered(void *arg, enum err e, const struct endpoint *list, size_t n)
{
	struct lookup *x = arg;

	x->resolve = NULL;
	x->all->running--;
	for (size_t i = 0; e == ERR_OK && i < n && x->n_new < LOOKUPS_FOUND_MAX; i++)
		x->fresh[x->n_new++] = list[i];
	step(x);
}

static void pump(struct loop_later *later)
{
	struct lookups *l = container_of(later, struct lookups, pump);

	while (l->running < LOOKUPS_AT_ONCE && !list_empty(&l->queue)) {
		struct lookup *x = list_entry(l->queue.next, struct lookup, in_queue);

		list_del(&x->in_queue);
		x->next = 0;
		x->n_new = 0;
		step(x);
	}
}

/* All lines are done. When no name was found (no name server?), what was found before stays. */
static void finish(struct lookup *x)
{
	struct lookups *l = x->all;
	bool any = x->n_new > 0;

	x->done_ms = loop_now_ms(l->loop);
	if (any) {
		memcpy(x->found, x->fresh, sizeof(x->found));
		x->n = x->n_new;
	}
	loop_later(l->loop, &l->pump, pump);
	l->done(l, x->id, any);
}

/* Looks up the next name of the node, or ends the round. */
static void step(struct lookup *x)
{
	struct lookups *l = x->all;

	while (x->next < x->n_lines) {
		const struct line *line = &x->lines[x->next++];

		if (resolve_start(l->loop, line->host, line->port, l->family, LOOKUPS_TIMEOUT_MS,
				  answered, x, &x->resolve) == ERR_OK) {
			l->running++;
			return;
		}
		x->resolve = NULL;
	}
	finish(x);
}

static void enqueue(struct lookup *x)
{
	if (x->resolve || !list_empty(&x->in_queue))
		return;
	list_push_back(&x->all->queue, &x->in_queue);
	loop_later(x->all->loop, &x->all->pump, pump);
}

/* The names among the lines. */
static size_t take_names(const struct lookups *l, const char *const *lines, size_t n,
			 struct line out[LOOKUPS_LINES_MAX])
{
	struct addr numeric;
	size_t count = 0;

	for (size_t i = 0; i < n && count < LOOKUPS_LINES_MAX; i++) {
		struct line *x = &out[count];

		memset(x, 0, sizeof(*x));
		if (hostport_split(lines[i], l->default_port, x->host, &x->port) == ERR_OK &&
		    addr_parse(x->host, &numeric) != ERR_OK)
			count++;
	}
	return count;
}

static bool same_names(const struct lookup *x, const struct line *lines, size_t n)
{
	if (x->n_lines != n)
		return false;
	for (size_t i = 0; i < n; i++)
		if (x->lines[i].port != lines[i].port ||
		    strcmp(x->lines[i].host, lines[i].host) != 0)
			return false;
	return true;
}

static struct lookup *add(struct lookups *l, uint32_t id)
{
	struct lookup *x = calloc(1, sizeof(*x));

	if (!x)
		return NULL;
	x->id = id;
	x->all = l;
	list_init(&x->in_queue);
	if (table_insert(&l->by_id, &x->by_id) == ERR_OK)
		return x;
	free(x);
	return NULL;
}

void lookups_set(struct lookups *l, uint32_t id, const char *const *lines, size_t n)
{
	struct line names[LOOKUPS_LINES_MAX];
	size_t count = take_names(l, lines, n, names);
	struct lookup *x = find(l, id);

	if (!count) {
		if (x)
			forget(x);
		return;
	}
	if (x && same_names(x, names, count))
		return;
	if (!x)
		x = add(l, id);
	if (!x)
		return;
	cancel(x); /* it asks for what is not there any more */
	memcpy(x->lines, names, count * sizeof(names[0]));
	x->n_lines = count;
	enqueue(x);
}

void lookups_again(struct lookups *l, uint32_t id)
{
	struct lookup *x = find(l, id);

	if (x && x->done_ms && loop_now_ms(l->loop) - x->done_ms >= LOOKUPS_AGAIN_MS)
		enqueue(x);
}

const struct endpoint *lookups_found(const struct lookups *l, uint32_t id, uint8_t *n)
{
	const struct lookup *x = find(l, id);

	*n = x ? x->n : 0;
	return x && x->n ? x->found : NULL;
}
