/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Each message has a put_ function (struct to JSON) and a get_ function (JSON to struct) next to
 * each other, and a row in MESSAGES. control_encode() and control_decode() add the type and the
 * frame.
 */
#include "shared/wire/control.h"

#include <string.h>

#include "shared/wire/fields.h"
#include "shared/wire/frame.h"
#include "shared/wire/settings_msg.h"

#define CANDIDATES_MAX 16u
_Static_assert(ARRAY_LEN(((struct control_hello *)0)->candidates) == CANDIDATES_MAX,
	       "as in the header");
_Static_assert(ARRAY_LEN(((struct control_presence *)0)->endpoints) == CANDIDATES_MAX,
	       "as in the header");

static const struct {
	uint32_t bit;
	const char *name;
} CAPABILITIES[] = {
	{ CAP_ZLIB, "zlib" },
	{ CAP_CARRY, "carry" },
	{ CAP_SETTINGS, "settings" },
	{ CAP_ROTATE, "rotate" },
	{ CAP_REVIVED, "revived" },
	{ CAP_HELD_KEYS, "held-keys" },
	{ CAP_PEER_POLICIES, "peer-policies" },
	{ CAP_HUB_KEY, "hub-key" },
};

static void put_capabilities(struct fields_out *o, uint32_t bits)
{
	json_t *array = json_array();

	for (size_t i = 0; i < ARRAY_LEN(CAPABILITIES); i++)
		if ((bits & CAPABILITIES[i].bit) &&
		    json_array_append_new(array, json_string(CAPABILITIES[i].name)) != 0)
			o->failed = true;
	fields_put(o, "capabilities", array);
}

static uint32_t get_capabilities(struct fields *f)
{
	const json_t *array =
		fields_get_array(f, "capabilities", FIELDS_OPTIONAL, CONTROL_CAPABILITIES_MAX);
	uint32_t bits = 0;

	for (size_t i = 0; array && i < json_array_size(array); i++) {
		const char *name = json_string_value(json_array_get(array, i));

		if (!name) {
			fields_fail(f, ERR_INVALID);
			return 0;
		}
		for (size_t k = 0; k < ARRAY_LEN(CAPABILITIES); k++)
			if (strcmp(CAPABILITIES[k].name, name) == 0)
				bits |= CAPABILITIES[k].bit;
	}
	return bits;
}

/* Left out when there is nothing to say: most messages of most links. */
static void put_nonzero(struct fields_out *o, const char *key, int64_t v)
{
	if (v)
		fields_put_int(o, key, v);
}

/* Not checked against the values of today: a later spoke may know more of them. */
static uint8_t get_u8(struct fields *f, const char *key, enum fields_need need)
{
	return (uint8_t)fields_get_int(f, key, need, 0, UINT8_MAX);
}

/* What a spoke's own configuration says of its paths; mostly nothing. */
static void put_path_policy(struct fields_out *o, enum path_policy policy)
{
	if (policy != PATH_POLICY_AUTO)
		fields_put_text(o, "path_policy", path_policy_str(policy));
}

static enum path_policy get_path_policy(struct fields *f)
{
	const char *s = fields_get_str(f, "path_policy", FIELDS_OPTIONAL);
	enum path_policy policy = PATH_POLICY_AUTO;

	if (s && path_policy_parse(s, &policy))
		fields_fail(f, ERR_INVALID);
	return policy;
}

static void put_join(const struct control_msg *m, struct fields_out *o)
{
	const struct control_join *j = &m->join;

	fields_put_bytes(o, "secret", j->secret, sizeof(j->secret));
	fields_put_bytes(o, "tunnel_key", j->tunnel_key.b, KEY_BYTES);
	fields_put_bytes(o, "tunnel_sig", j->tunnel_sig, sizeof(j->tunnel_sig));
	fields_put_bool(o, "aes", j->aes);
	put_capabilities(o, j->capabilities);
	fields_put_text(o, "version", j->version);
	fields_put_text(o, "hostname", j->hostname);
	fields_put_text(o, "name", j->name);
}

