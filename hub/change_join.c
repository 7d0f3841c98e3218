/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * change_join: what spokes change by themselves: joining with a token, and telling at hello that
 * their CPU or tunnel key is another.
 *
 * Strangers come here. A secret that is not known is refused before the database is locked, and
 * refusals are written to the audit log only so many times a minute, so that nobody can fill the
 * disk from outside.
 */
#include <string.h>

#include "hub/change_step.h"
#include "shared/keys/keys.h"
#include "shared/base/clock.h"
#include "shared/wire/token.h"

#define REFUSALS_PER_MIN 60u /* audit entries about refused joins */

/* Judges the token itself; `n` is the node that it is for, NULL none. */
static enum err check_token(struct change *c, const struct store_token *t, const struct node *n)
{
	char at[CLOCK_RFC3339_SIZE];

	if (t->revoked_ms || (n && n->status == NODE_DELETED))
		return change_refuse(c, ERR_REVOKED, "token_revoked", "",
				     "This join token was revoked at %s. Ask for a new one.",
				     t->revoked_ms ? clock_format_rfc3339(t->revoked_ms, at)
						   : "the node's end");
	if (n && n->status == NODE_DISABLED)
		return change_refuse(c, ERR_DENIED, "node_disabled", "",
				     "Node %s is disabled by the hub's admin, who has to enable it "
				     "first.",
				     n->name);
	if (t->uses >= t->uses_max)
		return change_refuse(
			c, ERR_USED, "token_used", "",
			"This join token was used at %s and is used up. Ask for a new one.",
			clock_format_rfc3339(t->used_ms, at));
	if (t->expires_ms && clock_wall_ms() >= t->expires_ms)
		return change_refuse(c, ERR_EXPIRED, "token_expired", "",
				     "This join token expired at %s. Ask for a new one.",
				     clock_format_rfc3339(t->expires_ms, at));
	return ERR_OK;
}

/* Has somebody else joined under this name since the token was made? */
static enum err check_name_free(struct change *c, const struct store_token *t, const struct node *n)
{
	struct store_key current;
	enum err e = store_key_current(c->store, n->id, KEY_IDENTITY, &current);

	if (e && e != ERR_NOTFOUND)
		return e;
	if ((e ? 0 : current.id) == t->replaces_key)
		return ERR_OK;
	return change_refuse(c, ERR_EXISTS, "name_joined", "",
			     "%s has joined already, from another machine or with other keys. "
			     "To replace it, ask for a new token.",
			     n->name);
}

/* Keys are checked before anything is written. *same_identity: the node's current key again;
 * *same_tunnel likewise. */
static enum err check_keys(struct change *c, const struct change_join *in, const struct node *n,
			   bool *same_identity, bool *same_tunnel)
{
	enum err e;

	if (keys_tunnel_is_weak(&in->tunnel_key) ||
	    !keys_tunnel_is_signed(&in->identity_key, &in->tunnel_key, in->tunnel_sig))
		return change_refuse(c, ERR_AUTH, "key_invalid", "",
				     "The tunnel key is not signed by the identity key.");
	e = change_check_key(c, KEY_IDENTITY, &in->identity_key, n->id, same_identity, "");
	return e ? e : change_check_key(c, KEY_TUNNEL, &in->tunnel_key, n->id, same_tunnel, "");
}

static enum err note_identity(void *arg, const struct store_key *k)
{
	bool *had_one = arg;

	*had_one |= k->kind == KEY_IDENTITY;
	return ERR_OK;
}

/* A new identity: unbroken only if it is the node's first, since nobody vouched for it but the
 * admin with the token. */
static enum err put_identity(struct change *c, const struct change_join *in,
			     const struct store_token *t, uint32_t node_id)
{
	struct store_key k = {
		.node_id = node_id, .kind = KEY_IDENTITY, .key = in->identity_key, .token_id = t->id
	};
	bool had_one = false;
	enum err e = store_keys_list(c->store, node_id, 0, 0, note_identity, &had_one);

	k.unbroken = !had_one;
	return e ? e : store_key_put(c->store, &k);
}

static enum err put_tunnel(struct change *c, uint32_t node_id, uint32_t token_id,
			   const struct public_key *key, const uint8_t sig[KEYS_SIGNATURE_BYTES])
{
	struct store_key k = { .node_id = node_id,
			       .kind = KEY_TUNNEL,
			       .key = *key,
			       .unbroken = true,
			       .token_id = token_id };

	memcpy(k.signature, sig, sizeof(k.signature));
	return store_key_put(c->store, &k);
}

/* The current tunnel key stays, its signature is by the old identity: an update of the row would
 * hide that, so such a join is refused. */
static enum err check_pair(struct change *c, bool same_identity, bool same_tunnel)
{
	if (same_identity || !same_tunnel)
		return ERR_OK;
	return change_refuse(
		c, ERR_EXISTS, "key_exists", "",
		"The tunnel key belongs to the identity key that this node had before; "
		"make a new one.");
}

