/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Workers = 2: engines with a mover each, on loopback. Node 1 is the hub, 2 and 3 are spokes behind
 * wires (3 without a mover), 4 plays a WireGuard node behind a wire. Datagrams go to the worker
 * that the wire points to.
 */
#include "movers.h"

#include "shared/wire/packet.h"

struct net {
	struct box hub, a, b, wg;
	struct mover_box hub_mover, a_mover;
	struct wire wa, wb, wwg;
};

static void tell_spoke(struct box *n, struct net *net, const struct box *other,
		       const struct endpoint *hub_at)
{
	struct engine_peer hub = peer_record(&net->hub, NODE_HUB),
			   self = peer_record(n, NODE_SPOKE);
	struct engine_peer spoke = peer_record(other, NODE_SPOKE),
			   wg = peer_record(&net->wg, NODE_WIREGUARD);
	struct engine_revision rev = { .revision = 7 };

	node_self(n, false, true);
	node_say(n, ENGINE_SYNC_BEGIN);
	memcpy(&hub.subnets[hub.n_subnets], wg.subnets, 2 * sizeof(wg.subnets[0]));
	hub.n_subnets = 4;
	spoke.via_hub = true;
	node_peer(n, &self);
	node_peer(n, &hub);
	node_peer(n, &spoke);
	node_send(n, ENGINE_SYNC_END, engine_revision_encode, &rev);
	node_endpoint(n, net->hub.id, hub_at);
}

static void tell_hub(struct net *net)
{
	struct engine_peer own = peer_record(&net->hub, NODE_HUB),
			   a = peer_record(&net->a, NODE_SPOKE);
	struct engine_peer b = peer_record(&net->b, NODE_SPOKE),
			   wg = peer_record(&net->wg, NODE_WIREGUARD);
	struct engine_revision rev = { .revision = 7 };

	node_self(&net->hub, true, true);
	wg.forward = true;
	node_peer(&net->hub, &own);
	node_peer(&net->hub, &a);
	node_peer(&net->hub, &b);
	node_peer(&net->hub, &wg);
	node_send(&net->hub, ENGINE_COMMIT, engine_revision_encode, &rev);
}

static void tell_wireguard(struct net *net)
{
	struct engine_peer hub = peer_record(&net->hub, NODE_WIREGUARD),
			   self = peer_record(&net->wg, NODE_SPOKE);
	struct addr any = addr_from_v4((const uint8_t[]){ 10, 0, 0, 0 });

	node_self(&net->wg, false, false);
	hub.n_subnets = 1;
	hub.subnets[0].prefix = prefix_of_net(&any, 8);
	node_peer(&net->wg, &self);
	node_peer(&net->wg, &hub);
	node_endpoint(&net->wg, net->hub.id, &net->wwg.inside);
}

static bool all_applied(void *arg)
{
	struct net *n = arg;

	return n->hub.applied == 7 && n->a.applied == 7 && n->b.applied == 7;
}

/* What spoke `a` sends comes to the hub's mover, or to its engine; the same the other way round. */
static void point(struct net *n, bool at_mover)
{
	n->wa.hub = at_mover ? n->hub_mover.n.udp : n->hub.udp;
	n->wa.node = at_mover ? n->a_mover.n.udp : n->a.udp;
}

static int setup(void **state)
{
	struct net *n = calloc(1, sizeof(*n));

	assert_non_null(n);
	assert_int_equal(loop_new(&the_loop), ERR_OK);
	the_workers = 2;
	node_open(&n->hub, 1);
	node_open(&n->a, 2);
	mover_open(&n->hub_mover, &n->hub);
	mover_open(&n->a_mover, &n->a);
	the_workers = 1;
	node_open(&n->b, 3);
	node_open(&n->wg, 4);
	wire_open(&n->wa, &n->a, &n->hub);
	wire_open(&n->wb, &n->b, &n->hub);
	wire_open(&n->wwg, &n->wg, &n->hub);
	point(n, true);
	n->wb.hub = n->hub_mover.n.udp;
	tell_hub(n);
	tell_wireguard(n);
	tell_spoke(&n->a, n, &n->b, &n->wa.inside);
	tell_spoke(&n->b, n, &n->a, &n->wb.inside);
	assert_true(run_until(all_applied, n, WAIT_MS));
	*state = n;
	return 0;
}

static int teardown(void **state)
{
	struct net *n = *state;

	wire_close(&n->wa);
	wire_close(&n->wb);
	wire_close(&n->wwg);
	mover_close(&n->hub_mover);
	mover_close(&n->a_mover);
	node_close(&n->hub);
	node_close(&n->a);
	node_close(&n->b);
	node_close(&n->wg);
	loop_free(the_loop);
	free(n);
	return 0;
}

