/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/tunnel/relay.h"

#include "shared/wire/relay.h"

/* Is the datagram from where this peer was last authenticated, and is the session still alive? */
static bool is_from(const struct peer *p, const struct endpoint *from)
{
	return p && peer_is_agent(p) && p->session.current &&
	       endpoint_equal(&p->path.endpoint, from);
}

/* Why an envelope may not pass, or DROP_COUNT when it may. */
static enum engine_drop refuse(struct tunnel *t, struct peer *source,
			       const struct peer *destination, const struct endpoint *from)
{
	if (!is_from(source, from))
		return DROP_UNKNOWN_PEER;
	if (!destination || !peer_is_agent(destination))
		return DROP_NO_ROUTE;
	if (!peer_may_talk(source, destination))
		return DROP_POLICY;
	if (!destination->session.current || !endpoint_is_set(&destination->path.endpoint))
		return DROP_NO_SESSION;
	if (!rate_allow(&source->relay_rate, RELAY_RATE_PPS, RELAY_BURST_PACKETS, t->now_ms))
		return DROP_RATE;
	return DROP_COUNT;
}

void relay_forward(struct tunnel *t, struct pkt *msg, const struct endpoint *from)
{
	struct relay_view view;
	struct peer *destination;
	enum engine_drop why;

	if (relay_decode(msg->data, msg->len, &view)) {
		tunnel_drop(t, DROP_MALFORMED);
		return;
	}
	destination = peer_find(t, view.destination);
	why = refuse(t, peer_find(t, view.source), destination, from);
	if (why != DROP_COUNT) {
		tunnel_drop(t, why);
		return;
	}
	t->relayed_packets++;
	t->relayed_bytes += view.inner_len;
	udp_queue(t->udp, msg, &destination->path.endpoint);
}

enum err relay_unwrap(struct tunnel *t, struct pkt *msg, struct session_source *from,
		      enum packet_type *type)
{
	struct relay_view view;
	struct peer *source;

	if (relay_decode(msg->data, msg->len, &view)) {
		tunnel_drop(t, DROP_MALFORMED);
		return ERR_INVALID;
	}
	source = peer_find(t, view.source);
	if (!is_from(t->hub, &from->endpoint) || !source || !source->set.via_hub ||
	    view.destination != t->self.id) {
		tunnel_drop(t, DROP_UNKNOWN_PEER);
		return ERR_DENIED;
	}
	from->relay_from = source;
	*type = view.inner_type;
	pkt_pull(msg, RELAY_HEADER_BYTES);
	return ERR_OK;
}
