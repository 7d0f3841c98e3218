/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * totals: what the hub's engine and the link have counted, for api to show. The engine tells its
 * totals after each ENGINE_STATUS_GET; they go to the presence database with the counters of the
 * link, at most once a question, and only when anything has changed.
 *
 *   engine.peers, .sessions, .handshakes, .relayed_packets, .relayed_bytes, .crypto
 *   engine.drops.REASON            engine_drop_str()
 *   engine.offloads.NAME           engine_offload_str(); 1 in use, 0 not
 *   engine.compression.WHAT        tried, compressed, before_bytes, after_bytes, timed, timed_ns
 *   link.COUNTER                   counter_str()
 *   fanout.le_MS, .longer, .sum_ms fanout.h: how many acks took at most so long, but longer than
 *                                the bucket before
 *   queue.links_bytes, .longest_link_bytes   not sent to spokes yet
 *   queue.engine_pending_packets, .engine_pending_packets_max, .engine_socket_bytes
 *                                struct engine_status_end
 *
 * While there is no engine, or it does not answer, there are no engine.* and queue.engine_* rows.
 */
#include "hub/control/counters.h"
#include "hub/control/fanout.h"
#include "hub/store/store.h"
#include "shared/ipc/engine_msg.h"

#define TOTALS_MAX (12u + DROP_COUNT + ENGINE_OFFLOAD_BITS + COUNTERS + FANOUT_BUCKETS + 2u + 5u)

struct control;

struct totals {
	struct store_total rows[TOTALS_MAX]; /* as they are in the database */
	unsigned n;                          /* 0: not known what is there */
	uint32_t tag; /* of the last answer that was taken; 0 none: a question has its own */
};

/* The engine's answer; one that was taken already, or is not to our last question, is dropped. */
void totals_engine(struct control *c, const struct engine_status_end *m);
/* The engine is gone, or hangs: only the counters of the link are left. */
void totals_engine_lost(struct control *c);
