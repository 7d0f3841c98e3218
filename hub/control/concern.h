/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * concern: whom a change of the directory concerns. Filled while the store's changes are read;
 * afterwards a link whose spoke none of them concerns is up to date without a message: its
 * directory at the new revision is the one that it holds.
 *
 *   1. concern_note() for each node that changed
 *   2. concern_is() for each spoke
 *   3. concern_clear()
 *
 * Pure: no I/O, no clock.
 */
#include "shared/wire/node.h"

/* Changes looked at one by one; of more at once everybody is told. */
#define CONCERN_CHANGES_MAX 256u

/* A changed node, as it was and as it is. */
struct concern_change {
	uint32_t id;
	struct concern_side {
		bool told; /* to those whom policy shows it */
		enum node_kind kind;
		uint64_t groups, reach;
	} old, now;
};

struct concern {
	bool all; /* too many changes, or some of them may be missing */
	unsigned n;
	struct concern_change list[CONCERN_CHANGES_MAX];
};

/* `old` is NULL for a new node. A change of nothing that spokes are told concerns nobody. */
void concern_note(struct concern *x, const struct node *old, const struct node *now);
/* Some changes may not be noted: everybody is concerned until concern_clear(). */
void concern_note_all(struct concern *x);
/* Must this spoke be told of any of them? `viewer` as it is now. */
bool concern_is(const struct concern *x, const struct node *viewer);
void concern_clear(struct concern *x);
