/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * gather: one question to the engine (ENGINE_STATUS_GET) and all of its answer. Embedded in whoever
 * asks.
 *
 *   1. gather_start(); done() comes once, from the loop
 *   2. in done() the rows are g->rows[0 .. n_rows-1]; gather_stop() frees them
 */
#include "shared/base/list.h"
#include "shared/ipc/engine_msg.h"
#include "shared/loop/loop.h"
#include "spoke/control/engine_feed.h"

#define GATHER_TIMEOUT_MS 2000u

/* All questions under way. */
struct gathers {
	struct loop *loop;
	struct engine_feed *engine;
	struct list active;
	uint32_t last_tag;
};

struct gather {
	struct list node;    /* in gathers.active; an initialised list when idle */
	struct gathers *all; /* NULL when idle */
	uint32_t tag;
	struct timer timeout;
	struct engine_status *rows;
	size_t n_rows, cap_rows;
	bool has_totals;
	struct engine_status_end totals;
	/* ERR_OK; ERR_TIMEOUT; ERR_CLOSED: no engine; ERR_NOMEM. What came until then is there. */
	void (*done)(struct gather *g, enum err e);
};

void gathers_init(struct gathers *a, struct loop *l, struct engine_feed *engine);
/* The engine went away: all questions end with ERR_CLOSED. */
void gathers_engine_down(struct gathers *a);
/* Answers of the engine; unknown tags are passed over. */
void gathers_row(struct gathers *a, const struct engine_status *row);
void gathers_end(struct gathers *a, const struct engine_status_end *end);

/* A zeroed struct is an idle one. ERR_CLOSED: there is no engine, and done() does not come. */
enum err gather_start(struct gathers *a, struct gather *g,
		      void (*done)(struct gather *g, enum err e)) must_check;
/* Ends the question if it is under way, and frees the rows. No callback. */
void gather_stop(struct gather *g);
