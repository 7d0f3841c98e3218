/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/tunnel/forward.h"

#include "shared/tunnel/answer.h"
#include "shared/tunnel/mss.h"
#include "shared/tunnel/session.h"

/* One hop less, with the IPv4 header checksum kept right (RFC 1624; the TTL is the high byte of its
 * word). */
static void decrement_ttl(struct pkt *pkt, const struct inner *in)
{
	uint8_t *p = pkt->data;
	uint32_t sum;

	if (in->kind == INNER_IPV6) {
		p[7]--;
		return;
	}
	p[8]--;
	sum = (uint32_t)(p[10] << 8 | p[11]) + 0x0100u;
	sum = (sum & 0xffff) + (sum >> 16);
	p[10] = (uint8_t)(sum >> 8);
	p[11] = (uint8_t)sum;
}

/* Plaintext crosses the hub only where one side is a WireGuard node; agents have sessions of their
 * own with each other. */
static bool allowed(const struct peer *from, const struct peer *to)
{
	return from != to && (from->set.forward || to->set.forward) && peer_may_talk(from, to);
}

void forward_packet(struct peer *from, struct peer *to, struct pkt *pkt, const struct inner *in)
{
	struct tunnel *t = from->tunnel;

	if (!allowed(from, to)) {
		tunnel_drop(t, DROP_POLICY);
		answer_error(t, from, ICMP_PROHIBITED, pkt, in);
		return;
	}
	if (in->ttl <= 1) {
		tunnel_drop(t, DROP_TTL);
		answer_error(t, from, ICMP_TIME_EXCEEDED, pkt, in);
		return;
	}
	if (to->path.unreachable) {
		tunnel_drop(t, DROP_NO_SESSION);
		answer_error(t, from, ICMP_HOST_UNREACHABLE, pkt, in);
		return;
	}
	decrement_ttl(pkt, in);
	mss_clamp(pkt, in, t->self.mtu);
	session_send(to, pkt);
}
