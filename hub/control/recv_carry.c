/* SPDX-License-Identifier: GPL-3.0-or-later */
/* carry: this connection is to carry tunnel packets of a node that UDP does not reach. */
#include <string.h>

#include "hub/control/core.h"
#include "hub/control/recv.h"
#include "hub/control/verdict.h"

void recv_carry(struct control *c, struct conn *conn, const struct control_msg *m)
{
	struct control_msg answer = { .type = CONTROL_CARRY,
				      .carry = { .capabilities = CAP_CARRY } };
	struct control_bye why;
	const struct node *n;
	uint32_t id;

	(void)m;
	if (!verdict_of_key(c, &conn->key, &id, &why)) {
		conn_bye(conn, why.reason, why.retry_after_ms, why.text);
		return;
	}
	n = directory_find(&c->dir, id);
	if (!n)
		return;
	snprintf(answer.carry.version, sizeof(answer.carry.version), "%s", BRANCHLINE_VERSION);
	conn_send(conn, &answer);
	conn_carry(conn, n);
}
