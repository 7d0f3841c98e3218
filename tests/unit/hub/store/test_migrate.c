/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Files of every older version are upgraded with what is in them; what cannot be upgraded stays as
 * it is. */
#include "hub/store/store_internal.h"
#include "tests/lib/store_fixture.h"

#define LIST_MAX 16

/* The migrations up to `version`. */
static void cut(const struct embedded_sql *all, unsigned version, struct embedded_sql out[LIST_MAX])
{
	size_t n = 0;

	assert_true(version < LIST_MAX);
	for (; all->number && all->number <= version; all++)
		out[n++] = *all;
	out[n] = (struct embedded_sql){ 0 };
}

/* The migrations with one more behind them. */
static void append(const char *sql, struct embedded_sql out[LIST_MAX])
{
	unsigned latest = migrate_latest(embedded_directory_sql);

	cut(embedded_directory_sql, latest, out);
	out[latest] = (struct embedded_sql){ latest + 1, "later", sql };
	out[latest + 1] = (struct embedded_sql){ 0 };
}

static sqlite3 *open_raw(const struct fixture *f, const char *file)
{
	char path[PATHS_FILE_SIZE];
	sqlite3 *db;

	assert_int_equal(sqlite3_open(paths_join(path, f->dir, file), &db), SQLITE_OK);
	return db;
}

static void raw(const struct fixture *f, const char *file, const char *sql)
{
	sqlite3 *db = open_raw(f, file);
	char *error = NULL;

	if (sqlite3_exec(db, sql, NULL, NULL, &error) != SQLITE_OK)
		fail_msg("%s: %s", sql, error);
	sqlite3_close(db);
}

static int64_t raw_number(const struct fixture *f, const char *file, const char *sql)
{
	sqlite3 *db = open_raw(f, file);
	sqlite3_stmt *st;
	int64_t v;

	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &st, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(st), SQLITE_ROW);
	v = sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	sqlite3_close(db);
	return v;
}

static void assert_mode(const struct fixture *f, const char *file, mode_t mode)
{
	char path[PATHS_FILE_SIZE];
	struct stat st;

	assert_int_equal(stat(paths_join(path, f->dir, file), &st), 0);
	assert_int_equal(st.st_mode & 07777, mode);
}

static void new_files(void **state)
{
	struct fixture f;

	(void)state;
	fixture_open(&f);
	assert_ok(store_check(f.s));
	assert_mode(&f, "directory.db", 0600);
	assert_mode(&f, "presence.db", 0600);
	assert_int_equal(raw_number(&f, "directory.db", "PRAGMA user_version"),
			 migrate_latest(embedded_directory_sql));
	/* Doing it again changes nothing and copies nothing. */
	assert_ok(store_create(f.dir));
	assert_false(fixture_exists(&f, "directory.db.before-v3"));
	fixture_close(&f);
}

/* Rows as the first version held them: one of everything. */
static const char rows_of_v1[] =
	"PRAGMA foreign_keys = ON;"
	"INSERT INTO settings VALUES ('network', 'old');"
	"INSERT INTO revisions (at_ms, actor, what) VALUES (1700000000000, 'unix:root', 'node.add "
	"oslo');"
	"INSERT INTO groups (bit, name) VALUES (5, 'masters');"
	"INSERT INTO policies (from_group, to_group) VALUES (5, 0);"
	"INSERT INTO nodes (name, kind, status, revision, address4, address6, created_ms, "
	"updated_ms)"
	" VALUES ('oslo', 2, 2, 1, x'0a5b0002', x'fd000000000000000000000000000002', "
	"1700000000000, 1700000000000);"
	"INSERT INTO node_groups VALUES (1, 0), (1, 5);"
	"INSERT INTO node_endpoints VALUES (1, 0, 'oslo.example.com 6655');"
	"INSERT INTO join_tokens (node_id, hash, created_ms, expires_ms, uses, used_ms)"
	" VALUES (1, zeroblob(32), 1700000000000, 1700086400000, 1, 1700000001000);"
	"INSERT INTO keys (node_id, kind, status, public_key, fingerprint, token_id, created_ms)"
	" VALUES (1, 1, 1, x'1111111111111111111111111111111111111111111111111111111111111111', "
	"zeroblob(32), 1, 1700000001000),"
	" (1, 2, 1, x'2222222222222222222222222222222222222222222222222222222222222222', "
	"zeroblob(32), 1, 1700000001000);"
	"INSERT INTO subnets (node_id, family, first, length, weight, status, created_ms)"
	" VALUES (1, 4, x'0a140000', 24, 7, 2, 1700000000000);"
	"INSERT INTO api_tokens (name, hash, role, created_ms) VALUES ('admin', zeroblob(32), "
	"'admin', 1700000000000);";

