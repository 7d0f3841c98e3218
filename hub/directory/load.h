/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * load: brings the directory in memory up to what the store holds: the whole at the start, later
 * only what changed.
 */
#include "hub/store/store.h"
#include "shared/wire/directory.h"

/*
 * One node is about to change. `old` is NULL for a new one; a deleted one comes with status
 * NODE_DELETED. Both are valid during the call.
 */
typedef void (*load_changed)(void *arg, const struct node *old, const struct node *now);

/*
 * Reads what changed after d->revision, calls `changed` for each node (before it is put into `d`),
 * then sets d->revision. Tombstones stay in `d`, deltas need them. After an error d->revision is
 * the old one: nodes read so far are in place, and the next call reads them again. `*n` gets the
 * number of changed nodes. Errors: those of the store, ERR_NOMEM.
 */
enum err load_refresh(struct store *s, struct directory *d, load_changed changed, void *arg,
		      uint32_t *n) must_check;
