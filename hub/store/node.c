/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * node: members of the network. A struct node is put together from five tables: the row itself,
 * current keys, approved subnets, endpoints, and the bit sets of groups and policies, which SQL
 * adds up (each bit occurs once, so that a sum is a union). The row's statement stays open until
 * all is read: one snapshot.
 */
#include <string.h>

#include "hub/store/store_internal.h"
#include "shared/base/clock.h"

/* The groups with which rows of this path policy connect the groups of node `n`. */
#define PATH_GROUPS(policy)                                                                        \
	" (SELECT coalesce(sum(1 << bit), 0) FROM ("                                               \
	"   SELECT p.to_group AS bit FROM node_groups g JOIN policies p ON p.from_group = "        \
	"g.group_bit WHERE g.node_id = n.id AND p.path_policy = " policy                           \
	"   UNION SELECT p.from_group FROM node_groups g JOIN policies p ON p.to_group = "         \
	"g.group_bit WHERE g.node_id = n.id AND p.path_policy = " policy "))"
#define NODE_COLUMNS                                                                               \
	"SELECT n.id, n.name, n.kind, n.status, n.revision, n.aes, n.compression, n.keepalive_s,"  \
	" n.address4, n.address6, n.comment, n.created_ms, n.updated_ms, n.revoked_ms, "           \
	"n.revoked_why,"                                                                           \
	" (SELECT coalesce(sum(1 << g.group_bit), 0) FROM node_groups g WHERE g.node_id = n.id),"  \
	" (SELECT coalesce(sum(1 << bit), 0) FROM ("                                               \
	"   SELECT p.to_group AS bit FROM node_groups g JOIN policies p ON p.from_group = "        \
	"g.group_bit WHERE g.node_id = n.id"                                                       \
	"   UNION SELECT p.from_group FROM node_groups g JOIN policies p ON p.to_group = "         \
	"g.group_bit WHERE g.node_id = n.id)),"                                                    \
	" i.public_key, i.unbroken, t.public_key, t.signature, n.path_policy," PATH_GROUPS(        \
		"1") ", " PATH_GROUPS("2") ", i.signature, i.created_ms, t.created_ms FROM nodes " \
					   "n"                                                     \
					   " LEFT JOIN keys i ON i.node_id = n.id AND i.kind = 1 " \
					   "AND i.status = 1"                                      \
					   " LEFT JOIN keys t ON t.node_id = n.id AND t.kind = 2 " \
					   "AND t.status = 1"

static const char get_sql[] = NODE_COLUMNS " WHERE n.id = ?1";
static const char find_sql[] = NODE_COLUMNS " WHERE n.name = ?1 AND n.status <> 5";
/* All nodes in the order of their ids; and the few that have changed, found by the index of
 * revisions. A "+" keeps SQLite, which has no statistics of our tables, from another index. */
static const char all_sql[] =
	NODE_COLUMNS " WHERE +n.revision > ?1 AND n.id > ?2 ORDER BY n.id LIMIT ?3";
static const char since_sql[] =
	NODE_COLUMNS " WHERE n.revision > ?1 AND +n.id > ?2 ORDER BY +n.id LIMIT ?3";
static const char brief_sql[] = "SELECT id, name, kind, status, revision FROM nodes ORDER BY id";
static const char subnets_sql[] =
	"SELECT family, first, length, weight FROM subnets WHERE node_id = ?1 AND +status = 2";
static const char endpoints_sql[] =
	"SELECT endpoint FROM node_endpoints WHERE node_id = ?1 ORDER BY position";
static const char chain_sql[] = "SELECT public_key, signature, status FROM keys WHERE node_id = ?1"
				" AND kind = 1 ORDER BY id DESC LIMIT ?2";
static const char insert_sql[] =
	"INSERT INTO nodes (name, kind, status, revision, aes, compression, keepalive_s, address4, "
	"address6,"
	" path_policy, created_ms, updated_ms)"
	" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?11)";
static const char update_sql[] =
	"UPDATE nodes SET name = ?1, kind = ?2, status = ?3, revision = ?4, aes = ?5, compression "
	"= ?6,"
	" keepalive_s = ?7, address4 = ?8, address6 = ?9, path_policy = ?10, updated_ms = ?11"
	" WHERE id = ?12";
