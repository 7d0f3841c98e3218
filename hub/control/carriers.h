/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * carriers: the connections that carry tunnel packets of spokes which UDP does not reach, by node
 * and by the number under which the engine knows them. One a node: a newer one takes the place of
 * the older, which mostly hangs.
 */
#include "hub/control/conn.h"
#include "shared/carrier/carrier.h"
#include "shared/ipc/engine_msg.h"

struct carriers {
	struct table by_node, by_number; /* of struct conn, those in CARRYING */
	uint32_t last;                   /* number given out last */
};

enum err carriers_init(struct carriers *x) must_check;
void carriers_fini(struct carriers *x);
/* conn->id is known, its answer is sent: enters it, and tells the engine. ERR_LIMIT, ERR_NOMEM. */
enum err carriers_enter(struct control *c, struct conn *conn) must_check;
/* conn leaves CARRYING; the engine is told. */
void carriers_leave(struct control *c, struct conn *conn);
/* Ends those of nodes that may have none any more. */
void carriers_cut(struct control *c);
/* Ends that of a node; false: it has none. */
bool carriers_end(struct control *c, uint32_t id, const char *why);
/* The engine's channel for packets has come: it is told of all. */
void carriers_engine_up(struct control *c);
/* What the engine says on it. */
void carriers_message(struct control *c, uint16_t type, struct cursor *body);
/*
 * What the engine says of a path, as it is shown: a carrier's number becomes the address that its
 * connection comes from, and the path hub-tcp. Others are left as they are.
 */
void carriers_resolve(const struct control *c, enum path_kind *path, struct endpoint *at);
