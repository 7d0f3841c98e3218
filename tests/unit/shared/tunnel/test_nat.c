/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How a NAT maps, found out with the hub's second port:
 *
 *   easy   spoke ------------------------> hub.udp, hub's second port
 *   hard   spoke -- wire (another port) -> hub.udp
 *                \-----------------------> hub's second port
 */
#include "tests/unit/shared/tunnel/engines.h"

#define PORT(a, p)                                                                                 \
	{                                                                                          \
		.addr = { .family = AF_INET, .b = { 203, 0, 113, a } }, .port = p                  \
	}

static const struct {
	const char *what;
	struct nat_view view;
	enum nat_mapping want;
} views[] = {
	{ "nothing", { .hub.port = 0 }, NAT_UNKNOWN },
	{ "the hub alone", { .hub = PORT(1, 10) }, NAT_UNKNOWN },
	{ "the second port alone", { .second = PORT(1, 10) }, NAT_UNKNOWN },
	{ "the same", { .hub = PORT(1, 10), .second = PORT(1, 10) }, NAT_EASY },
	{ "another port", { .hub = PORT(1, 10), .second = PORT(1, 11) }, NAT_HARD },
	{ "another address", { .hub = PORT(1, 10), .second = PORT(2, 10) }, NAT_HARD },
	{ "a spoke agrees", { .hub = PORT(1, 10), .others = { PORT(1, 10) } }, NAT_EASY },
	{ "a spoke does not", { .hub = PORT(1, 10), .others = { PORT(1, 12) } }, NAT_HARD },
	{ "a neighbour", { .hub = PORT(1, 10), .others = { PORT(9, 12) } }, NAT_UNKNOWN },
	{ "the last of them counts",
	  { .hub = PORT(1, 10),
	    .second = PORT(1, 10),
	    .others = { PORT(9, 1), { .port = 0 }, PORT(1, 10), PORT(1, 9) } },
	  NAT_HARD },
};

static void test_judge(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(views); i++)
		if (nat_judge(&views[i].view) != views[i].want)
			fail_msg("%s", views[i].what);
}

struct net {
	struct box hub, spoke;
	struct endpoint second; /* the hub's second port */
	struct wire wire;
};

static void tell_self(struct net *n)
{
	struct engine_self m = { .id = 2,
				 .hub_id = 1,
				 .aes = true,
				 .mtu = TEST_MTU,
				 .addresses = { node_addr(2) },
				 .nat_port = n->second.port };

	node_send(&n->spoke, ENGINE_SELF, engine_self_encode, &m);
}

static int setup(void **state)
{
	struct net *n = calloc(1, sizeof(*n));
	struct engine_peer m;

	assert_int_equal(loop_new(&the_loop), ERR_OK);
	node_open(&n->hub, 1);
	node_open(&n->spoke, 2);
	n->hub.w.fds.nat_udp[0] = udp_socket(&n->second);
	n->hub.w.fds.n_nat_udp = 1;
	assert_int_equal(natport_open(n->hub.t, &n->hub.w.fds), ERR_OK);
	wire_open(&n->wire, &n->spoke, &n->hub);
	node_self(&n->hub, true, true);
	tell_self(n);
	m = peer_record(&n->hub, NODE_HUB);
	node_peer(&n->spoke, &m);
	m = peer_record(&n->spoke, NODE_SPOKE);
	node_peer(&n->hub, &m);
	settle();
	*state = n;
	return 0;
}

static int teardown(void **state)
{
	struct net *n = *state;

	wire_close(&n->wire);
	node_close(&n->spoke);
	node_close(&n->hub);
	close(n->hub.w.fds.nat_udp[0]);
	loop_free(the_loop);
	free(n);
	return 0;
}

static bool is_known(void *arg)
{
	struct net *n = arg;

	return n->spoke.t->nat.known.kind != NAT_UNKNOWN;
}

static void find_out(struct net *n, const struct endpoint *hub)
{
	node_endpoint(&n->spoke, 1, hub);
	tun_send(&n->spoke, "10.2.0.9", "192.168.100.1", 64, "first", 50);
	expect_mark(&n->hub, "first");
	assert_true(run_until(is_known, n, WAIT_MS));
}

