/* SPDX-License-Identifier: GPL-3.0-or-later */
/* store: opening and closing, transactions, what failed last. The tables have a file each. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hub/store/store_internal.h"
#include "shared/base/log.h"
#include "shared/base/paths.h"

static const struct store_file {
	const char *name;
	const struct embedded_sql *migrations;
	const char *synchronous;
	int busy_ms; /* once it is open; until then STORE_BUSY_TIMEOUT_MS */
} files[DB_COUNT] = {
	[DB_DIRECTORY] = { "directory.db", embedded_directory_sql, "PRAGMA synchronous = FULL",
			   STORE_BUSY_TIMEOUT_MS },
	[DB_PRESENCE] = { "presence.db", embedded_presence_sql, "PRAGMA synchronous = OFF",
			  STORE_PRESENCE_BUSY_TIMEOUT_MS },
};

/*
 * What every connection is set to. A file that somebody else has changed must not be able to run
 * anything (trusted_schema, DEFENSIVE in connect()), and what is deleted is overwritten.
 */
static const char connection_sql[] = "PRAGMA journal_mode = WAL;"
				     "PRAGMA foreign_keys = ON;"
				     "PRAGMA trusted_schema = OFF;"
				     "PRAGMA cell_size_check = ON;"
				     "PRAGMA secure_delete = ON;"
				     "PRAGMA temp_store = MEMORY;"
				     "PRAGMA journal_size_limit = 16777216;";

/* Makes an empty file that only we can read; SQLite gives its -wal and -shm files the same mode. */
static enum err make_file(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		return err_from_errno(errno);
	close(fd);
	return ERR_OK;
}

enum err store_connect(const char *path, bool create, sqlite3 **out, char why[MIGRATE_WHY_SIZE])
{
	sqlite3 *db = NULL;
	enum err e = create ? make_file(path) : ERR_OK;
	int rc;

	if (e) {
		snprintf(why, MIGRATE_WHY_SIZE, "%s: %s", path, strerror(errno));
		return e;
	}
	rc = sqlite3_open_v2(path, &db,
			     SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE,
			     NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_busy_timeout(db, STORE_BUSY_TIMEOUT_MS);
	if (rc == SQLITE_OK)
		rc = sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(db, connection_sql, NULL, NULL, NULL);
	if (rc == SQLITE_OK) {
		*out = db;
		return ERR_OK;
	}
	e = store_err_from_sqlite(db, rc);
	snprintf(why, MIGRATE_WHY_SIZE, "%s: %s", path, db ? sqlite3_errmsg(db) : "out of memory");
	sqlite3_close(db);
	return e;
}

/* Makes or migrates one of the two files. */
static enum err create_file(const char *path, const struct embedded_sql *list)
{
	char why[MIGRATE_WHY_SIZE] = "";
	sqlite3 *db = NULL;
	enum err e = store_connect(path, true, &db, why);

	if (!e)
		e = migrate_run(db, path, list, why);
	sqlite3_close(db);
	if (e)
		log_error("database: %s", why);
	return e;
}

/* The presence database may be lost: a damaged one, or one of a later version, is thrown away and
 * made anew. */
static enum err create_presence(const char *path, const struct embedded_sql *list)
{
	static const char *const suffixes[] = { "", "-wal", "-shm" };
	enum err e = create_file(path, list);
	char name[PATHS_FILE_SIZE];

	if (e != ERR_CORRUPT && e != ERR_VERSION)
		return e;
	log_warn("%s cannot be used and is made anew; only statistics are lost", path);
	for (size_t i = 0; i < ARRAY_LEN(suffixes); i++) {
		snprintf(name, sizeof(name), "%s%s", path, suffixes[i]);
		unlink(name);
	}
	return create_file(path, list);
}

enum err store_create_from(const char *dir, const struct embedded_sql *directory,
			   const struct embedded_sql *presence)
{
	char path[PATHS_FILE_SIZE];
	enum err e = create_file(paths_join(path, dir, files[DB_DIRECTORY].name), directory);

	return e ? e : create_presence(paths_join(path, dir, files[DB_PRESENCE].name), presence);
}

enum err store_create(const char *dir)
{
	return store_create_from(dir, embedded_directory_sql, embedded_presence_sql);
}

/* Opens one of the two files, which must be of the present version. */
static enum err open_file(struct store *s, enum store_db which, const char *dir)
{
	struct connection *c = &s->db[which];
	char path[PATHS_FILE_SIZE];
	enum err e;

