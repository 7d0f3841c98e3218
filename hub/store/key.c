/* SPDX-License-Identifier: GPL-3.0-or-later */
/* key: every public key that a node has or had. */
#include <openssl/sha.h>

#include "hub/store/store_internal.h"
#include "shared/base/clock.h"

#define KEY_COLUMNS                                                                                \
	"SELECT k.id, k.node_id, n.name, k.kind, k.status, k.public_key, k.fingerprint, "          \
	"k.signature,"                                                                             \
	" k.unbroken, k.created_ms, k.expires_ms, k.revoked_ms, k.revoked_why, k.token_id"         \
	" FROM keys k JOIN nodes n ON n.id = k.node_id"

static const char get_sql[] = KEY_COLUMNS " WHERE k.id = ?1";
static const char find_sql[] = KEY_COLUMNS " WHERE k.kind = ?1 AND k.public_key = ?2";
static const char current_sql[] =
	KEY_COLUMNS " WHERE k.node_id = ?1 AND k.kind = ?2 AND k.status = 1";
static const char list_all_sql[] = KEY_COLUMNS " WHERE k.id > ?1 ORDER BY k.id LIMIT ?2";
static const char list_node_sql[] =
	KEY_COLUMNS " WHERE k.node_id = ?3 AND k.id > ?1 ORDER BY k.id LIMIT ?2";
static const char made_sql[] =
	KEY_COLUMNS " WHERE k.status = 1 AND k.created_ms BETWEEN ?1 AND ?3 AND (k.created_ms > ?1 "
		    "OR k.id > ?2)"
		    " AND n.status <> 5 ORDER BY k.created_ms, k.id LIMIT ?4";
static const char retire_sql[] =
	"UPDATE keys SET status = 2 WHERE node_id = ?1 AND kind = ?2 AND status = 1";
static const char insert_sql[] =
	"INSERT INTO keys (node_id, kind, status, public_key, fingerprint, signature, unbroken, "
	"token_id,"
	" created_ms, expires_ms) VALUES (?1, ?2, 1, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
static const char overlap_sql[] =
	"UPDATE keys SET expires_ms = ?3 WHERE node_id = ?1 AND kind = ?2 AND status = 1";
static const char sign_sql[] =
	"UPDATE keys SET signature = ?2 WHERE node_id = ?1 AND kind = 2 AND status = 1";
static const char revoke_sql[] = "UPDATE keys SET status = 3, revoked_ms = ?2, revoked_why = ?3 "
				 "WHERE id = ?1 AND status <> 3";

static void read_key(struct query *q, struct store_key *k)
{
	*k = (struct store_key){ 0 };
	k->id = query_get_u32(q, 0, 1, UINT32_MAX);
	k->node_id = query_get_u32(q, 1, 1, UINT32_MAX);
	query_get_name(q, 2, k->node_name);
	k->kind = (enum key_kind)query_get_u32(q, 3, KEY_IDENTITY, KEY_TUNNEL);
	k->status = (enum key_status)query_get_u32(q, 4, KEY_CURRENT, KEY_REVOKED);
	query_get_blob(q, 5, k->key.b, KEY_BYTES);
	query_get_blob(q, 6, k->fingerprint, sizeof(k->fingerprint));
	if (!query_is_null(q, 7))
		query_get_blob(q, 7, k->signature, sizeof(k->signature));
	k->unbroken = query_get_bool(q, 8);
	k->created_ms = query_get_ms(q, 9);
	k->expires_ms = query_get_ms(q, 10);
	k->revoked_ms = query_get_ms(q, 11);
	query_get_text(q, 12, k->revoked_why, sizeof(k->revoked_why));
	if (!query_is_null(q, 13))
		k->token_id = query_get_u32(q, 13, 1, UINT32_MAX);
}

/* Runs a statement for a single key. */
static enum err get_one(struct query *q, struct store_key *out)
{
	struct store_key k;
	bool found = query_next(q);
	enum err e;

	if (found)
		read_key(q, &k);
	e = query_close_found(q, found);
	if (!e)
		*out = k;
	return e;
}

enum err store_key_get(struct store *s, uint32_t id, struct store_key *out)
{
	struct query q;

	query_open(&q, s, DB_DIRECTORY, get_sql);
	query_u32(&q, 1, id);
	return get_one(&q, out);
}

enum err store_key_find(struct store *s, enum key_kind kind, const struct public_key *key,
			struct store_key *out)
{
	struct query q;

	query_open(&q, s, DB_DIRECTORY, find_sql);
	query_u32(&q, 1, kind);
	query_blob(&q, 2, key->b, KEY_BYTES);
	return get_one(&q, out);
}

