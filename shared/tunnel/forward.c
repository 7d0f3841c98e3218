/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/tunnel/forward.h"

#include "shared/tunnel/answer.h"
#include "shared/tunnel/fit.h"
#include "shared/tunnel/mss.h"
#include "shared/tunnel/offload.h"
#include "shared/tunnel/pmtu.h"
#include "shared/tunnel/session.h"

/* One hop less, with the IPv4 header checksum kept right (RFC 1624; the TTL is the high byte of its
 * word). */
static void decrement_ttl(uint8_t *p, const struct inner *in)
{
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

/* What both legs carry: a SYN is seen once each way, and says what may come back. */
static uint16_t smaller_mtu(const struct peer *a, const struct peer *b)
{
	const uint16_t of_a = pmtu_mss_mtu(a), of_b = pmtu_mss_mtu(b);

	return of_a < of_b ? of_a : of_b;
}

void forward_packet(struct peer *from, struct peer *to, uint8_t *packet, const struct inner *in,
		    uint8_t flags)
{
	struct tunnel *t = from->tunnel;
	enum fit fit;

	if (!allowed(from, to)) {
		tunnel_drop(t, DROP_POLICY);
		answer_error(t, from, ICMP_PROHIBITED, packet, in);
		return;
	}
	if (in->ttl <= 1) {
		tunnel_drop(t, DROP_TTL);
		answer_error(t, from, ICMP_TIME_EXCEEDED, packet, in);
		return;
	}
	if (to->path.unreachable) {
		tunnel_drop(t, DROP_NO_SESSION);
		answer_error(t, from, ICMP_HOST_UNREACHABLE, packet, in);
		return;
	}
	fit = fit_check(to, from, packet, in, in->total_len);
	if (fit == FIT_REFUSED)
		return;
	decrement_ttl(packet, in);
	/* A WireGuard node knows no flags, and fragments have none: what an agent left to us is
	 * made whole here. */
	if ((flags & TRANSPORT_FLAG_PARTIAL_CSUM) && (!peer_is_agent(to) || fit == FIT_CUT)) {
		if (offload_complete_csum(packet, in)) {
			tunnel_drop(t, DROP_MALFORMED);
			return;
		}
		flags &= (uint8_t)~TRANSPORT_FLAG_PARTIAL_CSUM;
	}
	if (t->self.clamp_mss)
		mss_clamp(packet, in, smaller_mtu(from, to), flags & TRANSPORT_FLAG_PARTIAL_CSUM);
	if (fit == FIT_CUT)
		fit_cut(to, packet, in, in->total_len);
	else
		session_send(to, packet, in->total_len, flags);
}
