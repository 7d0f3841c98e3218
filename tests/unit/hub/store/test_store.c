/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Transactions, and every way in which a database refuses: locked, full, read-only, broken
 * constraints. */
#include "hub/store/store_internal.h"
#include "tests/lib/store_fixture.h"

static int setup(void **state)
{
	static struct fixture f;

	fixture_open(&f);
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	fixture_close(*state);
	return 0;
}

static void put_setting(struct store *s, const char *key, const char *value)
{
	assert_ok(store_setting_put(s, key, value));
}

static void assert_setting(struct store *s, const char *key, const char *value)
{
	struct buf b;

	buf_init(&b, 256);
	if (value) {
		assert_ok(store_setting_get(s, key, &b));
		assert_string_equal(buf_cstr(&b), value);
	} else {
		assert_int_equal(store_setting_get(s, key, &b), ERR_NOTFOUND);
	}
	buf_fini(&b);
}

static void settings(void **state)
{
	struct store *s = ((struct fixture *)*state)->s;
	struct buf small;

	put_setting(s, "pool4", "10.91.0.0/16");
	put_setting(s, "pool4", "10.92.0.0/16");
	assert_setting(s, "pool4", "10.92.0.0/16");
	assert_setting(s, "pool6", NULL);
	buf_init(&small, 4);
	assert_int_equal(store_setting_get(s, "pool4", &small), ERR_TOOBIG);
	buf_fini(&small);
	assert_int_equal(store_setting_put(s, "", "x"), ERR_INVALID);
}

static void rollback_and_commit(void **state)
{
	struct fixture *f = *state;
	uint64_t revision;

	assert_ok(store_begin(f->s));
	put_setting(f->s, "a", "1");
	assert_ok(store_revision_next(f->s, "me", "first", &revision));
	assert_int_equal(revision, 1);
	store_rollback(f->s);
	store_rollback(f->s);
	assert_setting(f->s, "a", NULL);
	assert_ok(store_revision_get(f->s, &revision));
	assert_int_equal(revision, 0);

	assert_ok(store_begin(f->s));
	put_setting(f->s, "a", "2");
	assert_ok(store_commit(f->s));
	store_close(f->s);
	assert_ok(store_open(f->dir, &f->s));
	assert_setting(f->s, "a", "2");
}

static void revisions(void **state)
{
	struct store *s = ((struct fixture *)*state)->s;
	struct store_revision r;
	uint64_t revision = 0;
	char actor[70];

	for (uint64_t i = 1; i <= 3; i++) {
		assert_ok(store_begin(s));
		assert_ok(store_revision_next(s, "unix:root", "something", &revision));
		assert_ok(store_commit(s));
		assert_int_equal(revision, i);
	}
	assert_ok(store_revision_read(s, 2, &r));
	assert_string_equal(r.actor, "unix:root");
	assert_string_equal(r.what, "something");
	assert_true(r.at_ms > 0);
	assert_int_equal(store_revision_read(s, 4, &r), ERR_NOTFOUND);
	assert_int_equal(store_revision_read(s, UINT64_MAX, &r), ERR_INVALID);
	memset(actor, 'x', sizeof(actor));
	actor[sizeof(actor) - 1] = '\0';
	assert_ok(store_begin(s));
	assert_int_equal(store_revision_next(s, actor, "too long a name", &revision), ERR_INVALID);
	store_rollback(s);
}

/* A second connection that holds the write lock. */
static void locked(void **state)
{
	struct fixture *f = *state;
	struct store *other;

	assert_ok(store_open(f->dir, &other));
	sqlite3_busy_timeout(f->s->db[DB_DIRECTORY].db, 20);
	assert_ok(store_begin(other));
	put_setting(other, "a", "other");
	assert_int_equal(store_begin(f->s), ERR_BUSY);
	assert_non_null(strstr(store_error(f->s), "locked"));
	assert_int_equal(store_setting_put(f->s, "a", "mine"), ERR_BUSY);
	assert_setting(f->s, "a", NULL); /* reading goes on */
	assert_ok(store_commit(other));
	assert_setting(f->s, "a", "other");
	assert_ok(store_begin(f->s));
	store_rollback(f->s);
	store_close(other);
}

/* Writes `n` bytes at `at` into the file of the directory. */
static void overwrite(const struct fixture *f, const uint8_t *p, size_t n, off_t at)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/directory.db", f->dir);
	fd = open(path, O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, p, n, at), n);
	close(fd);
}

