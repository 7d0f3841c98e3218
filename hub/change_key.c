/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hub/change_key.h"

#include <string.h>

#include "hub/change_step.h"
#include "shared/base/base64.h"
#include "shared/base/clock.h"
#include "shared/keys/keys.h"

#include <openssl/sha.h>

#define FINGERPRINT_SIZE 65u

static const char *fingerprint(const struct public_key *key, char out[FINGERPRINT_SIZE])
{
	uint8_t digest[SHA256_DIGEST_LENGTH];

	SHA256(key->b, KEY_BYTES, digest);
	hex_encode(digest, sizeof(digest), out);
	return out;
}

/* ["identity", "tunnel"], those that are in the set. */
static json_t *names_of(unsigned keys)
{
	json_t *list = json_array();

	if (keys & ROTATION_IDENTITY)
		json_array_append_new(list, json_string("identity"));
	if (keys & ROTATION_TUNNEL)
		json_array_append_new(list, json_string("tunnel"));
	return list;
}

static enum err check_spoke(struct change *c, const struct node *n)
{
	if (n->kind != NODE_SPOKE)
		return change_refuse(c, ERR_INVALID, "node_not_spoke", "",
				     "Node %s is a %s: only a spoke can make new keys by itself.",
				     n->name, node_kind_str(n->kind));
	if (n->status == NODE_REVOKED)
		return change_refuse(c, ERR_CONFLICT, "node_revoked", "",
				     "Node %s is revoked: it has to be joined anew.", n->name);
	if (n->status != NODE_ACTIVE)
		return change_refuse(c, ERR_CONFLICT, "node_not_active", "",
				     "Node %s is %s: only an active node can make new keys.",
				     n->name, node_status_str(n->status));
	return ERR_OK;
}

/* --- asking --- */

enum err change_rotation_ask(struct change *c, uint32_t node_id, const char *name, unsigned keys,
			     struct store_rotation *out)
{
	struct store_rotation r = { .node_id = node_id, .state = ROTATION_REQUESTED, .keys = keys };
	struct store_rotation old;
	enum err e = store_rotation_get(c->store, node_id, &old);

	if (e && e != ERR_NOTFOUND)
		return e;
	if (!e && old.state == ROTATION_PROPOSED)
		return change_refuse(c, ERR_CONFLICT, "rotation_proposed", "",
				     "Node %s has proposed new keys already: approve or refuse "
				     "them first.",
				     name);
	if (!e && old.state == ROTATION_REQUESTED)
		r.keys |= old.keys;
	snprintf(r.requested_by, sizeof(r.requested_by), "%s", c->actor ? c->actor : "unknown");
	snprintf(r.node_name, sizeof(r.node_name), "%s", name);
	r.requested_ms = clock_wall_ms();
	e = store_rotation_put(c->store, &r);
	if (e)
		return e;
	*out = r;
	return change_audit(c, "key.rotate_request", "node", name,
			    json_pack("{s:o}", "keys", names_of(r.keys)));
}

enum err change_rotation_request(struct change *c, uint32_t node_id, unsigned keys,
				 struct store_rotation *out)
{
	struct node n;
	enum err e = change_begin_node(c, node_id, &n);

	if (e)
		return e;
	e = check_spoke(c, &n);
	if (!e)
		e = change_rotation_ask(c, n.id, n.name, keys, out);
	return change_end_node(c, e, &n);
}

/* --- taking --- */

static bool has_new_identity(const struct node *n, const struct control_rotate_key *in)
{
	return in->has_identity && !public_key_equal(&n->identity_key, &in->identity_key);
}

static bool has_new_tunnel(const struct node *n, const struct control_rotate_key *in)
{
	return !n->has_tunnel || !public_key_equal(&n->tunnel_key, &in->tunnel_key);
}

static unsigned new_keys(const struct node *n, const struct control_rotate_key *in)
{
	return (has_new_identity(n, in) ? ROTATION_IDENTITY : 0) |
	       (has_new_tunnel(n, in) ? ROTATION_TUNNEL : 0);
}

/* Each key must be vouched for, and nobody may have had it before. */
static enum err check_new(struct change *c, const struct node *n,
			  const struct control_rotate_key *in)
{
	bool identity = has_new_identity(n, in), is_current;
	const struct public_key *signer = identity ? &in->identity_key : &n->identity_key;
	enum err e = ERR_OK;

	if (!n->has_identity ||
	    (identity &&
	     !keys_identity_is_signed(&n->identity_key, &in->identity_key, in->identity_sig)))
		return change_refuse(c, ERR_AUTH, "key_invalid", "",
				     "The new identity key of node %s is not signed by the one "
				     "that it has.",
				     n->name);
	if (keys_tunnel_is_weak(&in->tunnel_key) ||
	    !keys_tunnel_is_signed(signer, &in->tunnel_key, in->tunnel_sig))
		return change_refuse(c, ERR_AUTH, "key_invalid", "",
				     "The tunnel key of node %s is not signed by its identity key.",
				     n->name);
	if (identity)
		e = change_check_key(c, KEY_IDENTITY, &in->identity_key, n->id, &is_current, "");
	if (!e && has_new_tunnel(n, in))
		e = change_check_key(c, KEY_TUNNEL, &in->tunnel_key, n->id, &is_current, "");
	return e;
}

