/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * locate: a spoke has traffic for another and asks where it is.
 *
 *   spoke A  -- locate(B) -->  hub  -- punch(A, endpoints of A) -->  spoke B
 *   spoke A  <-- presence(B, endpoints of B) --  hub
 *
 * From then on each hears when the other comes, goes or moves.
 */
#include "hub/control/core.h"
#include "hub/control/endpoints.h"
#include "hub/control/recv.h"

/* What a node that is here says itself of its path to that peer. */
static enum path_policy said_by(struct control *c, uint32_t id, uint32_t peer_id)
{
	const struct conn *conn = registry_find(&c->registry, id);

	return conn ? conn_path_policy(conn, peer_id) : PATH_POLICY_AUTO;
}

/* Those who may only meet at the hub need not know more of each other than whether they are there.
 */
static bool may_meet(struct control *c, const struct conn *to, const struct node *n)
{
	const struct node *follower = directory_find(&c->dir, to->id);
	enum path_policy policy =
		path_policy_stricter(conn_path_policy(to, n->id), said_by(c, n->id, to->id));

	return follower &&
	       path_policy_stricter(policy, node_path_policy(follower, n)) != PATH_POLICY_HUB_ONLY;
}

/* Presence or punch about node `id` for `to`. */
static void tell(struct control *c, struct conn *to, enum control_type type, uint32_t id,
		 bool online)
{
	struct control_msg m = { .type = type, .presence = { .id = id, .online = online } };

	const struct node *n = online ? directory_find(&c->dir, id) : NULL;

	struct presence_node *p = n ? presence_get(c, id) : NULL;

	if (n && may_meet(c, to, n))
		m.presence.n_endpoints =
			endpoints_of(c, n, m.presence.endpoints, ARRAY_LEN(m.presence.endpoints));
	if (online)
		m.presence.path_policy = said_by(c, id, to->id);
	if (p) {
		m.presence.nat = p->row.nat;
		m.presence.tcp = p->row.path == PATH_HUB_TCP;
	}
	conn_send(to, &m);
}

/*
 * The link of node `id`, if there is one and policy lets the two talk. Whether a hidden node exists
 * is nobody's business.
 */
static struct conn *find_other(struct control *c, const struct conn *conn, uint32_t id)
{
	const struct node *asker = directory_find(&c->dir, conn->id);
	const struct node *n = directory_find(&c->dir, id);

	if (!asker || !n || id == conn->id || n->status != NODE_ACTIVE || !node_may_talk(asker, n))
		return NULL;
	return registry_find(&c->registry, id);
}

/* True when it makes sense to follow the node: it may be away now, but they may talk. */
static bool may_follow(struct control *c, const struct conn *conn, uint32_t id)
{
	const struct node *asker = directory_find(&c->dir, conn->id);
	const struct node *n = directory_find(&c->dir, id);

	return asker && n && id != conn->id && n->kind == NODE_SPOKE && n->status == NODE_ACTIVE &&
	       node_may_talk(asker, n);
}

void recv_locate(struct control *c, struct conn *conn, const struct control_msg *m)
{
	uint32_t id = m->locate.id;

	if (!bucket_take(&conn->locates, loop_now_ms(c->loop))) {
		counters_add(&c->counters, COUNT_LOCATE_LIMITED);
		return;
	}
	if (id == c->settings.hub_id)
		return; /* it knows where we are: it is talking to us */
	struct conn *other = find_other(c, conn, id);
	if (may_follow(c, conn, id))
		watch_add(c, conn, id);
	tell(c, conn, CONTROL_PRESENCE, id, other != NULL);
	if (!other)
		return;
	watch_add(c, other, conn->id);
	if (may_meet(c, other, directory_find(&c->dir, conn->id)))
		tell(c, other, CONTROL_PUNCH, conn->id, true);
}

static void tell_online(struct control *c, struct conn *follower, uint32_t id)
{
	if (find_other(c, follower, id))
		tell(c, follower, CONTROL_PRESENCE, id, true);
}

static void tell_offline(struct control *c, struct conn *follower, uint32_t id)
{
	tell(c, follower, CONTROL_PRESENCE, id, false);
}

void recv_locate_tell(struct control *c, const struct conn *conn, bool online)
{
	watch_each(c, conn->id, online ? tell_online : tell_offline);
}

static void moved_fired(struct timer *t, uint64_t now_ms)
{
	struct control *c = container_of(t, struct control, moved_timer);

	(void)now_ms;
	while (!list_empty(&c->moved)) {
		struct conn *conn = list_entry(c->moved.next, struct conn, in_moved);
		list_del(&conn->in_moved);
		recv_locate_tell(c, conn, true);
	}
}

void recv_locate_moved(struct control *c, struct conn *conn)
{
	if (conn->state != CONN_UP || !list_empty(&conn->in_moved))
		return;
	list_push_back(&c->moved, &conn->in_moved);
	c->moved_timer.fire = moved_fired;
	if (!timer_armed(&c->moved_timer))
		timer_arm(loop_timers(c->loop), &c->moved_timer,
			  loop_now_ms(c->loop) + CONTROL_MOVED_MS);
}
