/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * report: how the spoke reaches its peers. Boiled down in memory; its view of the hub stands in for
 * ours while our engine is away.
 */
#include <string.h>

#include "hub/control/core.h"
#include "hub/control/recv.h"
#include "shared/base/clock.h"

static uint64_t add_capped(uint64_t a, uint64_t b)
{
	return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

static void count_peer(struct conn_report *r, const struct control_peer_report *p)
{
	r->n_direct = (uint16_t)(r->n_direct + (p->path == PATH_DIRECT_UDP));
	r->n_relayed =
		(uint16_t)(r->n_relayed + (p->path == PATH_HUB_UDP || p->path == PATH_HUB_TCP));
	r->rx_bytes = add_capped(r->rx_bytes, p->rx_bytes);
	r->tx_bytes = add_capped(r->tx_bytes, p->tx_bytes);
}

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

void recv_report(struct control *c, struct conn *conn, const struct control_msg *m)
{
	struct conn_report r = { .at_ms = clock_wall_ms(), .n_peers = m->report.n_peers };

	for (uint16_t i = 0; i < m->report.n_peers; i++) {
		count_peer(&r, &m->report.peers[i]);
		if (m->report.peers[i].id == c->settings.hub_id)
			stand_in(c, conn->id, &m->report.peers[i]);
	}
	conn->report = r;
}