static const char comment_sql[] = "UPDATE nodes SET comment = ?2 WHERE id = ?1";
static const char endpoints_clear_sql[] = "DELETE FROM node_endpoints WHERE node_id = ?1";
static const char endpoint_add_sql[] =
	"INSERT INTO node_endpoints (node_id, position, endpoint) VALUES (?1, ?2, ?3)";
static const char by_identity_sql[] =
	"SELECT node_id, status, expires_ms FROM keys WHERE kind = 1 AND public_key = ?1";
static const char status_sql[] =
	"UPDATE nodes SET status = ?2, revision = ?3, updated_ms = ?4, revoked_why = ?5,"
	" revoked_ms = CASE ?2 WHEN 4 THEN ?4 WHEN 5 THEN revoked_ms ELSE NULL END,"
	" address4 = CASE ?2 WHEN 5 THEN NULL ELSE address4 END,"
	" address6 = CASE ?2 WHEN 5 THEN NULL ELSE address6 END WHERE id = ?1";
static const char keys_revoke_sql[] = "UPDATE keys SET status = 3, revoked_ms = ?2, revoked_why = "
				      "?3 WHERE node_id = ?1 AND status <> 3";
static const char subnets_clear_sql[] = "DELETE FROM subnets WHERE node_id = ?1";
static const char groups_clear_sql[] = "DELETE FROM node_groups WHERE node_id = ?1";
static const char touch_sql[] = "UPDATE nodes SET revision = ?2, updated_ms = ?3 WHERE id = ?1";
static const char count_sql[] = "SELECT count(*) FROM nodes WHERE status <> 5";
static const char sum_sql[] =
	"SELECT kind, status, count(*) FROM nodes WHERE status <> 5 GROUP BY kind, status";
static const char addresses4_sql[] =
	"SELECT address4 FROM nodes WHERE address4 BETWEEN ?1 AND ?2 ORDER BY address4";
static const char addresses6_sql[] =
	"SELECT address6 FROM nodes WHERE address6 BETWEEN ?1 AND ?2 ORDER BY address6";

/* Columns from NODE_COLUMNS that stand in the node's own row. */
static void read_row(struct query *q, struct node *n, struct store_node_meta *m)
{
	n->id = query_get_u32(q, 0, 1, UINT32_MAX);
	query_get_name(q, 1, n->name);
	n->kind = (enum node_kind)query_get_u32(q, 2, NODE_HUB, NODE_WIREGUARD);
	n->status = (enum node_status)query_get_u32(q, 3, NODE_INVITED, NODE_DELETED);
	n->revision = (uint64_t)query_get_i64(q, 4, 0, INT64_MAX);
	n->aes = query_get_bool(q, 5);
	n->compression = (uint8_t)query_get_u32(q, 6, 0, 11);
	n->keepalive_s = (uint16_t)query_get_u32(q, 7, 0, UINT16_MAX);
	query_get_addr(q, 8, 4, &n->addresses[0]);
	query_get_addr(q, 9, 6, &n->addresses[1]);
	query_get_text(q, 10, m->comment, sizeof(m->comment));
	m->created_ms = query_get_ms(q, 11);
	m->updated_ms = query_get_ms(q, 12);
	m->revoked_ms = query_get_ms(q, 13);
	query_get_text(q, 14, m->revoked_why, sizeof(m->revoked_why));
	n->groups = (uint64_t)query_get_i64(q, 15, INT64_MIN, INT64_MAX);
	n->reach = (uint64_t)query_get_i64(q, 16, INT64_MIN, INT64_MAX);
	n->path_policy =
		(enum path_policy)query_get_u32(q, 21, PATH_POLICY_AUTO, PATH_POLICY_DIRECT_ONLY);
	n->hub_only = (uint64_t)query_get_i64(q, 22, INT64_MIN, INT64_MAX);
	n->direct_only = (uint64_t)query_get_i64(q, 23, INT64_MIN, INT64_MAX);
}

/* Columns from NODE_COLUMNS that come from `keys`. */
static void read_keys(struct query *q, struct node *n, struct store_node_meta *m)
{
	m->identity_made_ms = query_get_ms(q, 25);
	m->tunnel_made_ms = query_get_ms(q, 26);
	n->has_identity = !query_is_null(q, 17);
	if (n->has_identity) {
		query_get_blob(q, 17, n->identity_key.b, KEY_BYTES);
		n->key_unbroken = query_get_bool(q, 18);
	}
	n->has_tunnel = !query_is_null(q, 19);
	if (n->has_tunnel)
		query_get_blob(q, 19, n->tunnel_key.b, KEY_BYTES);
	if (n->has_tunnel && !query_is_null(q, 20))
		query_get_blob(q, 20, n->tunnel_sig, sizeof(n->tunnel_sig));
}

