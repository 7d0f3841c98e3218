/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * samples: what one row of the traffic history holds: the samples of one step for the nodes of one
 * block, in ascending order, each as
 *
 *	index in the block u8, path u8, then varints: up_s, rx_bytes, tx_bytes, rx_packets,
 *	tx_packets, spokes_rx_bytes, spokes_tx_bytes, rtt_us, loss_permille + 1, nodes_up
 *
 * A varint has 7 bits a byte, the lowest first, and the top bit set in all but the last. Encode and
 * decode only; rows are hostile.
 */
#include "hub/store/history.h"
#include "shared/base/cursor.h"

#define SAMPLES_BLOCK_NODES 128u
#define SAMPLE_MAX_BYTES    102u /* index, path, ten varints */
#define SAMPLES_MAX_BYTES   (SAMPLES_BLOCK_NODES * SAMPLE_MAX_BYTES)

void samples_encode_one(const struct store_sample *x, struct cursor *c);
/* The next one of block `block`; at_s is the caller's. Sets the cursor's error for what is none. */
void samples_decode_one(struct cursor *c, uint32_t block, struct store_sample *out);
