/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * report: how the spoke reaches its peers. Its view of the hub stands in for ours while our engine
 * is away.
 */
#include <string.h>

#include "hub/control/core.h"
#include "hub/control/recv.h"

/* What the spoke receives we have sent. The store counts in 63 bits. */
static void stand_in(struct control *c, uint32_t id, const struct control_peer_report *hub)
{
	struct presence_node *p = presence_get(c, id);

	if (!p || c->engine.there)
		return;
	p->row.rx_bytes = hub->tx_bytes & INT64_MAX;
	p->row.tx_bytes = hub->rx_bytes & INT64_MAX;
	p->row.rtt_us = hub->rtt_us;
	presence_changed(c, p);
}

/* Only of nodes that it may know of; of others it cannot say anything true. */
static bool may_tell_of(const struct control *c, const struct node *teller, uint32_t id)
{
	const struct node *n = directory_find(&c->dir, id);

	return teller && n && n->id != teller->id && n->status == NODE_ACTIVE &&
	       (n->id == c->settings.hub_id || node_may_talk(teller, n));
}

static void take_peer(struct control *c, struct conn *conn, const struct control_peer_report *p)
{
	const struct store_pair row = {
		.node_id = conn->id,
		.peer_id = p->id,
		.path = p->path,
		.reason = p->reason,
		.endpoint = p->endpoint,
		.since_ms = p->since_ms,
		.handshake_ms = p->handshake_ms,
		.rx_bytes = p->rx_bytes & INT64_MAX,
		.tx_bytes = p->tx_bytes & INT64_MAX,
		.rtt_us = p->rtt_us,
		.loss_permille = p->loss_permille,
		.pmtu = p->pmtu,
	};

	pairs_tell(c, &conn->pairs, &row);
}

void recv_report(struct control *c, struct conn *conn, const struct control_msg *m)
{
	const struct node *teller = directory_find(&c->dir, conn->id);

	for (uint16_t i = 0; i < m->report.n_peers; i++) {
		const struct control_peer_report *p = &m->report.peers[i];

		if (may_tell_of(c, teller, p->id))
			take_peer(c, conn, p);
		if (p->id == c->settings.hub_id)
			stand_in(c, conn->id, p);
	}
	/* Others choose their way to it by that. */
	if (m->report.nat && presence_nat(c, conn->id, m->report.nat))
		recv_locate_moved(c, conn);
}
