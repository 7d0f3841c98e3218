/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/tunnel/relay.h"

#include "shared/tunnel/ecn.h"
#include "shared/tunnel/path.h"
#include "shared/wire/relay.h"

/* Is the datagram from where this peer was authenticated, and is the session still alive? */
static bool is_from(const struct peer *p, const struct endpoint *from)
{
	return p && peer_is_agent(p) && peer_has_session(p) && path_is_from(p, from);
}

/* Why envelopes may not pass, or DROP_COUNT when they may. */
static enum engine_drop refuse(struct tunnel *t, struct peer *source,
			       const struct peer *destination, const struct endpoint *from,
			       unsigned n)
{
	if (!is_from(source, from))
		return DROP_UNKNOWN_PEER;
	if (!destination || !peer_is_agent(destination))
		return DROP_NO_ROUTE;
	if (!peer_may_relay(source, destination))
		return DROP_POLICY;
	if (!peer_has_session(destination) || !endpoint_is_set(&destination->path.endpoint))
		return DROP_NO_SESSION;
	if (!rate_allow_many(&source->relay_rate, n, RELAY_RATE_PPS / t->n_workers,
			     RELAY_BURST_PACKETS / t->n_workers, t->now_ms))
		return DROP_RATE;
	return DROP_COUNT;
}

/* How many records at the start of the run are whole envelopes with the same header as the first.
 */
static unsigned same_way(const uint8_t *p, size_t len, size_t segment, struct relay_view *first,
			 size_t *bytes)
{
	unsigned n = 0;

	*bytes = 0;
	while (*bytes < len) {
		size_t record = len - *bytes < segment ? len - *bytes : segment;
		struct relay_view view;

		if (relay_decode(p + *bytes, record, &view) ||
		    (n && (view.destination != first->destination || view.source != first->source ||
			   view.flags != first->flags)))
			break;
		if (!n)
			*first = view;
		n++;
		*bytes += record;
	}
	return n;
}

size_t relay_forward(struct tunnel *t, uint8_t *p, size_t len, size_t segment,
		     const struct endpoint *from, uint8_t tos)
{
	struct relay_view view = { 0 };
	struct peer *destination;
	enum engine_drop why;
	struct udp_mark mark;
	size_t bytes;
	unsigned n = same_way(p, len, segment, &view, &bytes);

	if (!n) {
		tunnel_drop(t, DROP_MALFORMED);
		return len < segment ? len : segment;
	}
	destination = peer_find(t, view.destination);
	why = refuse(t, peer_find(t, view.source), destination, from, n);
	if (why != DROP_COUNT) {
		t->drops[why] += n;
		return bytes;
	}
	t->relayed_packets += n;
	t->relayed_bytes += bytes - n * RELAY_HEADER_BYTES;
	mark = (struct udp_mark){
		.tos = ecn_outer_tos(tos, t->self.priority_inheritance),
		.fragment = view.flags & RELAY_FLAG_MAY_CUT,
	};
	udp_forward(t->udp, &destination->path.endpoint, p, bytes, segment, n, &mark);
	return bytes;
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
