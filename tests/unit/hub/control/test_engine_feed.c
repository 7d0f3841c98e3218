/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the hub's engine is told, and what comes of what it says: presence, scripts. */
#include "tests/unit/hub/control/hub_world.h"

static void send_status(struct world *w, uint32_t id, enum path_kind path, uint64_t rx)
{
	struct engine_status m = { .tag = w->c->engine.status_tag,
				   .id = id,
				   .path = path,
				   .reason = PATH_REASON_VALIDATED,
				   .handshake_wall_ms = 1234,
				   .rx_bytes = rx,
				   .tx_bytes = 5,
				   .rtt_us = 900 };
	uint8_t mem[256];
	struct cursor cur;

	assert_int_equal(endpoint_parse("198.51.100.7:40000", 0, &m.endpoint), ERR_OK);
	cursor_init_write(&cur, mem, sizeof(mem));
	engine_status_encode(&m, &cur);
	assert_int_equal(channel_send(w->engine, ENGINE_STATUS, mem, cursor_pos(&cur), -1), ERR_OK);
}

static void send_path(struct world *w, uint32_t id, enum path_kind path)
{
	struct engine_path m = { .id = id,
				 .path = path,
				 .reason = path ? PATH_REASON_VALIDATED : PATH_REASON_NO_ANSWER };
	uint8_t mem[128];
	struct cursor cur;

	assert_int_equal(endpoint_parse("198.51.100.7:40000", 0, &m.endpoint), ERR_OK);
	cursor_init_write(&cur, mem, sizeof(mem));
	engine_path_encode(&m, &cur);
	assert_int_equal(channel_send(w->engine, ENGINE_PATH, mem, cursor_pos(&cur), -1), ERR_OK);
}

static void send_totals(struct world *w, const struct engine_status_end *m)
{
	uint8_t mem[512];
	struct cursor cur;

	cursor_init_write(&cur, mem, sizeof(mem));
	engine_status_end_encode(m, &cur);
	assert_int_equal(channel_send(w->engine, ENGINE_STATUS_END, mem, cursor_pos(&cur), -1),
			 ERR_OK);
	settle(w, 20);
}

struct wanted_total {
	const char *name;
	bool found;
	struct store_total row;
};

static enum err look_for_total(void *arg, const struct store_total *t)
{
	struct wanted_total *x = arg;

	if (strcmp(t->name, x->name) == 0) {
		x->found = true;
		x->row = *t;
	}
	return ERR_OK;
}

/* A number as it is in the database; -1 for none. */
static int64_t total(struct world *w, const char *name)
{
	struct wanted_total x = { .name = name };

	assert_int_equal(store_totals_list(w->admin, look_for_total, &x), ERR_OK);
	return x.found ? (int64_t)x.row.value : -1;
}