	c->file = files[which].name;
	e = store_connect(paths_join(path, dir, c->file), false, &c->db, s->error);
	if (!e)
		e = migrate_check(c->db, path, files[which].migrations, s->error);
	if (e)
		return e;
	if (sqlite3_exec(c->db, files[which].synchronous, NULL, NULL, NULL) != SQLITE_OK)
		return store_fail(s, which, sqlite3_errcode(c->db), "synchronous");
	if (sqlite3_busy_timeout(c->db, files[which].busy_ms) != SQLITE_OK)
		return store_fail(s, which, sqlite3_errcode(c->db), "busy_timeout");
	return ERR_OK;
}

enum err store_open(const char *dir, struct store **out)
{
	struct store *s = calloc(1, sizeof(*s));
	enum err e = ERR_OK;

	if (!s)
		return ERR_NOMEM;
	for (int i = 0; i < DB_COUNT && !e; i++)
		e = open_file(s, (enum store_db)i, dir);
	if (e) {
		log_error("database: %s", s->error);
		store_close(s);
		return e;
	}
	*out = s;
	return ERR_OK;
}

void store_close(struct store *s)
{
	if (!s)
		return;
	for (int i = 0; i < DB_COUNT; i++) {
		struct connection *c = &s->db[i];

		for (unsigned j = 0; j < c->n_cached; j++)
			sqlite3_finalize(c->cache[j].st);
		sqlite3_close(c->db);
	}
	free(s);
}

const char *store_error(const struct store *s) { return s->error; }

static const char begin_sql[] = "BEGIN IMMEDIATE";
static const char commit_sql[] = "COMMIT";
static const char rollback_sql[] = "ROLLBACK";

enum err store_begin(struct store *s)
{
	struct query q;
	enum err e;

	BUG_ON(s->in_transaction);
	query_open(&q, s, DB_DIRECTORY, begin_sql);
	e = query_run(&q);
	s->in_transaction = !e;
	return e;
}

void store_rollback(struct store *s)
{
	struct query q;
	char error[STORE_ERROR_SIZE];
	enum err e;

	if (!s->in_transaction)
		return;
	s->in_transaction = false;
	s->broken = ERR_OK;
	if (sqlite3_get_autocommit(s->db[DB_DIRECTORY].db))
		return;
	/* What led here is what the admin wants to read, not how the rollback went. */
	memcpy(error, s->error, sizeof(error));
	query_open(&q, s, DB_DIRECTORY, rollback_sql);
	e = query_run(&q);
	if (e)
		log_error("database: %s", s->error);
	memcpy(s->error, error, sizeof(error));
}

enum err store_commit(struct store *s)
{
	struct query q;
	enum err e;

	BUG_ON(!s->in_transaction);
	query_open(&q, s, DB_DIRECTORY, commit_sql);
	e = query_run(&q);
	if (e)
		store_rollback(s);
	s->in_transaction = false;
	return e;
}

enum err store_copy(struct store *s, const char *to)
{
	return migrate_copy(s->db[DB_DIRECTORY].db, files[DB_DIRECTORY].name, to, s->error);
}

static const char integrity_sql[] = "PRAGMA integrity_check(1)";
static const char foreign_sql[] = "PRAGMA foreign_key_check";

/* One file of store_check(). */
static enum err check_file(struct store *s, enum store_db which)
{
	struct query q;
	char text[STORE_TEXT_SIZE];

	query_open(&q, s, which, integrity_sql);
	if (query_next(&q)) {
		query_get_text(&q, 0, text, sizeof(text));
		if (strcmp(text, "ok") != 0)
			query_fail(&q, ERR_CORRUPT, text);
	}
	if (query_close(&q))
		return q.err;
	query_open(&q, s, which, foreign_sql);
	if (query_next(&q))
		query_fail(&q, ERR_CORRUPT, "a row refers to one that is not there");
	return query_close(&q);
}

enum err store_check(struct store *s)
{
	enum err e = check_file(s, DB_DIRECTORY);

	return e ? e : check_file(s, DB_PRESENCE);
}
