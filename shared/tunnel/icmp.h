/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/* icmp: the errors that a router sends (RFC 792, RFC 1812 section 4.3, RFC 4443). Pure: no I/O, no
 * state. */
#include "shared/base/pkt.h"
#include "shared/wire/inner.h"

/* RFC 4443 section 2.4(c); for IPv4 576 (RFC 1812 section 4.3.2.3). */
#define ICMP_PACKET_MAX_BYTES 1280u

enum icmp_error {
	ICMP_NO_ROUTE,
	ICMP_HOST_UNREACHABLE,
	ICMP_PROHIBITED,
	ICMP_TIME_EXCEEDED,
	ICMP_PACKET_TOO_BIG
};

/*
 * Builds the error about `in` (whose bytes are `original`) from `source` into `out`, which has room
 * for ICMP_PACKET_MAX_BYTES. `mtu` counts only for ICMP_PACKET_TOO_BIG. False when no error may be
 * sent: about another ICMP error, a fragment that is not the first, a multicast or unspecified
 * address, or `source` of the other family.
 */
bool icmp_build(enum icmp_error kind, const struct inner *in, const uint8_t *original,
		const struct addr *source, uint16_t mtu, struct pkt *out);

/* The Internet checksum (RFC 1071) of `n` bytes, continuing from `sum` (not folded, not inverted).
 */
uint32_t icmp_sum(const uint8_t *p, size_t n, uint32_t sum);
uint16_t icmp_fold(uint32_t sum);
