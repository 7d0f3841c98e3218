/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * pairs: how each node reaches the others, as it tells itself (report), and how the hub's own
 * engine reaches each node. The last word on each pair is kept in memory for as long as the link of
 * who told it is up, and written to the presence database for api. At most PAIRS_PER_SPOKE_MAX of
 * one spoke and PAIRS_MAX of all together; what is over is counted and not kept.
 *
 *   report, reach --pairs_tell()--> pair --> changed --every PAIRS_FLUSH_MS--> presence.db
 *   link ends ------pairs_drop()--> dropped ---------------'
 */
#include "hub/store/store.h"
#include "shared/base/list.h"
#include "shared/base/table.h"
#include "shared/loop/timer.h"

#define PAIRS_FLUSH_MS    500u  /* after the first change */
#define PAIRS_FLUSH_ROWS  1024u /* in one transaction: some 10 ms */
#define PAIRS_MORE_MS     50u   /* until the next, so that links are served between */
#define PAIRS_DROPPED_MAX 1024u
#define PAIRS_RETRY_MS    2000u /* after a failed write */

struct control;

/* Those that one link, or the hub's engine, has told. */
struct pair_side {
	struct list pairs;
	unsigned n;
};

struct pairs {
	struct table by_key; /* struct pair */
	struct list changed; /* not in the database yet */
	unsigned n_changed;
	struct store_pair_gone dropped[PAIRS_DROPPED_MAX]; /* not gone from the database yet */
	size_t n_dropped;
	bool anew; /* there were more of them: the whole table is written anew */
	struct timer flush;
	struct pair_side own; /* the hub's engine's; bounded by its peers */
	struct store_pair *rows;
};

enum err pairs_init(struct control *c) must_check;
/* Once the store is open: what the last run has written goes. */
void pairs_start(struct control *c);
void pairs_fini(struct control *c);
void pair_side_init(struct pair_side *s);
/* `row` (its id and told_ms are not looked at) is the last word of `side` about that pair. A row
 * that says nothing new costs nothing. */
void pairs_tell(struct control *c, struct pair_side *side, const struct store_pair *row);
/* All that `side`, of node `node_id`, has told is no longer so. */
void pairs_drop(struct control *c, struct pair_side *side, uint32_t node_id);
/* The node is in the network no more: nobody has a path to it. */
void pairs_forget(struct control *c, uint32_t node_id);
/* Writes what there is, at most PAIRS_FLUSH_ROWS. */
void pairs_flush(struct control *c);
