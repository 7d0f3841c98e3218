/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * registry: the links that are UP, by node id; one a node. A second link of the same identity
 * replaces the first (the first is mostly dead already: the spoke's address has changed). Two
 * machines with one identity would replace each other without end, so after LINK_REPLACED_MAX
 * replacements within LINK_REPLACED_WINDOW_MS it is the newer one that has to wait.
 */
#include "hub/control/conn.h"

struct registry {
	struct table by_id;
};

enum err registry_init(struct registry *r) must_check;
void registry_fini(struct registry *r);
struct conn *registry_find(const struct registry *r, uint32_t id);
static inline size_t registry_count(const struct registry *r) { return r->by_id.count; }

/*
 * Enters `conn` under conn->id. ERR_CONFLICT: it is one of two machines with one identity and has
 * to wait; ERR_LIMIT: the hub has LINK_CONNECTIONS_MAX links; ERR_NOMEM. An older link gets its
 * bye.
 */
enum err registry_enter(struct control *c, struct conn *conn) must_check;
/* Harmless when `conn` is not the one that is entered. */
void registry_leave(struct control *c, struct conn *conn);
/* True when `conn` is the link of its node. */
bool registry_holds(const struct registry *r, const struct conn *conn);
/*
 * The links one after the other; start with NULL. `after` may leave when the next one was fetched
 * before.
 */
struct conn *registry_next(const struct registry *r, const struct conn *after);
