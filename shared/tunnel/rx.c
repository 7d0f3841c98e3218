/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/tunnel/rx.h"

#include "shared/tunnel/ecn.h"
#include "shared/tunnel/forward.h"
#include "shared/tunnel/mss.h"
#include "shared/tunnel/pmtu.h"
#include "shared/tunnel/probe.h"
#include "shared/tunnel/relay.h"
#include "shared/tunnel/session.h"
#include "shared/tunnel/tx.h"
#include "shared/wire/carry.h"
#include "shared/wire/inner.h"
#include "shared/wire/packet.h"

/* Of the socket in one turn, at most: those after the first come when messages beyond their
 * sender's share were left out. */
#define RX_READS 8u

/* An inner IP packet whose source is proved: to our own networks, or on to another peer. */
static void deliver(struct tunnel *t, struct peer *from, struct pkt *pkt, const struct inner *in,
		    uint8_t flags)
{
	const bool partial = flags & TRANSPORT_FLAG_PARTIAL_CSUM;
	struct peer *to;

	if (route_lookup(&t->own, in->dst.family, in->dst.b)) {
		if (t->self.clamp_mss)
			mss_clamp(pkt->data, in, pmtu_mss_mtu(from), partial);
		coalesce_add(&t->coalescer, pkt->data, in, partial);
		return;
	}
	to = t->self.is_hub ? tx_choose(t, &in->dst) : NULL;
	if (to)
		forward_packet(from, to, pkt->data, in, flags);
	else
		tunnel_drop(t, DROP_NO_ROUTE);
}

/* What a burst's coalesced and queued packets refer to is free again behind this. */
static void flush(struct tunnel *t)
{
	coalesce_flush(&t->coalescer);
	udp_flush(t->udp);
	compress_release(t->compressor);
}

/* Puts the packet that came compressed in the place of what it came in. */
static enum err unpack(struct tunnel *t, struct pkt *pkt, struct inner *in)
{
	struct pkt plain;
	enum err e = compress_unpack(t->compressor, pkt->data, pkt->len, &plain);

	if (e == ERR_LIMIT) {
		flush(t);
		e = compress_unpack(t->compressor, pkt->data, pkt->len, &plain);
	}
	if (e)
		return e;
	*pkt = plain;
	return inner_decode(pkt->data, pkt->len, false, in);
}

static void receive_transport(struct tunnel *t, struct pkt *pkt, const struct session_source *from)
{
	struct inner in;
	struct peer *p;
	uint8_t flags;

	p = session_open(t, pkt, from, &flags);
	if (!p)
		return;
	if (inner_decode(pkt->data, pkt->len, peer_is_agent(p), &in) ||
	    (in.kind == INNER_EXTENSION && in.extension == EXTENSION_COMPRESSED &&
	     unpack(t, pkt, &in))) {
		tunnel_drop(t, DROP_MALFORMED);
		return;
	}
	if (in.kind == INNER_KEEPALIVE)
		return;
	if (in.kind == INNER_EXTENSION) {
		probe_receive(p, pkt, in.extension, from);
		return;
	}
	pkt_trim(pkt, in.total_len);
	p->counters.rx_packets++;
	p->counters.rx_bytes += pkt->len;
	if ((from->tos & ECN_MASK) && !ecn_decapsulate(pkt->data, from->tos)) {
		tunnel_drop(t, DROP_CONGESTION);
		return;
	}
	if (!route_is_owner(&t->routes, in.src.family, in.src.b, p->id)) {
		tunnel_drop(t, DROP_SOURCE);
		return;
	}
	deliver(t, p, pkt, &in, flags);
}

static void receive_inside(struct tunnel *t, struct pkt *msg, enum packet_type type,
			   const struct session_source *from)
{
	if (type == PACKET_TRANSPORT || type == PACKET_WG_TRANSPORT)
		receive_transport(t, msg, from);
	else
		session_receive_handshake(t, msg, type, from);
}

