/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hub/api/render.h"

#include <openssl/evp.h>
#include <string.h>

#include "shared/base/base64.h"
#include "shared/base/clock.h"
#include "shared/ipc/engine_msg.h"
#include "shared/wire/fields.h"

json_t *render_time(int64_t wall_ms)
{
	char text[CLOCK_RFC3339_SIZE];

	return wall_ms ? json_string(clock_format_rfc3339(wall_ms, text)) : json_null();
}

json_t *render_endpoint(const struct endpoint *e)
{
	char text[ENDPOINT_STR_SIZE];

	return endpoint_is_set(e) ? json_string(endpoint_format(e, text)) : json_null();
}

/* A text, or null when it is empty. */
static json_t *text_or_null(const char *s) { return s[0] ? fields_text(s) : json_null(); }

json_t *render_public_key(const struct public_key *key)
{
	char text[KEY_BASE64_SIZE];

	return json_string(base64_encode(key->b, sizeof(key->b), text));
}

json_t *render_fingerprint(const struct public_key *key)
{
	uint8_t digest[EVP_MAX_MD_SIZE];
	char text[2 * 32 + 1];

	BUG_ON(EVP_Digest(key->b, sizeof(key->b), digest, NULL, EVP_sha256(), NULL) != 1);
	return json_string(hex_encode(digest, 32, text));
}

json_t *render_addresses(const struct node *n)
{
	char text[ADDR_STR_SIZE];
	json_t *list = json_array();

	for (unsigned i = 0; i < 2; i++)
		if (n->addresses[i].family)
			json_array_append_new(list,
					      json_string(addr_format(&n->addresses[i], text)));
	return list;
}

static json_t *render_node_subnets(const struct node *n)
{
	char text[PREFIX_STR_SIZE];
	json_t *list = json_array();

	for (uint32_t i = 0; i < n->n_subnets; i++)
		json_array_append_new(list, json_pack("{s:s, s:I}", "prefix",
						      prefix_format(&n->subnets[i].prefix, text),
						      "weight", (json_int_t)n->subnets[i].weight));
	return list;
}

static json_t *render_node_endpoints(const struct node *n)
{
	json_t *list = json_array();

	for (uint32_t i = 0; i < n->n_endpoints; i++)
		json_array_append_new(list, fields_text(n->endpoints[i]));
	return list;
}

static enum err take_group(void *arg, const struct store_group *g)
{
	struct render_groups *groups = arg;

	snprintf(groups->names[g->bit], NAME_SIZE, "%s", g->name);
	return ERR_OK;
}

enum err render_groups_load(struct store *s, struct render_groups *out)
{
	memset(out, 0, sizeof(*out));
	return store_groups_list(s, take_group, out);
}

static json_t *render_node_groups(const struct node *n, const struct render_groups *groups)
{
	json_t *list = json_array();

	for (unsigned bit = 0; bit < GROUPS_MAX; bit++)
		if (n->groups >> bit & 1)
			json_array_append_new(list, json_string(groups->names[bit]));
	return list;
}

json_t *render_group(const struct store_group *g)
{
	return json_pack("{s:I, s:s, s:o, s:I, s:o}", "id", (json_int_t)render_group_id(g), "name",
			 g->name, "comment", fields_text(g->comment), "nodes",
			 (json_int_t)g->n_nodes, "created_at", render_time(g->created_ms));
}

json_t *render_policy(const struct store_policy *p)
{
	return json_pack("{s:I, s:s, s:s, s:s, s:o}", "id", (json_int_t)render_policy_id(p), "from",
			 p->from, "to", p->to, "path_policy", path_policy_str(p->path_policy),
			 "created_at", render_time(p->created_ms));
}

