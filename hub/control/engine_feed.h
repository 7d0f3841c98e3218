/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * engine_feed: keeps the hub's own engine at the directory's revision, and takes in what it says.
 *
 *   the engine or we are new     ENGINE_SELF, all peers between SYNC_BEGIN and SYNC_END, endpoints
 *   a node changes               ENGINE_PEER or ENGINE_PEER_GONE, at the end ENGINE_COMMIT
 *   every CONTROL_TICK_MS        ENGINE_STATUS_GET, the answers go to presence and totals; one
 *                                question at a time, so that a slow engine's answer is never one to
 *                                an old question. No message is lost on its way: without an answer
 *                                for ENGINE_FEED_ANSWER_MS the engine hangs, and its totals are
 *                                taken away until it answers
 *   after the sync                ENGINE_ENDPOINTS for all whose whereabouts of the last run are
 *                                known, paced (ENGINE_FEED_CALLS); who comes with a link does not
 *                                wait for its turn
 */
#include "shared/base/cursor.h"
#include "shared/ipc/engine_msg.h"
#include "shared/loop/timer.h"
#include "shared/wire/node.h"

/* After the engine came, peers that were reachable before have so long to be so again. */
#define ENGINE_FEED_SETTLE_MS 15000u

#define ENGINE_FEED_ANSWER_MS 15000u

/*
 * A new engine calls the peers of the one before, whose sessions would go on for minutes. Each call
 * is a handshake of some 0.2 ms at both ends, repeated where nobody answers in time; so the first
 * ENGINE_FEED_CALLS are called at once, and then, every ENGINE_FEED_CALLS_MS,
 * ENGINE_FEED_CALLS_MORE and as many as have answered since: what this machine and the lines can do
 * sets the pace.
 */
#define ENGINE_FEED_CALLS      256u
#define ENGINE_FEED_CALLS_MORE 16u
#define ENGINE_FEED_CALLS_MS   250u

#define ENGINE_FEED_SELF_BYTES 128u /* more than an encoded ENGINE_SELF */

struct control;
struct engine_ping;

struct engine_feed {
	bool there;
	uint64_t since_ms;                    /* when it came */
	uint64_t applied;                     /* revision that it has applied */
	uint8_t self[ENGINE_FEED_SELF_BYTES]; /* the ENGINE_SELF that it was told */
	size_t self_len;
	uint32_t status_tag; /* of the newest question */
	bool asked;          /* it has no answer yet ... */
	uint64_t asked_ms;   /* ... and was put then */
	bool silent;         /* for too long: told once, and the totals are gone */
	uint32_t call_next;  /* nodes from this id on are not called yet; 0: all are */
	uint32_t answered;   /* peers whose path has come up in this interval */
	uint32_t called;     /* out of their turn, in this interval */
	struct timer calls;
};

void engine_feed_up(struct control *c);
void engine_feed_down(struct control *c);
/* One node of the directory changed; `old` may be NULL. */
void engine_feed_node(struct control *c, const struct node *old, const struct node *now);
/* After the last of them. */
void engine_feed_commit(struct control *c);
/* Who the hub is, if that is not what the engine was told last. */
void engine_feed_self(struct control *c);
/* Where a node may be reached. `punch`: try at once. */
void engine_feed_endpoints(struct control *c, const struct node *n, bool punch);
/* Ends the session with a peer, or with 0 those with all that do not answer; ENGINE_FORGOTTEN with
 * `tag` is the answer. False: there is no engine. */
bool engine_feed_forget(struct control *c, uint32_t tag, uint32_t id);
/* Is this node a peer of the engine? */
bool engine_feed_is_peer(const struct control *c, const struct node *n);
/* All peers are called, paced as those of a new engine are, and their host names are looked up
 * again. Returns how many do not answer at present. */
uint32_t engine_feed_call_all(struct control *c);
/* The node's link is up (again): it is called now if its turn has not come yet, or if its session
 * was ended by hand. `moved`: its endpoints are others than before. */
void engine_feed_link_up(struct control *c, const struct node *n, bool moved);
/* Asks, unless an answer is still to come. */
void engine_feed_ask_status(struct control *c);
/* ENGINE_KEY_MAKE or ENGINE_KEY_RETIRE. */
void engine_feed_key(struct control *c, enum engine_msg step);
/* An echo that api wants to be sent; the engine's answer goes back to api. */
void engine_feed_ping(struct control *c, const struct engine_ping *m);
void engine_feed_fini(struct control *c);
void engine_feed_message(struct control *c, uint16_t type, struct cursor *body);
