/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * hello: a node that has joined before says who it is, what it holds and where it may be reached.
 * Again on a link that is up: it has moved.
 */
#include <inttypes.h>
#include <string.h>

#include "hub/change.h"
#include "hub/change_key.h"
#include "hub/control/core.h"
#include "hub/control/recv.h"
#include "hub/control/refresh.h"
#include "hub/control/verdict.h"
#include "hub/control/welcome.h"
#include "shared/ipc/nudge_msg.h"
#include "shared/keys/keys.h"

/*
 * True when the spoke's tunnel key is another than the directory's. One that says nothing keeps
 * what it has.
 */
static bool has_new_key(const struct node *n, const struct control_hello *h)
{
	if (secret_is_zero(h->tunnel_key.b, KEY_BYTES))
		return false;
	return !n->has_tunnel || !public_key_equal(&n->tunnel_key, &h->tunnel_key);
}

/*
 * A key that the node has replaced: it has not heard yet that the new one was taken, and will by
 * the directory.
 */
static bool is_replaced_key(struct control *c, const struct node *n, const struct control_hello *h)
{
	struct store_key k;

	return store_key_find(c->store, KEY_TUNNEL, &h->tunnel_key, &k) == ERR_OK &&
	       k.node_id == n->id && k.status == KEY_RETIRED;
}

/* Each is a row on our disk or a whole directory to be sent: not as often as a spoke likes. */
static bool may_cost(struct control *c, uint32_t id)
{
	struct presence_node *p = presence_get(c, id);

	if (p && bucket_take(&p->hellos, loop_now_ms(c->loop)))
		return true;
	counters_add(&c->counters, COUNT_HELLO_LIMITED);
	return false;
}

/* The spoke comes back: soon when the store was in the way, later when an admin is. */
static void say_not_taken(struct control *c, struct conn *conn, const struct change *change,
			  bool waits, bool asked)
{
	bool refused = asked && strncmp(change->code, "store_", 6) != 0;

	counters_add(&c->counters, COUNT_REFUSED_BUSY);
	if (waits)
		conn_bye(conn, BYE_BUSY, LINK_RETRY_DISABLED_MS,
			 "an admin of the hub has to approve the new tunnel key");
	else
		conn_bye(conn, BYE_BUSY, refused ? LINK_RETRY_REFUSED_MS : VERDICT_BUSY_MS,
			 change->detail[0] ? change->detail : "the new key cannot be stored now");
}

/*
 * The new tunnel key of a hello, where an admin has to approve: as if it had come as rotate-key,
 * which a spoke without that capability cannot send. False: bye was sent.
 */
static bool propose_key(struct control *c, struct conn *conn, const struct node *n,
			const struct control_hello *h)
{
	struct control_rotate_key in = { .tunnel_key = h->tunnel_key };
	bool waits = false, asked = !core_store_rests(c) && may_cost(c, n->id);
	char actor[NAME_SIZE + 8];
	struct change change = { .store = c->store, .actor = actor };
	enum err e = ERR_BUSY;

	snprintf(actor, sizeof(actor), "node:%s", n->name);
	memcpy(in.tunnel_sig, h->tunnel_sig, sizeof(in.tunnel_sig));
	if (asked)
		e = change_rotation_take(&change, n->id, &in, &waits);
	if (asked) {
		rotations_read(c);
		core_nudge(c, NUDGE_REVISION);
	}
	if (e == ERR_OK && !waits)
		e = refresh_now(c);
	if (e == ERR_OK && !waits)
		return true;
	say_not_taken(c, conn, &change, waits, asked);
	return false;
}

/*
 * Stores a new tunnel key or CPU flag. False when the spoke cannot be served without that: bye was
 * sent.
 */
static bool take_keys(struct control *c, struct conn *conn, const struct node *n,
		      const struct control_hello *h)
{
	bool new_key = has_new_key(n, h) && !is_replaced_key(c, n, h);
	char actor[NAME_SIZE + 8];
	struct change change = { .store = c->store, .actor = actor };

	if (!new_key && n->aes == h->aes)
		return true;
	if (new_key && !keys_tunnel_is_signed(&conn->key, &h->tunnel_key, h->tunnel_sig)) {
		counters_add(&c->counters, COUNT_REFUSED_SIGNATURE);
		conn_bye(conn, BYE_PROTOCOL, LINK_RETRY_REFUSED_MS,
			 "the tunnel key is not signed by the identity key");
		return false;
	}
	if (new_key && c->settings.keys.approve)
		return propose_key(c, conn, n, h);
	snprintf(actor, sizeof(actor), "node:%s", n->name);
	bool asked = !core_store_rests(c) && may_cost(c, n->id);
	enum err e = ERR_BUSY;
	if (asked)
		e = change_node_hello(&change, n->id, h->aes,
				      new_key ? &h->tunnel_key : &n->tunnel_key,
				      new_key ? h->tunnel_sig : n->tunnel_sig);
	if (e == ERR_OK) {
		e = refresh_now(c);
		core_nudge(c, NUDGE_REVISION);
	}
	if (e == ERR_OK)
		return true;
	if (asked)
		(void)core_store_failed(c, e, "store what a spoke said of itself");
	/*
	 * The old flag still works: both ends take the cipher from the directory. An old key does
	 * not.
	 */
	if (!new_key)
		return true;
	counters_add(&c->counters, COUNT_REFUSED_BUSY);
	conn_bye(conn, BYE_BUSY, VERDICT_BUSY_MS,
		 change.detail[0] ? change.detail : "the new key cannot be stored now");
	return false;
}

