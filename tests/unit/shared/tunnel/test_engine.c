/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Whole engines on loopback: node 1 is the hub, 2 and 3 are spokes behind wires, 4 plays a
 * WireGuard node with an engine that knows only WireGuard's message types.
 */
#include "engines.h"

#include "shared/tunnel/timers.h"
#include "shared/tunnel/pmtu.h"
#include "shared/tunnel/session.h"

struct net {
	struct box hub, a, b, wg;
	struct wire wa, wb;
};

/* What spoke `n` is told: the hub, reached at `hub_at`, and the other spoke through it. */
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
	hub.keepalive_s = 25;
	memcpy(&hub.subnets[hub.n_subnets], wg.subnets, 2 * sizeof(wg.subnets[0]));
	hub.n_subnets = 4;
	spoke.via_hub = true;
	node_peer(n, &self);
	node_peer(n, &hub);
	node_peer(n, &spoke);
	node_send(n, ENGINE_SYNC_END, engine_revision_encode, &rev);
	node_endpoint(n, net->hub.id, hub_at);
}

static void tell_hub(struct net *net, uint64_t reach_of_a)
{
	struct engine_peer own = peer_record(&net->hub, NODE_HUB),
			   a = peer_record(&net->a, NODE_SPOKE);
	struct engine_peer b = peer_record(&net->b, NODE_SPOKE),
			   wg = peer_record(&net->wg, NODE_WIREGUARD);
	struct engine_revision rev = { .revision = 7 };

	node_self(&net->hub, true, true);
	a.groups = a.reach = reach_of_a;
	wg.forward = true;
	node_peer(&net->hub, &own);
	node_peer(&net->hub, &a);
	node_peer(&net->hub, &b);
	node_peer(&net->hub, &wg);
	node_send(&net->hub, ENGINE_COMMIT, engine_revision_encode, &rev);
}

static void tell_wireguard(struct net *net)
{
	/* Seen from its side the hub is a WireGuard peer that has everything. */
	struct engine_peer hub = peer_record(&net->hub, NODE_WIREGUARD),
			   self = peer_record(&net->wg, NODE_SPOKE);
	struct addr any = addr_from_v4((const uint8_t[]){ 10, 0, 0, 0 });
	struct addr pool = addr_from_v4((const uint8_t[]){ 192, 168, 100, 0 });

	node_self(&net->wg, false, false);
	hub.n_subnets = 2;
	hub.subnets[0].prefix = prefix_of_net(&any, 8);
	hub.subnets[1].prefix = prefix_of_net(&pool, 24);
	node_peer(&net->wg, &self);
	node_peer(&net->wg, &hub);
	node_endpoint(&net->wg, net->hub.id, &net->hub.udp);
}

static bool all_applied(void *arg)
{
	struct net *n = arg;

	return n->hub.applied == 7 && n->a.applied == 7 && n->b.applied == 7;
}

static bool spokes_connected(void *arg)
{
	struct net *n = arg;
	struct peer *a = peer_find(n->hub.t, 2), *b = peer_find(n->hub.t, 3);

	return a && b && a->session.current && b->session.current;
}

static int setup(void **state)
{
	struct net *n = calloc(1, sizeof(*n));

	assert_non_null(n);
	assert_int_equal(loop_new(&the_loop), ERR_OK);
	node_open(&n->hub, 1);
	node_open(&n->a, 2);
	node_open(&n->b, 3);
	node_open(&n->wg, 4);
	wire_open(&n->wa, &n->a, &n->hub);
	wire_open(&n->wb, &n->b, &n->hub);
	tell_hub(n, 1);
	tell_wireguard(n);
	tell_spoke(&n->a, n, &n->b, &n->wa.inside);
	tell_spoke(&n->b, n, &n->a, &n->wb.inside);
	assert_true(run_until(all_applied, n, WAIT_MS));
	assert_true(run_until(spokes_connected, n, WAIT_MS));
	settle(); /* longer than HANDSHAKE_MIN_INTERVAL_MS */
	*state = n;
	return 0;
}

static int teardown(void **state)
{
	struct net *n = *state;

	wire_close(&n->wa);
	wire_close(&n->wb);
	node_close(&n->hub);
	node_close(&n->a);
	node_close(&n->b);
	node_close(&n->wg);
	loop_free(the_loop);
	free(n);
	return 0;
}

static void test_hub_and_spoke(void **state)
{
	struct net *n = *state;

	tun_send(&n->a, "10.2.0.9", "10.1.0.5", 64, "to the hub", 100);
	expect_mark(&n->hub, "to the hub");
	tun_send(&n->hub, "10.1.0.5", "10.2.0.9", 64, "and back", 1372);
	expect_mark(&n->a, "and back");
	assert_int_equal(peer_find(n->a.t, 1)->cipher, CIPHER_AES256GCM);
	assert_int_equal(n->a.last_path.path, PATH_DIRECT_UDP);
	assert_int_equal(peer_find(n->hub.t, 2)->counters.rx_packets, 1);
	assert_int_equal(peer_find(n->hub.t, 2)->counters.tx_bytes, 1400);
}

static void test_without_aes_chacha_is_used(void **state)
{
	struct net *n = *state;
	struct engine_peer a = peer_record(&n->a, NODE_SPOKE);

	a.aes = false;
	node_peer(&n->hub, &a);
	/* Only our own record has changed; the hub's is not sent again. */
	node_self(&n->a, false, false);
	settle();
	tun_send(&n->a, "10.2.0.9", "10.1.0.5", 64, "chacha", 100);
	expect_mark(&n->hub, "chacha");
	assert_int_equal(peer_find(n->hub.t, 2)->cipher, CIPHER_CHACHA20POLY1305);
	assert_int_equal(peer_find(n->hub.t, 2)->session.current->cipher, CIPHER_CHACHA20POLY1305);
}

