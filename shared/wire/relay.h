/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * relay: the 12-byte envelope (type 8) in which an agent sends a message to another agent through
 * the hub, and the hub hands it on. The message inside is untouched and opaque to the hub. Both ids
 * are node ids of the directory and stay the same on the whole way; the hub checks that `source` is
 * the node whose endpoint sent it.
 */
#include <stddef.h>
#include <stdint.h>

#include "shared/base/err.h"
#include "shared/wire/limits.h"

struct relay_view {
	uint8_t flags;               /* RELAY_FLAG_* */
	uint32_t destination;        /* node id, never 0 */
	uint32_t source;             /* node id, never 0, never the destination */
	enum packet_type inner_type; /* PACKET_INITIATION, _RESPONSE, _TRANSPORT or _COOKIE */
	const uint8_t *inner;        /* points into the decoded datagram */
	size_t inner_len;
};

/*
 * Writes the envelope's header in front of an inner message; also used by the hub to write it anew
 * in place. Ids and flags as in relay_view, else it is our own mistake.
 */
void relay_encode(uint32_t destination, uint32_t source, uint8_t flags,
		  uint8_t out[RELAY_HEADER_BYTES]);
/*
 * Checks the envelope and the type and length of the inner message. ERR_INVALID: not an envelope,
 * reserved bytes, unknown flags, id 0, equal ids, or an inner message that is none of the four
 * types (WireGuard's, or an envelope again).
 */
enum err relay_decode(const uint8_t *p, size_t n, struct relay_view *out) must_check;
