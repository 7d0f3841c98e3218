/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/tunnel/answer.h"

#include "shared/tunnel/session.h"

/* An address of the node itself, of that family: its only prefixes of one host. */
static const struct addr *host_address(const struct peer *p, uint8_t family)
{
	for (uint32_t i = 0; p && i < p->n_subnets; i++) {
		const struct prefix *x = &p->subnets[i].prefix;

		if (x->addr.family == family && x->len == (family == AF_INET ? 32 : 128))
			return &x->addr;
	}
	return NULL;
}

/*
 * Who tells our own kernel of an error: it drops what seems to come from itself (RFC 1812 section
 * 5.3.7), so not we, but the router at the other end, else the hub, else the destination.
 */
static struct addr far_address(struct tunnel *t, const struct inner *in)
{
	const struct route_owner *owner = route_lookup(&t->routes, in->dst.family, in->dst.b);
	const struct addr *a = host_address(owner ? owner->peer : NULL, in->dst.family);

	if (!a)
		a = host_address(t->hub, in->dst.family);
	return a ? *a : in->dst;
}

static void answer(struct tunnel *t, struct peer *to, enum icmp_error kind, uint16_t mtu,
		   const uint8_t *original, const struct inner *in)
{
	const struct addr source =
		to ? t->self.addresses[in->kind == INNER_IPV6] : far_address(t, in);
	const uint32_t rate = ICMP_RATE_PER_S / t->n_workers;
	uint8_t mem[ICMP_PACKET_MAX_BYTES];
	struct pkt out;

	pkt_init(&out, mem, sizeof(mem), 0);
	if (!icmp_build(kind, in, original, &source, mtu, &out))
		return;
	if (!rate_allow(&t->icmp_rate, rate, rate, t->now_ms))
		return;
	if (!to) {
		tun_write(t->tun, out.data, out.len);
		return;
	}
	session_send(to, out.data, out.len, 0);
	udp_flush(t->udp);
}

void answer_error(struct tunnel *t, struct peer *to, enum icmp_error kind, const uint8_t *original,
		  const struct inner *in)
{
	answer(t, to, kind, 0, original, in);
}

void answer_too_big(struct tunnel *t, struct peer *to, uint16_t mtu, const uint8_t *original,
		    const struct inner *in)
{
	answer(t, to, ICMP_PACKET_TOO_BIG, mtu, original, in);
}
