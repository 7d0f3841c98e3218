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
	struct store_revocation kept;
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
	/* What came of it is kept, with the audit entry. */
	assert_int_equal(store_revocation_get(w->admin, a.revision, &kept), ERR_OK);
	assert_int_equal(kept.state, REVOCATION_APPLIED);
	assert_int_equal(kept.node_id, b.id);
	assert_int_equal(kept.expected, 1);
	assert_int_equal(kept.applied, 1);
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

static void admin_sets_keepalive(struct world *w, uint32_t id, int seconds)
{
	struct change c = by_admin(w);
	struct change_node_edit edit = { .keepalive_s = seconds, .compression = -1 };
	struct node n;

	assert_int_equal(change_node_edit(&c, id, &edit, &n), ERR_OK);
	node_fini(&n);
	nudge(w);
}

static bool has_the_last(void *arg)
{
	const struct spoke *x = arg;
	const struct control_msg *m = x->n ? &x->in[x->n - 1] : NULL;

	return m && m->type == CONTROL_DIRECTORY && m->directory.n_changed &&
	       m->directory.changed[0].keepalive_s == 10;
}

/* Many changes in one round are one push. */
static void test_coalesced(void **state)
{
	struct world *w = *state;
	struct spoke a, b;

	spoke_joins(w, &a, "oslo", NULL);
	spoke_joins(w, &b, "bergen", NULL);
	assert_true(wait_for(w, is_caught_up, &a));
	unsigned before = a.n;
	for (int i = 1; i <= 10; i++)
		admin_sets_keepalive(w, b.id, i);
	assert_true(wait_for(w, has_the_last, &a));
	settle(w, 20);
	assert_true(a.n - before <= 3);
	spoke_end(&a);
	spoke_end(&b);
}

static bool is_read(void *arg)
{
	const struct world *w = arg;
	uint64_t newest;

	return store_revision_get(w->admin, &newest) == ERR_OK && newest == w->c->dir.revision;
}

/* The worker has read all that was changed, pushed it, and written down who has confirmed. */
static void all_is_pushed(struct world *w)
{
	assert_true(wait_for(w, is_read, w));
	settle(w, 2 * PRESENCE_FLUSH_MS);
}

static uint32_t applied_by(struct world *w, uint64_t revision)
{
	struct store_applied applied;

	assert_int_equal(store_applied(w->admin, revision, 0, &applied), ERR_OK);
	return applied.applied;
}

/* `x` is the only member of a group that talks to itself only. */
static void put_into_group(struct world *w, const struct spoke *x, const char *name)
{
	struct change c = by_admin(w);
	struct change_node_edit edit = { .keepalive_s = -1, .compression = -1, .set_groups = true };
	struct store_group g;
	struct store_policy p;
	struct node n;

	assert_int_equal(change_group_add(&c, name, "", &g), ERR_OK);
	assert_int_equal(change_policy_add(&c, g.bit, g.bit, PATH_POLICY_AUTO, &p), ERR_OK);
	edit.groups = UINT64_C(1) << g.bit;
	assert_int_equal(change_node_edit(&c, x->id, &edit, &n), ERR_OK);
	node_fini(&n);
	nudge(w);
}

/* The spoke is told of all, confirms it, and what came so far is forgotten. */
static void catches_up(struct world *w, struct spoke *x)
{
	assert_true(wait_for(w, is_caught_up, x));
	spoke_sends_ack(x, x->revision);
	settle(w, 2 * PRESENCE_FLUSH_MS);
	spoke_forget(x);
}

/*
 * A change that a spoke may not see costs it nothing, and needs no confirmation of it. Its next
 * message leads on from the number that it has, and speaks only of what it may see.
 */
static void test_hidden_change(void **state)
{
	struct world *w = *state;
	struct spoke a, b, m;

	spoke_joins(w, &a, "oslo", NULL);
	spoke_joins(w, &b, "bergen", NULL);
	spoke_joins(w, &m, "molde", NULL);
	put_into_group(w, &m, "apart");
	all_is_pushed(w);
	catches_up(w, &a);
	catches_up(w, &m);
	uint64_t held = m.revision;

	admin_sets_keepalive(w, b.id, 7);
	spoke_expects(&a, CONTROL_DIRECTORY);
	all_is_pushed(w);
	assert_int_equal(m.n, 0);
	assert_int_equal(applied_by(w, w->c->dir.revision), 1);
	spoke_sends_ack(&a, a.revision);
	settle(w, 2 * PRESENCE_FLUSH_MS);
	assert_int_equal(applied_by(w, w->c->dir.revision), 2);

	admin_revokes(w, b.id, "stolen");
	all_is_pushed(w);
	assert_int_equal(m.n, 0);

	admin_sets_keepalive(w, w->hub_id, 9);
	const struct delta *d = &spoke_expects(&m, CONTROL_DIRECTORY)->directory;
	assert_int_equal(d->from, held);
	assert_int_equal(d->to, w->c->dir.revision);
	assert_int_equal(d->n_changed, 1);
	assert_int_equal(d->changed[0].id, w->hub_id);
	assert_int_equal(d->n_gone, 0);
	spoke_end(&a);
	spoke_end(&b);
	spoke_end(&m);
}

/* What stays the same for spokes (a comment), and who has not joined, costs nobody anything. */
static void test_change_of_nothing_told(void **state)
{
	struct world *w = *state;
	struct change c = by_admin(w);
	struct change_node_edit edit = { .keepalive_s = -1, .compression = -1, .comment = "attic" };
	struct spoke a, b;
	struct node n;

	spoke_joins(w, &a, "oslo", NULL);
	spoke_joins(w, &b, "bergen", NULL);
	all_is_pushed(w);
	catches_up(w, &a);
	catches_up(w, &b);
	uint64_t held = a.revision;
	assert_int_equal(change_node_edit(&c, b.id, &edit, &n), ERR_OK);
	node_fini(&n);
	admin_adds(w, "later", "10.40.0.0/24");
	all_is_pushed(w);
	assert_true(w->c->dir.revision > held);
	assert_int_equal(a.n, 0);
	assert_int_equal(b.n, 0);
	assert_int_equal(applied_by(w, w->c->dir.revision), 2);

	/* It knows the number that it was told; what it is told then has nothing in it. */
	spoke_returns(&a);
	const struct delta *d = &spoke_expects(&a, CONTROL_DIRECTORY)->directory;
	assert_int_equal(d->from, held);
	assert_int_equal(d->n_gone, 0);
	spoke_end(&a);
	spoke_end(&b);
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
		cmocka_unit_test_setup_teardown(test_hidden_change, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(test_change_of_nothing_told, world_setup,
						world_teardown),
		cmocka_unit_test_setup_teardown(test_shared_frame, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(test_lost_nudge, world_setup, world_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
