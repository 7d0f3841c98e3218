/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/tunnel/answer.h"

#include "shared/tunnel/session.h"

void answer_error(struct tunnel *t, struct peer *to, enum icmp_error kind, const uint8_t *original,
		  const struct inner *in)
{
	const struct addr *source = &t->self.addresses[in->kind == INNER_IPV6];
	const uint32_t rate = ICMP_RATE_PER_S / t->n_workers;
	uint8_t mem[ICMP_PACKET_MAX_BYTES];
	struct pkt out;

	pkt_init(&out, mem, sizeof(mem), 0);
	if (!icmp_build(kind, in, original, source, t->self.mtu, &out))
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
