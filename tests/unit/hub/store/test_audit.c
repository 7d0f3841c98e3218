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

struct seen {
	unsigned n;
	uint64_t first, last;
};

static enum err see(void *arg, const struct store_audit_entry *a)
{
	struct seen *x = arg;

	if (!x->n++)
		x->first = a->id;
	x->last = a->id;
	assert_string_equal(a->detail, "{\"n\":1}");
	return ERR_OK;
}

static void filters(void **state)
{
	static const struct {
		struct store_audit_filter f;
		uint64_t after;
		uint32_t limit;
		unsigned n;
		uint64_t first, last;
	} rows[] = {
		{ { 0 }, 0, 0, 10, 1, 10 },
		{ { 0 }, 4, 3, 3, 5, 7 },
		{ { .newest_first = true }, 0, 2, 2, 10, 9 },
		{ { .newest_first = true }, 9, 2, 2, 8, 7 },
		{ { .newest_first = true }, 1, 0, 0, 0, 0 },
		{ { .actor = "unix:root" }, 0, 0, 10, 1, 10 },
		{ { .actor = "unix:" }, 0, 0, 0, 0, 0 },
		{ { .object = "node:n3" }, 0, 0, 1, 4, 4 },
		{ { .action = "node." }, 0, 0, 10, 1, 10 },
		{ { .action = "node" }, 0, 0, 0, 0, 0 },
		{ { .action = "node.a." }, 0, 0, 0, 0, 0 },
		{ { .action = "%" }, 0, 0, 0, 0, 0 },
		{ { .until_ms = 1 }, 0, 0, 0, 0, 0 },
		{ { .since_ms = 1 }, 0, 0, 10, 1, 10 },
		{ { .since_ms = INT64_MAX }, 0, 0, 0, 0, 0 },
	};
	struct fixture f;

	(void)state;
	fixture_open(&f);
	fill(f.s);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct seen x = { 0 };

		assert_ok(store_audit_list(f.s, &rows[i].f, rows[i].after, rows[i].limit, see, &x));
		if (x.n != rows[i].n || x.first != rows[i].first || x.last != rows[i].last)
			fail_msg("row %zu: %u, %llu to %llu", i, x.n, (unsigned long long)x.first,
				 (unsigned long long)x.last);
	}
	fixture_close(&f);
}

/* Piece by piece the same is found as at once, wherever the pieces end. */
static void verified_in_pieces(void **state)
{
	(void)state;
	for (uint32_t limit = 1; limit <= ENTRIES + 1; limit++) {
		for (uint64_t bad = 0; bad <= ENTRIES; bad++) {
			uint64_t after = 0, found = 0;
			bool more = true;
			struct fixture f;
			char sql[96];
			enum err e = ERR_OK;

			fixture_open(&f);
			fill(f.s);
			raw(f.s, "DROP TRIGGER audit_no_update");
			snprintf(sql, sizeof(sql), "UPDATE audit SET actor = 'x' WHERE id = %u",
				 (unsigned)bad);
			raw(f.s, sql);
			while (more && !e)
				e = store_audit_verify_part(f.s, &after, limit, &more, &found);
			assert_int_equal(e, bad ? ERR_CORRUPT : ERR_OK);
			assert_int_equal(found, bad);
			if (!bad)
				assert_int_equal(after, ENTRIES);
			fixture_close(&f);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(filters),
					    cmocka_unit_test(verified_in_pieces),
					    cmocka_unit_test(tampering),
					    cmocka_unit_test(limits_and_counts) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
