/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/* hub_tunnel: the hub's own tunnel key while it is being replaced, and which nodes need the old one
 * no more. */
#include "hub/store/store.h"

enum hub_tunnel_state {
	HUB_TUNNEL_ASKED = 1,   /* the engine is to make the new key */
	HUB_TUNNEL_OVERLAP = 2, /* it is the hub's; the old one is still answered for */
};
struct store_hub_tunnel {
	enum hub_tunnel_state state;
	uint32_t overlap_s;
	char requested_by[64];
	int64_t requested_ms;
	/* From HUB_TUNNEL_OVERLAP on; zeros before. */
	struct public_key old_key;
	int64_t in_force_ms; /* the new one is the hub's since then */
	int64_t until_ms;    /* spokes are waited for */
};
/* In place of the row that is there. */
enum err store_hub_tunnel_put(struct store *s, const struct store_hub_tunnel *h) must_check;
enum err store_hub_tunnel_get(struct store *s,
			      struct store_hub_tunnel *out) must_check; /* ERR_NOTFOUND */
/* With all that is known of nodes. ERR_NOTFOUND. */
enum err store_hub_tunnel_remove(struct store *s) must_check;

/* Inside a transaction: these nodes need the old key no more. Ids that are no nodes are passed
 * over. */
enum err store_hub_tunnel_known(struct store *s, const uint32_t *nodes, size_t n) must_check;
/*
 * Spokes and WireGuard nodes (active or disabled ones with a key) and those of them that need the
 * old key no more: they are known to, or are not older than `since_ms`, so that they never had it.
 * `devices` are the WireGuard nodes among those that may still need it.
 */
struct store_hub_tunnel_sum {
	uint32_t nodes, known, devices;
};
enum err store_hub_tunnel_sum(struct store *s, int64_t since_ms,
			      struct store_hub_tunnel_sum *out) must_check;
/* Those that may still need it, WireGuard nodes first, then by name. What `cb` returns ends the
 * walk unless it is ERR_OK. */
typedef enum err (*store_hub_tunnel_cb)(void *arg, uint32_t node_id, const char *name,
					enum node_kind kind);
enum err store_hub_tunnel_missing(struct store *s, int64_t since_ms, uint32_t limit,
				  store_hub_tunnel_cb cb, void *arg) must_check;
