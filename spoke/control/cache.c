/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "spoke/control/cache.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "shared/base/base64.h"
#include "shared/base/clock.h"
#include "shared/base/file.h"
#include "shared/base/log.h"
#include "shared/wire/fields.h"

#define HEADER_START    "{\"format\":"
#define HEADER_MIDDLE   ",\"sha256\":\""
#define HEADER_END      "\"}\n"
#define DIGEST_HEX_SIZE 65u

void cache_init(struct cache *c)
{
	memset(c, 0, sizeof(*c));
	directory_init(&c->dir);
}

void cache_fini(struct cache *c)
{
	directory_fini(&c->dir);
	free(c->peers);
	memset(c, 0, sizeof(*c));
	directory_init(&c->dir);
}

/* --- writing --- */

static json_t *endpoint_json(const struct endpoint *e)
{
	char text[ENDPOINT_STR_SIZE];

	return json_string(endpoint_format(e, text));
}

static json_t *addr_json(const struct addr *a)
{
	char text[ADDR_STR_SIZE];

	return a->family ? json_string(addr_format(a, text)) : json_null();
}

static json_t *prefix_json(const struct prefix *p)
{
	char text[PREFIX_STR_SIZE];

	return p->addr.family ? json_string(prefix_format(p, text)) : json_null();
}

static json_t *ports_json(const struct control_welcome *w)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < w->n_tcp_ports; i++)
		json_array_append_new(list, json_integer(w->tcp_ports[i]));
	return list;
}

/* Only what the spoke needs to go on without the hub. */
static json_t *welcome_json(const struct control_welcome *w)
{
	return json_pack("{s:s, s:s, s:I, s:I, s:s, s:[o,o], s:[o,o], s:i, s:i, s:i, s:I, "
			 "s:o}",
			 "network", w->network, "name", w->name, "id", (json_int_t)w->id, "hub_id",
			 (json_int_t)w->hub_id, "hub_name", w->hub_name, "addresses",
			 addr_json(&w->addresses[0]), addr_json(&w->addresses[1]), "pools",
			 prefix_json(&w->pools[0]), prefix_json(&w->pools[1]), "mtu", (int)w->mtu,
			 "keepalive_s", (int)w->keepalive_s, "udp_port", (int)w->udp_port,
			 "report_ms", (json_int_t)w->report_ms, "tcp_ports", ports_json(w));
}

static json_t *endpoints_json(const struct endpoint *found, size_t n)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, endpoint_json(&found[i]));
	return list;
}

static json_t *addresses_json(const struct cache *c)
{
	json_t *list = json_array();

	for (uint32_t i = 0; i < c->n_addresses; i++)
		json_array_append_new(
			list, json_pack("{s:s, s:o}", "host", c->addresses[i].host, "endpoints",
					endpoints_json(c->addresses[i].found, c->addresses[i].n)));
	return list;
}

static json_t *peers_json(const struct cache *c)
{
	json_t *list = json_array();

	for (uint32_t i = 0; i < c->n_peers; i++)
		json_array_append_new(
			list, json_pack("{s:I, s:I, s:o}", "id", (json_int_t)c->peers[i].id,
					"at_ms", (json_int_t)c->peers[i].at_ms, "endpoints",
					endpoints_json(c->peers[i].endpoints, c->peers[i].n)));
	return list;
}

static json_t *body_json(const struct cache *c)
{
	json_t *dir = directory_to_json(&c->dir);

	/* json_pack takes over `dir` also when it fails; a NULL makes it fail. */
	return json_pack("{s:o, s:I, s:I, s:I, s:b, s:o, s:o, s:o, s:o, s:o, s:o}", "directory",
			 dir, "highest_revision", (json_int_t)c->highest, "confirmed_ms",
			 (json_int_t)c->confirmed_ms, "seen_ms", (json_int_t)c->seen_ms, "refused",
			 (int)c->refused, "refused_why", fields_text(c->refused_why), "welcome",
			 c->has_welcome ? welcome_json(&c->welcome) : json_null(), "last_good",
			 endpoint_is_set(&c->last_good) ? endpoint_json(&c->last_good)
							: json_null(),
			 "hub_addresses", addresses_json(c), "peers", peers_json(c), "revoked",
			 revoked_to_json(&c->revoked));
}

static enum err digest_hex(const void *p, size_t n, char out[DIGEST_HEX_SIZE])
{
	uint8_t digest[KEY_BYTES];

