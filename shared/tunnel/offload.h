/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * offload: segmentation of the super-packets that the TUN device hands us, and coalescing of
 * received packets into super-packets for it. Pure: bytes in, bytes out; no I/O, no clock, no
 * allocation.
 *
 * The TUN device puts a struct virtio_net_hdr of VNET_HEADER_BYTES before every packet
 * (linux/virtio_net.h; native byte order).
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "shared/base/pkt.h"
#include "shared/wire/inner.h"

#define VNET_HEADER_BYTES 10u
#define OFFLOAD_SEGMENTS_MAX                                                                       \
	64u /* of one super-packet that we write; what we read is bounded by its length */
#define OFFLOAD_HEADERS_MAX                                                                        \
	128u /* IP header (no options, or IPv6 without extension headers) and TCP header with      \
		options */
#define OFFLOAD_FLOWS 8u /* flows that are being put together at the same time */

enum offload_gso { OFFLOAD_NONE, OFFLOAD_TCP4, OFFLOAD_TCP6, OFFLOAD_UDP };

/* A virtio_net_hdr, checked against its packet. */
struct vnet {
	enum offload_gso gso;
	bool needs_csum; /* the L4 checksum holds only the pseudo-header's sum */
	bool ecn;
	uint16_t gso_size; /* payload bytes of a segment */
	uint16_t csum_start, csum_offset;
};

/*
 * Reads the header that came with the packet `in` (of `in->total_len` bytes). ERR_INVALID: it does
 * not fit the packet (offsets beyond it, another protocol than the packet has, a GSO type that we
 * did not ask for).
 */
enum err vnet_decode(const uint8_t header[VNET_HEADER_BYTES], const uint8_t *packet,
		     const struct inner *in, struct vnet *out) must_check;

/*
 * Cuts one super-packet into packets.
 *
 *   1. segment_begin()
 *   2. segment_next() until it returns false; each packet must be used up (sealed elsewhere) before
 * the next call, since the next header is written in front of the next payload, over the payload
 * before it
 */
struct segmenter {
	uint8_t *packet;
	size_t header_len; /* IP and L4 */
	size_t total_len;
	size_t next; /* offset of the next payload byte */
	size_t l4;   /* offset of the L4 header */
	uint32_t seq;
	uint16_t ip_id;
	struct vnet vnet;
	struct inner in;
	bool partial; /* leave the pseudo-header sum in the checksum */
	bool done;
	uint8_t header[OFFLOAD_HEADERS_MAX];
};

/*
 * `partial`: the receiver takes packets whose L4 checksum holds only the pseudo-header's sum
 * (TRANSPORT_FLAG_PARTIAL_CSUM); otherwise whole checksums are made. A packet that is no
 * super-packet comes out once. ERR_INVALID: cannot be cut (options, fragments, headers too long).
 */
enum err segment_begin(struct segmenter *s, uint8_t *packet, const struct inner *in,
		       const struct vnet *v, bool partial) must_check;
/* `*packet`, `*len`: the next packet, inside the super-packet's memory. `*is_partial`: its checksum
 * is the pseudo-header's sum. */
bool segment_next(struct segmenter *s, uint8_t **packet, size_t *len, bool *is_partial);

/* Makes the whole L4 checksum of a packet that has only the pseudo-header's sum (TCP and UDP).
 * ERR_INVALID for others or when it is too short. */
enum err offload_complete_csum(uint8_t *packet, const struct inner *in) must_check;
/* Is the whole L4 checksum right? UDP over IPv4 without one (0) counts as right. False for other
 * protocols. */
bool offload_csum_is_right(const uint8_t *packet, const struct inner *in);

/*
 * Puts packets of the same flow together again. Packets are kept by reference: their memory must
 * stay until coalesce_flush(). Order within a flow is never changed, packets of different flows are
 * never merged. Merged are TCP packets with equal headers but for sequence number, length,
 * checksum, IP id and PSH/FIN (which close the flow's packet), with contiguous sequence numbers and
 * segments of one size, a shorter one last; and UDP packets of one 4-tuple and size, a shorter one
 * last. Never merged: SYN, RST, URG, ECE, CWR, IP options, extension headers, fragments, empty
 * payload, differing TOS/TTL/DF/flow label/TCP options.
 */
struct coalesce_flow {
	bool open;
	bool partial;
	enum offload_gso gso;
	struct inner in;
	size_t header_len, l4;
	uint16_t gso_size;
	uint32_t next_seq;
	uint8_t *first; /* the first packet, whose header is used */
	size_t total_len;
	unsigned n;  /* packets */
	bool closed; /* takes no more (a short, PSH or FIN packet came last) */
	struct iovec iov[OFFLOAD_SEGMENTS_MAX + 1]; /* [0] is left free for the vnet header */
};

/* Gets one finished packet: iov[0] is the vnet header (10 bytes), then the packet's pieces. */
typedef void (*coalesce_emit)(void *arg, const struct iovec *iov, int n);

struct coalescer {
	coalesce_emit emit;
	void *arg;
	bool vnet; /* the TUN device takes vnet headers and super-packets; if not, each packet is
		      emitted alone, without iov[0] */
	bool tcp, udp;            /* which kinds the device takes merged */
	unsigned turn;            /* which open flow goes first when all are taken */
	uint64_t merged, emitted; /* packets in, packets out */
	struct coalesce_flow flows[OFFLOAD_FLOWS];
};

void coalesce_init(struct coalescer *c, bool vnet, bool tcp, bool udp, coalesce_emit emit,
		   void *arg);
/*
 * Takes one received packet, already checked by inner_decode(). `partial`: it came with
 * TRANSPORT_FLAG_PARTIAL_CSUM, authenticated. A packet with a whole checksum is merged only after
 * that was found right, so that a bad one is never laundered; a wrong one is emitted alone, as it
 * is.
 */
void coalesce_add(struct coalescer *c, uint8_t *packet, const struct inner *in, bool partial);
/* Emits all that is open, in the order of each flow's first packet. */
void coalesce_flush(struct coalescer *c);
