/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * migrate: brings a database file to the present version. PRAGMA user_version holds the number of
 * the last migration that was applied. Each migration is one transaction; whatever fails leaves the
 * file as it was before that migration.
 */
#include "shared/base/err.h"

struct sqlite3;

/* One file of schema/sql, made into C by schema/embed.sh. An array ends with number 0. */
struct embedded_sql {
	unsigned number;  /* 1, 2, 3 ... */
	const char *name; /* "0001_directory" */
	const char *text;
};
extern const struct embedded_sql embedded_directory_sql[];
extern const struct embedded_sql embedded_presence_sql[];

#define MIGRATE_WHY_SIZE 512u

/* The number of the last migration of a list: the version that this program understands. */
unsigned migrate_latest(const struct embedded_sql *list);
/*
 * `db` is open for writing, `path` its file. A file that holds anything already is first copied to
 * "PATH.before-vN" (mode 0600, N the version that it is brought to). ERR_VERSION: made by a later
 * version. ERR_CORRUPT: not a database of ours, or damaged. ERR_BUSY, ERR_FULL, ERR_READONLY,
 * ERR_IO. `why` gets a sentence.
 */
enum err migrate_run(struct sqlite3 *db, const char *path, const struct embedded_sql *list,
		     char why[MIGRATE_WHY_SIZE]) must_check;
/* For a connection that does not migrate: ERR_VERSION unless the file is of exactly the present
 * version, otherwise as above. */
enum err migrate_check(struct sqlite3 *db, const char *path, const struct embedded_sql *list,
		       char why[MIGRATE_WHY_SIZE]) must_check;
/* Copies the whole database to a new file `to`, as one moment's state, while others may use it; a
 * file of that name is replaced. Errors and `why` as above. */
enum err migrate_copy(struct sqlite3 *db, const char *path, const char *to,
		      char why[MIGRATE_WHY_SIZE]) must_check;
