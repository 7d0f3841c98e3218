/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hub/control/names.h"

#include <stdlib.h>
#include <string.h>

#include "hub/control/core.h"
#include "shared/base/hostport.h"
#include "shared/loop/resolve.h"

/* One node with names; kept while it has any. */
struct named {
	struct table_node by_id;
	uint32_t id;
	struct control *control;
	struct list in_queue;    /* waiting for its turn */
	struct resolve *resolve; /* the look-up under way, NULL none */
	uint32_t line;           /* which Address line is next */
	uint64_t done_ms;        /* when the last round ended, 0 never */
	uint8_t n, n_new;
	struct endpoint found[NAMES_FOUND_MAX], fresh[NAMES_FOUND_MAX];
};

enum err names_init(struct control *c)
{
	list_init(&c->names.queue);
	return table_init(&c->names.by_id, TABLE_KEY(struct named, by_id, id));
}

static struct named *find(const struct control *c, uint32_t id)
{
	struct table_node *t = table_find(&c->names.by_id, &id);

	return t ? container_of(t, struct named, by_id) : NULL;
}

static void cancel(struct control *c, struct named *x)
{
	if (!x->resolve)
		return;
	resolve_cancel(x->resolve);
	x->resolve = NULL;
	c->names.running--;
}

static void forget(struct control *c, struct named *x)
{
	cancel(c, x);
	list_del(&x->in_queue);
	table_remove(&c->names.by_id, &x->by_id);
	free(x);
}

void names_fini(struct control *c)
{
	struct table_node *t;

	while ((t = table_next(&c->names.by_id, NULL)))
		forget(c, container_of(t, struct named, by_id));
	table_fini(&c->names.by_id);
	loop_later_cancel(c->loop, &c->names.pump);
}

/* The next Address line of `n` from `*line` on that holds a name. */
static bool next_name(const struct control *c, const struct node *n, uint32_t *line, char *host,
		      uint16_t *port)
{
	struct addr numeric;

	for (; *line < n->n_endpoints; (*line)++)
		if (hostport_split(n->endpoints[*line], c->settings.udp_port, host, port) ==
			    ERR_OK &&
		    addr_parse(host, &numeric) != ERR_OK)
			return true;
	return false;
}

/* A node whose names are ours to look up. */
static bool has_names(const struct control *c, const struct node *n)
{
	char host[HOSTPORT_HOST_SIZE];
	uint32_t line = 0;
	uint16_t port;

	return n->kind == NODE_WIREGUARD && n->status == NODE_ACTIVE &&
	       next_name(c, n, &line, host, &port);
}

static void step(struct named *x);

static void found(void *arg, enum err e, const struct endpoint *list, size_t n)
{
	struct named *x = arg;

	x->resolve = NULL;
	x->control->names.running--;
	for (size_t i = 0; e == ERR_OK && i < n && x->n_new < NAMES_FOUND_MAX; i++)
		x->fresh[x->n_new++] = list[i];
	x->line++;
	step(x);
}

static void pump(struct loop_later *l)
{
	struct control *c = container_of(l, struct control, names.pump);

	while (c->names.running < NAMES_AT_ONCE && !list_empty(&c->names.queue)) {
		struct named *x = list_entry(c->names.queue.next, struct named, in_queue);
		list_del(&x->in_queue);
		x->line = 0;
		x->n_new = 0;
		step(x);
	}
}

/* All lines are done. When no name was found (no name server?), what was found before stays. */
static void finish(struct named *x, const struct node *n)
{
	struct control *c = x->control;

	x->done_ms = loop_now_ms(c->loop);
	if (x->n_new) {
		memcpy(x->found, x->fresh, sizeof(x->found));
		x->n = x->n_new;
	} else if (log_allowed(&c->log_system)) {
		log_warn("control: %s: none of its host names could be resolved", n->name);
	}
	engine_feed_endpoints(c, n, false);
	loop_later(c->loop, &c->names.pump, pump);
}

/* Looks up the next name of the node, or ends the round. */
static void step(struct named *x)
{
	struct control *c = x->control;
	const struct node *n = directory_find(&c->dir, x->id);
	char host[HOSTPORT_HOST_SIZE];
	uint16_t port;

	if (!n) {
		forget(c, x);
		return;
	}
	for (; next_name(c, n, &x->line, host, &port); x->line++) {
		if (resolve_start(c->loop, host, port, AF_UNSPEC, NAMES_TIMEOUT_MS, found, x,
				  &x->resolve) == ERR_OK) {
			c->names.running++;
			return;
		}
		x->resolve = NULL;
	}
	finish(x, n);
}

static void enqueue(struct control *c, struct named *x)
{
	if (x->resolve || !list_empty(&x->in_queue))
		return;
	list_push_back(&c->names.queue, &x->in_queue);
	loop_later(c->loop, &c->names.pump, pump);
}

void names_node(struct control *c, const struct node *old, const struct node *now)
{
	struct named *x = find(c, now->id);

	if (!has_names(c, now)) {
		if (x)
			forget(c, x);
		return;
	}
	if (x && old && old->n_endpoints == now->n_endpoints &&
	    memcmp(old->endpoints, now->endpoints, sizeof(now->endpoints)) == 0)
		return;
	if (!x) {
		x = calloc(1, sizeof(*x));
		if (!x)
			return;
		x->id = now->id;
		x->control = c;
		list_init(&x->in_queue);
		if (table_insert(&c->names.by_id, &x->by_id) != ERR_OK) {
			free(x);
			return;
		}
	}
	cancel(c, x); /* it asks for what is not there any more */
	enqueue(c, x);
}

void names_again(struct control *c, uint32_t id)
{
	struct named *x = find(c, id);

	if (x && x->done_ms && loop_now_ms(c->loop) - x->done_ms >= NAMES_AGAIN_MS)
		enqueue(c, x);
}

const struct endpoint *names_found(const struct control *c, uint32_t id, uint8_t *n)
{
	const struct named *x = find(c, id);

	*n = x ? x->n : 0;
	return x ? x->found : NULL;
}
