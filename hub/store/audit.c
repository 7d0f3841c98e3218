/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * audit: who did what. Each row's hash covers the hash of the row before and its own canonical
 * bytes:
 *
 *   "branchline audit v1" NUL | id u64 | at_ms u64
 *   | for actor, action, object, detail: length u32, bytes         (little-endian)
 *
 * so that nothing can be changed, put in or taken out without every later hash being wrong. Rows
 * cut off at the end show in the counter that SQLite keeps for ids (sqlite_sequence).
 */
#include <openssl/evp.h>
#include <string.h>

#include "hub/store/store_internal.h"
#include "shared/base/clock.h"
#include "shared/base/cursor.h"

#define AUDIT_DETAIL_MAX_BYTES    65535u
#define AUDIT_WORD_SIZE           64u /* actor and action */
#define AUDIT_CANONICAL_MAX_BYTES (AUDIT_DETAIL_MAX_BYTES + 1024u)

static const char canonical_label[] = "branchline audit v1";

static const char last_sql[] = "SELECT id, hash FROM audit ORDER BY id DESC LIMIT 1";
static const char insert_sql[] =
	"INSERT INTO audit (id, at_ms, actor, action, object, detail, previous, hash)"
	" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
static const char count_sql[] = "SELECT count(*) FROM audit WHERE action = ?1 AND at_ms >= ?2";
static const char walk_sql[] = "SELECT id, at_ms, actor, action, object, detail, previous, hash"
			       " FROM audit WHERE id > ?1 ORDER BY id LIMIT ?2";
static const char hash_sql[] = "SELECT hash FROM audit WHERE id = ?1";

#define LIST_COLUMNS "SELECT id, at_ms, actor, action, object, detail, hash FROM audit WHERE "
#define LIST_FILTER                                                                                \
	" AND (?2 = '' OR actor = ?2) AND (?3 = '' OR object = ?3)"                                \
	" AND (?4 = '' OR action = ?4"                                                             \
	"  OR (substr(?4, -1) = '.' AND substr(action, 1, length(?4)) = ?4))"                      \
	" AND at_ms >= ?5 AND at_ms < ?6"
static const char list_sql[] = LIST_COLUMNS "id > ?1" LIST_FILTER " ORDER BY id LIMIT ?7";
static const char list_back_sql[] = LIST_COLUMNS "id < ?1" LIST_FILTER " ORDER BY id DESC LIMIT ?7";
static const char sequence_sql[] = "SELECT seq FROM sqlite_sequence WHERE name = 'audit'";

struct audit_row {
	uint64_t id;
	int64_t at_ms;
	const char *text[4]; /* actor, action, object, detail */
	uint8_t previous[32];
	uint8_t hash[32];
};

/* The hash that a row must have. ERR_TOOBIG when its texts are longer than the schema allows. */
static enum err row_hash(const struct audit_row *r, uint8_t out[32])
{
	static const size_t n = AUDIT_CANONICAL_MAX_BYTES;
	uint8_t *canonical = malloc(n);
	struct cursor c;
	enum err e;

	if (!canonical)
		return ERR_NOMEM;
	cursor_init_write(&c, canonical, n);
	cursor_put_bytes(&c, r->previous, sizeof(r->previous));
	cursor_put_bytes(&c, canonical_label, sizeof(canonical_label));
	cursor_put_u64(&c, r->id);
	cursor_put_u64(&c, (uint64_t)r->at_ms);
	for (size_t i = 0; i < ARRAY_LEN(r->text); i++) {
		cursor_put_u32(&c, (uint32_t)strlen(r->text[i]));
		cursor_put_bytes(&c, r->text[i], strlen(r->text[i]));
	}
	e = c.err;
	if (!e && !EVP_Digest(canonical, cursor_pos(&c), out, NULL, EVP_sha256(), NULL))
		e = ERR_CRYPTO;
	free(canonical);
	return e;
}

/* Number and hash of the newest row; zeros in an empty log. */
static enum err read_last(struct store *s, uint64_t *id, uint8_t hash[32])
{
	struct query q;