/* All of rows_of_v1, read by the present program. */
static void assert_rows_of_v1(struct store *s)
{
	struct store_api_token api;
	struct store_token token;
	struct node n;
	uint64_t bad = 0, revision;

	assert_ok(store_node_find(s, "oslo", &n, NULL));
	assert_true(n.has_identity && n.has_tunnel);
	assert_memory_equal(n.identity_key.b, fixture_key(0x11).b, KEY_BYTES);
	assert_memory_equal(n.tunnel_key.b, fixture_key(0x22).b, KEY_BYTES);
	assert_int_equal(n.groups, 1 << 0 | 1 << 5);
	assert_int_equal(n.reach, 1 << 0 | 1 << 5);
	assert_int_equal(n.n_subnets, 1);
	assert_int_equal(n.subnets[0].weight, 7);
	assert_string_equal(n.endpoints[0], "oslo.example.com 6655");
	assert_int_equal(n.path_policy, PATH_POLICY_AUTO);
	assert_true(n.hub_only == 0 && n.direct_only == 0);
	node_fini(&n);
	assert_ok(store_token_get(s, 1, &token));
	assert_int_equal(token.uses, 1);
	assert_ok(store_api_token_find(s, (const uint8_t[32]){ 0 }, &api));
	assert_string_equal(api.role, "admin");
	assert_ok(store_revision_get(s, &revision));
	assert_int_equal(revision, 1);
	assert_ok(store_audit_verify(s, &bad));
	assert_ok(store_check(s));
}

static const char row_of_v2[] =
	"INSERT INTO users (name, role, password_hash, disabled, created_ms, updated_ms)"
	" VALUES ('anna', 'operator', 'x', 1, 1700000000000, 1700000000000);";

static void assert_row_of_v2(struct store *s)
{
	struct store_user u;

	assert_ok(store_user_find(s, "anna", &u));
	assert_string_equal(u.role, "operator");
	assert_string_equal(u.password_hash, "x");
	assert_true(u.disabled && !u.has_totp && !u.totp_enabled);
}

/* A revocation of before there was a table of them. */
static const char revoked_before_v9[] =
	"INSERT INTO revisions (at_ms, actor, what) VALUES (1700000000000, 'unix:anna', "
	"'node.revoke bergen');"
	"INSERT INTO nodes (name, kind, status, revision, created_ms, updated_ms, revoked_ms, "
	"revoked_why)"
	" VALUES ('bergen', 2, 4, 2, 1700000000000, 1700000000000, 1700000000000, 'stolen');";

static void assert_revoked_before_v9(struct store *s)
{
	struct store_revocation r;

	assert_ok(store_revocation_get(s, 2, &r));
	assert_string_equal(r.node_name, "bergen");
	assert_string_equal(r.actor, "unix:anna");
	assert_string_equal(r.reason, "stolen");
	assert_int_equal(r.state, REVOCATION_EXPIRED);
	assert_true(r.settled_ms == r.at_ms);
}

static void older_revocations_are_known(void **state)
{
	struct embedded_sql old[LIST_MAX];
	struct fixture f;

	(void)state;
	fixture_dir(&f);
	cut(embedded_directory_sql, 8, old);
	assert_ok(store_create_from(f.dir, old, embedded_presence_sql));
	raw(&f, "directory.db", rows_of_v1);
	raw(&f, "directory.db", revoked_before_v9);
	assert_ok(store_create(f.dir));
	assert_ok(store_open(f.dir, &f.s));
	assert_revoked_before_v9(f.s);
	fixture_close(&f);
}

