/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/loop/timer.h"

/*
 * A binary heap in an array: the children of place i are 2i+1 and 2i+2, and nothing is due before
 * its parent. Each timer knows its place (slot = place + 1), so that it can be moved or taken out
 * without a search.
 */
struct timers {
	struct timer **heap;
	size_t count, cap;
	bool running;    /* inside timers_run() */
	uint64_t run_ms; /* its `now_ms` */
};

enum err timers_new(struct timers **out)
{
	struct timers *ts = calloc(1, sizeof(*ts));

	if (!ts)
		return ERR_NOMEM;
	*out = ts;
	return ERR_OK;
}

void timers_free(struct timers *ts)
{
	if (!ts)
		return;
	/* Whoever looks at his timer later sees that it is not armed. */
	for (size_t i = 0; i < ts->count; i++)
		ts->heap[i]->slot = 0;
	free(ts->heap);
	free(ts);
}

static void place(struct timers *ts, size_t i, struct timer *t)
{
	ts->heap[i] = t;
	t->slot = i + 1;
}

/* Moves the timer at place `i` up to where it belongs. */
static void sift_up(struct timers *ts, size_t i)
{
	struct timer *t = ts->heap[i];

	while (i > 0 && ts->heap[(i - 1) / 2]->at_ms > t->at_ms) {
		place(ts, i, ts->heap[(i - 1) / 2]);
		i = (i - 1) / 2;
	}
	place(ts, i, t);
}

/* Moves the timer at place `i` down to where it belongs. */
static void sift_down(struct timers *ts, size_t i)
{
	struct timer *t = ts->heap[i];
	size_t child;

	for (child = 2 * i + 1; child < ts->count; child = 2 * i + 1) {
		if (child + 1 < ts->count && ts->heap[child + 1]->at_ms < ts->heap[child]->at_ms)
			child++;
		if (ts->heap[child]->at_ms >= t->at_ms)
			break;
		place(ts, i, ts->heap[child]);
		i = child;
	}
	place(ts, i, t);
}

static void reserve(struct timers *ts)
{
	size_t cap = ts->cap ? ts->cap * 2 : 64;
	struct timer **heap;

	if (ts->count < ts->cap)
		return;
	heap = realloc(ts->heap, cap * sizeof(struct timer *));
	if (!heap) {
		fputs("out of memory for timers\n", stderr);
		abort();
	}
	ts->heap = heap;
	ts->cap = cap;
}

void timer_arm(struct timers *ts, struct timer *t, uint64_t at_ms)
{
	size_t i;

	if (at_ms == TIMER_NEVER) {
		timer_disarm(ts, t);
		return;
	}
	/* What a callback arms for now or the past waits for the next call, else it could keep
	 * timers_run() for ever. */
	if (ts->running && at_ms <= ts->run_ms)
		at_ms = ts->run_ms + 1;
	if (!timer_armed(t)) {
		reserve(ts);
		place(ts, ts->count++, t);
		t->at_ms = at_ms;
		sift_up(ts, ts->count - 1);
		return;
	}
	i = t->slot - 1;
	BUG_ON(i >= ts->count || ts->heap[i] != t);
	t->at_ms = at_ms;
	sift_up(ts, i);
	sift_down(ts, t->slot - 1);
}

void timer_disarm(struct timers *ts, struct timer *t)
{
	size_t i = t->slot - 1;
	struct timer *last;

	if (!timer_armed(t))
		return;
	BUG_ON(i >= ts->count || ts->heap[i] != t);
	t->slot = 0;
	last = ts->heap[--ts->count];
	if (last == t)
		return;
	place(ts, i, last);
	sift_up(ts, i);
	sift_down(ts, last->slot - 1);
}

uint64_t timers_next_ms(const struct timers *ts)
{
	return ts->count ? ts->heap[0]->at_ms : TIMER_NEVER;
}

void timers_run(struct timers *ts, uint64_t now_ms, unsigned max)
{
	BUG_ON(ts->running);
	ts->running = true;
	ts->run_ms = now_ms;
	for (; max && ts->count && ts->heap[0]->at_ms <= now_ms; max--) {
		struct timer *t = ts->heap[0];

		timer_disarm(ts, t);
		t->fire(t, now_ms);
	}
	ts->running = false;
}