/* The nonce space of a sealed datagram. */
static unsigned space_of(const uint8_t *p, size_t len)
{
	struct packet_transport h;

	assert_int_equal(packet_decode_transport(p, len, &h), ERR_OK);
	return (unsigned)(h.counter >> NONCE_SPACE_SHIFT);
}

/* Has the session be made, by a packet that the kernel of `a` gives to its mover. */
static void connect_a(struct net *n)
{
	tun_send(&n->a_mover.n, "10.2.0.9", "10.1.0.5", 64, "hello", 100);
	expect_mark(&n->hub_mover.n, "hello");
	settle();
}

static const struct peer *hub_peer(const struct net *n, uint32_t id)
{
	return peer_find(n->hub.t, id);
}

static bool counted(void *arg)
{
	const struct net *n = arg;
	const struct peer_counters *c = &hub_peer(n, 2)->counters;

	return c->rx_packets == 3 && c->tx_packets == 2 && c->rx_bytes == 128 + 128 + 328 &&
	       c->tx_bytes == 128 + 1028;
}

/* Both directions through both workers; each seals in its own nonce space, and the sums are right.
 */
static void test_all_workers_move(void **state)
{
	struct net *n = *state;

	connect_a(n);
	assert_int_equal(hub_peer(n, 2)->session.current->rx_owner, 1);
	tun_send(&n->a_mover.n, "10.2.0.9", "10.1.0.5", 64, "mover to hub", 100);
	expect_mark(&n->hub_mover.n, "mover to hub");
	assert_int_equal(space_of(n->wa.last, n->wa.last_len), 1);
	tun_send(&n->a, "10.2.0.9", "10.1.0.5", 64, "engine to hub", 300);
	expect_mark(&n->hub_mover.n, "engine to hub");
	assert_int_equal(space_of(n->wa.last, n->wa.last_len), 0);
	tun_send(&n->hub_mover.n, "10.1.0.5", "10.2.0.9", 64, "mover to spoke", 100);
	expect_mark(&n->a_mover.n, "mover to spoke");
	assert_int_equal(space_of(n->wa.last_in, n->wa.last_in_len), 1);
	tun_send(&n->hub, "10.1.0.5", "10.2.0.9", 64, "engine to spoke", 1000);
	expect_mark(&n->a_mover.n, "engine to spoke");
	assert_int_equal(space_of(n->wa.last_in, n->wa.last_in_len), 0);
	assert_true(run_until(counted, n, WAIT_MS));
	assert_int_equal(n->hub.t->handshakes, 1);
}

/* A spoke without movers, and a hub whose engine the handshake comes to. */
static void test_engine_owns_what_it_received(void **state)
{
	struct net *n = *state;

	n->wb.hub = n->hub.udp;
	tun_send(&n->b, "10.3.0.7", "10.1.0.5", 64, "first", 100);
	expect_mark(&n->hub, "first");
	assert_int_equal(hub_peer(n, 3)->session.current->rx_owner, 0);
	tun_send(&n->hub_mover.n, "10.1.0.5", "10.3.0.7", 64, "answer", 100);
	expect_mark(&n->b, "answer");
	/* From now on it comes to the mover's socket: opened by the engine all the same. */
	n->wb.hub = n->hub_mover.n.udp;
	tun_send(&n->b, "10.3.0.7", "10.1.0.5", 64, "strayed", 100);
	expect_mark(&n->hub, "strayed");
}

/* The same datagram is taken once, whichever worker it is shown to, and in whatever order. */
static void test_no_replay_at_another_worker(void **state)
{
	struct net *n = *state;
	uint8_t caught[3][2048];
	size_t len[3];
	const char *marks[] = { "from the mover", "from the engine", "strayed" };
	uint64_t before;

	connect_a(n);
	for (unsigned i = 0; i < 3; i++) {
		if (i == 2) /* the third is first shown to the wrong one, which hands it over */
			point(n, false);
		tun_send(i == 1 ? &n->a : &n->a_mover.n, "10.2.0.9", "10.1.0.5", 64, marks[i], 100);
		expect_mark(&n->hub_mover.n, marks[i]);
		len[i] = n->wa.last_len;
		memcpy(caught[i], n->wa.last, len[i]);
	}
	before = n->hub.t->drops[DROP_REPLAY] + n->hub_mover.n.t->drops[DROP_REPLAY];
	for (unsigned i = 0; i < 3; i++) {
		wire_send(n->wa.outside_fd.fd, caught[i], len[i], &n->hub.udp);
		wire_send(n->wa.outside_fd.fd, caught[i], len[i], &n->hub_mover.n.udp);
		wire_send(n->wb.outside_fd.fd, caught[i], len[i], &n->hub.udp);
	}
	expect_silence(&n->hub);
	expect_silence(&n->hub_mover.n);
	/* The engine opened none of them, so none moved its window. */
	assert_int_equal(hub_peer(n, 2)->session.current->replay.next, 0);
	assert_true(n->hub.t->drops[DROP_REPLAY] + n->hub_mover.n.t->drops[DROP_REPLAY] >=
		    before + 9);
}

