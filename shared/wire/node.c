/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/wire/node.h"

#include <stdlib.h>
#include <string.h>

#include "shared/base/base64.h"
#include "shared/base/hostport.h"
#include "shared/wire/fields.h"

static const char *const KIND_NAMES[] = {
	[NODE_HUB] = "hub",
	[NODE_SPOKE] = "spoke",
	[NODE_WIREGUARD] = "wireguard",
};
static const char *const STATUS_NAMES[] = {
	[NODE_INVITED] = "invited", [NODE_ACTIVE] = "active",   [NODE_DISABLED] = "disabled",
	[NODE_REVOKED] = "revoked", [NODE_DELETED] = "deleted",
};

/* The index of `s` in a table whose entry 0 is empty, or 0. */
static unsigned find_name(const char *const *names, size_t n, const char *s)
{
	for (unsigned i = 1; i < n; i++)
		if (strcmp(names[i], s) == 0)
			return i;
	return 0;
}

const char *node_kind_str(enum node_kind k)
{
	return (unsigned)k - 1 < ARRAY_LEN(KIND_NAMES) - 1 ? KIND_NAMES[k] : "unknown";
}

enum err node_kind_parse(const char *s, enum node_kind *out)
{
	unsigned i = find_name(KIND_NAMES, ARRAY_LEN(KIND_NAMES), s);

	if (!i)
		return ERR_INVALID;
	*out = (enum node_kind)i;
	return ERR_OK;
}

const char *node_status_str(enum node_status s)
{
	return (unsigned)s - 1 < ARRAY_LEN(STATUS_NAMES) - 1 ? STATUS_NAMES[s] : "unknown";
}

enum err node_status_parse(const char *s, enum node_status *out)
{
	unsigned i = find_name(STATUS_NAMES, ARRAY_LEN(STATUS_NAMES), s);

	if (!i)
		return ERR_INVALID;
	*out = (enum node_status)i;
	return ERR_OK;
}

void node_init(struct node *n) { memset(n, 0, sizeof(*n)); }

void node_fini(struct node *n)
{
	free(n->subnets);
	free(n->chain);
	free(n->endpoints);
	node_init(n);
}

/* `*out` gets a copy; nothing is copied to NULL. */
static enum err copy_list(void **out, const void *list, size_t bytes)
{
	*out = bytes ? malloc(bytes) : NULL;
	if (*out)
		memcpy(*out, list, bytes);
	return bytes && !*out ? ERR_NOMEM : ERR_OK;
}

enum err node_copy(struct node *dst, const struct node *src)
{
	struct node made = *src;

	made.subnets = NULL;
	made.chain = NULL;
	made.endpoints = NULL;
	if (copy_list((void **)&made.subnets, src->subnets,
		      src->n_subnets * sizeof(*src->subnets)) ||
	    copy_list((void **)&made.chain, src->chain, src->n_chain * sizeof(*src->chain)) ||
	    copy_list((void **)&made.endpoints, src->endpoints,
		      src->n_endpoints * sizeof(*src->endpoints))) {
		node_fini(&made);
		return ERR_NOMEM;
	}
	*dst = made;
	return ERR_OK;
}

enum err node_chain_add(struct node *n, const struct node_link *link)
{
	struct node_link *grown;

	if (n->n_chain >= NODE_CHAIN_MAX)
		return ERR_LIMIT;
	grown = realloc(n->chain, (n->n_chain + 1u) * sizeof(*grown));
	if (!grown)
		return ERR_NOMEM;
	n->chain = grown;
	n->chain[n->n_chain++] = *link;
	return ERR_OK;
}

