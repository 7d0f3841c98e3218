/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * node_settings: brings what is set on a spoke to the spoke. It is told when its settings-state
 * shows that it does not know yet, and at once when a change is asked for while its link is up.
 */
#include "hub/control/conn.h"
#include "hub/store/node_settings.h"

/* Tells it what it should try, unless `s` says that it knows. */
void node_settings_tell(struct conn *conn, const struct store_node_settings *x,
			const struct control_settings_state *s);
/* A nudge of api: the database has changes that are pending, or cancelled. */
void node_settings_push(struct control *c, uint32_t node_id);
