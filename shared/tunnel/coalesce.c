/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/tunnel/coalesce.h"

#include <netinet/in.h>
#include <string.h>

#define IPV4_HEADER_BYTES 20u
#define IPV6_HEADER_BYTES 40u
#define TCP_HEADER_BYTES  20u
#define UDP_HEADER_BYTES  8u
#define SUPER_PACKET_MAX  65535u /* in all, as the IPv4 length field says it; IPv6 the same */

#define TCP_SEQ    4u
#define TCP_ACK    8u
#define TCP_DOFF   12u
#define TCP_FLAGS  13u
#define TCP_WINDOW 14u
#define TCP_URGENT 18u

#define FLAG_FIN 0x01u
#define FLAG_PSH 0x08u
#define FLAG_ACK 0x10u

/* One packet that came in, and what is found out about it on the way. */
struct candidate {
	uint8_t *packet;
	const struct inner *in;
	bool partial, v4;
	bool last; /* PSH or FIN: nothing is appended to it */
	uint32_t hash;
	size_t l4, header_len, payload;
};

static inline uint32_t load32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static inline uint64_t load64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

void coalesce_init(struct coalescer *c, bool vnet, bool tcp, bool udp, coalesce_emit emit,
		   void *arg)
{
	c->emit = emit;
	c->arg = arg;
	c->vnet = vnet;
	c->tcp = vnet && tcp;
	c->udp = vnet && udp;
	c->merged = c->emitted = 0;
	c->open = 0;
	for (unsigned i = 0; i < OFFLOAD_FLOWS; i++)
		c->order[i] = (uint8_t)i;
}

/* --- which flow ---------------------------------------------------------------------------- */

/* A plain TCP or UDP packet, ports and all, right behind an IP header without options. */
static bool has_ports(const struct inner *in)
{
	size_t plain = in->kind == INNER_IPV4 ? IPV4_HEADER_BYTES : IPV6_HEADER_BYTES;

	return (in->protocol == IPPROTO_TCP || in->protocol == IPPROTO_UDP) && !in->fragment &&
	       (in->kind == INNER_IPV4 || in->kind == INNER_IPV6) && in->header_len == plain &&
	       in->total_len >= plain + 4;
}

/* Of the 5-tuple. It only has to tell the few flows of one batch apart: find() compares whole. */
static uint32_t flow_hash(const uint8_t *packet, bool v4, uint8_t protocol)
{
	uint64_t h = protocol;

	if (v4) {
		h += load64(packet + 12) ^ ((uint64_t)load32(packet + 20) << 16);
	} else {
		for (size_t i = 8; i < 40; i += 8)
			h = (h ^ load64(packet + i)) * 0x9e3779b97f4a7c15u;
		h ^= load32(packet + 40);
	}
	return (uint32_t)((h * 0x9e3779b97f4a7c15u) >> 32);
}

/* The place in `order` of the packet's open flow; `open` when it has none. The youngest comes
 * first, since packets of a flow arrive in trains. */
static unsigned find(const struct coalescer *c, const struct candidate *k)
{
	for (unsigned at = c->open; at-- > 0;) {
		const struct coalesce_flow *f = &c->flows[c->order[at]];
		const uint8_t *first;

		if (c->hash[c->order[at]] != k->hash || f->v4 != k->v4 ||
		    f->protocol != k->in->protocol)
			continue;
		/* Both addresses and both ports stand in one row. */
		first = f->iov[1].iov_base;
		if (k->v4 ? !memcmp(first + 12, k->packet + 12, 12)
			  : !memcmp(first + 8, k->packet + 8, 36))
			return at;
	}
	return c->open;
}

/* --- packets out --------------------------------------------------------------------------- */

/* One packet as it came, but that an open checksum is left to the kernel or completed. */
static void emit_alone(struct coalescer *c, uint8_t *packet, const struct inner *in, bool partial)
{
	uint8_t header[VNET_HEADER_BYTES];
	struct iovec iov[2] = {
		{ .iov_base = header, .iov_len = sizeof(header) },
		{ .iov_base = packet, .iov_len = in->total_len },
	};
	struct vnet v = { 0 };

	c->emitted++;
	if (!c->vnet) {
		/* What cannot be completed goes out as it is: the sender's flag was wrong. */
		enum err ignored = partial ? offload_complete_csum(packet, in) : ERR_OK;

		(void)ignored;
		c->emit(c->arg, iov + 1, 1);
		return;
	}
	if (partial) {
		v.needs_csum = true;
		v.csum_start = (uint16_t)in->header_len;
		v.csum_offset =
			in->protocol == IPPROTO_TCP ? VNET_CSUM_OFFSET_TCP : VNET_CSUM_OFFSET_UDP;
		v.needs_csum = vnet_is_plain_l4(&v, in) &&
			       in->header_len + v.csum_offset + 2 <= in->total_len;
	}
	vnet_encode(&v, 0, header);
	c->emit(c->arg, iov, 2);
}

