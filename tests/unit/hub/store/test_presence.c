/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Presence rows, and who has applied a revision. */
#include "hub/store/store_internal.h"
#include "tests/lib/store_fixture.h"

static enum err count(void *arg, const struct store_presence *p)
{
	assert_true(p->node_id > 0);
	++*(int *)arg;
	return ERR_OK;
}

static void round_trip(void **state)
{
	struct store_presence p = {
		.node_id = 7, .online = true, .since_ms = 5, .version = "0.1.0", .acked_revision = 12, .acked_ms = 13, .path = 3,
		.reason = 6, .handshake_ms = 99, .rx_bytes = 1ull << 40, .tx_bytes = 2, .rtt_us = 15000, .nat = 2,
	}, got;
	struct fixture f;
	int n = 0;

	(void)state;
	assert_ok(endpoint_parse("192.0.2.7:40000", 0, &p.link));
	assert_ok(endpoint_parse("[2001:db8::1]:6655", 0, &p.endpoint));
	fixture_open(&f);
	assert_int_equal(store_presence_get(f.s, 7, &got), ERR_NOTFOUND);
	assert_ok(store_presence_put(f.s, &p, 1));
	assert_ok(store_presence_get(f.s, 7, &got));
	assert_true(got.online && endpoint_equal(&got.link, &p.link) &&
		    endpoint_equal(&got.endpoint, &p.endpoint));
	assert_string_equal(got.version, "0.1.0");
	assert_int_equal(got.acked_revision, 12);
	assert_int_equal(got.rx_bytes, 1ull << 40);
	assert_int_equal(got.rtt_us, 15000);
	assert_int_equal(got.path, 3);
	assert_int_equal(got.nat, 2);
	assert_ok(store_presence_list(f.s, count, &n));
	assert_int_equal(n, 1);
	assert_ok(store_presence_reset(f.s));
	assert_ok(store_presence_get(f.s, 7, &got));
	assert_false(got.online);
	assert_int_equal(got.path, 0);
	assert_int_equal(got.acked_revision, 12);
	assert_true(got.since_ms > 5);
	assert_ok(store_presence_put(f.s, NULL, 0));
	fixture_close(&f);
}

/* Somebody else has locked the file: what is written is refused, and can be written later. */
static void locked(void **state)
{
	const struct store_presence p = { .node_id = 7 };
	struct store *other;
	struct fixture f;
	int n = 0;

	(void)state;
	fixture_open(&f);
	assert_ok(store_open(f.dir, &other));
	assert_int_equal(
		sqlite3_exec(other->db[DB_PRESENCE].db, "BEGIN EXCLUSIVE", NULL, NULL, NULL),
		SQLITE_OK);
	assert_int_equal(store_presence_put(f.s, &p, 1), ERR_BUSY);
	assert_ok(store_presence_list(f.s, count, &n));
	assert_int_equal(n, 0);
	assert_int_equal(sqlite3_exec(other->db[DB_PRESENCE].db, "ROLLBACK", NULL, NULL, NULL),
			 SQLITE_OK);
	assert_ok(store_presence_put(f.s, &p, 1));
	store_close(other);
	fixture_close(&f);
}

/* One bad row among good ones: none is written. */
static void all_or_nothing(void **state)
{
	struct store_presence rows[2] = { { .node_id = 1 },
					  { .node_id = 2, .rx_bytes = UINT64_MAX } };
	struct fixture f;
	int n = 0;

	(void)state;
	fixture_open(&f);
	assert_int_equal(store_presence_put(f.s, rows, 2), ERR_INVALID);
	assert_ok(store_presence_list(f.s, count, &n));
	assert_int_equal(n, 0);
	rows[1].rx_bytes = 0;
	assert_ok(store_presence_put(f.s, rows, 2));
	fixture_close(&f);
}

