/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * locate: presence for who asks, punch for the other side, and news while they talk. And reports
 * and proposals.
 */
#include "tests/unit/hub/control/hub_world.h"

static bool knows(const struct control_presence *p, const char *text)
{
	char e[ENDPOINT_STR_SIZE];

	for (uint8_t i = 0; i < p->n_endpoints; i++)
		if (strcmp(endpoint_format(&p->endpoints[i], e), text) == 0)
			return true;
	return false;
}

static void tell_path(struct world *w, uint32_t id, enum path_kind path, const char *at)
{
	struct engine_path m = { .id = id,
				 .path = path,
				 .reason = path ? PATH_REASON_VALIDATED : PATH_REASON_NO_ANSWER };
	uint8_t mem[128];
	struct cursor cur;

	if (at)
		assert_int_equal(endpoint_parse(at, 0, &m.endpoint), ERR_OK);
	cursor_init_write(&cur, mem, sizeof(mem));
	engine_path_encode(&m, &cur);
	assert_int_equal(channel_send(w->engine, ENGINE_PATH, mem, cursor_pos(&cur), -1), ERR_OK);
}

static void test_both_sides(void **state)
{
	struct world *w = *state;
	struct spoke a, b;
	char text[32];

	spoke_joins(w, &a, "oslo", NULL);
	spoke_joins(w, &b, "bergen", NULL);
	spoke_sends_hello(&a, a.revision, a.revision);
	spoke_sends_hello(&b, b.revision, b.revision);
	tell_path(w, b.id, PATH_DIRECT_UDP, "198.51.100.7:40000");
	settle(w, 50);

	spoke_sends_locate(&a, b.id);
	const struct control_presence *p = &spoke_expects(&a, CONTROL_PRESENCE)->presence;
	assert_int_equal(p->id, b.id);
	assert_true(p->online);
	snprintf(text, sizeof(text), "192.0.2.%u:6655", b.id);
	assert_true(knows(p, text));                 /* what it says itself */
	assert_true(knows(p, "198.51.100.7:40000")); /* where the hub's engine sees it */
	assert_true(knows(p, "127.0.0.1:6655"));     /* where its link comes from */
	const struct control_presence *punch = &spoke_expects(&b, CONTROL_PUNCH)->presence;
	assert_int_equal(punch->id, a.id);
	snprintf(text, sizeof(text), "192.0.2.%u:6655", a.id);
	assert_true(knows(punch, text));

	/* It moves. */
	settle(w, CONTROL_MOVED_MS + 50);
	unsigned n = 0;
	while (spoke_got(&a, CONTROL_PRESENCE, n))
		n++;
	tell_path(w, b.id, PATH_DIRECT_UDP, "198.51.100.8:40001");
	p = &spoke_expects_nth(&a, CONTROL_PRESENCE, n)->presence;
	assert_true(knows(p, "198.51.100.8:40001"));
	assert_false(knows(p, "198.51.100.7:40000"));

	/* It goes, and comes back. */
	spoke_hangs_up(&b);
	p = &spoke_expects_nth(&a, CONTROL_PRESENCE, n + 1)->presence;
	assert_false(p->online);
	assert_int_equal(p->n_endpoints, 0);
	spoke_returns(&b);
	p = &spoke_expects_nth(&a, CONTROL_PRESENCE, n + 2)->presence;
	assert_true(p->online);
	spoke_end(&a);
	spoke_end(&b);
}

/* Away, unknown, hidden by policy: one and the same answer. */
static void test_offline(void **state)
{
	struct world *w = *state;
	struct spoke a, b, hidden;

	spoke_joins(w, &a, "oslo", NULL);
	spoke_joins(w, &b, "bergen", NULL);
	spoke_joins(w, &hidden, "secret", NULL);
	spoke_hangs_up(&b);
	settle(w, 30);
	directory_find(&w->c->dir, hidden.id)->groups = 1ull << 9;
	directory_find(&w->c->dir, hidden.id)->reach = 1ull << 9;
	const uint32_t ids[] = { b.id, 4711, a.id, hidden.id };
	for (unsigned i = 0; i < ARRAY_LEN(ids); i++) {
		spoke_sends_locate(&a, ids[i]);
		const struct control_presence *p =
			&spoke_expects_nth(&a, CONTROL_PRESENCE, i)->presence;
		assert_int_equal(p->id, ids[i]);
		assert_false(p->online);
		assert_int_equal(p->n_endpoints, 0);
	}
	assert_null(spoke_got(&hidden, CONTROL_PUNCH, 0));
	spoke_end(&a);
	spoke_end(&b);
	spoke_end(&hidden);
}

/* Whoever may meet only at the hub is told that the other is there, and not where. */
static void test_hub_only(void **state)
{
	struct world *w = *state;
	struct spoke a, b;

	spoke_joins(w, &a, "oslo", NULL);
	spoke_joins(w, &b, "bergen", NULL);
	directory_find(&w->c->dir, b.id)->path_policy = PATH_POLICY_HUB_ONLY;
	spoke_sends_locate(&a, b.id);
	const struct control_presence *p = &spoke_expects(&a, CONTROL_PRESENCE)->presence;
	assert_true(p->online);
	assert_int_equal(p->n_endpoints, 0);
	settle(w, 50);
	assert_null(spoke_got(&b, CONTROL_PUNCH, 0));
	spoke_end(&a);
	spoke_end(&b);
}

