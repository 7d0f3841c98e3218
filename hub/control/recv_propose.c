/* SPDX-License-Identifier: GPL-3.0-or-later */
/* propose-subnet: a spoke says what is behind it; an admin approves. */
#include <string.h>

#include "hub/change.h"
#include "hub/control/core.h"
#include "hub/control/recv.h"
#include "hub/control/refresh.h"
#include "shared/ipc/nudge_msg.h"

void recv_propose(struct control *c, struct conn *conn, const struct control_msg *m)
{
	char actor[NAME_SIZE + 8];
	struct change change = { .store = c->store, .actor = actor };

	if (!bucket_take(&conn->proposals, loop_now_ms(c->loop))) {
		counters_add(&c->counters, COUNT_PROPOSAL_LIMITED);
		conn_error(conn, "limit_reached", "too many subnets are proposed at once");
		return;
	}
	if (core_store_rests(c)) {
		conn_error(conn, "store_busy", "the hub's store is locked now; try again");
		return;
	}
	snprintf(actor, sizeof(actor), "node:%s", conn->name);
	enum err e = change_subnet_propose(&change, conn->id, &m->propose.subnet);
	if (e) {
		const char *code = change.code[0] ? change.code : core_store_code(e);
		if (strncmp(code, "store_", 6) == 0)
			(void)core_store_failed(c, e, "store a proposed subnet");
		conn_error(conn, code, change.detail[0] ? change.detail : err_str(e));
		return;
	}
	log_debug(1, "control: %s proposes a subnet", conn->name);
	if (change.revision > c->dir.revision) {
		refresh_schedule(c);
		core_nudge(c, NUDGE_REVISION);
	}
}
