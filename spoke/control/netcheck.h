/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * netcheck: what of the network in front of this branch works, as far as its daemon can find out in
 * NETCHECK_MS. Embedded in whoever asks.
 *
 *   1. netcheck_start(): asks the engine for its status, pings the hub through the tunnel, and
 *      connects to the TCP ports on which the hub listens (nothing is said there)
 *   2. done() comes once, from the loop, when all has answered or the time is over
 *   3. netcheck_json(), then netcheck_stop()
 */
#include <jansson.h>

#include "spoke/control/gather.h"

#define NETCHECK_MS        5000u
#define NETCHECK_PORTS_MAX 8u

struct spoke;
struct netcheck;

/* A TCP port of the hub. */
struct netcheck_port {
	struct netcheck *owner;
	struct loop_fd io;
	struct endpoint at;
	bool open;       /* under way */
	int errnum;      /* 0 with rtt_us: it answers */
	uint32_t rtt_us; /* until the connection stood; 0: not yet */
};

struct netcheck {
	struct spoke *spoke; /* NULL: idle */
	struct gather gather;
	bool gathering, has_status;
	struct timer timer;
	uint32_t tag; /* of the ping; 0: it is over */
	struct engine_pong pong;
	uint64_t began_us;
	unsigned n_ports;
	struct netcheck_port ports[NETCHECK_PORTS_MAX];
	void (*done)(struct netcheck *n);
};

/* A zeroed struct is an idle one. `tag` is for the ping: unique among those under way. */
void netcheck_start(struct netcheck *n, struct spoke *s, uint32_t tag,
		    void (*done)(struct netcheck *n));
/* ENGINE_PONG; one with another tag is passed over. True when it was taken. */
bool netcheck_pong(struct netcheck *n, const struct engine_pong *p);
/* The answer of the status socket; new reference, NULL without memory. */
json_t *netcheck_json(const struct netcheck *n);
/* Harmless when idle. No callback. */
void netcheck_stop(struct netcheck *n);