static void get_join(struct fields *f, struct control_msg *m)
{
	struct control_join *j = &m->join;

	fields_get_bytes(f, "secret", FIELDS_REQUIRED, j->secret, sizeof(j->secret));
	fields_get_bytes(f, "tunnel_key", FIELDS_REQUIRED, j->tunnel_key.b, KEY_BYTES);
	fields_get_bytes(f, "tunnel_sig", FIELDS_REQUIRED, j->tunnel_sig, sizeof(j->tunnel_sig));
	j->aes = fields_get_bool(f, "aes", FIELDS_OPTIONAL);
	j->capabilities = get_capabilities(f);
	fields_get_text(f, "version", FIELDS_OPTIONAL, j->version, sizeof(j->version));
	fields_get_text(f, "hostname", FIELDS_OPTIONAL, j->hostname, sizeof(j->hostname));
	fields_get_text(f, "name", FIELDS_OPTIONAL, j->name, sizeof(j->name));
}

static void put_hello(const struct control_msg *m, struct fields_out *o)
{
	const struct control_hello *h = &m->hello;

	fields_put_count(o, "revision", h->revision);
	fields_put_count(o, "highest_revision", h->highest_revision);
	put_capabilities(o, h->capabilities);
	fields_put_text(o, "version", h->version);
	fields_put_text(o, "hostname", h->hostname);
	fields_put_bool(o, "aes", h->aes);
	fields_put_bytes(o, "tunnel_key", h->tunnel_key.b, KEY_BYTES);
	fields_put_bytes(o, "tunnel_sig", h->tunnel_sig, sizeof(h->tunnel_sig));
	fields_put_endpoints(o, "candidates", h->candidates, h->n_candidates);
	put_nonzero(o, "nat", h->nat);
	put_path_policy(o, h->path_policy);
	if (h->strict_keys)
		fields_put_bool(o, "strict_keys", true);
}

static void get_hello(struct fields *f, struct control_msg *m)
{
	struct control_hello *h = &m->hello;

	h->revision = fields_get_count(f, "revision", FIELDS_REQUIRED);
	h->highest_revision = fields_get_count(f, "highest_revision", FIELDS_OPTIONAL);
	if (h->highest_revision < h->revision)
		h->highest_revision = h->revision;
	h->capabilities = get_capabilities(f);
	fields_get_text(f, "version", FIELDS_OPTIONAL, h->version, sizeof(h->version));
	fields_get_text(f, "hostname", FIELDS_OPTIONAL, h->hostname, sizeof(h->hostname));
	h->aes = fields_get_bool(f, "aes", FIELDS_OPTIONAL);
	fields_get_bytes(f, "tunnel_key", FIELDS_REQUIRED, h->tunnel_key.b, KEY_BYTES);
	fields_get_bytes(f, "tunnel_sig", FIELDS_REQUIRED, h->tunnel_sig, sizeof(h->tunnel_sig));
	h->n_candidates = fields_get_endpoints(f, "candidates", h->candidates, CANDIDATES_MAX);
	h->nat = get_u8(f, "nat", FIELDS_OPTIONAL);
	h->path_policy = get_path_policy(f);
	h->strict_keys = fields_get_bool(f, "strict_keys", FIELDS_OPTIONAL);
}

static json_t *peer_report_json(const struct control_peer_report *p)
{
	struct fields_out o;

	fields_write_init(&o);
	fields_put_int(&o, "id", p->id);
	fields_put_int(&o, "path", p->path);
	fields_put_int(&o, "reason", p->reason);
	fields_put_endpoint(&o, "endpoint", &p->endpoint);
	fields_put_int(&o, "handshake_ms", p->handshake_ms);
	fields_put_count(&o, "rx_bytes", p->rx_bytes);
	fields_put_count(&o, "tx_bytes", p->tx_bytes);
	fields_put_int(&o, "rtt_us", p->rtt_us);
	put_nonzero(&o, "since_ms", p->since_ms);
	put_nonzero(&o, "loss_permille", p->loss_permille);
	put_nonzero(&o, "pmtu", p->pmtu);
	return fields_write_end(&o);
}

static enum err peer_report_from_json(const json_t *j, struct control_peer_report *p)
{
	struct fields f;

