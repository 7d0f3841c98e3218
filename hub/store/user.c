/* SPDX-License-Identifier: GPL-3.0-or-later */
/* user: people who sign in, and their sessions, of which only hashes are kept. */
#include <string.h>

#include "hub/store/store_internal.h"
#include "shared/base/clock.h"

#define USER_COLUMNS                                                                               \
	"u.id, u.name, u.role, u.password_hash, u.disabled, u.totp_secret, u.totp_enabled,"        \
	" u.totp_step, u.created_ms, u.updated_ms, u.signed_in_ms"
#define USER_COLUMNS_N 11

static const char get_sql[] = "SELECT " USER_COLUMNS " FROM users u WHERE u.id = ?1";
static const char find_sql[] = "SELECT " USER_COLUMNS " FROM users u WHERE u.name = ?1";
static const char list_sql[] =
	"SELECT " USER_COLUMNS " FROM users u WHERE u.id > ?1 ORDER BY u.id LIMIT ?2";
static const char insert_sql[] =
	"INSERT INTO users (name, role, password_hash, disabled, totp_secret, totp_enabled,"
	" totp_step, created_ms, updated_ms, signed_in_ms)"
	" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
static const char update_sql[] =
	"UPDATE users SET name = ?1, role = ?2, password_hash = ?3, disabled = ?4,"
	" totp_secret = ?5, totp_enabled = ?6, totp_step = ?7, created_ms = ?8, updated_ms = ?9,"
	" signed_in_ms = ?10 WHERE id = ?11";
static const char remove_sql[] = "DELETE FROM users WHERE id = ?1";

static const char session_put_sql[] =
	"INSERT INTO sessions (hash, user_id, created_ms, expires_ms) VALUES (?1, ?2, ?3, ?4)";
static const char session_find_sql[] =
	"SELECT " USER_COLUMNS ", s.created_ms, s.expires_ms"
	" FROM sessions s JOIN users u ON u.id = s.user_id WHERE s.hash = ?1";
static const char session_remove_sql[] = "DELETE FROM sessions WHERE hash = ?1";
static const char sessions_clear_sql[] = "DELETE FROM sessions WHERE user_id = ?1";
static const char sessions_trim_sql[] =
	"DELETE FROM sessions WHERE expires_ms <= ?2 OR hash IN (SELECT hash FROM sessions"
	" WHERE user_id = ?1 ORDER BY created_ms DESC LIMIT -1 OFFSET ?3)";

/* The user's columns of the row under the cursor. */
static void read_user(struct query *q, struct store_user *u)
{
	memset(u, 0, sizeof(*u));
	u->id = query_get_u32(q, 0, 1, UINT32_MAX);
	query_get_name(q, 1, u->name);
	query_get_text(q, 2, u->role, sizeof(u->role));
	if (!query_is_null(q, 3))
		query_get_text(q, 3, u->password_hash, sizeof(u->password_hash));
	u->disabled = query_get_bool(q, 4);
	u->has_totp = !query_is_null(q, 5);
	if (u->has_totp)
		query_get_blob(q, 5, u->totp_secret, sizeof(u->totp_secret));
	u->totp_enabled = query_get_bool(q, 6);
	u->totp_step = query_get_i64(q, 7, 0, INT64_MAX);
	u->created_ms = query_get_ms(q, 8);
	u->updated_ms = query_get_ms(q, 9);
	u->signed_in_ms = query_get_ms(q, 10);
}

/* Runs a statement for a single user. */
static enum err get_one(struct query *q, struct store_user *out)
{
	struct store_user u;
	bool found = query_next(q);
	enum err e;

	if (found)
		read_user(q, &u);
	e = query_close_found(q, found);
	if (!e)
		*out = u;
	if (found)
		secret_zero(&u, sizeof(u));
	return e;
}

enum err store_user_put(struct store *s, struct store_user *u)
{
	bool is_new = u->id == 0;
	struct query q;
	enum err e;

