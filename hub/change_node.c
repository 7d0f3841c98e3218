/* SPDX-License-Identifier: GPL-3.0-or-later */
/* change_node: adding, editing, revoking and deleting members. */
#include <string.h>

#include "hub/change_step.h"
#include "shared/base/clock.h"
#include "shared/keys/keys.h"

#define KEEPALIVE_MAX_S 65535
#define COMPRESSION_MAX 11

static enum err check_name(struct change *c, const char *name, uint32_t own_id)
{
	struct node other;
	enum err e;

	if (!name || !name_is_valid(name))
		return change_refuse(c, ERR_INVALID, "name_invalid", "/name",
				     "A name has 1 to %u letters, digits, \"_\", \"-\" and "
				     "\".\", and does not begin with \"-\" or \".\".",
				     NAME_MAX_BYTES);
	e = store_node_find(c->store, name, &other, NULL);
	if (e)
		return e == ERR_NOTFOUND ? ERR_OK : e;
	e = other.id == own_id ? ERR_OK
			       : change_refuse(c, ERR_EXISTS, "node_exists", "/name",
					       "There is a node %s already (%s).", name,
					       node_status_str(other.status));
	node_fini(&other);
	return e;
}

/* Copies the configured endpoints into the node. */
static enum err set_endpoints(struct change *c, const char *const *endpoints, size_t count,
			      struct node *n)
{
	char pointer[32];
	enum err e;

	if (count > NODE_ENDPOINTS_MAX)
		return change_refuse(c, ERR_LIMIT, "limit_reached", "/endpoints",
				     "A node has at most %u endpoints.", NODE_ENDPOINTS_MAX);
	n->n_endpoints = 0;
	for (size_t i = 0; i < count; i++) {
		snprintf(pointer, sizeof(pointer), "/endpoints/%zu", i);
		e = change_check_endpoint(c, endpoints[i], pointer);
		if (!e)
			e = node_endpoint_add(n, endpoints[i]);
		if (e)
			return e;
	}
	return ERR_OK;
}

/* Only a spoke has a choice between the hub and a direct path. */
static enum err set_path_policy(struct change *c, enum path_policy policy, struct node *n)
{
	if (policy != PATH_POLICY_AUTO && n->kind != NODE_SPOKE)
		return change_refuse(c, ERR_INVALID, "path_policy_invalid", "/path_policy",
				     "Only a spoke can be hub-only or direct-only: %s is a %s, "
				     "which has no direct paths to other nodes.",
				     n->name, node_kind_str(n->kind));
	n->path_policy = policy;
	return ERR_OK;
}

/* Checks each subnet against everybody else, and the list against itself. They are kept in the node
 * until it has an id. */
static enum err set_subnets(struct change *c, const struct change_node_add *in, struct node *n)
{
	char pointer[40], text[PREFIX_STR_SIZE];
	enum err e = ERR_OK;

	if (in->n_subnets > NODE_SUBNETS_MAX)
		return change_refuse(c, ERR_LIMIT, "limit_reached", "/subnets",
				     "A node has at most %u subnets.", NODE_SUBNETS_MAX);
	for (size_t i = 0; i < in->n_subnets && !e; i++) {
		snprintf(pointer, sizeof(pointer), "/subnets/%zu/prefix", i);
		e = change_check_subnet(c, 0, &in->subnets[i], false, pointer);
		if (!e)
			e = change_check_hub_outside(c, &in->subnets[i].prefix, pointer);
		if (!e)
			e = node_subnet_add(n, &in->subnets[i]);
		if (e == ERR_EXISTS)
			change_refuse(c, e, "subnet_duplicate", pointer, "%s is named twice.",
				      prefix_format(&in->subnets[i].prefix, text));
	}
	return e;
}

/* Agents bring their keys when they join; a WireGuard device's key comes from the admin, and the
 * hub's from init. */