/* The approved subnets of n->id. */
static enum err load_subnets(struct store *s, struct node *n)
{
	struct node_subnet sub;
	struct query q;
	enum err e = ERR_OK;

	query_open(&q, s, DB_DIRECTORY, subnets_sql);
	query_u32(&q, 1, n->id);
	while (!e && query_next(&q)) {
		query_get_prefix(&q, 0, &sub.prefix);
		sub.weight = query_get_u32(&q, 3, 0, SUBNET_WEIGHT_MAX);
		if (!q.err)
			e = node_subnet_add(n, &sub);
	}
	return query_close(&q) ? q.err : e;
}

/* The configured endpoints of n->id. */
static enum err load_endpoints(struct store *s, struct node *n)
{
	char line[ENDPOINT_NAME_SIZE];
	struct query q;
	enum err e = ERR_OK;

	query_open(&q, s, DB_DIRECTORY, endpoints_sql);
	query_u32(&q, 1, n->id);
	while (!e && query_next(&q)) {
		query_get_text(&q, 0, line, sizeof(line));
		if (!q.err)
			e = node_endpoint_add(n, line);
		if (e == ERR_LIMIT)
			query_fail(&q, ERR_CORRUPT, "a node has too many endpoints");
	}
	return query_close(&q) ? q.err : e;
}

/* The identity keys of before, as far as each has signed for the next and is not revoked. */
static enum err load_chain(struct store *s, struct node *n)
{
	struct node_link link;
	bool signed_for = false;
	struct query q;
	enum err e = ERR_OK;

	query_open(&q, s, DB_DIRECTORY, chain_sql);
	query_u32(&q, 1, n->id);
	query_u32(&q, 2, NODE_CHAIN_MAX + 1);
	while (!e && query_next(&q)) {
		if (signed_for) {
			if (query_get_u32(&q, 2, KEY_CURRENT, KEY_REVOKED) != KEY_RETIRED)
				break;
			query_get_blob(&q, 0, link.key.b, KEY_BYTES);
			if (!q.err)
				e = node_chain_add(n, &link);
		}
		signed_for = !query_is_null(&q, 1);
		if (!signed_for)
			break;
		query_get_blob(&q, 1, link.sig, sizeof(link.sig));
	}
	return query_close(&q) ? q.err : e;
}

/* The row under the cursor as a whole node; node_fini() is the caller's, also after a failure. */
static enum err load_node(struct query *q, struct node *n, struct store_node_meta *m)
{
	node_init(n);
	memset(m, 0, sizeof(*m));
	read_row(q, n, m);
	read_keys(q, n, m);
	if (!q->err)
		q->err = load_subnets(q->store, n);
	if (!q->err)
		q->err = load_endpoints(q->store, n);
	if (!q->err && n->has_identity && !query_is_null(q, 24))
		q->err = load_chain(q->store, n);
	return q->err;
}

/* Runs a statement for a single node. `out` is as it was after a failure. */
static enum err get_one(struct query *q, struct node *out, struct store_node_meta *meta)
{
	struct store_node_meta m;
	struct node n;
	enum err e;

	node_init(&n);
	if (!query_next(q))
		return query_close_found(q, false);
	load_node(q, &n, &m);
	e = query_close(q);
	if (e) {
		node_fini(&n);
		return e;
	}
	*out = n;
	if (meta)
		*meta = m;
	return ERR_OK;
}

enum err store_node_get(struct store *s, uint32_t id, struct node *out,
			struct store_node_meta *meta)
{
	struct query q;

	query_open(&q, s, DB_DIRECTORY, get_sql);
	query_u32(&q, 1, id);
	return get_one(&q, out, meta);
}

enum err store_node_find(struct store *s, const char *name, struct node *out,
			 struct store_node_meta *meta)
{
	struct query q;

	query_open(&q, s, DB_DIRECTORY, find_sql);
	query_text(&q, 1, name);
	return get_one(&q, out, meta);
}

