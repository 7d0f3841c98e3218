/* SPDX-License-Identifier: GPL-3.0-or-later */
/* change_token: invitations. The secret leaves here once; the store keeps its hash. */
#include <string.h>

#include "hub/change_step.h"
#include "shared/base/clock.h"
#include "shared/wire/token.h"

#define EXPIRES_MAX_S (10u * 366u * 86400u) /* ten years */
#define USES_MAX      1000u

/* The identity key that a join with this token may replace. */
static enum err replaced_key(struct change *c, uint32_t node_id, uint32_t *id)
{
	struct store_key k;
	enum err e = store_key_current(c->store, node_id, KEY_IDENTITY, &k);

	*id = e ? 0 : k.id;
	return e == ERR_NOTFOUND ? ERR_OK : e;
}

/* "node" or "group", as the audit log calls what a token is for. */
static const char *is_for(const struct store_token *t) { return t->node_id ? "node" : "group"; }

/* The node that it is for. */
static enum err take_node(struct change *c, struct store_token *t)
{
	struct node n;
	enum err e = change_node_load(c, t->node_id, &n);

	if (e)
		return e;
	memcpy(t->for_name, n.name, sizeof(t->for_name));
	if (n.kind != NODE_SPOKE)
		e = change_refuse(c, ERR_DENIED,
				  n.kind == NODE_HUB ? "node_is_hub" : "node_not_spoke", "/node",
				  "Node %s is no spoke: only spokes join with a token.", n.name);
	node_fini(&n);
	return e ? e : replaced_key(c, t->node_id, &t->replaces_key);
}

static enum err take_group(struct change *c, struct store_token *t)
{
	struct store_group g;
	enum err e = change_group_find(c, t->group_bit, &g);

	if (!e)
		memcpy(t->for_name, g.name, sizeof(t->for_name));
	return e;
}

static enum err token_put(struct change *c, struct store_token *t)
{
	enum err e = t->node_id ? take_node(c, t) : take_group(c, t);

	if (!e && t->uses_max > USES_MAX)
		e = change_refuse(c, ERR_INVALID, "uses_invalid", "/uses",
				  "A token can be used 1 to %u times.", USES_MAX);
	if (!e)
		e = store_token_put(c->store, t);
	if (e)
		return e;
	return change_audit(c, "token.create", is_for(t), t->for_name,
			    json_pack("{s:I, s:I, s:I}", "token_id", (json_int_t)t->id, "uses",
				      (json_int_t)t->uses_max, "expires_ms",
				      (json_int_t)t->expires_ms));
}

/* `t` says whom it is for. */
static enum err create(struct change *c, struct store_token *t, uint32_t expires_s, uint32_t uses,
		       uint8_t secret[JOIN_SECRET_BYTES], struct store_token *out)
{
	enum err e = change_begin(c);

	if (e)
		return e;
	if (expires_s > EXPIRES_MAX_S)
		return change_end(c, change_refuse(c, ERR_INVALID, "expires_invalid", "/expires",
						   "A token expires in ten years at most."));
	t->uses_max = uses ? uses : 1;
	t->created_ms = clock_wall_ms();
	t->expires_ms =
		t->created_ms + (int64_t)(expires_s ? expires_s : JOIN_TOKEN_EXPIRES_S) * 1000;
	snprintf(t->created_by, sizeof(t->created_by), "%s", c->actor ? c->actor : "");
	secret_random(secret, JOIN_SECRET_BYTES);
	token_hash(secret, t->hash);
	e = change_end(c, token_put(c, t));
	/* A secret that opens nothing is not handed out. */
	if (e || c->dry_run)
		secret_zero(secret, JOIN_SECRET_BYTES);
	if (!e)
		*out = *t;
	return e;
}

enum err change_token_create(struct change *c, uint32_t node_id, uint32_t expires_s, uint32_t uses,
			     uint8_t secret[JOIN_SECRET_BYTES], struct store_token *out)
{
	struct store_token t = { .node_id = node_id };

	return create(c, &t, expires_s, uses, secret, out);
}

enum err change_token_create_group(struct change *c, uint8_t group_bit, uint32_t expires_s,
				   uint32_t uses, uint8_t secret[JOIN_SECRET_BYTES],
				   struct store_token *out)
{
	struct store_token t = { .group_bit = group_bit };

	return create(c, &t, expires_s, uses, secret, out);
}

static enum err token_revoke(struct change *c, uint32_t token_id)
{
	struct store_token t;
	enum err e = store_token_get(c->store, token_id, &t);

	if (e == ERR_NOTFOUND)
		return change_refuse(c, e, "not_found", "",
				     "There is no join token with the id %u.", token_id);
	if (e)
		return e;
	if (t.revoked_ms)
		return change_refuse(c, ERR_CONFLICT, "token_already_revoked", "",
				     "This token is revoked already.");
	e = store_token_revoke(c->store, token_id);
	if (e)
		return e;
	return change_audit(c, "token.revoke", is_for(&t), t.for_name,
			    json_pack("{s:I}", "token_id", (json_int_t)token_id));
}

enum err change_token_revoke(struct change *c, uint32_t token_id)
{
	enum err e = change_begin(c);

	return e ? e : change_end(c, token_revoke(c, token_id));
}