/* Is the text anywhere in the bytes? */
static bool contains(const uint8_t *p, size_t n, const char *text)
{
	return memmem(p, n, text, strlen(text)) != NULL;
}

static void test_spokes_talk_end_to_end_through_the_hub(void **state)
{
	struct net *n = *state;
	uint64_t hub_handshakes = n->hub.t->handshakes;

	tun_send(&n->a, "10.2.0.9", "10.3.0.7", 64, "secret words", 500);
	expect_mark(&n->b, "secret words");
	tun_send(&n->b, "10.3.0.7", "10.2.0.9", 64, "secret answer", 500);
	expect_mark(&n->a, "secret answer");
	assert_true(n->hub.t->relayed_packets >= 4); /* two of the handshake, and the data */
	assert_int_equal(n->hub.t->handshakes, hub_handshakes); /* it was no party to it */
	assert_false(contains(n->wa.last, n->wa.last_len, "secret"));
	assert_int_equal(n->wa.last_in[0], PACKET_RELAY);
	assert_int_equal(peer_find(n->a.t, 3)->path.kind, PATH_HUB_UDP);
	assert_true(n->a.located >= 1);
	/* The relayed packet kept its time to live: the hub is no hop between them. */
	tun_send(&n->a, "10.2.0.9", "10.3.0.7", 1, "ttl 1", 50);
	expect_mark(&n->b, "ttl 1");
}

/* The session with the hub has grown too old (a machine that slept): the hub relays nothing by it.
 * It is renewed at once, and what the hub dropped of the other handshake is sent anew. */
static void test_old_session_with_the_relay_is_renewed(void **state)
{
	struct net *n = *state;
	uint64_t handshakes;

	settle();
	handshakes = n->hub.t->handshakes;
	peer_find(n->a.t, 1)->session.current->created_ms -= REJECT_AFTER_MS;
	peer_find(n->a.t, 1)->due.last_initiation_ms = 0;
	peer_find(n->hub.t, 2)->session.current->created_ms -= REJECT_AFTER_MS;
	tun_send(&n->a, "10.2.0.9", "10.3.0.7", 64, "good morning", 50);
	expect_mark(&n->b, "good morning");
	assert_int_equal(n->hub.t->handshakes, handshakes + 1);
	assert_false(n->a.t->relay_awaited);
	assert_int_equal(peer_find(n->a.t, 3)->path.kind, PATH_HUB_UDP);
}

static void test_forged_inner_source_is_dropped(void **state)
{
	struct net *n = *state;

	tun_send(&n->a, "10.3.0.7", "10.1.0.5", 64, "i am b", 100);
	expect_silence(&n->hub);
	assert_int_equal(n->hub.t->drops[DROP_SOURCE], 1);
	tun_send(&n->a, "172.16.0.1", "10.1.0.5", 64, "i am nobody", 100);
	expect_silence(&n->hub);
	assert_int_equal(n->hub.t->drops[DROP_SOURCE], 2);
}

/* A spoke that sends for another spoke in its session with the hub gets an ICMP answer, not a
 * service. */
static void test_plaintext_between_agents_is_not_forwarded(void **state)
{
	struct net *n = *state;
	struct engine_peer hub = peer_record(&n->hub, NODE_HUB), b = peer_record(&n->b, NODE_SPOKE);
	struct engine_peer_gone gone = { .id = 3 };
	struct arrival a;

	node_send(&n->a, ENGINE_PEER_GONE, engine_peer_gone_encode, &gone);
	hub.keepalive_s = 25;
	memcpy(&hub.subnets[2], b.subnets, 2 * sizeof(b.subnets[0]));
	hub.n_subnets = 4;
	node_peer(&n->a, &hub);
	settle();
	tun_send(&n->a, "10.2.0.9", "10.3.0.7", 64, "please", 100);
	assert_true(tun_receive(&n->a, &a, WAIT_MS));
	assert_int_equal(a.p[9], IPPROTO_ICMP);
	assert_int_equal(a.p[20], 3);
	assert_int_equal(a.p[21], 13);
	expect_silence(&n->b);
	assert_int_equal(n->hub.t->drops[DROP_POLICY], 1);
}

static void test_destinations_not_ours_are_not_for_the_kernel(void **state)
{
	struct net *n = *state;
	struct engine_peer hub = peer_record(&n->hub, NODE_HUB);
	struct addr other = addr_from_v4((const uint8_t[]){ 172, 16, 0, 0 });

	/* The spoke is made to believe that the hub has 172.16/16; the hub knows better. */
	hub.keepalive_s = 25;
	hub.subnets[2] = (struct node_subnet){ .prefix = prefix_of_net(&other, 16) };
	hub.n_subnets = 3;
	node_peer(&n->a, &hub);
	settle();
	tun_send(&n->a, "10.2.0.9", "172.16.3.4", 64, "beyond", 100);
	expect_silence(&n->hub);
	assert_int_equal(n->hub.t->drops[DROP_NO_ROUTE], 1);
}

static void test_no_route_is_answered(void **state)
{
	struct net *n = *state;
	struct arrival a;

	tun_send(&n->a, "10.2.0.9", "203.0.113.9", 64, "where", 100);
	assert_true(tun_receive(&n->a, &a, WAIT_MS));
	assert_int_equal(a.p[9], IPPROTO_ICMP);
	assert_int_equal(a.p[20], 3);
	assert_int_equal(a.p[21], 0);
	/* Not from ourselves: the kernel would not believe it. */
	assert_memory_equal(a.p + 12, node_addr(1).b, 4);
}