/* The new key in the place of the present one, which is taken until the overlap ends. */
static enum err replace(struct change *c, const struct node *n, enum key_kind kind,
			const struct public_key *key, const uint8_t *sig, uint32_t overlap_s)
{
	struct store_key k = { .node_id = n->id, .kind = kind, .key = *key };
	enum err e;

	/* An identity that was broken before stays so: the new key is as good as the one that
	 * signed it. */
	k.unbroken = kind == KEY_TUNNEL || n->key_unbroken;
	memcpy(k.signature, sig, sizeof(k.signature));
	e = store_key_overlap(c->store, n->id, kind, clock_wall_ms() + (int64_t)overlap_s * 1000);
	return e ? e : store_key_put(c->store, &k);
}

static enum err put_keys(struct change *c, const struct node *n,
			 const struct control_rotate_key *in)
{
	bool identity = has_new_identity(n, in), tunnel = has_new_tunnel(n, in);
	struct key_settings settings;
	enum err e = key_settings_read(c->store, &settings);

	if (!e && identity)
		e = replace(c, n, KEY_IDENTITY, &in->identity_key, in->identity_sig,
			    settings.overlap_s);
	if (!e && tunnel)
		e = replace(c, n, KEY_TUNNEL, &in->tunnel_key, in->tunnel_sig, settings.overlap_s);
	else if (!e)
		e = store_key_sign(c->store, n->id, in->tunnel_sig);
	return e;
}

/* From here on the directory has the new keys. */
static enum err commit(struct change *c, const struct node *n, const struct control_rotate_key *in)
{
	char identity[FINGERPRINT_SIZE], tunnel[FINGERPRINT_SIZE];
	unsigned keys = new_keys(n, in);
	enum err e = change_revise(c, "key.rotate %s", n->name);

	if (!e)
		e = put_keys(c, n, in);
	if (!e)
		e = store_node_touch(c->store, n->id, c->revision);
	if (!e)
		e = store_rotation_remove(c->store, n->id);
	if (e && e != ERR_NOTFOUND)
		return e;
	return change_audit(
		c, "key.rotate", "node", n->name,
		json_pack("{s:o, s:s, s:s}", "keys", names_of(keys), "identity_fingerprint",
			  fingerprint(in->has_identity ? &in->identity_key : &n->identity_key,
				      identity),
			  "tunnel_fingerprint", fingerprint(&in->tunnel_key, tunnel)));
}

/* Kept until an admin has looked at it. */
static enum err propose(struct change *c, const struct node *n, const struct control_rotate_key *in,
			const struct store_rotation *known)
{
	struct store_rotation r = { .node_id = n->id,
				    .state = ROTATION_PROPOSED,
				    .keys = new_keys(n, in),
				    .requested_ms = known ? known->requested_ms : clock_wall_ms(),
				    .proposed_ms = clock_wall_ms(),
				    .tunnel_key = in->tunnel_key };
	enum err e;

	snprintf(r.requested_by, sizeof(r.requested_by), "%s",
		 known ? known->requested_by : c->actor);
	memcpy(r.tunnel_sig, in->tunnel_sig, sizeof(r.tunnel_sig));
	if (r.keys & ROTATION_IDENTITY) {
		r.identity_key = in->identity_key;
		memcpy(r.identity_sig, in->identity_sig, sizeof(r.identity_sig));
	}
	e = store_rotation_put(c->store, &r);
	return e ? e
		 : change_audit(c, "key.propose", "node", n->name,
				json_pack("{s:o}", "keys", names_of(r.keys)));
}

/* Are these the keys that were proposed before? */
static bool is_same(const struct store_rotation *r, const struct control_rotate_key *in)
{
	return public_key_equal(&r->tunnel_key, &in->tunnel_key) &&
	       (!(r->keys & ROTATION_IDENTITY) ||
		(in->has_identity && public_key_equal(&r->identity_key, &in->identity_key)));
}

/* The spoke hears of it now, so the row has done its work. */
static enum err tell_refused(struct change *c, const struct node *n)
{
	enum err e = store_rotation_remove(c->store, n->id);

	if (!e)
		e = store_commit(c->store);
	if (!e)
		e = store_begin(c->store);
	return e ? e
		 : change_refuse(c, ERR_DENIED, "key_refused", "",
				 "An admin has refused the new keys of node %s; the present ones "
				 "stay.",
				 n->name);
}

