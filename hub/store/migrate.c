/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * migrate: PRAGMA user_version counts the migrations that a file has had.
 *
 *   0, nothing in it      a new file
 *   0, tables in it       not ours
 *   1 .. latest           ours, if application_id is that of the first migration
 *   above latest          ours, of a later program: refused, since we would not know what we break
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "hub/store/store_internal.h"
#include "shared/base/log.h"
#include "shared/base/paths.h"

struct migration_run {
	sqlite3 *db;
	const char *path;
	char *why;
};

unsigned migrate_latest(const struct embedded_sql *list)
{
	unsigned latest = 0;

	for (; list->number; list++)
		latest = list->number;
	return latest;
}

/* Notes why, and returns `e`. */
static enum err explain(const struct migration_run *r, enum err e, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
static enum err explain(const struct migration_run *r, enum err e, const char *fmt, ...)
{
	char text[MIGRATE_WHY_SIZE / 2];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	snprintf(r->why, MIGRATE_WHY_SIZE, "%.250s: %s", r->path, text);
	return e;
}

/* The same for the last failure of SQLite. */
static enum err explain_sqlite(const struct migration_run *r, const char *doing)
{
	return explain(r, store_err_from_sqlite(r->db, sqlite3_extended_errcode(r->db)), "%s: %s",
		       doing, sqlite3_errmsg(r->db));
}

/* Runs SQL whose rows do not matter. */
static enum err run(const struct migration_run *r, const char *sql, const char *doing)
{
	return sqlite3_exec(r->db, sql, NULL, NULL, NULL) == SQLITE_OK ? ERR_OK
								       : explain_sqlite(r, doing);
}

/* The first column of the first row, as a number; 0 without a row. */
static enum err number_of(const struct migration_run *r, const char *sql, int64_t *out)
{
	sqlite3_stmt *st = NULL;
	int rc = sqlite3_prepare_v2(r->db, sql, -1, &st, NULL);

	if (rc == SQLITE_OK)
		rc = sqlite3_step(st);
	*out = rc == SQLITE_ROW ? sqlite3_column_int64(st, 0) : 0;
	sqlite3_finalize(st);
	return rc == SQLITE_ROW || rc == SQLITE_DONE ? ERR_OK : explain_sqlite(r, "read");
}

/* The application_id that the first migration of a list sets. */
static int64_t application_id(const struct embedded_sql *list)
{
	static const char mark[] = "application_id = ";
	const char *at = strstr(list->text, mark);

	return at ? strtoll(at + sizeof(mark) - 1, NULL, 10) : 0;
}

/* The version of the file, once it is certain that it is one of ours or empty. */
static enum err version_of(const struct migration_run *r, const struct embedded_sql *list,
			   unsigned *version)
{
	int64_t v, id, tables;
	enum err e = number_of(r, "PRAGMA user_version", &v);

	if (!e)
		e = number_of(r, "PRAGMA application_id", &id);
	if (!e)
		e = number_of(r, "SELECT count(*) FROM sqlite_schema", &tables);
	if (e)
		return e;
	if (v < 0 || (v == 0 && tables > 0) || (v > 0 && id != application_id(list)))
		return explain(r, ERR_CORRUPT, "this is not a database of Branchline");
	if (v > migrate_latest(list))
		return explain(
			r, ERR_VERSION,
			"made by a later version of Branchline (schema %lld, this "
			"one knows %u); install that version again, or put back the copy made "
			"before the upgrade",
			(long long)v, migrate_latest(list));
	*version = (unsigned)v;
	return ERR_OK;
}

enum err migrate_check(struct sqlite3 *db, const char *path, const struct embedded_sql *list,
		       char why[MIGRATE_WHY_SIZE])
{
	struct migration_run r = { db, path, why };
	unsigned version;
	enum err e = version_of(&r, list, &version);

	if (!e && version != migrate_latest(list))
		e = explain(&r, ERR_VERSION,
			    "schema %u, but %u is needed: restart the hub, which upgrades it",
			    version, migrate_latest(list));
	return e;
}

/* Puts a file's contents on the disk. */
static enum err sync_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	enum err e = ERR_OK;

	if (fd < 0 || fsync(fd))
		e = err_from_errno(errno);
	if (fd >= 0)
		close(fd);
	return e;
}

/* A private, empty file for VACUUM INTO to write into. */
static enum err make_empty(const char *path)
{
	int fd;

	unlink(path);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return err_from_errno(errno);
	close(fd);
	return ERR_OK;
}

