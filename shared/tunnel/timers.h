/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * timers: when a session acts by itself. The table of deadlines stands in peer.h. Functions are
 * named after what has happened; what follows from it is decided here and nowhere else (WireGuard
 * whitepaper section 6, and our own liveness probes between agents).
 */
#include "shared/tunnel/tunnel.h"

/* Peers that no machine chooses a way for (path.h): data was sent and nothing came for so long. */
#define HUSH_MS           800u
#define PROBE_AFTER_MS    2000u
#define PROBE_INTERVAL_MS 1000u /* between probes that are not answered */
/* Then the peer counts as unreachable and a new handshake begins. */
#define PROBES_UNANSWERED_MAX 3u

void timers_init(struct peer *p);
/* All deadlines off. */
void timers_stop(struct peer *p);
/* The session begins anew with other keys: as for a new peer, so that no limit of the old one holds
 * it up. */
void timers_restart(struct peer *p);
/* A sealed packet was sent / an authentic one came; `data`: it carries an inner packet; `here`:
 * over the way that ours take. */
void timers_sent(struct peer *p, bool data);
void timers_received(struct peer *p, bool data, bool here);
/* The peer is wanted, though no packet was sent. */
void timers_used(struct peer *p);
/* A packet of another peer came through the hub `p`, which thus knows our address. */
void timers_heard(struct peer *p);
/* Another peer's packet went out through the hub `p`: like data sent to it, so that probes keep it
 * knowing our address, and us that it lives. */
void timers_relayed(struct peer *p);
void timers_initiation_sent(struct peer *p, bool retry);
/* A keypair was made, by either role. */
void timers_keypair_made(struct peer *p);
/* The keypair is usable by both sides. */
void timers_handshake_done(struct peer *p);
/* A new handshake in `in_ms`, unless there is a keypair by then that was made after now. */
void timers_rekey(struct peer *p, uint64_t in_ms);
/*
 * The session is, or is about to be, one that was made with a tunnel key which the peer had before:
 * it is renewed, so that the peer need not keep that key for our sake. The peer does so itself, but
 * does not know who heard of its new key too late; what is left is ours, spread out.
 */
void timers_old_key(struct peer *p);
/* The keepalive setting changed. */
void timers_settings_changed(struct peer *p);
/* Arms the peer's timer for a ping's deadline or anything else that changed. */
void timers_arm(struct peer *p);
