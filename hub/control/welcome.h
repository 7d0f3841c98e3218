/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * welcome: the hub's first answer to a spoke that is let in, and the check of the tunnel key that
 * it came with.
 */
#include "hub/control/conn.h"

/* Tells the spoke who it is and what the network is like. */
void welcome_send(struct control *c, struct conn *conn, const struct node *n);
/* True when `sig` is the identity key's signature over the tunnel key. */
bool welcome_key_signed(const struct public_key *identity, const struct public_key *tunnel,
			const uint8_t sig[64]);
