/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The database as every older version left it (tests/vectors/upgrade) is brought to the newest,
 * with all that is in it. The dumps are what is out there: an older migration that is changed later
 * does not change them.
 */
#include "hub/store/store_internal.h"
#include "shared/base/file.h"
#include "tests/lib/store_fixture.h"

#define DUMPS          "tests/vectors/upgrade"
#define DUMP_MAX_BYTES (1u << 20)

static sqlite3 *open_raw(const struct fixture *f)
{
	char path[PATHS_FILE_SIZE];
	sqlite3 *db;

	assert_int_equal(sqlite3_open(paths_join(path, f->dir, "directory.db"), &db), SQLITE_OK);
	return db;
}

/* Makes directory.db from the dump of that version. */
static void load_dump(const struct fixture *f, unsigned version)
{
	char path[64], *error = NULL;
	sqlite3 *db = open_raw(f);
	struct buf text;

	snprintf(path, sizeof(path), DUMPS "/directory_v%u.sql", version);
	buf_init(&text, DUMP_MAX_BYTES);
	if (file_read(path, &text))
		fail_msg("%s is missing: every version that was out there needs its dump, see "
			 "make_dumps.py beside it",
			 path);
	if (sqlite3_exec(db, buf_cstr(&text), NULL, NULL, &error) != SQLITE_OK)
		fail_msg("%s: %s", path, error);
	buf_fini(&text);
	sqlite3_close(db);
}

/* The first column of the first row. */
static int64_t number(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *st;
	int64_t v;

	if (sqlite3_prepare_v2(db, sql, -1, &st, NULL) != SQLITE_OK)
		fail_msg("%s: %s", sql, sqlite3_errmsg(db));
	assert_int_equal(sqlite3_step(st), SQLITE_ROW);
	v = sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	return v;
}

/* What a statement says, as a text that the caller frees. */
static char *text_of(sqlite3 *db, const char *sql, const char *table)
{
	sqlite3_stmt *st;
	char *out;

	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &st, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_bind_text(st, 1, table, -1, SQLITE_STATIC), SQLITE_OK);
	assert_int_equal(sqlite3_step(st), SQLITE_ROW);
	out = strdup((const char *)sqlite3_column_text(st, 0));
	assert_non_null(out);
	sqlite3_finalize(st);
	return out;
}

/* Each row of the old table stands in the new one, in all columns that it had. */
static void same_rows(sqlite3 *db, unsigned version, const char *table)
{
	static const char columns_sql[] =
		"SELECT group_concat('\"' || name || '\"') FROM pragma_table_info(?1, 'old')";
	char *columns = text_of(db, columns_sql, table);
	char sql[4096];

	snprintf(sql, sizeof(sql), "SELECT count(*) FROM old.\"%s\"", table);
	if (number(db, sql) == 0)
		fail_msg("the dump of version %u has no row in %s: it proves nothing", version,
			 table);
	snprintf(sql, sizeof(sql),
		 "SELECT count(*) FROM (SELECT %s FROM old.\"%s\" EXCEPT SELECT %s FROM "
		 "main.\"%s\")",
		 columns, table, columns, table);
	if (number(db, sql) != 0)
		fail_msg("version %u: rows of %s are not as they were", version, table);
	free(columns);
}

/* Against the copy that was made before the upgrade. */
static void same_contents(const struct fixture *f, unsigned version)
{
	sqlite3 *db = open_raw(f);
	sqlite3_stmt *st;
	char sql[PATHS_FILE_SIZE + 64];
	unsigned tables = 0;

	snprintf(sql, sizeof(sql), "ATTACH '%s/directory.db.before-v%u' AS old", f->dir,
		 migrate_latest(embedded_directory_sql));
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(number(db, "PRAGMA old.user_version"), version);
	assert_int_equal(
		sqlite3_prepare_v2(db,
				   "SELECT name FROM old.sqlite_schema WHERE type = 'table'"
				   " AND name NOT LIKE 'sqlite~_%' ESCAPE '~'",
				   -1, &st, NULL),
		SQLITE_OK);
	for (; sqlite3_step(st) == SQLITE_ROW; tables++)
		same_rows(db, version, (const char *)sqlite3_column_text(st, 0));
	sqlite3_finalize(st);
	assert_true(tables >= 12);
	/* Ids that were given are not given again. */
	assert_int_equal(number(db, "SELECT count(*) FROM (SELECT name, seq FROM "
				    "old.sqlite_sequence EXCEPT SELECT name, seq FROM "
				    "main.sqlite_sequence)"),
			 0);
	assert_int_equal(number(db, "SELECT count(*) FROM pragma_foreign_key_check"), 0);
	sqlite3_close(db);
}

static enum err count_key(void *arg, const struct store_key *k)
{
	(void)k;
	(*(unsigned *)arg)++;
	return ERR_OK;
}

/* The present program reads them, and goes on from there. */
static void is_understood(struct store *s, unsigned version)
{
	static const struct store_audit entry = { .actor = "unix:root",
						  .action = "node.edit",
						  .object = "node:oslo" };
	struct store_user user;
	struct node n;
	uint64_t bad = 0, revision;
	unsigned keys = 0;

	assert_ok(store_check(s));
	assert_ok(store_audit_verify(s, &bad));
	assert_ok(store_revision_get(s, &revision));
	assert_int_equal(revision, version < 9 ? 7 : 8);
	assert_ok(store_node_find(s, "oslo", &n, NULL));
	assert_true(n.has_identity && n.has_tunnel && n.aes);
	assert_true(n.n_chain == 1 && n.chain[0].key.b[0] == 0x20);
	assert_int_equal(n.compression, 3);
	assert_int_equal(n.n_subnets, 1);
	assert_int_equal(n.groups, 1 << 0 | 1 << 5);
	node_fini(&n);
	assert_int_equal(store_node_find(s, "moss", &n, NULL), ERR_NOTFOUND);
	assert_ok(store_keys_list(s, 2, 0, 0, count_key, &keys));
	assert_int_equal(keys, 3);
	if (version >= 2)
		assert_ok(store_user_find(s, "anna", &user));
	assert_ok(store_begin(s));
	assert_ok(store_audit_add(s, &entry));
	assert_ok(store_commit(s));
	assert_ok(store_audit_verify(s, &bad));
}

static void every_version_comes_along(void **state)
{
	unsigned latest = migrate_latest(embedded_directory_sql);

	(void)state;
	for (unsigned version = 1; version < latest; version++) {
		struct fixture f;

		fixture_dir(&f);
		load_dump(&f, version);
		assert_ok(store_create(f.dir));
		same_contents(&f, version);
		assert_ok(store_open(f.dir, &f.s));
		is_understood(f.s, version);
		fixture_close(&f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_version_comes_along),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