	if (EVP_Digest(p, n, digest, NULL, EVP_sha256(), NULL) != 1)
		return ERR_CRYPTO;
	hex_encode(digest, sizeof(digest), out);
	return ERR_OK;
}

enum err cache_encode(const struct cache *c, struct buf *out)
{
	json_t *body = body_json(c);
	char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
	char digest[DIGEST_HEX_SIZE];
	enum err e = ERR_NOMEM;

	json_decref(body);
	if (!text)
		return e;
	e = digest_hex(text, strlen(text), digest);
	if (!e)
		e = buf_printf(out, HEADER_START "%u" HEADER_MIDDLE "%s" HEADER_END, CACHE_FORMAT,
			       digest);
	if (!e)
		e = buf_put_str(out, text);
	if (!e)
		e = buf_put(out, "\n", 1);
	free(text);
	return e;
}

/* --- reading --- */

/* Takes `literal` off the front of the text. */
static bool take(const char **p, const char *end, const char *literal)
{
	size_t n = strlen(literal);

	if ((size_t)(end - *p) < n || memcmp(*p, literal, n) != 0)
		return false;
	*p += n;
	return true;
}

/* Checks the first line and the sum; leaves `*p` and `*end` around the body. */
static enum err check_header(const char **p, const char **end)
{
	char digest[DIGEST_HEX_SIZE];
	const char *given;
	unsigned format = 0;

	if (!take(p, *end, HEADER_START))
		return ERR_CORRUPT;
	for (; *p < *end && **p >= '0' && **p <= '9' && format < 100000; (*p)++)
		format = format * 10 + (unsigned)(**p - '0');
	if (!take(p, *end, HEADER_MIDDLE))
		return ERR_CORRUPT;
	if (format != CACHE_FORMAT)
		return ERR_VERSION;
	given = *p;
	if ((size_t)(*end - *p) < DIGEST_HEX_SIZE - 1)
		return ERR_CORRUPT;
	*p += DIGEST_HEX_SIZE - 1;
	if (!take(p, *end, HEADER_END) || *p == *end || (*end)[-1] != '\n')
		return ERR_CORRUPT;
	(*end)--;
	if (digest_hex(*p, (size_t)(*end - *p), digest) ||
	    memcmp(given, digest, DIGEST_HEX_SIZE - 1) != 0)
		return ERR_CORRUPT;
	return ERR_OK;
}

static bool get_endpoint(const json_t *j, struct endpoint *out)
{
	const char *s = json_string_value(j);

	return s && endpoint_parse(s, 0, out) == ERR_OK;
}

static bool get_addr(const json_t *j, struct addr *out)
{
	const char *s = json_string_value(j);

	memset(out, 0, sizeof(*out));
	return json_is_null(j) || (s && addr_parse(s, out) == ERR_OK);
}

static bool get_prefix(const json_t *j, struct prefix *out)
{
	const char *s = json_string_value(j);

	memset(out, 0, sizeof(*out));
	return json_is_null(j) || (s && prefix_parse(s, out, NULL) == ERR_OK);
}

static bool get_name(const char *s, char out[NAME_SIZE])
{
	if (!name_is_valid(s))
		return false;
	snprintf(out, NAME_SIZE, "%s", s);
	return true;
}

/* A file of before they were known has none. */
static bool get_ports(const json_t *list, struct control_welcome *w)
{
	if (json_array_size(list) > LINK_PORTS_MAX)
		return false;
	for (w->n_tcp_ports = 0; w->n_tcp_ports < json_array_size(list); w->n_tcp_ports++) {
		json_int_t port = json_integer_value(json_array_get(list, w->n_tcp_ports));

		if (port < 1 || port > UINT16_MAX)
			return false;
		w->tcp_ports[w->n_tcp_ports] = (uint16_t)port;
	}
	return true;
}

