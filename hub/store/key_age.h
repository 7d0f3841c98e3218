/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/* key_age: current keys by when they were made. A part of store.h, which includes it. Only keys of
 * nodes that are not deleted count; a revoked node has no current ones. */
#include "hub/store/store.h"

/* Where a walk by age has got to: keys are in the order (created_ms, id). */
struct store_key_mark {
	int64_t created_ms;
	uint32_t id;
};
/* Those behind the mark that were made until then (that moment too), oldest first, at most
 * `limit`. */
enum err store_keys_made(struct store *s, const struct store_key_mark *after, int64_t until_ms,
			 uint32_t limit, store_key_cb cb, void *arg) must_check;

/* What is overdue at active spokes that nobody has asked for new keys, at most `limit` nodes. Those
 * whose keys are oldest come first; `keys`: ROTATION_*. */
struct store_keys_overdue {
	uint32_t node_id;
	char node_name[NAME_SIZE];
	unsigned keys;
};
typedef enum err (*store_keys_overdue_cb)(void *arg, const struct store_keys_overdue *o);
enum err store_keys_list_overdue(struct store *s, int64_t until_ms, uint32_t limit,
				 store_keys_overdue_cb cb, void *arg) must_check;

/* Sums over all, by enum key_kind. */
struct store_key_ages {
	int64_t oldest_ms[KEY_TUNNEL + 1]; /* when the oldest was made, 0 none */
	uint32_t soon[KEY_TUNNEL + 1];     /* made until soon_ms, but after over_ms */
	uint32_t overdue[KEY_TUNNEL + 1];  /* made until over_ms */
};
enum err store_key_ages(struct store *s, int64_t soon_ms, int64_t over_ms,
			struct store_key_ages *out) must_check;
