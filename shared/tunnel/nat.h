/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * nat: how the NAT in front of this spoke chooses the outer port (RFC 4787 section 4.1; PROTOCOL.md
 * section 9). Two authenticated probes leave from our one socket, to the hub's port and to its
 * second one; if the hub sees them come from the same address and port, everybody does.
 *
 *   timer (nat.timer): trigger                              delay           action
 *   ENGINE_SELF with a NAT port; another address is seen;   NAT_SETTLE_MS   a round begins
 *   ENGINE_REBIND
 *   a round began, or was tried again                       NAT_WAIT_MS     again, NAT_TRIES in all
 *   a round is over                                         NAT_EVERY_MS    the next one
 *   no session with the hub over UDP                        NAT_LATER_MS    look again
 */
#include "shared/ipc/engine_msg.h"
#include "shared/loop/timer.h"

#define NAT_SETTLE_MS 1000u
#define NAT_WAIT_MS   2000u
#define NAT_TRIES     3u
#define NAT_EVERY_MS  600000u
#define NAT_LATER_MS  5000u
/* A round because another address was seen: at most one in so long. */
#define NAT_AGAIN_MS 30000u
/* Other spokes whose word about our address is remembered. */
#define NAT_OTHERS_MAX 4u

struct tunnel;
struct peer;
struct inner_probe_reply;

/* What others see of our one UDP socket; family 0: not told. */
struct nat_view {
	struct endpoint hub;    /* the hub, from its own port */
	struct endpoint second; /* the hub, from its second port */
	struct endpoint others[NAT_OTHERS_MAX];
};

struct nat {
	struct timer timer;
	unsigned tries;                  /* of the round under way; 0: none is */
	uint64_t began_ms;               /* the last round; 0 never */
	uint8_t hub_id[8], second_id[8]; /* of its probes */
	struct nat_view view;
	unsigned next_other;
	struct engine_nat known; /* what the last round found */
};

void nat_init(struct tunnel *t);
void nat_fini(struct tunnel *t);
/* ENGINE_SELF came: begins when there is a NAT port; tells control what is known. */
void nat_self_changed(struct tunnel *t);
/* ENGINE_REBIND: we may be behind another NAT now. */
void nat_rebind(struct tunnel *t);
/* A probe was answered. True when it was one of ours: nobody else is to look at it. */
bool nat_take_reply(struct peer *p, const struct inner_probe_reply *r);
/*
 * Pure: what the view says. NAT_HARD when any two see the same address with different ports, or the
 * hub's two ports different addresses; NAT_EASY when the hub's two ports, or the hub and another
 * spoke, see the same; else NAT_UNKNOWN. A spoke that sees another address than the hub (one on our
 * own LAN does) says nothing.
 */
enum nat_mapping nat_judge(const struct nat_view *v);
