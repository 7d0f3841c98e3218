/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Pairs: put, replaced, counted, walked in pages, and gone with who told them. */
#include "hub/store/store_internal.h"
#include "tests/lib/store_fixture.h"

#define ROWS 4u

static const struct store_pair samples[ROWS] = {
	{ .node_id = 2,
	  .peer_id = 1,
	  .path = 3,
	  .reason = 6,
	  .since_ms = 5,
	  .handshake_ms = 6,
	  .rx_bytes = INT64_MAX,
	  .tx_bytes = 7,
	  .rtt_us = UINT32_MAX,
	  .loss_permille = 1000,
	  .pmtu = UINT16_MAX,
	  .told_ms = 8 },
	{ .node_id = 2, .peer_id = 3, .path = 2, .reason = 12 },
	{ .node_id = 3, .peer_id = 2, .path = 2, .reason = 12 },
	{ .node_id = 1, .peer_id = 2, .path = 255, .reason = 255 },
};

struct seen {
	struct store_pair rows[8];
	unsigned n, stop_after;
};

static enum err see(void *arg, const struct store_pair *p)
{
	struct seen *s = arg;

	assert_true(s->n < ARRAY_LEN(s->rows));
	s->rows[s->n++] = *p;
	return s->n == s->stop_after ? ERR_CLOSED : ERR_OK;
}

static struct seen list(struct store *s, uint32_t after, uint32_t node_id)
{
	struct seen seen = { 0 };

	assert_ok(store_pairs_list(s, after, node_id, see, &seen));
	return seen;
}

static void put_all(struct store *s) { assert_ok(store_pairs_put(s, NULL, 0, samples, ROWS)); }

static void round_trip(void **state)
{
	struct store_pair p = samples[0];
	struct fixture f;
	struct seen seen;
	uint32_t id;

	(void)state;
	assert_ok(endpoint_parse("[2001:db8::1]:6655", 0, &p.endpoint));
	fixture_open(&f);
	assert_ok(store_pairs_put(f.s, NULL, 0, &p, 1));
	seen = list(f.s, 0, 0);
	assert_int_equal(seen.n, 1);
	id = seen.rows[0].id;
	p.id = id;
	assert_true(endpoint_equal(&seen.rows[0].endpoint, &p.endpoint));
	assert_int_equal(seen.rows[0].rx_bytes, p.rx_bytes);
	assert_int_equal(seen.rows[0].rtt_us, p.rtt_us);
	assert_int_equal(seen.rows[0].loss_permille, 1000);
	assert_int_equal(seen.rows[0].pmtu, UINT16_MAX);
	assert_int_equal(seen.rows[0].told_ms, 8);
	/* The next word about it takes its place, under the same id. */
	p.path = 2;
	p.reason = 17;
	p.endpoint = (struct endpoint){ 0 };
	assert_ok(store_pairs_put(f.s, NULL, 0, &p, 1));
	seen = list(f.s, 0, 0);
	assert_int_equal(seen.n, 1);
	assert_int_equal(seen.rows[0].id, id);
	assert_int_equal(seen.rows[0].path, 2);
	assert_int_equal(seen.rows[0].reason, 17);
	assert_false(endpoint_is_set(&seen.rows[0].endpoint));
	fixture_close(&f);
}

static void pages_and_filter(void **state)
{
	struct seen all, rest, one = { .stop_after = 1 };
	struct fixture f;

	(void)state;
	fixture_open(&f);
	put_all(f.s);
	all = list(f.s, 0, 0);
	assert_int_equal(all.n, ROWS);
	rest = list(f.s, all.rows[1].id, 0);
	assert_int_equal(rest.n, ROWS - 2);
	assert_int_equal(rest.rows[0].id, all.rows[2].id);
	assert_int_equal(list(f.s, 0, 1).n, 2); /* either side */
	assert_int_equal(list(f.s, 0, 3).n, 2);
	assert_int_equal(list(f.s, 0, 2).n, 4);
	assert_int_equal(list(f.s, 0, 9).n, 0);
	assert_int_equal(store_pairs_list(f.s, 0, 0, see, &one), ERR_CLOSED);
	assert_int_equal(one.n, 1);
	fixture_close(&f);
}