/* Asked for, or free for spokes to do: at once; otherwise an admin decides. */
static enum err judge(struct change *c, const struct node *n, const struct control_rotate_key *in,
		      bool *waits)
{
	struct store_rotation known;
	struct key_settings settings;
	bool has_row, asked;
	enum err e = store_rotation_get(c->store, n->id, &known);

	if (e && e != ERR_NOTFOUND)
		return e;
	has_row = e == ERR_OK;
	e = key_settings_read(c->store, &settings);
	if (e)
		return e;
	if (has_row && known.state == ROTATION_REFUSED && is_same(&known, in))
		return tell_refused(c, n);
	asked = has_row && known.state == ROTATION_REQUESTED && !(new_keys(n, in) & ~known.keys);
	*waits = settings.approve && !asked;
	if (!*waits)
		return commit(c, n, in);
	if (has_row && known.state == ROTATION_PROPOSED && is_same(&known, in))
		return ERR_OK;
	return propose(c, n, in, has_row && known.state == ROTATION_PROPOSED ? &known : NULL);
}

static enum err take(struct change *c, const struct node *n, const struct control_rotate_key *in,
		     bool *waits)
{
	enum err e = check_spoke(c, n);

	if (e || !new_keys(n, in))
		return e;
	e = check_new(c, n, in);
	return e ? e : judge(c, n, in, waits);
}

enum err change_rotation_take(struct change *c, uint32_t node_id,
			      const struct control_rotate_key *in, bool *waits)
{
	struct node n;
	enum err e = change_begin_node(c, node_id, &n);

	*waits = false;
	return e ? e : change_end_node(c, take(c, &n, in, waits), &n);
}

/* --- deciding --- */

static enum err load_rotation(struct change *c, uint32_t node_id, struct store_rotation *r)
{
	enum err e = store_rotation_get(c->store, node_id, r);

	if (e == ERR_NOTFOUND || (!e && r->state == ROTATION_REFUSED))
		return change_refuse(c, ERR_NOTFOUND, "not_found", "",
				     "No keys of node %u are being replaced.", node_id);
	return e;
}

static enum err approve(struct change *c, uint32_t node_id)
{
	struct control_rotate_key in = { 0 };
	struct store_rotation r;
	struct node n;
	enum err e = load_rotation(c, node_id, &r);

	if (e)
		return e;
	if (r.state != ROTATION_PROPOSED)
		return change_refuse(c, ERR_CONFLICT, "rotation_not_proposed", "",
				     "Node %s has not made new keys yet: there is nothing to "
				     "approve.",
				     r.node_name);
	in.has_identity = r.keys & ROTATION_IDENTITY;
	in.identity_key = r.identity_key;
	in.tunnel_key = r.tunnel_key;
	memcpy(in.identity_sig, r.identity_sig, sizeof(in.identity_sig));
	memcpy(in.tunnel_sig, r.tunnel_sig, sizeof(in.tunnel_sig));
	e = change_node_load(c, node_id, &n);
	if (e)
		return e;
	e = check_spoke(c, &n);
	if (!e)
		e = check_new(c, &n, &in);
	if (!e)
		e = commit(c, &n, &in);
	node_fini(&n);
	return e;
}

enum err change_rotation_approve(struct change *c, uint32_t node_id)
{
	enum err e = change_begin(c);

	return e ? e : change_end(c, approve(c, node_id));
}

static enum err refuse(struct change *c, uint32_t node_id, struct store_rotation *r)
{
	enum err e = load_rotation(c, node_id, r);

	if (e)
		return e;
	if (r->state == ROTATION_PROPOSED) {
		r->state = ROTATION_REFUSED;
		e = store_rotation_put(c->store, r);
	} else {
		e = store_rotation_remove(c->store, node_id);
	}
	return e ? e
		 : change_audit(c, "key.rotate_refuse", "node", r->node_name,
				json_pack("{s:o, s:b}", "keys", names_of(r->keys), "proposed",
					  r->state == ROTATION_REFUSED));
}

enum err change_rotation_refuse(struct change *c, uint32_t node_id, struct store_rotation *out)
{
	enum err e = change_begin(c);

	return e ? e : change_end(c, refuse(c, node_id, out));
}

/* --- settings --- */

static enum err settings(struct change *c, const struct key_settings *k)
{
	enum err e;

	if (k->overlap_s < 1 || k->overlap_s > KEY_OVERLAP_MAX_S)
		return change_refuse(c, ERR_INVALID, "overlap_invalid", "/overlap_s",
				     "The overlap is 1 to %u seconds.", KEY_OVERLAP_MAX_S);
	if (k->max_age_s && k->warn_s >= k->max_age_s)
		return change_refuse(c, ERR_INVALID, "warn_invalid", "/warn_s",
				     "The warning must come later than the key: less than the "
				     "maximum age of %u seconds before its end.",
				     k->max_age_s);
	e = key_settings_write(c->store, k);
	return e ? e
		 : change_audit(c, "key.settings", "network", "keys",
				json_pack("{s:s, s:I, s:I, s:I, s:b}", "approval",
					  k->approve ? "admin" : "auto", "overlap_s",
					  (json_int_t)k->overlap_s, "max_age_s",
					  (json_int_t)k->max_age_s, "warn_s", (json_int_t)k->warn_s,
					  "rotate_at_max_age", k->rotate_at_max_age));
}

enum err change_key_settings(struct change *c, const struct key_settings *k)
{
	enum err e = change_begin(c);

	return e ? e : change_end(c, settings(c, k));
}