	fields_init(&f, j);
	p->id = fields_get_id(&f, "id");
	p->path = get_u8(&f, "path", FIELDS_REQUIRED);
	p->reason = get_u8(&f, "reason", FIELDS_OPTIONAL);
	fields_get_endpoint(&f, "endpoint", &p->endpoint);
	p->handshake_ms = (int64_t)fields_get_count(&f, "handshake_ms", FIELDS_OPTIONAL);
	p->rx_bytes = fields_get_count(&f, "rx_bytes", FIELDS_OPTIONAL);
	p->tx_bytes = fields_get_count(&f, "tx_bytes", FIELDS_OPTIONAL);
	p->rtt_us = (uint32_t)fields_get_int(&f, "rtt_us", FIELDS_OPTIONAL, 0, UINT32_MAX);
	p->since_ms = (int64_t)fields_get_count(&f, "since_ms", FIELDS_OPTIONAL);
	p->loss_permille = (uint16_t)fields_get_int(&f, "loss_permille", FIELDS_OPTIONAL, 0, 1000);
	p->pmtu = (uint16_t)fields_get_int(&f, "pmtu", FIELDS_OPTIONAL, 0, UINT16_MAX);
	return f.err;
}

static void put_report(const struct control_msg *m, struct fields_out *o)
{
	json_t *array = json_array();

	for (unsigned i = 0; i < m->report.n_peers; i++)
		if (json_array_append_new(array, peer_report_json(&m->report.peers[i])) != 0)
			o->failed = true;
	fields_put(o, "peers", array);
	put_nonzero(o, "nat", m->report.nat);
}

static void get_report(struct fields *f, struct control_msg *m)
{
	const json_t *array =
		fields_get_array(f, "peers", FIELDS_REQUIRED, CONTROL_REPORT_PEERS_MAX);

	for (size_t i = 0; array && i < json_array_size(array) && !f->err; i++)
		if (peer_report_from_json(json_array_get(array, i), &m->report.peers[i]))
			fields_fail(f, ERR_INVALID);
	m->report.n_peers = array ? (uint16_t)json_array_size(array) : 0;
	m->report.nat = get_u8(f, "nat", FIELDS_OPTIONAL);
}

static void put_locate(const struct control_msg *m, struct fields_out *o)
{
	fields_put_int(o, "id", m->locate.id);
}

static void get_locate(struct fields *f, struct control_msg *m)
{
	m->locate.id = fields_get_id(f, "id");
}

static void put_ack(const struct control_msg *m, struct fields_out *o)
{
	fields_put_count(o, "revision", m->ack.revision);
}

static void get_ack(struct fields *f, struct control_msg *m)
{
	m->ack.revision = fields_get_count(f, "revision", FIELDS_REQUIRED);
}

static void put_propose(const struct control_msg *m, struct fields_out *o)
{
	fields_put_prefix(o, "prefix", &m->propose.subnet.prefix);
	fields_put_int(o, "weight", m->propose.subnet.weight);
}

static void get_propose(struct fields *f, struct control_msg *m)
{
	fields_get_prefix(f, "prefix", &m->propose.subnet.prefix);
	m->propose.subnet.weight =
		(uint32_t)fields_get_int(f, "weight", FIELDS_REQUIRED, 0, SUBNET_WEIGHT_MAX);
}

static void put_rotate(const struct control_msg *m, struct fields_out *o)
{
	const struct control_rotate_key *r = &m->rotate;

	if (r->has_identity) {
		fields_put_bytes(o, "identity_key", r->identity_key.b, KEY_BYTES);
		fields_put_bytes(o, "identity_sig", r->identity_sig, sizeof(r->identity_sig));
	}
	fields_put_bytes(o, "tunnel_key", r->tunnel_key.b, KEY_BYTES);
	fields_put_bytes(o, "tunnel_sig", r->tunnel_sig, sizeof(r->tunnel_sig));
}

static void get_rotate(struct fields *f, struct control_msg *m)
{
	struct control_rotate_key *r = &m->rotate;

	r->has_identity =
		fields_get_bytes(f, "identity_key", FIELDS_OPTIONAL, r->identity_key.b, KEY_BYTES);
	fields_get_bytes(f, "identity_sig", r->has_identity ? FIELDS_REQUIRED : FIELDS_OPTIONAL,
			 r->identity_sig, sizeof(r->identity_sig));
	fields_get_bytes(f, "tunnel_key", FIELDS_REQUIRED, r->tunnel_key.b, KEY_BYTES);
	fields_get_bytes(f, "tunnel_sig", FIELDS_REQUIRED, r->tunnel_sig, sizeof(r->tunnel_sig));
}

