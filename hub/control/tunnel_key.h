/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * tunnel_key: the hub's own tunnel key, and its replacement while everything runs. Private keys are
 * the engine's (own_keys.h) and the monitor's; we only know the public ones, and say what is next.
 *
 *     the store has a row "asked for" (an admin)
 *       |  1. make: the engine has a second key, which the monitor keeps in tunnel.key.next
 *       |  2. use: the store has it as the hub's tunnel key, signed by our identity key. The
 *       |     directory brings it to spokes, the engine begins handshakes with it, and answers for
 *       |     both; sessions go on
 *     overlap: the engine tells which key each session was made with; who has one made with the new
 *       |     key, or has none and knows the directory, needs the old one no more
 *     the row is gone (an admin; we when nobody needs the old one, or when spokes had their time
 *       |     and no WireGuard node is left)
 *       |  3. promote: tunnel.key.next becomes tunnel.key
 *       |  4. retire: the engine forgets the old one
 *
 * Which of two keys is the hub's is the store's word alone. After a start the engine has those of
 * both files, the store names one, and where we are follows from that: a crash between any two
 * steps is harmless.
 *
 * Timer: what was learnt of nodes TUNNEL_KEY_WRITE_MS after the first of it; a step that failed
 * again after TUNNEL_KEY_AGAIN_MS; the end of the overlap, for which the clock is looked at every
 * TUNNEL_KEY_LOOK_MS.
 */
#include "hub/hub_tunnel.h"
#include "shared/loop/timer.h"
#include "shared/wire/node.h"

#define TUNNEL_KEY_WRITE_MS     500u
#define TUNNEL_KEY_AGAIN_MS     2000u
#define TUNNEL_KEY_LOOK_MS      30000u
#define TUNNEL_KEY_RECEIPTS_MAX 1024u /* not written yet; who finds no room is seen again */

struct control;
struct presence_node;
struct monitor_done;
struct engine_keys;

struct tunnel_key {
	struct public_key key[2]; /* the engine's, those that are on its disk */
	unsigned n;               /* 0: it has not told */
	bool making;              /* it was asked for one */
	uint32_t step_tag;        /* request to the monitor, 0 none */
	uint32_t mark;    /* own_key_mark() of the new key in the overlap; 0: there is none */
	int64_t until_ms; /* end of the overlap by the wall clock; 0: not waited for */
	bool waits_told;  /* it is logged that WireGuard nodes are waited for */
	uint32_t receipts[TUNNEL_KEY_RECEIPTS_MAX];
	unsigned n_receipts;
	uint64_t write_ms, again_ms; /* loop time; 0: nothing is due */
	struct timer timer;
};

/* Once the directory is there. */
void tunnel_key_start(struct control *c);
void tunnel_key_fini(struct control *c);
/* The store may say something else than before: the next step, if one is due. */
void tunnel_key_settle(struct control *c);
/* The directory has changed: somebody who was waited for may be gone. */
void tunnel_key_follow(struct control *c);
/* ENGINE_KEYS; and the engine is gone. */
void tunnel_key_engine(struct control *c, const struct engine_keys *m);
void tunnel_key_engine_lost(struct control *c);
/* False: that is the answer to something else. */
bool tunnel_key_monitor_done(struct control *c, const struct monitor_done *m);
/* The engine's session with the node was made with the key of this own_key_mark(); 0: there is
 * none. */
void tunnel_key_seen(struct control *c, struct presence_node *p, const struct node *n,
		     uint32_t own_key);