/* Everything is right: token use, keys and membership. */
static enum err admit(struct change *c, const struct change_join *in, const struct store_token *t,
		      struct node *n, bool same_identity, bool same_tunnel)
{
	enum err e = store_token_use(c->store, t->id);

	if (!e)
		e = change_revise(c, "node.join %s", n->name);
	if (!e && !same_identity)
		e = put_identity(c, in, t, n->id);
	if (!e && !same_tunnel)
		e = put_tunnel(c, n->id, t->id, &in->tunnel_key, in->tunnel_sig);
	if (!e)
		e = store_node_status(c->store, n->id, NODE_ACTIVE, "", c->revision);
	if (e)
		return e;
	n->status = NODE_ACTIVE;
	n->aes = in->aes;
	n->revision = c->revision;
	e = store_node_put(c->store, n);
	if (e)
		return e;
	return change_audit(c, "node.join", "node", n->name,
			    json_pack("{s:I, s:I, s:b}", "id", (json_int_t)n->id, "token_id",
				      (json_int_t)t->id, "same_key", same_identity));
}

/* The token's own join again, because the answer was lost: the spoke is what it was told to be. */
static bool is_repetition(struct change *c, const struct change_join *in,
			  const struct store_token *t, uint32_t node_id)
{
	struct store_key identity, tunnel;

	return !store_key_current(c->store, node_id, KEY_IDENTITY, &identity) &&
	       identity.token_id == t->id && public_key_equal(&identity.key, &in->identity_key) &&
	       !store_key_current(c->store, node_id, KEY_TUNNEL, &tunnel) &&
	       public_key_equal(&tunnel.key, &in->tunnel_key);
}

/* The token of a node. */
static enum err join_node(struct change *c, const struct change_join *in,
			  const struct store_token *t, struct node *out)
{
	bool same_identity = false, same_tunnel = false;
	enum err e = store_node_get(c->store, t->node_id, out, NULL);

	if (e || (out->status == NODE_ACTIVE && is_repetition(c, in, t, out->id)))
		return e;
	e = check_token(c, t, out);
	if (!e)
		e = check_name_free(c, t, out);
	if (!e)
		e = check_keys(c, in, out, &same_identity, &same_tunnel);
	if (!e)
		e = check_pair(c, same_identity, same_tunnel);
	if (!e)
		e = admit(c, in, t, out, same_identity, same_tunnel);
	return e;
}

/* The node that a group's token makes, under the name that the branch has chosen. */
static enum err make_node(struct change *c, const struct change_join *in,
			  const struct store_token *t, struct node *n)
{
	const struct change_node_add add = { .name = in->name,
					     .kind = NODE_SPOKE,
					     .groups = 1ull << t->group_bit };
	struct node other;
	enum err e;

	if (!name_is_valid(in->name))
		return change_refuse(c, ERR_INVALID, "name_missing", "",
				     "This join token is for new branches of group %s, so the "
				     "branch needs a name of its own: join --name NAME (letters, "
				     "digits, \"_\", \"-\" and \".\").",
				     t->for_name);
	e = store_node_find(c->store, in->name, &other, NULL);
	if (e == ERR_NOTFOUND)
		return change_node_put(c, &add, n);
	if (e)
		return e;
	node_fini(&other);
	return change_refuse(c, ERR_EXISTS, "name_taken", "",
			     "There is a node %s already. Choose another name: join --name NAME; "
			     "to replace that node, ask for a token of its own.",
			     in->name);
}

/* The token of a group. It never touches a node that is there. */
static enum err join_group(struct change *c, const struct change_join *in,
			   const struct store_token *t, struct node *out)
{
	bool same_identity = false, same_tunnel = false;
	struct store_key known;
	enum err e = store_key_find(c->store, KEY_IDENTITY, &in->identity_key, &known);

	if (!e && is_repetition(c, in, t, known.node_id)) {
		e = store_node_get(c->store, known.node_id, out, NULL);
		if (e || out->status == NODE_ACTIVE)
			return e;
		node_fini(out);
		node_init(out);
	} else if (e && e != ERR_NOTFOUND) {
		return e;
	}
	e = check_token(c, t, NULL);
	if (!e)
		e = check_keys(c, in, out, &same_identity, &same_tunnel);
	if (!e)
		e = make_node(c, in, t, out);
	return e ? e : admit(c, in, t, out, same_identity, same_tunnel);
}

static enum err join(struct change *c, const struct change_join *in, const uint8_t hash[32],
		     struct node *out)
{
	struct store_token t;
	enum err e = store_token_find(c->store, hash, &t);

	if (e)
		return e;
	return t.node_id ? join_node(c, in, &t, out) : join_group(c, in, &t, out);
}

/* Is the secret known at all? Asked before the database is locked. */
static enum err check_known(struct change *c, const uint8_t hash[32])
{
	struct store_token t;
	enum err e = change_look(c);

