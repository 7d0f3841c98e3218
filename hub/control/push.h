/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * push: brings links to the directory's revision, with a delta from the one that they were told
 * last, or a snapshot. At most one push a link and loop round; a link that does not take what it
 * was sent is left out until it does, and then gets all in one.
 */
#include "shared/base/buf.h"
#include "shared/loop/loop.h"

#define PUSH_QUEUED_MAX_BYTES (1u << 20) /* waiting to be sent: no further push on top */

struct control;
struct conn;
struct node;

/*
 * A frame that others can be sent, too: those who start from the same revision (0: a snapshot),
 * hold the same, and are under the same policy see the same.
 */
struct push_cache {
	bool valid;
	uint64_t from, held, to, groups, reach;
	uint32_t capabilities;
	struct buf frame;
};

struct push {
	struct loop_later later;
	struct push_cache cache;
};

void push_init(struct control *c);
void push_fini(struct control *c);
/*
 * The directory has gone on from revision `before`, where c->concern says what changed: who was up
 * to date then, and is not concerned, still is, without a message.
 */
void push_spare(struct control *c, uint64_t before);
/* Push to all who are behind, at the end of this round. */
void push_schedule(struct control *c);
/*
 * Push to this link now, if it is behind: what changed since conn->held_revision, as a delta from
 * conn->sent_revision; 0 sends a snapshot.
 */
void push_to(struct control *c, struct conn *conn);
/* True when the spoke was told all that concerns it. */
bool push_is_done(const struct control *c, const struct conn *conn);