static void put_ask_key(const struct control_msg *m, struct fields_out *o)
{
	fields_put_bool(o, "tunnel", m->ask_key.tunnel);
	fields_put_bool(o, "identity", m->ask_key.identity);
}

static void get_ask_key(struct fields *f, struct control_msg *m)
{
	m->ask_key.tunnel = fields_get_bool(f, "tunnel", FIELDS_OPTIONAL);
	m->ask_key.identity = fields_get_bool(f, "identity", FIELDS_OPTIONAL);
}

static void put_revived(const struct control_msg *m, struct fields_out *o)
{
	fields_put_int(o, "id", m->revived.id);
	fields_put_count(o, "revision", m->revived.revision);
	fields_put_bytes(o, "identity_key", m->revived.identity_key.b, KEY_BYTES);
}

static void get_revived(struct fields *f, struct control_msg *m)
{
	m->revived.id = fields_get_id(f, "id");
	m->revived.revision = fields_get_count(f, "revision", FIELDS_REQUIRED);
	fields_get_bytes(f, "identity_key", FIELDS_REQUIRED, m->revived.identity_key.b, KEY_BYTES);
}

static void put_held(const struct control_msg *m, struct fields_out *o)
{
	json_t *list = json_array();

	for (uint8_t i = 0; i < m->held.n; i++) {
		struct fields_out x;

		fields_write_init(&x);
		fields_put_int(&x, "id", m->held.keys[i].id);
		fields_put_bytes(&x, "identity_key", m->held.keys[i].identity_key.b, KEY_BYTES);
		if (json_array_append_new(list, fields_write_end(&x)) != 0)
			o->failed = true;
	}
	fields_put(o, "keys", list);
}

static void get_held(struct fields *f, struct control_msg *m)
{
	const json_t *list = fields_get_array(f, "keys", FIELDS_REQUIRED, LINK_HELD_KEYS_MAX);

	for (size_t i = 0; i < json_array_size(list); i++) {
		struct control_held_key *x = &m->held.keys[m->held.n++];
		struct fields one;

		fields_init(&one, json_array_get(list, i));
		x->id = fields_get_id(&one, "id");
		fields_get_bytes(&one, "identity_key", FIELDS_REQUIRED, x->identity_key.b,
				 KEY_BYTES);
		if (one.err)
			fields_fail(f, one.err);
	}
}

static void put_policies(const struct control_msg *m, struct fields_out *o)
{
	json_t *list = json_array();

	for (uint16_t i = 0; i < m->policies.n; i++) {
		struct fields_out x;

		fields_write_init(&x);
		fields_put_int(&x, "id", m->policies.peers[i].id);
		put_path_policy(&x, m->policies.peers[i].policy);
		if (json_array_append_new(list, fields_write_end(&x)) != 0)
			o->failed = true;
	}
	fields_put(o, "peers", list);
}

/* Ids rise, so that none comes twice. */
static void get_policies(struct fields *f, struct control_msg *m)
{
	const json_t *list = fields_get_array(f, "peers", FIELDS_REQUIRED, LINK_PEER_POLICIES_MAX);
	uint32_t last = 0;

	for (size_t i = 0; i < json_array_size(list); i++) {
		struct control_peer_policy *x = &m->policies.peers[m->policies.n++];
		struct fields one;

		fields_init(&one, json_array_get(list, i));
		x->id = fields_get_id(&one, "id");
		x->policy = get_path_policy(&one);
		if (!one.err && (x->id <= last || x->policy == PATH_POLICY_AUTO))
			fields_fail(&one, ERR_INVALID);
		if (one.err)
			fields_fail(f, one.err);
		last = x->id;
	}
}

/* Into the message itself, or into an object of its own. */
static void put_hub_key_fields(struct fields_out *o, const struct control_hub_key *k)
{
	if (!k->has_key)
		return;
	fields_put_bytes(o, "key", k->key.b, KEY_BYTES);
	fields_put_bytes(o, "sig", k->sig, sizeof(k->sig));
	fields_put_int(o, "switch_ms", k->switch_ms);
}

static void get_hub_key_fields(struct fields *f, enum fields_need need, struct control_hub_key *k)
{
	k->has_key = fields_get_bytes(f, "key", need, k->key.b, KEY_BYTES);
	if (!k->has_key)
		return;
	fields_get_bytes(f, "sig", FIELDS_REQUIRED, k->sig, sizeof(k->sig));
	k->switch_ms = (int64_t)fields_get_count(f, "switch_ms", FIELDS_REQUIRED);
}

