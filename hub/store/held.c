/* SPDX-License-Identifier: GPL-3.0-or-later */
/* held: identity keys that spokes hold back, as each tells. */
#include "hub/store/store_internal.h"

#define HELD_COLUMNS "SELECT id, node_id, peer_id, identity_key, told_ms FROM held_keys"

static const char put_sql[] =
	"INSERT INTO held_keys (node_id, peer_id, identity_key, told_ms) VALUES (?1, ?2, ?3, ?4)"
	" ON CONFLICT (node_id, peer_id) DO UPDATE SET identity_key = excluded.identity_key,"
	" told_ms = CASE WHEN identity_key = excluded.identity_key THEN told_ms"
	" ELSE excluded.told_ms END";
static const char gone_sql[] = "DELETE FROM held_keys WHERE node_id = ?1 AND peer_id = ?2";
static const char list_sql[] = HELD_COLUMNS " WHERE id > ?1 ORDER BY id";
static const char list_node_sql[] = HELD_COLUMNS " WHERE id > ?1 AND node_id = ?2 ORDER BY id";
static const char sums_sql[] = "SELECT peer_id, count(*), identity_key, min(told_ms) FROM held_keys"
			       " GROUP BY peer_id, identity_key ORDER BY peer_id LIMIT ?1";
static const char any_sql[] =
	"SELECT EXISTS (SELECT 1 FROM held_keys WHERE peer_id = ?1 AND identity_key = ?2)";

static void read_held(struct query *q, struct store_held *h)
{
	*h = (struct store_held){ 0 };
	h->id = query_get_u32(q, 0, 1, UINT32_MAX);
	h->node_id = query_get_u32(q, 1, 1, UINT32_MAX);
	h->peer_id = query_get_u32(q, 2, 1, UINT32_MAX);
	query_get_blob(q, 3, h->identity_key.b, KEY_BYTES);
	h->told_ms = query_get_ms(q, 4);
}

static enum err put_one(struct store *s, uint32_t node_id, const struct store_held *h)
{
	struct query q;

	query_open(&q, s, DB_PRESENCE, put_sql);
	query_u32(&q, 1, node_id);
	query_u32(&q, 2, h->peer_id);
	query_blob(&q, 3, h->identity_key.b, KEY_BYTES);
	query_i64(&q, 4, h->told_ms);
	return query_run(&q);
}

static enum err remove_one(struct store *s, uint32_t node_id, uint32_t peer_id)
{
	struct query q;

	query_open(&q, s, DB_PRESENCE, gone_sql);
	query_u32(&q, 1, node_id);
	query_u32(&q, 2, peer_id);
	return query_run(&q);
}

/* What is to go: the node's rows for peers that are not in `rows`. */
struct stale {
	const struct store_held *rows;
	size_t n;
	uint32_t peers[LINK_HELD_KEYS_MAX];
	size_t n_peers;
};

static enum err note_stale(void *arg, const struct store_held *h)
{
	struct stale *x = arg;

	for (size_t i = 0; i < x->n; i++)
		if (x->rows[i].peer_id == h->peer_id)
			return ERR_OK;
	if (x->n_peers == ARRAY_LEN(x->peers))
		return ERR_LIMIT;
	x->peers[x->n_peers++] = h->peer_id;
	return ERR_OK;
}

enum err store_held_put(struct store *s, uint32_t node_id, const struct store_held *rows, size_t n)
{
	struct stale x = { .rows = rows, .n = n };
	enum err e = store_held_list(s, 0, node_id, note_stale, &x);

	if (!e)
		e = store_presence_begin(s);
	if (e)
		return e;
	for (size_t i = 0; i < x.n_peers && !e; i++)
		e = remove_one(s, node_id, x.peers[i]);
	for (size_t i = 0; i < n && !e; i++)
		e = put_one(s, node_id, &rows[i]);
	return store_presence_end(s, e);
}

enum err store_held_list(struct store *s, uint32_t after, uint32_t node_id, store_held_cb cb,
			 void *arg)
{
	struct store_held h;
	struct query q;
	enum err e = ERR_OK;

	query_open(&q, s, DB_PRESENCE, node_id ? list_node_sql : list_sql);
	query_u32(&q, 1, after);
	if (node_id)
		query_u32(&q, 2, node_id);
	while (!e && query_next(&q)) {
		read_held(&q, &h);
		if (!q.err)
			e = cb(arg, &h);
	}
	return query_close(&q) ? q.err : e;
}

enum err store_held_sums(struct store *s, uint32_t limit, store_held_sum_cb cb, void *arg)
{
	struct store_held_sum h;
	struct query q;
	enum err e = ERR_OK;

	query_open(&q, s, DB_PRESENCE, sums_sql);
	query_u32(&q, 1, limit);
	while (!e && query_next(&q)) {
		h.peer_id = query_get_u32(&q, 0, 1, UINT32_MAX);
		h.spokes = query_get_u32(&q, 1, 1, UINT32_MAX);
		query_get_blob(&q, 2, h.identity_key.b, KEY_BYTES);
		h.since_ms = query_get_ms(&q, 3);
		if (!q.err)
			e = cb(arg, &h);
	}
	return query_close(&q) ? q.err : e;
}

enum err store_held_any(struct store *s, uint32_t peer_id, const struct public_key *key, bool *any)
{
	struct query q;

	*any = false;
	query_open(&q, s, DB_PRESENCE, any_sql);
	query_u32(&q, 1, peer_id);
	query_blob(&q, 2, key->b, KEY_BYTES);
	if (query_next(&q))
		*any = query_get_bool(&q, 0);
	return query_close(&q);
}
