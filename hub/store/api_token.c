/* SPDX-License-Identifier: GPL-3.0-or-later */
/* api_token: bearer tokens of the REST API, of which only hashes are kept. */
#include <string.h>

#include "hub/store/store_internal.h"
#include "shared/base/clock.h"

static const char insert_sql[] =
	"INSERT INTO api_tokens (name, hash, role, scopes, created_ms, expires_ms)"
	" VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
#define API_TOKEN_COLUMNS                                                                          \
	"SELECT id, name, hash, role, scopes, created_ms, expires_ms, revoked_ms, used_ms"         \
	" FROM api_tokens"

static const char find_sql[] = API_TOKEN_COLUMNS " WHERE hash = ?1";
static const char get_sql[] = API_TOKEN_COLUMNS " WHERE id = ?1";
static const char list_sql[] = API_TOKEN_COLUMNS " WHERE id > ?1 ORDER BY id LIMIT ?2";
static const char revoke_sql[] =
	"UPDATE api_tokens SET revoked_ms = ?2 WHERE id = ?1 AND revoked_ms IS NULL";
static const char used_sql[] = "UPDATE api_tokens SET used_ms = ?2 WHERE id = ?1";

enum err store_api_token_put(struct store *s, struct store_api_token *t)
{
	struct query q;
	enum err e;

	if (!t->created_ms)
		t->created_ms = clock_wall_ms();
	query_open(&q, s, DB_DIRECTORY, insert_sql);
	query_text(&q, 1, t->name);
	query_blob(&q, 2, t->hash, sizeof(t->hash));
	query_text(&q, 3, t->role);
	query_text(&q, 4, t->scopes);
	query_i64(&q, 5, t->created_ms);
	query_i64_or_null(&q, 6, t->expires_ms);
	e = query_run(&q);
	if (!e)
		t->id = (uint32_t)sqlite3_last_insert_rowid(s->db[DB_DIRECTORY].db);
	return e;
}

static void read_token(struct query *q, struct store_api_token *t)
{
	*t = (struct store_api_token){ 0 };
	t->id = query_get_u32(q, 0, 1, UINT32_MAX);
	query_get_name(q, 1, t->name);
	query_get_blob(q, 2, t->hash, sizeof(t->hash));
	query_get_text(q, 3, t->role, sizeof(t->role));
	query_get_text(q, 4, t->scopes, sizeof(t->scopes));
	t->created_ms = query_get_ms(q, 5);
	t->expires_ms = query_get_ms(q, 6);
	t->revoked_ms = query_get_ms(q, 7);
	t->used_ms = query_get_ms(q, 8);
}

/* Runs a statement for a single token. */
static enum err get_one(struct query *q, struct store_api_token *out)
{
	struct store_api_token t;
	bool found = query_next(q);
	enum err e;

	if (found)
		read_token(q, &t);
	e = query_close_found(q, found);
	if (!e)
		*out = t;
	return e;
}

enum err store_api_token_find(struct store *s, const uint8_t hash[32], struct store_api_token *out)
{
	struct query q;

	query_open(&q, s, DB_DIRECTORY, find_sql);
	query_blob(&q, 1, hash, 32);
	return get_one(&q, out);
}

enum err store_api_token_get(struct store *s, uint32_t id, struct store_api_token *out)
{
	struct query q;

	query_open(&q, s, DB_DIRECTORY, get_sql);
	query_u32(&q, 1, id);
	return get_one(&q, out);
}

enum err store_api_token_revoke(struct store *s, uint32_t id)
{
	struct query q;

	query_open(&q, s, DB_DIRECTORY, revoke_sql);
	query_u32(&q, 1, id);
	query_i64(&q, 2, clock_wall_ms());
	return query_run_one(&q);
}

enum err store_api_tokens_list(struct store *s, uint32_t after_id, uint32_t limit,
			       store_api_token_cb cb, void *arg)
{
	struct store_api_token t;
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

enum err store_api_token_used(struct store *s, uint32_t id, int64_t at_ms)
{
	struct query q;

	query_open(&q, s, DB_DIRECTORY, used_sql);
	query_u32(&q, 1, id);
	query_i64(&q, 2, at_ms);
	return query_run_one(&q);
}