/* From a to the hub, again and again: on a busy machine the session may be made anew meanwhile. */
static void send_until_it_comes(struct net *n, const char *mark)
{
	const uint64_t until = clock_now_ms() + WAIT_MS;
	struct arrival a;
	bool came = false;

	while (!came && clock_now_ms() < until) {
		tun_send(&n->a, "10.2.0.9", "10.1.0.5", 64, mark, 100);
		came = tun_receive(&n->hub, &a, 1000);
	}
	assert_true(came);
	assert_memory_equal(a.p + 28, mark, strlen(mark));
	settle();
	while (recv(n->hub.tun, a.p, sizeof(a.p), MSG_DONTWAIT) > 0)
		;
}

static void test_replayed_and_corrupted_packets(void **state)
{
	struct net *n = *state;
	uint64_t *drops = n->hub.t->drops;

	tun_send(&n->a, "10.2.0.9", "10.1.0.5", 64, "once", 100);
	expect_mark(&n->hub, "once");
	for (unsigned i = 1; i <= 3; i++) {
		wire_send(n->wa.outside_fd.fd, n->wa.last, n->wa.last_len, &n->wa.hub);
		expect_silence(&n->hub);
		assert_int_equal(drops[DROP_REPLAY], i);
	}
	/* Every byte of header, ciphertext and tag counts. 0: type, 1: flags, 2-3: reserved, 4-7:
	 * index. */
	for (int at = 0; at < 40; at++) {
		uint64_t before = drops[DROP_AUTH] + drops[DROP_MALFORMED] +
				  drops[DROP_UNKNOWN_INDEX] + drops[DROP_REPLAY];

		n->wa.corrupt_at = at;
		tun_send(&n->a, "10.2.0.9", "10.1.0.5", 64, "changed", 100);
		expect_silence(&n->hub);
		assert_true(drops[DROP_AUTH] + drops[DROP_MALFORMED] + drops[DROP_UNKNOWN_INDEX] +
				    drops[DROP_REPLAY] >
			    before);
		/* So that the spoke does not take the hub for dead. */
		n->wa.corrupt_at = -1;
		send_until_it_comes(n, "whole");
	}
	n->wa.corrupt_at = -1;
	tun_send(&n->a, "10.2.0.9", "10.1.0.5", 64, "fine again", 100);
	expect_mark(&n->hub, "fine again");
}

static void test_garbage_is_counted_and_never_answered(void **state)
{
	struct net *n = *state;
	struct endpoint mine;
	int fd = udp_socket(&mine);
	uint8_t junk[1500];
	uint64_t total = 0, seed = 42;

	for (unsigned i = 0; i < 500; i++) {
		for (unsigned k = 0; k < sizeof(junk); k++) {
			seed = seed * 6364136223846793005ull + 1442695040888963407ull;
			junk[k] = (uint8_t)(seed >> 56);
		}
		if (i % 2) {
			junk[0] = (uint8_t)(i / 2 % 10);
			junk[1] = junk[2] = junk[3] = 0;
		}
		wire_send(fd, junk, i % 3 == 0 ? HANDSHAKE_INITIATION_BYTES : i * 3, &n->hub.udp);
		if (i % 20 == 19)
			run_until(never, NULL, 2);
	}
	settle();
	for (unsigned i = 0; i < DROP_COUNT; i++)
		total += n->hub.t->drops[i];
	assert_true(total >= 490);
	assert_int_equal(recv(fd, junk, sizeof(junk), MSG_DONTWAIT), -1);
	close(fd);
	tun_send(&n->a, "10.2.0.9", "10.1.0.5", 64, "unharmed", 100);
	expect_mark(&n->hub, "unharmed");
}

/* Do both ends send with the same session, which one of them has begun? */
static void assert_same_session(const struct peer *p, const struct peer *q)
{
	const struct keypair *k = p->session.current, *l = q->session.current;

	assert_non_null(k);
	assert_non_null(l);
	assert_int_equal(k->local_index, l->remote_index);
	assert_int_equal(k->remote_index, l->local_index);
	assert_int_not_equal(k->is_initiator, l->is_initiator);
}

/*
 * A packet each way at once, and no session yet: both ends begin. Were each to keep its own
 * session, every later handshake would lose what is under way.
 */
static void test_crossing_handshakes_leave_one_session(void **state)
{
	struct net *n = *state;
	uint64_t before = n->a.t->handshakes + n->b.t->handshakes;

	tun_send(&n->a, "10.2.0.9", "10.3.0.7", 64, "crossing", 100);
	tun_send(&n->b, "10.3.0.7", "10.2.0.9", 64, "crossing", 100);
	expect_mark(&n->a, "crossing");
	expect_mark(&n->b, "crossing");
	settle();
	/* Each finished its own, and one confirmed the other's: they did cross. */
	assert_int_equal(n->a.t->handshakes + n->b.t->handshakes, before + 3);
	assert_same_session(peer_find(n->a.t, 3), peer_find(n->b.t, 2));
}

