/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a spoke's report leaves in memory and in the presence database, and for how long. */
#include "tests/unit/hub/control/hub_world.h"

static enum err count(void *arg, const struct store_pair *p)
{
	(void)p;
	++*(unsigned *)arg;
	return ERR_OK;
}

static unsigned rows_of(struct world *w, uint32_t node_id)
{
	unsigned n = 0;

	pairs_flush(w->c);
	assert_int_equal(store_pairs_list(w->admin, 0, node_id, count, &n), ERR_OK);
	return n;
}

static void report(struct spoke *s, const struct control_peer_report *peers, uint16_t n)
{
	struct control_msg m = { .type = CONTROL_REPORT, .report = { .nat = 2, .n_peers = n } };

	memcpy(m.report.peers, peers, n * sizeof(*peers));
	spoke_sends(s, &m);
}

static void told_and_dropped(void **state)
{
	struct world *w = *state;
	struct spoke a, b;
	const struct conn *conn;

	spoke_joins(w, &a, "oslo", NULL);
	spoke_joins(w, &b, "bergen", NULL);
	const struct control_peer_report peers[] = {
		{ .id = w->hub_id, .path = PATH_DIRECT_UDP, .reason = PATH_REASON_VALIDATED },
		{ .id = b.id, .path = PATH_HUB_UDP, .reason = PATH_REASON_NAT_BOTH_HARD },
		{ .id = a.id, .path = PATH_HUB_UDP },    /* itself */
		{ .id = 4711, .path = PATH_DIRECT_UDP }, /* nobody */
	};
	report(&a, peers, ARRAY_LEN(peers));
	settle(w, 30);
	conn = registry_find(&w->c->registry, a.id);
	assert_int_equal(conn->pairs.n, 2);
	assert_int_equal(presence_get(w->c, a.id)->row.nat, NAT_HARD);
	assert_int_equal(rows_of(w, b.id), 1);
	assert_int_equal(rows_of(w, a.id), 2);
	/* The same again is no news. */
	report(&a, peers, ARRAY_LEN(peers));
	settle(w, 30);
	assert_int_equal(w->c->pairs.n_changed, 0);
	spoke_end(&a);
	settle(w, 30);
	assert_int_equal(w->c->pairs.by_key.count, 0);
	assert_int_equal(rows_of(w, a.id), 0);
	spoke_end(&b);
}

/* More than a spoke may tell: counted, not kept. */
static void bounded(void **state)
{
	struct world *w = *state;
	struct store_pair row = { .node_id = 900 };
	struct pair_side side;

	pair_side_init(&side);
	for (row.peer_id = 1000; row.peer_id < 1000 + 2 * PAIRS_PER_SPOKE_MAX; row.peer_id++)
		pairs_tell(w->c, &side, &row);
	assert_int_equal(side.n, PAIRS_PER_SPOKE_MAX);
	assert_int_equal(w->c->counters.n[COUNT_PAIRS_LIMITED], PAIRS_PER_SPOKE_MAX);
	pairs_drop(w->c, &side, 900);
	assert_int_equal(side.n, 0);
	assert_int_equal(w->c->pairs.by_key.count, 0);
	pairs_flush(w->c);
}

/* So many ends of links that they cannot all be named: then everything is written anew. */
static void many_dropped(void **state)
{
	struct world *w = *state;
	struct store_pair row = { .node_id = 900, .peer_id = 901 };
	struct pair_side stays, goes;
	unsigned n = 0;

	pair_side_init(&stays);
	pair_side_init(&goes);
	pairs_tell(w->c, &stays, &row);
	for (row.node_id = 1000; row.node_id < 1000 + 2 * PAIRS_DROPPED_MAX; row.node_id++) {
		pairs_tell(w->c, &goes, &row);
		if (row.node_id == 1000)
			pairs_flush(w->c);
		pairs_drop(w->c, &goes, row.node_id);
	}
	assert_true(w->c->pairs.anew);
	pairs_flush(w->c);
	assert_false(w->c->pairs.anew);
	assert_int_equal(store_pairs_list(w->admin, 0, 0, count, &n), ERR_OK);
	assert_int_equal(n, 1);
	/* A node that is revoked: nobody has a path to it. */
	pairs_forget(w->c, 901);
	assert_int_equal(stays.n, 0);
	pairs_flush(w->c);
	n = 0;
	assert_int_equal(store_pairs_list(w->admin, 0, 0, count, &n), ERR_OK);
	assert_int_equal(n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(told_and_dropped, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(bounded, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(many_dropped, world_setup, world_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