/* A file that is damaged under us, and put right again: no damaged page may stay in memory. */
static void damaged(void **state)
{
	enum { PAGE = 4096, MOST = 1 << 20 };
	struct fixture *f = *state;
	sqlite3 *db = f->s->db[DB_DIRECTORY].db;
	uint8_t *good = calloc(2, MOST);
	char path[128];
	ssize_t n;
	int fd;

	put_setting(f->s, "a", "1");
	assert_int_equal(
		sqlite3_wal_checkpoint_v2(db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL),
		SQLITE_OK);
	snprintf(path, sizeof(path), "%s/directory.db", f->dir);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = read(fd, good, MOST);
	close(fd);
	assert_true(n > PAGE && n < MOST);

	memset(good + MOST, 0xff, MOST);
	overwrite(f, good + MOST, (size_t)n - PAGE, PAGE);
	sqlite3_db_release_memory(db);
	assert_int_equal(store_setting_put(f->s, "a", "2"), ERR_CORRUPT);
	assert_non_null(strstr(store_error(f->s), "malformed"));
	overwrite(f, good + PAGE, (size_t)n - PAGE, PAGE);
	assert_setting(f->s, "a", "1");
	put_setting(f->s, "a", "2");
	assert_ok(store_check(f->s));
	free(good);
}

/* What a full disk does: the statement fails, and nothing of the transaction stays, whatever the
 * caller does next. */
static void full(void **state)
{
	struct fixture *f = *state;
	char big[16000];
	enum err e = ERR_OK;

	put_setting(f->s, "before", "1");
	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	assert_int_equal(sqlite3_exec(f->s->db[DB_DIRECTORY].db, "PRAGMA max_page_count = 1", NULL,
				      NULL, NULL),
			 SQLITE_OK);
	assert_ok(store_begin(f->s));
	put_setting(f->s, "small", "1");
	for (int i = 0; i < 100 && !e; i++) {
		char key[16];

		snprintf(key, sizeof(key), "big%d", i);
		e = store_setting_put(f->s, key, big);
	}
	assert_int_equal(e, ERR_FULL);
	/* SQLite may have ended the transaction by itself: then nothing may slip in behind it. */
	if (sqlite3_get_autocommit(f->s->db[DB_DIRECTORY].db)) {
		assert_int_equal(store_setting_put(f->s, "after", "1"), ERR_FULL);
		assert_int_equal(store_commit(f->s), ERR_FULL);
	}
	store_rollback(f->s);
	assert_setting(f->s, "small", NULL);
	assert_setting(f->s, "big0", NULL);
	assert_setting(f->s, "after", NULL);
	assert_setting(f->s, "before", "1");
	assert_ok(store_check(f->s));
}

/* A transaction that SQLite ended by itself, as after an I/O error. */
static void broken_transaction(void **state)
{
	struct fixture *f = *state;

	assert_ok(store_begin(f->s));
	put_setting(f->s, "a", "1");
	assert_int_equal(sqlite3_exec(f->s->db[DB_DIRECTORY].db, "ROLLBACK", NULL, NULL, NULL),
			 SQLITE_OK);
	assert_int_equal(store_fail(f->s, DB_DIRECTORY, SQLITE_FULL, "test"), ERR_FULL);
	assert_int_equal(store_setting_put(f->s, "b", "1"), ERR_FULL);
	assert_int_equal(store_commit(f->s), ERR_FULL);
	assert_setting(f->s, "a", NULL);
	assert_setting(f->s, "b", NULL);
	assert_ok(store_begin(f->s));
	put_setting(f->s, "b", "2");
	assert_ok(store_commit(f->s));
	assert_setting(f->s, "b", "2");
}

static void read_only(void **state)
{
	struct fixture *f = *state;

	put_setting(f->s, "a", "1");
	assert_int_equal(
		sqlite3_exec(f->s->db[DB_DIRECTORY].db, "PRAGMA query_only = ON", NULL, NULL, NULL),
		SQLITE_OK);
	assert_int_equal(store_setting_put(f->s, "a", "2"), ERR_READONLY);
	assert_setting(f->s, "a", "1");
}

