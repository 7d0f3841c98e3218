/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/* rotation: keys that nodes are asked to replace, or have proposed; one row a node. A part of
 * store.h, which includes it. */
#include "hub/store/store.h"

enum rotation_state {
	ROTATION_REQUESTED = 1, /* the node is to make new keys */
	ROTATION_PROPOSED = 2,  /* it has made them, an admin has to approve */
	ROTATION_REFUSED = 3,   /* an admin has refused them; the node has to be told */
};
#define ROTATION_IDENTITY (1u << 0)
#define ROTATION_TUNNEL   (1u << 1)
struct store_rotation {
	uint32_t node_id;
	char node_name[NAME_SIZE];
	enum rotation_state state;
	unsigned keys; /* ROTATION_*: those that are to be new */
	char requested_by[64];
	int64_t requested_ms, proposed_ms; /* proposed_ms 0: not yet */
	/* From ROTATION_PROPOSED on; zeros before, and an identity key only with
	 * ROTATION_IDENTITY. */
	struct public_key identity_key, tunnel_key;
	uint8_t identity_sig[64], tunnel_sig[64];
};
/* In place of the node's row, if there is one. */
enum err store_rotation_put(struct store *s, const struct store_rotation *r) must_check;
enum err store_rotation_get(struct store *s, uint32_t node_id,
			    struct store_rotation *out) must_check;           /* ERR_NOTFOUND */
enum err store_rotation_remove(struct store *s, uint32_t node_id) must_check; /* ERR_NOTFOUND */
typedef enum err (*store_rotation_cb)(void *arg, const struct store_rotation *r);
/* By node. */
enum err store_rotations_list(struct store *s, uint32_t after_node, uint32_t limit,
			      store_rotation_cb cb, void *arg) must_check;
