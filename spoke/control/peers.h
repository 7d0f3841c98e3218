/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/* peers: what is fleeting about each peer: its path as the engine told it last, and when the hub
 * was asked for it. By node id. */
#include <stdbool.h>

#include "shared/base/table.h"
#include "shared/ipc/engine_msg.h"
#include "shared/wire/control.h"

struct peer_state {
	struct table_node by_id;
	uint32_t id;
	enum path_kind path;
	enum path_reason reason;
	struct endpoint endpoint;
	bool is_up;                      /* host-up has run, host-down has not */
	enum nat_mapping nat;            /* of the peer, as the hub told it */
	enum path_policy policy;         /* what the peer says itself, as the hub told it */
	uint64_t located_ms;             /* the last locate, CLOCK_BOOTTIME; 0 never */
	struct control_peer_report told; /* the last report of it, ... */
	uint32_t told_link;              /* ... and on which link (spoke.links) that was; 0 none */
	/* Where the hub says that it may be reached, as the engine was told. */
	uint8_t n_candidates;
	struct endpoint candidates[ENGINE_ENDPOINTS_MAX];
};

struct peers {
	struct table by_id;
};

enum err peers_init(struct peers *p) must_check;
void peers_fini(struct peers *p);
struct peer_state *peers_find(const struct peers *p, uint32_t id);
/* Makes it when it is missing; NULL when memory is out. */
struct peer_state *peers_get(struct peers *p, uint32_t id);
/* Harmless for an unknown id. */
void peers_remove(struct peers *p, uint32_t id);
