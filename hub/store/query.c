/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * query: one run of a prepared statement. Statements are prepared once a connection and found again
 * by the address of their text: there are few, and a walk over some dozen pointers costs less than
 * SQLite's own work for the smallest of them.
 */
#include <errno.h>
#include <string.h>

#include "hub/store/store_internal.h"

/* What a broken constraint means: the schema says what is unique, what refers to what, and what
 * range a value has. */
static enum err err_from_constraint(int rc)
{
	switch (rc) {
	case SQLITE_CONSTRAINT_UNIQUE:
	case SQLITE_CONSTRAINT_PRIMARYKEY:
	case SQLITE_CONSTRAINT_ROWID:
		return ERR_EXISTS;
	case SQLITE_CONSTRAINT_FOREIGNKEY:
		return ERR_NOTFOUND;
	case SQLITE_CONSTRAINT_TRIGGER:
		return ERR_DENIED;
	default:
		return ERR_INVALID;
	}
}

/* For failures behind which a system call stands: that one says more than SQLite's code. */
static enum err err_from_system(sqlite3 *db, enum err otherwise)
{
	switch (db ? sqlite3_system_errno(db) : 0) {
	case ENOSPC:
	case EDQUOT:
		return ERR_FULL;
	case EROFS:
		return ERR_READONLY;
	case EACCES:
	case EPERM:
		return ERR_DENIED;
	case ENOENT:
		return ERR_NOTFOUND;
	default:
		return otherwise;
	}
}

enum err store_err_from_sqlite(sqlite3 *db, int rc)
{
	switch (rc & 0xff) {
	case SQLITE_OK:
	case SQLITE_ROW:
	case SQLITE_DONE:
		return ERR_OK;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
	case SQLITE_PROTOCOL:
		return ERR_BUSY;
	case SQLITE_FULL:
		return ERR_FULL;
	case SQLITE_READONLY:
		return ERR_READONLY;
	case SQLITE_NOMEM:
		return ERR_NOMEM;
	case SQLITE_CONSTRAINT:
		return err_from_constraint(rc);
	case SQLITE_TOOBIG:
		return ERR_TOOBIG;
	case SQLITE_MISMATCH:
	case SQLITE_RANGE:
		return ERR_INVALID;
	case SQLITE_PERM:
	case SQLITE_AUTH:
		return ERR_DENIED;
	case SQLITE_CANTOPEN:
		return err_from_system(db, ERR_IO);
	case SQLITE_IOERR:
		return err_from_system(db, ERR_IO);
	default: /* a table that is missing, a page that makes no sense: not the file that we made
		  */
		return ERR_CORRUPT;
	}
}

enum err store_fail(struct store *s, enum store_db which, int rc, const char *doing)
{
	struct connection *c = &s->db[which];
	enum err e = store_err_from_sqlite(c->db, rc);

	snprintf(s->error, sizeof(s->error), "%s: %s: %s", c->file, sqlite3_errmsg(c->db), doing);
	/* Damaged pages must not stay in memory: when the file is put right again, we go on. */
	if (e == ERR_CORRUPT)
		sqlite3_db_release_memory(c->db);
	/* After a full disk or an I/O error SQLite ends the transaction itself; what followed would
	 * each be on its own. */
	if (which == DB_DIRECTORY && s->in_transaction && !s->broken &&
	    sqlite3_get_autocommit(c->db))
		s->broken = e;
	return e;
}

/* The cache's statement for `sql`, prepared now when it is the first time. */
static int statement_get(struct connection *c, const char *sql, sqlite3_stmt **out)
{
	int rc;

	for (unsigned i = 0; i < c->n_cached; i++) {
		if (c->cache[i].sql == sql) {
			*out = c->cache[i].st;
			return SQLITE_OK;
		}
	}
	BUG_ON(c->n_cached == STORE_STATEMENTS_MAX);
	rc = sqlite3_prepare_v3(c->db, sql, -1, SQLITE_PREPARE_PERSISTENT, out, NULL);
	if (rc == SQLITE_OK)
		c->cache[c->n_cached++] = (struct statement){ sql, *out };
	return rc;
}

