/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/* forward: the hub as a router for WireGuard nodes, which know only the hub: plaintext goes from
 * one session into another, the time to live less one. */
#include "shared/tunnel/tunnel.h"
#include "shared/wire/inner.h"

/* Sends an inner packet that came from `from` on to `to`, or answers with an ICMP error. */
void forward_packet(struct peer *from, struct peer *to, struct pkt *pkt, const struct inner *in);
