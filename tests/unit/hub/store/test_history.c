/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Rings of traffic: what was put is read, an old turn is gone, hours are made from minutes. */
#include "hub/store/samples.h"
#include "hub/store/store_internal.h"
#include "tests/lib/store_fixture.h"

#define DAY_S 86400
#define T0    (20000LL * DAY_S)

static struct fixture f;

static int setup(void **unused)
{
	(void)unused;
	fixture_open(&f);
	return 0;
}

static int teardown(void **unused)
{
	(void)unused;
	fixture_close(&f);
	return 0;
}

struct seen {
	unsigned n;
	struct store_sample x[4096];
};
static struct seen seen;

static enum err note(void *arg, const struct store_sample *x)
{
	(void)arg;
	assert_true(seen.n < 4096);
	seen.x[seen.n++] = *x;
	return ERR_OK;
}

static unsigned look(enum history_ring r, uint32_t from, uint32_t to, int64_t from_s, int64_t to_s)
{
	seen.n = 0;
	assert_ok(store_history_read(f.s, r, from, to, from_s, to_s, note, NULL));
	return seen.n;
}

static void what_was_put_is_read(void **unused)
{
	struct store_sample rows[] = {
		{ .node_id = 0, .at_s = T0, .nodes_up = 10000, .rx_bytes = INT64_MAX },
		{ .node_id = 5,
		  .at_s = T0,
		  .up_s = 60,
		  .path = 3,
		  .rx_bytes = 1,
		  .tx_bytes = 127,
		  .rx_packets = 128,
		  .tx_packets = 16384,
		  .spokes_rx_bytes = 1ull << 40,
		  .spokes_tx_bytes = 300,
		  .rtt_us = UINT32_MAX,
		  .loss_known = true,
		  .loss_permille = 1000 },
		{ .node_id = 127, .at_s = T0, .loss_known = true },
		{ .node_id = 128, .at_s = T0, .up_s = 1 },
		{ .node_id = 4000000000u, .at_s = T0, .up_s = 2 },
	};

	(void)unused;
	assert_ok(store_history_put(f.s, HISTORY_MINUTE, rows, 5));
	assert_int_equal(look(HISTORY_MINUTE, 0, 200, T0, T0 + 60), 4);
	for (unsigned i = 0; i < 4; i++)
		assert_memory_equal(&seen.x[i], &rows[i], sizeof(rows[i]));
	assert_int_equal(look(HISTORY_MINUTE, 5, 5, T0, T0 + 1), 1);
	assert_int_equal(look(HISTORY_MINUTE, 4000000000u, 4000000000u, 0, INT64_MAX), 1);
	assert_int_equal(look(HISTORY_MINUTE, 5, 5, T0 + 60, T0 + 120), 0);
	assert_int_equal(look(HISTORY_MINUTE, 5, 5, T0 - 60, T0), 0);
	assert_int_equal(look(HISTORY_HOUR, 0, 200, 0, INT64_MAX), 0);
	assert_int_equal(look(HISTORY_MINUTE, 5, 5, T0 + 9, T0), 0);
}

static void a_ring_has_an_end(void **unused)
{
	int64_t newest;

	(void)unused;
	for (unsigned i = 0; i < HISTORY_MINUTE_SLOTS + 100; i++) {
		struct store_sample x[2] = { { .at_s = T0 + 60 * i },
					     { .node_id = 7, .at_s = T0 + 60 * i, .rx_bytes = i } };

		assert_ok(store_history_put(f.s, HISTORY_MINUTE, x, 2));
	}
	assert_int_equal(look(HISTORY_MINUTE, 7, 7, 0, INT64_MAX), HISTORY_MINUTE_SLOTS);
	assert_int_equal(seen.x[0].rx_bytes, 100);
	assert_int_equal(seen.x[seen.n - 1].rx_bytes, HISTORY_MINUTE_SLOTS + 99);
	/* Over the end of the ring, in the order of time. */
	assert_int_equal(look(HISTORY_MINUTE, 7, 7, T0 + 60 * 1435, T0 + 60 * 1445), 10);
	for (unsigned i = 0; i < 10; i++)
		assert_int_equal(seen.x[i].rx_bytes, 1435 + i);
	assert_ok(store_history_newest(f.s, HISTORY_MINUTE, &newest));
	assert_int_equal(newest, T0 + 60 * (HISTORY_MINUTE_SLOTS + 99));
	assert_ok(store_history_newest(f.s, HISTORY_HOUR, &newest));
	assert_int_equal(newest, 0);
}

