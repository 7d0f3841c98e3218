/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * presence: the fleeting facts about each node, in memory and, batched, in the presence database.
 * Changed rows are written in one transaction at most every PRESENCE_FLUSH_MS; acks of the newest
 * revision sooner, since somebody waits for them. After each write api gets NUDGE_PRESENCE. A write
 * that fails is tried again; the rows stay marked.
 */
#include "hub/control/bucket.h"
#include "hub/store/store.h"
#include "shared/base/list.h"
#include "shared/base/table.h"
#include "shared/ipc/engine_msg.h"
#include "shared/loop/loop.h"

#define PRESENCE_FLUSH_MS 50u
#define PRESENCE_SOON_MS  5u    /* when somebody waits for it: at most one write in so long */
#define PRESENCE_RETRY_MS 1000u /* after a failed write */

struct control;
struct conn;
struct history_node;

/* All that is known about one node. Made at first use. */
struct presence_node {
	struct table_node by_id;
	uint32_t id;
	struct store_presence row;
	struct list in_changed; /* not in the database yet */
	bool reachable;         /* host-up was run, host-down not yet */
	bool path_known;        /* the engine has told its path since we began */
	bool ended;             /* by hand (orders): its session is made anew with its next link */
	struct history_node
		*history; /* history.c's, to save a search each second; NULL: not known */
	uint32_t hub_key; /* tunnel_key.h: of our own keys the one that it is noted for; 0 none */
	struct bucket hellos; /* LINK_HELLO_COSTS_*: here, since a new link is quickly made */
};

struct presence {
	struct table by_id;
	struct list changed;
	unsigned n_changed;
	struct timer flush;
	uint64_t flushed_ms;
	struct store_presence *rows; /* of the write under way; kept */
	size_t rows_cap;
};

enum err presence_init(struct control *c) must_check;
/*
 * Once the directory is there: nobody is online; keeps the tunnel endpoints of the last run as
 * hints.
 */
void presence_start(struct control *c);
void presence_fini(struct control *c);

/* NULL: nothing is known of it. */
struct presence_node *presence_find(struct control *c, uint32_t id);
/* NULL when memory is out (logged): presence is then not shown, nothing else suffers. */
struct presence_node *presence_get(struct control *c, uint32_t id);
/* The node's row was changed: write it within PRESENCE_FLUSH_MS. */
void presence_changed(struct control *c, struct presence_node *p);
/* Write all as soon as PRESENCE_SOON_MS have passed since the last write. */
void presence_flush_soon(struct control *c);
/* Write all now. */
void presence_flush(struct control *c);

/* The hub itself is a node, too, and online. */
void presence_hub(struct control *c);
void presence_online(struct control *c, const struct conn *conn);
void presence_offline(struct control *c, uint32_t id);
/* The node's engine has applied `revision`. */
void presence_acked(struct control *c, uint32_t id, uint64_t revision);
/* The node is not concerned by what came after `before`: if it confirmed that, it confirmed `now`.
 */
void presence_spared(struct control *c, uint32_t id, uint64_t before, uint64_t now);
/*
 * The node has come (back) with `revision`: what it confirmed beyond that it has lost since, or it
 * was of a database that was replaced by an older copy. It must confirm again.
 */
void presence_holds(struct control *c, uint32_t id, uint64_t revision);
/*
 * The hub's engine says how it reaches the node. Returns true when the tunnel endpoint is another
 * than before.
 */
bool presence_path(struct control *c, struct presence_node *p, enum path_kind path,
		   enum path_reason reason, const struct endpoint *at);
/* How the node's NAT maps, as it tells: enum nat_mapping. True when that is news. */
bool presence_nat(struct control *c, uint32_t id, uint8_t nat);
/* The hub's engine counted. */
void presence_traffic(struct control *c, struct presence_node *p, const struct engine_status *s);