static bool owned_by_engine(void *arg)
{
	const struct net *n = arg;
	const struct keypair *kp = hub_peer(n, 2)->session.current;

	return n->hub.t->handshakes == 2 && kp && kp->rx_owner == 0;
}

/* A peer whose packets keep coming to another worker gets a new session, which that worker opens.
 */
static void test_strays_find_a_new_owner(void **state)
{
	struct net *n = *state;

	connect_a(n);
	point(n, false);
	/* In a young session, too many are no reason: its owner was found a moment ago. It stays
	 * young for as long as a busy machine needs. */
	for (unsigned i = 0; i < STRAYS_REKEY_PACKETS + 1; i++) {
		peer_find(n->hub.t, 2)->session.current->created_ms = loop_now_ms(the_loop);
		tun_send(&n->a_mover.n, "10.2.0.9", "10.1.0.5", 64, "strayed", 100);
		expect_mark(&n->hub_mover.n, "strayed");
	}
	assert_int_equal(n->hub.t->handshakes, 1);
	peer_find(n->hub.t, 2)->session.current->created_ms -= KEEPALIVE_MS;
	/* As if the last handshake had been so long ago as the session says. */
	peer_find(n->hub.t, 2)->due.last_initiation_ms = 0;
	tun_send(&n->a_mover.n, "10.2.0.9", "10.1.0.5", 64, "one more", 100);
	assert_true(run_until(owned_by_engine, n, WAIT_MS));
	expect_mark(&n->hub_mover.n, "one more");
	settle();
	tun_send(&n->a_mover.n, "10.2.0.9", "10.1.0.5", 64, "at home", 100);
	expect_mark(&n->hub, "at home");
}

/* An engine that hands a packet over gets it from nobody again: no circles. */
static void test_strangers_come_to_an_end(void **state)
{
	struct net *n = *state;
	uint8_t junk[80] = { PACKET_TRANSPORT, 0, 0, 0, 0x11, 0x22, 0x33, 0x44 };
	uint64_t before = n->hub.t->drops[DROP_UNKNOWN_INDEX];

	connect_a(n);
	wire_send(n->wb.outside_fd.fd, junk, sizeof(junk), &n->hub_mover.n.udp);
	settle();
	assert_int_equal(n->hub.t->drops[DROP_UNKNOWN_INDEX], before + 1);
	/* A mover that the engine takes for the owner, and is not. */
	hub_peer(n, 2)->session.current->rx_owner = 1;
	((struct keypair *)peer_find(n->hub_mover.n.t, 2)->session.current)->rx_owner = 0;
	tun_send(&n->a, "10.2.0.9", "10.1.0.5", 64, "homeless", 100);
	expect_silence(&n->hub_mover.n);
	expect_silence(&n->hub);
	assert_true(n->hub_mover.n.t->drops[DROP_UNKNOWN_INDEX] >= 1);
}

static void test_mover_relays(void **state)
{
	struct net *n = *state;
	uint64_t before;

	connect_a(n);
	tun_send(&n->b, "10.3.0.7", "10.1.0.5", 64, "b is here", 100);
	expect_mark(&n->hub_mover.n, "b is here");
	settle();
	tun_send(&n->a_mover.n, "10.2.0.9", "10.3.0.7", 64, "through the hub", 100);
	expect_mark(&n->b, "through the hub");
	before = n->hub.t->relayed_packets;
	tun_send(&n->b, "10.3.0.7", "10.2.0.9", 64, "and back", 100);
	expect_mark(&n->a_mover.n, "and back");
	tun_send(&n->a_mover.n, "10.2.0.9", "10.3.0.7", 64, "once more", 100);
	expect_mark(&n->b, "once more");
	assert_true(n->hub_mover.n.t->relayed_packets > 0);
	for (unsigned i = 0; i < 20 && n->hub.t->relayed_packets < before + 2; i++)
		settle();
	assert_true(n->hub.t->relayed_packets >= before + 2);
	/* Only from where the source is, at whichever worker. */
	wire_send(n->wb.outside_fd.fd, n->wa.last, n->wa.last_len, &n->hub_mover.n.udp);
	wire_send(n->wb.outside_fd.fd, n->wa.last, n->wa.last_len, &n->hub.udp);
	expect_silence(&n->b);
}

