/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * watch: who follows whose presence. A spoke that asked for a node (locate) and the node that was
 * told to punch follow each other for as long as both are connected; at most LINK_WATCHES_MAX a
 * link, then the oldest goes. One watch lies in two lists, its follower's and its node's:
 *
 *   conn --watch_side--> watch, watch, ...
 *   node id --> struct watched --> watch, ...
 */
#include "shared/base/list.h"
#include "shared/base/table.h"

struct conn;
struct control;

/* The follower's end. */
struct watch_side {
	struct list watches;
	unsigned n;
};

struct watches {
	struct table by_id; /* struct watched */
};

enum err watch_init(struct watches *w) must_check;
void watch_fini(struct watches *w);
void watch_side_init(struct watch_side *s);
/*
 * `conn` follows node `id` from now on; harmless when it does already. Out of memory: it does not,
 * which costs freshness only.
 */
void watch_add(struct control *c, struct conn *conn, uint32_t id);
/* `conn` follows nobody any more. */
void watch_drop(struct control *c, struct conn *conn);
/* Calls back for each link that follows node `id`. The callback must not change watches. */
void watch_each(struct control *c, uint32_t id,
		void (*cb)(struct control *c, struct conn *follower, uint32_t id));
