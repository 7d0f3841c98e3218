/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * coalesce: puts received packets of one flow together again, so that the TUN device takes up to 64
 * of them in one write, as the kernel's GRO does for a network card. Pure: no I/O, no clock, no
 * allocation.
 *
 * Merged are TCP packets with equal headers but for sequence number, length, checksum, IPv4 id and
 * PSH/FIN (which end the super-packet), with contiguous sequence numbers and segments of one size,
 * a shorter one last; and UDP packets of one 4-tuple and size, a shorter one last. IPv4 ids must
 * count up by one unless DF is set (RFC 6864: the id then means nothing). Never merged: SYN, RST,
 * URG, ECE, CWR, no ACK, IP options, extension headers, fragments, empty payload, differing
 * TOS/TTL/DF/flow label/TCP options, UDP without checksum, a wrong checksum of IP or L4.
 *
 * The order within a flow (5-tuple) is never changed: a packet that cannot be appended sends the
 * flow's open super-packet off first. A packet whose ports cannot be seen (fragment, options,
 * another protocol) does so for all flows between its two addresses.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "shared/tunnel/offload.h"

/* One super-packet that is being put together. Only the used part of `iov` is ever initialised. */
struct coalesce_flow {
	bool v4;
	bool partial;      /* of the first packet */
	uint8_t protocol;  /* TCP or UDP */
	uint8_t last_only; /* PSH and FIN of the last packet */
	uint16_t l4;
	uint16_t header_len; /* IP and L4 */
	uint16_t gso_size;
	uint16_t first_id; /* IPv4 */
	uint32_t next_seq; /* TCP */
	uint32_t total_len;
	unsigned n; /* packets, all referred to by iov[1..n] */
	/* [0] is left free for the vnet header; [1] is the whole first packet, whose header is used
	 */
	struct iovec iov[OFFLOAD_SEGMENTS_MAX + 1];
};

/*
 * Gets one finished packet: iov[0] is the vnet header, then the packet's pieces; without vnet, the
 * pieces only. The array and the vnet header are valid during the call. It must not call back into
 * the coalescer.
 */
typedef void (*coalesce_emit)(void *arg, const struct iovec *iov, int n);

struct coalescer {
	coalesce_emit emit;
	void *arg;
	/* The device takes vnet headers and super-packets; if not, each packet is emitted alone,
	 * without iov[0]. */
	bool vnet;
	bool tcp, udp;                /* which kinds the device takes merged */
	uint64_t merged, emitted;     /* packets in, packets out */
	unsigned open;                /* flows in use */
	uint8_t order[OFFLOAD_FLOWS]; /* flows in use, by age of their first packet, then the others
				       */
	uint32_t hash[OFFLOAD_FLOWS]; /* of the flow of the same index */
	struct coalesce_flow flows[OFFLOAD_FLOWS];
};

/* `tcp`, `udp` count only with `vnet`. */
void coalesce_init(struct coalescer *c, bool vnet, bool tcp, bool udp, coalesce_emit emit,
		   void *arg);

/*
 * Takes one received packet, already checked by inner_decode(). It is kept by reference: its memory
 * must stay, and may be changed by the coalescer, until coalesce_flush(). `partial`: it came with
 * TRANSPORT_FLAG_PARTIAL_CSUM, authenticated. A packet with a whole checksum is merged only after
 * that was found right, so that a bad one is never laundered; a wrong one is emitted alone, as it
 * is. One with a partial checksum is emitted with NEEDS_CSUM, or completed when there is no vnet.
 */
void coalesce_add(struct coalescer *c, uint8_t *packet, const struct inner *in, bool partial);

/* Emits all that is open, in the order of each flow's first packet. */
void coalesce_flush(struct coalescer *c);
