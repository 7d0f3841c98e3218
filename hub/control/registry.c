/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hub/control/registry.h"

#include <string.h>

#include "hub/control/core.h"

enum err registry_init(struct registry *r)
{
	return table_init(&r->by_id, TABLE_KEY(struct conn, by_id, id));
}

void registry_fini(struct registry *r)
{
	BUG_ON(r->by_id.count);
	table_fini(&r->by_id);
}

static struct conn *of(struct table_node *n)
{
	return n ? container_of(n, struct conn, by_id) : NULL;
}

struct conn *registry_find(const struct registry *r, uint32_t id)
{
	return of(table_find(&r->by_id, &id));
}

bool registry_holds(const struct registry *r, const struct conn *conn)
{
	return conn->id && registry_find(r, conn->id) == conn;
}

struct conn *registry_next(const struct registry *r, const struct conn *after)
{
	return of(table_next(&r->by_id, after ? &after->by_id : NULL));
}

/* True when the links of this identity were replaced too often just now. */
static bool flapping(const struct conn *old, uint64_t now_ms)
{
	uint64_t oldest = old->replaced_ms[LINK_REPLACED_MAX - 1];

	return oldest && now_ms - oldest < LINK_REPLACED_WINDOW_MS;
}

/* Ends `old` in favour of `conn`, which inherits the memory of replacements. */
static void replace(struct control *c, struct conn *old, struct conn *conn, uint64_t now_ms)
{
	char a[ENDPOINT_STR_SIZE], b[ENDPOINT_STR_SIZE];

	conn->replaced_ms[0] = now_ms;
	memcpy(conn->replaced_ms + 1, old->replaced_ms,
	       sizeof(old->replaced_ms) - sizeof(old->replaced_ms[0]));
	log_debug(1, "control: %s: its link from %s is replaced by one from %s", conn->name,
		  endpoint_format(&old->remote, a), endpoint_format(&conn->remote, b));
	registry_leave(c, old);
	conn_bye(old, BYE_REPLACED, LINK_RETRY_MAX_MS,
		 "another link with this node's identity key was opened");
}

/* The newer of two machines is refused, and the admin told where both are. */
static enum err refuse(struct control *c, const struct conn *old, const struct conn *conn)
{
	char a[ENDPOINT_STR_SIZE], b[ENDPOINT_STR_SIZE];

	counters_add(&c->counters, COUNT_REFUSED_REPLACED);
	if (log_allowed(&c->log_refused))
		log_warn("control: %s: two machines use its identity key, at %s and at %s; the one "
			 "at %s has to wait. "
			 "Revoke the node and join one of them anew",
			 conn->name, endpoint_format(&old->remote, a),
			 endpoint_format(&conn->remote, b), b);
	return ERR_CONFLICT;
}

enum err registry_enter(struct control *c, struct conn *conn)
{
	struct conn *old = registry_find(&c->registry, conn->id);
	uint64_t now_ms = loop_now_ms(c->loop);

	if (!old && registry_count(&c->registry) >= LINK_CONNECTIONS_MAX)
		return ERR_LIMIT;
	if (old && flapping(old, now_ms))
		return refuse(c, old, conn);
	if (old)
		replace(c, old, conn, now_ms);
	return table_insert(&c->registry.by_id, &conn->by_id);
}

void registry_leave(struct control *c, struct conn *conn)
{
	if (registry_holds(&c->registry, conn))
		table_remove(&c->registry.by_id, &conn->by_id);
}