static void from_every_older_version(void **state)
{
	unsigned latest = migrate_latest(embedded_directory_sql);

	(void)state;
	assert_true(latest >= 2);
	for (unsigned version = 1; version < latest; version++) {
		struct embedded_sql old[LIST_MAX];
		char copy[64], user_version[] = "PRAGMA user_version";
		struct fixture f;

		fixture_dir(&f);
		cut(embedded_directory_sql, version, old);
		assert_ok(store_create_from(f.dir, old, embedded_presence_sql));
		raw(&f, "directory.db", rows_of_v1);
		if (version >= 2)
			raw(&f, "directory.db", row_of_v2);
		assert_int_equal(store_open(f.dir, &f.s), ERR_VERSION);
		assert_ok(store_create(f.dir));
		assert_ok(store_open(f.dir, &f.s));
		assert_rows_of_v1(f.s);
		if (version >= 2)
			assert_row_of_v2(f.s);
		snprintf(copy, sizeof(copy), "directory.db.before-v%u", latest);
		assert_mode(&f, copy, 0600);
		assert_int_equal(raw_number(&f, copy, user_version), version);
		assert_int_equal(raw_number(&f, copy, "SELECT count(*) FROM nodes"), 1);
		assert_int_equal(raw_number(&f, "directory.db", user_version), latest);
		fixture_close(&f);
	}
}

static void refuse_later_version(void **state)
{
	struct embedded_sql later[LIST_MAX];
	struct fixture f;

	(void)state;
	append("CREATE TABLE of_the_future (a INTEGER) STRICT;", later);
	fixture_dir(&f);
	assert_ok(store_create_from(f.dir, later, embedded_presence_sql));
	assert_int_equal(store_create(f.dir), ERR_VERSION);
	assert_int_equal(store_open(f.dir, &f.s), ERR_VERSION);
	assert_null(f.s);
	assert_int_equal(raw_number(&f, "directory.db", "SELECT count(*) FROM of_the_future"), 0);
	assert_int_equal(raw_number(&f, "directory.db", "PRAGMA user_version"),
			 migrate_latest(later));
	fixture_close(&f);
}

/* Migrations that fail, each after it has done something already. */
static void failing_migration(void **state)
{
	static const struct {
		const char *sql;
		enum err err;
	} cases[] = {
		{ "CREATE TABLE half (a INTEGER) STRICT; DELETE FROM settings; INSERT INTO missing "
		  "VALUES (1);",
		  ERR_CORRUPT },
		{ "CREATE TABLE half (a INTEGER) STRICT; this is not SQL", ERR_CORRUPT },
		{ "CREATE TABLE half (a INTEGER) STRICT; DELETE FROM nodes;",
		  ERR_CORRUPT }, /* leaves rows that refer to it */
		{ "CREATE TABLE half (a INTEGER) STRICT; UPDATE nodes SET kind = 9;", ERR_INVALID },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct embedded_sql later[LIST_MAX];
		struct fixture f;

		fixture_dir(&f);
		assert_ok(store_create(f.dir));
		raw(&f, "directory.db", rows_of_v1);
		append(cases[i].sql, later);
		assert_int_equal(store_create_from(f.dir, later, embedded_presence_sql),
				 cases[i].err);
		assert_int_equal(
			raw_number(&f, "directory.db",
				   "SELECT count(*) FROM sqlite_schema WHERE name = 'half'"),
			0);
		assert_ok(store_open(f.dir, &f.s));
		assert_rows_of_v1(f.s);
		fixture_close(&f);
	}
}

/* Without a copy there is no upgrade. */
static void backup_impossible(void **state)
{
	struct embedded_sql old[LIST_MAX];
	char path[PATHS_FILE_SIZE], name[64];
	struct fixture f;

	(void)state;
	fixture_dir(&f);
	cut(embedded_directory_sql, 1, old);
	assert_ok(store_create_from(f.dir, old, embedded_presence_sql));
	raw(&f, "directory.db", rows_of_v1);
	snprintf(name, sizeof(name), "directory.db.before-v%u.tmp",
		 migrate_latest(embedded_directory_sql));
	assert_int_equal(mkdir(paths_join(path, f.dir, name), 0700), 0);
	assert_int_not_equal(store_create(f.dir), ERR_OK);
	assert_int_equal(raw_number(&f, "directory.db", "PRAGMA user_version"), 1);
	assert_int_equal(rmdir(path), 0);
	assert_ok(store_create(f.dir));
	fixture_close(&f);
}