json_t *render_node(const struct node *n, const struct store_node_meta *meta,
		    const struct render_groups *groups)
{
	return json_pack(
		"{s:I, s:s, s:s, s:s, s:I, s:o, s:o, s:o, s:o, s:i, s:i, s:s, s:b, s:o, "
		"s:o, s:b, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
		"id", (json_int_t)n->id, "name", n->name, "kind", node_kind_str(n->kind), "status",
		node_status_str(n->status), "revision", (json_int_t)n->revision, "addresses",
		render_addresses(n), "subnets", render_node_subnets(n), "endpoints",
		render_node_endpoints(n), "groups", render_node_groups(n, groups), "keepalive_s",
		(int)n->keepalive_s, "compression", (int)n->compression, "path_policy",
		path_policy_str(n->path_policy), "aes", n->aes, "identity_fingerprint",
		n->has_identity ? render_fingerprint(&n->identity_key) : json_null(), "tunnel_key",
		n->has_tunnel ? render_public_key(&n->tunnel_key) : json_null(), "key_unbroken",
		n->key_unbroken, "comment", fields_text(meta->comment), "created_at",
		render_time(meta->created_ms), "updated_at", render_time(meta->updated_ms),
		"revoked_at", render_time(meta->revoked_ms), "revoked_why",
		text_or_null(meta->revoked_why), "identity_key_at",
		render_time(meta->identity_made_ms), "tunnel_key_at",
		render_time(meta->tunnel_made_ms));
}

static const char *key_kind_str(enum key_kind k)
{
	return k == KEY_IDENTITY ? "identity" : "tunnel";
}

static const char *key_status_str(enum key_status s)
{
	return s == KEY_CURRENT ? "current" : s == KEY_RETIRED ? "retired" : "revoked";
}

json_t *render_key(const struct store_key *k, const struct key_settings *settings, int64_t now_ms)
{
	char fingerprint[2 * sizeof(k->fingerprint) + 1];
	int64_t due_ms;
	enum key_due due = key_settings_due(settings, k, now_ms, &due_ms);

	return json_pack("{s:I, s:I, s:s, s:s, s:s, s:o, s:s, s:b, s:o, s:o, s:o, s:o, s:s, s:o}",
			 "id", (json_int_t)k->id, "node_id", (json_int_t)k->node_id, "node",
			 k->node_name, "kind", key_kind_str(k->kind), "status",
			 key_status_str(k->status), "key", render_public_key(&k->key),
			 "fingerprint",
			 hex_encode(k->fingerprint, sizeof(k->fingerprint), fingerprint),
			 "unbroken", k->unbroken, "created_at", render_time(k->created_ms),
			 "expires_at", render_time(k->expires_ms), "revoked_at",
			 render_time(k->revoked_ms), "revoked_why", text_or_null(k->revoked_why),
			 "due", key_due_str(due), "due_at", render_time(due_ms));
}

/* Of a key that is not there yet: null. */
static json_t *fingerprint_or_null(const struct public_key *key)
{
	return secret_is_zero(key->b, KEY_BYTES) ? json_null() : render_fingerprint(key);
}

json_t *render_rotation(const struct store_rotation *r)
{
	json_t *keys = json_array();

	if (r->keys & ROTATION_TUNNEL)
		json_array_append_new(keys, json_string("tunnel"));
	if (r->keys & ROTATION_IDENTITY)
		json_array_append_new(keys, json_string("identity"));
	return json_pack("{s:I, s:s, s:o, s:s, s:o, s:o, s:o, s:o, s:o}", "node_id",
			 (json_int_t)r->node_id, "node", r->node_name, "keys", keys, "state",
			 r->state == ROTATION_PROPOSED ? "proposed" : "requested", "requested_by",
			 fields_text(r->requested_by), "requested_at", render_time(r->requested_ms),
			 "proposed_at", render_time(r->proposed_ms), "identity_fingerprint",
			 fingerprint_or_null(&r->identity_key), "tunnel_fingerprint",
			 fingerprint_or_null(&r->tunnel_key));
}