enum err store_nodes_since(struct store *s, uint64_t revision, uint32_t after_id, uint32_t limit,
			   store_node_cb cb, void *arg)
{
	struct store_node_meta m;
	struct node n;
	struct query q;
	enum err e = ERR_OK;

	query_open(&q, s, DB_DIRECTORY, revision == 0 ? all_sql : since_sql);
	/* 0 means "all": also a row whose number is damaged must be met, not passed over. */
	query_i64(&q, 1,
		  revision == 0          ? INT64_MIN
		  : revision > INT64_MAX ? INT64_MAX
					 : (int64_t)revision);
	query_u32(&q, 2, after_id);
	query_i64(&q, 3, limit ? (int64_t)limit : -1);
	while (!e && query_next(&q)) {
		if (!load_node(&q, &n, &m))
			e = cb(arg, &n, &m);
		node_fini(&n);
	}
	return query_close(&q) ? q.err : e;
}

enum err store_nodes_brief(struct store *s, store_node_cb cb, void *arg)
{
	const struct store_node_meta none = { 0 };
	struct query q;
	enum err e = ERR_OK;

	query_open(&q, s, DB_DIRECTORY, brief_sql);
	while (!e && query_next(&q)) {
		struct node n;

		node_init(&n);
		n.id = query_get_u32(&q, 0, 1, UINT32_MAX);
		query_get_name(&q, 1, n.name);
		n.kind = (enum node_kind)query_get_u32(&q, 2, NODE_HUB, NODE_WIREGUARD);
		n.status = (enum node_status)query_get_u32(&q, 3, NODE_INVITED, NODE_DELETED);
		n.revision = (uint64_t)query_get_i64(&q, 4, 0, INT64_MAX);
		if (!q.err)
			e = cb(arg, &n, &none);
	}
	return query_close(&q) ? q.err : e;
}

/* Replaces the endpoints of a node. */
static enum err put_endpoints(struct store *s, const struct node *n)
{
	struct query q;
	enum err e;

	query_open(&q, s, DB_DIRECTORY, endpoints_clear_sql);
	query_u32(&q, 1, n->id);
	e = query_run(&q);
	for (uint32_t i = 0; i < n->n_endpoints && !e; i++) {
		query_open(&q, s, DB_DIRECTORY, endpoint_add_sql);
		query_u32(&q, 1, n->id);
		query_u32(&q, 2, i);
		query_text(&q, 3, n->endpoints[i]);
		e = query_run(&q);
	}
	return e;
}

enum err store_node_put(struct store *s, struct node *n)
{
	bool is_new = n->id == 0;
	struct query q;
	enum err e;

	BUG_ON(!s->in_transaction);
	query_open(&q, s, DB_DIRECTORY, is_new ? insert_sql : update_sql);
	query_text(&q, 1, n->name);
	query_u32(&q, 2, n->kind);
	query_u32(&q, 3, n->status);
	query_u64(&q, 4, n->revision);
	query_u32(&q, 5, n->aes);
	query_u32(&q, 6, n->compression);
	query_u32(&q, 7, n->keepalive_s);
	query_addr(&q, 8, &n->addresses[0]);
	query_addr(&q, 9, &n->addresses[1]);
	query_u32(&q, 10, n->path_policy);
	query_i64(&q, 11, clock_wall_ms());
	if (!is_new)
		query_u32(&q, 12, n->id);
	e = query_run_one(&q);
	if (e)
		return e;
	if (is_new) {
		n->id = (uint32_t)sqlite3_last_insert_rowid(s->db[DB_DIRECTORY].db);
		e = store_node_groups_put(s, n->id, n->groups ? n->groups : 1);
	}
	return e ? e : put_endpoints(s, n);
}

enum err store_node_comment(struct store *s, uint32_t id, const char *comment)
{
	struct query q;

	query_open(&q, s, DB_DIRECTORY, comment_sql);
	query_u32(&q, 1, id);
	query_text_max(&q, 2, comment, STORE_TEXT_SIZE);
	return query_run_one(&q);
}

