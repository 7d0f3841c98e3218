/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Paths between whole engines on loopback: node 1 is the hub, 2 and 3 are spokes. Each of the three
 * pairs is joined by a wire that can be cut.
 *
 *        hub            wa.inside: the hub for a      wab.inside: b for a
 *    wa /   \ wb        wb.inside: the hub for b      wab.outside: a for b
 *      a --- b
 *        wab
 */
#include "engines.h"

#include "shared/tunnel/choice.h"
#include "shared/tunnel/path.h"
#include "shared/tunnel/probe.h"
#include "shared/tunnel/session.h"

#define FALL_BACK_MS 2000u
#define RETURN_MS    60000u

struct net {
	struct box hub, a, b;
	struct wire wa, wb, wab;
};

static struct peer *b_of_a(const struct net *n) { return peer_find(n->a.t, 3); }
static struct peer *a_of_b(const struct net *n) { return peer_find(n->b.t, 2); }

static void say_self(struct box *n, bool is_hub, uint16_t idle_s, uint16_t max)
{
	struct engine_self m = {
		.id = n->id,
		.is_hub = is_hub,
		.hub_id = 1,
		.aes = true,
		.mtu = TEST_MTU,
		.addresses = { node_addr(n->id) },
		.direct_idle_s = idle_s,
		.direct_max = max,
	};

	node_send(n, ENGINE_SELF, engine_self_encode, &m);
}

static void say_peer(struct box *n, const struct box *of, enum path_policy policy)
{
	struct engine_peer m = peer_record(of, of->id == 1 ? NODE_HUB : NODE_SPOKE);

	m.via_hub = n->id != 1 && of->id != 1;
	m.policy = policy;
	if (of->id == 1)
		m.keepalive_s = 25;
	node_peer(n, &m);
}