static void gone_with_who_told(void **state)
{
	static const struct store_pair_gone node = { .node_id = 2 }, peer = { .peer_id = 2 };
	struct fixture f;

	(void)state;
	fixture_open(&f);
	put_all(f.s);
	/* First what is gone, then the rows: a node that came back at once has told them anew. */
	assert_ok(store_pairs_put(f.s, &node, 1, &samples[1], 1));
	assert_int_equal(list(f.s, 0, 0).n, 3);
	assert_int_equal(list(f.s, 0, 1).n, 1);
	assert_ok(store_pairs_put(f.s, &peer, 1, NULL, 0));
	assert_int_equal(list(f.s, 0, 0).n, 1);
	assert_ok(store_pairs_clear(f.s));
	assert_int_equal(list(f.s, 0, 0).n, 0);
	fixture_close(&f);
}

static enum err add_count(void *arg, uint8_t path, uint8_t reason, uint32_t n)
{
	uint32_t *counts = arg;

	counts[path == 2 && reason == 12] += n;
	return ERR_OK;
}

static void counted(void **state)
{
	uint32_t counts[2] = { 0 };
	struct fixture f;

	(void)state;
	fixture_open(&f);
	put_all(f.s);
	assert_ok(store_pairs_count(f.s, add_count, counts));
	assert_int_equal(counts[0], 2);
	assert_int_equal(counts[1], 2);
	fixture_close(&f);
}

/* One bad row among good ones: none is written, and nothing goes. */
static void all_or_nothing(void **state)
{
	static const struct store_pair bad[] = {
		{ .node_id = 5, .peer_id = 5 },
		{ .node_id = 0, .peer_id = 5 },
		{ .node_id = 5, .peer_id = 6, .loss_permille = 1001 },
		{ .node_id = 5, .peer_id = 6, .rx_bytes = UINT64_MAX },
	};
	static const struct store_pair_gone gone = { .node_id = 2 };
	struct fixture f;

	(void)state;
	fixture_open(&f);
	put_all(f.s);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct store_pair rows[2] = { { .node_id = 7, .peer_id = 8 }, bad[i] };

		assert_int_not_equal(store_pairs_put(f.s, &gone, 1, rows, 2), ERR_OK);
		assert_int_equal(list(f.s, 0, 0).n, ROWS);
	}
	fixture_close(&f);
}

static void tampered_rows(void **state)
{
	static const char *const cases[] = {
		"UPDATE pairs SET endpoint = 'nowhere'", "UPDATE pairs SET path = 256",
		"UPDATE pairs SET loss_permille = 1001", "UPDATE pairs SET pmtu = -1",
		"UPDATE pairs SET peer_id = 0",          "UPDATE pairs SET told_ms = -1",
	};
	struct fixture f;

	(void)state;
	fixture_open(&f);
	sqlite3_exec(f.s->db[DB_PRESENCE].db, "PRAGMA ignore_check_constraints = ON", NULL, NULL,
		     NULL);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct seen seen = { 0 };

		assert_ok(store_pairs_clear(f.s));
		assert_ok(store_pairs_put(f.s, NULL, 0, samples, 1));
		assert_int_equal(sqlite3_exec(f.s->db[DB_PRESENCE].db, cases[i], NULL, NULL, NULL),
				 SQLITE_OK);
		assert_int_equal(store_pairs_list(f.s, 0, 0, see, &seen), ERR_CORRUPT);
		assert_int_equal(seen.n, 0);
	}
	fixture_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(round_trip),         cmocka_unit_test(pages_and_filter),
		cmocka_unit_test(gone_with_who_told), cmocka_unit_test(counted),
		cmocka_unit_test(all_or_nothing),     cmocka_unit_test(tampered_rows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