/* By way of a temporary name, so that a copy with the final name is always a whole one. */
static enum err back_up(const struct migration_run *r, const char *to)
{
	char temporary[PATHS_FILE_SIZE + 32];
	sqlite3_stmt *st = NULL;
	enum err e;

	snprintf(temporary, sizeof(temporary), "%.*s.tmp", (int)PATHS_FILE_SIZE + 16, to);
	e = make_empty(temporary);
	if (e)
		return explain(r, e, "copy to %s: %s", temporary, err_str(e));
	if (sqlite3_prepare_v2(r->db, "VACUUM INTO ?1", -1, &st, NULL) != SQLITE_OK ||
	    sqlite3_bind_text(st, 1, temporary, -1, SQLITE_STATIC) != SQLITE_OK ||
	    sqlite3_step(st) != SQLITE_DONE)
		e = explain_sqlite(r, "copy");
	sqlite3_finalize(st);
	if (!e) {
		e = sync_file(temporary);
		if (!e && rename(temporary, to))
			e = err_from_errno(errno);
		if (e)
			explain(r, e, "copy to %s: %s", to, err_str(e));
	}
	if (e)
		unlink(temporary);
	return e;
}

enum err migrate_copy(struct sqlite3 *db, const char *path, const char *to,
		      char why[MIGRATE_WHY_SIZE])
{
	struct migration_run r = { db, path, why };

	return back_up(&r, to);
}

/* No reference may lead nowhere after a migration: they are not checked while it rebuilds tables.
 */
static enum err check_references(const struct migration_run *r)
{
	sqlite3_stmt *st = NULL;
	int rc = sqlite3_prepare_v2(r->db, "PRAGMA foreign_key_check", -1, &st, NULL);

	if (rc == SQLITE_OK)
		rc = sqlite3_step(st);
	sqlite3_finalize(st);
	if (rc == SQLITE_ROW)
		return explain(
			r, ERR_CORRUPT,
			"the upgrade would leave a row that refers to one that is not there");
	return rc == SQLITE_DONE ? ERR_OK : explain_sqlite(r, "check of references");
}

/* Inside the transaction: the migration itself, unless another process has done it while we waited
 * for the lock. */
static enum err apply_locked(const struct migration_run *r, const struct embedded_sql *m)
{
	char version_sql[64];
	int64_t version;
	enum err e = number_of(r, "PRAGMA user_version", &version);

	if (e || version >= m->number)
		return e;
	e = run(r, m->text, m->name);
	if (!e)
		e = check_references(r);
	snprintf(version_sql, sizeof(version_sql), "PRAGMA user_version = %u", m->number);
	return e ? e : run(r, version_sql, m->name);
}

/* One migration, one transaction. */
static enum err apply(const struct migration_run *r, const struct embedded_sql *m)
{
	enum err e = run(r, "BEGIN IMMEDIATE", m->name);

	if (e)
		return e;
	e = apply_locked(r, m);
	if (!e)
		e = run(r, "COMMIT", m->name);
	if (e && !sqlite3_get_autocommit(r->db))
		sqlite3_exec(r->db, "ROLLBACK", NULL, NULL, NULL);
	return e;
}

/* All migrations above `version`, in order. */
static enum err apply_all(const struct migration_run *r, const struct embedded_sql *list,
			  unsigned version)
{
	enum err e = run(r, "PRAGMA foreign_keys = OFF; PRAGMA synchronous = FULL", "settings");

	for (; list->number && !e; list++)
		if (list->number > version)
			e = apply(r, list);
	/* The connection is closed after this; the setting is put back for a caller that goes on
	 * with it. */
	sqlite3_exec(r->db, "PRAGMA foreign_keys = ON", NULL, NULL, NULL);
	return e;
}

enum err migrate_run(struct sqlite3 *db, const char *path, const struct embedded_sql *list,
		     char why[MIGRATE_WHY_SIZE])
{
	struct migration_run r = { db, path, why };
	unsigned version, latest = migrate_latest(list);
	char copy[PATHS_FILE_SIZE + 16];
	enum err e = version_of(&r, list, &version);

	if (e || version == latest)
		return e;
	if (version > 0) {
		snprintf(copy, sizeof(copy), "%s.before-v%u", path, latest);
		e = back_up(&r, copy);
		if (e)
			return e;
		log_notice("%s: upgrade from schema %u to %u; the old state is kept in %s", path,
			   version, latest, copy);
	}
	return apply_all(&r, list, version);
}
