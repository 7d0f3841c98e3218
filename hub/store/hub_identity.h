/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/* hub_identity: the hub's own identity key on its way to be replaced, and which spokes know the new
 * one. */
#include "hub/store/store.h"

enum hub_identity_state {
	HUB_IDENTITY_ASKED = 1,   /* control is to make the new key */
	HUB_IDENTITY_OVERLAP = 2, /* it was announced, and is not in force yet */
};
struct store_hub_identity {
	enum hub_identity_state state;
	uint32_t overlap_s;
	char requested_by[64];
	int64_t requested_ms;
	/* From HUB_IDENTITY_OVERLAP on; zeros before. */
	struct public_key key;
	uint8_t signature[64];  /* by the present identity key */
	uint8_t tunnel_sig[64]; /* by `key`, over the hub's tunnel key */
	int64_t announced_ms;
	int64_t until_ms; /* the hub switches */
};
/* In place of the row that is there. */
enum err store_hub_identity_put(struct store *s, const struct store_hub_identity *h) must_check;
enum err store_hub_identity_get(struct store *s,
				struct store_hub_identity *out) must_check; /* ERR_NOTFOUND */
enum err store_hub_identity_remove(struct store *s) must_check;             /* ERR_NOTFOUND */

/* Inside a transaction: these spokes have confirmed `key`. Ids that are no nodes are passed over.
 */
enum err store_hub_identity_known(struct store *s, const uint32_t *nodes, size_t n,
				  const struct public_key *key) must_check;
/* What was confirmed of other keys than this one is forgotten. */
enum err store_hub_identity_forget(struct store *s, const struct public_key *except) must_check;
/*
 * Spokes (active or disabled ones that have joined) and those of them that know `key`: they have
 * confirmed it, or their own identity key is not older than `since_ms`, so that they joined with
 * it.
 */
struct store_hub_identity_sum {
	uint32_t spokes, known;
};
enum err store_hub_identity_sum(struct store *s, const struct public_key *key, int64_t since_ms,
				struct store_hub_identity_sum *out) must_check;
/* Those that do not know it, by name. What `cb` returns ends the walk unless it is ERR_OK. */
typedef enum err (*store_hub_identity_cb)(void *arg, uint32_t node_id, const char *name);
enum err store_hub_identity_missing(struct store *s, const struct public_key *key, int64_t since_ms,
				    uint32_t limit, store_hub_identity_cb cb, void *arg) must_check;