static bool has_prefix(const struct node *n, const struct prefix *p)
{
	for (uint32_t lo = 0, hi = n ? n->n_subnets : 0; lo < hi;) {
		uint32_t mid = lo + (hi - lo) / 2;
		int c = prefix_cmp(&n->subnets[mid].prefix, p);

		if (c == 0)
			return true;
		if (c < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return false;
}

void node_subnets_compare(const struct node *old, const struct node *now,
			  void (*cb)(void *arg, const struct node_subnet *s, bool up), void *arg)
{
	for (uint32_t i = 0; old && i < old->n_subnets; i++)
		if (!has_prefix(now, &old->subnets[i].prefix))
			cb(arg, &old->subnets[i], false);
	for (uint32_t i = 0; now && i < now->n_subnets; i++)
		if (!has_prefix(old, &now->subnets[i].prefix))
			cb(arg, &now->subnets[i], true);
}

enum err node_endpoint_add(struct node *n, const char *line)
{
	char(*grown)[ENDPOINT_NAME_SIZE];

	BUG_ON(strlen(line) >= ENDPOINT_NAME_SIZE);
	if (n->n_endpoints >= NODE_ENDPOINTS_MAX)
		return ERR_LIMIT;
	grown = realloc(n->endpoints, (n->n_endpoints + 1u) * sizeof(*grown));
	if (!grown)
		return ERR_NOMEM;
	n->endpoints = grown;
	memset(grown[n->n_endpoints], 0, sizeof(*grown));
	memcpy(grown[n->n_endpoints++], line, strlen(line));
	return ERR_OK;
}

enum err node_subnet_add(struct node *n, const struct node_subnet *s)
{
	struct node_subnet *grown;
	uint32_t lo = 0, hi = n->n_subnets;

	/* The usual case, subnets that come in order, finds its place at once. */
	if (hi > 0 && prefix_cmp(&n->subnets[hi - 1].prefix, &s->prefix) < 0)
		lo = hi;
	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;
		int cmp = prefix_cmp(&n->subnets[mid].prefix, &s->prefix);

		if (cmp == 0)
			return ERR_EXISTS;
		if (cmp < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (n->n_subnets >= NODE_SUBNETS_MAX)
		return ERR_LIMIT;
	grown = realloc(n->subnets, (n->n_subnets + 1u) * sizeof(*grown));
	if (!grown)
		return ERR_NOMEM;
	n->subnets = grown;
	memmove(&grown[lo + 1], &grown[lo], (n->n_subnets - lo) * sizeof(*grown));
	grown[lo] = *s;
	n->n_subnets++;
	return ERR_OK;
}

static bool subnets_equal(const struct node *a, const struct node *b)
{
	if (a->n_subnets != b->n_subnets)
		return false;
	for (uint32_t i = 0; i < a->n_subnets; i++)
		if (!prefix_equal(&a->subnets[i].prefix, &b->subnets[i].prefix) ||
		    a->subnets[i].weight != b->subnets[i].weight)
			return false;
	return true;
}

static bool endpoints_equal(const struct node *a, const struct node *b)
{
	if (a->n_endpoints != b->n_endpoints)
		return false;
	for (uint32_t i = 0; i < a->n_endpoints; i++)
		if (strcmp(a->endpoints[i], b->endpoints[i]) != 0)
			return false;
	return true;
}

static bool chains_equal(const struct node *a, const struct node *b)
{
	if (a->n_chain != b->n_chain)
		return false;
	for (uint8_t i = 0; i < a->n_chain; i++)
		if (!public_key_equal(&a->chain[i].key, &b->chain[i].key) ||
		    memcmp(a->chain[i].sig, b->chain[i].sig, sizeof(a->chain[i].sig)) != 0)
			return false;
	return true;
}

static bool keys_equal(const struct node *a, const struct node *b)
{
	if (!chains_equal(a, b))
		return false;
	if (a->has_identity != b->has_identity || a->has_tunnel != b->has_tunnel ||
	    a->key_unbroken != b->key_unbroken)
		return false;
	if (a->has_identity && !public_key_equal(&a->identity_key, &b->identity_key))
		return false;
	return !a->has_tunnel || (public_key_equal(&a->tunnel_key, &b->tunnel_key) &&
				  memcmp(a->tunnel_sig, b->tunnel_sig, sizeof(a->tunnel_sig)) == 0);
}

bool node_equal(const struct node *a, const struct node *b)
{
	return a->id == b->id && strcmp(a->name, b->name) == 0 && a->kind == b->kind &&
	       a->status == b->status && keys_equal(a, b) && a->aes == b->aes &&
	       a->compression == b->compression && a->keepalive_s == b->keepalive_s &&
	       a->groups == b->groups && a->reach == b->reach && a->path_policy == b->path_policy &&
	       a->hub_only == b->hub_only && a->direct_only == b->direct_only &&
	       addr_equal(&a->addresses[0], &b->addresses[0]) &&
	       addr_equal(&a->addresses[1], &b->addresses[1]) && subnets_equal(a, b) &&
	       endpoints_equal(a, b);
}

bool node_may_talk(const struct node *a, const struct node *b)
{
	if (a->kind == NODE_HUB || b->kind == NODE_HUB)
		return true;
	return (a->reach & b->groups) != 0 || (b->reach & a->groups) != 0;
}

enum path_policy node_path_policy(const struct node *a, const struct node *b)
{
	const struct path_rules of_a = { a->path_policy, a->groups, a->hub_only, a->direct_only };
	const struct path_rules of_b = { b->path_policy, b->groups, b->hub_only, b->direct_only };

	if (a->kind != NODE_SPOKE || b->kind != NODE_SPOKE)
		return PATH_POLICY_AUTO;
	return path_policy_of_pair(&of_a, &of_b);
}

static json_t *subnets_to_json(const struct node *n)
{
	json_t *array = json_array();
	bool failed = !array;

	for (uint32_t i = 0; i < n->n_subnets && !failed; i++) {
		struct fields_out o;

		fields_write_init(&o);
		fields_put_prefix(&o, "prefix", &n->subnets[i].prefix);
		fields_put_int(&o, "weight", n->subnets[i].weight);
		failed = json_array_append_new(array, fields_write_end(&o)) != 0;
	}
	if (!failed)
		return array;
	json_decref(array);
	return NULL;
}

static json_t *endpoints_to_json(const struct node *n)
{
	json_t *array = json_array();

	for (uint32_t i = 0; i < n->n_endpoints && array; i++) {
		if (json_array_append_new(array, json_string(n->endpoints[i])) == 0)
			continue;
		json_decref(array);
		array = NULL;
	}
	return array;
}

/* Without a word of it: auto, as before there was a choice. */
static void put_path_policy(struct fields_out *o, const struct node *n)
{
	if (n->path_policy != PATH_POLICY_AUTO)
		fields_put_text(o, "path_policy", path_policy_str(n->path_policy));
	if (n->hub_only)
		fields_put_bits(o, "hub_only", n->hub_only);
	if (n->direct_only)
		fields_put_bits(o, "direct_only", n->direct_only);
}

static json_t *chain_to_json(const struct node *n)
{
	json_t *array = json_array();
	bool failed = !array;

	for (uint8_t i = 0; i < n->n_chain && !failed; i++) {
		struct fields_out o;

		fields_write_init(&o);
		fields_put_bytes(&o, "key", n->chain[i].key.b, KEY_BYTES);
		fields_put_bytes(&o, "sig", n->chain[i].sig, sizeof(n->chain[i].sig));
		failed = json_array_append_new(array, fields_write_end(&o)) != 0;
	}
	if (!failed)
		return array;
	json_decref(array);
	return NULL;
}

json_t *node_to_json(const struct node *n)
{
	struct fields_out o;

	fields_write_init(&o);
	fields_put_int(&o, "id", n->id);
	fields_put_text(&o, "name", n->name);
	fields_put_text(&o, "kind", node_kind_str(n->kind));
	fields_put_text(&o, "status", node_status_str(n->status));
	fields_put_count(&o, "revision", n->revision);
	if (n->has_identity)
		fields_put_bytes(&o, "identity_key", n->identity_key.b, KEY_BYTES);
	if (n->has_tunnel)
		fields_put_bytes(&o, "tunnel_key", n->tunnel_key.b, KEY_BYTES);
	if (n->has_tunnel && !secret_is_zero(n->tunnel_sig, sizeof(n->tunnel_sig)))
		fields_put_bytes(&o, "tunnel_sig", n->tunnel_sig, sizeof(n->tunnel_sig));
	fields_put_bool(&o, "key_unbroken", n->key_unbroken);
	if (n->n_chain)
		fields_put(&o, "identity_chain", chain_to_json(n));
	fields_put_bool(&o, "aes", n->aes);
	fields_put_int(&o, "compression", n->compression);
	fields_put_int(&o, "keepalive", n->keepalive_s);
	fields_put_bits(&o, "groups", n->groups);
	fields_put_bits(&o, "reach", n->reach);
	put_path_policy(&o, n);
	fields_put_addrs(&o, "addresses", n->addresses);
	fields_put(&o, "subnets", subnets_to_json(n));
	fields_put(&o, "endpoints", endpoints_to_json(n));
	return fields_write_end(&o);
}

/* Names of enums: a value that we do not know is an error, since we could not tell what it allows.
 */
static void get_kind_and_status(struct fields *f, struct node *n)
{
	const char *kind = fields_get_str(f, "kind", FIELDS_REQUIRED);
	const char *status = fields_get_str(f, "status", FIELDS_REQUIRED);

	if (kind && node_kind_parse(kind, &n->kind))
		fields_fail(f, ERR_INVALID);
	if (status && node_status_parse(status, &n->status))
		fields_fail(f, ERR_INVALID);
}

static void get_keys(struct fields *f, struct node *n)
{
	n->has_identity =
		fields_get_bytes(f, "identity_key", FIELDS_OPTIONAL, n->identity_key.b, KEY_BYTES);
	n->has_tunnel =
		fields_get_bytes(f, "tunnel_key", FIELDS_OPTIONAL, n->tunnel_key.b, KEY_BYTES);
	if (fields_get_bytes(f, "tunnel_sig", FIELDS_OPTIONAL, n->tunnel_sig,
			     sizeof(n->tunnel_sig)) &&
	    !n->has_tunnel)
		fields_fail(f, ERR_INVALID);
	n->key_unbroken = fields_get_bool(f, "key_unbroken", FIELDS_OPTIONAL);
}

static void get_chain(struct fields *f, struct node *n)
{
	const json_t *array =
		fields_get_array(f, "identity_chain", FIELDS_OPTIONAL, NODE_CHAIN_MAX);

	if (json_array_size(array) && !n->has_identity)
		fields_fail(f, ERR_INVALID);
	for (size_t i = 0; array && !f->err && i < json_array_size(array); i++) {
		struct node_link link;
		struct fields item;
		enum err e;

		fields_init(&item, json_array_get(array, i));
		fields_get_bytes(&item, "key", FIELDS_REQUIRED, link.key.b, KEY_BYTES);
		fields_get_bytes(&item, "sig", FIELDS_REQUIRED, link.sig, sizeof(link.sig));
		e = item.err ? item.err : node_chain_add(n, &link);
		if (e)
			fields_fail(f, e);
	}
}

static void get_path_policy(struct fields *f, struct node *n)
{
	const char *policy = fields_get_str(f, "path_policy", FIELDS_OPTIONAL);

	if (policy && path_policy_parse(policy, &n->path_policy))
		fields_fail(f, ERR_INVALID);
	n->hub_only = fields_get_bits(f, "hub_only", FIELDS_OPTIONAL);
	n->direct_only = fields_get_bits(f, "direct_only", FIELDS_OPTIONAL);
}

static void get_subnets(struct fields *f, struct node *n)
{
	const json_t *array = fields_get_array(f, "subnets", FIELDS_OPTIONAL, NODE_SUBNETS_MAX);

	for (size_t i = 0; array && !f->err && i < json_array_size(array); i++) {
		struct node_subnet s;
		enum err e = node_subnet_from_json(json_array_get(array, i), &s);

		if (!e)
			e = node_subnet_add(n, &s);
		if (e)
			fields_fail(f, e == ERR_EXISTS ? ERR_INVALID : e);
	}
}

static void get_endpoints(struct fields *f, struct node *n)
{
	const json_t *array = fields_get_array(f, "endpoints", FIELDS_OPTIONAL, NODE_ENDPOINTS_MAX);

	for (size_t i = 0; array && i < json_array_size(array); i++) {
		const char *s = json_string_value(json_array_get(array, i));

		if (!s || !hostport_is_line(s)) {
			fields_fail(f, ERR_INVALID);
			return;
		}
		enum err e = node_endpoint_add(n, s);
		if (e) {
			fields_fail(f, e);
			return;
		}
	}
}

enum err node_subnet_from_json(const json_t *j, struct node_subnet *out)
{
	struct fields f;
	struct node_subnet s;

	fields_init(&f, j);
	fields_get_prefix(&f, "prefix", &s.prefix);
	s.weight = (uint32_t)fields_get_int(&f, "weight", FIELDS_REQUIRED, 0, SUBNET_WEIGHT_MAX);
	if (!f.err)
		*out = s;
	return f.err;
}

enum err node_from_json(const json_t *j, struct node *out)
{
	struct fields f;

	node_init(out);
	fields_init(&f, j);
	out->id = fields_get_id(&f, "id");
	fields_get_name(&f, "name", out->name);
	get_kind_and_status(&f, out);
	out->revision = fields_get_count(&f, "revision", FIELDS_REQUIRED);
	get_keys(&f, out);
	get_chain(&f, out);
	out->aes = fields_get_bool(&f, "aes", FIELDS_OPTIONAL);
	out->compression = (uint8_t)fields_get_int(&f, "compression", FIELDS_OPTIONAL, 0,
						   NODE_COMPRESSION_MAX);
	out->keepalive_s =
		(uint16_t)fields_get_int(&f, "keepalive", FIELDS_OPTIONAL, 0, UINT16_MAX);
	out->groups = fields_get_bits(&f, "groups", FIELDS_OPTIONAL);
	out->reach = fields_get_bits(&f, "reach", FIELDS_OPTIONAL);
	get_path_policy(&f, out);
	fields_get_addrs(&f, "addresses", out->addresses);
	get_subnets(&f, out);
	get_endpoints(&f, out);
	if (f.err)
		node_fini(out);
	return f.err;
}

size_t node_tunnel_sign_input(const struct public_key *tunnel_key, uint8_t out[NODE_SIGN_INPUT_MAX])
{
	static const char label[] = "branchline tunnel key v1"; /* signed with its end mark */
	_Static_assert(sizeof(label) + KEY_BYTES <= NODE_SIGN_INPUT_MAX, "fits");

	memcpy(out, label, sizeof(label));
	memcpy(out + sizeof(label), tunnel_key->b, KEY_BYTES);
	return sizeof(label) + KEY_BYTES;
}

size_t node_identity_sign_input(const struct public_key *identity_key,
				uint8_t out[NODE_SIGN_INPUT_MAX])
{
	static const char label[] = "branchline identity key v1"; /* signed with its end mark */
	_Static_assert(sizeof(label) + KEY_BYTES <= NODE_SIGN_INPUT_MAX, "fits");

	memcpy(out, label, sizeof(label));
	memcpy(out + sizeof(label), identity_key->b, KEY_BYTES);
	return sizeof(label) + KEY_BYTES;
}