/* Each result code of SQLite, and what our callers get. */
static void error_map(void **state)
{
	static const struct {
		int rc;
		enum err err;
	} cases[] = {
		{ SQLITE_OK, ERR_OK },
		{ SQLITE_BUSY, ERR_BUSY },
		{ SQLITE_BUSY_SNAPSHOT, ERR_BUSY },
		{ SQLITE_LOCKED, ERR_BUSY },
		{ SQLITE_FULL, ERR_FULL },
		{ SQLITE_READONLY, ERR_READONLY },
		{ SQLITE_READONLY_DIRECTORY, ERR_READONLY },
		{ SQLITE_NOMEM, ERR_NOMEM },
		{ SQLITE_IOERR_FSYNC, ERR_IO },
		{ SQLITE_CORRUPT, ERR_CORRUPT },
		{ SQLITE_NOTADB, ERR_CORRUPT },
		{ SQLITE_CONSTRAINT_UNIQUE, ERR_EXISTS },
		{ SQLITE_CONSTRAINT_PRIMARYKEY, ERR_EXISTS },
		{ SQLITE_CONSTRAINT_FOREIGNKEY, ERR_NOTFOUND },
		{ SQLITE_CONSTRAINT_CHECK, ERR_INVALID },
		{ SQLITE_CONSTRAINT_NOTNULL, ERR_INVALID },
		{ SQLITE_CONSTRAINT_TRIGGER, ERR_DENIED },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		if (store_err_from_sqlite(NULL, cases[i].rc) != cases[i].err)
			fail_msg("%d gives %d", cases[i].rc,
				 store_err_from_sqlite(NULL, cases[i].rc));
}

/* Rows that the schema must not take, whoever writes them. */
static void constraints(void **state)
{
	static const char *const cases[] = {
		"INSERT INTO nodes (name, kind, status, revision, created_ms, updated_ms) VALUES "
		"('a b', 2, 1, 1, 1, 1)",
		"INSERT INTO nodes (name, kind, status, revision, created_ms, updated_ms) VALUES "
		"('', 2, 1, 1, 1, 1)",
		"INSERT INTO nodes (name, kind, status, revision, created_ms, updated_ms) VALUES "
		"('a', 4, 1, 1, 1, 1)",
		"INSERT INTO nodes (name, kind, status, revision, created_ms, updated_ms) VALUES "
		"('a', 2, 6, 1, 1, 1)",
		"INSERT INTO nodes (name, kind, status, revision, created_ms, updated_ms) VALUES "
		"('oslo', 2, 1, 1, 1, 1)",
		"INSERT INTO nodes (name, kind, status, revision, created_ms, updated_ms, "
		"address4) VALUES ('a', 2, 1, 1, 1, 1, x'0a')",
		"INSERT INTO nodes (name, kind, status, revision, created_ms, updated_ms, "
		"address4) VALUES ('a', 2, 1, 1, 1, 1, x'0a5b0002')",
		"INSERT INTO nodes (name, kind, status, revision, created_ms, updated_ms, "
		"address4) VALUES ('a', 2, 1, 1, 1, 1, 'text')",
		"UPDATE nodes SET status = 5",
		"UPDATE nodes SET compression = 12",
		"DELETE FROM nodes",
		"INSERT INTO node_endpoints VALUES (99, 0, 'host 1')",
		"INSERT INTO node_endpoints VALUES (1, 8, 'host 1')",
		"INSERT INTO groups (bit, name) VALUES (64, 'x')",
		"INSERT INTO groups (bit, name) VALUES (1, 'default')",
		"INSERT INTO policies (from_group, to_group) VALUES (0, 9)",
		"INSERT INTO policies (from_group, to_group) VALUES (0, 0)",
		"INSERT INTO keys (node_id, kind, status, public_key, fingerprint, created_ms) "
		"VALUES (1, 1, 1, x'00', zeroblob(32), 1)",
		"INSERT INTO keys (node_id, kind, status, public_key, fingerprint, created_ms) "
		"VALUES (1, 1, 3, randomblob(32), zeroblob(32), 1)",
		"INSERT INTO keys (node_id, kind, status, public_key, fingerprint, created_ms) "
		"VALUES (1, 1, 2, zeroblob(32), zeroblob(32), 1)",
		"INSERT INTO keys (node_id, kind, status, public_key, fingerprint, created_ms) "
		"VALUES (1, 1, 1, randomblob(32), zeroblob(32), 1)",
		"INSERT INTO keys (node_id, kind, status, public_key, fingerprint, created_ms) "
		"VALUES (99, 2, 1, randomblob(32), zeroblob(32), 1)",
		"INSERT INTO subnets (node_id, family, first, length, status, created_ms) VALUES "
		"(1, 4, x'0a140000', 33, 2, 1)",
		"INSERT INTO subnets (node_id, family, first, length, status, created_ms) VALUES "
		"(1, 6, x'0a140000', 24, 2, 1)",
		"INSERT INTO subnets (node_id, family, first, length, status, created_ms, weight) "
		"VALUES (1, 4, x'0a140000', 24, 2, 1, 65536)",
		"INSERT INTO join_tokens (node_id, hash, created_ms, uses, uses_max) VALUES (1, "
		"zeroblob(32), 1, 2, 1)",
		"INSERT INTO api_tokens (name, hash, role, created_ms) VALUES ('x', zeroblob(32), "
		"'king', 1)",
		"INSERT INTO audit (at_ms, actor, action, object, detail, previous, hash) VALUES "
		"(1, 'a', 'b', 'c', '{}', x'00', zeroblob(32))",
		"UPDATE audit SET actor = 'nobody'",
		"DELETE FROM audit",
	};
	struct fixture *f = *state;
	struct store_key k = { .kind = KEY_IDENTITY };
	struct store_audit a = { "me", "test", "x", "{}" };

	k.node_id = fixture_node(f->s, "oslo", NODE_SPOKE, NODE_ACTIVE, "10.91.0.2");
	assert_ok(store_begin(f->s));
	assert_ok(store_key_put(f->s, &k));
	assert_ok(store_commit(f->s));
	assert_ok(store_audit_add(f->s, &a));
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		if (sqlite3_exec(f->s->db[DB_DIRECTORY].db, cases[i], NULL, NULL, NULL) !=
			    SQLITE_CONSTRAINT &&
		    (sqlite3_errcode(f->s->db[DB_DIRECTORY].db) & 0xff) != SQLITE_CONSTRAINT)
			fail_msg("taken: %s (%s)", cases[i],
				 sqlite3_errmsg(f->s->db[DB_DIRECTORY].db));
	assert_ok(store_check(f->s));
}

/* The file cannot make this program run anything: functions with side effects are off in schema and
 * views. */
static void settings_of_connection(void **state)
{
	static const struct {
		enum store_db db;
		const char *sql;
		int value;
	} cases[] = {
		{ DB_DIRECTORY, "PRAGMA foreign_keys", 1 },
		{ DB_DIRECTORY, "PRAGMA trusted_schema", 0 },
		{ DB_DIRECTORY, "PRAGMA synchronous", 2 },
		{ DB_DIRECTORY, "PRAGMA secure_delete", 1 },
		{ DB_DIRECTORY, "PRAGMA busy_timeout", STORE_BUSY_TIMEOUT_MS },
		{ DB_PRESENCE, "PRAGMA trusted_schema", 0 },
		{ DB_PRESENCE, "PRAGMA synchronous", 0 },
		{ DB_PRESENCE, "PRAGMA busy_timeout", STORE_PRESENCE_BUSY_TIMEOUT_MS },
	};
	struct fixture *f = *state;
	sqlite3_stmt *st;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		assert_int_equal(
			sqlite3_prepare_v2(f->s->db[cases[i].db].db, cases[i].sql, -1, &st, NULL),
			SQLITE_OK);
		assert_int_equal(sqlite3_step(st), SQLITE_ROW);
		if (sqlite3_column_int(st, 0) != cases[i].value)
			fail_msg("%s is %d", cases[i].sql, sqlite3_column_int(st, 0));
		sqlite3_finalize(st);
	}
}

