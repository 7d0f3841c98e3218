/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * history: the part of the store's interface that keeps the traffic of nodes over time, in three
 * rings of fixed size in the presence database; see store.h, which includes it. A node that is
 * always busy takes some 50 KB in all, one that is never there nothing.
 */
#include "hub/store/store.h"

enum history_ring { HISTORY_SECOND = 1, HISTORY_MINUTE, HISTORY_HOUR };
#define HISTORY_SECOND_SLOTS 120u
#define HISTORY_MINUTE_SLOTS 1440u
#define HISTORY_HOUR_SLOTS   744u
uint32_t history_step_s(enum history_ring r);
uint32_t history_slots(enum history_ring r);

/* One step of one node; node 0 is the hub as a whole. "rx" is from the node, "tx" to it. */
struct store_sample {
	uint32_t node_id;
	int64_t at_s;  /* begin of the step, wall time in seconds, a multiple of it */
	uint32_t up_s; /* seconds in which it was online */
	uint8_t path;  /* the last: enum path_kind */
	uint64_t rx_bytes, tx_bytes, rx_packets, tx_packets; /* through its tunnel with the hub */
	uint64_t spokes_rx_bytes, spokes_tx_bytes;           /* with other spokes, as it tells */
	uint32_t rtt_us;                                     /* average; 0 not known */
	bool loss_known;
	uint16_t loss_permille;
	uint32_t nodes_up; /* of the hub: nodes online, at most */
};
/*
 * Writes the samples of one step: `n` of them in ascending order of node ids, all of at_s. A block
 * of which one is there is replaced as a whole. One transaction.
 */
enum err store_history_put(struct store *s, enum history_ring r, const struct store_sample *x,
			   size_t n) must_check;
/* Those of the nodes from_node..to_node within from_s <= at_s < to_s, by block of nodes, then by
 * time; what `cb` returns ends the walk unless it is ERR_OK. Steps in which a node was not there
 * have none. */
typedef enum err (*store_sample_cb)(void *arg, const struct store_sample *x);
enum err store_history_read(struct store *s, enum history_ring r, uint32_t from_node,
			    uint32_t to_node, int64_t from_s, int64_t to_s, store_sample_cb cb,
			    void *arg) must_check;
/* The newest step of the hub itself; 0: there is none. */
enum err store_history_newest(struct store *s, enum history_ring r, int64_t *at_s) must_check;
/* Makes the hour that begins at `at_s` from its minutes, for the nodes 0..to_node. Again is
 * harmless. */
enum err store_history_roll(struct store *s, int64_t at_s, uint32_t to_node) must_check;
