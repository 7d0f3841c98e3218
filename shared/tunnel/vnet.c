/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/tunnel/vnet.h"

#include <linux/virtio_net.h>
#include <netinet/in.h>
#include <string.h>

/* Headers of Debian 12 are older than this type. */
#ifndef VIRTIO_NET_HDR_GSO_UDP_L4
#define VIRTIO_NET_HDR_GSO_UDP_L4 5
#endif

#define IPV6_HEADER_BYTES 40u
#define TCP_HEADER_BYTES  20u
#define UDP_HEADER_BYTES  8u

_Static_assert(sizeof(struct virtio_net_hdr) == VNET_HEADER_BYTES, "virtio_net_hdr has no padding");

/* Where the L4 header stands, and its protocol: behind IPv4 options, or those IPv6 extension
 * headers that a sender puts into each of its packets (RFC 8200 section 4). */
static size_t find_l4(const uint8_t *packet, const struct inner *in, uint8_t *protocol)
{
	size_t at = in->header_len;

	*protocol = in->protocol;
	while (in->kind == INNER_IPV6 &&
	       (*protocol == IPPROTO_HOPOPTS || *protocol == IPPROTO_ROUTING ||
		*protocol == IPPROTO_DSTOPTS)) {
		size_t len;

		if (at + 8 > in->total_len)
			break;
		len = 8u + 8u * packet[at + 1];
		if (len > in->total_len - at)
			break;
		*protocol = packet[at];
		at += len;
	}
	return at;
}

/* `type` may have been any byte. */
static bool gso_from_type(uint8_t type, enum inner_kind kind, enum offload_gso *gso)
{
	switch (type) {
	case VIRTIO_NET_HDR_GSO_NONE:
		*gso = OFFLOAD_NONE;
		return true;
	case VIRTIO_NET_HDR_GSO_TCPV4:
		*gso = OFFLOAD_TCP4;
		return kind == INNER_IPV4;
	case VIRTIO_NET_HDR_GSO_TCPV6:
		*gso = OFFLOAD_TCP6;
		return kind == INNER_IPV6;
	case VIRTIO_NET_HDR_GSO_UDP_L4:
		*gso = OFFLOAD_UDP;
		return true;
	default:
		return false;
	}
}

/* Does the super-packet have the whole header that its GSO type says? */
static bool gso_fits(const uint8_t *packet, const struct inner *in, const struct vnet *v)
{
	uint8_t protocol;
	size_t l4 = find_l4(packet, in, &protocol);
	size_t left = in->total_len - l4;
	size_t doff;

	if (!v->needs_csum || v->gso_size == 0 || v->csum_start != l4)
		return false;
	if (v->gso == OFFLOAD_UDP)
		return protocol == IPPROTO_UDP && v->csum_offset == VNET_CSUM_OFFSET_UDP &&
		       left >= UDP_HEADER_BYTES &&
		       (size_t)(packet[l4 + 4] << 8 | packet[l4 + 5]) == left;
	if (protocol != IPPROTO_TCP || v->csum_offset != VNET_CSUM_OFFSET_TCP ||
	    left < TCP_HEADER_BYTES)
		return false;
	doff = (size_t)(packet[l4 + 12] >> 4) * 4;
	return doff >= TCP_HEADER_BYTES && doff <= left;
}

enum err vnet_decode(const uint8_t header[VNET_HEADER_BYTES], const uint8_t *packet,
		     const struct inner *in, struct vnet *out)
{
	struct virtio_net_hdr h;
	struct vnet v = { 0 };

	memcpy(&h, header, sizeof(h));
	if (in->kind != INNER_IPV4 && in->kind != INNER_IPV6)
		return ERR_INVALID;
	if (!gso_from_type(h.gso_type & (uint8_t)~VIRTIO_NET_HDR_GSO_ECN, in->kind, &v.gso))
		return ERR_INVALID;
	v.ecn = (h.gso_type & VIRTIO_NET_HDR_GSO_ECN) != 0;
	v.needs_csum = (h.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) != 0;
	if (v.needs_csum) {
		if (in->fragment || h.csum_start < in->header_len ||
		    (size_t)h.csum_start + h.csum_offset + 2 > in->total_len)
			return ERR_INVALID;
		v.csum_start = h.csum_start;
		v.csum_offset = h.csum_offset;
	}
	if (v.gso != OFFLOAD_NONE) {
		v.gso_size = h.gso_size;
		if (!gso_fits(packet, in, &v))
			return ERR_INVALID;
	}
	*out = v;
	return ERR_OK;
}

void vnet_encode(const struct vnet *v, size_t headers_len, uint8_t out[VNET_HEADER_BYTES])
{
	static const uint8_t types[] = {
		[OFFLOAD_NONE] = VIRTIO_NET_HDR_GSO_NONE,
		[OFFLOAD_TCP4] = VIRTIO_NET_HDR_GSO_TCPV4,
		[OFFLOAD_TCP6] = VIRTIO_NET_HDR_GSO_TCPV6,
		[OFFLOAD_UDP] = VIRTIO_NET_HDR_GSO_UDP_L4,
	};
	struct virtio_net_hdr h = { 0 };

	if (v->needs_csum) {
		h.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
		h.csum_start = v->csum_start;
		h.csum_offset = v->csum_offset;
	}
	if (v->gso != OFFLOAD_NONE) {
		h.gso_type = (uint8_t)(types[v->gso] | (v->ecn ? VIRTIO_NET_HDR_GSO_ECN : 0));
		h.gso_size = v->gso_size;
		h.hdr_len = (uint16_t)headers_len;
	}
	memcpy(out, &h, sizeof(h));
}

bool vnet_is_plain_l4(const struct vnet *v, const struct inner *in)
{
	if (!v->needs_csum || in->fragment || v->csum_start != in->header_len)
		return false;
	return (in->protocol == IPPROTO_TCP && v->csum_offset == VNET_CSUM_OFFSET_TCP) ||
	       (in->protocol == IPPROTO_UDP && v->csum_offset == VNET_CSUM_OFFSET_UDP);
}
