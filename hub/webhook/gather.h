/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * gather: from what happened to what is to be delivered. Like a listener of events it is a place in
 * the audit log and one in the presence history, and reads on from there; what a webhook wants
 * becomes a delivery in the database, in one transaction with the new place. So nothing is lost or
 * told twice when this worker or the hub is started again. While there is no webhook the place is
 * the present.
 */
#include "hub/store/store.h"

#define GATHER_CHUNK_MAX      100u
#define GATHER_BODY_MAX_BYTES (64u << 10) /* of an event's data; a longer detail is left away */
#define GATHER_SAVE_MS        60000u /* a place at which nothing was wanted is saved so often */

struct gather {
	struct store *store;
	bool begun;
	uint64_t audit, presence; /* the last that was looked at */
	int64_t saved_ms;
};

void gather_init(struct gather *g, struct store *s);
/* One round. `*more`: there is more to look at; call again soon. */
enum err gather_run(struct gather *g, int64_t wall_ms, bool *more) must_check;
