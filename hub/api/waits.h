/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * waits: requests that wait for spokes to apply a revision (long poll). They are looked at when
 * control says that presence has changed, and at their deadline.
 *
 * Timers: `timer`, armed to the earliest deadline, or WAITS_LOOK_MS after the last look when a
 * nudge came sooner than that.
 */
#include "shared/base/list.h"
#include "shared/loop/loop.h"

#define WAITS_MAX     64u /* more are answered at once, with what is known now */
#define WAITS_LOOK_MS 20u /* least time between two looks: acks of many spokes come in bursts */

/* One that waits. */
struct wait {
	struct list link;
	uint64_t until_ms;
	bool waiting;
};

struct waits {
	struct list waiting; /* of struct wait */
	unsigned n;
	bool nudged; /* presence changed since the last look */
	uint64_t looked_ms;
	struct timers *timers; /* NULL in tests */
	struct timer timer;
	/* Answers the request if it can be, or must be because `late`; true when it was. */
	bool (*look)(struct wait *one, bool late);
};

void waits_init(struct waits *w, struct timers *timers, bool (*look)(struct wait *one, bool late));
/* False when there are too many already. */
bool waits_add(struct waits *w, struct wait *one, uint64_t until_ms);
/* Harmless for one that does not wait. */
void waits_remove(struct waits *w, struct wait *one);
/* Presence has changed. */
void waits_nudge(struct waits *w, uint64_t now_ms);
/* All are answered with what is known now: before the end. */
void waits_flush(struct waits *w);
/* When the timer is to fire: pure part, for waits.c and its test. */
uint64_t waits_next_ms(const struct waits *w);