static void receive_record(struct tunnel *t, uint8_t *data, size_t len,
			   const struct session_source *from)
{
	enum packet_type type;
	struct pkt msg;

	if (packet_classify(data, len, &type)) {
		tunnel_drop(t, DROP_MALFORMED);
		return;
	}
	pkt_init(&msg, data, len, 0);
	msg.len = len;
	if (type == PACKET_RELAY) {
		struct session_source sender = *from;

		if (relay_unwrap(t, &msg, &sender, &type) == ERR_OK)
			receive_inside(t, &msg, type, &sender);
		return;
	}
	receive_inside(t, &msg, type, from);
}

/* All records of one message; on the hub whole runs of envelopes are passed on at once. */
static void receive_message(struct tunnel *t, struct udp_message *m)
{
	const struct session_source from = { .endpoint = m->from,
					     .worker = t->worker,
					     .tos = m->tos };
	size_t at = 0;

	while (at < m->len) {
		size_t left = m->len - at;
		size_t len = left < m->segment ? left : m->segment;

		if (t->self.is_hub && m->data[at] == PACKET_RELAY)
			len = relay_forward(t, m->data + at, left, m->segment, &m->from, m->tos);
		else
			receive_record(t, m->data + at, len, &from);
		at += len;
	}
}

/* Is the message one that may be left out when its sender has had his share? Handshakes have a rate
 * of their own. */
static bool is_data_message(const struct udp_message *m)
{
	return m->len && (m->data[0] == PACKET_RELAY || m->data[0] == PACKET_TRANSPORT ||
			  m->data[0] == PACKET_WG_TRANSPORT);
}

/* One batch of the socket. `*n`: messages that came, the result: those that made work. */
static unsigned receive_batch(struct tunnel *t, unsigned socket, unsigned *n)
{
	struct udp_message *batch;
	unsigned worked = 0;

	*n = 0;
	if (udp_receive(t->udp, socket, &batch, n))
		return 0;
	if (udp_overflowed(t->udp, socket))
		share_overflow(&t->share, t->now_ms);
	/* Before control has told who we are there is nobody to talk to. */
	for (unsigned i = 0; i < *n && t->configured; i++) {
		if (is_data_message(&batch[i]) &&
		    !share_admit(&t->share, &batch[i].from, (uint32_t)batch[i].len, t->now_ms)) {
			t->drops[DROP_QUEUE] +=
				(batch[i].len + batch[i].segment - 1) / batch[i].segment;
			continue;
		}
		receive_message(t, &batch[i]);
		worked++;
	}
	flush(t);
	return worked;
}

/* One batch, and others in the place of what was left out of it. */
void rx_run(struct tunnel *t, unsigned socket)
{
	unsigned worked = 0, n;

	for (unsigned reads = 0; reads < RX_READS; reads++) {
		worked += receive_batch(t, socket, &n);
		if (!udp_is_full_batch(t->udp, n) || worked >= n)
			break;
	}
}

void rx_passed(struct tunnel *t, const struct mover_packet *m, unsigned worker)
{
	const struct session_source from = { .endpoint = m->from,
					     .worker = (uint8_t)worker,
					     .tos = m->tos };

	if (!t->configured)
		return;
	receive_record(t, (uint8_t *)(uintptr_t)m->data, m->len, &from);
	flush(t);
}

void rx_carried(struct tunnel *t, uint8_t *frames, size_t n, uint32_t carrier)
{
	struct udp_message m = { .from = endpoint_of_carrier(carrier) };
	size_t at = 0;

	while (t->configured && at < n) {
		m.data = frames + at + CARRY_HEADER_BYTES;
		if (carry_next(frames + at, n - at, &m.len))
			break;
		m.segment = m.len;
		receive_message(t, &m);
		at += CARRY_HEADER_BYTES + m.len;
	}
	flush(t);
}