static void tell(struct box *n, const struct net *net, enum path_policy policy)
{
	struct engine_revision rev = { .revision = 7 };

	say_self(n, n->id == 1, 300, 16);
	say_peer(n, &net->hub, PATH_POLICY_AUTO);
	say_peer(n, &net->a, policy);
	say_peer(n, &net->b, policy);
	node_send(n, ENGINE_COMMIT, engine_revision_encode, &rev);
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

static void open_net(void **state, enum path_policy policy)
{
	struct net *n = calloc(1, sizeof(*n));

	assert_non_null(n);
	assert_int_equal(loop_new(&the_loop), ERR_OK);
	node_open(&n->hub, 1);
	node_open(&n->a, 2);
	node_open(&n->b, 3);
	wire_open(&n->wa, &n->a, &n->hub);
	wire_open(&n->wb, &n->b, &n->hub);
	wire_open(&n->wab, &n->a, &n->b);
	tell(&n->hub, n, PATH_POLICY_AUTO);
	tell(&n->a, n, policy);
	tell(&n->b, n, policy);
	node_endpoint(&n->a, 1, &n->wa.inside);
	node_endpoint(&n->b, 1, &n->wb.inside);
	assert_true(run_until(all_applied, n, WAIT_MS));
	assert_true(run_until(spokes_connected, n, WAIT_MS));
	settle();
	*state = n;
}

static int setup(void **state)
{
	open_net(state, PATH_POLICY_AUTO);
	return 0;
}

static int setup_hub_only(void **state)
{
	open_net(state, PATH_POLICY_HUB_ONLY);
	return 0;
}

static int setup_direct_only(void **state)
{
	open_net(state, PATH_POLICY_DIRECT_ONLY);
	return 0;
}

static int teardown(void **state)
{
	struct net *n = *state;

	wire_close(&n->wa);
	wire_close(&n->wb);
	wire_close(&n->wab);
	node_close(&n->hub);
	node_close(&n->a);
	node_close(&n->b);
	loop_free(the_loop);
	free(n);
	return 0;
}

/* Each spoke is told where the other is. */
static void introduce(struct net *n)
{
	node_endpoint(&n->a, 3, &n->wab.inside);
	node_endpoint(&n->b, 2, &n->wab.outside);
}

static void a_sends(struct net *n, const char *mark)
{
	tun_send(&n->a, "10.2.0.9", "10.3.0.7", 64, mark, 100);
}

static void b_sends(struct net *n, const char *mark)
{
	tun_send(&n->b, "10.3.0.7", "10.2.0.9", 64, mark, 100);
}

static bool both_direct(void *arg)
{
	struct net *n = arg;

	return b_of_a(n)->path.kind == PATH_DIRECT_UDP && a_of_b(n)->path.kind == PATH_DIRECT_UDP;
}

static bool a_relayed(void *arg)
{
	struct net *n = arg;

	return b_of_a(n)->path.kind == PATH_HUB_UDP;
}

/* What is in the devices of both spokes is thrown away. */
static void drain(struct net *n)
{
	uint8_t p[2048];

	settle();
	while (recv(n->a.tun, p, sizeof(p), MSG_DONTWAIT) > 0 ||
	       recv(n->b.tun, p, sizeof(p), MSG_DONTWAIT) > 0)
		;
}

static void make_direct(struct net *n)
{
	introduce(n);
	a_sends(n, "first");
	expect_mark(&n->b, "first");
	b_sends(n, "answer");
	expect_mark(&n->a, "answer");
	assert_true(run_until(both_direct, n, WAIT_MS));
	drain(n);
}

struct stream {
	struct net *n;
	bool (*until)(void *);
	uint64_t next_ms, last_ms; /* of awake_ms() */
	unsigned sent, answered;
	uint64_t gap_ms; /* longest time without an answer */
};

static void note_gap(struct stream *s, uint64_t now_ms)
{
	if (now_ms > s->last_ms + s->gap_ms)
		s->gap_ms = now_ms - s->last_ms;
	s->last_ms = now_ms;
}

/* A packet each way every 10 ms: b answers what it gets, as a ping is answered. */
static bool streaming(void *arg)
{
	struct stream *s = arg;
	const uint64_t now = awake_ms();
	uint8_t p[2048];

	if (now >= s->next_ms) {
		s->next_ms = now + 10;
		s->sent++;
		a_sends(s->n, "ping");
	}
	while (recv(s->n->b.tun, p, sizeof(p), MSG_DONTWAIT) > 0)
		b_sends(s->n, "pong");
	while (recv(s->n->a.tun, p, sizeof(p), MSG_DONTWAIT) > 0) {
		note_gap(s, now);
		s->answered++;
	}
	return s->until && s->until(s->n);
}

static struct stream stream(struct net *n, bool (*until)(void *), uint64_t ms)
{
	struct stream s = { .n = n, .until = until, .last_ms = awake_ms() };
	bool done = run_until(streaming, &s, ms);

	if (until && !done)
		fail_msg("did not happen in %u ms", (unsigned)ms);
	note_gap(&s, awake_ms());
	return s;
}

/* --- tests ------------------------------------------------------------------------------------ */

static void spokes_find_each_other(void **state)
{
	struct net *n = *state;
	struct endpoint e = n->wab.inside;
	uint64_t relayed, handshakes;

	a_sends(n, "through the hub");
	expect_mark(&n->b, "through the hub");
	assert_int_equal(b_of_a(n)->path.kind, PATH_HUB_UDP);
	handshakes = n->a.t->handshakes;
	make_direct(n);
	relayed = n->hub.t->relayed_packets;
	for (unsigned i = 0; i < 20; i++) {
		a_sends(n, "straight");
		expect_mark(&n->b, "straight");
		b_sends(n, "back");
		expect_mark(&n->a, "back");
	}
	/* The probes of a round may still go through it. */
	assert_true(n->hub.t->relayed_packets - relayed < 20);
	assert_true(endpoint_equal(&b_of_a(n)->path.endpoint, &e));
	assert_int_equal(n->a.t->handshakes, handshakes);
	assert_int_equal(n->a.t->n_direct, 1);
	assert_int_equal(n->a.last_path.path, PATH_DIRECT_UDP);
	assert_int_equal(n->a.last_path.reason, PATH_REASON_VALIDATED);
	assert_true(b_of_a(n)->path.since_wall_ms > 0);
	assert_true(b_of_a(n)->path.rtt_us > 0);
}

/* Only a's address is told: b's NAT lets a's probes in, and b learns a's address from them. */
static void one_side_is_enough(void **state)
{
	struct net *n = *state;

	node_endpoint(&n->a, 3, &n->wab.inside);
	a_sends(n, "first");
	expect_mark(&n->b, "first");
	stream(n, both_direct, WAIT_MS);
}

static bool reason_is_not_peer_tcp(void *arg)
{
	return b_of_a(arg)->path.reason != PATH_REASON_PEER_TCP;
}

/* Control says that b is on TCP, before b can say so; b, which is not, has the last word. */
static void peer_on_tcp(void **state)
{
	const struct engine_endpoints m = { .id = 3, .tcp = true };
	struct net *n = *state;

	a_sends(n, "through the hub");
	expect_mark(&n->b, "through the hub");
	path_candidates(b_of_a(n), &m);
	assert_int_equal(b_of_a(n)->path.reason, PATH_REASON_PEER_TCP);
	stream(n, reason_is_not_peer_tcp, WAIT_MS);
}

static void lost_path_falls_back_and_returns(void **state)
{
	struct net *n = *state;
	uint64_t handshakes;
	struct stream s;

	make_direct(n);
	handshakes = n->a.t->handshakes;
	stream(n, NULL, 500);
	n->wab.drop = true;
	s = stream(n, a_relayed, WAIT_MS);
	print_message("fall back: %u of %u answered, %u ms without an answer\n", s.answered, s.sent,
		      (unsigned)s.gap_ms);
	assert_int_equal(b_of_a(n)->path.reason, PATH_REASON_DIRECT_LOST);
	assert_true(s.gap_ms <= FALL_BACK_MS);
	s = stream(n, NULL, 1000);
	assert_true(a_relayed(n) && s.answered > 0 && s.gap_ms < 500);
	n->wab.drop = false;
	s = stream(n, both_direct, RETURN_MS);
	/* Nothing was lost on the way back, but for what a busy machine has not answered yet. */
	assert_true(s.gap_ms < 500);
	assert_int_equal(n->a.t->handshakes, handshakes);
}

/* The hub dies: a direct path does not notice. */
static void hub_dies_under_a_direct_path(void **state)
{
	struct net *n = *state;
	struct stream s;

	make_direct(n);
	n->wa.drop = n->wb.drop = true;
	s = stream(n, NULL, 5000);
	assert_true(both_direct(n));
	assert_true(s.gap_ms < 500);
}

static bool a_is_silent(void *arg) { return b_of_a(arg)->path.reason == PATH_REASON_SILENT; }

/* The hub dies under a relayed pair, whose candidates work. */
static void hub_dies_under_a_relayed_path(void **state)
{
	struct net *n = *state;
	struct stream s;

	n->wab.drop = true;
	introduce(n);
	stream(n, a_relayed, WAIT_MS);
	stream(n, a_is_silent, WAIT_MS); /* a whole round without an answer */
	n->wab.drop = false;
	n->wa.drop = n->wb.drop = true;
	s = stream(n, both_direct, WAIT_MS);
	print_message("the hub died: %u ms without an answer\n", (unsigned)s.gap_ms);
	assert_true(s.gap_ms <= FALL_BACK_MS);
}

static bool hub_is_down(void *arg)
{
	struct net *n = arg;

	return n->a.t->hub->path.kind == PATH_DOWN && n->b.t->hub->path.kind == PATH_DOWN;
}

/* With the hub away two spokes that know each other's addresses make a session. */
static void session_without_the_hub(void **state)
{
	struct net *n = *state;

	n->wa.drop = n->wb.drop = true;
	introduce(n);
	a_sends(n, "wait for it");
	b_sends(n, "wait for it");
	expect_mark(&n->b, "wait for it");
	expect_mark(&n->a, "wait for it");
	stream(n, both_direct, WAIT_MS);
	tun_send(&n->a, "10.2.0.9", "10.1.0.5", 64, "hub?", 100);
	tun_send(&n->b, "10.3.0.7", "10.1.0.5", 64, "hub?", 100);
	stream(n, hub_is_down, WAIT_MS);
	/* The hub comes back: nothing happens to the session. */
	uint64_t handshakes = n->a.t->handshakes;
	uint32_t index = b_of_a(n)->session.current->local_index;

	n->wa.drop = n->wb.drop = false;
	stream(n, NULL, 2000);
	assert_true(n->a.t->handshakes <= handshakes + 1);
	assert_int_equal(b_of_a(n)->session.current->local_index, index);
	assert_true(both_direct(n));
}

static void hub_only_is_never_direct(void **state)
{
	struct net *n = *state;
	const struct way straight = way_to(&n->wab.inside);
	const uint8_t packet[20] = { 0x45, 0, 0, 20 };
	uint8_t mem[20];

	introduce(n);
	stream(n, NULL, 2000);
	assert_true(a_relayed(n));
	assert_int_equal(b_of_a(n)->path.reason, PATH_REASON_POLICY);
	assert_int_equal(n->wab.to_hub + n->wab.to_node, 0);
	assert_int_equal(n->a.located, 0);
	/* What comes straight all the same is refused. */
	memcpy(mem, packet, sizeof(mem));
	assert_int_equal(session_send_on(b_of_a(n), &straight, mem, sizeof(mem)), ERR_OK);
	udp_flush(n->a.t->udp);
	settle();
	assert_int_equal(n->wab.to_hub, 1);
	assert_int_equal(n->b.t->drops[DROP_POLICY], 1);
}

static bool a_is_down(void *arg) { return b_of_a(arg)->path.kind == PATH_DOWN; }

static void direct_only_never_uses_the_hub(void **state)
{
	struct net *n = *state;
	struct arrival answer;

	a_sends(n, "not through the hub");
	expect_silence(&n->b);
	a_sends(n, "not through the hub");
	assert_true(tun_receive(&n->a, &answer, WAIT_MS));
	assert_int_equal(answer.p[9], IPPROTO_ICMP);
	assert_int_equal(b_of_a(n)->path.reason, PATH_REASON_DIRECT_ONLY);
	assert_true(n->a.located > 0);
	introduce(n);
	stream(n, both_direct, RETURN_MS);
	/* Lost: packets wait for it, and for nothing else. */
	n->wab.drop = true;
	stream(n, a_is_down, WAIT_MS);
	stream(n, NULL, 500);
	assert_true(a_is_down(n));
	assert_int_equal(n->hub.t->relayed_packets, 0);
	n->wab.drop = false;
	stream(n, both_direct, RETURN_MS);
	assert_int_equal(n->hub.t->relayed_packets, 0);
}

static void idle_paths_are_given_up(void **state)
{
	struct net *n = *state;

	say_self(&n->a, false, 1, 16);
	say_self(&n->b, false, 1, 16);
	make_direct(n);
	assert_true(run_until(a_relayed, n, WAIT_MS));
	assert_int_equal(b_of_a(n)->path.reason, PATH_REASON_IDLE);
	assert_null(b_of_a(n)->path.choice);
	assert_int_equal(n->a.t->n_direct, 0);
	/* With the next packet it is looked for, without anybody telling where. */
	a_sends(n, "again");
	expect_mark(&n->b, "again");
	b_sends(n, "answer");
	stream(n, both_direct, WAIT_MS);
}

static void more_than_allowed_are_not_made(void **state)
{
	struct net *n = *state;

	say_self(&n->a, false, 300, 0);
	introduce(n);
	stream(n, NULL, 2000);
	assert_int_equal(b_of_a(n)->path.kind, PATH_HUB_UDP);
	assert_int_equal(b_of_a(n)->path.reason, PATH_REASON_LIMIT);
}

static bool b_follows(void *arg)
{
	struct net *n = arg;

	return endpoint_equal(&a_of_b(n)->path.endpoint, &n->wab.outside);
}

/* Under a direct path a's NAT takes another port: b follows its packets. */
static void rebound_nat_is_followed(void **state)
{
	struct net *n = *state;
	struct stream s;

	make_direct(n);
	stream(n, NULL, 500);
	wire_rebind(&n->wab);
	s = stream(n, b_follows, WAIT_MS);
	print_message("a NAT took another port: %u ms without an answer\n", (unsigned)s.gap_ms);
	assert_true(s.gap_ms < 1000);
	s = stream(n, NULL, 1000);
	assert_true(b_follows(n) && both_direct(n));
	assert_true(s.answered > 0 && s.gap_ms < 1000);
}

static bool hub_sees_a(void *arg)
{
	struct net *n = arg;

	return endpoint_equal(&peer_find(n->hub.t, 2)->path.endpoint, &n->wa.outside);
}

/* Control says that our addresses have changed: the hub hears of it though nobody sends anything.
 */
static void rebind_reaches_the_hub(void **state)
{
	struct net *n = *state;

	wire_rebind(&n->wa);
	settle();
	assert_false(hub_sees_a(n));
	node_say(&n->a, ENGINE_REBIND);
	assert_true(run_until(hub_sees_a, n, WAIT_MS));
}

/* The hub answers a probe the way that it came, and goes on sending where real packets come from.
 */
static void probes_move_nobody(void **state)
{
	struct net *n = *state;
	struct wire other;
	struct way way;

	wire_open(&other, &n->a, &n->hub);
	way = way_to(&other.inside);
	assert_int_equal(probe_send_on(n->a.t->hub, &way, PROBE_PATH, EXTENSION_PROBE_BYTES),
			 ERR_OK);
	udp_flush(n->a.t->udp);
	settle();
	assert_int_equal(other.to_hub, 1);
	assert_int_equal(other.to_node, 1);
	assert_true(hub_sees_a(n));
	/* An empty packet is a real one. */
	assert_int_equal(session_send_on(n->a.t->hub, &way, NULL, 0), ERR_OK);
	udp_flush(n->a.t->udp);
	settle();
	assert_true(endpoint_equal(&peer_find(n->hub.t, 2)->path.endpoint, &other.outside));
	wire_close(&other);
}

static bool hub_sees_the_carrier(void *arg)
{
	struct net *n = arg;

	return endpoint_equal(&peer_find(n->hub.t, 2)->path.endpoint, &n->wab.outside);
}

/*
 * UDP to the hub is blocked, a carrier is there (played by the wire between the spokes, laid anew),
 * and UDP works again: the same session with the hub all the time, and b's packets come by the
 * relay.
 */
static void blocked_udp_takes_the_carrier(void **state)
{
	struct net *n = *state;
	uint32_t session;
	struct stream s;

	a_sends(n, "by UDP");
	expect_mark(&n->b, "by UDP");
	wire_close(&n->wab);
	wire_open(&n->wab, &n->a, &n->hub);
	n->a.t->now_ms = loop_now_ms(the_loop);
	path_carrier(n->a.t, &n->wab.inside);
	stream(n, NULL, 500);
	assert_true(hub_sees_a(n));
	session = n->a.t->hub->session.current->local_index;
	n->wa.drop = true;
	s = stream(n, hub_sees_the_carrier, WAIT_MS);
	print_message("the carrier was taken: %u ms without an answer\n", (unsigned)s.gap_ms);
	stream(n, a_relayed, WAIT_MS);
	assert_int_equal(n->a.t->hub->path.reason, PATH_REASON_UDP_BLOCKED);
	n->wa.drop = false;
	s = stream(n, hub_sees_a, RETURN_MS);
	assert_true(s.gap_ms < 1000);
	assert_int_equal(n->a.t->hub->path.reason, PATH_REASON_VALIDATED);
	assert_int_equal(n->a.t->hub->session.current->local_index, session);
}

/* The kernel sends our own datagrams into the tunnel: they go nowhere. Those of others may. */
static void own_datagrams_do_not_go_in_circles(void **state)
{
	struct net *n = *state;
	const uint64_t *drops = n->a.t->drops;
	uint8_t p[256];
	size_t len = make_udp(p, "192.168.100.2", "10.3.0.1", 64, "own", 100);

	p[20] = (uint8_t)(n->a.udp.port >> 8);
	p[21] = (uint8_t)n->a.udp.port;
	assert_int_equal(send(n->a.tun, p, len, 0), (ssize_t)len);
	expect_silence(&n->b);
	assert_int_equal(drops[DROP_NO_ROUTE], 1);
	assert_null(b_of_a(n)->session.current);
	p[21] ^= 1;
	assert_int_equal(send(n->a.tun, p, len, 0), (ssize_t)len);
	expect_mark(&n->b, "own");
}

static bool probe_is_over(void *arg)
{
	const struct net *n = arg;

	return n->wa.to_node + n->wa.dropped > 0;
}

/* A probe counts when it comes back and when it does not. */
static void loss_is_counted(void **state)
{
	struct net *n = *state;
	struct peer *hub = n->a.t->hub;
	const struct way way = path_way(hub);

	assert_int_equal(loss_permille(&hub->path.loss), 0);
	for (unsigned i = 0; i < 8; i++) {
		n->wa.drop = i % 4 == 1;
		n->wa.to_node = n->wa.dropped = 0;
		n->a.t->now_ms = loop_now_ms(the_loop);
		assert_int_equal(probe_send_on(hub, &way, PROBE_PATH, EXTENSION_PROBE_BYTES),
				 ERR_OK);
		udp_flush(n->a.t->udp);
		assert_true(run_until(probe_is_over, n, WAIT_MS));
		run_until(never, NULL, 5); /* the answer is in its socket */
	}
	assert_int_equal(loss_permille(&hub->path.loss), 250);
}

static bool a_has_answered(void *arg)
{
	const struct net *n = arg;

	return n->a.forgotten.tag != 0;
}

/* What a says when it is to end the session with `id`, 0: with all that do not answer. */
static unsigned a_forgets(struct net *n, uint32_t id)
{
	const struct engine_forget m = { .tag = 9, .id = id };

	n->a.forgotten.tag = 0;
	node_send(&n->a, ENGINE_FORGET, engine_forget_encode, &m);
	assert_true(run_until(a_has_answered, n, WAIT_MS));
	assert_int_equal(n->a.forgotten.tag, 9);
	return n->a.forgotten.n;
}

/* The session ends at once, with its direct path; the next packet makes another. */
static void ended_session_begins_anew(void **state)
{
	struct net *n = *state;
	struct peer *b = b_of_a(n);
	unsigned located;

	make_direct(n);
	assert_int_equal(a_forgets(n, 4), 0);
	assert_int_equal(a_forgets(n, 3), 1);
	assert_null(b->session.current);
	assert_null(b->session.previous);
	assert_null(b->session.next);
	assert_null(b->path.choice);
	assert_int_equal(b->path.kind, PATH_DOWN);
	assert_int_equal(b->path.reason, PATH_REASON_NO_SESSION);
	assert_int_equal(n->a.t->n_direct, 0);
	assert_non_null(n->a.t->hub->session.current);
	located = n->a.located;
	a_sends(n, "anew");
	expect_mark(&n->b, "anew");
	assert_true(n->a.located > located);
	stream(n, both_direct, RETURN_MS);
}

/* The hub is needed always: its session is made anew without any traffic. */
static bool hub_is_back(void *arg)
{
	const struct net *n = arg;

	return n->a.t->hub->session.current && n->a.t->hub->path.kind == PATH_DIRECT_UDP;
}

static void ended_session_with_the_hub_returns(void **state)
{
	struct net *n = *state;
	const uint64_t handshakes = n->a.t->handshakes;

	assert_int_equal(a_forgets(n, 1), 1);
	assert_true(run_until(hub_is_back, n, WAIT_MS));
	assert_true(n->a.t->handshakes > handshakes);
	a_sends(n, "through the hub");
	expect_mark(&n->b, "through the hub");
}

/* Only who does not answer is forgotten. */
static void purge_spares_who_answers(void **state)
{
	struct net *n = *state;

	make_direct(n);
	assert_int_equal(a_forgets(n, 0), 0);
	assert_true(both_direct(n));
	n->wab.drop = n->wb.drop = true;
	stream(n, a_is_down, WAIT_MS);
	assert_int_equal(a_forgets(n, 0), 1);
	assert_null(b_of_a(n)->session.current);
	assert_int_equal(b_of_a(n)->path.reason, PATH_REASON_NO_SESSION);
	assert_non_null(n->a.t->hub->session.current);
	n->wab.drop = n->wb.drop = false;
	stream(n, both_direct, RETURN_MS);
}

int main(void)
{
#define PATHS_TEST(f)        cmocka_unit_test_setup_teardown(f, setup, teardown)
#define PATHS_TEST_OF(f, by) cmocka_unit_test_setup_teardown(f, by, teardown)
	const struct CMUnitTest tests[] = {
		PATHS_TEST(spokes_find_each_other),
		PATHS_TEST(one_side_is_enough),
		PATHS_TEST(peer_on_tcp),
		PATHS_TEST(lost_path_falls_back_and_returns),
		PATHS_TEST(hub_dies_under_a_direct_path),
		PATHS_TEST(hub_dies_under_a_relayed_path),
		PATHS_TEST(session_without_the_hub),
		PATHS_TEST_OF(hub_only_is_never_direct, setup_hub_only),
		PATHS_TEST_OF(direct_only_never_uses_the_hub, setup_direct_only),
		PATHS_TEST(idle_paths_are_given_up),
		PATHS_TEST(more_than_allowed_are_not_made),
		PATHS_TEST(rebound_nat_is_followed),
		PATHS_TEST(rebind_reaches_the_hub),
		PATHS_TEST(probes_move_nobody),
		PATHS_TEST(blocked_udp_takes_the_carrier),
		PATHS_TEST(own_datagrams_do_not_go_in_circles),
		PATHS_TEST(loss_is_counted),
		PATHS_TEST(ended_session_begins_anew),
		PATHS_TEST(ended_session_with_the_hub_returns),
		PATHS_TEST(purge_spares_who_answers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