/* Who has just answered the peer's handshake begins none, however much it is asked to. */
static void test_answered_handshake_is_not_crossed(void **state)
{
	struct net *n = *state;
	struct engine_endpoints punch = {
		.id = 2, .n = 1, .endpoints = { n->hub.udp }, .punch = true
	};
	uint64_t before = n->a.t->handshakes + n->b.t->handshakes;
	struct peer *at_b = peer_find(n->b.t, 2);

	tun_send(&n->a, "10.2.0.9", "10.3.0.7", 64, "first", 100);
	while (!at_b->session.next && !at_b->session.current)
		run_until(never, NULL, 0);
	node_send(&n->b, ENGINE_ENDPOINTS, engine_endpoints_encode, &punch);
	expect_mark(&n->b, "first");
	settle();
	assert_int_equal(n->a.t->handshakes + n->b.t->handshakes, before + 2);
	assert_same_session(peer_find(n->a.t, 3), at_b);
}

static void test_roaming(void **state)
{
	struct net *n = *state;
	uint64_t handshakes = n->hub.t->handshakes;

	wire_rebind(&n->wa);
	tun_send(&n->a, "10.2.0.9", "10.1.0.5", 64, "from elsewhere", 100);
	expect_mark(&n->hub, "from elsewhere");
	tun_send(&n->hub, "10.1.0.5", "10.2.0.9", 64, "found you", 100);
	expect_mark(&n->a, "found you");
	assert_int_equal(n->hub.t->handshakes, handshakes);
}

/* Relayed packets do not prove an address to the hub; the probe that goes with them does, within 2
 * s. */
static void test_roaming_of_relayed_traffic(void **state)
{
	struct net *n = *state;
	struct arrival a;
	uint64_t until = awake_ms() + 6000;
	bool back = false;

	tun_send(&n->a, "10.2.0.9", "10.3.0.7", 64, "before", 100);
	expect_mark(&n->b, "before");
	wire_rebind(&n->wa);
	while (!back && awake_ms() < until) {
		tun_send(&n->a, "10.2.0.9", "10.3.0.7", 64, "after", 100);
		back = tun_receive(&n->b, &a, 100);
	}
	assert_true(back);
	assert_memory_equal(a.p + 28, "after", 5);
}

static void test_unauthenticated_envelopes_are_not_relayed(void **state)
{
	struct net *n = *state;
	struct endpoint mine;
	int fd = udp_socket(&mine);
	uint8_t real[sizeof(n->wa.last)];
	size_t len;

	tun_send(&n->a, "10.2.0.9", "10.3.0.7", 64, "real", 100);
	expect_mark(&n->b, "real");
	len = n->wa.last_len;
	memcpy(real, n->wa.last, len);
	while (real[0] != PACKET_RELAY) {
		settle();
		tun_send(&n->a, "10.2.0.9", "10.3.0.7", 64, "real", 100);
		len = n->wa.last_len;
		memcpy(real, n->wa.last, len);
	}
	wire_send(fd, real, len, &n->hub.udp);
	settle();
	/* It would have come a second time. */
	assert_int_equal(n->b.t->drops[DROP_REPLAY], 0);
	assert_int_equal(n->hub.t->drops[DROP_UNKNOWN_PEER], 1);
	close(fd);
}

static void test_policy_stops_the_relay(void **state)
{
	struct net *n = *state;

	tell_hub(n, 2); /* spoke a in another group than b now */
	settle();
	tun_send(&n->a, "10.2.0.9", "10.3.0.7", 64, "not allowed", 100);
	expect_silence(&n->b);
	assert_true(n->hub.t->drops[DROP_POLICY] >= 1);
}

/* direct-only between two groups: the hub talks with both, and relays nothing between them. */
static void test_direct_only_stops_the_relay(void **state)
{
	struct net *n = *state;
	struct engine_peer a = peer_record(&n->a, NODE_SPOKE), b = peer_record(&n->b, NODE_SPOKE);
	const struct engine_revision rev = { .revision = 9 };

	a.direct_only = b.direct_only = 1;
	node_send(&n->hub, ENGINE_PEER, engine_peer_encode, &a);
	node_send(&n->hub, ENGINE_PEER, engine_peer_encode, &b);
	node_send(&n->hub, ENGINE_COMMIT, engine_revision_encode, &rev);
	settle();
	tun_send(&n->a, "10.2.0.9", "10.3.0.7", 64, "not by the hub", 100);
	expect_silence(&n->b);
	assert_true(n->hub.t->drops[DROP_POLICY] >= 1);
	tun_send(&n->a, "10.2.0.9", "10.1.0.5", 64, "to the hub", 100);
	expect_mark(&n->hub, "to the hub");
	/* hub-only of one of them wins. */
	a.policy = PATH_POLICY_HUB_ONLY;
	node_send(&n->hub, ENGINE_PEER, engine_peer_encode, &a);
	settle();
	/* The first packet has waited for its session, and is still good. */
	tun_send(&n->a, "10.2.0.9", "10.3.0.7", 64, "by the hub", 100);
	expect_mark(&n->b, "not by the hub");
	expect_mark(&n->b, "by the hub");
}

static void test_gone_peer_is_cut_at_once(void **state)
{
	struct net *n = *state;
	struct engine_peer_gone gone = { .id = 2, .why = PEER_GONE_REVOKED };
	uint64_t handshakes;

	tun_send(&n->a, "10.2.0.9", "10.1.0.5", 64, "still in", 100);
	expect_mark(&n->hub, "still in");
	tun_send(&n->b, "10.3.0.7", "10.1.0.5", 64, "b too", 100);
	expect_mark(&n->hub, "b too");
	handshakes = n->hub.t->handshakes;
	node_send(&n->hub, ENGINE_PEER_GONE, engine_peer_gone_encode, &gone);
	settle();
	tun_send(&n->a, "10.2.0.9", "10.1.0.5", 64, "hello?", 100);
	expect_silence(&n->hub);
	assert_null(peer_find(n->hub.t, 2));
	/* The other one has noticed nothing. */
	tun_send(&n->b, "10.3.0.7", "10.1.0.5", 64, "b goes on", 100);
	expect_mark(&n->hub, "b goes on");
	assert_int_equal(n->hub.t->handshakes, handshakes);
}