static void test_totals(void **state)
{
	static const struct {
		const char *name;
		int64_t value;
	} rows[] = { { "engine.peers", 4 },
		     { "engine.sessions", 2 },
		     { "engine.handshakes", 7 },
		     { "engine.relayed_packets", 8 },
		     { "engine.relayed_bytes", 9 },
		     { "engine.drops.malformed", 17 },
		     { "engine.drops.send", INT64_MAX },
		     { "engine.drops.replay", 0 },
		     { "engine.offloads.tun-tso", 1 },
		     { "engine.offloads.udp-gro", 0 },
		     { "engine.compression.tried", 5 },
		     { "engine.compression.timed_ns", 6 },
		     { "link.refused-tls", 3 } };
	struct wanted_total crypto = { .name = "engine.crypto" };
	struct world *w = *state;
	struct engine_status_end m = { .n_peers = 4,
				       .n_sessions = 2,
				       .handshakes = 7,
				       .relayed_packets = 8,
				       .relayed_bytes = 9,
				       .drops = { [DROP_MALFORMED] = 17, [DROP_SEND] = UINT64_MAX },
				       .crypto = "aes-256-gcm/openssl",
				       .offloads = ENGINE_OFFLOAD_TUN_TSO,
				       .compress_tried = 5,
				       .compress_timed_ns = 6 };

	/* The tick's own questions would make our answers old ones. */
	timer_disarm(loop_timers(w->loop), &w->c->tick);
	w->c->counters.n[COUNT_REFUSED_TLS] = 3;
	m.tag = w->c->engine.status_tag;
	send_totals(w, &m);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_int_equal(total(w, rows[i].name), rows[i].value);
	assert_int_equal(store_totals_list(w->admin, look_for_total, &crypto), ERR_OK);
	assert_string_equal(crypto.row.fact, "aes-256-gcm/openssl");
	/* A second answer to one question, and one to none, change nothing. */
	m.n_peers = 5;
	send_totals(w, &m);
	m.tag += 7;
	send_totals(w, &m);
	assert_int_equal(total(w, "engine.peers"), 4);
	/* The same again is not written again. */
	m.n_peers = 4;
	m.tag = ++w->c->engine.status_tag;
	assert_int_equal(store_totals_put(w->admin, NULL, 0), ERR_OK);
	send_totals(w, &m);
	assert_int_equal(total(w, "engine.peers"), -1);
	m.n_peers = 6;
	m.tag = ++w->c->engine.status_tag;
	send_totals(w, &m);
	assert_int_equal(total(w, "engine.peers"), 6);
	/* Without an engine only the link is left. */
	w->w.ops->sibling_down(&w->w, WORKER_ENGINE);
	assert_int_equal(total(w, "engine.peers"), -1);
	assert_int_equal(total(w, "link.refused-tls"), 3);
}

/* One question at a time; an engine that does not answer has no totals, until it does. */
static void test_silent_engine(void **state)
{
	struct world *w = *state;
	const unsigned *asked = &w->heard.engine[ENGINE_STATUS_GET];
	struct engine_feed *f = &w->c->engine;
	struct engine_status_end m = { .n_peers = 4 };
	unsigned before;

	timer_disarm(loop_timers(w->loop), &w->c->tick);
	m.tag = f->status_tag;
	send_totals(w, &m);
	before = *asked;
	engine_feed_ask_status(w->c);
	engine_feed_ask_status(w->c);
	settle(w, 20);
	assert_int_equal(*asked, before + 1);
	assert_int_equal(total(w, "engine.peers"), 4);
	f->asked_ms -= ENGINE_FEED_ANSWER_MS;
	engine_feed_ask_status(w->c);
	settle(w, 20);
	assert_int_equal(*asked, before + 1);
	assert_int_equal(total(w, "engine.peers"), -1);
	assert_int_equal(total(w, "link.refused-tls"), 0);
	/* The answer to an older question does not count, the late one does. */
	send_totals(w, &m);
	assert_int_equal(total(w, "engine.peers"), -1);
	m.tag = f->status_tag;
	send_totals(w, &m);
	assert_int_equal(total(w, "engine.peers"), 4);
	engine_feed_ask_status(w->c);
	settle(w, 20);
	assert_int_equal(*asked, before + 2);
	/* A new engine is asked, whatever the old one owed. */
	w->w.ops->sibling_down(&w->w, WORKER_ENGINE);
	w->w.ops->sibling_up(&w->w, WORKER_ENGINE);
	settle(w, 20);
	assert_int_equal(*asked, before + 3);
}

