/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/tunnel/tx.h"

#include "shared/tunnel/answer.h"
#include "shared/tunnel/mss.h"
#include "shared/tunnel/path.h"
#include "shared/tunnel/session.h"

struct peer *tx_choose(struct tunnel *t, const struct addr *dst)
{
	const struct route_owner *best = route_lookup(&t->routes, dst->family, dst->b);

	for (const struct route_owner *o = best; o; o = o->next) {
		if (!o->peer->path.unreachable)
			return o->peer;
		/* Passed over, but asked now and then, so that it is used again when it is back. */
		if (path_retry_due(o->peer))
			session_initiate(o->peer, false);
	}
	return best ? best->peer : NULL;
}

void tx_packet(struct tunnel *t, struct pkt *pkt, const struct inner *in)
{
	struct peer *p = tx_choose(t, &in->dst);

	if (!p) {
		tunnel_drop(t, DROP_NO_ROUTE);
		answer_error(t, NULL, ICMP_NO_ROUTE, pkt, in);
		return;
	}
	if (p->path.unreachable) {
		tunnel_drop(t, DROP_NO_SESSION);
		answer_error(t, NULL, ICMP_HOST_UNREACHABLE, pkt, in);
		return;
	}
	mss_clamp(pkt, in, t->self.mtu);
	session_send(p, pkt);
}

void tx_run(struct tunnel *t)
{
	struct pkt *batch;
	unsigned n;

	if (tun_read(t->tun, &batch, &n)) {
		loop_stop(t->loop, 1);
		return;
	}
	for (unsigned i = 0; i < n; i++) {
		struct inner in;

		/* The kernel also sends what no router passes on: multicast for neighbours. No node
		 * owns it, it ends as "no route". */
		if (inner_decode(batch[i].data, batch[i].len, false, &in) ||
		    in.kind == INNER_KEEPALIVE)
			tunnel_drop(t, DROP_MALFORMED);
		else
			tx_packet(t, &batch[i], &in);
	}
	udp_flush(t->udp);
}
