/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hub/api/waits.h"

static struct wait *wait_of(struct list *link) { return list_entry(link, struct wait, link); }

uint64_t waits_next_ms(const struct waits *w)
{
	uint64_t at = w->nudged && w->n ? w->looked_ms + WAITS_LOOK_MS : TIMER_NEVER;

	for (struct list *pos = w->waiting.next; pos != &w->waiting; pos = pos->next)
		if (wait_of(pos)->until_ms < at)
			at = wait_of(pos)->until_ms;
	return at;
}

static void rearm(struct waits *w)
{
	if (w->timers)
		timer_arm(w->timers, &w->timer, waits_next_ms(w));
}

/* Looks at all whose time is over, and after a nudge at the others, too. */
static void look_at_all(struct waits *w, uint64_t now_ms)
{
	bool nudged = w->nudged && now_ms >= w->looked_ms + WAITS_LOOK_MS;
	struct list *pos, *tmp;

	if (nudged) {
		w->nudged = false;
		w->looked_ms = now_ms;
	}
	list_for_each(pos, tmp, &w->waiting) {
		struct wait *one = wait_of(pos);
		bool late = one->until_ms <= now_ms;

		if ((late || nudged) && w->look(one, late))
			waits_remove(w, one);
	}
	rearm(w);
}

static void fire(struct timer *t, uint64_t now_ms)
{
	look_at_all(container_of(t, struct waits, timer), now_ms);
}

void waits_init(struct waits *w, struct timers *timers, bool (*look)(struct wait *one, bool late))
{
	*w = (struct waits){ .timers = timers, .timer.fire = fire, .look = look };
	list_init(&w->waiting);
}

bool waits_add(struct waits *w, struct wait *one, uint64_t until_ms)
{
	if (w->n == WAITS_MAX)
		return false;
	one->until_ms = until_ms;
	one->waiting = true;
	list_push_back(&w->waiting, &one->link);
	w->n++;
	rearm(w);
	return true;
}

void waits_remove(struct waits *w, struct wait *one)
{
	if (!one->waiting)
		return;
	one->waiting = false;
	list_del(&one->link);
	w->n--;
}

void waits_nudge(struct waits *w, uint64_t now_ms)
{
	w->nudged = true;
	look_at_all(w, now_ms);
}

void waits_flush(struct waits *w)
{
	struct list *pos, *tmp;

	list_for_each(pos, tmp, &w->waiting) {
		if (w->look(wait_of(pos), true))
			waits_remove(w, wait_of(pos));
	}
	rearm(w);
}