static void test_scripts(void **state)
{
	struct world *w = *state;
	struct spoke a;

	spoke_joins(w, &a, "oslo", "10.20.0.0/24");
	send_path(w, a.id, PATH_DIRECT_UDP);
	send_path(w, a.id, PATH_DIRECT_UDP);
	settle(w, 30);
	assert_int_equal(w->heard.n_scripts, 2);
	assert_int_equal(w->heard.scripts[0].kind, SCRIPT_HOST_UP);
	assert_string_equal(w->heard.scripts[0].node, "oslo");
	assert_int_equal(w->heard.scripts[0].remote.port, 40000);
	assert_int_equal(w->heard.scripts[1].kind, SCRIPT_SUBNET_UP);
	assert_int_equal(w->heard.scripts[1].subnet.len, 24);
	send_path(w, a.id, PATH_DOWN);
	settle(w, 30);
	assert_int_equal(w->heard.n_scripts, 4);
	assert_int_equal(w->heard.scripts[2].kind, SCRIPT_HOST_DOWN);
	assert_int_equal(w->heard.scripts[3].kind, SCRIPT_SUBNET_DOWN);
	spoke_end(&a);
}

static void test_status_goes_to_presence(void **state)
{
	struct world *w = *state;
	struct store_presence p;
	struct spoke a;

	spoke_joins(w, &a, "oslo", NULL);
	send_status(w, a.id, PATH_DIRECT_UDP, 1000);
	settle(w, 2 * PRESENCE_FLUSH_MS);
	assert_int_equal(store_presence_get(w->admin, a.id, &p), ERR_OK);
	assert_int_equal(p.path, PATH_DIRECT_UDP);
	assert_int_equal(p.rx_bytes, 1000);
	assert_int_equal(p.tx_bytes, 5);
	assert_int_equal(p.rtt_us, 900);
	assert_int_equal(p.handshake_ms, 1234);
	assert_int_equal(p.endpoint.port, 40000);
	assert_true(p.online);
	/* Nothing new: nothing is written. */
	unsigned nudges = w->heard.nudges[NUDGE_PRESENCE];
	send_status(w, a.id, PATH_DIRECT_UDP, 1000);
	settle(w, 2 * PRESENCE_FLUSH_MS);
	assert_int_equal(w->heard.nudges[NUDGE_PRESENCE], nudges);
	/* We are new and it was reachable before: no script was due. */
	assert_int_equal(w->heard.n_scripts, 0);
	/* A stale answer and a node that does not exist count for nothing. */
	w->c->engine.status_tag++;
	send_status(w, 4711, PATH_DIRECT_UDP, 1);
	settle(w, 20);
	assert_int_equal(store_presence_get(w->admin, 4711, &p), ERR_NOTFOUND);
	spoke_end(&a);
}

/* The engine dies and comes back: all anew, and no scripts for what comes back at once. */
static void test_engine_restart(void **state)
{
	struct world *w = *state;
	struct spoke a;
	struct store_presence p;

	spoke_joins(w, &a, "oslo", NULL);
	send_path(w, a.id, PATH_DIRECT_UDP);
	settle(w, 30);
	unsigned scripts = w->heard.n_scripts;
	w->w.ops->sibling_down(&w->w, WORKER_ENGINE);
	settle(w, 2 * PRESENCE_FLUSH_MS);
	assert_int_equal(store_presence_get(w->admin, a.id, &p), ERR_OK);
	assert_int_equal(p.path, PATH_DOWN);
	assert_int_equal(p.endpoint.port, 40000);
	memset(w->heard.engine, 0, sizeof(w->heard.engine));
	w->w.ops->sibling_up(&w->w, WORKER_ENGINE);
	settle(w, 30);
	assert_int_equal(w->heard.engine[ENGINE_SELF], 1);
	assert_int_equal(w->heard.engine[ENGINE_SYNC_BEGIN], 1);
	assert_int_equal(w->heard.engine[ENGINE_PEER], 2); /* and the hub's own record */
	assert_int_equal(w->heard.engine[ENGINE_SYNC_END], 1);
	/* Where it was seen last, so that the session is made again at once. */
	assert_int_equal(w->heard.last_endpoints.id, a.id);
	assert_true(w->heard.last_endpoints.punch);
	assert_int_equal(w->heard.last_endpoints.endpoints[0].port, 40000);
	send_status(w, a.id, PATH_DOWN, 0);
	send_path(w, a.id, PATH_DIRECT_UDP);
	settle(w, 30);
	assert_int_equal(w->heard.n_scripts, scripts);
	spoke_end(&a);
}

