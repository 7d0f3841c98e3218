/* SPDX-License-Identifier: GPL-3.0-or-later */
/* hub-key-known: a spoke has our next identity key on its disk. */
#include "hub/control/core.h"
#include "hub/control/recv.h"

void recv_hub_key_known(struct control *c, struct conn *conn, const struct control_msg *m)
{
	hub_key_confirmed(c, conn, &m->hub_key_known.key);
}