static enum err check_keys(struct change *c, const struct change_node_add *in)
{
	bool current;
	enum err e = ERR_OK;

	if (in->kind == NODE_SPOKE && (in->tunnel_key || in->identity_key))
		return change_refuse(c, ERR_INVALID, "key_invalid", "/tunnel_key",
				     "A spoke brings its own keys when it joins.");
	if (in->kind != NODE_SPOKE && !in->tunnel_key)
		return change_refuse(c, ERR_INVALID, "key_missing", "/tunnel_key",
				     "A WireGuard node needs its public key.");
	if (in->tunnel_key && keys_tunnel_is_weak(in->tunnel_key))
		return change_refuse(c, ERR_INVALID, "key_invalid", "/tunnel_key",
				     "This is not a usable X25519 public key.");
	if (in->tunnel_key)
		e = change_check_key(c, KEY_TUNNEL, in->tunnel_key, 0, &current, "/tunnel_key");
	if (!e && in->identity_key)
		e = change_check_key(c, KEY_IDENTITY, in->identity_key, 0, &current,
				     "/identity_key");
	if (!e && in->identity_key &&
	    !keys_tunnel_is_signed(in->identity_key, in->tunnel_key, in->tunnel_sig))
		return change_refuse(c, ERR_AUTH, "key_invalid", "/tunnel_key",
				     "The tunnel key is not signed by the identity key.");
	return e;
}

/* Fills `n` from the request; refuses what cannot be. */
static enum err compose(struct change *c, const struct change_node_add *in, struct node *n)
{
	uint32_t count;
	enum err e = check_name(c, in->name, 0);

	if (!e)
		e = store_nodes_count(c->store, &count);
	if (e)
		return e;
	if (count >= NODES_MAX)
		return change_refuse(c, ERR_LIMIT, "limit_reached", "",
				     "The network has %u nodes, the most that it may have.", count);
	if (in->compression > COMPRESSION_MAX)
		return change_refuse(c, ERR_INVALID, "compression_invalid", "/compression",
				     "Compression is 0 to %d.", COMPRESSION_MAX);
	snprintf(n->name, sizeof(n->name), "%s", in->name);
	n->kind = in->kind;
	n->status = in->kind == NODE_SPOKE ? NODE_INVITED : NODE_ACTIVE;
	n->aes = in->aes;
	n->compression = in->compression;
	n->keepalive_s = in->keepalive_s;
	n->groups = in->groups;
	e = in->comment ? change_check_text(c, in->comment, STORE_TEXT_SIZE, "comment_invalid",
					    "/comment")
			: ERR_OK;
	if (!e)
		e = set_path_policy(c, in->path_policy, n);
	if (!e)
		e = check_keys(c, in);
	if (!e)
		e = set_endpoints(c, in->endpoints, in->n_endpoints, n);
	if (!e)
		e = change_pools_assign(c, in->addresses, in->n_addresses, n);
	return e ? e : set_subnets(c, in, n);
}

static enum err put_key(struct change *c, uint32_t node_id, enum key_kind kind,
			const struct public_key *key, const uint8_t *sig)
{
	struct store_key k = { .node_id = node_id, .kind = kind, .key = *key, .unbroken = true };

	if (sig)
		memcpy(k.signature, sig, sizeof(k.signature));
	return store_key_put(c->store, &k);
}

/* The rows that hang on the node's own. */
static enum err put_belongings(struct change *c, const struct change_node_add *in,
			       const struct node *n)
{
	enum err e = ERR_OK;

	if (in->comment)
		e = store_node_comment(c->store, n->id, in->comment);
	if (!e && in->identity_key)
		e = put_key(c, n->id, KEY_IDENTITY, in->identity_key, NULL);
	if (!e && in->tunnel_key)
		e = put_key(c, n->id, KEY_TUNNEL, in->tunnel_key,
			    in->identity_key ? in->tunnel_sig : NULL);
	for (uint32_t i = 0; i < n->n_subnets && !e; i++) {
		struct store_subnet row = { .node_id = n->id,
					    .subnet = n->subnets[i],
					    .status = SUBNET_APPROVED };

		e = store_subnet_put(c->store, &row);
	}
	return e;
}