static void hours_are_made_from_minutes(void **unused)
{
	(void)unused;
	for (unsigned i = 0; i < 120; i++) {
		struct store_sample x[3] = {
			{ .at_s = T0 + 60 * i, .nodes_up = i },
			{ .node_id = 7,
			  .at_s = T0 + 60 * i,
			  .up_s = 60,
			  .rx_bytes = 10,
			  .tx_packets = 2,
			  .rtt_us = i < 60 ? (i % 2 ? 0 : 100) : 0,
			  .loss_known = true,
			  .loss_permille = (uint16_t)(i < 60 ? 10 : 20) },
			{ .node_id = 300, .at_s = T0 + 60 * i, .spokes_rx_bytes = 5 },
		};

		assert_ok(store_history_put(f.s, HISTORY_MINUTE, x, i == 70 ? 1 : 3));
	}
	assert_ok(store_history_roll(f.s, T0, 300));
	assert_ok(store_history_roll(f.s, T0 + 3600, 300));
	assert_ok(store_history_roll(f.s, T0 + 3600, 300));
	assert_ok(store_history_roll(f.s, T0 + 7200, 300));
	assert_int_equal(look(HISTORY_HOUR, 7, 7, T0, T0 + DAY_S), 2);
	assert_int_equal(seen.x[0].up_s, 3600);
	assert_int_equal(seen.x[0].rx_bytes, 600);
	assert_int_equal(seen.x[0].rtt_us, 100);
	assert_int_equal(seen.x[0].loss_permille, 10);
	assert_int_equal(seen.x[1].up_s, 3540);
	assert_int_equal(seen.x[1].tx_packets, 118);
	assert_int_equal(seen.x[1].rtt_us, 0);
	assert_int_equal(look(HISTORY_HOUR, 0, 0, T0, T0 + DAY_S), 2);
	assert_int_equal(seen.x[1].nodes_up, 119);
	assert_int_equal(look(HISTORY_HOUR, 300, 300, T0, T0 + DAY_S), 2);
	assert_int_equal(seen.x[0].spokes_rx_bytes, 300);
}

static void rows_are_hostile(void **unused)
{
	static const char *const bad[] = {
		"x'05'",                                     /* ends too early */
		"x'80030000000000000000000000'",             /* no such index */
		"x'0503ffffffffffffffffffff01000000000000'", /* a number without end */
		"x'05038000000000000000000000'",             /* longer than it needs to be */
		"x'05030000000000000000ea0700'",             /* a loss of 1001 */
		"x''",
	};

	(void)unused;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char sql[256];

		snprintf(sql, sizeof(sql),
			 "PRAGMA ignore_check_constraints = 1;"
			 "DELETE FROM history; INSERT INTO history VALUES (2 << 48, 60, %s)",
			 bad[i]);
		assert_int_equal(sqlite3_exec(f.s->db[DB_PRESENCE].db, sql, NULL, NULL, NULL),
				 SQLITE_OK);
		seen.n = 0;
		if (store_history_read(f.s, HISTORY_MINUTE, 0, 127, 0, 1000, note, NULL) !=
			    ERR_CORRUPT ||
		    seen.n)
			fail_msg("%s", bad[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_was_put_is_read, setup, teardown),
		cmocka_unit_test_setup_teardown(a_ring_has_an_end, setup, teardown),
		cmocka_unit_test_setup_teardown(hours_are_made_from_minutes, setup, teardown),
		cmocka_unit_test_setup_teardown(rows_are_hostile, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