/* Keeps the candidates that somebody else can use. True when they are others than before. */
static bool take_candidates(struct conn *conn, const struct control_hello *h)
{
	struct endpoint found[CONN_CANDIDATES_MAX];
	uint8_t n = 0;

	for (uint8_t i = 0; i < h->n_candidates && n < CONN_CANDIDATES_MAX; i++)
		if (h->candidates[i].port && endpoint_is_set(&h->candidates[i]) &&
		    !addr_is_special(&h->candidates[i].addr))
			found[n++] = h->candidates[i];

	bool same = n == conn->n_candidates;
	for (uint8_t i = 0; same && i < n; i++)
		same = endpoint_equal(&found[i], &conn->candidates[i]);
	memcpy(conn->candidates, found, n * sizeof(found[0]));
	conn->n_candidates = n;
	return !same;
}

/*
 * A spoke knows a revision that we have not: our database is an older copy. Its directory is
 * replaced by ours, and the admin told.
 */
static void tell_rollback(struct control *c, const struct conn *conn, uint64_t theirs)
{
	char object[NAME_SIZE + 8], detail[128];
	const struct store_audit audit = {
		.actor = "hub", .action = "store.rollback", .object = object, .detail_json = detail
	};

	if (theirs <= c->rollback_seen || !may_cost(c, conn->id))
		return;
	c->rollback_seen = theirs;
	log_warn("control: %s has seen revision %" PRIu64 ", which this hub, at %" PRIu64
		 ", does not know: was a backup restored? Changes made since "
		 "that backup are lost, revocations too; look through them",
		 conn->name, theirs, c->dir.revision);
	snprintf(object, sizeof(object), "node:%s", conn->name);
	snprintf(detail, sizeof(detail), "{\"seen_by_node\":%" PRIu64 ",\"revision\":%" PRIu64 "}",
		 theirs, c->dir.revision);
	enum err e = store_begin(c->store);
	if (e == ERR_OK) {
		e = store_audit_add(c->store, &audit);
		if (e == ERR_OK)
			e = store_commit(c->store);
		if (e)
			store_rollback(c->store);
	}
	if (e)
		(void)core_store_failed(c, e, "audit a rollback");
}

/* Has our directory ever been at this revision? A restore skips those that were lost. When the
 * store cannot tell, it has not: a snapshot is right for everybody. */
static bool is_ours(const struct control *c, uint64_t revision)
{
	struct store_revision rev;

	if (revision == 0 || revision == c->dir.revision)
		return true;
	return revision < c->dir.revision &&
	       store_revision_read(c->store, revision, &rev) == ERR_OK;
}

/* Goes on from the revision that the spoke holds, or from 0: then a snapshot comes. */
static void set_base(struct control *c, struct conn *conn, const struct control_hello *h)
{
	uint64_t highest = h->highest_revision > h->revision ? h->highest_revision : h->revision;
	uint64_t base = h->revision;

	if (!is_ours(c, highest)) {
		tell_rollback(c, conn, highest);
		base = 0;
	} else if (!is_ours(c, base)) {
		base = 0;
	}
	conn->sent_revision = conn->held_revision = base;
	if (conn->acked_revision > base)
		conn->acked_revision = base;
	presence_holds(c, conn->id, base);
}

void recv_hello(struct control *c, struct conn *conn, const struct control_msg *m)
{
	const struct control_hello *h = &m->hello;
	struct control_bye why;
	uint32_t id;

	if (!verdict_of_key(c, &conn->key, &id, &why)) {
		conn_bye(conn, why.reason, why.retry_after_ms, why.text);
		return;
	}
	if (!take_keys(c, conn, directory_find(&c->dir, id), h))
		return;
	/* Found anew: a refresh moves the nodes in memory. It may also have cut this link. */
	const struct node *n = directory_find(&c->dir, id);
	if (!n || !(conn->state == CONN_FIRST || conn->state == CONN_UP))
		return;
	conn->path_policy = h->path_policy;
	bool moved = take_candidates(conn, h);
	moved = presence_nat(c, id, h->nat) || moved;
	bool first = conn->state == CONN_FIRST;
	if (first && !conn_up(conn, n, h->capabilities, h->version))
		return;
	/*
	 * On a link that is up its revision may have been overtaken by a push; only "I have
	 * nothing" is certain.
	 */
	if (first || (h->revision == 0 && may_cost(c, id)))
		set_base(c, conn, h);
	if (first)
		hub_key_met(c, conn);
	welcome_send(c, conn, n);
	push_to(c, conn);
	rotations_greet(c, conn);
	if (!h->strict_keys)
		recv_held_none(c, conn);
	if (first)
		engine_feed_link_up(c, n, moved);
	else if (moved)
		engine_feed_endpoints(c, n, false);
	recv_locate_moved(c, conn);
}