/* A node's own addresses for the audit entry; NULL when memory is out. */
static json_t *list_addresses(const struct node *n)
{
	json_t *list = json_array();
	char text[ADDR_STR_SIZE];

	for (int i = 0; i < 2; i++)
		if (list && n->addresses[i].family &&
		    json_array_append_new(list, json_string(addr_format(&n->addresses[i], text)))) {
			json_decref(list);
			list = NULL;
		}
	return list;
}

/* A JSON list of addresses and subnets for the audit entry; NULL when memory is out. */
static json_t *describe(const struct node *n)
{
	json_t *addresses = list_addresses(n), *subnets = json_array();
	char text[PREFIX_STR_SIZE];
	int failed = !addresses;

	for (uint32_t i = 0; i < n->n_subnets && i < CHANGE_AUDIT_SUBNETS_MAX; i++)
		failed |= json_array_append_new(
			subnets, json_string(prefix_format(&n->subnets[i].prefix, text)));
	if (failed) {
		json_decref(addresses);
		json_decref(subnets);
		return NULL;
	}
	return json_pack("{s:I, s:s, s:o, s:o, s:I}", "id", (json_int_t)n->id, "kind",
			 node_kind_str(n->kind), "addresses", addresses, "subnets", subnets,
			 "subnets_total", (json_int_t)n->n_subnets);
}

/* A group that went away between the request and the change. */
static enum err group_unknown(struct change *c, enum err e)
{
	return e == ERR_NOTFOUND ? change_refuse(c, e, "group_unknown", "/groups",
						 "There is no such group any more.")
				 : e;
}

enum err change_node_put(struct change *c, const struct change_node_add *in, struct node *n)
{
	enum err e = compose(c, in, n);

	if (!e)
		e = change_revise(c, "node.add %s", in->name);
	if (e)
		return e;
	n->revision = c->revision;
	e = group_unknown(c, store_node_put(c->store, n));
	if (!e)
		e = put_belongings(c, in, n);
	return e ? e : change_audit(c, "node.add", "node", n->name, describe(n));
}

/* The node as it is in the store now. */
static enum err read_back(struct change *c, uint32_t id, struct node *out)
{
	struct node n;
	enum err e = store_node_get(c->store, id, &n, NULL);

	if (!e)
		*out = n;
	return e;
}

enum err change_node_add(struct change *c, const struct change_node_add *in, struct node *out)
{
	struct node n, added;
	enum err e = change_begin(c);

	if (e)
		return e;
	node_init(&n);
	node_init(&added);
	e = change_node_put(c, in, &n);
	if (!e)
		e = read_back(c, n.id, &added);
	node_fini(&n);
	e = change_end(c, e);
	if (e)
		node_fini(&added);
	else
		*out = added;
	return e;
}

/* Another address in the place of that of its family; the other family's stays. */
static enum err set_addresses(struct change *c, const struct change_node_edit *in, struct node *n)
{
	for (size_t i = 0; i < in->n_addresses; i++)
		n->addresses[in->addresses[i].family == AF_INET6].family = 0;
	return change_pools_assign(c, in->addresses, in->n_addresses, n);
}

static enum err set_name(struct change *c, const char *name, struct node *n)
{
	enum err e;

	if (n->kind == NODE_HUB)
		return change_refuse(c, ERR_DENIED, "node_is_hub", "/name",
				     "The hub's own name stands in its hub.conf and cannot be "
				     "changed here.");
	e = check_name(c, name, n->id);
	if (!e)
		snprintf(n->name, sizeof(n->name), "%s", name);
	return e;
}

/* Applies the wishes to `n`. */
static enum err apply_edit(struct change *c, const struct change_node_edit *in, struct node *n)
{
	enum err e = ERR_OK;

