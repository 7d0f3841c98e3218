/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * fit: what is too large for the path of the peer that it goes to is cut, where it may be, or its
 * sender is told, as a router does (RFC 791, RFC 1191 section 4, RFC 8201, RFC 1812 section
 * 5.3.13). The limit is p->pmtu.limit.
 */
#include "shared/tunnel/tunnel.h"
#include "shared/wire/inner.h"

enum fit {
	FIT_WHOLE,   /* send it */
	FIT_CUT,     /* send it by fit_cut(), with a whole L4 checksum */
	FIT_REFUSED, /* counted, and the sender has been told */
};

/*
 * Does the packet fit? `len` is its length, or of a super-packet the largest of the packets that it
 * is cut into; `from` the peer that it came from, NULL: our own TUN device. An IPv6 packet of at
 * most 1280 bytes, which nobody may refuse, goes even if it does not fit: the outer packet is then
 * cut instead (RFC 2473 section 7.2).
 */
enum fit fit_check(struct peer *to, struct peer *from, const uint8_t *packet,
		   const struct inner *in, size_t len);
/* Sends the fragments of a packet of `len` bytes with the header that `in` describes. Its memory is
 * changed. */
void fit_cut(struct peer *to, uint8_t *packet, const struct inner *in, size_t len);