/* A stock device has one window for one row of numbers: only the engine sends to it. */
static void test_wireguard_gets_one_row_of_counters(void **state)
{
	struct net *n = *state;
	uint64_t last = 0;

	n->wwg.hub = n->hub_mover.n.udp;
	tun_send(&n->wg, "10.4.0.3", "10.1.0.5", 64, "from the device", 100);
	expect_mark(&n->hub_mover.n, "from the device");
	settle();
	assert_int_equal(hub_peer(n, 4)->session.current->rx_owner, 1);
	for (unsigned i = 0; i < 6; i++) {
		struct packet_transport h;

		tun_send(i % 2 ? &n->hub_mover.n : &n->hub, "10.1.0.5", "10.4.0.3", 64, "to it",
			 100);
		expect_mark(&n->wg, "to it");
		assert_int_equal(packet_decode_transport(n->wwg.last_in, n->wwg.last_in_len, &h),
				 ERR_OK);
		assert_int_equal(h.type, PACKET_WG_TRANSPORT);
		assert_true(h.counter == last + 1 || !i);
		last = h.counter;
	}
	/* Hairpin, both ways: opened by the mover, sealed by who may. */
	connect_a(n);
	tun_send(&n->wg, "10.4.0.3", "10.2.0.9", 64, "device to spoke", 100);
	expect_mark(&n->a_mover.n, "device to spoke");
	tun_send(&n->a_mover.n, "10.2.0.9", "10.4.0.3", 64, "spoke to device", 100);
	expect_mark(&n->wg, "spoke to device");
}

static void test_probes_are_answered_by_the_engine(void **state)
{
	struct net *n = *state;
	struct engine_ping ping = { .tag = 77, .id = 1 };

	connect_a(n);
	node_send(&n->a, ENGINE_PING, engine_ping_encode, &ping);
	for (unsigned i = 0; i < 20 && !n->a.got_pong; i++)
		settle();
	assert_true(n->a.got_pong && n->a.pong.tag == 77 && n->a.pong.result == ERR_OK);
}

static bool roamed(void *arg)
{
	const struct net *n = arg;

	return hub_peer(n, 2)->path.endpoint.port == n->wa.outside.port;
}

/* The NAT in between has forgotten: the mover sees it, and every worker sends to the new place. */
static void test_roaming(void **state)
{
	struct net *n = *state;

	connect_a(n);
	wire_rebind(&n->wa);
	tun_send(&n->a_mover.n, "10.2.0.9", "10.1.0.5", 64, "moved", 100);
	expect_mark(&n->hub_mover.n, "moved");
	assert_true(run_until(roamed, n, 50)); /* at once, not with the next news */
	tun_send(&n->hub, "10.1.0.5", "10.2.0.9", 64, "by the engine", 100);
	expect_mark(&n->a_mover.n, "by the engine");
	tun_send(&n->hub_mover.n, "10.1.0.5", "10.2.0.9", 64, "by the mover", 100);
	expect_mark(&n->a_mover.n, "by the mover");
}

/* Revoked: no worker has its keys when control hears that it is done. */
static void test_revoked_at_every_worker(void **state)
{
	struct net *n = *state;
	struct engine_peer_gone gone = { .id = 2, .why = PEER_GONE_REVOKED };
	struct engine_revision rev = { .revision = 8 };
	uint64_t deadline = clock_now_ms() + WAIT_MS;

	connect_a(n);
	node_send(&n->hub, ENGINE_PEER_GONE, engine_peer_gone_encode, &gone);
	node_send(&n->hub, ENGINE_COMMIT, engine_revision_encode, &rev);
	while (n->hub.applied != 8 && clock_now_ms() < deadline)
		run_until(never, NULL, 1);
	assert_int_equal(n->hub.applied, 8);
	assert_null(peer_find(n->hub_mover.n.t, 2));
	tun_send(&n->a_mover.n, "10.2.0.9", "10.1.0.5", 64, "too late", 100);
	expect_silence(&n->hub_mover.n);
	expect_silence(&n->hub);
}