static void put_hub_key(const struct control_msg *m, struct fields_out *o)
{
	put_hub_key_fields(o, &m->hub_key);
}

static void get_hub_key(struct fields *f, struct control_msg *m)
{
	get_hub_key_fields(f, FIELDS_OPTIONAL, &m->hub_key);
}

static void put_hub_key_known(const struct control_msg *m, struct fields_out *o)
{
	fields_put_bytes(o, "key", m->hub_key_known.key.b, KEY_BYTES);
}

static void get_hub_key_known(struct fields *f, struct control_msg *m)
{
	fields_get_bytes(f, "key", FIELDS_REQUIRED, m->hub_key_known.key.b, KEY_BYTES);
}

/* In a welcome: mostly there is none. */
static void put_next_hub_key(struct fields_out *o, const struct control_hub_key *k)
{
	struct fields_out item;

	if (!k->has_key)
		return;
	fields_write_init(&item);
	put_hub_key_fields(&item, k);
	fields_put(o, "hub_key", fields_write_end(&item));
}

static void get_next_hub_key(struct fields *f, struct control_hub_key *k)
{
	const json_t *object = json_object_get(f->obj, "hub_key");
	struct fields item;

	if (!object || json_is_null(object))
		return;
	fields_init(&item, object);
	get_hub_key_fields(&item, FIELDS_REQUIRED, k);
	if (item.err)
		fields_fail(f, item.err);
}

static void put_nothing(const struct control_msg *m, struct fields_out *o)
{
	(void)m;
	(void)o;
}

static void get_nothing(struct fields *f, struct control_msg *m)
{
	(void)f;
	(void)m;
}

static void put_ports(struct fields_out *o, const struct control_welcome *w)
{
	json_t *array = json_array();

	for (unsigned i = 0; i < w->n_tcp_ports; i++)
		if (json_array_append_new(array, json_integer(w->tcp_ports[i])) != 0)
			o->failed = true;
	fields_put(o, "tcp_ports", array);
}

static void get_ports(struct fields *f, struct control_welcome *w)
{
	const json_t *array = fields_get_array(f, "tcp_ports", FIELDS_OPTIONAL, LINK_PORTS_MAX);

	for (size_t i = 0; array && i < json_array_size(array); i++) {
		const json_t *v = json_array_get(array, i);
		json_int_t port = json_integer_value(v);

		if (!json_is_integer(v) || port < 1 || port > UINT16_MAX) {
			fields_fail(f, ERR_INVALID);
			return;
		}
		w->tcp_ports[w->n_tcp_ports++] = (uint16_t)port;
	}
}

static void put_welcome(const struct control_msg *m, struct fields_out *o)
{
	const struct control_welcome *w = &m->welcome;

	fields_put_text(o, "network", w->network);
	fields_put_text(o, "name", w->name);
	fields_put_int(o, "id", w->id);
	fields_put_int(o, "hub_id", w->hub_id);
	fields_put_text(o, "hub_name", w->hub_name);
	fields_put_count(o, "revision", w->revision);
	put_capabilities(o, w->capabilities);
	fields_put_text(o, "version", w->version);
	fields_put_addrs(o, "addresses", w->addresses);
	fields_put_prefixes(o, "pools", w->pools);
	fields_put_int(o, "mtu", w->mtu);
	fields_put_int(o, "keepalive", w->keepalive_s);
	fields_put_int(o, "udp_port", w->udp_port);
	put_nonzero(o, "nat_port", w->nat_port);
	fields_put_int(o, "report_ms", w->report_ms);
	fields_put_int(o, "time_ms", w->time_ms);
	fields_put_endpoint(o, "observed", &w->observed);
	put_nonzero(o, "key_overlap", w->key_overlap_s);
	put_next_hub_key(o, &w->hub_key);
	put_ports(o, w);
}

