/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/* timers: a binary heap of deadlines. O(log n) to arm and disarm, no allocation except for the
 * heap's growth. `now` is always an argument. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/base/err.h"

#define TIMER_NEVER UINT64_MAX

struct timer {
	uint64_t at_ms; /* deadline, CLOCK_BOOTTIME milliseconds; only for reading */
	size_t slot; /* place in the heap + 1; 0 when not armed. A zeroed timer is a disarmed one */
	void (*fire)(struct timer *t, uint64_t now_ms);
};

struct timers;

enum err timers_new(struct timers **out) must_check;
void timers_free(struct timers *ts);
/* Arms, or moves when it is armed. From a callback the earliest deadline is a millisecond after
 * timers_run()'s now. TIMER_NEVER disarms. Out of memory ends the process: a timer that is lost
 * silently would be worse. */
void timer_arm(struct timers *ts, struct timer *t, uint64_t at_ms);
void timer_disarm(struct timers *ts, struct timer *t);
static inline bool timer_armed(const struct timer *t) { return t->slot != 0; }
/* The earliest deadline, or TIMER_NEVER. */
uint64_t timers_next_ms(const struct timers *ts);
/*
 * Fires those that are due at `now_ms`, earliest first, at most `max` of them and each at most once
 * a call, disarmed before its callback. When more are due, timers_next_ms() says so.
 */
void timers_run(struct timers *ts, uint64_t now_ms, unsigned max);
