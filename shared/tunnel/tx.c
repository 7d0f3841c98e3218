/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/tunnel/tx.h"

#include <netinet/in.h>

#include "shared/tunnel/answer.h"
#include "shared/tunnel/ecn.h"
#include "shared/tunnel/fit.h"
#include "shared/tunnel/mss.h"
#include "shared/tunnel/path.h"
#include "shared/tunnel/pmtu.h"
#include "shared/tunnel/segment.h"
#include "shared/tunnel/session.h"

struct peer *tx_choose(struct tunnel *t, const struct addr *dst)
{
	const struct route_owner *best = route_lookup(&t->routes, dst->family, dst->b);

	for (const struct route_owner *o = best; o; o = o->next) {
		if (!o->peer->path.unreachable)
			return o->peer;
		/* Passed over, but asked now and then, so that it is used again when it is back. */
		path_retry(o->peer);
	}
	return best ? best->peer : NULL;
}

/* Who gets the packet; NULL: nobody, and whoever sent it has been told. */
static struct peer *route(struct tunnel *t, const uint8_t *packet, const struct inner *in)
{
	struct peer *p = tx_choose(t, &in->dst);

	if (!p) {
		tunnel_drop(t, DROP_NO_ROUTE);
		answer_error(t, NULL, ICMP_NO_ROUTE, packet, in);
		return NULL;
	}
	if (p->path.unreachable) {
		tunnel_drop(t, DROP_NO_SESSION);
		answer_error(t, NULL, ICMP_HOST_UNREACHABLE, packet, in);
		return NULL;
	}
	return p;
}

/* What does not fit the path whole, or not in the pieces that the kernel wants. */
static void send_too_large(struct peer *p, struct segmenter *s, uint8_t *packet,
			   const struct inner *in)
{
	const enum fit fit = fit_check(p, NULL, packet, in, segment_largest(s));
	size_t len;
	bool partial;

	if (fit == FIT_REFUSED)
		return;
	/* A fragment's checksum is that of the whole. */
	s->partial = s->partial && fit == FIT_WHOLE;
	while (segment_next(s, &packet, &len, &partial)) {
		if (len > p->pmtu.limit && fit == FIT_CUT)
			fit_cut(p, packet, in, len);
		else
			session_send(p, packet, len, partial ? TRANSPORT_FLAG_PARTIAL_CSUM : 0);
	}
}

/* One of our own datagrams, which the kernel would send through the tunnel itself: a candidate lies
 * in a subnet of its peer. It must neither count as traffic nor lead in a circle. */
static bool is_looped(const struct tunnel *t, const uint8_t *packet, size_t len,
		      const struct inner *in)
{
	const uint8_t *l4 = packet + in->header_len;

	if (in->protocol != IPPROTO_UDP || in->fragment || len < in->header_len + 8)
		return false;
	return (l4[0] << 8 | l4[1]) == udp_port(t->udp) &&
	       (addr_equal(&in->src, &t->self.addresses[0]) ||
		addr_equal(&in->src, &t->self.addresses[1]));
}

/* One packet of the device, super or not: cut and sealed piece by piece. `congests`: its sender is
 * to learn that it sends too much. */
static void send_packet(struct tunnel *t, uint8_t *packet, size_t len, const uint8_t *header,
			bool congests)
{
	struct segmenter s;
	struct inner in;
	struct vnet vnet;
	struct peer *p;
	bool partial;

	if (inner_decode(packet, len, false, &in) || in.kind == INNER_KEEPALIVE ||
	    vnet_decode(header, packet, &in, &vnet)) {
		tunnel_drop(t, DROP_MALFORMED);
		return;
	}
	if (is_looped(t, packet, len, &in)) {
		tunnel_drop(t, DROP_NO_ROUTE);
		return;
	}
	p = route(t, packet, &in);
	if (!p)
		return;
	if (t->self.clamp_mss)
		mss_clamp(packet, &in, pmtu_mss_mtu(p), vnet.needs_csum);
	congests = congests && !ecn_decapsulate(packet, ECN_CE);
	if (segment_begin(&s, packet, &in, &vnet, peer_is_agent(p))) {
		tunnel_drop(t, DROP_MALFORMED);
		return;
	}
	/* One segment says as much as all of them. */
	if (congests && segment_next(&s, &packet, &len, &partial))
		tunnel_drop(t, DROP_QUEUE);
	if (segment_largest(&s) > p->pmtu.limit) {
		send_too_large(p, &s, packet, &in);
		return;
	}
	while (segment_next(&s, &packet, &len, &partial))
		session_send(p, packet, len, partial ? TRANSPORT_FLAG_PARTIAL_CSUM : 0);
}

void tx_run(struct tunnel *t, enum tun_queue queue)
{
	const size_t room = hold_room(t, queue);
	size_t bytes = 0;

	for (unsigned i = 0; i < TUN_BURST && bytes < room; i++) {
		const uint8_t *header;
		uint8_t *packet;
		size_t len;
		enum err e = tun_read(t->tun, queue, &packet, &len, &header);

		if (e == ERR_CLOSED) {
			loop_stop(t->loop, 1);
			break;
		}
		if (e) {
			backlog_emptied(&t->backlog, queue);
			break;
		}
		bytes += len;
		send_packet(t, packet, len, header, backlog_congests(&t->backlog, queue, len));
	}
	udp_flush(t->udp);
	hold_sent(t, bytes);
}
