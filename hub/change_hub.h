/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/* change_hub: what the hub itself does, as events of the audit log. No new revision. */
#include "hub/change.h"

/*
 * The hub has been started. `run_ms`, the wall time at which this run's configuration was read,
 * tells it from the one before: however often it is said of one run, there is one entry.
 */
enum err change_hub_started(struct change *c, const char *hub, int64_t run_ms) must_check;
/* A backup is whole, in `file` ("-": standard output). */
enum err change_hub_backup(struct change *c, const char *hub, const char *file) must_check;

struct change_hub_revocation {
	uint32_t node_id;
	const char *node;
	uint64_t revision;
	uint32_t online, applied; /* who was to apply it, and has */
	int64_t elapsed_ms;
};
/* What came of a node's revocation, which was pending: confirmed if all have applied it.
 * ERR_NOTFOUND. */
enum err change_hub_revocation(struct change *c, const struct change_hub_revocation *in) must_check;