static bool rekeyed(void *arg)
{
	const struct net *n = arg;
	const struct peer *p = hub_peer(n, 2);

	return n->hub.t->handshakes >= 2 && p->session.current &&
	       p->session.current->rx_owner == 1 && peer_find(n->hub_mover.n.t, 2)->session.current;
}

/* A mover's process dies, and a new one comes. */
static void test_mover_is_replaced(void **state)
{
	struct net *n = *state;
	struct engine_revision rev = { .revision = 9 };
	uint8_t caught[2048];
	size_t len;

	connect_a(n);
	tun_send(&n->a_mover.n, "10.2.0.9", "10.1.0.5", 64, "taken", 100);
	expect_mark(&n->hub_mover.n, "taken");
	len = n->wa.last_len;
	memcpy(caught, n->wa.last, len);

	mover_kill(&n->hub_mover);
	for (unsigned i = 0; i < 20 && n->hub_mover.at_engine; i++)
		settle();
	/* With it went what it had seen: nobody opens anything of this session any more. */
	assert_int_equal(hub_peer(n, 2)->session.current->rx_owner, RX_OWNER_NONE);
	wire_send(n->wa.outside_fd.fd, caught, len, &n->hub.udp);
	expect_silence(&n->hub);
	/* Nobody waits for the dead. */
	node_send(&n->hub, ENGINE_COMMIT, engine_revision_encode, &rev);
	settle();
	assert_int_equal(n->hub.applied, 9);

	mover_open(&n->hub_mover, &n->hub);
	point(n, true);
	n->wb.hub = n->hub_mover.n.udp;
	assert_true(run_until(rekeyed, n, WAIT_MS));
	settle();
	wire_send(n->wa.outside_fd.fd, caught, len, &n->hub_mover.n.udp);
	expect_silence(&n->hub_mover.n);
	tun_send(&n->a_mover.n, "10.2.0.9", "10.1.0.5", 64, "as before", 100);
	expect_mark(&n->hub_mover.n, "as before");
	tun_send(&n->hub_mover.n, "10.1.0.5", "10.2.0.9", 64, "and back", 100);
	expect_mark(&n->a_mover.n, "and back");
	assert_int_equal(space_of(n->wa.last_in, n->wa.last_in_len), 1);
}

/* Before a mover knows where packets may go it takes none from the kernel, and then loses none. */
static void test_kernel_waits_for_the_directory(void **state)
{
	struct net *n = *state;
	struct mover_box *m = &n->a_mover;

	mover_kill(m);
	for (unsigned i = 0; i < 20 && m->at_engine; i++)
		settle();
	mover_open(m, &n->a);
	tun_send(&m->n, "10.2.0.9", "10.1.0.5", 64, "early", 100);
	point(n, true);
	expect_mark(&n->hub_mover.n, "early");
	assert_int_equal(m->n.t->drops[DROP_NO_ROUTE], 0);
}

/* Messages that no honest process sends close the channel, and nothing else happens. */
static void test_broken_messages(void **state)
{
	struct net *n = *state;
	static const struct {
		bool to_engine;
		uint16_t type;
	} rows[] = { { true, MOVER_APPLIED },   { true, MOVER_EVENT },    { true, MOVER_KEYPAIR },
		     { true, ENGINE_SELF },     { false, MOVER_KEYPAIR }, { false, MOVER_EVENT },
		     { false, ENGINE_SYNC_END } };

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint8_t body[8] = { 0 };
		struct mover_box *m = &n->hub_mover;

		assert_non_null(m->at_engine);
		assert_int_equal(channel_send(rows[i].to_engine ? m->n.w.siblings[WORKER_ENGINE]
								: m->at_engine,
					      rows[i].type, body, sizeof(body), -1),
				 ERR_OK);
		for (unsigned k = 0; k < 20 && !(m->stopped && !m->at_engine); k++)
			run_until(never, NULL, 10);
		assert_true(m->stopped && !m->at_engine);
		mover_kill(m);
		mover_open(m, &n->hub);
		settle();
	}
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_all_workers_move),
		TEST(test_engine_owns_what_it_received),
		TEST(test_no_replay_at_another_worker),
		TEST(test_strays_find_a_new_owner),
		TEST(test_strangers_come_to_an_end),
		TEST(test_mover_relays),
		TEST(test_wireguard_gets_one_row_of_counters),
		TEST(test_probes_are_answered_by_the_engine),
		TEST(test_roaming),
		TEST(test_revoked_at_every_worker),
		TEST(test_mover_is_replaced),
		TEST(test_kernel_waits_for_the_directory),
		TEST(test_broken_messages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
