/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "spoke/control/gather.h"

#include <string.h>

void gathers_init(struct gathers *a, struct loop *l, struct engine_feed *engine)
{
	memset(a, 0, sizeof(*a));
	a->loop = l;
	a->engine = engine;
	list_init(&a->active);
}

/* Takes the question out of the list; its rows stay for done(). */
static void finish(struct gather *g, enum err e)
{
	timer_disarm(loop_timers(g->all->loop), &g->timeout);
	list_del(&g->node);
	g->all = NULL;
	g->done(g, e);
}

static void timed_out(struct timer *t, uint64_t now_ms)
{
	(void)now_ms;
	finish(container_of(t, struct gather, timeout), ERR_TIMEOUT);
}

void gathers_engine_down(struct gathers *a)
{
	while (!list_empty(&a->active))
		finish(list_entry(a->active.next, struct gather, node), ERR_CLOSED);
}

static struct gather *find(struct gathers *a, uint32_t tag)
{
	struct list *pos, *tmp;

	list_for_each(pos, tmp, &a->active)
		if (list_entry(pos, struct gather, node)->tag == tag)
			return list_entry(pos, struct gather, node);
	return NULL;
}

void gathers_row(struct gathers *a, const struct engine_status *row)
{
	struct gather *g = find(a, row->tag);

	if (!g || g->n_rows >= PEERS_MAX)
		return;
	if (g->n_rows == g->cap_rows) {
		size_t cap = g->cap_rows ? g->cap_rows * 2 : 16;
		struct engine_status *rows = realloc(g->rows, cap * sizeof(*rows));

		if (!rows) {
			finish(g, ERR_NOMEM);
			return;
		}
		g->rows = rows;
		g->cap_rows = cap;
	}
	g->rows[g->n_rows++] = *row;
}

void gathers_end(struct gathers *a, const struct engine_status_end *end)
{
	struct gather *g = find(a, end->tag);

	if (!g)
		return;
	g->totals = *end;
	g->has_totals = true;
	finish(g, ERR_OK);
}

enum err gather_start(struct gathers *a, struct gather *g,
		      void (*done)(struct gather *g, enum err e))
{
	uint8_t mem[64];
	struct cursor body;
	struct engine_tag m;

	gather_stop(g);
	memset(g, 0, sizeof(*g));
	if (++a->last_tag == 0)
		a->last_tag = 1;
	g->tag = m.tag = a->last_tag;
	cursor_init_write(&body, mem, sizeof(mem));
	engine_tag_encode(&m, &body);
	if (!engine_feed_send(a->engine, ENGINE_STATUS_GET, &body))
		return ERR_CLOSED;
	g->all = a;
	g->done = done;
	g->timeout.fire = timed_out;
	list_push_back(&a->active, &g->node);
	timer_arm(loop_timers(a->loop), &g->timeout, loop_now_ms(a->loop) + GATHER_TIMEOUT_MS);
	return ERR_OK;
}

void gather_stop(struct gather *g)
{
	if (g->all) {
		timer_disarm(loop_timers(g->all->loop), &g->timeout);
		list_del(&g->node);
		g->all = NULL;
	}
	free(g->rows);
	g->rows = NULL;
	g->n_rows = g->cap_rows = 0;
}
