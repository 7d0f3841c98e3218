/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * quiet: what traffic needed of memory is given back when it is over. One timer, QUIET_MS: it looks
 * at the counters only, so that no packet pays for it.
 */
#include <stdbool.h>
#include <stdint.h>

#include "shared/loop/timer.h"

#define QUIET_MS 10000u
/* Keepalives, probes and handshakes of the largest networks stay below in that time. */
#define QUIET_MESSAGES 1000u

struct tunnel;

struct quiet {
	struct timer timer;
	uint64_t seen; /* messages and records, at the last look */
	bool busy;     /* there was traffic, and nothing was given back since */
};

void quiet_init(struct tunnel *t);
void quiet_fini(struct tunnel *t);
