/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * ecn: what the outer IP header gets of the inner one, and what the inner one gets back: Explicit
 * Congestion Notification through a tunnel as in RFC 6040, in normal mode (section 4.1: every agent
 * and every WireGuard device of the kernel does the egress side), and DSCP where that is inherited.
 * Pure.
 */
#include <stdbool.h>
#include <stdint.h>

/* The low two bits of a TOS (RFC 3168 section 5) or traffic class. */
enum ecn { ECN_NOT_ECT = 0, ECN_ECT1 = 1, ECN_ECT0 = 2, ECN_CE = 3 };
#define ECN_MASK 3u

/* TOS or traffic class of an IP packet of at least 2 bytes. */
static inline uint8_t ecn_tos(const uint8_t *packet)
{
	if (packet[0] >> 4 == 4)
		return packet[1];
	return (uint8_t)(packet[0] << 4 | packet[1] >> 4);
}

/* RFC 6040 section 4.1: ECN goes outside as it is; the DSCP with `inherit` (PriorityInheritance)
 * only, 0 otherwise. */
static inline uint8_t ecn_outer_tos(uint8_t inner, bool inherit)
{
	return inherit ? inner : inner & ECN_MASK;
}

/* The table of RFC 6040 section 4.2, figure 4: the ECN field that the packet goes on with. False:
 * it is to be dropped, since its sender could not be told of the congestion. */
bool ecn_combine(enum ecn inner, enum ecn outer, enum ecn *out);

/* The same done to an IP packet that inner_decode() has checked, with its IPv4 header checksum. It
 * came under the outer TOS `outer`. False: to be dropped. */
bool ecn_decapsulate(uint8_t *packet, uint8_t outer);