	*id = 0;
	memset(hash, 0, 32);
	query_open(&q, s, DB_DIRECTORY, last_sql);
	if (query_next(&q)) {
		*id = (uint64_t)query_get_i64(&q, 0, 1, INT64_MAX - 1);
		query_get_blob(&q, 1, hash, 32);
	}
	return query_close(&q);
}

/* Inside a transaction: reading the last row and adding the next must be one step. */
static enum err add_locked(struct store *s, const struct store_audit *a)
{
	struct audit_row r = { .at_ms = clock_wall_ms() };
	struct query q;
	enum err e = read_last(s, &r.id, r.previous);

	if (e)
		return e;
	r.id++;
	r.text[0] = a->actor;
	r.text[1] = a->action;
	r.text[2] = a->object ? a->object : "";
	r.text[3] = a->detail_json ? a->detail_json : "{}";
	e = row_hash(&r, r.hash);
	if (e)
		return e;
	query_open(&q, s, DB_DIRECTORY, insert_sql);
	query_u64(&q, 1, r.id);
	query_i64(&q, 2, r.at_ms);
	for (int i = 0; i < 4; i++)
		query_text_max(&q, 3 + i, r.text[i],
			       i < 2   ? AUDIT_WORD_SIZE
			       : i < 3 ? STORE_TEXT_SIZE
				       : AUDIT_DETAIL_MAX_BYTES + 1);
	query_blob(&q, 7, r.previous, sizeof(r.previous));
	query_blob(&q, 8, r.hash, sizeof(r.hash));
	return query_run(&q);
}

enum err store_audit_add(struct store *s, const struct store_audit *a)
{
	enum err e;

	if (s->in_transaction)
		return add_locked(s, a);
	e = store_begin(s);
	if (e)
		return e;
	e = add_locked(s, a);
	if (!e)
		return store_commit(s);
	store_rollback(s);
	return e;
}

enum err store_audit_count(struct store *s, const char *action, int64_t since_ms, uint64_t *count)
{
	struct query q;
	uint64_t value = 0;

	query_open(&q, s, DB_DIRECTORY, count_sql);
	query_text(&q, 1, action);
	query_i64(&q, 2, since_ms);
	if (query_next(&q))
		value = (uint64_t)query_get_i64(&q, 0, 0, INT64_MAX);
	if (!query_close(&q))
		*count = value;
	return q.err;
}

/* Is the row under the cursor the one that must follow `last`? Moves `last` on to it. */
static enum err verify_row(struct query *q, struct audit_row *last)
{
	struct audit_row r;
	uint8_t must_be[32];
	enum err e;

	r.id = (uint64_t)query_get_i64(q, 0, INT64_MIN, INT64_MAX);
	r.at_ms = query_get_i64(q, 1, INT64_MIN, INT64_MAX);
	for (int i = 0; i < 4; i++) {
		r.text[i] = (const char *)sqlite3_column_text(q->st, 2 + i);
		if (!r.text[i] || strlen(r.text[i]) != (size_t)sqlite3_column_bytes(q->st, 2 + i))
			return ERR_CORRUPT;
	}
	query_get_blob(q, 6, r.previous, sizeof(r.previous));
	query_get_blob(q, 7, r.hash, sizeof(r.hash));
	if (q->err || r.id != last->id + 1 ||
	    memcmp(r.previous, last->hash, sizeof(r.previous)) != 0)
		return ERR_CORRUPT;
	e = row_hash(&r, must_be);
	if (e)
		return e == ERR_TOOBIG ? ERR_CORRUPT : e;
	*last = r;
	return memcmp(r.hash, must_be, sizeof(must_be)) == 0 ? ERR_OK : ERR_CORRUPT;
}

/* The number that SQLite gave out last: 0 when there never was a row. */
static enum err read_sequence(struct store *s, uint64_t *out)
{
	struct query q;

	*out = 0;
	query_open(&q, s, DB_DIRECTORY, sequence_sql);
	if (query_next(&q))
		*out = (uint64_t)query_get_i64(&q, 0, 0, INT64_MAX);
	return query_close(&q);
}

