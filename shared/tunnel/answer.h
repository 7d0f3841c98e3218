/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/* answer: sends ICMP errors about inner packets to where these came from, at most ICMP_RATE_PER_S.
 */
#include "shared/tunnel/icmp.h"
#include "shared/tunnel/tunnel.h"

/* `to` NULL: the packet came from our own TUN device; else from that peer. Sends nothing where RFC
 * 1122 or RFC 4443 forbid it. */
void answer_error(struct tunnel *t, struct peer *to, enum icmp_error kind, const uint8_t *original,
		  const struct inner *in);
/* The same: the packet is larger than the `mtu` bytes that its path carries. */
void answer_too_big(struct tunnel *t, struct peer *to, uint16_t mtu, const uint8_t *original,
		    const struct inner *in);
