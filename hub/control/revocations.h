/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * revocations: whether a node's revocation was applied by all who were to: its row in the store
 * says so, and an entry of the audit log, and so an event, for each. Those that are under way are
 * rows, too, so that control may die in between.
 *
 *	node.revoke --all have acked its revision--> revocation.confirmed
 *	            --REVOCATIONS_LIMIT_MS---------> revocation.unconfirmed
 *
 * Timer: `timer`, armed to the earliest limit, or REVOCATIONS_RETRY_MS after the store failed.
 */
#include "hub/store/store.h"
#include "shared/loop/loop.h"

#define REVOCATIONS_LIMIT_MS 60000u
#define REVOCATIONS_RETRY_MS 1000u
#define REVOCATIONS_MAX      64u /* looked at at once; the others wait for their turn */

struct control;
struct node;

struct revocation {
	uint64_t revision;
	uint32_t node_id;
	char name[NAME_SIZE]; /* as the node was called then */
	int64_t at_ms;        /* wall time */
	uint32_t missing_id;  /* one who had not applied it at the last look; 0: not known. Only
				 when it has are all counted again, since acks come by thousands */
};

struct revocations {
	struct revocation list[REVOCATIONS_MAX];
	unsigned n;
	bool noted; /* there may be one in the store that is not in the list */
	struct timer timer;
};

/* Once the directory is there: those that were under way. */
void revocations_start(struct control *c);
void revocations_fini(struct control *c);
/* A node has changed; cheap. */
void revocations_note(struct control *c, const struct node *old, const struct node *now);
/* The directory is at the store's revision: begins with what was noted. */
void revocations_begin(struct control *c);
/* Presence was written: who has applied what? True: something was told, of which api and webhooks
 * are to be nudged. */
bool revocations_look(struct control *c);