json_t *render_revocation(const struct store_revocation *r)
{
	static const char *const states[] = { [REVOCATION_PENDING] = "pending",
					      [REVOCATION_APPLIED] = "applied",
					      [REVOCATION_EXPIRED] = "expired" };
	int64_t took_ms = r->settled_ms > r->at_ms ? r->settled_ms - r->at_ms : 0;

	return json_pack("{s:I, s:I, s:I, s:s, s:o, s:o, s:o, s:s, s:I, s:I, s:o, s:o}", "id",
			 (json_int_t)r->revision, "revision", (json_int_t)r->revision, "node_id",
			 (json_int_t)r->node_id, "node", r->node_name, "at", render_time(r->at_ms),
			 "actor", fields_text(r->actor), "reason", text_or_null(r->reason), "state",
			 states[r->state], "expected", (json_int_t)r->expected, "applied",
			 (json_int_t)r->applied, "settled_at", render_time(r->settled_ms),
			 "elapsed_ms", r->settled_ms ? json_integer(took_ms) : json_null());
}

json_t *render_held(const struct store_held *h, const char *node, const struct node *peer)
{
	return json_pack("{s:I, s:I, s:s, s:I, s:s, s:o, s:b, s:o}", "id", (json_int_t)h->id,
			 "node_id", (json_int_t)h->node_id, "node", node, "peer_id",
			 (json_int_t)h->peer_id, "peer", peer->name, "identity_fingerprint",
			 render_fingerprint(&h->identity_key), "unbroken", peer->key_unbroken,
			 "told_at", render_time(h->told_ms));
}

json_t *render_key_settings(const struct key_settings *k)
{
	return json_pack("{s:s, s:I, s:I, s:I, s:b}", "approval", k->approve ? "admin" : "auto",
			 "overlap_s", (json_int_t)k->overlap_s, "max_age_s",
			 (json_int_t)k->max_age_s, "warn_s", (json_int_t)k->warn_s,
			 "rotate_at_max_age", k->rotate_at_max_age);
}

json_t *render_subnet(const struct store_subnet *s)
{
	char text[PREFIX_STR_SIZE];

	return json_pack("{s:I, s:I, s:s, s:s, s:I, s:s, s:o}", "id", (json_int_t)s->id, "node_id",
			 (json_int_t)s->node_id, "node", s->node_name, "prefix",
			 prefix_format(&s->subnet.prefix, text), "weight",
			 (json_int_t)s->subnet.weight, "status",
			 s->status == SUBNET_APPROVED ? "approved" : "proposed", "created_at",
			 render_time(s->created_ms));
}

/* What a join token is worth now. */
static const char *token_state(const struct store_token *t, int64_t now_ms)
{
	if (t->revoked_ms)
		return "revoked";
	if (t->uses >= t->uses_max)
		return "used";
	return store_token_is_open(t, now_ms) ? "open" : "expired";
}

json_t *render_join_token(const struct store_token *t, int64_t now_ms)
{
	const bool of_node = t->node_id != 0;

	return json_pack(
		"{s:I, s:o, s:s?, s:s?, s:s, s:I, s:I, s:o, s:o, s:o, s:o, s:o}", "id",
		(json_int_t)t->id, "node_id", of_node ? json_integer(t->node_id) : json_null(),
		"node", of_node ? t->for_name : NULL, "group", of_node ? NULL : t->for_name,
		"state", token_state(t, now_ms), "uses", (json_int_t)t->uses, "uses_max",
		(json_int_t)t->uses_max, "created_at", render_time(t->created_ms), "created_by",
		fields_text(t->created_by), "expires_at", render_time(t->expires_ms), "used_at",
		render_time(t->used_ms), "revoked_at", render_time(t->revoked_ms));
}

json_t *render_pair(const struct store_pair *p, const char *node, const char *peer)
{
	const enum path_reason why = (enum path_reason)p->reason;

	return json_pack(
		"{s:I, s:I, s:s, s:I, s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:I, s:I, "
		"s:o, s:i, s:o, s:o}",
		"id", (json_int_t)p->id, "node_id", (json_int_t)p->node_id, "node", node, "peer_id",
		(json_int_t)p->peer_id, "peer", peer, "path",
		path_kind_str((enum path_kind)p->path), "reason_id", path_reason_id(why), "reason",
		path_reason_str(why), "advice", text_or_null(path_reason_advice(why)), "since",
		render_time(p->since_ms), "endpoint", render_endpoint(&p->endpoint), "handshake_at",
		render_time(p->handshake_ms), "rx_bytes", (json_int_t)p->rx_bytes, "tx_bytes",
		(json_int_t)p->tx_bytes, "rtt_us",
		p->rtt_us ? json_integer(p->rtt_us) : json_null(), "loss_permille",
		(int)p->loss_permille, "pmtu", p->pmtu ? json_integer(p->pmtu) : json_null(),
		"told_at", render_time(p->told_ms));
}

