/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * history: how much went to and from each node over time, for the rings of the presence database
 * (hub/store/history.h).
 *
 *	what the engine counts, what spokes report --> sums of this second and this minute
 *	an answer of the engine is whole           --> ring of seconds
 *	the minute is over                         --> ring of minutes; the hour: ring of hours
 *
 * Timer: `tick`, every HISTORY_TICK_MS: online time, the end of a minute, and, up to
 * HISTORY_SECONDS_NODES nodes, a question to the engine. In larger networks it is asked every
 * CONTROL_TICK_MS as for everything else, so that only every fifth second has a sample, which
 * stands for five.
 *
 * What was counted before we began is in no sample: the first look at a node is where its sums
 * begin.
 */
#include "hub/store/history.h"
#include "shared/base/table.h"
#include "shared/ipc/engine_msg.h"
#include "shared/loop/loop.h"

#define HISTORY_TICK_MS       1000u
#define HISTORY_SECONDS_NODES 512u

struct control;

struct history {
	struct table by_id; /* of struct history_node */
	struct timer tick;
	uint64_t ticked_ms;
	int64_t minute_s;                   /* begin of the minute under way, wall time */
	struct store_sample second, minute; /* of the hub as a whole */
	struct store_sample *rows;          /* of the write under way; kept */
	size_t rows_cap;
};

enum err history_init(struct control *c) must_check;
/* Once directory and presence are there. */
void history_start(struct control *c);
void history_fini(struct control *c);

/* The engine's counters of a peer. */
void history_engine(struct control *c, const struct engine_status *m);
/* The engine has told of all its peers. */
void history_swept(struct control *c);
/* A node's word about another; `old` is what it said before. */
void history_pair(struct control *c, const struct store_pair *old, const struct store_pair *now);
/* What the tick does, `elapsed_ms` after the one before; `wall_s` is the time. */
void history_advance(struct control *c, uint64_t elapsed_ms, int64_t wall_s);
