/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hub/control/verdict.h"

#include "hub/control/core.h"
#include "hub/control/refresh.h"
#include "shared/base/clock.h"

static bool say(struct control *c, struct control_bye *why, enum counter which,
		enum bye_reason reason, uint32_t retry_ms, const char *text)
{
	counters_add(&c->counters, which);
	why->reason = reason;
	why->retry_after_ms = retry_ms;
	snprintf(why->text, sizeof(why->text), "%s", text);
	return false;
}

/* "revoked by the admin on 2026-11-22T14:40:01.123Z: stolen", as far as the store can say. */
static bool say_revoked(struct control *c, uint32_t id, struct control_bye *why)
{
	struct store_node_meta meta = { 0 };
	char text[CONTROL_TEXT_SIZE] = "this node was revoked by the admin", at[CLOCK_RFC3339_SIZE];
	struct node n;

	if (store_node_get(c->store, id, &n, &meta) == ERR_OK) {
		node_fini(&n);
		if (meta.revoked_ms && meta.revoked_why[0])
			snprintf(text, sizeof(text),
				 "this node was revoked by the admin on %s: %.150s",
				 clock_format_rfc3339(meta.revoked_ms, at), meta.revoked_why);
		else if (meta.revoked_ms)
			snprintf(text, sizeof(text), "this node was revoked by the admin on %s",
				 clock_format_rfc3339(meta.revoked_ms, at));
	}
	return say(c, why, COUNT_REFUSED_REVOKED, BYE_REVOKED, LINK_RETRY_REFUSED_MS, text);
}

static bool is_current(const struct node *n, const struct public_key *key)
{
	return n->status == NODE_ACTIVE && n->has_identity &&
	       public_key_equal(&n->identity_key, key);
}

/* Why a node that exists gets no link with this key. */
static bool say_no(struct control *c, const struct node *n, struct control_bye *why)
{
	switch (n->status) {
	case NODE_REVOKED:
		return say_revoked(c, n->id, why);
	case NODE_DISABLED:
		return say(c, why, COUNT_REFUSED_DISABLED, BYE_DISABLED, LINK_RETRY_DISABLED_MS,
			   "this node is disabled by the admin");
	case NODE_DELETED:
		return say(c, why, COUNT_REFUSED_DELETED, BYE_DELETED, LINK_RETRY_REFUSED_MS,
			   "this node was deleted by the admin");
	default:
		return say(c, why, COUNT_REFUSED_REVOKED, BYE_REVOKED, LINK_RETRY_REFUSED_MS,
			   "this node was joined anew with another identity key, this one is "
			   "worthless");
	}
}

/* One that the node itself has replaced. */
static bool is_replaced(const struct node *n, const struct store_key *k)
{
	return n->status == NODE_ACTIVE && n->has_identity && k->node_id == n->id &&
	       k->status == KEY_RETIRED && k->expires_ms;
}

/*
 * A link that was opened with another key than the node's present one: good in the overlap; then
 * it is to come back with the new one. A store that cannot be read ends no link.
 */
static bool may_stay(struct control *c, const struct node *n, const struct public_key *key,
		     struct control_bye *why)
{
	struct store_key k;
	enum err e = store_key_find(c->store, KEY_IDENTITY, key, &k);

	if (e && e != ERR_NOTFOUND && n->status == NODE_ACTIVE) {
		(void)core_store_failed(c, e, "look up an identity key");
		return true;
	}
	if (e || !is_replaced(n, &k))
		return say_no(c, n, why);
	if (clock_wall_ms() < k.expires_ms)
		return true;
	return say(c, why, COUNT_REFUSED_REVOKED, BYE_BUSY, LINK_RETRY_MIN_MS,
		   "the overlap of this node's old identity key is over; it has to come back with "
		   "the new one");
}

bool verdict_of_link(struct control *c, uint32_t id, const struct public_key *key,
		     struct control_bye *why)
{
	const struct node *n = directory_find(&c->dir, id);

	if (!n)
		return say(c, why, COUNT_REFUSED_DELETED, BYE_DELETED, LINK_RETRY_REFUSED_MS,
			   "this node is not in the directory any more");
	return is_current(n, key) || may_stay(c, n, key, why);
}

/* The node whose current key this is, if it is active. */
static const struct node *active(const struct control *c, const struct public_key *key)
{
	uint32_t id = identities_find(&c->identities, key);
	const struct node *n = id ? directory_find(&c->dir, id) : NULL;

	return n && n->kind == NODE_SPOKE && is_current(n, key) ? n : NULL;
}

bool verdict_of_key(struct control *c, const struct public_key *key, uint32_t *id,
		    struct control_bye *why)
{
	const struct node *n = active(c, key);
	bool valid;

	if (!n && refresh_now(c) == ERR_OK)
		n = active(c, key);
	if (n) {
		*id = n->id;
		return true;
	}
	enum err e = store_node_by_identity(c->store, key, id, &valid);
	if (e && e != ERR_NOTFOUND) {
		(void)core_store_failed(c, e, "look up an identity key");
		return say(c, why, COUNT_REFUSED_BUSY, BYE_BUSY, VERDICT_BUSY_MS,
			   "the hub's store cannot be read now");
	}
	n = e ? NULL : directory_find(&c->dir, *id);
	if (n && n->kind == NODE_SPOKE && n->status == NODE_ACTIVE && valid)
		return true; /* replaced a while ago; or the index had no memory for it */
	if (!n || n->kind != NODE_SPOKE)
		return say(c, why, COUNT_REFUSED_UNKNOWN_KEY, BYE_UNKNOWN_KEY,
			   LINK_RETRY_REFUSED_MS, "the hub does not know this identity key");
	return say_no(c, n, why);
}
