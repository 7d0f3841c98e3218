/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * pmtu: what the path of each peer carries. Drives the search of plpmtu.h with probes on the way in
 * use and writes struct path_mtu, which tx, rx and forward go by. Peers are asked only while
 * packets go to them, and shortly after; WireGuard devices and the hub by TCP never: those limit
 * nothing.
 */
#include "shared/tunnel/probe.h"
#include "shared/tunnel/tunnel.h"

void pmtu_init(struct peer *p);
/* t->self or the peer's settings have changed. */
void pmtu_settings_changed(struct peer *p);
/* Packets for the peer go another way now: nothing is known of it. For the hub's way: nor of those
 * through it. */
void pmtu_way_changed(struct peer *p);
/* Is the peer one that may be asked? What goes to others may be cut on its way. */
static inline bool pmtu_is_discovered(const struct peer *p)
{
	return p->tunnel->self.pmtu_discovery && !p->set.pmtu_fixed && peer_is_agent(p);
}
/* Of timers.c: p->due.pmtu_ms is reached; and how long after a packet it is to be. */
void pmtu_due(struct peer *p);
static inline uint64_t pmtu_delay_ms(const struct peer *p)
{
	return p->pmtu.asked ? PLPMTU_CHECK_MS : 0;
}
/* Of probe.c: PROBE_MTU. */
void pmtu_probe_answered(struct peer *p, const struct probe_answer *a);
void pmtu_probe_lost(struct peer *p, const struct way *way, uint16_t size);
/* Of udp.h: our own device does not take what was sent to the peer `owner`. */
void pmtu_too_big(void *tunnel, uint32_t owner, size_t len);
/* The same seen by a mover. */
void pmtu_suspect(struct peer *p);
/* The MTU that TCP with the peer's networks goes by: the path's limit, and never more than our own
 * device's, which is what spokes take whole, too. */
uint16_t pmtu_mss_mtu(const struct peer *p);
/* For the status: what the path is known to carry; 0 not known. */
uint16_t pmtu_known(const struct peer *p);
