/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * order_waits: what an admin has done at once by hand (nudge_msg.h), and the requests that wait for
 * what came of it.
 *
 *   1. order_waits_begin(): the request waits, and control is asked
 *   2. order_waits_take() is called with its answer
 *   3. done() is called on the loop, with the answer, or with ERR_BUSY when there was none in time.
 *      Afterwards the request does not wait any more
 *
 * Timers: one, armed to the earliest end of patience; all have the same, so that is the first's.
 */
#include "shared/base/list.h"
#include "shared/ipc/nudge_msg.h"
#include "shared/loop/timer.h"

#define ORDER_WAITS_MAX 16u /* at the same time; control keeps as many */
/* The engine needs no time for an order; a handshake may be repeated once. */
#define ORDER_WAITS_PATIENCE_MS 6000u

/* A request that waits. */
struct order_wait {
	struct list link;
	bool waiting;
	struct nudge_order order;
	uint64_t until_ms;
};

struct order_waits {
	struct list waiting; /* of struct order_wait, the oldest first */
	unsigned n;
	uint32_t last_tag;
	struct timers *timers; /* NULL in tests that end them by hand */
	struct timer timer;
	/* Hands an order to control. ERR_CLOSED: it is away. */
	enum err (*ask)(struct order_waits *o, const struct nudge_order *order);
	void (*done)(struct order_wait *one, const struct nudge_order_done *what);
};

void order_waits_init(struct order_waits *o, struct timers *timers,
		      enum err (*ask)(struct order_waits *o, const struct nudge_order *order),
		      void (*done)(struct order_wait *one, const struct nudge_order_done *what));
/* All end, without an answer; before the end. */
void order_waits_fini(struct order_waits *o);
/* `one` waits from now on. ERR_LIMIT: too many do. Of ask(): control is away. */
enum err order_waits_begin(struct order_waits *o, enum order_kind kind, uint32_t node_id,
			   struct order_wait *one, uint64_t now_ms) must_check;
/* The request is over. Harmless for one that does not wait. */
void order_waits_leave(struct order_waits *o, struct order_wait *one);
/* What came of one; of one that nobody waits for any more it is passed over. */
void order_waits_take(struct order_waits *o, const struct nudge_order_done *what);
/* Control is gone: nobody will answer. */
void order_waits_lost(struct order_waits *o);
