/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * trial: what the hub sets on this spoke (shared/wire/node_settings.h), each change on trial first:
 *
 *             settings of the hub         a new link, and the tunnel answers
 *   IN FORCE --------------------> TRYING ----------------------------------> IN FORCE (the new)
 *      ^                             |
 *      +------ rolled back ----------+  confirm_s are over, or it cannot be done at all
 *
 * Every step is on the disk (STATE/settings.json) before it is taken, so that kill -9 or a reboot
 * in between ends in one of the two: a trial goes on for what is left of its time, and a clock that
 * was set back ends it.
 *
 * Timers: trigger                delay             action
 *         trial begun            confirm_s         roll back
 *         hub reached anew       TRIAL_PING_MS     ask the hub through the tunnel, until it answers
 */
#include "shared/ipc/engine_msg.h"
#include "shared/ipc/monitor_msg.h"
#include "shared/loop/timer.h"
#include "shared/wire/control.h"

struct spoke;

#define TRIAL_PING_MS 500u

struct trial {
	uint64_t in_force; /* number of the change that is confirmed, 0 none */
	struct node_settings held;
	uint64_t tried; /* number of the last one that is on trial or was rolled back, 0 none */
	struct node_settings wished;
	enum settings_outcome outcome; /* of `tried` */
	uint32_t confirm_s;
	int64_t began_ms; /* wall clock */
	bool tunnel;      /* the tunnel to the hub worked when the trial began, ... */
	bool by_udp;      /* ... by UDP: it must again */
	char reason[SETTINGS_REASON_SIZE]; /* why it was rolled back */

	/* not on the disk */
	bool linked;       /* a link came up since the trial began */
	uint32_t port_tag; /* of the request to the monitor under way, 0 none */
	uint16_t port;     /* asked for with it */
	struct timer deadline, ping;
};

/* Reads the file and puts into force what it says; a trial that is over is rolled back. */
void trial_start(struct spoke *s);
void trial_stop(struct spoke *s);
/* `settings` of the hub. */
void trial_begin(struct spoke *s, const struct control_settings *m);
/* Tells the hub what holds, if it wants to know and there is a link. */
void trial_tell(struct spoke *s);
void trial_link_up(struct spoke *s);
void trial_link_down(struct spoke *s);
/* True when the answer was to us. */
bool trial_pong(struct spoke *s, const struct engine_pong *p);
bool trial_port_done(struct spoke *s, const struct monitor_done *m);