static void test_wireguard_node(void **state)
{
	struct world *w = *state;
	struct change c = by_admin(w);
	struct public_key tunnel;
	struct store_presence p;
	const char *endpoint = "203.0.113.5 51820";
	struct change_node_add add = { .name = "phone",
				       .kind = NODE_WIREGUARD,
				       .tunnel_key = &tunnel,
				       .endpoints = &endpoint,
				       .n_endpoints = 1 };
	struct node n;

	secret_random(tunnel.b, sizeof(tunnel.b));
	if (change_node_add(&c, &add, &n) != ERR_OK)
		fail_msg("%s %s", c.code, c.detail);
	nudge(w);
	settle(w, 50);
	assert_string_equal(w->heard.last_peer.name, "phone");
	assert_int_equal(w->heard.last_peer.kind, NODE_WIREGUARD);
	assert_true(w->heard.last_peer.forward);
	assert_int_equal(w->heard.last_endpoints.id, n.id);
	assert_int_equal(w->heard.last_endpoints.n, 1);
	assert_int_equal(w->heard.last_endpoints.endpoints[0].port, 51820);
	/* It has no link: it is online while its tunnel works. */
	send_path(w, n.id, PATH_DIRECT_UDP);
	settle(w, 2 * PRESENCE_FLUSH_MS);
	assert_int_equal(store_presence_get(w->admin, n.id, &p), ERR_OK);
	assert_true(p.online);
	send_path(w, n.id, PATH_DOWN);
	settle(w, 2 * PRESENCE_FLUSH_MS);
	assert_int_equal(store_presence_get(w->admin, n.id, &p), ERR_OK);
	assert_false(p.online);
	node_fini(&n);
}

static bool has_endpoint_of_name(void *arg)
{
	const struct heard *h = arg;

	return h->last_endpoints.n && h->last_endpoints.endpoints[0].port == 51821;
}

/* Names in Address lines of a WireGuard node are looked up by the hub. */
static void test_host_name(void **state)
{
	struct world *w = *state;
	struct change c = by_admin(w);
	struct public_key tunnel;
	const char *endpoint = "localhost 51821";
	struct change_node_add add = { .name = "phone",
				       .kind = NODE_WIREGUARD,
				       .tunnel_key = &tunnel,
				       .endpoints = &endpoint,
				       .n_endpoints = 1 };
	struct node n;

	secret_random(tunnel.b, sizeof(tunnel.b));
	if (change_node_add(&c, &add, &n) != ERR_OK)
		fail_msg("%s %s", c.code, c.detail);
	nudge(w);
	assert_true(wait_for(w, has_endpoint_of_name, &w->heard));
	assert_int_equal(w->heard.last_endpoints.id, n.id);
	assert_true(addr_is_special(&w->heard.last_endpoints.endpoints[0].addr));
	/* Asked again soon, it does not look again; and it is forgotten with its node. */
	names_again(w->c, n.id);
	assert_true(list_empty(&w->c->names.queue));
	assert_int_equal(change_node_delete(&c, n.id), ERR_OK);
	nudge(w);
	settle(w, 50);
	assert_int_equal(w->c->names.by_id.count, 0);
	assert_int_equal(w->heard.last_gone, n.id);
	assert_int_equal(w->heard.last_gone_why, PEER_GONE_REMOVED);
	node_fini(&n);
}