	if (in->keepalive_s > KEEPALIVE_MAX_S)
		return change_refuse(c, ERR_INVALID, "keepalive_invalid", "/keepalive",
				     "A keepalive is 0 to %d seconds.", KEEPALIVE_MAX_S);
	if (in->compression > COMPRESSION_MAX)
		return change_refuse(c, ERR_INVALID, "compression_invalid", "/compression",
				     "Compression is 0 to %d.", COMPRESSION_MAX);
	if (in->keepalive_s >= 0)
		n->keepalive_s = (uint16_t)in->keepalive_s;
	if (in->compression >= 0)
		n->compression = (uint8_t)in->compression;
	if (in->name && strcmp(in->name, n->name) != 0)
		e = set_name(c, in->name, n);
	if (!e && in->n_addresses)
		e = set_addresses(c, in, n);
	if (!e && in->comment)
		e = change_check_text(c, in->comment, STORE_TEXT_SIZE, "comment_invalid",
				      "/comment");
	if (!e && in->path_policy)
		e = set_path_policy(c, *in->path_policy, n);
	if (!e && in->set_endpoints)
		e = set_endpoints(c, in->endpoints, in->n_endpoints, n);
	if (in->set_groups)
		n->groups = in->groups;
	n->groups = (n->groups | in->join_groups) & ~in->leave_groups;
	return e;
}

/* The hub's endpoints are also what join tokens tell spokes to dial. */
static enum err publish_hub_addresses(struct change *c, const struct node *n)
{
	struct buf lines;
	const char *text;
	enum err e = ERR_OK;

	buf_init(&lines, NODE_ENDPOINTS_MAX * (ENDPOINT_NAME_SIZE + 1));
	for (uint32_t i = 0; i < n->n_endpoints && !e; i++)
		e = buf_printf(&lines, "%s\n", n->endpoints[i]);
	text = buf_cstr(&lines);
	if (!e)
		e = text ? store_setting_put(c->store, "hub_addresses", text) : ERR_NOMEM;
	buf_fini(&lines);
	return e;
}

/* What an edit can change, for the audit entry; NULL when memory is out. */
static json_t *describe_settings(struct change *c, const struct node *n)
{
	json_t *endpoints = json_array(), *groups = change_group_names(c, n->groups);

	for (uint32_t i = 0; endpoints && i < n->n_endpoints; i++)
		json_array_append_new(endpoints, json_string(n->endpoints[i]));
	return json_pack("{s:s, s:o, s:i, s:i, s:s, s:o, s:o}", "name", n->name, "addresses",
			 list_addresses(n), "keepalive", n->keepalive_s, "compression",
			 n->compression, "path_policy", path_policy_str(n->path_policy),
			 "endpoints", endpoints, "groups", groups);
}

static enum err node_edit(struct change *c, const struct node *before,
			  const struct change_node_edit *in, struct node *n)
{
	enum err e = apply_edit(c, in, n);

	if (!e && in->comment)
		e = store_node_comment(c->store, n->id, in->comment);
	if (!e && in->set_endpoints && n->kind == NODE_HUB)
		e = publish_hub_addresses(c, n);
	if (!e && !node_equal(before, n)) {
		e = change_revise(c, "node.edit %s", before->name);
		n->revision = c->revision;
		if (!e)
			e = store_node_put(c->store, n);
		if (!e && n->groups != before->groups)
			e = group_unknown(c, store_node_groups_put(c->store, n->id, n->groups));
	}
	if (e)
		return e;
	return change_audit(c, "node.edit", "node", before->name,
			    json_pack("{s:o, s:o}", "before", describe_settings(c, before), "after",
				      describe_settings(c, n)));
}

enum err change_node_edit(struct change *c, uint32_t id, const struct change_node_edit *in,
			  struct node *out)
{
	struct node before, n;
	enum err e = change_begin(c);