static void test_sync_keeps_sessions_and_drops_the_unnamed(void **state)
{
	struct net *n = *state;
	struct keypair *before = peer_find(n->hub.t, 3)->session.current;
	struct engine_peer b = peer_record(&n->b, NODE_SPOKE);
	struct engine_revision rev = { .revision = 8 };

	node_say(&n->hub, ENGINE_SYNC_BEGIN);
	settle();
	b.subnets[0].weight = 3;
	node_peer(&n->hub, &b);
	node_send(&n->hub, ENGINE_SYNC_END, engine_revision_encode, &rev);
	settle();
	assert_int_equal(n->hub.applied, 8);
	assert_null(peer_find(n->hub.t, 2));
	assert_ptr_equal(peer_find(n->hub.t, 3)->session.current, before);
}

/* A node that has replaced its key: packets go on in the session, and its old key may still begin
 * another one. */
static void test_new_key_keeps_the_session(void **state)
{
	struct net *n = *state;
	struct engine_peer a = peer_record(&n->a, NODE_SPOKE);
	struct peer *p = peer_find(n->hub.t, 2);
	struct keypair *before = p->session.current;
	uint64_t told_ms = n->hub.t->now_ms;

	secret_random(a.tunnel_key.b, sizeof(a.tunnel_key.b));
	a.tunnel_key.b[31] &= 127;
	node_peer(&n->hub, &a);
	settle();
	assert_ptr_equal(peer_find(n->hub.t, 2), p);
	assert_ptr_equal(p->session.current, before);
	/* It is renewed after a while, unless the node does it itself. */
	assert_true(p->due.rekey_ms >= told_ms + PEER_KEY_REKEY_MIN_MS);
	assert_true(p->due.rekey_ms <=
		    n->hub.t->now_ms + PEER_KEY_REKEY_MIN_MS + PEER_KEY_REKEY_SPREAD_MS);
	assert_ptr_equal(peer_find_key(n->hub.t, &a.tunnel_key), p);
	tun_send(&n->a, "10.2.0.9", "10.1.0.5", 64, "same session", 100);
	expect_mark(&n->hub, "same session");
	timers_rekey(peer_find(n->a.t, 1), 0);
	settle();
	tun_send(&n->a, "10.2.0.9", "10.1.0.5", 64, "old key", 100);
	expect_mark(&n->hub, "old key");
	assert_ptr_not_equal(p->session.current, before);
	assert_non_null(p->session.old);
}

/* One that was joined anew is gone first; and the hub's control, which begins with a sync, knows
 * nothing of before. */
static void test_joined_anew_means_new_session(void **state)
{
	struct net *n = *state;
	struct engine_peer a = peer_record(&n->a, NODE_SPOKE), b = peer_record(&n->b, NODE_SPOKE);
	struct engine_peer_gone gone = { .id = 2, .why = PEER_GONE_REMOVED };
	struct engine_revision rev = { .revision = 8 };

	secret_random(a.tunnel_key.b, sizeof(a.tunnel_key.b));
	a.tunnel_key.b[31] &= 127;
	node_send(&n->hub, ENGINE_PEER_GONE, engine_peer_gone_encode, &gone);
	node_peer(&n->hub, &a);
	settle();
	tun_send(&n->a, "10.2.0.9", "10.1.0.5", 64, "old key", 100);
	expect_silence(&n->hub);
	assert_null(peer_find(n->hub.t, 2)->session.current);
	secret_random(b.tunnel_key.b, sizeof(b.tunnel_key.b));
	b.tunnel_key.b[31] &= 127;
	node_say(&n->hub, ENGINE_SYNC_BEGIN);
	node_peer(&n->hub, &a);
	node_peer(&n->hub, &b);
	node_send(&n->hub, ENGINE_SYNC_END, engine_revision_encode, &rev);
	settle();
	assert_null(peer_find(n->hub.t, 3)->session.current);
}

static void test_wireguard_node_through_the_hub(void **state)
{
	struct net *n = *state;
	struct arrival a;

	tun_send(&n->wg, "10.4.0.2", "10.2.0.9", 64, "stock device", 101);
	assert_true(tun_receive(&n->a, &a, WAIT_MS));
	assert_memory_equal(a.p + 28, "stock device", 12);
	assert_int_equal(a.len, 129); /* WireGuard's padding is gone */
	assert_int_equal(a.p[8], 63); /* the hub was a hop */
	assert_int_equal(icmp_fold(icmp_sum(a.p, 20, 0)), 0);
	tun_send(&n->a, "10.2.0.9", "10.4.0.2", 64, "answer", 50);
	expect_mark(&n->wg, "answer");
	tun_send(&n->wg, "10.4.0.2", "10.1.0.5", 64, "to hq", 50);
	expect_mark(&n->hub, "to hq");
	/* Time to live runs out at the hub. */
	tun_send(&n->wg, "10.4.0.2", "10.2.0.9", 1, "too far", 50);
	assert_true(tun_receive(&n->wg, &a, WAIT_MS));
	assert_int_equal(a.p[9], IPPROTO_ICMP);
	assert_int_equal(a.p[20], 11);
	expect_silence(&n->a);
}