/* Where a piece begins: the hash of the row before it. */
static enum err read_start(struct store *s, uint64_t id, struct audit_row *last)
{
	struct query q;
	bool found;

	memset(last, 0, sizeof(*last));
	last->id = id;
	if (id == 0)
		return ERR_OK;
	query_open(&q, s, DB_DIRECTORY, hash_sql);
	query_u64(&q, 1, id);
	found = query_next(&q);
	if (found)
		query_get_blob(&q, 0, last->hash, sizeof(last->hash));
	return query_close_found(&q, found);
}

/* The rows of a piece, and the end of the log behind the last one. */
static enum err verify_rows(struct query *q, struct audit_row *last, uint32_t limit, bool *more,
			    uint64_t *bad_id)
{
	uint64_t sequence = 0;
	uint32_t n = 0;
	enum err e = ERR_OK;

	*more = false;
	while (!e && !*more && query_next(q)) {
		uint64_t expected = last->id + 1;

		if (limit && n++ == limit) {
			*more = true;
			break;
		}
		e = verify_row(q, last);
		if (e)
			*bad_id = expected;
	}
	if (e || q->err || *more)
		return e;
	/* Read while the walk's snapshot is still held. */
	q->err = read_sequence(q->store, &sequence);
	if (!q->err && sequence != last->id) {
		*bad_id = last->id + 1;
		e = ERR_CORRUPT;
	}
	return e;
}

enum err store_audit_verify_part(struct store *s, uint64_t *after, uint32_t limit, bool *more,
				 uint64_t *bad_id)
{
	struct audit_row last;
	struct query q;
	enum err e = read_start(s, *after, &last);

	if (e == ERR_NOTFOUND) {
		*bad_id = *after;
		return ERR_CORRUPT;
	}
	if (e)
		return e;
	query_open(&q, s, DB_DIRECTORY, walk_sql);
	query_u64(&q, 1, *after);
	query_i64(&q, 2, limit ? (int64_t)limit + 1 : -1);
	e = verify_rows(&q, &last, limit, more, bad_id);
	*after = last.id;
	/* A row that does not decode has made q.err ERR_CORRUPT as well; both mean the same. */
	query_close(&q);
	return e ? e : q.err;
}

enum err store_audit_verify(struct store *s, uint64_t *bad_id)
{
	uint64_t after = 0;
	bool more;

	return store_audit_verify_part(s, &after, 0, &more, bad_id);
}

/* The row under the cursor; its detail stays with the statement. */
static void read_entry(struct query *q, struct store_audit_entry *a)
{
	a->id = (uint64_t)query_get_i64(q, 0, 1, INT64_MAX);
	a->at_ms = query_get_ms(q, 1);
	query_get_text(q, 2, a->actor, sizeof(a->actor));
	query_get_text(q, 3, a->action, sizeof(a->action));
	query_get_text(q, 4, a->object, sizeof(a->object));
	a->detail = q->err ? NULL : (const char *)sqlite3_column_text(q->st, 5);
	if (!a->detail)
		query_fail(q, ERR_CORRUPT, "an audit entry has no detail");
	query_get_blob(q, 6, a->hash, sizeof(a->hash));
}

enum err store_audit_list(struct store *s, const struct store_audit_filter *f, uint64_t after,
			  uint32_t limit, store_audit_cb cb, void *arg)
{
	struct store_audit_entry a;
	struct query q;
	enum err e = ERR_OK;

	query_open(&q, s, DB_DIRECTORY, f->newest_first ? list_back_sql : list_sql);
	query_u64(&q, 1, f->newest_first && !after ? INT64_MAX : after);
	query_text(&q, 2, f->actor);
	query_text(&q, 3, f->object);
	query_text(&q, 4, f->action);
	query_i64(&q, 5, f->since_ms);
	query_i64(&q, 6, f->until_ms ? f->until_ms : INT64_MAX);
	query_i64(&q, 7, limit ? (int64_t)limit : -1);
	while (!e && query_next(&q)) {
		read_entry(&q, &a);
		if (!q.err)
			e = cb(arg, &a);
	}
	return query_close(&q) ? q.err : e;
}
