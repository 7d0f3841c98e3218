/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * held-keys: a spoke holds back the identity keys of others, since nobody has vouched for them and
 * StrictKeys is set there. What it tells is kept for the admin's eyes, and the first word about a
 * key is an entry of the audit log: a node that was joined anew has to be accepted at such
 * branches, and one that was not has been replaced behind the admin's back.
 *
 * Nothing else follows from it: a spoke's word about another is no proof.
 */
#include <openssl/sha.h>
#include <string.h>

#include "hub/control/core.h"
#include "hub/control/recv.h"
#include "shared/base/base64.h"
#include "shared/base/clock.h"
#include "shared/ipc/nudge_msg.h"

/* What a spoke holds back, before and after its word. */
struct held {
	size_t n;
	struct store_held rows[LINK_HELD_KEYS_MAX];
};

static enum err add_row(void *arg, const struct store_held *h)
{
	struct held *x = arg;

	if (x->n == ARRAY_LEN(x->rows))
		return ERR_LIMIT;
	x->rows[x->n++] = *h;
	return ERR_OK;
}

static bool has(const struct held *x, const struct store_held *h)
{
	for (size_t i = 0; i < x->n; i++)
		if (x->rows[i].peer_id == h->peer_id &&
		    public_key_equal(&x->rows[i].identity_key, &h->identity_key))
			return true;
	return false;
}

/* The node whose present identity key this is, or NULL. */
static const struct node *owner(struct control *c, uint32_t id, const struct public_key *key)
{
	const struct node *n = directory_find(&c->dir, id);

	return n && n->status == NODE_ACTIVE && n->has_identity &&
			       public_key_equal(&n->identity_key, key)
		       ? n
		       : NULL;
}

/* What makes sense of it: a key that is another one by now is held back by nobody. */
static void read_message(struct control *c, const struct conn *conn,
			 const struct control_held_keys *m, struct held *out)
{
	out->n = 0;
	for (uint8_t i = 0; i < m->n; i++) {
		struct store_held row = { .node_id = conn->id,
					  .peer_id = m->keys[i].id,
					  .identity_key = m->keys[i].identity_key,
					  .told_ms = clock_wall_ms() };

		if (row.peer_id != conn->id && owner(c, row.peer_id, &row.identity_key) &&
		    !has(out, &row))
			out->rows[out->n++] = row;
	}
}

/* One entry: `node` holds the key of `peer` back, or does so no more. */
static enum err audit(struct control *c, const struct conn *conn, const struct store_held *h,
		      const char *action)
{
	const struct node *peer = owner(c, h->peer_id, &h->identity_key);
	char actor[NAME_SIZE + 8], object[NAME_SIZE + 8], text[2 * SHA256_DIGEST_LENGTH + 1];
	char detail[128 + sizeof(text)];
	uint8_t digest[SHA256_DIGEST_LENGTH];
	const struct store_audit entry = {
		.actor = actor, .action = action, .object = object, .detail_json = detail
	};

	if (!peer)
		return ERR_OK;
	SHA256(h->identity_key.b, KEY_BYTES, digest);
	snprintf(actor, sizeof(actor), "node:%s", conn->name);
	snprintf(object, sizeof(object), "node:%s", peer->name);
	snprintf(detail, sizeof(detail),
		 "{\"id\":%u,\"identity_fingerprint\":\"%s\",\"unbroken\":%s}", peer->id,
		 hex_encode(digest, sizeof(digest), text), peer->key_unbroken ? "true" : "false");
	return store_audit_add(c->store, &entry);
}

/* The first spoke that holds a key back is an entry, so that ten thousand of them are not as many.
 */
static enum err audit_new(struct control *c, const struct conn *conn, const struct store_held *h)
{
	const struct node *peer = owner(c, h->peer_id, &h->identity_key);
	bool any = true;
	enum err e = store_held_any(c->store, h->peer_id, &h->identity_key, &any);

	if (e || any || !peer)
		return e;
	log_warn("control: %s holds the identity key of %s back (StrictKeys): %s. There is no "
		 "tunnel "
		 "between them until the admin of that branch accepts it: branchline-spoke key "
		 "accept %s",
		 conn->name, peer->name,
		 peer->key_unbroken
			 ? "it knows another one"
			 : "the key before has not signed for it, the node was joined anew",
		 peer->name);
	return audit(c, conn, h, "key.held");
}

static enum err audit_changes(struct control *c, const struct conn *conn, const struct held *before,
			      const struct held *now)
{
	enum err e = store_begin(c->store);

	if (e)
		return e;
	for (size_t i = 0; i < now->n && !e; i++)
		if (!has(before, &now->rows[i]))
			e = audit_new(c, conn, &now->rows[i]);
	for (size_t i = 0; i < before->n && !e; i++)
		if (!has(now, &before->rows[i]))
			e = audit(c, conn, &before->rows[i], "key.accept");
	if (!e)
		e = store_commit(c->store);
	if (e)
		store_rollback(c->store);
	return e;
}

static bool same(const struct held *a, const struct held *b)
{
	for (size_t i = 0; i < a->n; i++)
		if (!has(b, &a->rows[i]))
			return false;
	return a->n == b->n;
}

static void take(struct control *c, const struct conn *conn, const struct held *now)
{
	struct held before = { 0 };
	struct presence_node *p;
	enum err e;

	if (core_store_rests(c))
		return;
	e = store_held_list(c->store, 0, conn->id, add_row, &before);
	if (!e && same(&before, now))
		return;
	p = presence_get(c, conn->id);
	if (!e && !(p && bucket_take(&p->hellos, loop_now_ms(c->loop)))) {
		counters_add(&c->counters, COUNT_HELLO_LIMITED);
		return; /* with its next link it says so again */
	}
	if (!e)
		e = audit_changes(c, conn, &before, now);
	if (!e)
		e = store_held_put(c->store, conn->id, now->rows, now->n);
	if (e)
		(void)core_store_failed(c, e, "write down which keys a spoke holds back");
	else
		core_nudge(c, NUDGE_PRESENCE);
}

void recv_held(struct control *c, struct conn *conn, const struct control_msg *m)
{
	struct held now;

	read_message(c, conn, &m->held, &now);
	take(c, conn, &now);
}

void recv_held_none(struct control *c, struct conn *conn)
{
	static const struct held none;

	take(c, conn, &none);
}