enum err store_node_by_identity(struct store *s, const struct public_key *key, uint32_t *id,
				bool *valid)
{
	struct query q;
	uint32_t node = 0;
	bool is_valid = false, found;
	enum key_status status;
	enum err e;

	query_open(&q, s, DB_DIRECTORY, by_identity_sql);
	query_blob(&q, 1, key->b, KEY_BYTES);
	found = query_next(&q);
	if (found) {
		node = query_get_u32(&q, 0, 1, UINT32_MAX);
		status = (enum key_status)query_get_u32(&q, 1, KEY_CURRENT, KEY_REVOKED);
		is_valid = status == KEY_CURRENT ||
			   (status == KEY_RETIRED && query_get_ms(&q, 2) > clock_wall_ms());
	}
	e = query_close_found(&q, found);
	if (!e) {
		*id = node;
		*valid = is_valid;
	}
	return e;
}

/* A statement whose only argument is the node. */
static enum err run_for_node(struct store *s, const char *sql, uint32_t id)
{
	struct query q;

	query_open(&q, s, DB_DIRECTORY, sql);
	query_u32(&q, 1, id);
	return query_run(&q);
}

/* All keys of a node, also those retired before, are worthless from now on. */
static enum err revoke_keys(struct store *s, uint32_t id, const char *why, int64_t now_ms)
{
	struct query q;

	query_open(&q, s, DB_DIRECTORY, keys_revoke_sql);
	query_u32(&q, 1, id);
	query_i64(&q, 2, now_ms);
	query_text_max(&q, 3, why, STORE_TEXT_SIZE);
	return query_run(&q);
}

enum err store_node_status(struct store *s, uint32_t id, enum node_status status, const char *why,
			   uint64_t revision)
{
	int64_t now_ms = clock_wall_ms();
	struct query q;
	enum err e;

	BUG_ON(!s->in_transaction);
	query_open(&q, s, DB_DIRECTORY, status_sql);
	query_u32(&q, 1, id);
	query_u32(&q, 2, status);
	query_u64(&q, 3, revision);
	query_i64(&q, 4, now_ms);
	query_text_max(&q, 5, why, STORE_TEXT_SIZE);
	e = query_run_one(&q);
	if (!e && (status == NODE_REVOKED || status == NODE_DELETED))
		e = revoke_keys(s, id, why, now_ms);
	if (e || status != NODE_DELETED)
		return e;
	e = run_for_node(s, subnets_clear_sql, id);
	if (!e)
		e = run_for_node(s, groups_clear_sql, id);
	return e ? e : run_for_node(s, endpoints_clear_sql, id);
}

enum err store_node_touch(struct store *s, uint32_t id, uint64_t revision)
{
	struct query q;

	query_open(&q, s, DB_DIRECTORY, touch_sql);
	query_u32(&q, 1, id);
	query_u64(&q, 2, revision);
	query_i64(&q, 3, clock_wall_ms());
	return query_run_one(&q);
}

enum err store_nodes_count(struct store *s, uint32_t *count)
{
	struct query q;
	uint32_t value = 0;

	query_open(&q, s, DB_DIRECTORY, count_sql);
	if (query_next(&q))
		value = query_get_u32(&q, 0, 0, UINT32_MAX);
	if (!query_close(&q))
		*count = value;
	return q.err;
}

enum err store_nodes_sum(struct store *s, struct store_nodes_sum *out)
{
	struct store_nodes_sum x = { 0 };
	struct query q;

	query_open(&q, s, DB_DIRECTORY, sum_sql);
	while (query_next(&q)) {
		uint32_t kind = query_get_u32(&q, 0, NODE_HUB, NODE_WIREGUARD);
		uint32_t status = query_get_u32(&q, 1, NODE_INVITED, NODE_DELETED);

		if (!q.err)
			x.n[kind][status] = query_get_u32(&q, 2, 0, UINT32_MAX);
	}
	if (!query_close(&q))
		*out = x;
	return q.err;
}

enum err store_addresses_in(struct store *s, const struct prefix *pool, store_addr_cb cb, void *arg)
{
	bool v4 = pool->addr.family == AF_INET;
	struct addr last = store_prefix_last(pool), a;
	struct query q;
	enum err e = ERR_OK;

	query_open(&q, s, DB_DIRECTORY, v4 ? addresses4_sql : addresses6_sql);
	query_addr(&q, 1, &pool->addr);
	query_addr(&q, 2, &last);
	while (!e && query_next(&q)) {
		query_get_addr(&q, 0, v4 ? 4 : 6, &a);
		if (!q.err)
			e = cb(arg, &a);
	}
	return query_close(&q) ? q.err : e;
}