/* The same said by a spoke itself; the other hears when it says something else. */
static void test_own_policy(void **state)
{
	struct world *w = *state;
	struct spoke a, b;

	spoke_joins(w, &a, "oslo", NULL);
	spoke_joins(w, &b, "bergen", NULL);
	b.policy = PATH_POLICY_HUB_ONLY;
	spoke_sends_hello(&b, b.revision, b.revision);
	settle(w, CONTROL_MOVED_MS + 50);
	spoke_sends_locate(&a, b.id);
	const struct control_presence *p = &spoke_expects(&a, CONTROL_PRESENCE)->presence;
	assert_true(p->online);
	assert_int_equal(p->path_policy, PATH_POLICY_HUB_ONLY);
	assert_int_equal(p->n_endpoints, 0);
	/* Nobody is told to look for it, nor does it look for others. */
	settle(w, 50);
	assert_null(spoke_got(&b, CONTROL_PUNCH, 0));
	spoke_sends_locate(&b, a.id);
	p = &spoke_expects(&b, CONTROL_PRESENCE)->presence;
	assert_int_equal(p->path_policy, PATH_POLICY_AUTO);
	assert_int_equal(p->n_endpoints, 0);
	settle(w, 50);
	assert_null(spoke_got(&a, CONTROL_PUNCH, 0));
	b.policy = PATH_POLICY_DIRECT_ONLY;
	spoke_sends_hello(&b, b.revision, b.revision);
	p = &spoke_expects_nth(&a, CONTROL_PRESENCE, 1)->presence;
	assert_int_equal(p->path_policy, PATH_POLICY_DIRECT_ONLY);
	assert_int_not_equal(p->n_endpoints, 0);
	spoke_hangs_up(&b);
	p = &spoke_expects_nth(&a, CONTROL_PRESENCE, 2)->presence;
	assert_int_equal(p->path_policy, PATH_POLICY_AUTO);
	spoke_end(&a);
	spoke_end(&b);
}

static void test_limited(void **state)
{
	struct world *w = *state;
	struct spoke a;

	spoke_joins(w, &a, "oslo", NULL);
	registry_find(&w->c->registry, a.id)->locates.milli = 2000;
	registry_find(&w->c->registry, a.id)->locates.per_s = 1;
	for (unsigned i = 0; i < 10; i++)
		spoke_sends_locate(&a, 4711 + i);
	settle(w, 50);
	assert_int_equal(w->c->counters.n[COUNT_LOCATE_LIMITED], 8);
	assert_null(spoke_got(&a, CONTROL_PRESENCE, 2));
	spoke_end(&a);
}

/* The list of a link is bounded; nothing is left when it ends. */
static void test_watches_are_bounded(void **state)
{
	struct world *w = *state;
	struct spoke a;

	spoke_joins(w, &a, "oslo", NULL);
	struct conn *conn = registry_find(&w->c->registry, a.id);
	for (uint32_t id = 100; id < 100 + 2 * LINK_WATCHES_MAX; id++)
		watch_add(w->c, conn, id);
	assert_int_equal(conn->watches.n, LINK_WATCHES_MAX);
	assert_int_equal(w->c->watches.by_id.count, LINK_WATCHES_MAX);
	watch_add(w->c, conn, 100 + LINK_WATCHES_MAX); /* it is there: renewed, not doubled */
	assert_int_equal(conn->watches.n, LINK_WATCHES_MAX);
	spoke_end(&a);
	settle(w, 30);
	assert_int_equal(w->c->watches.by_id.count, 0);
}

static void test_report(void **state)
{
	struct world *w = *state;
	struct control_msg m = { .type = CONTROL_REPORT };
	struct spoke a;

	spoke_joins(w, &a, "oslo", NULL);
	m.report.n_peers = 2;
	m.report.peers[0] = (struct control_peer_report){
		.id = w->hub_id, .path = PATH_DIRECT_UDP, .rx_bytes = 10, .tx_bytes = 20
	};
	m.report.peers[1] = (struct control_peer_report){
		.id = 77, .path = PATH_HUB_UDP, .rx_bytes = 1, .tx_bytes = 2
	};
	spoke_sends(&a, &m);
	settle(w, 30);
	/* Of a node that is none nothing is kept. */
	assert_int_equal(registry_find(&w->c->registry, a.id)->pairs.n, 1);
	spoke_end(&a);
}

static enum err count_proposed(void *arg, const struct store_subnet *s)
{
	*(unsigned *)arg += s->status == SUBNET_PROPOSED;
	return ERR_OK;
}

static void test_propose(void **state)
{
	struct world *w = *state;
	struct control_msg m = { .type = CONTROL_PROPOSE_SUBNET };
	unsigned n = 0;
	struct spoke a;

	spoke_joins(w, &a, "oslo", "10.20.0.0/24");
	m.propose.subnet.weight = SUBNET_WEIGHT_DEFAULT;
	assert_int_equal(prefix_parse("10.50.0.0/24", &m.propose.subnet.prefix, NULL), ERR_OK);
	spoke_sends(&a, &m);
	settle(w, 50);
	assert_null(spoke_got(&a, CONTROL_ERROR, 0));
	assert_int_equal(store_subnets_list(w->admin, a.id, 0, 0, count_proposed, &n), ERR_OK);
	assert_int_equal(n, 1);
	/* Again: there is one already. */
	spoke_sends(&a, &m);
	settle(w, 50);
	n = 0;
	assert_int_equal(store_subnets_list(w->admin, a.id, 0, 0, count_proposed, &n), ERR_OK);
	assert_int_equal(n, 1);
	for (unsigned i = 0; i < LINK_PROPOSALS_BURST + 2; i++)
		spoke_sends(&a, &m);
	settle(w, 100);
	assert_true(w->c->counters.n[COUNT_PROPOSAL_LIMITED] >= 1);
	spoke_end(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_both_sides, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(test_offline, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(test_hub_only, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(test_own_policy, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(test_limited, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(test_watches_are_bounded, world_setup,
						world_teardown),
		cmocka_unit_test_setup_teardown(test_report, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(test_propose, world_setup, world_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