static void write_file(const struct fixture *f, const char *name, const char *text)
{
	char path[PATHS_FILE_SIZE];
	FILE *file = fopen(paths_join(path, f->dir, name), "w");

	assert_non_null(file);
	for (int i = 0; i < 200; i++)
		fputs(text, file);
	fclose(file);
}

static void not_ours(void **state)
{
	struct fixture f;

	(void)state;
	fixture_dir(&f);
	write_file(&f, "directory.db", "this is no database at all\n");
	assert_int_equal(store_create(f.dir), ERR_CORRUPT);
	assert_int_equal(store_open(f.dir, &f.s), ERR_CORRUPT);
	fixture_close(&f);

	fixture_dir(&f);
	raw(&f, "directory.db", "CREATE TABLE photos (a); INSERT INTO photos VALUES (1);");
	assert_int_equal(store_create(f.dir), ERR_CORRUPT);
	raw(&f, "directory.db", "PRAGMA user_version = 2");
	assert_int_equal(store_create(f.dir), ERR_CORRUPT);
	assert_int_equal(raw_number(&f, "directory.db", "SELECT count(*) FROM photos"), 1);
	fixture_close(&f);

	fixture_dir(&f);
	assert_int_equal(store_open(f.dir, &f.s), ERR_NOTFOUND);
	assert_false(fixture_exists(&f, "directory.db"));
	fixture_close(&f);
}

/* The presence database may be lost, and is, rather than keeping the hub from starting. */
static void presence_is_remade(void **state)
{
	struct store_presence p = { .node_id = 7 };
	struct fixture f;

	(void)state;
	fixture_open(&f);
	assert_ok(store_presence_put(f.s, &p, 1));
	store_close(f.s);
	raw(&f, "presence.db", "PRAGMA user_version = 99");
	assert_ok(store_create(f.dir));
	assert_ok(store_open(f.dir, &f.s));
	assert_int_equal(store_presence_get(f.s, 7, &p), ERR_NOTFOUND);
	store_close(f.s);
	write_file(&f, "presence.db", "garbage");
	assert_ok(store_create(f.dir));
	assert_ok(store_open(f.dir, &f.s));
	fixture_close(&f);
}

static enum err count_total(void *arg, const struct store_total *t)
{
	(void)t;
	++*(int *)arg;
	return ERR_OK;
}

/* What is known of the nodes outlives the upgrade, and the totals have their place after it. */
static void presence_is_upgraded(void **state)
{
	struct store_presence p = { .node_id = 7, .acked_revision = 3 };
	const struct store_total t = { "link.joined", 1, "" };
	const struct store_pair pair = { .node_id = 7, .peer_id = 8 };
	unsigned latest = migrate_latest(embedded_presence_sql);

	(void)state;
	assert_true(latest >= 2);
	for (unsigned version = 1; version < latest; version++) {
		struct embedded_sql old[LIST_MAX];
		struct fixture f;
		int n = 0;

		fixture_dir(&f);
		cut(embedded_presence_sql, version, old);
		assert_ok(store_create_from(f.dir, embedded_directory_sql, old));
		raw(&f, "presence.db",
		    "INSERT INTO presence (node_id, online, since_ms, acked_revision) VALUES (7, "
		    "1, 5, 12)");
		assert_int_equal(store_open(f.dir, &f.s), ERR_VERSION);
		assert_ok(store_create(f.dir));
		assert_ok(store_open(f.dir, &f.s));
		assert_ok(store_presence_get(f.s, 7, &p));
		assert_true(p.online && p.acked_revision == 12);
		assert_ok(store_totals_put(f.s, &t, 1));
		assert_ok(store_totals_list(f.s, count_total, &n));
		assert_int_equal(n, 1);
		assert_int_equal(p.nat, 0);
		assert_ok(store_pairs_put(f.s, NULL, 0, &pair, 1));
		fixture_close(&f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(new_files),
		cmocka_unit_test(from_every_older_version),
		cmocka_unit_test(older_revocations_are_known),
		cmocka_unit_test(refuse_later_version),
		cmocka_unit_test(failing_migration),
		cmocka_unit_test(backup_impossible),
		cmocka_unit_test(not_ours),
		cmocka_unit_test(presence_is_remade),
		cmocka_unit_test(presence_is_upgraded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
