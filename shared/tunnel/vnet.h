/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * vnet: the virtio_net_hdr (linux/virtio_net.h; native byte order) that the TUN device puts before
 * every packet, and wants before every packet, once IFF_VNET_HDR is set. Pure: no I/O, no state.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/base/err.h"
#include "shared/wire/inner.h"

/* sizeof(struct virtio_net_hdr), as the device is told by TUNSETVNETHDRSZ. */
#define VNET_HEADER_BYTES 10u

/* Where the checksum stands in its header. */
#define VNET_CSUM_OFFSET_TCP 16u
#define VNET_CSUM_OFFSET_UDP 6u

enum offload_gso { OFFLOAD_NONE, OFFLOAD_TCP4, OFFLOAD_TCP6, OFFLOAD_UDP };

/* A virtio_net_hdr, checked against its packet. */
struct vnet {
	enum offload_gso gso;
	bool needs_csum;   /* the L4 checksum holds only the pseudo-header's sum; always with GSO */
	bool ecn;          /* the kernel said that CWR is set in a TCP super-packet */
	uint16_t gso_size; /* payload bytes of a segment, > 0 with GSO; else 0 */
	/* Of the packet's start: where the sum begins (the L4 header); of that: where it is stored.
	 * 0 unless needs_csum. */
	uint16_t csum_start, csum_offset;
};

/*
 * Reads the header that came with `packet` of `in->total_len` bytes. With GSO, csum_start is the
 * place of a whole TCP or UDP header (whose length comes from the packet, never from hdr_len),
 * reached from the IP header through nothing but options or IPv6 extension headers. ERR_INVALID: it
 * does not fit the packet (offsets beyond it, another protocol than the packet has, a fragment, a
 * GSO type that we did not ask for, GSO without a checksum to be completed).
 */
enum err vnet_decode(const uint8_t header[VNET_HEADER_BYTES], const uint8_t *packet,
		     const struct inner *in, struct vnet *out) must_check;

/* Writes the header of a packet that goes to the device. `headers_len`: bytes of IP and L4 header,
 * which count only with GSO. */
void vnet_encode(const struct vnet *v, size_t headers_len, uint8_t out[VNET_HEADER_BYTES]);

/*
 * Is the checksum that `v` leaves open the one of a TCP or UDP header right behind the IP header?
 * Only such a packet may travel with TRANSPORT_FLAG_PARTIAL_CSUM.
 */
bool vnet_is_plain_l4(const struct vnet *v, const struct inner *in);