static bool get_welcome(const json_t *j, struct control_welcome *w)
{
	const char *network, *name, *hub_name;
	json_t *a0, *a1, *p0, *p1;
	json_int_t id, hub_id, report_ms;
	int mtu, keepalive_s, udp_port;

	if (json_unpack((json_t *)(uintptr_t)j,
			"{s:s, s:s, s:I, s:I, s:s, s:[o,o], s:[o,o], s:i, s:i, s:i, s:I}",
			"network", &network, "name", &name, "id", &id, "hub_id", &hub_id,
			"hub_name", &hub_name, "addresses", &a0, &a1, "pools", &p0, &p1, "mtu",
			&mtu, "keepalive_s", &keepalive_s, "udp_port", &udp_port, "report_ms",
			&report_ms) < 0)
		return false;
	if (id < 1 || id > UINT32_MAX || hub_id < 1 || hub_id > UINT32_MAX ||
	    mtu < (int)TUN_MTU_MIN || mtu > (int)TUN_MTU_MAX || keepalive_s < 0 ||
	    keepalive_s > UINT16_MAX || udp_port < 1 || udp_port > UINT16_MAX || report_ms < 0 ||
	    report_ms > UINT32_MAX)
		return false;
	w->id = (uint32_t)id;
	w->hub_id = (uint32_t)hub_id;
	w->mtu = (uint16_t)mtu;
	w->keepalive_s = (uint16_t)keepalive_s;
	w->udp_port = (uint16_t)udp_port;
	w->report_ms = (uint32_t)report_ms;
	return get_name(network, w->network) && get_name(name, w->name) &&
	       get_name(hub_name, w->hub_name) && get_addr(a0, &w->addresses[0]) &&
	       get_addr(a1, &w->addresses[1]) && get_prefix(p0, &w->pools[0]) &&
	       get_prefix(p1, &w->pools[1]) && get_ports(json_object_get(j, "tcp_ports"), w);
}

static bool get_address(const json_t *j, struct cache_address *out)
{
	const char *host = json_string_value(json_object_get(j, "host"));
	const json_t *list = json_object_get(j, "endpoints");

	if (!host || strlen(host) >= sizeof(out->host) ||
	    json_array_size(list) > RESOLVE_ADDRESSES_MAX)
		return false;
	snprintf(out->host, sizeof(out->host), "%s", host);
	for (out->n = 0; out->n < json_array_size(list); out->n++)
		if (!get_endpoint(json_array_get(list, out->n), &out->found[out->n]))
			return false;
	return true;
}

static bool get_addresses(const json_t *list, struct cache *c)
{
	if (!json_is_array(list) || json_array_size(list) > CACHE_ADDRESSES_MAX)
		return false;
	for (; c->n_addresses < json_array_size(list); c->n_addresses++)
		if (!get_address(json_array_get(list, c->n_addresses),
				 &c->addresses[c->n_addresses]))
			return false;
	return true;
}

static bool get_peer(const json_t *j, struct cache *c)
{
	const json_t *list = json_object_get(j, "endpoints");
	json_int_t id = json_integer_value(json_object_get(j, "id"));
	struct endpoint endpoints[CACHE_PEER_ENDPOINTS_MAX];
	size_t n = json_array_size(list);

	if (id < 1 || id > UINT32_MAX || n == 0 || n > CACHE_PEER_ENDPOINTS_MAX)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!get_endpoint(json_array_get(list, i), &endpoints[i]))
			return false;
	cache_peer_put(c, (uint32_t)id, endpoints, n,
		       json_integer_value(json_object_get(j, "at_ms")));
	return true;
}

/* Files of before there were direct paths have none. */
static bool get_peers(const json_t *list, struct cache *c)
{
	if (list && (!json_is_array(list) || json_array_size(list) > CACHE_PEERS_MAX))
		return false;
	for (size_t i = 0; i < json_array_size(list); i++)
		if (!get_peer(json_array_get(list, i), c))
			return false;
	return true;
}

static enum err get_body(json_t *j, struct cache *c)
{
	json_t *dir, *welcome, *last_good, *addresses;
	json_int_t highest, confirmed_ms, seen_ms;
	const char *why;
	const json_t *revoked = json_object_get(j, "revoked"); /* older files have none */
	int refused;

	if (json_unpack(j, "{s:o, s:I, s:I, s:I, s:b, s:s, s:o, s:o, s:o}", "directory", &dir,
			"highest_revision", &highest, "confirmed_ms", &confirmed_ms, "seen_ms",
			&seen_ms, "refused", &refused, "refused_why", &why, "welcome", &welcome,
			"last_good", &last_good, "hub_addresses", &addresses) < 0 ||
	    highest < 0)
		return ERR_CORRUPT;
	c->highest = (uint64_t)highest;
	c->confirmed_ms = confirmed_ms;
	c->seen_ms = seen_ms;
	c->refused = refused;
	snprintf(c->refused_why, sizeof(c->refused_why), "%s", why);
	c->has_welcome = !json_is_null(welcome);
	if ((c->has_welcome && !get_welcome(welcome, &c->welcome)) ||
	    (!json_is_null(last_good) && !get_endpoint(last_good, &c->last_good)) ||
	    !get_addresses(addresses, c) || !get_peers(json_object_get(j, "peers"), c))
		return ERR_CORRUPT;
	if (revoked && revoked_from_json(revoked, &c->revoked))
		return ERR_CORRUPT;
	return directory_from_json(dir, &c->dir);
}

