/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/* probe: extension packets between agents: liveness and round-trip time, and the pings that control
 * asks for. */
#include "shared/tunnel/tunnel.h"

#define PROBE_PING_TIMEOUT_MS 5000u

/* Sends a probe of the least size. Its answer counts like any packet received, and gives the
 * round-trip time. */
void probe_send(struct peer *p);
/* Handles an authenticated extension packet. `relayed`: it came in an envelope. */
void probe_receive(struct peer *p, const struct pkt *pkt, uint8_t extension,
		   const struct endpoint *from, bool relayed);
/* ENGINE_PING of control: one at a time a peer; a second one replaces the first, which is answered
 * with ERR_TIMEOUT. */
void probe_ping(struct tunnel *t, const struct engine_ping *m);
/* Answers a ping that has run out of time. */
void probe_ping_expire(struct peer *p);