static void get_welcome(struct fields *f, struct control_msg *m)
{
	struct control_welcome *w = &m->welcome;

	fields_get_name(f, "network", w->network);
	fields_get_name(f, "name", w->name);
	w->id = fields_get_id(f, "id");
	w->hub_id = fields_get_id(f, "hub_id");
	fields_get_name(f, "hub_name", w->hub_name);
	w->revision = fields_get_count(f, "revision", FIELDS_REQUIRED);
	w->capabilities = get_capabilities(f);
	fields_get_text(f, "version", FIELDS_OPTIONAL, w->version, sizeof(w->version));
	fields_get_addrs(f, "addresses", w->addresses);
	fields_get_prefixes(f, "pools", w->pools);
	w->mtu = (uint16_t)fields_get_int(f, "mtu", FIELDS_REQUIRED, TUN_MTU_MIN, TUN_MTU_MAX);
	w->keepalive_s = (uint16_t)fields_get_int(f, "keepalive", FIELDS_OPTIONAL, 0, UINT16_MAX);
	w->udp_port = (uint16_t)fields_get_int(f, "udp_port", FIELDS_REQUIRED, 1, UINT16_MAX);
	w->nat_port = (uint16_t)fields_get_int(f, "nat_port", FIELDS_OPTIONAL, 0, UINT16_MAX);
	w->report_ms = (uint32_t)fields_get_int(f, "report_ms", FIELDS_REQUIRED, 1, UINT32_MAX);
	w->time_ms = (int64_t)fields_get_count(f, "time_ms", FIELDS_REQUIRED);
	fields_get_endpoint(f, "observed", &w->observed);
	w->key_overlap_s =
		(uint32_t)fields_get_int(f, "key_overlap", FIELDS_OPTIONAL, 0, KEY_OVERLAP_MAX_S);
	get_next_hub_key(f, &w->hub_key);
	get_ports(f, w);
}

/* The delta is an object of its own; its members become the message's. */
static void put_directory(const struct control_msg *m, struct fields_out *o)
{
	json_t *j = delta_to_json(&m->directory);

	if (!j || json_object_update_new(o->obj, j) != 0)
		o->failed = true;
}

static void get_directory(struct fields *f, struct control_msg *m)
{
	enum err e = delta_from_json(f->obj, &m->directory);

	if (e)
		fields_fail(f, e);
}

static void put_presence(const struct control_msg *m, struct fields_out *o)
{
	fields_put_int(o, "id", m->presence.id);
	fields_put_bool(o, "online", m->presence.online);
	fields_put_bool(o, "tcp", m->presence.tcp);
	fields_put_endpoints(o, "endpoints", m->presence.endpoints, m->presence.n_endpoints);
	put_nonzero(o, "nat", m->presence.nat);
	put_path_policy(o, m->presence.path_policy);
}

static void get_presence(struct fields *f, struct control_msg *m)
{
	struct control_presence *p = &m->presence;

	p->id = fields_get_id(f, "id");
	p->online = fields_get_bool(f, "online", FIELDS_REQUIRED);
	p->tcp = fields_get_bool(f, "tcp", FIELDS_OPTIONAL);
	p->n_endpoints = fields_get_endpoints(f, "endpoints", p->endpoints, CANDIDATES_MAX);
	p->nat = get_u8(f, "nat", FIELDS_OPTIONAL);
	p->path_policy = get_path_policy(f);
}

static const char *const BYE_REASONS[] = {
	[BYE_SHUTDOWN] = "shutdown",         [BYE_BUSY] = "busy",
	[BYE_REVOKED] = "revoked",           [BYE_DISABLED] = "disabled",
	[BYE_UNKNOWN_KEY] = "unknown_key",   [BYE_REPLACED] = "replaced",
	[BYE_PROTOCOL] = "protocol",         [BYE_DELETED] = "deleted",
	[BYE_DISCONNECTED] = "disconnected",
};

const char *bye_reason_str(enum bye_reason r)
{
	return (unsigned)r - 1 < ARRAY_LEN(BYE_REASONS) - 1 ? BYE_REASONS[r] : "unknown";
}

/* A reason that we do not know ends the link like "shutdown" does: come again after
 * `retry_after_ms`. */
static enum bye_reason bye_reason_parse(const char *s)
{
	for (unsigned i = BYE_SHUTDOWN; i < ARRAY_LEN(BYE_REASONS); i++)
		if (strcmp(BYE_REASONS[i], s) == 0)
			return (enum bye_reason)i;
	return BYE_SHUTDOWN;
}

