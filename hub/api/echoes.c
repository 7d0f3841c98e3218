/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hub/api/echoes.h"

#include <stdlib.h>

struct series {
	struct list link;
	struct list waiting; /* of struct echoes_wait */
	struct echoes *owner;
	struct timer timer;
	uint32_t tag; /* of the echo that is out; 0: none is */
	struct echoes_result result;
};

static struct series *series_of(struct list *link) { return list_entry(link, struct series, link); }

static void arm(struct series *s, uint64_t at_ms)
{
	if (s->owner->timers)
		timer_arm(s->owner->timers, &s->timer, at_ms);
}

/* Everybody is told; done() may ask for another series at once. */
static void end(struct series *s)
{
	struct echoes *e = s->owner;
	struct list *pos, *tmp;

	if (e->timers)
		timer_disarm(e->timers, &s->timer);
	list_del(&s->link);
	e->n--;
	list_for_each(pos, tmp, &s->waiting) {
		struct echoes_wait *one = list_entry(pos, struct echoes_wait, link);

		echoes_leave(one);
		e->done(one, &s->result);
	}
	free(s);
}

static void send_next(struct series *s, uint64_t now_ms)
{
	struct echoes *e = s->owner;
	struct engine_ping ping = { .id = s->result.node_id };

	if (s->result.sent == ECHOES_PER_SERIES) {
		end(s);
		return;
	}
	if (++e->last_tag == 0)
		e->last_tag = 1;
	s->tag = ping.tag = e->last_tag;
	s->result.error = e->ask(e, &ping);
	if (s->result.error) {
		s->result.error = ERR_CLOSED;
		end(s);
		return;
	}
	arm(s, now_ms + (s->result.sent++ ? ECHOES_PATIENCE_MS : ECHOES_FIRST_PATIENCE_MS));
}

/* Either the patience with an echo is over, or the time between two. */
static void fire(struct timer *t, uint64_t now_ms)
{
	struct series *s = container_of(t, struct series, timer);

	s->tag = 0;
	send_next(s, now_ms);
}

void echoes_init(struct echoes *e, struct timers *timers,
		 enum err (*ask)(struct echoes *e, const struct engine_ping *ping),
		 void (*done)(struct echoes_wait *one, const struct echoes_result *result))
{
	*e = (struct echoes){ .timers = timers, .ask = ask, .done = done };
	list_init(&e->series);
}

void echoes_fini(struct echoes *e)
{
	while (e->n)
		end(series_of(e->series.next));
}

static struct series *find(struct echoes *e, uint32_t node_id)
{
	for (struct list *pos = e->series.next; pos != &e->series; pos = pos->next)
		if (series_of(pos)->result.node_id == node_id)
			return series_of(pos);
	return NULL;
}

static enum err begin(struct echoes *e, uint32_t node_id, struct series **out)
{
	struct series *s;

	if (e->n == ECHOES_SERIES_MAX)
		return ERR_LIMIT;
	s = calloc(1, sizeof(*s));
	if (!s)
		return ERR_NOMEM;
	s->owner = e;
	s->timer.fire = fire;
	s->result.node_id = node_id;
	list_init(&s->waiting);
	list_push_back(&e->series, &s->link);
	e->n++;
	*out = s;
	return ERR_OK;
}

enum err echoes_join(struct echoes *e, uint32_t node_id, struct echoes_wait *one, uint64_t now_ms)
{
	struct series *s = find(e, node_id);
	const bool fresh = !s;
	enum err err = fresh ? begin(e, node_id, &s) : ERR_OK;

	if (err)
		return err;
	list_push_back(&s->waiting, &one->link);
	one->waiting = true;
	if (fresh)
		send_next(s, now_ms);
	return ERR_OK;
}

void echoes_leave(struct echoes_wait *one)
{
	if (!one->waiting)
		return;
	one->waiting = false;
	list_del(&one->link);
}

/* Counts an answer in. */
static void take(struct echoes_result *r, const struct engine_pong *pong)
{
	if (!r->answered || pong->rtt_us < r->rtt_min_us)
		r->rtt_min_us = pong->rtt_us;
	if (pong->rtt_us > r->rtt_max_us)
		r->rtt_max_us = pong->rtt_us;
	r->rtt_sum_us += pong->rtt_us;
	r->answered++;
	r->path = pong->path;
	r->endpoint = pong->endpoint;
}

void echoes_pong(struct echoes *e, const struct engine_pong *pong, uint64_t now_ms)
{
	struct series *s = find(e, pong->id);

	if (!s || !s->tag || s->tag != pong->tag)
		return;
	s->tag = 0;
	/* No such peer, or nobody to ask: more echoes would not change that. */
	if (pong->result == ERR_NOTFOUND || pong->result == ERR_CLOSED) {
		s->result.error = pong->result;
		end(s);
		return;
	}
	if (pong->result == ERR_OK)
		take(&s->result, pong);
	if (s->result.sent == ECHOES_PER_SERIES)
		end(s);
	else
		arm(s, now_ms + ECHOES_EVERY_MS);
}
