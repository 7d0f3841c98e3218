/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * reach: a node became reachable or unreachable for the hub's engine: log line, host-up, host-down,
 * subnet-up, subnet-down.
 */
#include "shared/ipc/engine_msg.h"

struct control;
struct node;

/* subnet-up for the hub's own subnets, at its start. */
void reach_own(struct control *c);
/* A node's record changes: subnet-down and subnet-up for what is no more, or new, behind a node
 * that is reachable, or behind the hub. */
void reach_changed(struct control *c, const struct node *old, const struct node *now);
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
