/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * fanout: how long changes of the directory take to reach the spokes: from when control read a
 * revision until a spoke's engine had applied it. Only of links that were there when the revision
 * came; what somebody missed while away says nothing of the hub. Pure.
 */
#include <stdint.h>

#define FANOUT_BUCKETS   9u  /* and one for what took longer */
#define FANOUT_REVISIONS 64u /* the newest, of which acks are timed */

struct fanout {
	struct {
		uint64_t revision, at_ms;
	} seen[FANOUT_REVISIONS];
	unsigned at;                    /* where the next one goes */
	uint64_t n[FANOUT_BUCKETS + 1]; /* each its own, not yet summed up */
	uint64_t sum_ms;
};

/* Upper end of a bucket; UINT32_MAX for the last. */
uint32_t fanout_end_ms(unsigned bucket);
/* The directory is at `revision` now. `now_ms` is monotonic. */
void fanout_read(struct fanout *f, uint64_t revision, uint64_t now_ms);
/* A spoke whose link is up since `up_ms` has applied `revision`. */
void fanout_applied(struct fanout *f, uint64_t revision, uint64_t up_ms, uint64_t now_ms);
