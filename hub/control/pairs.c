/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hub/control/pairs.h"

#include <stdlib.h>
#include <string.h>

#include "hub/control/core.h"
#include "shared/base/clock.h"

struct pair {
	struct table_node by_key;
	uint64_t key;           /* node id, peer id */
	struct pair_side *side; /* who told it */
	struct list in_side;
	struct list in_changed; /* pairs.changed */
	struct store_pair row;
};

static uint64_t key_of(const struct store_pair *row)
{
	return (uint64_t)row->node_id << 32 | row->peer_id;
}

static void flush_fired(struct timer *t, uint64_t now_ms)
{
	(void)now_ms;
	pairs_flush(container_of(t, struct control, pairs.flush));
}

static void flush_in(struct control *c, uint64_t delay_ms)
{
	struct timer *t = &c->pairs.flush;

	if (!timer_armed(t))
		timer_arm(loop_timers(c->loop), t, loop_now_ms(c->loop) + delay_ms);
}

/* Is there room for one more of this side? The hub's engine tells of each peer once. */
static bool has_room(struct control *c, const struct pair_side *side)
{
	if (side == &c->pairs.own ||
	    (side->n < PAIRS_PER_SPOKE_MAX && c->pairs.by_key.count < PAIRS_MAX))
		return true;
	counters_add(&c->counters, COUNT_PAIRS_LIMITED);
	return false;
}

static struct pair *pair_new(struct control *c, struct pair_side *side,
			     const struct store_pair *row)
{
	struct pair *p;

	if (!has_room(c, side))
		return NULL;
	p = calloc(1, sizeof(*p));
	if (!p)
		return NULL;
	p->key = key_of(row);
	p->side = side;
	if (table_insert(&c->pairs.by_key, &p->by_key)) {
		free(p);
		return NULL;
	}
	list_init(&p->in_changed);
	list_push_back(&side->pairs, &p->in_side);
	side->n++;
	return p;
}

/* Does `new` say anything that `old` does not? */
static bool is_news(const struct store_pair *old, const struct store_pair *new)
{
	return old->path != new->path || old->reason != new->reason ||
	       !endpoint_equal(&old->endpoint, &new->endpoint) || old->since_ms != new->since_ms ||
	       old->handshake_ms != new->handshake_ms || old->rx_bytes != new->rx_bytes ||
	       old->tx_bytes != new->tx_bytes || old->rtt_us != new->rtt_us ||
	       old->loss_permille != new->loss_permille || old->pmtu != new->pmtu;
}

static void mark_changed(struct pairs *x, struct pair *p)
{
	if (!list_empty(&p->in_changed))
		return;
	list_push_back(&x->changed, &p->in_changed);
	x->n_changed++;
}

void pairs_tell(struct control *c, struct pair_side *side, const struct store_pair *row)
{
	const uint64_t key = key_of(row);
	struct table_node *n = table_find(&c->pairs.by_key, &key);
	struct pair *p = n ? container_of(n, struct pair, by_key) : pair_new(c, side, row);

	if (!p || (n && !is_news(&p->row, row)))
		return;
	if (n)
		history_pair(c, &p->row, row);
	p->row = *row;
	p->row.told_ms = clock_wall_ms();
	mark_changed(&c->pairs, p);
	flush_in(c, PAIRS_FLUSH_MS);
}

static void pair_free(struct control *c, struct pair *p)
{
	if (!list_empty(&p->in_changed)) {
		list_del(&p->in_changed);
		c->pairs.n_changed--;
	}
	list_del(&p->in_side);
	p->side->n--;
	table_remove(&c->pairs.by_key, &p->by_key);
	free(p);
}

/* Where there are too many to be named, all rows are written anew. */
static void remember_dropped(struct pairs *x, uint32_t node_id, uint32_t peer_id)
{
	if (x->n_dropped == ARRAY_LEN(x->dropped))
		x->anew = true;
	else
		x->dropped[x->n_dropped++] = (struct store_pair_gone){ node_id, peer_id };
}

