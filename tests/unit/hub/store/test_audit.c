/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Whatever is done to the audit log by hand is found, and where. */
#include "hub/store/store_internal.h"
#include "tests/lib/store_fixture.h"

#define ENTRIES 10

static void fill(struct store *s)
{
	for (int i = 0; i < ENTRIES; i++) {
		char object[32];
		struct store_audit a = { "unix:root", "node.add", object, "{\"n\":1}" };

		snprintf(object, sizeof(object), "node:n%d", i);
		assert_ok(store_audit_add(s, &a));
	}
}

static void raw(struct store *s, const char *sql)
{
	if (sqlite3_exec(s->db[DB_DIRECTORY].db, sql, NULL, NULL, NULL) != SQLITE_OK)
		fail_msg("%s: %s", sql, sqlite3_errmsg(s->db[DB_DIRECTORY].db));
}

static void tampering(void **state)
{
	static const struct {
		const char *sql;
		uint64_t bad;
	} cases[] = {
		{ "SELECT 1", 0 },
		{ "UPDATE audit SET actor = 'node:oslo' WHERE id = 4", 4 },
		{ "UPDATE audit SET action = 'node.revoke' WHERE id = 4", 4 },
		{ "UPDATE audit SET object = 'node:x' WHERE id = 1", 1 },
		{ "UPDATE audit SET detail = '{}' WHERE id = 10", 10 },
		{ "UPDATE audit SET at_ms = at_ms + 1 WHERE id = 5", 5 },
		/* a byte moved from one column to the next */
		{ "UPDATE audit SET actor = 'unix:roo', action = 'tnode.add' WHERE id = 6", 6 },
		{ "UPDATE audit SET hash = randomblob(32) WHERE id = 3", 3 },
		{ "UPDATE audit SET previous = zeroblob(32) WHERE id = 3", 3 },
		{ "DELETE FROM audit WHERE id = 5", 5 },
		{ "DELETE FROM audit WHERE id = 1", 1 },
		{ "DELETE FROM audit WHERE id = 10", 10 },
		{ "DELETE FROM audit WHERE id > 7", 8 },
		{ "DELETE FROM audit", 1 },
		{ "UPDATE audit SET id = 11 WHERE id = 10", 10 },
		{ "INSERT INTO audit (at_ms, actor, action, object, detail, previous, hash) SELECT "
		  "at_ms, actor, action, object, detail,"
		  " hash, randomblob(32) FROM audit WHERE id = 10",
		  11 },
		{ "UPDATE audit SET detail = 'a' || char(0) || 'b' WHERE id = 2", 2 },
		{ "PRAGMA ignore_check_constraints = ON; UPDATE audit SET previous = x'00' WHERE "
		  "id = 2",
		  2 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct fixture f;
		uint64_t bad = 0;
		enum err e;

		fixture_open(&f);
		fill(f.s);
		raw(f.s, "DROP TRIGGER audit_no_update; DROP TRIGGER audit_no_delete");
		raw(f.s, cases[i].sql);
		e = store_audit_verify(f.s, &bad);
		if (e != (cases[i].bad ? ERR_CORRUPT : ERR_OK) || bad != cases[i].bad)
			fail_msg("%s: %s, row %llu", cases[i].sql, err_str(e),
				 (unsigned long long)bad);
		fixture_close(&f);
	}
}

static void limits_and_counts(void **state)
{
	static char big[70000];
	struct store_audit a = { "unix:root", "node.add", NULL, NULL };
	struct fixture f;
	uint64_t count = 0, bad = 0;

	(void)state;
	fixture_open(&f);
	assert_ok(store_audit_verify(f.s, &bad));
	assert_ok(store_audit_add(f.s, &a));
	memset(big, 'x', sizeof(big) - 1);
	a.detail_json = big;
	assert_int_equal(store_audit_add(f.s, &a), ERR_TOOBIG);
	big[65535] = '\0';
	assert_ok(store_audit_add(f.s, &a));
	a.detail_json = "{}";
	big[64] = '\0';
	a.actor = big;
	assert_int_equal(store_audit_add(f.s, &a), ERR_INVALID);
	assert_ok(store_audit_count(f.s, "node.add", 0, &count));
	assert_int_equal(count, 2);
	assert_ok(store_audit_count(f.s, "node.add", INT64_MAX, &count));
	assert_int_equal(count, 0);
	assert_ok(store_audit_count(f.s, "node.join", 0, &count));
	assert_int_equal(count, 0);

	/* An entry of a change that is rolled back leaves no gap. */
	a.actor = "me";
	assert_ok(store_begin(f.s));
	assert_ok(store_audit_add(f.s, &a));
	store_rollback(f.s);
	assert_ok(store_audit_add(f.s, &a));
	assert_ok(store_audit_verify(f.s, &bad));
	fixture_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(tampering),
					    cmocka_unit_test(limits_and_counts) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