	if (!e)
		e = store_token_find(c->store, hash, &t);
	if (e == ERR_NOTFOUND)
		return change_refuse(c, ERR_AUTH, "token_unknown", "",
				     "This hub does not know the join token. It may be of another "
				     "network, or the hub's database was replaced since.");
	if (e && !c->code[0])
		change_store_failed(c, e);
	return e;
}

/* An entry of its own, after everything was rolled back. That it could not be written does not
 * change the answer. */
static void audit_refusal(struct change *c, const uint8_t hash[32])
{
	struct change entry = { .store = c->store, .actor = c->actor };
	struct store_token t = { .node_id = 1, .for_name = "?" };
	uint64_t count;

	if (c->dry_run ||
	    store_audit_count(c->store, "node.join_refused", clock_wall_ms() - 60000, &count) ||
	    count >= REFUSALS_PER_MIN)
		return;
	if (store_token_find(c->store, hash, &t))
		snprintf(t.for_name, sizeof(t.for_name), "?");
	if (change_audit(&entry, "node.join_refused", t.node_id ? "node" : "group", t.for_name,
			 json_pack("{s:s, s:I}", "code", c->code, "token_id", (json_int_t)t.id)))
		return;
}

/* Refusals are what somebody wanted and must not have; failures of the store are not. */
static bool is_refusal(const struct change *c) { return strncmp(c->code, "store_", 6) != 0; }

enum err change_join(struct change *c, const struct change_join *in, struct node *out)
{
	struct node n, joined;
	uint8_t hash[32];
	enum err e;

	token_hash(in->secret, hash);
	node_init(&n);
	node_init(&joined);
	e = check_known(c, hash);
	if (!e)
		e = change_begin(c);
	if (!e) {
		e = join(c, in, hash, &n);
		if (!e)
			e = store_node_get(c->store, n.id, &joined, NULL);
		e = change_end(c, e);
	}
	if (e && is_refusal(c))
		audit_refusal(c, hash);
	node_fini(&n);
	if (e)
		node_fini(&joined);
	else
		*out = joined;
	return e;
}

/* Is there anything new in what the spoke says? */
static bool hello_is_news(const struct node *n, bool aes, const struct public_key *tunnel_key)
{
	return n->aes != aes ||
	       (tunnel_key && !(n->has_tunnel && public_key_equal(&n->tunnel_key, tunnel_key)));
}

/* A tunnel key that the node's identity vouches for, and that nobody had before. */
static enum err replace_tunnel(struct change *c, const struct node *n, const struct public_key *key,
			       const uint8_t sig[64])
{
	bool is_current;
	enum err e;

	if (!n->has_identity || !sig || keys_tunnel_is_weak(key) ||
	    !keys_tunnel_is_signed(&n->identity_key, key, sig))
		return change_refuse(
			c, ERR_AUTH, "key_invalid", "",
			"The new tunnel key of node %s is not signed by its identity key.",
			n->name);
	e = change_check_key(c, KEY_TUNNEL, key, n->id, &is_current, "");
	return e || is_current ? e : put_tunnel(c, n->id, 0, key, sig);
}

static enum err hello(struct change *c, uint32_t id, bool aes, const struct public_key *tunnel_key,
		      const uint8_t sig[64])
{
	struct node n;
	enum err e = change_node_load(c, id, &n);

	if (e)
		return e;
	if (n.status != NODE_ACTIVE) {
		e = change_refuse(c, ERR_DENIED,
				  n.status == NODE_REVOKED ? "node_revoked" : "node_not_active", "",
				  "Node %s is %s.", n.name, node_status_str(n.status));
	} else if (hello_is_news(&n, aes, tunnel_key)) {
		e = change_revise(c, "node.hello %s", n.name);
		if (!e && tunnel_key)
			e = replace_tunnel(c, &n, tunnel_key, sig);
		n.aes = aes;
		n.revision = c->revision;
		if (!e)
			e = store_node_put(c->store, &n);
		if (!e)
			e = change_audit(c, "node.hello", "node", n.name,
					 json_pack("{s:b, s:b}", "aes", aes, "tunnel_key",
						   tunnel_key != NULL));
	}
	node_fini(&n);
	return e;
}

enum err change_node_hello(struct change *c, uint32_t id, bool aes,
			   const struct public_key *tunnel_key, const uint8_t tunnel_sig[64])
{
	struct node n;
	bool news;
	enum err e = change_look(c);

	if (e)
		return e;
	/* Nearly every hello says what is known: that must not cost a write, when all spokes come
	 * back at once. */
	e = store_node_get(c->store, id, &n, NULL);
	if (!e) {
		news = n.status != NODE_ACTIVE || hello_is_news(&n, aes, tunnel_key);
		node_fini(&n);
		if (!news)
			return ERR_OK;
	}
	e = change_begin(c);
	return e ? e : change_end(c, hello(c, id, aes, tunnel_key, tunnel_sig));
}