/* A callback that asks the same again must not disturb the walk that it is called from. */
static enum err walk_inside(void *arg, const struct store_group *g);
struct walk {
	struct store *s;
	int depth, rows;
};
static enum err walk_inside(void *arg, const struct store_group *g)
{
	struct walk *w = arg, inner = { w->s, w->depth + 1, 0 };

	(void)g;
	w->rows++;
	return w->depth < 2 ? store_groups_list(w->s, walk_inside, &inner) : ERR_OK;
}

static void nested_walks(void **state)
{
	struct store *s = ((struct fixture *)*state)->s;
	struct walk w = { s, 0, 0 };

	for (uint8_t bit = 1; bit < 4; bit++) {
		struct store_group g = { .bit = bit };

		snprintf(g.name, sizeof(g.name), "g%u", (unsigned)bit);
		assert_ok(store_group_put(s, &g));
	}
	assert_ok(store_groups_list(s, walk_inside, &w));
	assert_int_equal(w.rows, 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(settings, setup, teardown),
		cmocka_unit_test_setup_teardown(rollback_and_commit, setup, teardown),
		cmocka_unit_test_setup_teardown(revisions, setup, teardown),
		cmocka_unit_test_setup_teardown(locked, setup, teardown),
		cmocka_unit_test_setup_teardown(damaged, setup, teardown),
		cmocka_unit_test_setup_teardown(full, setup, teardown),
		cmocka_unit_test_setup_teardown(broken_transaction, setup, teardown),
		cmocka_unit_test_setup_teardown(read_only, setup, teardown),
		cmocka_unit_test_setup_teardown(constraints, setup, teardown),
		cmocka_unit_test_setup_teardown(settings_of_connection, setup, teardown),
		cmocka_unit_test_setup_teardown(nested_walks, setup, teardown),
		cmocka_unit_test(error_map),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