/* More subnets than fit one message follow in others. */
static void test_many_subnets(void **state)
{
	struct world *w = *state;
	struct change c = by_admin(w);
	struct store_subnet out;
	struct spoke a;
	enum { MANY = ENGINE_PEER_SUBNETS_MAX + 10 };

	spoke_joins(w, &a, "oslo", NULL);
	for (unsigned i = 0; i < MANY; i++) {
		struct node_subnet s = { .weight = 10 };
		char text[32];
		snprintf(text, sizeof(text), "10.%u.%u.0/24", 100 + i / 256, i % 256);
		assert_int_equal(prefix_parse(text, &s.prefix, NULL), ERR_OK);
		if (change_subnet_add(&c, a.id, &s, false, &out) != ERR_OK)
			fail_msg("%s %s", c.code, c.detail);
	}
	unsigned before = w->heard.engine[ENGINE_PEER];
	nudge(w);
	settle(w, 300);
	assert_int_equal(w->heard.engine[ENGINE_PEER], before + 2);
	assert_true(w->heard.last_peer.append);
	/* Two of its own addresses stand before them. */
	assert_int_equal(w->heard.last_peer.n_subnets, MANY + 2 - ENGINE_PEER_SUBNETS_MAX);
	spoke_end(&a);
}

static void test_hub_row(void **state)
{
	struct world *w = *state;
	struct store_presence p;

	settle(w, 2 * PRESENCE_FLUSH_MS);
	assert_int_equal(store_presence_get(w->admin, w->hub_id, &p), ERR_OK);
	assert_true(p.online);
	assert_int_equal(p.acked_revision, w->c->dir.revision);
	assert_int_equal(w->c->engine.applied, w->c->dir.revision);
}

static bool all_are_called(void *arg) { return ((struct world *)arg)->c->engine.call_next == 0; }

/* Calls out of their turn are taken off the next interval; then the rest has its turn. */
static void test_calls_are_paced(void **state)
{
	struct world *w = *state;
	struct engine_feed *f = &w->c->engine;
	struct spoke a, b;

	spoke_joins(w, &a, "oslo", NULL);
	spoke_joins(w, &b, "bergen", NULL);
	spoke_returns(&a);
	spoke_returns(&b);
	settle(w, 20);
	assert_int_equal(f->call_next, 0);

	w->heard.engine[ENGINE_ENDPOINTS] = 0;
	f->call_next = a.id;
	f->called = ENGINE_FEED_CALLS_MORE + 1;
	f->answered = 1;
	const uint64_t began_ms = clock_now_ms();
	timer_arm(loop_timers(w->loop), &f->calls, began_ms);
	assert_true(wait_for(w, all_are_called, w));
	assert_true(clock_now_ms() - began_ms >= ENGINE_FEED_CALLS_MS);
	settle(w, 10);
	assert_int_equal(w->heard.engine[ENGINE_ENDPOINTS], 2);
	assert_int_equal(w->heard.last_endpoints.id, b.id);
	assert_true(w->heard.last_endpoints.punch);
	spoke_end(&a);
	spoke_end(&b);
}

/* Whose link is there is called at once while others wait; who was called already is not. */
static void test_who_comes_is_called(void **state)
{
	struct world *w = *state;
	struct engine_feed *f = &w->c->engine;
	struct spoke a, b;

	spoke_joins(w, &a, "oslo", NULL);
	spoke_joins(w, &b, "bergen", NULL);
	settle(w, 20);
	f->call_next = b.id;
	f->called = 0;
	spoke_returns(&a);
	settle(w, 20);
	assert_int_equal(w->heard.last_endpoints.id, a.id);
	assert_false(w->heard.last_endpoints.punch);
	assert_int_equal(f->called, 0);
	spoke_returns(&b);
	settle(w, 20);
	assert_int_equal(w->heard.last_endpoints.id, b.id);
	assert_true(w->heard.last_endpoints.punch);
	assert_int_equal(f->called, 1);
	spoke_end(&a);
	spoke_end(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_scripts, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(test_status_goes_to_presence, world_setup,
						world_teardown),
		cmocka_unit_test_setup_teardown(test_engine_restart, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(test_wireguard_node, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(test_host_name, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(test_many_subnets, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(test_hub_row, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(test_totals, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(test_calls_are_paced, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(test_who_comes_is_called, world_setup,
						world_teardown),
		cmocka_unit_test_setup_teardown(test_silent_engine, world_setup, world_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