/* Makes the first packet's header that of all of them. */
static void finish_header(const struct coalesce_flow *f)
{
	uint8_t *ip = f->iov[1].iov_base;
	uint8_t *l4 = ip + f->l4;
	size_t l4_len = f->total_len - f->l4;
	size_t csum = f->protocol == IPPROTO_TCP ? VNET_CSUM_OFFSET_TCP : VNET_CSUM_OFFSET_UDP;

	if (f->v4) {
		offload_put16(ip + 2, f->total_len);
		offload_put16(ip + 10, 0);
		offload_put_csum(ip + 10,
				 (uint16_t)~offload_fold(offload_sum(ip, IPV4_HEADER_BYTES, 0)));
	} else {
		offload_put16(ip + 4, f->total_len - IPV6_HEADER_BYTES);
	}
	if (f->protocol == IPPROTO_TCP)
		l4[TCP_FLAGS] |= f->last_only;
	else
		offload_put16(l4 + 4, l4_len);
	offload_put_csum(l4 + csum,
			 offload_fold(offload_pseudo_sum(ip, f->v4, f->protocol, l4_len)));
}

/* Emits the open flow at place `at` of `order`, and frees it. */
static void emit_flow(struct coalescer *c, unsigned at)
{
	uint8_t header[VNET_HEADER_BYTES];
	uint8_t slot = c->order[at];
	struct coalesce_flow *f = &c->flows[slot];
	struct vnet v = { 0 };

	c->open--;
	memmove(c->order + at, c->order + at + 1, c->open - at);
	c->order[c->open] = slot;

	if (f->n > 1) {
		finish_header(f);
		v.gso = f->protocol == IPPROTO_UDP ? OFFLOAD_UDP
			: f->v4                    ? OFFLOAD_TCP4
						   : OFFLOAD_TCP6;
		v.gso_size = f->gso_size;
	}
	if (f->n > 1 || f->partial) {
		v.needs_csum = true;
		v.csum_start = f->l4;
		v.csum_offset =
			f->protocol == IPPROTO_TCP ? VNET_CSUM_OFFSET_TCP : VNET_CSUM_OFFSET_UDP;
	}
	vnet_encode(&v, f->header_len, header);
	f->iov[0] = (struct iovec){ .iov_base = header, .iov_len = sizeof(header) };
	c->emitted++;
	c->emit(c->arg, f->iov, (int)f->n + 1);
}

void coalesce_flush(struct coalescer *c)
{
	while (c->open)
		emit_flow(c, 0);
}

/* Emits all flows between the two addresses of a packet whose ports are not seen, any of which may
 * be its own. */
static void emit_flows_between(struct coalescer *c, const struct inner *in)
{
	for (unsigned at = 0; at < c->open;) {
		const struct coalesce_flow *f = &c->flows[c->order[at]];
		const uint8_t *first = f->iov[1].iov_base;
		size_t n = f->v4 ? 4 : 16;
		const uint8_t *addresses = first + (f->v4 ? 12 : 8);

		if (f->v4 == (in->kind == INNER_IPV4) && !memcmp(addresses, in->src.b, n) &&
		    !memcmp(addresses + n, in->dst.b, n))
			emit_flow(c, at);
		else
			at++;
	}
}

/* --- packets in ---------------------------------------------------------------------------- */

/* The part of "may be merged at all" that concerns TCP. */
static bool tcp_is_mergeable(struct candidate *k)
{
	const uint8_t *tcp = k->packet + k->l4;
	size_t left = k->in->total_len - k->l4;
	size_t doff;

	if (left < TCP_HEADER_BYTES)
		return false;
	doff = (size_t)(tcp[TCP_DOFF] >> 4) * 4;
	/* Not one of the reserved bits either: one of them belongs to ECN (RFC 9768). */
	if (doff < TCP_HEADER_BYTES || doff >= left || (tcp[TCP_DOFF] & 0x0f))
		return false;
	if ((tcp[TCP_FLAGS] & ~(FLAG_PSH | FLAG_FIN)) != FLAG_ACK)
		return false;
	k->last = (tcp[TCP_FLAGS] & (FLAG_PSH | FLAG_FIN)) != 0;
	k->header_len = k->l4 + doff;
	k->payload = left - doff;
	return true;
}

/* The same for UDP. A super-packet has a checksum, and gives one to each datagram cut from it: none
 * may come in without. */
static bool udp_is_mergeable(struct candidate *k)
{
	const uint8_t *udp = k->packet + k->l4;
	size_t left = k->in->total_len - k->l4;

	if (left <= UDP_HEADER_BYTES || offload_get16(udp + 4) != left)
		return false;
	if (!k->partial && offload_get_csum(udp + VNET_CSUM_OFFSET_UDP) == 0)
		return false;
	k->last = false;
	k->header_len = k->l4 + UDP_HEADER_BYTES;
	k->payload = left - UDP_HEADER_BYTES;
	return true;
}

/* May the packet be part of a super-packet? Merging makes new checksums, so whatever is wrong now
 * must be seen now. */