static void tampered_rows(void **state)
{
	static const char *const cases[] = {
		"UPDATE presence SET link = 'nowhere'",
		"UPDATE presence SET endpoint = '1.2.3.4:99999'",
		"UPDATE presence SET online = 4",
		"UPDATE presence SET rx_bytes = -1",
		"UPDATE presence SET path = 1000",
		"UPDATE presence SET nat = 256",
		"UPDATE presence SET version = 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'",
	};
	struct store_presence p = { .node_id = 7, .online = true };
	struct fixture f;

	(void)state;
	fixture_open(&f);
	sqlite3_exec(f.s->db[DB_PRESENCE].db, "PRAGMA ignore_check_constraints = ON", NULL, NULL,
		     NULL);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		assert_ok(store_presence_put(f.s, &p, 1));
		assert_int_equal(sqlite3_exec(f.s->db[DB_PRESENCE].db, cases[i], NULL, NULL, NULL),
				 SQLITE_OK);
		assert_int_equal(store_presence_get(f.s, 7, &p), ERR_CORRUPT);
	}
	fixture_close(&f);
}

/* Nodes of every kind and status, online or not, at different revisions. */
static void applied(void **state)
{
	static const struct {
		enum node_kind kind;
		enum node_status status;
		bool online;
		uint64_t acked;
		int64_t at_ms;
	} nodes[] = {
		{ NODE_HUB, NODE_ACTIVE, true, 9, 1000 },       /* 1: no spoke */
		{ NODE_SPOKE, NODE_ACTIVE, true, 9, 100 },      /* 2 */
		{ NODE_SPOKE, NODE_ACTIVE, true, 10, 300 },     /* 3 */
		{ NODE_SPOKE, NODE_ACTIVE, false, 10, 900 },    /* 4: away */
		{ NODE_SPOKE, NODE_REVOKED, true, 10, 900 },    /* 5: not in the network */
		{ NODE_WIREGUARD, NODE_ACTIVE, true, 10, 900 }, /* 6: no agent */
		{ NODE_SPOKE, NODE_ACTIVE, true, 8, 50 },       /* 7 */
	};
	static const struct {
		uint64_t revision;
		uint32_t except, online, applied;
		int64_t last_ms;
	} cases[] = {
		{ 8, 0, 3, 3, 300 }, { 9, 0, 3, 2, 300 }, { 10, 0, 3, 1, 300 },
		{ 11, 0, 3, 0, 0 },  { 9, 3, 2, 1, 100 }, { 9, 4, 3, 2, 300 },
	};
	struct store_presence gone = { .node_id = 5000, .online = true, .acked_revision = 99 };
	struct store_applied a;
	struct fixture f;

	(void)state;
	fixture_open(&f);
	assert_ok(store_presence_put(f.s, &gone, 1)); /* a row without a node */
	for (size_t i = 0; i < ARRAY_LEN(nodes); i++) {
		struct store_presence p = { .online = nodes[i].online,
					    .acked_revision = nodes[i].acked,
					    .acked_ms = nodes[i].at_ms };
		char name[24];

		snprintf(name, sizeof(name), "n%zu", i);
		p.node_id = fixture_node(f.s, name, nodes[i].kind, nodes[i].status, NULL);
		assert_ok(store_presence_put(f.s, &p, 1));
	}
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		assert_ok(store_applied(f.s, cases[i].revision, cases[i].except, &a));
		if (a.online != cases[i].online || a.applied != cases[i].applied ||
		    a.last_ms != cases[i].last_ms)
			fail_msg("case %zu: %u of %u, last %lld", i, a.applied, a.online,
				 (long long)a.last_ms);
	}
	fixture_close(&f);
}

/* Who was there when the revision was made is not taken for absent when the link is lost. */
static void applied_while_links_come_back(void **state)
{
	struct store_presence p = { .online = true, .acked_revision = 0, .acked_ms = 5 };
	struct store_revision rev;
	struct store_applied a;
	struct fixture f;
	uint64_t n;

	(void)state;
	fixture_open(&f);
	p.node_id = fixture_node(f.s, "oslo", NODE_SPOKE, NODE_ACTIVE, NULL);
	assert_ok(store_revision_get(f.s, &n));
	assert_ok(store_revision_read(f.s, n, &rev));
	for (int i = 0; i < 3; i++) {
		p.online = false;
		p.since_ms = rev.at_ms + (i == 0 ? -1 : i);
		p.acked_revision = i == 2 ? n : n - 1;
		assert_ok(store_presence_put(f.s, &p, 1));
		assert_ok(store_applied(f.s, n, 0, &a));
		assert_int_equal(a.online, i > 0);
		assert_int_equal(a.applied, i == 2);
	}
	fixture_close(&f);
}