enum err cache_decode(struct cache *c, const void *text, size_t len)
{
	const char *p = text, *end = p + len;
	json_t *j = NULL;
	enum err e = check_header(&p, &end);

	if (e)
		return e;
	j = json_loadb(p, (size_t)(end - p), JSON_REJECT_DUPLICATES, NULL);
	e = j ? get_body(j, c) : ERR_CORRUPT;
	json_decref(j);
	if (e) {
		cache_fini(c);
		return e == ERR_NOMEM ? e : ERR_CORRUPT;
	}
	return ERR_OK;
}

/* A file that says nothing is kept for whoever wants to know why, and is out of the way. */
static void move_aside(const char *path, enum err e)
{
	char aside[PATHS_FILE_SIZE + 16];

	snprintf(aside, sizeof(aside), "%s.damaged", path);
	if (rename(path, aside) == 0)
		log_warn("%s: %s; moved to %s, the hub will be asked for the whole directory", path,
			 err_str(e), aside);
	else
		log_warn("%s: %s; the hub will be asked for the whole directory", path, err_str(e));
}

enum err cache_load(struct cache *c, const char *path)
{
	struct buf b;
	enum err e;

	buf_init(&b, CACHE_FILE_MAX_BYTES);
	e = file_read(path, &b);
	if (!e)
		e = cache_decode(c, buf_data(&b), buf_len(&b));
	else if (e == ERR_TOOBIG)
		e = ERR_CORRUPT;
	buf_fini(&b);
	if (e == ERR_CORRUPT || e == ERR_VERSION)
		move_aside(path, e);
	if (!e && c->seen_ms > clock_wall_ms())
		c->clock_ahead_ms = c->seen_ms - clock_wall_ms();
	return e;
}

enum err cache_save(struct cache *c, const char *path)
{
	int64_t wall_ms = clock_wall_ms();
	struct buf b;
	enum err e;

	if (wall_ms > c->seen_ms)
		c->seen_ms = wall_ms;
	buf_init(&b, CACHE_FILE_MAX_BYTES);
	e = cache_encode(c, &b);
	if (!e)
		e = file_write_atomic(path, buf_data(&b), buf_len(&b), 0600);
	buf_fini(&b);
	return e;
}

/* --- questions --- */

const struct node *cache_hub(const struct cache *c)
{
	return c->has_welcome ? directory_find(&c->dir, c->welcome.hub_id) : NULL;
}

const struct node *cache_self(const struct cache *c)
{
	return c->has_welcome ? directory_find(&c->dir, c->welcome.id) : NULL;
}

const char *cache_name(const struct cache *c)
{
	const struct node *self = cache_self(c);

	if (self)
		return self->name;
	return c->has_welcome ? c->welcome.name : NULL;
}

static struct cache_address *find_address(const struct cache *c, const char *host)
{
	for (uint32_t i = 0; i < c->n_addresses; i++)
		if (strcmp(c->addresses[i].host, host) == 0)
			return (struct cache_address *)(uintptr_t)&c->addresses[i];
	return NULL;
}

static bool same_endpoints(const struct cache_address *a, const struct endpoint *found, size_t n)
{
	if (a->n != n)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!endpoint_equal(&a->found[i], &found[i]))
			return false;
	return true;
}

bool cache_remember(struct cache *c, const char *host, const struct endpoint *found, size_t n)
{
	struct cache_address *a = find_address(c, host);

	if (n == 0 || strlen(host) >= sizeof(a->host))
		return false;
	if (n > RESOLVE_ADDRESSES_MAX)
		n = RESOLVE_ADDRESSES_MAX;
	if (a && same_endpoints(a, found, n))
		return false;
	if (!a && c->n_addresses == CACHE_ADDRESSES_MAX) {
		memmove(&c->addresses[0], &c->addresses[1],
			sizeof(c->addresses[0]) * (CACHE_ADDRESSES_MAX - 1));
		c->n_addresses--;
	}
	if (!a)
		a = &c->addresses[c->n_addresses++];
	snprintf(a->host, sizeof(a->host), "%s", host);
	memcpy(a->found, found, n * sizeof(*found));
	a->n = (uint32_t)n;
	return true;
}

