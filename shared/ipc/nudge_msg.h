/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * What api and control on the hub say to each other, and to webhooks: "the database has changed,
 * read it". The database is the only shared state: no data goes this way, but for echoes, which
 * api has the engine send, and which are nobody's state.
 */
#include "shared/base/cursor.h"

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
};
struct nudge_revision {
	uint64_t revision;
};
struct nudge_node {
	uint32_t id;
};
void nudge_node_encode(const struct nudge_node *m, struct cursor *c);
enum err nudge_node_decode(struct cursor *c, struct nudge_node *m) must_check;
void nudge_revision_encode(const struct nudge_revision *m, struct cursor *c);
enum err nudge_revision_decode(struct cursor *c, struct nudge_revision *m) must_check;
