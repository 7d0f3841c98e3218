/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * recv: one function a message of a spoke, in recv_<message>.c; recv.c chooses. None of them frees
 * the link.
 */
#include "hub/control/conn.h"

/* Serves one message in whatever state the link is. */
void recv_message(struct control *c, struct conn *conn, const struct control_msg *m);

void recv_join(struct control *c, struct conn *conn, const struct control_msg *m);
void recv_hello(struct control *c, struct conn *conn, const struct control_msg *m);
void recv_carry(struct control *c, struct conn *conn, const struct control_msg *m);
void recv_report(struct control *c, struct conn *conn, const struct control_msg *m);
void recv_locate(struct control *c, struct conn *conn, const struct control_msg *m);
void recv_ack(struct control *c, struct conn *conn, const struct control_msg *m);
void recv_settings_state(struct control *c, struct conn *conn, const struct control_msg *m);
void recv_propose(struct control *c, struct conn *conn, const struct control_msg *m);
void recv_rotate(struct control *c, struct conn *conn, const struct control_msg *m);
void recv_revived(struct control *c, struct conn *conn, const struct control_msg *m);
void recv_peer_policies(struct control *c, struct conn *conn, const struct control_msg *m);
void recv_held(struct control *c, struct conn *conn, const struct control_msg *m);
/* The spoke holds nothing back: StrictKeys is not set there. */
void recv_held_none(struct control *c, struct conn *conn);
void recv_hub_key_known(struct control *c, struct conn *conn, const struct control_msg *m);

/* recv_locate.c: `conn` came, went or moved: those who follow it are told. */
void recv_locate_tell(struct control *c, const struct conn *conn, bool online);
/* The same soon, however often it moves meanwhile. */
void recv_locate_moved(struct control *c, struct conn *conn);
