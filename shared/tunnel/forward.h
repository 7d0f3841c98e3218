/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/* forward: the hub as a router for WireGuard nodes, which know only the hub: plaintext goes from
 * one session into another, the time to live less one. */
#include "shared/tunnel/tunnel.h"
#include "shared/wire/inner.h"

/* Sends an inner packet that came from `from` (with these TRANSPORT_FLAG_*) on to `to`, or answers
 * with an ICMP error. */
void forward_packet(struct peer *from, struct peer *to, uint8_t *packet, const struct inner *in,
		    uint8_t flags);