struct seen_totals {
	unsigned n;
	struct store_total last;
	char names[128];
};

static enum err see_total(void *arg, const struct store_total *t)
{
	struct seen_totals *seen = arg;
	size_t len = strlen(seen->names);

	seen->n++;
	seen->last = *t;
	snprintf(seen->names + len, sizeof(seen->names) - len, "%s ", t->name);
	return ERR_OK;
}

static struct seen_totals totals_of(struct store *s)
{
	struct seen_totals seen = { 0 };

	assert_ok(store_totals_list(s, see_total, &seen));
	return seen;
}

static enum err stop_walk(void *arg, const struct store_total *t)
{
	(void)t;
	++*(int *)arg;
	return ERR_CLOSED;
}

/* Each write takes the place of the one before. */
static void totals_are_replaced(void **state)
{
	static const struct store_total first[] = { { "link.joined", 3, "" },
						    { "engine.drops.mac1", INT64_MAX, "" },
						    { "engine.crypto", 0, "aes-256-gcm/openssl" } };
	struct seen_totals seen;
	struct fixture f;
	int n = 0;

	(void)state;
	fixture_open(&f);
	assert_int_equal(totals_of(f.s).n, 0);
	assert_ok(store_totals_put(f.s, first, ARRAY_LEN(first)));
	seen = totals_of(f.s);
	assert_string_equal(seen.names, "link.joined engine.drops.mac1 engine.crypto ");
	assert_string_equal(seen.last.fact, "aes-256-gcm/openssl");
	assert_int_equal(seen.last.value, 0);
	assert_int_equal(store_totals_list(f.s, stop_walk, &n), ERR_CLOSED);
	assert_int_equal(n, 1);
	assert_ok(store_totals_put(f.s, &first[1], 1));
	seen = totals_of(f.s);
	assert_int_equal(seen.n, 1);
	assert_int_equal(seen.last.value, INT64_MAX);
	assert_ok(store_totals_put(f.s, NULL, 0));
	assert_int_equal(totals_of(f.s).n, 0);
	fixture_close(&f);
}

/* What would have to be escaped elsewhere is not taken, and what was there stays. */
static void bad_totals(void **state)
{
	static const struct {
		struct store_total row;
		enum err err;
	} cases[] = {
		{ { "", 1, "" }, ERR_INVALID },
		{ { "Engine", 1, "" }, ERR_INVALID },
		{ { "a\"b", 1, "" }, ERR_INVALID },
		{ { "a b", 1, "" }, ERR_INVALID },
		{ { "a", UINT64_MAX, "" }, ERR_INVALID },
		{ { "a", 0, "x\n" }, ERR_INVALID },
		{ { "a", 0, "x\\" }, ERR_INVALID },
		{ { "good", 1, "" }, ERR_EXISTS }, /* twice in one write */
	};
	const struct store_total old = { "old", 1, "" };
	struct fixture f;

	(void)state;
	fixture_open(&f);
	assert_ok(store_totals_put(f.s, &old, 1));
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct store_total rows[2] = { { "good", 1, "" }, cases[i].row };

		assert_int_equal(store_totals_put(f.s, rows, 2), cases[i].err);
		assert_string_equal(totals_of(f.s).names, "old ");
	}
	fixture_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(round_trip),
		cmocka_unit_test(all_or_nothing),
		cmocka_unit_test(locked),
		cmocka_unit_test(tampered_rows),
		cmocka_unit_test(applied),
		cmocka_unit_test(applied_while_links_come_back),
		cmocka_unit_test(totals_are_replaced),
		cmocka_unit_test(bad_totals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