/* A UDP packet with DF, of `len` bytes behind both headers. */
static void tun_send_whole(struct box *n, const char *src, const char *dst, size_t len)
{
	uint8_t p[2048];
	size_t total = make_udp(p, src, dst, 64, "whole", len);
	uint16_t sum;

	p[6] = 0x40;
	p[10] = p[11] = 0;
	sum = icmp_fold(icmp_sum(p, 20, 0));
	p[10] = (uint8_t)(sum >> 8);
	p[11] = (uint8_t)sum;
	assert_int_equal(send(n->tun, p, total, 0), (ssize_t)total);
}

static void expect_too_big(struct box *n, uint16_t mtu)
{
	struct arrival a;

	assert_true(tun_receive(n, &a, WAIT_MS));
	assert_int_equal(a.p[9], IPPROTO_ICMP);
	assert_true(a.p[20] == 3 && a.p[21] == 4);
	assert_int_equal(a.p[26] << 8 | a.p[27], mtu);
}

/* Two fragments of 600 bytes at the most, of a packet of 1028. */
static void expect_fragments(struct box *n)
{
	struct arrival a;

	assert_true(tun_receive(n, &a, WAIT_MS));
	assert_true(a.len == 596 && a.p[6] == 0x20 && a.p[7] == 0);
	assert_true(tun_receive(n, &a, WAIT_MS));
	assert_true(a.len == 20 + 1008 - 576 && a.p[6] == 0 && a.p[7] == 576 / 8);
}

/* From our own kernel, and at the hub between a WireGuard device and an agent, both ways. */
static void test_too_large_for_the_path(void **state)
{
	struct net *n = *state;
	struct arrival a;

	tun_send(&n->wg, "10.4.0.2", "10.2.0.9", 64, "there", 50);
	expect_mark(&n->a, "there");
	tun_send(&n->a, "10.2.0.9", "10.1.0.5", 64, "here", 50);
	expect_mark(&n->hub, "here");
	peer_find(n->a.t, 1)->pmtu.limit = 600;
	tun_send(&n->a, "10.2.0.9", "10.1.0.5", 64, "in pieces", 1000);
	expect_fragments(&n->hub);
	tun_send_whole(&n->a, "10.2.0.9", "10.1.0.5", 573);
	expect_too_big(&n->a, 600);
	assert_int_equal(n->a.t->drops[DROP_TOO_BIG], 1);
	tun_send_whole(&n->a, "10.2.0.9", "10.1.0.5", 572);
	expect_mark(&n->hub, "whole");
	peer_find(n->hub.t, 2)->pmtu.limit = 600;
	tun_send(&n->wg, "10.4.0.2", "10.2.0.9", 64, "in pieces", 1000);
	expect_fragments(&n->a);
	tun_send_whole(&n->wg, "10.4.0.2", "10.2.0.9", 1000);
	expect_too_big(&n->wg, 600);
	assert_false(tun_receive(&n->a, &a, 80));
}

/* WireGuard devices have an MTU of their own: the hub sends their whole packets on, though its own
 * device takes less, and TCP keeps to what that takes. */
static void test_larger_than_the_hubs_device(void **state)
{
	struct net *n = *state;
	struct arrival a;

	assert_true(n->hub.t->self.mtu < WIREGUARD_MTU);
	n->hub.t->self.pmtu_discovery = true;
	tun_send(&n->wg, "10.4.0.2", "10.2.0.9", 64, "there", 50);
	expect_mark(&n->a, "there");
	for (unsigned i = 0; i < 20 && !peer_find(n->hub.t, 2)->pmtu.plpmtu.known; i++)
		assert_false(tun_receive(&n->a, &a, 50));
	assert_true(peer_find(n->hub.t, 2)->pmtu.plpmtu.known);
	assert_int_equal(peer_find(n->hub.t, 2)->pmtu.limit, WIREGUARD_MTU);
	assert_int_equal(pmtu_mss_mtu(peer_find(n->hub.t, 2)), n->hub.t->self.mtu);
	peer_find(n->wg.t, 1)->pmtu.limit = 1500;
	tun_send_whole(&n->wg, "10.4.0.2", "10.2.0.9", WIREGUARD_MTU - 28);
	expect_mark(&n->a, "whole");
	tun_send_whole(&n->wg, "10.4.0.2", "10.2.0.9", WIREGUARD_MTU - 27);
	expect_too_big(&n->wg, WIREGUARD_MTU);
	/* A limit that is configured holds for devices, too. */
	n->hub.t->self.pmtu_max = 1300;
	pmtu_settings_changed(peer_find(n->hub.t, 2));
	assert_int_equal(peer_find(n->hub.t, 2)->pmtu.limit, 1300);
}

/* What is configured for one peer holds for it alone, and from one message to the next. */
static void test_limit_of_one_peer(void **state)
{
	struct net *n = *state;
	struct engine_peer a = peer_record(&n->a, NODE_SPOKE);
	struct peer *p = peer_find(n->hub.t, 2);
	struct arrival got;

	n->hub.t->self.pmtu_discovery = true;
	tun_send(&n->wg, "10.4.0.2", "10.2.0.9", 64, "there", 50);
	expect_mark(&n->a, "there");
	for (unsigned i = 0; i < 40 && !p->pmtu.plpmtu.known; i++)
		assert_false(tun_receive(&n->a, &got, 50));
	assert_int_equal(p->pmtu.limit, WIREGUARD_MTU);
	a.pmtu_max = 1000;
	node_peer(&n->hub, &a);
	settle();
	assert_int_equal(p->pmtu.limit, 1000);
	assert_int_equal(peer_find(n->hub.t, 3)->pmtu.limit, WIREGUARD_MTU);
	assert_non_null(p->session.current);
	tun_send_whole(&n->wg, "10.4.0.2", "10.2.0.9", 1000 - 27);
	expect_too_big(&n->wg, 1000);
	/* Without discovery nothing is known of the path, and nobody asks. */
	a.pmtu_fixed = true;
	node_peer(&n->hub, &a);
	settle();
	assert_false(pmtu_is_discovered(p));
	assert_true(pmtu_is_discovered(peer_find(n->hub.t, 3)));
	assert_true(!p->pmtu.plpmtu.known && p->due.pmtu_ms == TIMER_NEVER);
	tun_send(&n->wg, "10.4.0.2", "10.2.0.9", 64, "once more", 50);
	expect_mark(&n->a, "once more");
	assert_false(tun_receive(&n->a, &got, 80));
	assert_true(!p->pmtu.plpmtu.known && p->due.pmtu_ms == TIMER_NEVER);
	assert_int_equal(p->pmtu.limit, 1000);
	a.pmtu_max = 0;
	node_peer(&n->hub, &a);
	settle();
	assert_int_equal(p->pmtu.limit, WIREGUARD_MTU);
}