void pairs_drop(struct control *c, struct pair_side *side, uint32_t node_id)
{
	if (!side->n)
		return;
	while (!list_empty(&side->pairs))
		pair_free(c, list_entry(side->pairs.next, struct pair, in_side));
	remember_dropped(&c->pairs, node_id, 0);
	flush_in(c, PAIRS_FLUSH_MS);
}

void pairs_forget(struct control *c, uint32_t node_id)
{
	struct table_node *n = table_next(&c->pairs.by_key, NULL), *next;
	bool any = false;

	for (; n; n = next) {
		struct pair *p = container_of(n, struct pair, by_key);

		next = table_next(&c->pairs.by_key, n);
		if (p->row.peer_id != node_id)
			continue;
		pair_free(c, p);
		any = true;
	}
	if (!any)
		return;
	remember_dropped(&c->pairs, 0, node_id);
	flush_in(c, PAIRS_FLUSH_MS);
}

/* Copies the first of the changed rows. Returns how many. */
static size_t gather(struct pairs *x)
{
	struct list *pos, *tmp;
	size_t n = 0;

	list_for_each(pos, tmp, &x->changed) {
		if (n == PAIRS_FLUSH_ROWS)
			break;
		x->rows[n++] = list_entry(pos, struct pair, in_changed)->row;
	}
	return n;
}

/* Empties the table; every pair is news then. */
static enum err begin_anew(struct control *c)
{
	struct pairs *x = &c->pairs;
	struct table_node *n = NULL;
	enum err e = store_pairs_clear(c->store);

	if (e)
		return e;
	while ((n = table_next(&x->by_key, n)))
		mark_changed(x, container_of(n, struct pair, by_key));
	x->n_dropped = 0;
	x->anew = false;
	return ERR_OK;
}

void pairs_flush(struct control *c)
{
	struct pairs *x = &c->pairs;
	size_t n;
	enum err e = ERR_OK;

	timer_disarm(loop_timers(c->loop), &x->flush);
	if (x->n_changed == 0 && x->n_dropped == 0)
		return;
	if (x->anew)
		e = begin_anew(c);
	n = gather(x);
	if (!e)
		e = store_pairs_put(c->store, x->dropped, x->n_dropped, x->rows, n);
	if (e) {
		(void)core_store_failed(c, e, "write the paths of nodes");
		flush_in(c, PAIRS_RETRY_MS);
		return;
	}
	x->n_dropped = 0;
	x->n_changed -= (unsigned)n;
	for (; n; n--)
		list_del(x->changed.next);
	if (x->n_changed)
		flush_in(c, PAIRS_MORE_MS);
}

void pair_side_init(struct pair_side *s)
{
	list_init(&s->pairs);
	s->n = 0;
}

enum err pairs_init(struct control *c)
{
	struct pairs *x = &c->pairs;

	list_init(&x->changed);
	pair_side_init(&x->own);
	x->flush.fire = flush_fired;
	x->rows = calloc(PAIRS_FLUSH_ROWS, sizeof(*x->rows));
	return x->rows ? table_init(&x->by_key, TABLE_KEY(struct pair, by_key, key)) : ERR_NOMEM;
}

void pairs_start(struct control *c)
{
	enum err e = store_pairs_clear(c->store);

	if (e)
		(void)core_store_failed(c, e, "clear the paths of nodes");
}

void pairs_fini(struct control *c)
{
	struct pairs *x = &c->pairs;
	struct table_node *n = table_next(&x->by_key, NULL), *next;

	for (; n; n = next) {
		next = table_next(&x->by_key, n);
		free(container_of(n, struct pair, by_key));
	}
	table_fini(&x->by_key);
	timer_disarm(loop_timers(c->loop), &x->flush);
	free(x->rows);
	x->rows = NULL;
}
