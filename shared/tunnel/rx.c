/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/tunnel/rx.h"

#include "shared/tunnel/forward.h"
#include "shared/tunnel/mss.h"
#include "shared/tunnel/probe.h"
#include "shared/tunnel/relay.h"
#include "shared/tunnel/session.h"
#include "shared/tunnel/tx.h"
#include "shared/wire/inner.h"
#include "shared/wire/packet.h"

/* An inner IP packet whose source is proved: to our own networks, or on to another peer. */
static void deliver(struct tunnel *t, struct peer *from, struct pkt *pkt, const struct inner *in)
{
	struct peer *to;

	if (route_lookup(&t->own, in->dst.family, in->dst.b)) {
		mss_clamp(pkt, in, t->self.mtu);
		tun_write(t->tun, pkt);
		return;
	}
	to = t->self.is_hub ? tx_choose(t, &in->dst) : NULL;
	if (to)
		forward_packet(from, to, pkt, in);
	else
		tunnel_drop(t, DROP_NO_ROUTE);
}

static void receive_transport(struct tunnel *t, struct pkt *pkt, const struct session_source *from)
{
	struct inner in;
	struct peer *p;
	uint8_t flags;

	p = session_open(t, pkt, from, &flags);
	if (!p)
		return;
	if (inner_decode(pkt->data, pkt->len, peer_is_agent(p), &in)) {
		tunnel_drop(t, DROP_MALFORMED);
		return;
	}
	if (in.kind == INNER_KEEPALIVE)
		return;
	if (in.kind == INNER_EXTENSION) {
		probe_receive(p, pkt, in.extension, &from->endpoint, from->relay_from != NULL);
		return;
	}
	pkt_trim(pkt, in.total_len);
	p->counters.rx_packets++;
	p->counters.rx_bytes += pkt->len;
	if (!route_is_owner(&t->routes, in.src.family, in.src.b, p->id)) {
		tunnel_drop(t, DROP_SOURCE);
		return;
	}
	deliver(t, p, pkt, &in);
}

static void receive_message(struct tunnel *t, struct pkt *msg, enum packet_type type,
			    const struct session_source *from)
{
	if (type == PACKET_TRANSPORT || type == PACKET_WG_TRANSPORT)
		receive_transport(t, msg, from);
	else
		session_receive_handshake(t, msg, type, from);
}

static void receive_datagram(struct tunnel *t, struct udp_datagram *d)
{
	struct session_source from = { .endpoint = d->from };
	enum packet_type type;

	if (packet_classify(d->pkt.data, d->pkt.len, &type)) {
		tunnel_drop(t, DROP_MALFORMED);
		return;
	}
	if (type != PACKET_RELAY)
		receive_message(t, &d->pkt, type, &from);
	else if (t->self.is_hub)
		relay_forward(t, &d->pkt, &d->from);
	else if (!relay_unwrap(t, &d->pkt, &from, &type))
		receive_message(t, &d->pkt, type, &from);
}

void rx_run(struct tunnel *t, unsigned socket)
{
	struct udp_datagram *batch;
	unsigned n;

	if (udp_receive(t->udp, socket, &batch, &n))
		return;
	/* Before control has told who we are there is nobody to talk to. */
	for (unsigned i = 0; i < n && t->configured; i++)
		receive_datagram(t, &batch[i]);
	udp_flush(t->udp);
}