/* The way changes when the last data is just gone: what it carries is known before the next. */
static void test_a_new_way_is_asked_without_data(void **state)
{
	struct net *n = *state;
	struct peer *p = peer_find(n->hub.t, 2);
	struct arrival a;

	n->hub.t->self.pmtu_discovery = true;
	tun_send(&n->wg, "10.4.0.2", "10.2.0.9", 64, "there", 50);
	expect_mark(&n->a, "there");
	for (unsigned turn = 0; turn < 2; turn++) {
		for (unsigned i = 0; i < 40 && !p->pmtu.plpmtu.known; i++)
			assert_false(tun_receive(&n->a, &a, 50));
		assert_true(p->pmtu.plpmtu.known);
		pmtu_way_changed(p);
		assert_false(p->pmtu.plpmtu.known);
	}
	/* Nobody has sent anything for long: nor do we. */
	p->due.last_data_ms = n->hub.t->now_ms - PLPMTU_IDLE_CHECK_MS;
	p->due.pmtu_ms = TIMER_NEVER;
	pmtu_way_changed(p);
	assert_true(p->due.pmtu_ms == TIMER_NEVER);
}

static void test_ping(void **state)
{
	struct net *n = *state;
	struct engine_ping ping = { .tag = 5, .id = 3 };

	node_send(&n->a, ENGINE_PING, engine_ping_encode, &ping);
	for (unsigned i = 0; i < 100 && !n->a.got_pong; i++)
		settle();
	assert_true(n->a.got_pong);
	assert_int_equal(n->a.pong.tag, 5);
	assert_int_equal(n->a.pong.result, ERR_OK);
	assert_int_equal(n->a.pong.path, PATH_HUB_UDP);
	assert_true(n->a.pong.rtt_us > 0 && n->a.pong.rtt_us < 5000000);
	n->a.got_pong = false;
	ping.id = 99;
	node_send(&n->a, ENGINE_PING, engine_ping_encode, &ping);
	settle();
	assert_true(n->a.got_pong);
	assert_int_equal(n->a.pong.result, ERR_NOTFOUND);
}

static bool has_totals(void *arg) { return ((struct box *)arg)->got_totals; }

/* What the kernel does not take from us is among the drops that the status shows. */
static void test_refused_by_the_device_is_counted(void **state)
{
	struct net *n = *state;
	struct engine_tag get = { .tag = 1 };
	const int smallest = 1;

	assert_int_equal(
		setsockopt(n->hub.w.fds.tun, SOL_SOCKET, SO_SNDBUF, &smallest, sizeof(smallest)),
		0);
	for (unsigned i = 0; i < 40; i++) {
		tun_send(&n->a, "10.2.0.9", "10.1.0.5", 64, "nobody reads", 1300);
		settle();
	}
	node_send(&n->hub, ENGINE_STATUS_GET, engine_tag_encode, &get);
	assert_true(run_until(has_totals, &n->hub, WAIT_MS));
	assert_true(n->hub.totals.drops[DROP_SEND] > 0);
	assert_int_equal(n->hub.totals.drops[DROP_SEND], tun_counters(n->hub.t->tun)->write_failed);
}

/* The one with the lower weight is used until it does not answer, then the other. */
static void test_failover_by_weight(void **state)
{
	struct net *n = *state;
	struct engine_peer a = peer_record(&n->a, NODE_SPOKE), b = peer_record(&n->b, NODE_SPOKE);
	struct addr lan = addr_from_v4((const uint8_t[]){ 10, 77, 0, 0 });
	struct node_subnet shared = { .prefix = prefix_of_net(&lan, 24), .weight = 1 };
	struct engine_peer own_a = a, own_b = b;
	struct arrival got;
	bool moved = false;

	a.subnets[a.n_subnets++] = shared;
	own_a = a;
	shared.weight = 2;
	b.subnets[b.n_subnets++] = shared;
	own_b = b;
	node_peer(&n->hub, &a);
	node_peer(&n->hub, &b);
	node_peer(&n->a, &own_a);
	node_peer(&n->b, &own_b);
	settle();
	tun_send(&n->hub, "10.1.0.5", "10.77.0.1", 64, "first", 50);
	expect_mark(&n->a, "first");
	n->wa.drop = true;
	for (unsigned i = 0; i < 120 && !moved; i++) {
		tun_send(&n->hub, "10.1.0.5", "10.77.0.1", 64, "second", 50);
		moved = tun_receive(&n->b, &got, 100);
	}
	assert_true(moved);
	assert_memory_equal(got.p + 28, "second", 6);
	assert_true(peer_find(n->hub.t, 2)->path.unreachable);
}

