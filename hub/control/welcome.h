/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/* welcome: the hub's first answer to a spoke that is let in. */
#include "hub/control/conn.h"

/* Tells the spoke who it is and what the network is like. */
void welcome_send(struct control *c, struct conn *conn, const struct node *n);