static void put_bye(const struct control_msg *m, struct fields_out *o)
{
	fields_put_text(o, "reason", bye_reason_str(m->bye.reason));
	fields_put_int(o, "retry_after_ms", m->bye.retry_after_ms);
	fields_put_text(o, "text", m->bye.text);
}

static void get_bye(struct fields *f, struct control_msg *m)
{
	const char *reason = fields_get_str(f, "reason", FIELDS_REQUIRED);

	if (reason)
		m->bye.reason = bye_reason_parse(reason);
	m->bye.retry_after_ms =
		(uint32_t)fields_get_int(f, "retry_after_ms", FIELDS_OPTIONAL, 0, UINT32_MAX);
	fields_get_text(f, "text", FIELDS_OPTIONAL, m->bye.text, sizeof(m->bye.text));
}

static void put_error(const struct control_msg *m, struct fields_out *o)
{
	fields_put_text(o, "code", m->error.code);
	fields_put_text(o, "text", m->error.text);
}

static void get_error(struct fields *f, struct control_msg *m)
{
	const char *code = m->error.code;

	fields_get_text(f, "code", FIELDS_REQUIRED, m->error.code, sizeof(m->error.code));
	if (code[0] == '\0' || code[strspn(code, "abcdefghijklmnopqrstuvwxyz0123456789_")] != '\0')
		fields_fail(f, ERR_INVALID);
	fields_get_text(f, "text", FIELDS_OPTIONAL, m->error.text, sizeof(m->error.text));
}

static void put_carry(const struct control_msg *m, struct fields_out *o)
{
	put_capabilities(o, m->carry.capabilities);
	fields_put_text(o, "version", m->carry.version);
}

static void get_carry(struct fields *f, struct control_msg *m)
{
	m->carry.capabilities = get_capabilities(f);
	fields_get_text(f, "version", FIELDS_OPTIONAL, m->carry.version, sizeof(m->carry.version));
}

/* `max_bytes` is the largest frame that the other side takes for this type (the first frame of a
 * connection is a stranger's). */
static const struct message {
	const char *name;
	size_t max_bytes;
	void (*put)(const struct control_msg *m, struct fields_out *o);
	void (*get)(struct fields *f, struct control_msg *m);
} MESSAGES[] = {
	[CONTROL_JOIN] = { "join", LINK_FRAME_STRANGER_MAX_BYTES, put_join, get_join },
	[CONTROL_HELLO] = { "hello", LINK_FRAME_STRANGER_MAX_BYTES, put_hello, get_hello },
	[CONTROL_REPORT] = { "report", LINK_FRAME_CLIENT_MAX_BYTES, put_report, get_report },
	[CONTROL_LOCATE] = { "locate", LINK_FRAME_CLIENT_MAX_BYTES, put_locate, get_locate },
	[CONTROL_ACK] = { "ack", LINK_FRAME_CLIENT_MAX_BYTES, put_ack, get_ack },
	[CONTROL_PROPOSE_SUBNET] = { "propose-subnet", LINK_FRAME_CLIENT_MAX_BYTES, put_propose,
				     get_propose },
	[CONTROL_PONG] = { "pong", LINK_FRAME_CLIENT_MAX_BYTES, put_nothing, get_nothing },
	[CONTROL_WELCOME] = { "welcome", LINK_FRAME_MAX_BYTES, put_welcome, get_welcome },
	[CONTROL_DIRECTORY] = { "directory", LINK_FRAME_MAX_BYTES, put_directory, get_directory },
	[CONTROL_PRESENCE] = { "presence", LINK_FRAME_MAX_BYTES, put_presence, get_presence },
	[CONTROL_PUNCH] = { "punch", LINK_FRAME_MAX_BYTES, put_presence, get_presence },
	[CONTROL_PING] = { "ping", LINK_FRAME_MAX_BYTES, put_nothing, get_nothing },
	[CONTROL_BYE] = { "bye", LINK_FRAME_MAX_BYTES, put_bye, get_bye },
	[CONTROL_ERROR] = { "error", LINK_FRAME_MAX_BYTES, put_error, get_error },
	[CONTROL_CARRY] = { "carry", LINK_FRAME_STRANGER_MAX_BYTES, put_carry, get_carry },
	[CONTROL_SETTINGS] = { "settings", LINK_FRAME_MAX_BYTES, settings_msg_put,
			       settings_msg_get },
	[CONTROL_SETTINGS_STATE] = { "settings-state", LINK_FRAME_CLIENT_MAX_BYTES,
				     settings_msg_put_state, settings_msg_get_state },
	[CONTROL_ROTATE_KEY] = { "rotate-key", LINK_FRAME_CLIENT_MAX_BYTES, put_rotate,
				 get_rotate },
	[CONTROL_ASK_KEY] = { "ask-key", LINK_FRAME_MAX_BYTES, put_ask_key, get_ask_key },
	[CONTROL_REVIVED] = { "revived", LINK_FRAME_CLIENT_MAX_BYTES, put_revived, get_revived },
	[CONTROL_HELD_KEYS] = { "held-keys", LINK_FRAME_CLIENT_MAX_BYTES, put_held, get_held },
	[CONTROL_PEER_POLICIES] = { "peer-policies", LINK_FRAME_CLIENT_MAX_BYTES, put_policies,
				    get_policies },
	[CONTROL_HUB_KEY] = { "hub-key", LINK_FRAME_MAX_BYTES, put_hub_key, get_hub_key },
	[CONTROL_HUB_KEY_KNOWN] = { "hub-key-known", LINK_FRAME_CLIENT_MAX_BYTES, put_hub_key_known,
				    get_hub_key_known },
};