/* The words of a text as an array. */
static json_t *render_words(const char *text)
{
	json_t *list = json_array();

	for (text += strspn(text, " "); *text; text += strspn(text, " ")) {
		size_t n = strcspn(text, " ");

		json_array_append_new(list, json_stringn(text, n));
		text += n;
	}
	return list;
}

json_t *render_api_token(const struct store_api_token *t, int64_t now_ms)
{
	const char *state = t->revoked_ms                              ? "revoked"
			    : t->expires_ms && t->expires_ms <= now_ms ? "expired"
								       : "open";

	return json_pack("{s:I, s:s, s:s, s:o, s:s, s:o, s:o, s:o, s:o}", "id", (json_int_t)t->id,
			 "name", t->name, "role", t->role, "scopes", render_words(t->scopes),
			 "state", state, "created_at", render_time(t->created_ms), "expires_at",
			 render_time(t->expires_ms), "used_at", render_time(t->used_ms),
			 "revoked_at", render_time(t->revoked_ms));
}

json_t *render_user(const struct store_user *u)
{
	return json_pack("{s:I, s:s, s:s, s:b, s:b, s:o, s:o, s:o}", "id", (json_int_t)u->id,
			 "name", u->name, "role", u->role, "disabled", u->disabled, "totp",
			 u->totp_enabled, "created_at", render_time(u->created_ms), "updated_at",
			 render_time(u->updated_ms), "signed_in_at", render_time(u->signed_in_ms));
}

json_t *render_audit(const struct store_audit_entry *a)
{
	json_t *detail = json_loads(a->detail, JSON_DECODE_ANY, NULL);
	char hash[2 * sizeof(a->hash) + 1];

	return json_pack("{s:I, s:o, s:o, s:o, s:o, s:o, s:s}", "id", (json_int_t)a->id, "at",
			 render_time(a->at_ms), "actor", fields_text(a->actor), "action",
			 fields_text(a->action), "object", fields_text(a->object), "detail",
			 detail ? detail : fields_text(a->detail), "hash",
			 hex_encode(a->hash, sizeof(a->hash), hash));
}

json_t *render_presence(const struct node *n, const struct store_presence *p)
{
	static const struct store_presence unheard;

	if (!p)
		p = &unheard;
	return json_pack(
		"{s:I, s:s, s:s, s:s, s:o, s:b, s:o, s:o, s:o, s:I, s:o, s:s, s:s, s:o, "
		"s:o, s:I, s:I, s:o, s:s, s:s}",
		"id", (json_int_t)n->id, "name", n->name, "kind", node_kind_str(n->kind), "status",
		node_status_str(n->status), "addresses", render_addresses(n), "online", p->online,
		"since", render_time(p->since_ms), "link", render_endpoint(&p->link), "version",
		text_or_null(p->version), "acked_revision", (json_int_t)p->acked_revision,
		"acked_at", render_time(p->acked_ms), "path", path_kind_str(p->path), "path_reason",
		path_reason_str(p->reason), "endpoint", render_endpoint(&p->endpoint),
		"handshake_at", render_time(p->handshake_ms), "rx_bytes", (json_int_t)p->rx_bytes,
		"tx_bytes", (json_int_t)p->tx_bytes, "rtt_us",
		p->rtt_us ? json_integer(p->rtt_us) : json_null(), "path_reason_id",
		path_reason_id(p->reason), "nat", nat_mapping_str((enum nat_mapping)p->nat));
}