	u->updated_ms = clock_wall_ms();
	if (is_new)
		u->created_ms = u->updated_ms;
	query_open(&q, s, DB_DIRECTORY, is_new ? insert_sql : update_sql);
	query_text(&q, 1, u->name);
	query_text(&q, 2, u->role);
	if (u->password_hash[0])
		query_text(&q, 3, u->password_hash);
	query_u32(&q, 4, u->disabled);
	if (u->has_totp)
		query_blob(&q, 5, u->totp_secret, sizeof(u->totp_secret));
	query_u32(&q, 6, u->totp_enabled);
	query_i64(&q, 7, u->totp_step);
	query_i64(&q, 8, u->created_ms);
	query_i64(&q, 9, u->updated_ms);
	query_i64_or_null(&q, 10, u->signed_in_ms);
	if (!is_new)
		query_u32(&q, 11, u->id);
	e = query_run_one(&q);
	if (!e && is_new)
		u->id = (uint32_t)sqlite3_last_insert_rowid(s->db[DB_DIRECTORY].db);
	return e;
}

enum err store_user_get(struct store *s, uint32_t id, struct store_user *out)
{
	struct query q;

	query_open(&q, s, DB_DIRECTORY, get_sql);
	query_u32(&q, 1, id);
	return get_one(&q, out);
}

enum err store_user_find(struct store *s, const char *name, struct store_user *out)
{
	struct query q;

	query_open(&q, s, DB_DIRECTORY, find_sql);
	query_text(&q, 1, name);
	return get_one(&q, out);
}

enum err store_user_remove(struct store *s, uint32_t id) { return query_run_id(s, remove_sql, id); }

enum err store_users_list(struct store *s, uint32_t after_id, uint32_t limit, store_user_cb cb,
			  void *arg)
{
	struct store_user u;
	struct query q;
	enum err e = ERR_OK;

	query_open_page(&q, s, list_sql, after_id, limit);
	while (!e && query_next(&q)) {
		read_user(&q, &u);
		if (!q.err)
			e = cb(arg, &u);
		secret_zero(&u, sizeof(u));
	}
	return query_close(&q) ? q.err : e;
}

enum err store_session_put(struct store *s, const struct store_session *x)
{
	struct query q;
	enum err e;

	query_open(&q, s, DB_DIRECTORY, session_put_sql);
	query_blob(&q, 1, x->hash, sizeof(x->hash));
	query_u32(&q, 2, x->user_id);
	query_i64(&q, 3, x->created_ms);
	query_i64(&q, 4, x->expires_ms);
	e = query_run(&q);
	if (e)
		return e;
	query_open(&q, s, DB_DIRECTORY, sessions_trim_sql);
	query_u32(&q, 1, x->user_id);
	query_i64(&q, 2, x->created_ms);
	query_u32(&q, 3, STORE_SESSIONS_MAX);
	return query_run(&q);
}

enum err store_session_find(struct store *s, const uint8_t hash[32], struct store_session *out,
			    struct store_user *user)
{
	struct store_session x = { 0 };
	struct store_user u;
	struct query q;
	bool found;
	enum err e;

	query_open(&q, s, DB_DIRECTORY, session_find_sql);
	query_blob(&q, 1, hash, 32);
	found = query_next(&q);
	if (found) {
		read_user(&q, &u);
		x.created_ms = query_get_ms(&q, USER_COLUMNS_N);
		x.expires_ms = query_get_ms(&q, USER_COLUMNS_N + 1);
		x.user_id = u.id;
		memcpy(x.hash, hash, sizeof(x.hash));
	}
	e = query_close_found(&q, found);
	if (!e) {
		*out = x;
		*user = u;
	}
	if (found)
		secret_zero(&u, sizeof(u));
	return e;
}

enum err store_session_remove(struct store *s, const uint8_t hash[32])
{
	struct query q;

	query_open(&q, s, DB_DIRECTORY, session_remove_sql);
	query_blob(&q, 1, hash, 32);
	return query_run_one(&q);
}

enum err store_sessions_clear(struct store *s, uint32_t user_id)
{
	struct query q;

	query_open(&q, s, DB_DIRECTORY, sessions_clear_sql);
	query_u32(&q, 1, user_id);
	return query_run(&q);
}