enum err store_key_current(struct store *s, uint32_t node_id, enum key_kind kind,
			   struct store_key *out)
{
	struct query q;

	query_open(&q, s, DB_DIRECTORY, current_sql);
	query_u32(&q, 1, node_id);
	query_u32(&q, 2, kind);
	return get_one(&q, out);
}

enum err store_keys_list(struct store *s, uint32_t node_id, uint32_t after_id, uint32_t limit,
			 store_key_cb cb, void *arg)
{
	struct store_key k;
	struct query q;
	enum err e = ERR_OK;

	query_open(&q, s, DB_DIRECTORY, node_id ? list_node_sql : list_all_sql);
	query_u32(&q, 1, after_id);
	query_i64(&q, 2, limit ? (int64_t)limit : -1);
	if (node_id)
		query_u32(&q, 3, node_id);
	while (!e && query_next(&q)) {
		read_key(&q, &k);
		if (!q.err)
			e = cb(arg, &k);
	}
	return query_close(&q) ? q.err : e;
}

enum err store_keys_made(struct store *s, const struct store_key_mark *after, int64_t until_ms,
			 uint32_t limit, store_key_cb cb, void *arg)
{
	struct store_key k;
	struct query q;
	enum err e = ERR_OK;

	query_open(&q, s, DB_DIRECTORY, made_sql);
	query_i64(&q, 1, after->created_ms);
	query_u32(&q, 2, after->id);
	query_i64(&q, 3, until_ms);
	query_u32(&q, 4, limit);
	while (!e && query_next(&q)) {
		read_key(&q, &k);
		if (!q.err)
			e = cb(arg, &k);
	}
	return query_close(&q) ? q.err : e;
}

/* The key that was current steps back: the row stays, so that it is recognised for ever. */
static enum err retire(struct store *s, const struct store_key *k)
{
	struct query q;

	query_open(&q, s, DB_DIRECTORY, retire_sql);
	query_u32(&q, 1, k->node_id);
	query_u32(&q, 2, k->kind);
	return query_run(&q);
}

enum err store_key_put(struct store *s, struct store_key *k)
{
	struct query q;
	enum err e;

	BUG_ON(!s->in_transaction);
	SHA256(k->key.b, KEY_BYTES, k->fingerprint);
	if (!k->created_ms)
		k->created_ms = clock_wall_ms();
	e = retire(s, k);
	if (e)
		return e;
	query_open(&q, s, DB_DIRECTORY, insert_sql);
	query_u32(&q, 1, k->node_id);
	query_u32(&q, 2, k->kind);
	query_blob(&q, 3, k->key.b, KEY_BYTES);
	query_blob(&q, 4, k->fingerprint, sizeof(k->fingerprint));
	if (!secret_is_zero(k->signature, sizeof(k->signature)))
		query_blob(&q, 5, k->signature, sizeof(k->signature));
	query_u32(&q, 6, k->unbroken);
	query_i64_or_null(&q, 7, k->token_id);
	query_i64(&q, 8, k->created_ms);
	query_i64_or_null(&q, 9, k->expires_ms);
	e = query_run(&q);
	if (e)
		return e;
	k->id = (uint32_t)sqlite3_last_insert_rowid(s->db[DB_DIRECTORY].db);
	k->status = KEY_CURRENT;
	return ERR_OK;
}

enum err store_key_overlap(struct store *s, uint32_t node_id, enum key_kind kind, int64_t until_ms)
{
	struct query q;

	BUG_ON(!s->in_transaction);
	query_open(&q, s, DB_DIRECTORY, overlap_sql);
	query_u32(&q, 1, node_id);
	query_u32(&q, 2, kind);
	query_i64(&q, 3, until_ms);
	return query_run(&q);
}

enum err store_key_sign(struct store *s, uint32_t node_id, const uint8_t sig[64])
{
	struct query q;

	BUG_ON(!s->in_transaction);
	query_open(&q, s, DB_DIRECTORY, sign_sql);
	query_u32(&q, 1, node_id);
	query_blob(&q, 2, sig, 64);
	return query_run_one(&q);
}

enum err store_key_revoke(struct store *s, uint32_t id, const char *why)
{
	struct query q;

	query_open(&q, s, DB_DIRECTORY, revoke_sql);
	query_u32(&q, 1, id);
	query_i64(&q, 2, clock_wall_ms());
	query_text_max(&q, 3, why, STORE_TEXT_SIZE);
	return query_run_one(&q);
}
