/* SPDX-License-Identifier: GPL-3.0-or-later */
/* peer-policies: what a spoke's own configuration says of its paths to single nodes. Those who
 * follow it are told, each of its own. */
#include <stdlib.h>
#include <string.h>

#include "hub/control/core.h"
#include "hub/control/recv.h"

void recv_peer_policies(struct control *c, struct conn *conn, const struct control_msg *m)
{
	const struct control_peer_policies *p = &m->policies;
	struct control_peer_policy *list = NULL;

	if (p->n == conn->n_peer_policies &&
	    (!p->n || memcmp(p->peers, conn->peer_policies, p->n * sizeof(*list)) == 0))
		return;
	if (p->n) {
		list = calloc(p->n, sizeof(*list));
		if (!list) {
			conn_drop(conn, "out of memory"); /* its next link says it again */
			return;
		}
		memcpy(list, p->peers, p->n * sizeof(*list));
	}
	free(conn->peer_policies);
	conn->peer_policies = list;
	conn->n_peer_policies = p->n;
	recv_locate_moved(c, conn);
}