	if (e)
		return e;
	node_init(&before);
	node_init(&n);
	e = change_node_load(c, id, &before);
	if (!e)
		e = node_copy(&n, &before);
	if (!e)
		e = node_edit(c, &before, in, &n);
	node_fini(&before);
	e = change_end(c, e);
	if (e)
		node_fini(&n);
	else
		*out = n;
	return e;
}

/* What is to be known of a revocation for ever. */
static enum err note_revocation(struct change *c, const struct node *n, const char *why)
{
	struct store_revocation r = { .revision = c->revision, .node_id = n->id };

	snprintf(r.node_name, sizeof(r.node_name), "%s", n->name);
	snprintf(r.actor, sizeof(r.actor), "%s", c->actor);
	snprintf(r.reason, sizeof(r.reason), "%s", why);
	return store_revocation_add(c->store, &r);
}

/* What revoking and deleting have in common: the status with all that follows from it, and the open
 * invitations. */
static enum err end_membership(struct change *c, const struct node *n, enum node_status status,
			       const char *why)
{
	const char *action = status == NODE_DELETED ? "node.delete" : "node.revoke";
	enum err e;

	if (n->kind == NODE_HUB)
		return change_refuse(c, ERR_DENIED, "node_is_hub", "", "%s is the hub itself.",
				     n->name);
	e = change_revise(c, "%s %s", action, n->name);
	if (!e)
		e = store_node_status(c->store, n->id, status, why, c->revision);
	if (!e)
		e = store_tokens_revoke_node(c->store, n->id);
	if (!e && status == NODE_REVOKED)
		e = note_revocation(c, n, why);
	if (e)
		return e;
	return change_audit(c, action, "node", n->name,
			    json_pack("{s:I, s:s}", "id", (json_int_t)n->id, "why", why));
}

static enum err node_revoke(struct change *c, uint32_t id, const char *why)
{
	struct node n;
	enum err e = change_check_text(c, why, STORE_TEXT_SIZE, "reason_invalid", "/reason");

	if (!e)
		e = change_node_load(c, id, &n);
	if (e)
		return e;
	if (n.status == NODE_REVOKED)
		e = change_refuse(c, ERR_CONFLICT, "node_already_revoked", "",
				  "Node %s is revoked already.", n.name);
	else
		e = end_membership(c, &n, NODE_REVOKED, why);
	node_fini(&n);
	return e;
}

enum err change_node_revoke(struct change *c, uint32_t id, const char *why)
{
	enum err e = change_begin(c);

	return e ? e : change_end(c, node_revoke(c, id, why ? why : ""));
}

static enum err note_subnet(void *arg, const struct store_subnet *s)
{
	char text[PREFIX_STR_SIZE];

	change_note_use(arg, "subnet", "%s", prefix_format(&s->subnet.prefix, text));
	return ERR_OK;
}

/* Which join tokens are to be noted, and where. */
struct open_tokens {
	struct change *change;
	uint32_t node_id;
	int64_t now_ms;
};

static enum err note_token(void *arg, const struct store_token *t)
{
	const struct open_tokens *x = arg;

	if (t->node_id == x->node_id && store_token_is_open(t, x->now_ms))
		change_note_use(x->change, "token", "%u", t->id);
	return ERR_OK;
}

/* What goes with a node that is deleted. */
static enum err note_belongings(struct change *c, uint32_t id)
{
	struct open_tokens x = { c, id, clock_wall_ms() };
	enum err e = store_subnets_list(c->store, id, 0, 0, note_subnet, c);

	return e ? e : store_tokens_list(c->store, 0, 0, note_token, &x);
}

static enum err node_delete(struct change *c, uint32_t id)
{
	struct node n;
	enum err e = change_node_load(c, id, &n);

	if (e)
		return e;
	e = note_belongings(c, id);
	if (!e)
		e = end_membership(c, &n, NODE_DELETED, "deleted");
	node_fini(&n);
	return e;
}

