/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * packet: what a datagram of the data plane is, and the 16-byte header of transport packets.
 * Layouts: schema/PROTOCOL.md, "Datagrams" and "Transport". No state.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/base/err.h"
#include "shared/wire/limits.h"

/*
 * Says which message `p` is, by its first four bytes and its length. Handshake messages have one
 * exact length, transport packets at least TRANSPORT_OVERHEAD_BYTES, an envelope at least that much
 * inside. The reserved bytes must be zero, and in a type 7 or 8 only known flags set. The inside of
 * an envelope is not looked at (relay_decode() does that). ERR_INVALID for everything else, also
 * for an empty datagram.
 */
enum err packet_classify(const uint8_t *p, size_t n, enum packet_type *type) must_check;

/* Types 5, 6, 7, 8 and 9: the sender claims to be an agent. */
static inline bool packet_is_agent(enum packet_type t) { return t >= PACKET_INITIATION; }

/* The header of types 4 and 7. On a type 7 all its 16 bytes are the AEAD's associated data. */
struct packet_transport {
	enum packet_type type; /* PACKET_WG_TRANSPORT or PACKET_TRANSPORT */
	uint8_t flags;         /* TRANSPORT_FLAG_*; always 0 in a type 4 */
	uint32_t receiver;     /* session index that the receiver chose */
	uint64_t counter;      /* the AEAD's nonce */
};

/* Writes the header. A wrong type, unknown flags, or flags in a type 4 are our own mistake. */
void packet_encode_transport(const struct packet_transport *h, uint8_t out[TRANSPORT_HEADER_BYTES]);
/*
 * Reads the header of a packet of `n` bytes with its tag. ERR_INVALID: not a transport packet,
 * shorter than TRANSPORT_OVERHEAD_BYTES, reserved bytes or unknown flags set.
 */
enum err packet_decode_transport(const uint8_t *p, size_t n,
				 struct packet_transport *out) must_check;
