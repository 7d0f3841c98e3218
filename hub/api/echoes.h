/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * echoes: does a branch answer through its tunnel? A series of ECHOES_PER_SERIES encrypted echoes,
 * one after the other, made by the hub's engine; control only hands question and answer on.
 *
 *   1. echoes_join(): the request waits for the series of this node, which begins if there is none.
 *      Two who ask about one node share a series, since the engine has one echo a peer on its way
 *   2. ask() is called for each echo, echoes_pong() takes its answer
 *   3. done() is called on the loop for each request that waits; afterwards it does not any more
 *
 * Timers: one a series. With an echo out: its patience is over, it counts as lost and the next one
 * goes. Otherwise: the next one goes ECHOES_EVERY_MS after the answer.
 */
#include "shared/base/list.h"
#include "shared/ipc/engine_msg.h"
#include "shared/loop/timer.h"

#define ECHOES_PER_SERIES 5u
#define ECHOES_SERIES_MAX 16u /* at the same time */
#define ECHOES_EVERY_MS   200u
/* The first may have to wait for a handshake; the engine itself gives up after 5 s. */
#define ECHOES_FIRST_PATIENCE_MS 4000u
#define ECHOES_PATIENCE_MS       1000u

/* What a series has found. */
struct echoes_result {
	uint32_t node_id;
	unsigned sent, answered;
	/* Of those that were answered; 0 when none was. */
	uint32_t rtt_min_us, rtt_max_us;
	uint64_t rtt_sum_us;
	enum path_kind path;      /* of the last answer */
	struct endpoint endpoint; /* the same */
	/* ERR_OK: all were sent. ERR_NOTFOUND: the engine has no such peer. ERR_CLOSED: there is no
	 * engine to ask just now. */
	enum err error;
};

/* A request that waits. */
struct echoes_wait {
	struct list link;
	bool waiting;
};

struct echoes {
	struct list series;
	unsigned n;
	uint32_t last_tag;
	struct timers *timers; /* NULL in tests that fire them by hand */
	/* Sends an echo on its way; its answer, if there is any, comes by echoes_pong(). */
	enum err (*ask)(struct echoes *e, const struct engine_ping *ping);
	void (*done)(struct echoes_wait *one, const struct echoes_result *result);
};

void echoes_init(struct echoes *e, struct timers *timers,
		 enum err (*ask)(struct echoes *e, const struct engine_ping *ping),
		 void (*done)(struct echoes_wait *one, const struct echoes_result *result));
/* All series end, with what is known now; before the end. */
void echoes_fini(struct echoes *e);
/*
 * `one` waits from now on; done() may have been called for it when this returns. ERR_LIMIT: too
 * many series are under way. ERR_NOMEM.
 */
enum err echoes_join(struct echoes *e, uint32_t node_id, struct echoes_wait *one,
		     uint64_t now_ms) must_check;
/* The request is over; its series goes on. Harmless for one that does not wait. */
void echoes_leave(struct echoes_wait *one);
/* An answer; one that nobody waits for any more is passed over. */
void echoes_pong(struct echoes *e, const struct engine_pong *pong, uint64_t now_ms);
