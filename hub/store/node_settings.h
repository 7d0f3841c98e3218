/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/* node_settings: the part of the store's interface about what the hub sets on spokes. */
#include "hub/store/store.h"
#include "shared/wire/node_settings.h"

enum settings_state {
	SETTINGS_PENDING = 1, /* not told yet, or on trial */
	SETTINGS_CONFIRMED = 2,
	SETTINGS_TAKEN_BACK = 3, /* by the spoke */
	SETTINGS_CANCELLED = 4,  /* by the admin: what held before is to hold again */
};

struct store_node_settings {
	uint32_t node_id;
	uint64_t number; /* of the last change */
	enum settings_state state;
	struct node_settings wished, held;
	uint64_t held_number;
	uint32_t confirm_s;
	int64_t asked_ms, settled_ms;
	char asked_by[64];
	char reason[SETTINGS_REASON_SIZE];
};
/* ERR_NOTFOUND: nothing was ever set on it. */
enum err store_node_settings_get(struct store *s, uint32_t node_id,
				 struct store_node_settings *out) must_check;
enum err store_node_settings_put(struct store *s, const struct store_node_settings *x) must_check;

#define STORE_EFFECTIVE_SIZE 4097u
/* Presence database: what holds on a spoke, as it told, a JSON object. ERR_NOTFOUND. */
enum err store_node_effective_get(struct store *s, uint32_t node_id, int64_t *told_ms,
				  char settings[STORE_EFFECTIVE_SIZE]) must_check;
enum err store_node_effective_put(struct store *s, uint32_t node_id, int64_t told_ms,
				  const char *settings) must_check;
