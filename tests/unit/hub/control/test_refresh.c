/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A change of the directory reaches engine, interface and links; revocation is confirmed. */
#include "tests/unit/hub/control/hub_world.h"

static bool has_gone(void *arg)
{
	const struct spoke *x = arg;

	for (unsigned i = 0; i < x->n; i++)
		if (x->in[i].type == CONTROL_DIRECTORY && x->in[i].directory.n_gone)
			return true;
	return false;
}

static bool api_was_nudged(void *arg)
{
	return ((struct world *)arg)->heard.nudges[NUDGE_PRESENCE] > 0;
}

static void test_revocation(void **state)
{
	struct world *w = *state;
	struct spoke a, b;

	spoke_joins(w, &a, "oslo", "10.20.0.0/24");
	spoke_joins(w, &b, "bergen", "10.30.0.0/24");
	assert_true(wait_for(w, is_caught_up, &a));
	admin_revokes(w, b.id, "stolen from the car");

	assert_true(wait_for(w, has_gone, &a));
	const struct control_msg *last = &a.in[a.n - 1];
	assert_int_equal(last->directory.n_gone, 1);
	assert_int_equal(last->directory.gone[0].id, b.id);
	assert_true(last->directory.gone[0].revoked);
	const struct control_bye *bye = &spoke_expects(&b, CONTROL_BYE)->bye;
	assert_int_equal(bye->reason, BYE_REVOKED);
	assert_non_null(strstr(bye->text, "stolen from the car"));
	assert_int_equal(bye->retry_after_ms, LINK_RETRY_REFUSED_MS);
	assert_true(wait_for(w, spoke_is_closed, &b));
	assert_int_equal(w->heard.last_gone, b.id);
	assert_int_equal(w->heard.last_gone_why, PEER_GONE_REVOKED);
	assert_int_equal(w->heard.last_revision, w->c->dir.revision);

	struct store_applied applied;
	settle(w, 2 * PRESENCE_FLUSH_MS);
	assert_int_equal(store_applied(w->admin, a.revision, b.id, &applied), ERR_OK);
	assert_int_equal(applied.online, 1);
	assert_int_equal(applied.applied, 0);
	w->heard.nudges[NUDGE_PRESENCE] = 0;
	spoke_sends_ack(&a, a.revision);
	assert_true(wait_for(w, api_was_nudged, w));
	assert_int_equal(store_applied(w->admin, a.revision, b.id, &applied), ERR_OK);
	assert_int_equal(applied.applied, 1);
	assert_int_equal(w->heard.nudges[NUDGE_PRESENCE], 1);
	spoke_end(&a);
	spoke_end(&b);
}

/* Acks for what was never sent count for nothing. */
static void test_false_ack(void **state)
{
	struct world *w = *state;
	struct spoke a;
	struct store_applied applied;

	spoke_joins(w, &a, "oslo", NULL);
	spoke_sends_ack(&a, a.revision + 1000);
	settle(w, 2 * PRESENCE_FLUSH_MS);
	assert_int_equal(store_applied(w->admin, a.revision, 0, &applied), ERR_OK);
	assert_int_equal(applied.applied, 0);
	assert_int_equal(w->c->counters.n[COUNT_FALSE_ACK], 1);
	spoke_end(&a);
}

static bool has_route(const struct world *w, const char *text)
{
	struct prefix p;

	assert_int_equal(prefix_parse(text, &p, NULL), ERR_OK);
	for (unsigned i = 0; i < w->heard.n_routes; i++)
		if (prefix_equal(&w->heard.routes[i], &p))
			return true;
	return false;
}

