/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * What the files of hub/store share: the two connections, and `struct query`, one run of a prepared
 * statement.
 *
 * A query has a sticky error, so that a statement is bound, stepped and read in order and the error
 * is looked at once:
 *
 *   1. query_open()                    takes the statement from the cache
 *   2. query_u32(), query_text() ...   binds, numbers from 1 as in SQL
 *   3. query_next() until false        a row each; query_get_*() read columns, from 0
 *   4. query_close()                   gives the statement back and returns the error
 *
 * A column that is not what the schema promises makes the error ERR_CORRUPT: rows are hostile, too.
 */
#include <sqlite3.h>

#include "hub/store/migrate.h"
#include "hub/store/store.h"

#define STORE_STATEMENTS_MAX                                                                       \
	192u /* different statements of one connection; there are about 130                        \
	      */
#define STORE_ERROR_SIZE 512u

enum store_db { DB_DIRECTORY, DB_PRESENCE, DB_COUNT };

struct statement {
	const char *sql; /* compared by address: always a static const array */
	sqlite3_stmt *st;
};

struct connection {
	sqlite3 *db;
	const char *file; /* "directory.db" */
	struct statement cache[STORE_STATEMENTS_MAX];
	unsigned n_cached;
};

struct store {
	struct connection db[DB_COUNT];
	bool in_transaction; /* between store_begin() and store_commit() or store_rollback() */
	enum err broken; /* SQLite has rolled the transaction back by itself: nothing more may be
			    written in it */
	char error[STORE_ERROR_SIZE];
};

struct query {
	struct store *store;
	enum store_db which;
	sqlite3_stmt *st; /* NULL after a failed query_open() */
	bool own;         /* the cached one was busy (a callback asks the same): finalize ours */
	bool has_row;
	enum err err;
};

/* What a result code means to our callers; `db` for the system error behind it, may be NULL. */
enum err store_err_from_sqlite(sqlite3 *db, int rc);
/* Puts "file: what SQLite says: doing" into s->error and returns the error for `rc`. */
enum err store_fail(struct store *s, enum store_db which, int rc, const char *doing);
/* store_create() with other lists of migrations: tests make files of older versions with it. */
enum err store_create_from(const char *dir, const struct embedded_sql *directory,
			   const struct embedded_sql *presence) must_check;
/* Opens a connection with all safety settings. `why` gets a sentence (MIGRATE_WHY_SIZE). `create`:
 * make the file (0600) when it is missing. */
enum err store_connect(const char *path, bool create, sqlite3 **out,
		       char why[MIGRATE_WHY_SIZE]) must_check;

void query_open(struct query *q, struct store *s, enum store_db which, const char *sql);
void query_u32(struct query *q, int index, uint32_t v);
void query_i64(struct query *q, int index, int64_t v);
/* 0 is bound as NULL. */
void query_i64_or_null(struct query *q, int index, int64_t v);
/* ERR_INVALID when `v` is above INT64_MAX, which a column cannot hold. */
void query_u64(struct query *q, int index, uint64_t v);
/* The memory must stay until query_close(). */
void query_text(struct query *q, int index, const char *v);
/* The same; ERR_INVALID when it does not fit `size` bytes with the end mark, and so could not be
 * read back. NULL is "". */
void query_text_max(struct query *q, int index, const char *v, size_t size);
/* As text, copied; empty for none. */
void query_endpoint(struct query *q, int index, const struct endpoint *e);
void query_blob(struct query *q, int index, const void *p, size_t n);
/* An address, or NULL for family 0. */
void query_addr(struct query *q, int index, const struct addr *a);
/* One step. False at the end and after an error. */
bool query_next(struct query *q);
/* query_next() for a statement that gives no row, and query_close(). */
enum err query_run(struct query *q) must_check;
/* The same, ERR_NOTFOUND when no row was changed. */
enum err query_run_one(struct query *q) must_check;
/* A page of a list of the directory, by id: ?1 is where it begins, ?2 how many (`limit` 0: all). */
void query_open_page(struct query *q, struct store *s, const char *sql, uint32_t after_id,
		     uint32_t limit);
/* query_run_one() of a statement of the directory whose ?1 is an id. */
enum err query_run_id(struct store *s, const char *sql, uint32_t id) must_check;
/* Harmless when closed already. A second call returns the same. */
enum err query_close(struct query *q);
/* For a statement that should have given a row: ERR_NOTFOUND unless `found` or something worse
 * happened. Closes. */
enum err query_close_found(struct query *q, bool found) must_check;

int64_t query_get_i64(struct query *q, int col, int64_t min, int64_t max);
uint32_t query_get_u32(struct query *q, int col, uint32_t min, uint32_t max);
bool query_get_bool(struct query *q, int col);
/* Wall time; NULL reads as 0. */
int64_t query_get_ms(struct query *q, int col);
/* `size` with the end mark. */
void query_get_text(struct query *q, int col, char *out, size_t size);
/* The same without a copy: valid until the next step or query_close(). NULL after an error. */
const char *query_borrow_text(struct query *q, int col);
const void *query_borrow_blob(struct query *q, int col, size_t *n);
void query_get_name(struct query *q, int col, char out[NAME_SIZE]);
/* Exactly `n` bytes. */
void query_get_blob(struct query *q, int col, void *out, size_t n);
/* NULL reads as family 0. `family` as in the schema: 4 or 6. */
void query_get_addr(struct query *q, int col, unsigned family, struct addr *out);
/* Empty reads as none; ERR_CORRUPT for what is no endpoint. */
void query_get_endpoint(struct query *q, int col, struct endpoint *out);
bool query_is_null(struct query *q, int col);
/* Fails the query, unless it has failed already. */
void query_fail(struct query *q, enum err e, const char *what);

/* Columns of a prefix from `col`: family, first, length. */
void query_get_prefix(struct query *q, int col, struct prefix *out);

/* presence.c: a transaction of the presence database. The end gets what happened in it: ERR_OK
 * commits, anything else rolls back and is returned. */
enum err store_presence_begin(struct store *s) must_check;
enum err store_presence_end(struct store *s, enum err e) must_check;

/* The last address of a prefix: with its own address, the range in which memcmp order finds what
 * lies in it. */
struct addr store_prefix_last(const struct prefix *p);