enum err change_node_delete(struct change *c, uint32_t id)
{
	enum err e = change_begin(c);

	return e ? e : change_end(c, node_delete(c, id));
}

/* The two ways between active and disabled. */
static enum err set_disabled(struct change *c, const struct node *n, bool disable, const char *why)
{
	const char *action = disable ? "node.disable" : "node.enable";
	enum err e = change_revise(c, "%s %s", action, n->name);

	if (!e)
		e = store_node_status(c->store, n->id, disable ? NODE_DISABLED : NODE_ACTIVE, why,
				      c->revision);
	if (e)
		return e;
	return change_audit(c, action, "node", n->name,
			    json_pack("{s:I, s:s}", "id", (json_int_t)n->id, "why", why));
}

static enum err check_may_disable(struct change *c, const struct node *n)
{
	if (n->kind == NODE_HUB)
		return change_refuse(c, ERR_DENIED, "node_is_hub", "", "%s is the hub itself.",
				     n->name);
	if (n->status == NODE_DISABLED)
		return change_refuse(c, ERR_CONFLICT, "node_already_disabled", "",
				     "Node %s is disabled already.", n->name);
	if (n->status != NODE_ACTIVE)
		return change_refuse(c, ERR_CONFLICT, "node_not_active", "",
				     "Node %s is %s: it has no tunnels that could be ended.",
				     n->name, node_status_str(n->status));
	return ERR_OK;
}

enum err change_node_disable(struct change *c, uint32_t id, const char *why)
{
	struct node n;
	enum err e = change_begin(c);

	if (e)
		return e;
	e = change_check_text(c, why, STORE_TEXT_SIZE, "reason_invalid", "/reason");
	if (!e)
		e = change_node_load(c, id, &n);
	if (e)
		return change_end(c, e);
	e = check_may_disable(c, &n);
	if (!e)
		e = set_disabled(c, &n, true, why);
	node_fini(&n);
	return change_end(c, e);
}

enum err change_node_enable(struct change *c, uint32_t id)
{
	struct node n;
	enum err e = change_begin_node(c, id, &n);

	if (e)
		return e;
	if (n.status == NODE_DISABLED)
		e = set_disabled(c, &n, false, "");
	else
		e = change_refuse(c, ERR_CONFLICT, "node_not_disabled", "",
				  "Node %s is not disabled: it is %s.", n.name,
				  node_status_str(n.status));
	return change_end_node(c, e, &n);
}

static enum err key_revoke(struct change *c, uint32_t key_id, const char *why)
{
	struct store_key k;
	char fingerprint[17];
	enum err e = change_check_text(c, why, STORE_TEXT_SIZE, "reason_invalid", "/reason");

	if (!e)
		e = store_key_get(c->store, key_id, &k);
	if (e == ERR_NOTFOUND)
		return change_refuse(c, e, "not_found", "", "There is no key with the id %u.",
				     key_id);
	if (e)
		return e;
	if (k.status == KEY_REVOKED)
		return change_refuse(c, ERR_CONFLICT, "key_already_revoked", "",
				     "This key of node %s is revoked already.", k.node_name);
	/* Without a current key a node is no member. */
	if (k.status == KEY_CURRENT)
		return node_revoke(c, k.node_id, why);
	e = store_key_revoke(c->store, key_id, why);
	if (e)
		return e;
	for (int i = 0; i < 8; i++)
		snprintf(fingerprint + 2 * i, 3, "%02x", k.fingerprint[i]);
	return change_audit(c, "key.revoke", "node", k.node_name,
			    json_pack("{s:I, s:s, s:s}", "key_id", (json_int_t)key_id,
				      "fingerprint", fingerprint, "why", why));
}

enum err change_key_revoke(struct change *c, uint32_t key_id, const char *why)
{
	enum err e = change_begin(c);

	return e ? e : change_end(c, key_revoke(c, key_id, why ? why : ""));
}
