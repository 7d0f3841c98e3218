/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * What api and control on the hub say to each other, and to webhooks: "the database has changed,
 * read it". The database is the only shared state: no data goes this way, but for what api has
 * done at once by others (echoes of the engine, orders of an admin), which is nobody's state.
 */
#include "shared/base/addr.h"
#include "shared/base/cursor.h"
#include "shared/ipc/engine_msg.h"

enum nudge_msg {
	NUDGE_REVISION = 1, /* the directory has a new revision: struct nudge_revision */
	NUDGE_PRESENCE,     /* presence or acks have changed in the presence database; no payload */
	NUDGE_TOKENS,       /* join tokens have changed; no payload */
	NUDGE_EVENTS,       /* something has happened: of api, to webhooks; no payload */
	NUDGE_SETTINGS,     /* what is set on a node has changed: struct nudge_node */
	NUDGE_LOG_LEVEL,    /* the hub logs as much from now on: struct monitor_log_level */
	NUDGE_KEYS,         /* keys are to be replaced, or are not; no payload */
	NUDGE_PING,         /* api: an echo for the engine to send: struct engine_ping */
	NUDGE_PONG,         /* control: its answer: struct engine_pong; ERR_CLOSED: no engine */
	NUDGE_ORDER,        /* api: something to be done now: struct nudge_order */
	NUDGE_ORDER_DONE,   /* control: what came of it: struct nudge_order_done */
};
struct nudge_revision {
	uint64_t revision;
};
struct nudge_node {
	uint32_t id;
};

/* What an admin wants of the running hub; nothing of it is a state that lasts. */
enum order_kind {
	ORDER_DISCONNECT = 1, /* a node's link, carrier and session end; it comes back by itself */
	ORDER_CONNECT,        /* a session with a node begins now, if there is none */
	ORDER_PURGE,          /* what was learnt of nodes that do not answer is forgotten */
	ORDER_RETRY,          /* all that do not answer are called now, names are looked up again */
};
struct nudge_order {
	uint32_t tag; /* comes back with the answer; never 0 */
	enum order_kind kind;
	uint32_t id; /* of the node; 0 for those of all */
};
/*
 * `result`: ERR_OK; ERR_CLOSED: there is no engine just now, the rest was done; ERR_NOTFOUND: no
 * such node, or (ORDER_CONNECT) no address is known where it could be called. ORDER_CONNECT is
 * answered when the session is there, and not at all as long as nobody answers.
 */
struct nudge_order_done {
	uint32_t tag;
	enum err result;
	bool link, carrier;       /* were there and have ended */
	uint32_t sessions;        /* that ended; of ORDER_RETRY: nodes that are called */
	enum path_kind path;      /* of ORDER_CONNECT */
	struct endpoint endpoint; /* the same; family 0: none */
};
void nudge_node_encode(const struct nudge_node *m, struct cursor *c);
enum err nudge_node_decode(struct cursor *c, struct nudge_node *m) must_check;
void nudge_revision_encode(const struct nudge_revision *m, struct cursor *c);
enum err nudge_revision_decode(struct cursor *c, struct nudge_revision *m) must_check;
void nudge_order_encode(const struct nudge_order *m, struct cursor *c);
enum err nudge_order_decode(struct cursor *c, struct nudge_order *m) must_check;
void nudge_order_done_encode(const struct nudge_order_done *m, struct cursor *c);
enum err nudge_order_done_decode(struct cursor *c, struct nudge_order_done *m) must_check;
