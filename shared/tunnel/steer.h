/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * steer: the life of a peer's machine (choice.h) and the work it orders: probes, the limit of
 * direct paths, handshakes when nobody answers, questions to control. In the engine only.
 */
#include "shared/tunnel/choice.h"
#include "shared/tunnel/tunnel.h"

/* The machine, with an event and all that follows; nothing for a peer without one. `which`,
 * `rtt_us`: as in struct choice_input. */
void steer_run(struct peer *p, enum choice_event e, int which, uint32_t rtt_us);
/* Makes the machine if there is none. False: no memory; tried again soon. */
bool steer_begin(struct peer *p);
/* Ends it without a word. */
void steer_drop(struct peer *p);
/* The peer is in use and has no machine yet: makes one, soon. Runs for every packet. */
void steer_use(struct peer *p);
/* Of timers.c: nothing came back over the way in use; the machine's own time. */
void steer_doubt(struct peer *p);
void steer_tick(struct peer *p);
/* A handshake with the hub was begun: a silent one is noticed in CHOICE_DEAD_MS. */
void steer_hub_asked(struct peer *hub);
/* The hub is silent: who waits for it must know, and a carrier that is there is used. */
void steer_hub_silent(struct peer *hub);
/* The hub has a session with us and relays again: what it dropped of handshakes is sent anew. */
void steer_relay_opened(struct tunnel *t);
/* The hub came, went, or is reached another way: all others hear of it. */
void steer_hub_changed(struct tunnel *t);
/* Our own addresses have changed (ENGINE_REBIND): the hub and all direct paths are probed. */
void steer_rebind(struct tunnel *t);
/* Do packets for this spoke go straight? */
bool steer_is_direct(const struct peer *p);
