/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * segment: cuts one super-packet that the TUN device hands us into packets, as the kernel would
 * (RFC 9293 for the flags, RFC 6864 for the IPv4 id). Pure.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/tunnel/offload.h"

/*
 *   1. segment_begin()
 *   2. segment_next() until it returns false; each packet must be used up (sealed elsewhere) before
 *      the next call, since the next header is written in front of the next payload, over the
 *      payload before it. Nothing behind a packet may be written: that is the next payload.
 */
struct segmenter {
	uint8_t *packet;
	size_t total_len;
	bool partial; /* leave the pseudo-header's sum in the checksum */
	bool done;
	struct vnet vnet;
	/* Only of super-packets: */
	size_t header_len; /* IP and L4 */
	size_t l4;         /* offset of the L4 header */
	size_t next;       /* offset of the next payload byte */
	uint64_t ip_sum;   /* IPv4 header but for length, id and checksum; 0 for IPv6 */
	uint64_t l4_sum;   /* pseudo-header but for the length */
	uint8_t header[OFFLOAD_HEADERS_MAX]; /* the super-packet's own */
};

/*
 * `in` and `v` are what inner_decode() and vnet_decode() said about `packet`, which is changed in
 * place. `partial`: the receiver takes packets whose L4 checksum holds only the pseudo-header's sum
 * (TRANSPORT_FLAG_PARTIAL_CSUM); otherwise whole checksums are made. A packet that is no
 * super-packet comes out once. ERR_INVALID: cannot be cut (SYN, headers too long); drop it.
 */
enum err segment_begin(struct segmenter *s, uint8_t *packet, const struct inner *in,
		       const struct vnet *v, bool partial) must_check;

/* After segment_begin(): the length of the largest packet that will come out. */
size_t segment_largest(const struct segmenter *s);
/*
 * `*packet`, `*len`: the next packet, inside the super-packet's memory. `*is_partial`: its checksum
 * is the pseudo-header's sum.
 */
bool segment_next(struct segmenter *s, uint8_t **packet, size_t *len, bool *is_partial);