static void test_interface(void **state)
{
	struct world *w = *state;
	struct spoke a, b;

	assert_int_equal(w->heard.monitor[MONITOR_NET_BEGIN], 1);
	assert_int_equal(w->heard.monitor[MONITOR_NET_END], 1);
	assert_int_equal(w->heard.n_addresses, 2);
	assert_int_equal(w->heard.addresses[0].len, 32);
	assert_int_equal(w->heard.n_routes, 2);
	assert_true(has_route(w, "10.99.0.0/24"));
	assert_true(has_route(w, "fd99::/64"));

	/* A subnet is routed while its node is active. */
	admin_adds(w, "invited", "10.40.0.0/24");
	spoke_joins(w, &a, "oslo", "10.20.0.0/24");
	spoke_joins(w, &b, "bergen", "10.30.0.0/24");
	settle(w, 30);
	assert_int_equal(w->heard.n_routes, 4);
	assert_true(has_route(w, "10.20.0.0/24"));
	assert_false(has_route(w, "10.40.0.0/24"));
	admin_revokes(w, a.id, "gone");
	settle(w, 50);
	assert_int_equal(w->heard.n_routes, 3);
	assert_false(has_route(w, "10.20.0.0/24"));
	assert_true(has_route(w, "10.30.0.0/24"));
	assert_int_equal(w->heard.monitor[MONITOR_NET_BEGIN], 1);
	spoke_end(&a);
	spoke_end(&b);
}

/* Many changes in one round are one push. */
static void test_coalesced(void **state)
{
	struct world *w = *state;
	struct spoke a;

	spoke_joins(w, &a, "oslo", NULL);
	unsigned before = a.n;
	for (unsigned i = 0; i < 10; i++) {
		char name[16];
		snprintf(name, sizeof(name), "box%u", i);
		admin_adds(w, name, NULL);
	}
	assert_true(wait_for(w, is_caught_up, &a));
	settle(w, 20);
	assert_true(a.n - before <= 3);
	spoke_end(&a);
}

/*
 * One spoke's own record changes: it gets a snapshot (what it may see may have changed), the others
 * one and the same small frame. Each in turn, so that every order of pushing comes.
 */
static void test_shared_frame(void **state)
{
	enum { SPOKES = 4 };
	static const char *const names[SPOKES] = { "oslo", "bergen", "molde", "bodo" };
	struct world *w = *state;
	struct change c = by_admin(w);
	struct spoke x[SPOKES];

	for (unsigned i = 0; i < SPOKES; i++)
		spoke_joins(w, &x[i], names[i], NULL);
	for (unsigned i = 0; i < SPOKES; i++) {
		struct node_subnet s = { .weight = 10 };
		struct store_subnet out;
		char text[32];

		for (unsigned k = 0; k < SPOKES; k++) {
			assert_true(wait_for(w, is_caught_up, &x[k]));
			spoke_forget(&x[k]);
		}
		snprintf(text, sizeof(text), "10.20.%u.0/24", i);
		assert_int_equal(prefix_parse(text, &s.prefix, NULL), ERR_OK);
		assert_int_equal(change_subnet_add(&c, x[i].id, &s, false, &out), ERR_OK);
		nudge(w);
		for (unsigned k = 0; k < SPOKES; k++) {
			const struct delta *d = &spoke_expects(&x[k], CONTROL_DIRECTORY)->directory;
			assert_int_equal(d->from == 0, k == i);
			assert_int_equal(d->n_changed, k == i ? SPOKES + 1 : 1);
			assert_int_equal(find_changed(d, x[i].id)->n_subnets, 1);
		}
	}
	for (unsigned i = 0; i < SPOKES; i++)
		spoke_end(&x[i]);
}

/* The nudge is lost: the change is found anyway. */
static void test_lost_nudge(void **state)
{
	struct world *w = *state;
	struct change c = by_admin(w);
	struct change_node_add add = { .name = "oslo", .kind = NODE_SPOKE };
	struct node n;

	assert_int_equal(change_node_add(&c, &add, &n), ERR_OK);
	timer_arm(loop_timers(w->loop), &w->c->tick, clock_now_ms());
	settle(w, 30);
	assert_non_null(directory_find(&w->c->dir, n.id));
	node_fini(&n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_revocation, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(test_false_ack, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(test_interface, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(test_coalesced, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(test_shared_frame, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(test_lost_nudge, world_setup, world_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
