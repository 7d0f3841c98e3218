/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hub/api/order_waits.h"

static struct order_wait *wait_of(struct list *link)
{
	return list_entry(link, struct order_wait, link);
}

static void rearm(struct order_waits *o)
{
	if (!o->timers)
		return;
	if (o->n)
		timer_arm(o->timers, &o->timer, wait_of(o->waiting.next)->until_ms);
	else
		timer_disarm(o->timers, &o->timer);
}

static void end(struct order_waits *o, struct order_wait *one, const struct nudge_order_done *what)
{
	order_waits_leave(o, one);
	o->done(one, what);
}

static void end_first(struct order_waits *o, enum err why)
{
	struct order_wait *one = wait_of(o->waiting.next);

	end(o, one, &(struct nudge_order_done){ .tag = one->order.tag, .result = why });
}

static void fire(struct timer *t, uint64_t now_ms)
{
	struct order_waits *o = container_of(t, struct order_waits, timer);

	while (o->n && wait_of(o->waiting.next)->until_ms <= now_ms)
		end_first(o, ERR_BUSY);
	rearm(o);
}

void order_waits_init(struct order_waits *o, struct timers *timers,
		      enum err (*ask)(struct order_waits *o, const struct nudge_order *order),
		      void (*done)(struct order_wait *one, const struct nudge_order_done *what))
{
	*o = (struct order_waits){ .timers = timers, .timer.fire = fire, .ask = ask, .done = done };
	list_init(&o->waiting);
}

void order_waits_fini(struct order_waits *o)
{
	order_waits_lost(o);
	rearm(o);
}

enum err order_waits_begin(struct order_waits *o, enum order_kind kind, uint32_t node_id,
			   struct order_wait *one, uint64_t now_ms)
{
	enum err e;

	if (o->n == ORDER_WAITS_MAX)
		return ERR_LIMIT;
	if (++o->last_tag == 0)
		o->last_tag = 1;
	one->order = (struct nudge_order){ .tag = o->last_tag, .kind = kind, .id = node_id };
	one->until_ms = now_ms + ORDER_WAITS_PATIENCE_MS;
	e = o->ask(o, &one->order);
	if (e)
		return e;
	list_push_back(&o->waiting, &one->link);
	one->waiting = true;
	o->n++;
	rearm(o);
	return ERR_OK;
}

void order_waits_leave(struct order_waits *o, struct order_wait *one)
{
	if (!one->waiting)
		return;
	one->waiting = false;
	list_del(&one->link);
	o->n--;
	rearm(o);
}

void order_waits_take(struct order_waits *o, const struct nudge_order_done *what)
{
	struct list *pos, *tmp;

	list_for_each(pos, tmp, &o->waiting) {
		if (wait_of(pos)->order.tag != what->tag)
			continue;
		end(o, wait_of(pos), what);
		return;
	}
}

void order_waits_lost(struct order_waits *o)
{
	while (o->n)
		end_first(o, ERR_BUSY);
}
