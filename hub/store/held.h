/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/* held: identity keys that spokes hold back (StrictKeys), as each tells. A part of store.h, which
 * includes it. In the presence database. */
#include "hub/store/store.h"

struct store_held {
	uint32_t id;               /* of the row: pages go by it. Given by the store */
	uint32_t node_id, peer_id; /* who tells, whose key it is */
	struct public_key identity_key;
	int64_t told_ms; /* when the hub heard it first */
};
/* All that the node holds back now, in place of what it told before; one transaction. Rows that are
 * as they were keep their id and told_ms. `rows`: peer_id, identity_key and told_ms count. */
enum err store_held_put(struct store *s, uint32_t node_id, const struct store_held *rows,
			size_t n) must_check;
/* Those with an id above `after`, in its order; that one node tells, unless `node_id` is 0. What
 * `cb` returns ends the walk unless it is ERR_OK. */
typedef enum err (*store_held_cb)(void *arg, const struct store_held *h);
enum err store_held_list(struct store *s, uint32_t after, uint32_t node_id, store_held_cb cb,
			 void *arg) must_check;
/* By key: how many spokes hold it back, since when; at most `limit`. */
struct store_held_sum {
	uint32_t peer_id, spokes;
	struct public_key identity_key;
	int64_t since_ms;
};
typedef enum err (*store_held_sum_cb)(void *arg, const struct store_held_sum *h);
enum err store_held_sums(struct store *s, uint32_t limit, store_held_sum_cb cb,
			 void *arg) must_check;
/* Does any spoke hold this key of the peer back? */
enum err store_held_any(struct store *s, uint32_t peer_id, const struct public_key *key,
			bool *any) must_check;
