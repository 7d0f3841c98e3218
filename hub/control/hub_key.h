/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * hub_key: the hub's own identity key, and its replacement while spokes are connected.
 *
 *     the store has a row "asked for" (an admin)
 *       |  1. make: the next key is in identity.key.next (the monitor keeps it)
 *       |  2. announce: the row has it, signed by the present key; spokes are told, now and in each
 *       |     welcome, and confirm; receipts are written some at a time
 *     the store has it as the hub's identity key (an admin, or we at the end of the overlap)
 *       |  3. use: links are opened with it from here on
 *       |  4. promote: identity.key.next becomes identity.key
 *
 * Which of two keys is in force is the store's word alone. After a start both files are read, the
 * store names one, and where we are follows from that: a crash between any two steps is harmless.
 *
 * Timer: receipts HUB_KEY_WRITE_MS after the first of them; a step that failed again after
 * HUB_KEY_AGAIN_MS; the end of the overlap, for which the clock is looked at every HUB_KEY_LOOK_MS.
 */
#include "hub/hub_identity.h"
#include "shared/base/secret.h"
#include "shared/loop/stream.h"
#include "shared/loop/timer.h"
#include "shared/wire/control.h"

#define HUB_KEY_WRITE_MS     500u
#define HUB_KEY_AGAIN_MS     2000u
#define HUB_KEY_LOOK_MS      30000u
#define HUB_KEY_RECEIPTS_MAX 1024u /* not written yet; a spoke that finds no room is told again */

struct control;
struct conn;
struct monitor_done;

struct hub_key {
	struct stream_identity *next;   /* in identity.key.next, not in force; NULL none */
	struct stream_identity *unkept; /* made, not on the disk yet */
	bool fresh;                     /* `next` was made for the request that stands */
	bool unpromoted;                /* the key in force is still in identity.key.next */
	uint32_t keep_tag, promote_tag; /* requests to the monitor, 0 none */
	struct control_hub_key told;    /* what every link was told last */
	struct public_key asked_about;  /* the key of the receipts below */
	bool missing;                   /* there are spokes that have not proved the present key */
	uint32_t receipts[HUB_KEY_RECEIPTS_MAX];
	unsigned n_receipts;
	uint64_t write_ms, again_ms; /* loop time; 0: nothing is due */
	struct timer timer;
};

/* In load(), with the rights to read files: the present key (c->identity) and the next one. */
enum err hub_key_load(struct control *c, const char *identity_file) must_check;
/* Once the directory is there, before anybody is let in. */
void hub_key_start(struct control *c);
void hub_key_fini(struct control *c);
/* The store may say something else than before: the next step, if one is due. */
void hub_key_settle(struct control *c);
/* The directory has changed; before it is pushed. */
void hub_key_follow(struct control *c);
/* False: that is the answer to something else. */
bool hub_key_monitor_done(struct control *c, const struct monitor_done *m);
/* A spoke is connected: it takes us with the present key. */
void hub_key_met(struct control *c, const struct conn *conn);
/* hub-key-known. */
void hub_key_confirmed(struct control *c, const struct conn *conn, const struct public_key *key);
