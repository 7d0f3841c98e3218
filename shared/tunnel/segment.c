/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/tunnel/segment.h"

#include <arpa/inet.h>
#include <string.h>

#define UDP_HEADER_BYTES 8u

#define TCP_SEQ    4u
#define TCP_DOFF   12u
#define TCP_FLAGS  13u
#define TCP_URGENT 18u

#define FLAG_FIN 0x01u
#define FLAG_SYN 0x02u
#define FLAG_RST 0x04u
#define FLAG_PSH 0x08u
#define FLAG_URG 0x20u
#define FLAG_CWR 0x80u

static bool is_ipv4(const uint8_t *packet) { return packet[0] >> 4 == 4; }

/* What the IPv4 header of every segment has in common. */
static uint64_t common_ip_sum(const uint8_t *ip, size_t len)
{
	return offload_sum(ip, 2, offload_sum(ip + 6, 4, offload_sum(ip + 12, len - 12, 0)));
}

/*
 * What the pseudo-header of every segment has in common: the kernel's sum without the length.
 * Taken from the packet, and not from its addresses, because with an IPv6 routing header the
 * address that counts is another one (RFC 8200 section 8.1).
 */
static uint64_t common_l4_sum(const uint8_t *l4, size_t l4_len, size_t csum_offset)
{
	return (uint64_t)offload_get_csum(l4 + csum_offset) + (uint16_t)~htons((uint16_t)l4_len);
}

enum err segment_begin(struct segmenter *s, uint8_t *packet, const struct inner *in,
		       const struct vnet *v, bool partial)
{
	size_t l4 = v->csum_start;

	s->packet = packet;
	s->total_len = in->total_len;
	s->partial = partial && vnet_is_plain_l4(v, in);
	s->done = false;
	s->vnet = *v;
	if (v->gso == OFFLOAD_NONE)
		return ERR_OK;

	s->l4 = l4;
	s->header_len = l4 + UDP_HEADER_BYTES;
	if (v->gso != OFFLOAD_UDP)
		s->header_len = l4 + (size_t)(packet[l4 + TCP_DOFF] >> 4) * 4;
	if (s->header_len > OFFLOAD_HEADERS_MAX || s->header_len > s->total_len)
		return ERR_INVALID;
	/* A SYN takes a sequence number: no sender puts more than a segment behind it. */
	if (v->gso != OFFLOAD_UDP && (packet[l4 + TCP_FLAGS] & FLAG_SYN))
		return ERR_INVALID;
	s->next = s->header_len;
	s->ip_sum = is_ipv4(packet) ? common_ip_sum(packet, in->header_len) : 0;
	s->l4_sum = common_l4_sum(packet + l4, s->total_len - l4, v->csum_offset);
	memcpy(s->header, packet, s->header_len);
	return ERR_OK;
}

/* Length, id and checksum of the IP header of segment number `index`. */
static void fix_ip(const struct segmenter *s, uint8_t *ip, size_t len, size_t index)
{
	uint16_t id;

	if (!is_ipv4(ip)) {
		offload_put16(ip + 4, len - 40);
		return;
	}
	id = (uint16_t)(offload_get16(s->header + 4) + index);
	offload_put16(ip + 2, len);
	offload_put16(ip + 4, id);
	offload_put_csum(ip + 10,
			 (uint16_t)~offload_fold(s->ip_sum + htons((uint16_t)len) + htons(id)));
}

/* Sequence number and flags of the segment whose payload begins `offset` bytes into the whole. */
static void fix_tcp(const struct segmenter *s, uint8_t *tcp, size_t offset, bool last)
{
	size_t urgent = offload_get16(tcp + TCP_URGENT);

	offload_put32(tcp + TCP_SEQ, offload_get32(s->header + s->l4 + TCP_SEQ) + (uint32_t)offset);
	if (!last)
		tcp[TCP_FLAGS] &= (uint8_t) ~(FLAG_FIN | FLAG_PSH | FLAG_RST);
	if (offset == 0)
		return;
	tcp[TCP_FLAGS] &= (uint8_t)~FLAG_CWR;
	/* The urgent pointer counts from the segment's own sequence number, and is the octet behind
	 * the urgent one: 0 would be before this segment. */
	if (!(tcp[TCP_FLAGS] & FLAG_URG))
		return;
	if (urgent > offset) {
		offload_put16(tcp + TCP_URGENT, urgent - offset);
	} else {
		tcp[TCP_FLAGS] &= (uint8_t)~FLAG_URG;
		offload_put16(tcp + TCP_URGENT, 0);
	}
}

/* Writes the header in front of the next payload. */
static void cut(struct segmenter *s, uint8_t **packet, size_t *len)
{
	size_t left = s->total_len - s->next;
	size_t payload = left < s->vnet.gso_size ? left : s->vnet.gso_size;
	size_t offset = s->next - s->header_len;
	size_t l4_len = s->header_len - s->l4 + payload;
	uint8_t *p = s->packet + offset;
	uint8_t *l4 = p + s->l4;

	memcpy(p, s->header, s->header_len);
	fix_ip(s, p, s->l4 + l4_len, offset / s->vnet.gso_size);
	if (s->vnet.gso == OFFLOAD_UDP)
		offload_put16(l4 + 4, l4_len);
	else
		fix_tcp(s, l4, offset, payload == left);
	offload_put_csum(l4 + s->vnet.csum_offset,
			 offload_fold(s->l4_sum + htons((uint16_t)l4_len)));
	s->next += payload;
	s->done = payload == left;
	*packet = p;
	*len = s->header_len + payload;
}

size_t segment_largest(const struct segmenter *s)
{
	if (s->vnet.gso == OFFLOAD_NONE || s->total_len - s->header_len <= s->vnet.gso_size)
		return s->total_len;
	return s->header_len + s->vnet.gso_size;
}

bool segment_next(struct segmenter *s, uint8_t **packet, size_t *len, bool *is_partial)
{
	if (s->done)
		return false;
	if (s->vnet.gso != OFFLOAD_NONE) {
		cut(s, packet, len);
	} else {
		*packet = s->packet;
		*len = s->total_len;
		s->done = true;
	}
	if (s->vnet.needs_csum && !s->partial)
		offload_complete_at(*packet + s->vnet.csum_start, *len - s->vnet.csum_start,
				    s->vnet.csum_offset);
	*is_partial = s->partial;
	return true;
}