static void test_easy(void **state)
{
	struct net *n = *state;
	const struct engine_nat *known = &n->spoke.t->nat.known;

	find_out(n, &n->hub.udp);
	assert_int_equal(known->kind, NAT_EASY);
	assert_true(endpoint_equal(&known->observed, &n->spoke.udp));
	assert_true(endpoint_equal(&known->observed_second, &n->spoke.udp));
}

static void test_hard(void **state)
{
	struct net *n = *state;
	const struct engine_nat *known = &n->spoke.t->nat.known;
	const struct path *to_hub = &peer_find(n->spoke.t, 1)->path;
	const struct path *to_spoke = &peer_find(n->hub.t, 2)->path;

	find_out(n, &n->wire.inside);
	assert_int_equal(known->kind, NAT_HARD);
	assert_true(endpoint_equal(&known->observed, &n->wire.outside));
	assert_true(endpoint_equal(&known->observed_second, &n->spoke.udp));
	/* The packets at the second port have moved nothing. */
	assert_true(endpoint_equal(&to_hub->endpoint, &n->wire.inside));
	assert_true(endpoint_equal(&to_spoke->endpoint, &n->wire.outside));
}

static uint64_t began_before;

static bool is_found_anew(void *arg)
{
	const struct nat *nat = &((struct net *)arg)->spoke.t->nat;

	return nat->began_ms > began_before && nat->tries == 0;
}

/* Perhaps another router now: it is found out anew, at once, not after NAT_EVERY_MS. */
static void test_rebind(void **state)
{
	struct net *n = *state;

	find_out(n, &n->wire.inside);
	began_before = n->spoke.t->nat.began_ms;
	node_say(&n->spoke, ENGINE_REBIND);
	assert_true(run_until(is_found_anew, n, WAIT_MS));
	assert_int_equal(n->spoke.t->nat.known.kind, NAT_HARD);
}

/* The second port gets no session's packets but probes, answers nobody else, and never with more.
 */
static void test_strangers_get_nothing(void **state)
{
	struct net *n = *state;
	uint8_t bytes[NAT_PROBE_BYTES * 2] = { PACKET_TRANSPORT }, answer[256];
	struct endpoint mine;
	int fd = udp_socket(&mine);

	find_out(n, &n->wire.inside);
	for (size_t len = 0; len <= sizeof(bytes); len += NAT_PROBE_BYTES / 4)
		wire_send(fd, bytes, len, &n->second);
	/* A packet of the session, and a replay of a probe from the main port, cut and whole. */
	wire_send(fd, n->wire.last, n->wire.last_len, &n->second);
	settle();
	assert_true(recv(fd, answer, sizeof(answer), MSG_DONTWAIT) < 0);
	assert_true(n->hub.t->drops[DROP_MALFORMED] >= 8);
	close(fd);
}

static bool round_is_over(void *arg)
{
	struct net *n = arg;

	return n->spoke.t->nat.began_ms && n->spoke.t->nat.tries == 0;
}

/* Who does not answer there proves nothing. */
static void test_no_second_port(void **state)
{
	struct net *n = *state;

	natport_close(n->hub.t);
	n->hub.t->natport.sockets[0].tunnel = NULL;
	node_endpoint(&n->spoke, 1, &n->hub.udp);
	tun_send(&n->spoke, "10.2.0.9", "192.168.100.1", 64, "first", 50);
	expect_mark(&n->hub, "first");
	assert_true(run_until(round_is_over, n, WAIT_MS));
	assert_int_equal(n->spoke.t->nat.known.kind, NAT_UNKNOWN);
	assert_true(endpoint_equal(&n->spoke.t->nat.known.observed, &n->spoke.udp));
}

#define nat_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_judge),
		nat_test(test_easy),
		nat_test(test_hard),
		nat_test(test_rebind),
		nat_test(test_strangers_get_nothing),
		nat_test(test_no_second_port),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
