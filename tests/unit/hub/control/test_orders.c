/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/hub/control/hub_world.h"

/* What an admin does by hand: orders of api, an engine that this test plays. */

static void order(struct world *w, enum order_kind kind, uint32_t id)
{
	static uint32_t tag;
	const struct nudge_order m = { .tag = ++tag, .kind = kind, .id = id };
	uint8_t mem[16];
	struct cursor cur;

	memset(&w->heard.done, 0, sizeof(w->heard.done));
	cursor_init_write(&cur, mem, sizeof(mem));
	nudge_order_encode(&m, &cur);
	assert_int_equal(channel_send(w->api, NUDGE_ORDER, mem, cursor_pos(&cur), -1), ERR_OK);
}

static bool is_done(void *arg) { return ((struct world *)arg)->heard.done.tag != 0; }

static const struct nudge_order_done *outcome(struct world *w)
{
	assert_true(wait_for(w, is_done, w));
	return &w->heard.done;
}

static void send_path(struct world *w, uint32_t id, enum path_kind path)
{
	const struct engine_path m = {
		.id = id,
		.path = path,
		.endpoint = { .addr = { .family = AF_INET, .b = { 203, 0, 113, 9 } },
			      .port = 40000 },
	};
	uint8_t mem[64];
	struct cursor cur;

	cursor_init_write(&cur, mem, sizeof(mem));
	engine_path_encode(&m, &cur);
	assert_int_equal(channel_send(w->engine, ENGINE_PATH, mem, cursor_pos(&cur), -1), ERR_OK);
}

static bool has_closed(void *arg) { return ((struct spoke *)arg)->closed; }

static void a_node_is_disconnected(void **state)
{
	struct world *w = *state;
	const struct nudge_order_done *d;
	struct spoke a;

	spoke_joins(w, &a, "oslo", NULL);
	order(w, ORDER_DISCONNECT, a.id);
	d = outcome(w);
	assert_int_equal(d->result, ERR_OK);
	assert_true(d->link);
	assert_false(d->carrier);
	assert_int_equal(d->sessions, 1);
	assert_int_equal(w->heard.last_forget.id, a.id);
	assert_true(wait_for(w, has_closed, &a));
	assert_int_equal(a.in[a.n - 1].type, CONTROL_BYE);
	assert_int_equal(a.in[a.n - 1].bye.reason, BYE_DISCONNECTED);
	assert_int_equal(a.in[a.n - 1].bye.retry_after_ms, ORDERS_BACK_MS);
	/* Once more there is no link to end; the one that comes back is called, once. */
	order(w, ORDER_DISCONNECT, a.id);
	assert_false(outcome(w)->link);
	assert_true(presence_get(w->c, a.id)->ended);
	spoke_end(&a);
}

static void nobody_is_disconnected(void **state)
{
	struct world *w = *state;

	order(w, ORDER_DISCONNECT, 4711);
	assert_int_equal(outcome(w)->result, ERR_NOTFOUND);
	assert_int_equal(w->heard.engine[ENGINE_FORGET], 0);
}

static void an_engine_that_is_away_is_said(void **state)
{
	struct world *w = *state;
	struct spoke a;

	spoke_joins(w, &a, "oslo", NULL);
	/* It dies before it answers. */
	w->heard.engine_is_dumb = true;
	order(w, ORDER_PURGE, 0);
	settle(w, 20);
	assert_int_equal(w->heard.done.tag, 0);
	w->w.ops->sibling_down(&w->w, WORKER_ENGINE);
	assert_int_equal(outcome(w)->result, ERR_CLOSED);
	/* It is away. */
	order(w, ORDER_DISCONNECT, a.id);
	assert_int_equal(outcome(w)->result, ERR_CLOSED);
	assert_true(w->heard.done.link);
	order(w, ORDER_RETRY, 0);
	assert_int_equal(outcome(w)->result, ERR_CLOSED);
	order(w, ORDER_CONNECT, a.id);
	assert_int_equal(outcome(w)->result, ERR_CLOSED);
	spoke_end(&a);
}

static void all_that_do_not_answer(void **state)
{
	struct world *w = *state;
	struct spoke a;

	spoke_joins(w, &a, "oslo", NULL);
	order(w, ORDER_PURGE, 0);
	assert_int_equal(outcome(w)->sessions, 3);
	assert_int_equal(w->heard.last_forget.id, 0);
	order(w, ORDER_RETRY, 0);
	assert_int_equal(outcome(w)->sessions, 1);
	send_path(w, a.id, PATH_DIRECT_UDP);
	settle(w, 20);
	order(w, ORDER_RETRY, 0);
	assert_int_equal(outcome(w)->sessions, 0);
	spoke_end(&a);
}

static uint32_t add_phone(struct world *w, const char *endpoint)
{
	struct change c = by_admin(w);
	struct public_key tunnel;
	struct change_node_add add = { .name = endpoint ? "phone" : "nowhere",
				       .kind = NODE_WIREGUARD,
				       .tunnel_key = &tunnel,
				       .endpoints = &endpoint,
				       .n_endpoints = endpoint ? 1 : 0 };
	struct node n;
	uint32_t id;

	secret_random(tunnel.b, sizeof(tunnel.b));
	if (change_node_add(&c, &add, &n) != ERR_OK)
		fail_msg("%s %s", c.code, c.detail);
	id = n.id;
	node_fini(&n);
	nudge(w);
	settle(w, 50);
	return id;
}

static void a_device_is_called(void **state)
{
	struct world *w = *state;
	const struct nudge_order_done *d;
	uint32_t id = add_phone(w, "203.0.113.5 51820"), nowhere = add_phone(w, NULL);

	order(w, ORDER_CONNECT, nowhere);
	assert_int_equal(outcome(w)->result, ERR_NOTFOUND);
	order(w, ORDER_CONNECT, id);
	settle(w, 20);
	assert_int_equal(w->heard.done.tag, 0);
	assert_int_equal(w->heard.last_endpoints.id, id);
	assert_true(w->heard.last_endpoints.punch);
	send_path(w, nowhere, PATH_DIRECT_UDP);
	send_path(w, id, PATH_DOWN);
	settle(w, 20);
	assert_int_equal(w->heard.done.tag, 0);
	send_path(w, id, PATH_DIRECT_UDP);
	d = outcome(w);
	assert_int_equal(d->result, ERR_OK);
	assert_int_equal(d->path, PATH_DIRECT_UDP);
	assert_int_equal(d->endpoint.port, 40000);
	/* It is there: said at once, and nobody is called. */
	memset(w->heard.engine, 0, sizeof(w->heard.engine));
	order(w, ORDER_CONNECT, id);
	assert_int_equal(outcome(w)->path, PATH_DIRECT_UDP);
	assert_int_equal(w->heard.engine[ENGINE_FORGET] + w->heard.engine[ENGINE_ENDPOINTS], 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_node_is_disconnected, world_setup,
						world_teardown),
		cmocka_unit_test_setup_teardown(nobody_is_disconnected, world_setup,
						world_teardown),
		cmocka_unit_test_setup_teardown(an_engine_that_is_away_is_said, world_setup,
						world_teardown),
		cmocka_unit_test_setup_teardown(all_that_do_not_answer, world_setup,
						world_teardown),
		cmocka_unit_test_setup_teardown(a_device_is_called, world_setup, world_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