void query_open(struct query *q, struct store *s, enum store_db which, const char *sql)
{
	struct connection *c = &s->db[which];
	int rc;

	*q = (struct query){ .store = s, .which = which };
	if (which == DB_DIRECTORY && s->broken) {
		q->err = s->broken;
		return;
	}
	rc = statement_get(c, sql, &q->st);
	if (rc == SQLITE_OK && sqlite3_stmt_busy(q->st)) {
		rc = sqlite3_prepare_v2(c->db, sql, -1, &q->st, NULL);
		q->own = true;
	}
	if (rc != SQLITE_OK) {
		q->st = NULL;
		q->err = store_fail(s, which, rc, "prepare");
	}
}

void query_fail(struct query *q, enum err e, const char *what)
{
	if (q->err)
		return;
	q->err = e;
	snprintf(q->store->error, sizeof(q->store->error), "%s: %s", q->store->db[q->which].file,
		 what);
}

/* Notes the result of a bind. */
static void bound(struct query *q, int rc)
{
	if (rc != SQLITE_OK && !q->err)
		q->err = store_fail(q->store, q->which, rc, "bind");
}

void query_i64(struct query *q, int index, int64_t v)
{
	if (!q->err)
		bound(q, sqlite3_bind_int64(q->st, index, v));
}

void query_u32(struct query *q, int index, uint32_t v) { query_i64(q, index, v); }

void query_i64_or_null(struct query *q, int index, int64_t v)
{
	if (v)
		query_i64(q, index, v);
	else if (!q->err)
		bound(q, sqlite3_bind_null(q->st, index));
}

void query_u64(struct query *q, int index, uint64_t v)
{
	if (v > INT64_MAX)
		query_fail(q, ERR_INVALID, "a number is too large for a column");
	else
		query_i64(q, index, (int64_t)v);
}

void query_text(struct query *q, int index, const char *v)
{
	if (!q->err)
		bound(q, sqlite3_bind_text(q->st, index, v ? v : "", -1, SQLITE_STATIC));
}

void query_text_max(struct query *q, int index, const char *v, size_t size)
{
	if (v && strlen(v) >= size)
		query_fail(q, ERR_INVALID, "a text is too long");
	else
		query_text(q, index, v);
}

void query_endpoint(struct query *q, int index, const struct endpoint *e)
{
	char text[ENDPOINT_STR_SIZE];

	if (!q->err)
		bound(q, sqlite3_bind_text(q->st, index,
					   endpoint_is_set(e) ? endpoint_format(e, text) : "", -1,
					   SQLITE_TRANSIENT));
}

void query_blob(struct query *q, int index, const void *p, size_t n)
{
	if (!q->err)
		bound(q, sqlite3_bind_blob64(q->st, index, p, n, SQLITE_STATIC));
}

void query_addr(struct query *q, int index, const struct addr *a)
{
	if (a->family)
		query_blob(q, index, a->b, addr_len(a));
	else
		query_i64_or_null(q, index, 0);
}

bool query_next(struct query *q)
{
	int rc;

	if (q->err)
		return false;
	rc = sqlite3_step(q->st);
	q->has_row = rc == SQLITE_ROW;
	if (rc != SQLITE_ROW && rc != SQLITE_DONE)
		q->err = store_fail(q->store, q->which, rc, sqlite3_sql(q->st));
	return q->has_row;
}

enum err query_close(struct query *q)
{
	if (q->st && q->own) {
		sqlite3_finalize(q->st);
	} else if (q->st) {
		sqlite3_reset(q->st);
		sqlite3_clear_bindings(q->st);
	}
	q->st = NULL;
	return q->err;
}

enum err query_close_found(struct query *q, bool found)
{
	enum err e = query_close(q);

	return e ? e : found ? ERR_OK : ERR_NOTFOUND;
}

enum err query_run(struct query *q)
{
	query_next(q);
	return query_close(q);
}

enum err query_run_one(struct query *q)
{
	query_next(q);
	return query_close_found(q, sqlite3_changes(q->store->db[q->which].db) > 0);
}

void query_open_page(struct query *q, struct store *s, const char *sql, uint32_t after_id,
		     uint32_t limit)
{
	query_open(q, s, DB_DIRECTORY, sql);
	query_u32(q, 1, after_id);
	query_i64(q, 2, limit ? (int64_t)limit : -1);
}

enum err query_run_id(struct store *s, const char *sql, uint32_t id)
{
	struct query q;

	query_open(&q, s, DB_DIRECTORY, sql);
	query_u32(&q, 1, id);
	return query_run_one(&q);
}

bool query_is_null(struct query *q, int col)
{
	return q->err || sqlite3_column_type(q->st, col) == SQLITE_NULL;
}

