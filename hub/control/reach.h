/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * reach: a node became reachable or unreachable for the hub's engine: log line, host-up, host-down,
 * subnet-up, subnet-down.
 */
#include "shared/ipc/engine_msg.h"

struct control;

/* The engine tells of a change as it happens. */
void reach_path(struct control *c, const struct engine_path *m);
/*
 * The engine answers about one peer: catches up with changes that nobody told (either side was
 * away).
 */
void reach_status(struct control *c, const struct engine_status *m);
/*
 * The engine is gone: no path is known. Scripts wait until it is clear that a peer does not come
 * back.
 */
void reach_engine_lost(struct control *c);
