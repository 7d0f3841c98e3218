/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the engine counts and spokes report becomes minutes and hours in the presence database. */
#include "tests/unit/hub/control/hub_world.h"

#define T0 (20000LL * 86400)

struct seen {
	unsigned n;
	struct store_sample x[8];
};

static enum err note(void *arg, const struct store_sample *x)
{
	struct seen *s = arg;

	assert_true(s->n < 8);
	s->x[s->n++] = *x;
	return ERR_OK;
}

static struct seen look(struct world *w, enum history_ring r, uint32_t node)
{
	struct seen s = { 0 };

	assert_int_equal(store_history_read(w->admin, r, node, node, T0, T0 + 7200, note, &s),
			 ERR_OK);
	return s;
}

static void counted(struct world *w, uint32_t id, uint64_t bytes, uint32_t rtt_us)
{
	const struct engine_status m = { .id = id,
					 .path = PATH_DIRECT_UDP,
					 .rx_bytes = bytes,
					 .tx_bytes = 2 * bytes,
					 .rx_packets = bytes / 100,
					 .tx_packets = bytes / 50,
					 .rtt_us = rtt_us,
					 .loss_permille = 4 };

	history_engine(w->c, &m);
}

static void minutes_and_hours(void **state)
{
	struct world *w = *state;
	struct control *c = w->c;
	struct spoke a, b;
	struct seen s;

	spoke_joins(w, &a, "oslo", NULL);
	spoke_joins(w, &b, "bergen", NULL);
	timer_disarm(loop_timers(c->loop), &c->history.tick);
	history_advance(c, 0, T0);
	counted(w, a.id, 1000000, 0); /* before our time */
	history_advance(c, 20000, T0 + 20);
	counted(w, a.id, 1001000, 300);
	history_advance(c, 20000, T0 + 40);
	counted(w, a.id, 1003000, 100);
	history_pair(c, &(struct store_pair){ .node_id = a.id, .peer_id = b.id, .rx_bytes = 50 },
		     &(struct store_pair){
			     .node_id = a.id, .peer_id = b.id, .rx_bytes = 70, .tx_bytes = 7 });
	/* With the hub: that is in what the engine counts. */
	history_pair(
		c, &(struct store_pair){ .node_id = a.id, .peer_id = w->hub_id },
		&(struct store_pair){ .node_id = a.id, .peer_id = w->hub_id, .rx_bytes = 1000 });
	history_advance(c, 20000, T0 + 60);
	s = look(w, HISTORY_MINUTE, a.id);
	assert_int_equal(s.n, 1);
	assert_int_equal(s.x[0].at_s, T0);
	assert_int_equal(s.x[0].rx_bytes, 3000);
	assert_int_equal(s.x[0].tx_bytes, 6000);
	assert_int_equal(s.x[0].rx_packets, 30);
	assert_int_equal(s.x[0].spokes_rx_bytes, 7);
	assert_int_equal(s.x[0].spokes_tx_bytes, 20);
	assert_int_equal(s.x[0].rtt_us, 200);
	assert_int_equal(s.x[0].loss_permille, 4);
	assert_int_equal(s.x[0].path, PATH_DIRECT_UDP);
	assert_int_equal(s.x[0].up_s, 60);
	s = look(w, HISTORY_MINUTE, 0);
	assert_int_equal(s.x[0].rx_bytes, 3000);
	assert_int_equal(s.x[0].nodes_up, 2);
	/* A new engine counts from 0. */
	counted(w, a.id, 500, 100);
	history_advance(c, 60000, T0 + 120);
	s = look(w, HISTORY_MINUTE, a.id);
	assert_int_equal(s.n, 2);
	assert_int_equal(s.x[1].rx_bytes, 500);
	/* The hour is over. */
	assert_int_equal(look(w, HISTORY_HOUR, a.id).n, 0);
	history_advance(c, 1000, T0 + 3600);
	s = look(w, HISTORY_HOUR, a.id);
	assert_int_equal(s.n, 1);
	assert_int_equal(s.x[0].rx_bytes, 3500);
	spoke_end(&a);
	spoke_end(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(minutes_and_hours, world_setup, world_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
