/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * change_settings: what the hub sets on a spoke. None of it is of the directory, so there is no new
 * revision: only the spoke itself is told, and tries it (schema/CONTROL.md, section 15).
 */
#include "hub/change.h"
#include "hub/store/node_settings.h"
#include "shared/ipc/nudge_msg.h"

struct change_settings {
	struct node_settings put;
	uint32_t reset; /* bit set of settings that go back to their default; goes before `put` */
	uint32_t confirm_s; /* 0: SETTINGS_CONFIRM_DEFAULT_S */
};
/*
 * Asks for a change; it is pending until the spoke has confirmed it or taken it back. What holds
 * already is no change. Codes: not_found, node_not_spoke, setting_invalid, confirm_invalid,
 * change_pending (one at a time).
 */
enum err change_settings_ask(struct change *c, uint32_t node_id, const struct change_settings *in,
			     struct store_node_settings *out) must_check;
/* What held before a pending change is to hold again, whatever the spoke has done by now. Codes:
 * not_found, no_change_pending. */
enum err change_settings_cancel(struct change *c, uint32_t node_id,
				struct store_node_settings *out) must_check;
/* The audit entry of another log level of the hub; the level itself is no row of the store. */
enum err change_log_level(struct change *c, int before, int after) must_check;
/* The audit entry of what an admin has the running hub do, with a node or (NULL) all: no
 * row of the store changes. */
enum err change_order(struct change *c, enum order_kind kind, const char *node) must_check;
/* What the spoke said of the change `number`: confirmed, or taken back with a reason. Of another
 * one: ERR_OK, nothing happens. */
enum err change_settings_settle(struct change *c, uint32_t node_id, uint64_t number, bool confirmed,
				const char *reason) must_check;
