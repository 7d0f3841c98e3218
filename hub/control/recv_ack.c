/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * ack: the spoke's engine has applied a revision. Somebody may be waiting for it: node revoke
 * prints how many have.
 */
#include "hub/control/core.h"
#include "hub/control/recv.h"

void recv_ack(struct control *c, struct conn *conn, const struct control_msg *m)
{
	uint64_t revision = m->ack.revision;

	/*
	 * Of a time before a backup was restored, while our snapshot is on its way; or a lie. It
	 * counts for nothing.
	 */
	if (revision > conn->sent_revision) {
		counters_add(&c->counters, COUNT_FALSE_ACK);
		return;
	}
	if (revision <= conn->acked_revision)
		return;
	conn->acked_revision = revision;
	fanout_applied(&c->fanout, revision, conn->accepted_ms, loop_now_ms(c->loop));
	/* Its directory may have stayed the same since: then that is confirmed, too. */
	if (revision == conn->sent_revision)
		revision = conn->held_revision;
	presence_acked(c, conn->id, revision);
}
