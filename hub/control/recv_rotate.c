/* SPDX-License-Identifier: GPL-3.0-or-later */
/* rotate-key: a spoke has made new keys. */
#include <string.h>

#include "hub/change_key.h"
#include "hub/control/core.h"
#include "hub/control/recv.h"
#include "hub/control/refresh.h"
#include "shared/ipc/nudge_msg.h"

static void refused(struct control *c, struct conn *conn, const struct change *change, enum err e)
{
	const char *code = change->code[0] ? change->code : core_store_code(e);

	if (strncmp(code, "store_", 6) == 0)
		(void)core_store_failed(c, e, "store new keys");
	else
		log_warn("control: %s: its new keys are not taken: %s", conn->name, change->detail);
	conn_error(conn, code, change->detail[0] ? change->detail : err_str(e));
}

void recv_rotate(struct control *c, struct conn *conn, const struct control_msg *m)
{
	char actor[NAME_SIZE + 8];
	struct change change = { .store = c->store, .actor = actor };
	bool waits;
	enum err e;

	if (!bucket_take(&conn->proposals, loop_now_ms(c->loop))) {
		counters_add(&c->counters, COUNT_PROPOSAL_LIMITED);
		conn_error(conn, "limit_reached", "new keys are proposed too often");
		return;
	}
	if (core_store_rests(c)) {
		conn_error(conn, "store_busy", "the hub's store is locked now; try again");
		return;
	}
	snprintf(actor, sizeof(actor), "node:%s", conn->name);
	e = change_rotation_take(&change, conn->id, &m->rotate, &waits);
	rotations_read(c);
	if (e) {
		refused(c, conn, &change, e);
		return;
	}
	if (waits) {
		log_notice("control: %s proposes new keys; an admin has to approve them",
			   conn->name);
		conn_error(conn, "rotation_waits",
			   "an admin of the hub has to approve the new keys");
	}
	if (!waits && change.revision > c->dir.revision)
		log_notice("control: %s has new keys", conn->name);
	/* Nothing may be seen by others before the engine takes the new key: refresh_now() tells it
	 * before it pushes. */
	if (change.revision > c->dir.revision && refresh_now(c) != ERR_OK)
		refresh_schedule(c);
	core_nudge(c, NUDGE_REVISION);
}
