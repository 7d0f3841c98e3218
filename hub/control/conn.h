/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * conn: one link, from accept to close.
 *
 *                 TLS done              join or hello accepted
 *   (accept) TLS ----------> FIRST ---------------------------> UP
 *             |                |                                 |
 *             |                |  refused: error or bye          |  revoked, replaced, stop
 *             |                +------------> BYE <--------------+
 *             |                |               | all sent        |
 *             v                v               v                 v
 *            GONE <------------- too slow, broken, closed, dead -+
 *             ^                |
 *             |                |  carry accepted
 *             +--- CARRYING <--+     (revoked, replaced, stop, dead, closed: GONE)
 *
 * In CARRYING there are no messages any more, only tunnel packets (carriers.h).
 *
 * Only conn_move() writes the state. GONE ones are freed by the loop, after all callbacks of the
 * round.
 *
 * Timers (one, armed to the earliest):
 *   trigger          delay                action
 *   accept           LINK_HANDSHAKE_MS    not UP: GONE
 *   last received    LINK_PING_MS         UP: ping, once
 *   last received    LINK_DEAD_MS         UP: GONE
 *   last received    LINK_DEAD_MS         BYE: GONE (the stream itself gives up after 2 s)
 */
#include "hub/control/admission.h"
#include "hub/control/pairs.h"
#include "hub/control/watch.h"
#include "shared/base/list.h"
#include "shared/loop/stream.h"
#include "shared/wire/control.h"

#define CONN_CANDIDATES_MAX 16u

struct carrier;
struct control;

enum conn_state { CONN_TLS, CONN_FIRST, CONN_UP, CONN_CARRYING, CONN_BYE, CONN_GONE, CONN_STATES };

struct conn {
	struct control *control;
	struct stream *stream; /* NULL once it is closed */
	enum conn_state state;
	struct list in_all;              /* control.conns, or control.gone */
	struct list in_strangers;        /* control.strangers while TLS or FIRST, oldest first */
	struct admission_source *source; /* while TLS or FIRST */
	struct endpoint remote;
	struct public_key key; /* identity; from FIRST on */
	const char *broken; /* why it is to be dropped at the end of this round; NULL: it is not */
	struct list in_broken; /* control.broken, as long as it is that */
	struct timer timer;
	uint64_t accepted_ms, heard_ms;
	bool pinged; /* since something was heard last */
	struct bucket messages, locates, proposals, settings, revived;

	/* From UP on */
	struct table_node by_id; /* registry */
	uint32_t id;             /* of the spoke's node; 0 before */
	char name[NAME_SIZE];
	uint32_t capabilities;
	char version[32];
	uint64_t sent_revision;  /* of the directory that the spoke was told: the number that it has
				  */
	uint64_t held_revision;  /* at which its directory would still be the same; not below
				    sent_revision, and equal to the hub's when it is up to date */
	uint64_t acked_revision; /* that its engine has applied */
	uint64_t replaced_ms[LINK_REPLACED_MAX]; /* when links of this identity were replaced,
						    newest first */
	enum path_policy path_policy; /* what it says itself of its paths to other spokes */
	struct control_peer_policy *peer_policies; /* and to single ones, ids rising; owned */
	uint16_t n_peer_policies;
	uint8_t n_candidates;
	struct endpoint
		candidates[CONN_CANDIDATES_MAX]; /* where it says that it can be reached; UDP */
	struct pair_side pairs;                  /* how it reaches others, as it tells */
	struct watch_side watches;               /* nodes whose presence it follows */

	/* In CARRYING, besides id and name */
	struct carrier *carrier;
	uint32_t number; /* of the carrier */
	struct table_node by_carrier_node, by_number;

	struct list in_moved; /* control.moved: its endpoints changed, those who follow it are told
				 soon */
};

/*
 * Takes over an accepted socket (closed also on failure). ERR_LIMIT: too many strangers of this
 * address.
 */
enum err conn_new(struct control *c, int fd, const struct endpoint *remote) must_check;
/*
 * Sends one message; a link that does not take it is dropped at the end of the round. Ignored
 * unless FIRST or UP.
 */
void conn_send(struct conn *conn, const struct control_msg *m);
/* The same for a frame that is encoded already. */
void conn_send_frame(struct conn *conn, const struct buf *frame);
/* An answer to a message that could not be served; the link stays. */
void conn_error(struct conn *conn, const char *code, const char *text);
/* The last words: why the spoke is not wanted, then the link ends. */
void conn_refuse(struct conn *conn, const char *code, const char *text);
void conn_bye(struct conn *conn, enum bye_reason reason, uint32_t retry_after_ms, const char *text);
/* Ends it without a word. `why` is a static phrase for the log. */
void conn_drop(struct conn *conn, const char *why);
/*
 * FIRST -> UP as node `n`: into the registry, presence online. False when it was refused (bye was
 * sent).
 */
bool conn_up(struct conn *conn, const struct node *n, uint32_t capabilities, const char *version);
/* FIRST -> CARRYING for node `n`, or GONE when there is no room for it. The answer is sent. */
void conn_carry(struct conn *conn, const struct node *n);
/* What it says itself of its path to that spoke. */
enum path_policy conn_path_policy(const struct conn *conn, uint32_t peer_id);
/* Frees what is GONE; called by the loop and at the end. */
void conn_reap(struct control *c);
const char *conn_state_str(enum conn_state s);