int64_t query_get_i64(struct query *q, int col, int64_t min, int64_t max)
{
	int64_t v;

	if (q->err)
		return 0;
	v = sqlite3_column_int64(q->st, col);
	if (sqlite3_column_type(q->st, col) == SQLITE_INTEGER && v >= min && v <= max)
		return v;
	query_fail(q, ERR_CORRUPT, "a stored number is out of its range");
	return 0;
}

uint32_t query_get_u32(struct query *q, int col, uint32_t min, uint32_t max)
{
	return (uint32_t)query_get_i64(q, col, min, max);
}

bool query_get_bool(struct query *q, int col) { return query_get_i64(q, col, 0, 1) == 1; }

int64_t query_get_ms(struct query *q, int col)
{
	return query_is_null(q, col) ? 0 : query_get_i64(q, col, 0, INT64_MAX);
}

void query_get_text(struct query *q, int col, char *out, size_t size)
{
	const unsigned char *text;
	size_t n;

	out[0] = '\0';
	if (q->err)
		return;
	text = sqlite3_column_text(q->st, col);
	n = (size_t)sqlite3_column_bytes(q->st, col);
	if (!text || n >= size || memchr(text, '\0', n)) {
		query_fail(q, ERR_CORRUPT, "a stored text is missing or too long");
		return;
	}
	memcpy(out, text, n);
	out[n] = '\0';
}

const char *query_borrow_text(struct query *q, int col)
{
	const unsigned char *text = q->err ? NULL : sqlite3_column_text(q->st, col);

	if (text && strlen((const char *)text) == (size_t)sqlite3_column_bytes(q->st, col))
		return (const char *)text;
	query_fail(q, ERR_CORRUPT, "a stored text is missing, or has a hole");
	return NULL;
}

const void *query_borrow_blob(struct query *q, int col, size_t *n)
{
	const void *p = q->err ? NULL : sqlite3_column_blob(q->st, col);

	*n = p ? (size_t)sqlite3_column_bytes(q->st, col) : 0;
	if (!p || sqlite3_column_type(q->st, col) != SQLITE_BLOB) {
		query_fail(q, ERR_CORRUPT, "stored bytes are missing");
		return NULL;
	}
	return p;
}

void query_get_name(struct query *q, int col, char out[NAME_SIZE])
{
	query_get_text(q, col, out, NAME_SIZE);
	if (!q->err && !name_is_valid(out))
		query_fail(q, ERR_CORRUPT, "a stored name is not a name");
}

void query_get_blob(struct query *q, int col, void *out, size_t n)
{
	const void *p;

	memset(out, 0, n);
	if (q->err)
		return;
	p = sqlite3_column_blob(q->st, col);
	if (!p || sqlite3_column_type(q->st, col) != SQLITE_BLOB ||
	    (size_t)sqlite3_column_bytes(q->st, col) != n) {
		query_fail(q, ERR_CORRUPT, "stored bytes have a wrong length");
		return;
	}
	memcpy(out, p, n);
}

void query_get_addr(struct query *q, int col, unsigned family, struct addr *out)
{
	*out = (struct addr){ 0 };
	if (query_is_null(q, col))
		return;
	query_get_blob(q, col, out->b, family == 4 ? 4 : 16);
	if (!q->err)
		out->family = family == 4 ? AF_INET : AF_INET6;
}

void query_get_endpoint(struct query *q, int col, struct endpoint *out)
{
	char text[ENDPOINT_STR_SIZE];

	*out = (struct endpoint){ 0 };
	query_get_text(q, col, text, sizeof(text));
	if (text[0] && endpoint_parse(text, 0, out))
		query_fail(q, ERR_CORRUPT, "a stored endpoint is not one");
}

void query_get_prefix(struct query *q, int col, struct prefix *out)
{
	unsigned family = query_get_u32(q, col, 4, 6);
	struct prefix whole;

	*out = (struct prefix){ 0 };
	query_get_addr(q, col + 1, family, &out->addr);
	out->len = (uint8_t)query_get_u32(q, col + 2, 0, family == 4 ? 32 : 128);
	if (q->err || !out->addr.family) {
		query_fail(q, ERR_CORRUPT, "a stored prefix has no address");
		return;
	}
	whole = prefix_of_net(&out->addr, out->len);
	if (family == 5 || !prefix_equal(&whole, out))
		query_fail(q, ERR_CORRUPT, "a stored prefix has host bits");
}