static bool is_mergeable(const struct coalescer *c, struct candidate *k)
{
	bool tcp = k->in->protocol == IPPROTO_TCP;

	if (tcp ? !c->tcp : !c->udp)
		return false;
	if (tcp ? !tcp_is_mergeable(k) : !udp_is_mergeable(k))
		return false;
	if (k->v4 && offload_fold(offload_sum(k->packet, IPV4_HEADER_BYTES, 0)) != 0xffff)
		return false;
	return k->partial || offload_csum_is_right(k->packet, k->in);
}

/* All that has to be equal in IP headers whose addresses and protocol are. */
static bool ip_is_equal(const struct coalesce_flow *f, const struct candidate *k)
{
	const uint8_t *a = f->iov[1].iov_base, *b = k->packet;

	if (!k->v4)
		return load32(a) == load32(b) && a[7] == b[7];
	/* TOS; then flags, TTL and protocol in one. */
	if (a[1] != b[1] || load32(a + 6) != load32(b + 6))
		return false;
	return k->in->dont_fragment || offload_get16(b + 4) == (uint16_t)(f->first_id + f->n);
}

/* The same for TCP headers of one length. */
static bool tcp_is_equal(const struct coalesce_flow *f, const struct candidate *k)
{
	const uint8_t *a = (const uint8_t *)f->iov[1].iov_base + f->l4;
	const uint8_t *b = k->packet + k->l4;

	/* Flags are known to be ACK, in the first packet alone, and perhaps PSH and FIN. */
	return offload_get32(b + TCP_SEQ) == f->next_seq &&
	       load32(a + TCP_ACK) == load32(b + TCP_ACK) &&
	       !memcmp(a + TCP_WINDOW, b + TCP_WINDOW, 2) &&
	       !memcmp(a + TCP_URGENT, b + TCP_URGENT, f->header_len - f->l4 - TCP_URGENT);
}

/* Puts the packet behind the open flow at `at`. False when it does not fit there. */
static bool append(struct coalescer *c, unsigned at, const struct candidate *k)
{
	struct coalesce_flow *f = &c->flows[c->order[at]];

	if (k->payload > f->gso_size || f->total_len + k->payload > SUPER_PACKET_MAX ||
	    k->header_len != f->header_len || !ip_is_equal(f, k))
		return false;
	if (f->protocol == IPPROTO_TCP) {
		if (!tcp_is_equal(f, k))
			return false;
		f->last_only = k->packet[k->l4 + TCP_FLAGS] & (FLAG_PSH | FLAG_FIN);
		f->next_seq += (uint32_t)k->payload;
	}
	f->n++;
	f->iov[f->n] =
		(struct iovec){ .iov_base = k->packet + k->header_len, .iov_len = k->payload };
	f->total_len += (uint32_t)k->payload;
	if (k->last || k->payload < f->gso_size || f->n == OFFLOAD_SEGMENTS_MAX)
		emit_flow(c, at);
	return true;
}

/* Begins a super-packet; the oldest makes room when all are taken. */
static void open_flow(struct coalescer *c, const struct candidate *k)
{
	struct coalesce_flow *f;
	uint8_t slot;

	if (c->open == OFFLOAD_FLOWS)
		emit_flow(c, 0);
	slot = c->order[c->open++];
	c->hash[slot] = k->hash;
	f = &c->flows[slot];
	f->v4 = k->v4;
	f->partial = k->partial;
	f->protocol = k->in->protocol;
	f->last_only = 0;
	f->l4 = (uint16_t)k->l4;
	f->header_len = (uint16_t)k->header_len;
	f->gso_size = (uint16_t)k->payload;
	f->first_id = k->v4 ? offload_get16(k->packet + 4) : 0;
	f->next_seq = 0;
	if (f->protocol == IPPROTO_TCP)
		f->next_seq = offload_get32(k->packet + k->l4 + TCP_SEQ) + (uint32_t)k->payload;
	f->total_len = (uint32_t)k->in->total_len;
	f->n = 1;
	f->iov[1] = (struct iovec){ .iov_base = k->packet, .iov_len = k->in->total_len };
}

void coalesce_add(struct coalescer *c, uint8_t *packet, const struct inner *in, bool partial)
{
	struct candidate k = { .packet = packet, .in = in, .partial = partial };
	bool mergeable;
	unsigned at;

	c->merged++;
	if (!c->vnet || !has_ports(in)) {
		emit_flows_between(c, in);
		emit_alone(c, packet, in, partial);
		return;
	}
	k.v4 = in->kind == INNER_IPV4;
	k.l4 = in->header_len;
	k.hash = flow_hash(packet, k.v4, in->protocol);
	at = find(c, &k);
	mergeable = is_mergeable(c, &k);
	if (mergeable && at < c->open && append(c, at, &k))
		return;
	if (at < c->open)
		emit_flow(c, at);
	if (mergeable && !k.last)
		open_flow(c, &k);
	else
		emit_alone(c, packet, in, partial);
}