/* Two initiations are lost: the third is sent long before an agent would be given up, and nobody is
 * told that the hub cannot be reached. */
static void test_lost_initiations_are_soon_repeated(void **state)
{
	struct net *n = *state;
	struct peer *hub = peer_find(n->a.t, 1);
	uint64_t began, began_awake;

	settle();
	session_wipe(hub);
	hub->due.last_initiation_ms = 0;
	n->wa.lose = 2;
	began = clock_now_ms();
	began_awake = awake_ms();
	tun_send(&n->a, "10.2.0.9", "10.1.0.5", 64, "third time", 50);
	expect_mark(&n->hub, "third time");
	assert_int_equal(n->wa.lose, 0);
	assert_true(clock_now_ms() - began >= 3 * REKEY_RETRY_MIN_MS);
	assert_true(awake_ms() - began_awake < REKEY_TIMEOUT_MS);
	assert_false(hub->path.unreachable);
	assert_int_equal(n->a.t->drops[DROP_NO_SESSION], 0);
}

#define FLOOD_BURSTS 5u
#define FLOOD_BURST  40u

/* Over the threshold strangers must show their address first, and get nothing larger than they
 * sent. */
static void test_flood_of_initiations_meets_cookies(void **state)
{
	struct net *n = *state;
	uint8_t initiation[HANDSHAKE_INITIATION_BYTES], answer[200];
	struct endpoint mine;
	int fd = udp_socket(&mine);
	unsigned cookies = 0, others = 0;
	uint64_t rate_before;
	ssize_t len;

	/* A real initiation of spoke a, caught on the wire. */
	n->wa.to_hub = 0;
	session_wipe(peer_find(n->a.t, 1));
	peer_find(n->a.t, 1)->due.last_initiation_ms = 0;
	tun_send(&n->a, "10.2.0.9", "10.1.0.5", 64, "again", 50);
	expect_mark(&n->hub, "again");
	settle();
	n->wa.drop = true;
	session_wipe(peer_find(n->a.t, 1));
	peer_find(n->a.t, 1)->due.last_initiation_ms = 0;
	n->wa.last_len = 0;
	tun_send(&n->a, "10.2.0.9", "10.1.0.5", 64, "again", 50);
	settle();
	assert_int_equal(n->wa.last[0], PACKET_INITIATION);
	memcpy(initiation, n->wa.last, sizeof(initiation));
	/* Each message counts. How fast this machine could send a flood is not the question: it is
	 * taken to have been going on for a second. */
	n->hub.t->load.count = 0;
	wire_send(fd, initiation, sizeof(initiation), &n->hub.udp);
	settle();
	assert_int_equal(n->hub.t->load.count, 1);
	rate_before = n->hub.t->drops[DROP_RATE];
	for (unsigned i = 0; i < FLOOD_BURSTS; i++) {
		n->hub.t->load.second = clock_now_ms() / 1000;
		n->hub.t->load.count = n->hub.t->load.previous = HANDSHAKE_UNDER_LOAD_PER_S + 1;
		for (unsigned k = 0; k < FLOOD_BURST; k++)
			wire_send(fd, initiation, sizeof(initiation), &n->hub.udp);
		settle();
		while ((len = recv(fd, answer, sizeof(answer), MSG_DONTWAIT)) > 0) {
			cookies += len == COOKIE_REPLY_BYTES && answer[0] == PACKET_COOKIE;
			others += len != COOKIE_REPLY_BYTES;
			assert_true(len <= (ssize_t)HANDSHAKE_INITIATION_BYTES);
		}
	}
	assert_int_equal(cookies, FLOOD_BURSTS * FLOOD_BURST);
	assert_true(others <= 1); /* the first copy was a right initiation */
	assert_int_equal(n->hub.t->drops[DROP_RATE] - rate_before, FLOOD_BURSTS * FLOOD_BURST);
	close(fd);
}

#define engine_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		engine_test(test_hub_and_spoke),
		engine_test(test_without_aes_chacha_is_used),
		engine_test(test_spokes_talk_end_to_end_through_the_hub),
		engine_test(test_old_session_with_the_relay_is_renewed),
		engine_test(test_forged_inner_source_is_dropped),
		engine_test(test_plaintext_between_agents_is_not_forwarded),
		engine_test(test_destinations_not_ours_are_not_for_the_kernel),
		engine_test(test_no_route_is_answered),
		engine_test(test_replayed_and_corrupted_packets),
		engine_test(test_garbage_is_counted_and_never_answered),
		engine_test(test_crossing_handshakes_leave_one_session),
		engine_test(test_answered_handshake_is_not_crossed),
		engine_test(test_lost_initiations_are_soon_repeated),
		engine_test(test_roaming),
		engine_test(test_roaming_of_relayed_traffic),
		engine_test(test_unauthenticated_envelopes_are_not_relayed),
		engine_test(test_policy_stops_the_relay),
		engine_test(test_direct_only_stops_the_relay),
		engine_test(test_gone_peer_is_cut_at_once),
		engine_test(test_sync_keeps_sessions_and_drops_the_unnamed),
		engine_test(test_new_key_keeps_the_session),
		engine_test(test_joined_anew_means_new_session),
		engine_test(test_wireguard_node_through_the_hub),
		engine_test(test_too_large_for_the_path),
		engine_test(test_larger_than_the_hubs_device),
		engine_test(test_limit_of_one_peer),
		engine_test(test_a_new_way_is_asked_without_data),
		engine_test(test_ping),
		engine_test(test_refused_by_the_device_is_counted),
		engine_test(test_failover_by_weight),
		engine_test(test_flood_of_initiations_meets_cookies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
