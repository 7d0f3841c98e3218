/* SPDX-License-Identifier: GPL-3.0-or-later */
/* token: join tokens, of which only hashes are kept. Whether a token may still be used is judged by
 * change_join. */
#include "hub/store/store_internal.h"
#include "shared/base/clock.h"

#define TOKEN_COLUMNS                                                                              \
	"SELECT t.id, t.node_id, coalesce(n.name, g.name), t.hash, t.created_ms, t.expires_ms,"    \
	" t.revoked_ms, t.used_ms, t.uses, t.uses_max, t.created_by, t.replaces_key, t.group_bit"  \
	" FROM join_tokens t LEFT JOIN nodes n ON n.id = t.node_id"                                \
	" LEFT JOIN groups g ON g.bit = t.group_bit"

static const char get_sql[] = TOKEN_COLUMNS " WHERE t.id = ?1";
static const char find_sql[] = TOKEN_COLUMNS " WHERE t.hash = ?1";
static const char list_sql[] = TOKEN_COLUMNS " WHERE t.id > ?1 ORDER BY t.id LIMIT ?2";
static const char insert_sql[] = "INSERT INTO join_tokens (node_id, hash, created_ms, expires_ms, "
				 "uses_max, created_by, replaces_key, group_bit)"
				 " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
static const char use_sql[] =
	"UPDATE join_tokens SET uses = uses + 1, used_ms = ?2 WHERE id = ?1 AND uses < uses_max";
static const char revoke_sql[] =
	"UPDATE join_tokens SET revoked_ms = ?2 WHERE id = ?1 AND revoked_ms IS NULL";
static const char revoke_node_sql[] =
	"UPDATE join_tokens SET revoked_ms = ?2 WHERE node_id = ?1 AND revoked_ms IS NULL";

static void read_token(struct query *q, struct store_token *t)
{
	*t = (struct store_token){ 0 };
	t->id = query_get_u32(q, 0, 1, UINT32_MAX);
	if (query_is_null(q, 1))
		t->group_bit = (uint8_t)query_get_u32(q, 12, 0, GROUPS_MAX - 1);
	else
		t->node_id = query_get_u32(q, 1, 1, UINT32_MAX);
	query_get_name(q, 2, t->for_name);
	query_get_blob(q, 3, t->hash, sizeof(t->hash));
	t->created_ms = query_get_ms(q, 4);
	t->expires_ms = query_get_ms(q, 5);
	t->revoked_ms = query_get_ms(q, 6);
	t->used_ms = query_get_ms(q, 7);
	t->uses = query_get_u32(q, 8, 0, UINT32_MAX);
	t->uses_max = query_get_u32(q, 9, 1, UINT32_MAX);
	query_get_text(q, 10, t->created_by, sizeof(t->created_by));
	if (!query_is_null(q, 11))
		t->replaces_key = query_get_u32(q, 11, 1, UINT32_MAX);
}

/* Runs a statement for a single token. */
static enum err get_one(struct query *q, struct store_token *out)
{
	struct store_token t;
	bool found = query_next(q);
	enum err e;

	if (found)
		read_token(q, &t);
	e = query_close_found(q, found);
	if (!e)
		*out = t;
	return e;
}

enum err store_token_put(struct store *s, struct store_token *t)
{
	struct query q;
	enum err e;

	if (!t->created_ms)
		t->created_ms = clock_wall_ms();
	query_open(&q, s, DB_DIRECTORY, insert_sql);
	if (t->node_id)
		query_u32(&q, 1, t->node_id);
	else
		query_u32(&q, 8, t->group_bit);
	query_blob(&q, 2, t->hash, sizeof(t->hash));
	query_i64(&q, 3, t->created_ms);
	query_i64_or_null(&q, 4, t->expires_ms);
	query_u32(&q, 5, t->uses_max);
	query_text(&q, 6, t->created_by);
	query_i64_or_null(&q, 7, t->replaces_key);
	e = query_run(&q);
	if (!e)
		t->id = (uint32_t)sqlite3_last_insert_rowid(s->db[DB_DIRECTORY].db);
	return e;
}

enum err store_token_get(struct store *s, uint32_t id, struct store_token *out)
{
	struct query q;

	query_open(&q, s, DB_DIRECTORY, get_sql);
	query_u32(&q, 1, id);
	return get_one(&q, out);
}

enum err store_token_find(struct store *s, const uint8_t hash[32], struct store_token *out)
{
	struct query q;

	query_open(&q, s, DB_DIRECTORY, find_sql);
	query_blob(&q, 1, hash, 32);
	return get_one(&q, out);
}

enum err store_token_use(struct store *s, uint32_t id)
{
	struct store_token t;
	struct query q;
	enum err e = store_token_get(s, id, &t);

	if (e)
		return e;
	query_open(&q, s, DB_DIRECTORY, use_sql);
	query_u32(&q, 1, id);
	query_i64(&q, 2, clock_wall_ms());
	e = query_run_one(&q);
	return e == ERR_NOTFOUND ? ERR_USED : e;
}

enum err store_token_revoke(struct store *s, uint32_t id)
{
	struct query q;

	query_open(&q, s, DB_DIRECTORY, revoke_sql);
	query_u32(&q, 1, id);
	query_i64(&q, 2, clock_wall_ms());
	return query_run_one(&q);
}

enum err store_tokens_revoke_node(struct store *s, uint32_t node_id)
{
	struct query q;

	query_open(&q, s, DB_DIRECTORY, revoke_node_sql);
	query_u32(&q, 1, node_id);
	query_i64(&q, 2, clock_wall_ms());
	return query_run(&q);
}

enum err store_tokens_list(struct store *s, uint32_t after_id, uint32_t limit, store_token_cb cb,
			   void *arg)
{
	struct store_token t;
	struct query q;
	enum err e = ERR_OK;

	query_open_page(&q, s, list_sql, after_id, limit);
	while (!e && query_next(&q)) {
		read_token(&q, &t);
		if (!q.err)
			e = cb(arg, &t);
	}
	return query_close(&q) ? q.err : e;
}