size_t cache_recall(const struct cache *c, const char *host, struct endpoint *out)
{
	const struct cache_address *a = find_address(c, host);

	if (!a)
		return 0;
	memcpy(out, a->found, a->n * sizeof(*out));
	return a->n;
}

/* --- where peers were --- */

static struct cache_peer *find_peer(const struct cache *c, uint32_t id)
{
	for (uint32_t i = 0; i < c->n_peers; i++)
		if (c->peers[i].id == id)
			return &c->peers[i];
	return NULL;
}

const struct cache_peer *cache_peer_find(const struct cache *c, uint32_t id)
{
	return find_peer(c, id);
}

static bool grow_peers(struct cache *c)
{
	uint32_t cap = c->cap_peers ? c->cap_peers * 2 : 16;
	struct cache_peer *peers;

	if (c->n_peers < c->cap_peers)
		return true;
	peers = reallocarray(c->peers, cap, sizeof(*peers));
	if (!peers)
		return false;
	c->peers = peers;
	c->cap_peers = cap;
	return true;
}

/* A place for one more: a new one, or that of the oldest. NULL: no memory. */
static struct cache_peer *new_peer(struct cache *c, uint32_t id)
{
	struct cache_peer *p;

	if (c->n_peers < CACHE_PEERS_MAX) {
		if (!grow_peers(c))
			return NULL;
		p = &c->peers[c->n_peers++];
	} else {
		p = c->peers;
		for (uint32_t i = 1; i < c->n_peers; i++)
			if (c->peers[i].at_ms < p->at_ms)
				p = &c->peers[i];
	}
	memset(p, 0, sizeof(*p));
	p->id = id;
	return p;
}

static bool same_list(const struct cache_peer *p, const struct endpoint *list, size_t n)
{
	if (p->n != n)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!endpoint_equal(&p->endpoints[i], &list[i]))
			return false;
	return true;
}

void cache_peer_forget(struct cache *c, uint32_t id)
{
	struct cache_peer *p = find_peer(c, id);

	if (p)
		*p = c->peers[--c->n_peers];
}

bool cache_peer_put(struct cache *c, uint32_t id, const struct endpoint *list, size_t n,
		    int64_t wall_ms)
{
	struct cache_peer *p = find_peer(c, id);

	if (n > CACHE_PEER_ENDPOINTS_MAX)
		n = CACHE_PEER_ENDPOINTS_MAX;
	if (n == 0) {
		cache_peer_forget(c, id);
		return p != NULL;
	}
	if (p && same_list(p, list, n)) {
		p->at_ms = wall_ms;
		return false;
	}
	if (!p)
		p = new_peer(c, id);
	if (!p)
		return false;
	p->at_ms = wall_ms;
	p->n = (uint8_t)n;
	memcpy(p->endpoints, list, n * sizeof(*list));
	return true;
}

bool cache_peer_first(struct cache *c, uint32_t id, const struct endpoint *e, int64_t wall_ms)
{
	const struct cache_peer *p = find_peer(c, id);
	struct endpoint list[CACHE_PEER_ENDPOINTS_MAX];
	size_t n = 0;

	list[n++] = *e;
	for (unsigned i = 0; p && i < p->n && n < CACHE_PEER_ENDPOINTS_MAX; i++)
		if (!endpoint_equal(&p->endpoints[i], e))
			list[n++] = p->endpoints[i];
	return cache_peer_put(c, id, list, n, wall_ms);
}

void cache_peers_prune(struct cache *c)
{
	for (uint32_t i = 0; i < c->n_peers; i++)
		if (!directory_find(&c->dir, c->peers[i].id))
			c->peers[i--] = c->peers[--c->n_peers];
}

uint64_t cache_grace_left_ms(const struct cache *c, int64_t wall_ms, uint32_t grace_s)
{
	uint64_t grace_ms = (uint64_t)grace_s * 1000, gone_ms;
	int64_t now_ms = wall_ms > c->seen_ms ? wall_ms : c->seen_ms;

	if (c->confirmed_ms <= 0)
		return 0;
	gone_ms = now_ms > c->confirmed_ms ? (uint64_t)(now_ms - c->confirmed_ms) : 0;
	return gone_ms < grace_ms ? grace_ms - gone_ms : 0;
}