const char *control_type_str(enum control_type t)
{
	return (unsigned)t - 1 < ARRAY_LEN(MESSAGES) - 1 ? MESSAGES[t].name : "unknown";
}

static enum control_type type_parse(const char *s)
{
	for (unsigned i = CONTROL_JOIN; i < ARRAY_LEN(MESSAGES); i++)
		if (strcmp(MESSAGES[i].name, s) == 0)
			return (enum control_type)i;
	return CONTROL_UNKNOWN;
}

/* The join secret must not stay in freed memory. The library gives its strings out as const, but
 * they are its own heap copies. */
static void wipe_secret(const json_t *j)
{
	json_t *v = json_object_get(j, "secret");

	if (json_is_string(v))
		secret_zero((char *)(uintptr_t)json_string_value(v), json_string_length(v));
}

enum err control_encode(const struct control_msg *m, uint32_t capabilities, struct buf *out)
{
	struct fields_out o;
	json_t *j;
	enum err e;

	BUG_ON((unsigned)m->type - 1 >= ARRAY_LEN(MESSAGES) - 1);
	fields_write_init(&o);
	fields_put_text(&o, "type", MESSAGES[m->type].name);
	MESSAGES[m->type].put(m, &o);
	j = fields_write_end(&o);
	if (!j)
		return ERR_NOMEM;
	e = frame_encode(j, capabilities & CAP_ZLIB, MESSAGES[m->type].max_bytes, out);
	wipe_secret(j);
	json_decref(j);
	return e;
}

static enum err msg_from_json(const json_t *j, struct control_msg *out)
{
	struct fields f;
	const char *type;

	fields_init(&f, j);
	memset(out, 0, sizeof(*out));
	type = fields_get_str(&f, "type", FIELDS_REQUIRED);
	if (!type)
		return f.err;
	out->type = type_parse(type);
	if (out->type == CONTROL_UNKNOWN)
		return ERR_OK;
	MESSAGES[out->type].get(&f, out);
	if (f.err) {
		control_msg_fini(out);
		secret_zero(out, sizeof(*out));
	}
	return f.err;
}

enum err control_decode(struct buf *in, size_t max_bytes, struct control_msg *out)
{
	size_t frame_bytes = 0;
	json_t *j;
	enum err e = frame_decode(in, max_bytes, &j, &frame_bytes);

	if (e)
		return e;
	e = msg_from_json(j, out);
	if (e == ERR_LIMIT)
		e = ERR_INVALID; /* the header promises three kinds of nonsense; a count over its
				    limit is the first */
	if (!e) {
		if (out->type == CONTROL_JOIN)
			secret_zero(in->mem + in->off, frame_bytes);
		buf_consume(in, frame_bytes);
	}
	wipe_secret(j);
	json_decref(j);
	return e;
}

void control_msg_fini(struct control_msg *m)
{
	if (m->type == CONTROL_DIRECTORY)
		delta_fini(&m->directory);
	else if (m->type == CONTROL_JOIN)
		secret_zero(m->join.secret, sizeof(m->join.secret));
	m->type = CONTROL_UNKNOWN;
}
