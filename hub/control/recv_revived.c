/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * revived: a spoke remembers that the key of a node was revoked, and our directory has that node as
 * a member. So it is after an older backup was restored.
 */
#include <inttypes.h>

#include "hub/change.h"
#include "hub/control/core.h"
#include "hub/control/recv.h"
#include "hub/control/refresh.h"
#include "shared/ipc/nudge_msg.h"

/* The admin has to decide: nothing shows that a backup was restored, or it was decided before. */
static void only_warn(struct control *c, const struct conn *conn, const struct node *n)
{
	if (log_allowed(&c->log_refused))
		log_warn("control: %s says that the key of node %s was revoked, which this "
			 "directory does not know. If that is so:  node revoke %s",
			 conn->name, n->name, n->name);
}

void recv_revived(struct control *c, struct conn *conn, const struct control_msg *m)
{
	const struct control_revived *r = &m->revived;
	const struct node *n = directory_find(&c->dir, r->id);
	char actor[NAME_SIZE + 8], name[NAME_SIZE];
	struct change change = { .store = c->store, .actor = actor };
	enum err e;

	if (!n || n->kind != NODE_SPOKE || n->status != NODE_ACTIVE || !n->has_identity ||
	    n->id == conn->id || !public_key_equal(&n->identity_key, &r->identity_key))
		return; /* settled meanwhile */
	if (core_store_rests(c) || !bucket_take(&conn->revived, loop_now_ms(c->loop))) {
		counters_add(&c->counters, COUNT_PROPOSAL_LIMITED);
		return;
	}
	snprintf(actor, sizeof(actor), "node:%s", conn->name);
	snprintf(name, sizeof(name), "%s", n->name);
	e = change_node_quarantine(&change, r->id, r->revision);
	if (e == ERR_DENIED) {
		only_warn(c, conn, n);
		return;
	}
	if (e) {
		(void)core_store_failed(c, e, "disable a node that a backup brought back");
		return;
	}
	log_warn("control: node %s is disabled: %s says that its key was revoked at revision "
		 "%" PRIu64 ", after the backup that this hub was restored from. Make it final:  "
		 "node revoke %s   or, if that is wrong:  node enable %s",
		 name, conn->name, r->revision, name, name);
	if (refresh_now(c) != ERR_OK)
		refresh_schedule(c);
	core_nudge(c, NUDGE_REVISION);
}
