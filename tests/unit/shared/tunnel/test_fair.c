/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who waits for whom: an elephant and mice through the hub's relay, and a call beside a transfer at
 * one spoke. Node 1 is the hub, 2 the elephant, 3 to 8 are mice, all of them send to 9.
 */
#include "engines.h"

#include "shared/tunnel/rx.h"
#include "shared/tunnel/tx.h"
#include "tests/lib/inner_packets.h"

#define HUB         1u
#define ELEPHANT    2u
#define FIRST_MOUSE 3u
#define SINK        9u
#define NODES       9u

#define ROUNDS         100u
#define TRAINS         6u /* of the elephant in a round, each a burst of the device */
#define ELEPHANT_BYTES 1200u
#define MOUSE_BYTES    100u
#define SPARE_ROUNDS   200u /* until nothing is under way any more */

#define BULK_PACKETS 200u

struct net {
	struct box box[NODES + 1]; /* by id */
	unsigned offered[NODES + 1], delivered[NODES + 1];
};

static void tell(struct net *net, uint32_t id)
{
	struct box *n = &net->box[id];
	struct engine_revision rev = { .revision = 7 };

	node_self(n, id == HUB, true);
	for (uint32_t i = HUB; i <= NODES; i++) {
		struct engine_peer m = peer_record(&net->box[i], i == HUB ? NODE_HUB : NODE_SPOKE);

		m.keepalive_s = i == HUB ? 25 : 0;
		m.via_hub = id != HUB && i != HUB && i != id;
		node_peer(n, &m);
	}
	node_send(n, ENGINE_COMMIT, engine_revision_encode, &rev);
	if (id != HUB)
		node_endpoint(n, HUB, &net->box[HUB].udp);
}

static bool all_applied(void *arg)
{
	struct net *net = arg;

	for (uint32_t i = HUB; i <= NODES; i++)
		if (net->box[i].applied != 7)
			return false;
	return true;
}

static bool all_connected(void *arg)
{
	struct net *net = arg;

	for (uint32_t i = ELEPHANT; i <= NODES; i++)
		if (!peer_find(net->box[HUB].t, i)->session.current)
			return false;
	return true;
}

static void offer(struct net *net, uint32_t id, size_t len)
{
	char src[32];

	snprintf(src, sizeof(src), "10.%u.0.5", (unsigned)id);
	tun_send(&net->box[id], src, "10.9.0.5", 64, "data", len);
	net->offered[id]++;
}

static int setup(void **state)
{
	struct net *net = calloc(1, sizeof(*net));

	assert_non_null(net);
	assert_int_equal(loop_new(&the_loop), ERR_OK);
	for (uint32_t i = HUB; i <= NODES; i++)
		node_open(&net->box[i], i);
	for (uint32_t i = HUB; i <= NODES; i++)
		tell(net, i);
	assert_true(run_until(all_applied, net, WAIT_MS));
	assert_true(run_until(all_connected, net, WAIT_MS));
	/* Sessions of everybody with the sink, through the hub. */
	for (uint32_t i = ELEPHANT; i < SINK; i++) {
		offer(net, i, MOUSE_BYTES);
		expect_mark(&net->box[SINK], "data");
	}
	memset(net->offered, 0, sizeof(net->offered));
	settle();
	*state = net;
	return 0;
}

static int teardown(void **state)
{
	struct net *net = *state;

	for (uint32_t i = HUB; i <= NODES; i++)
		node_close(&net->box[i]);
	loop_free(the_loop);
	free(net);
	return 0;
}

/* The engine reads its device once, as the loop would let it. */
static void send_out(struct box *n)
{
	n->t->now_ms = clock_now_ms();
	tx_run(n->t, TUN_FIRST);
}

static void serve_socket(struct box *n)
{
	n->t->now_ms = clock_now_ms();
	rx_run(n->t, 0);
}

/* The sink has time for everything; counts by source. */
static void drain_sink(struct net *net)
{
	struct box *n = &net->box[SINK];
	uint8_t p[2048];
	ssize_t len;

	for (unsigned i = 0; i < TRAINS; i++) {
		serve_socket(n);
		while ((len = recv(n->tun, p, sizeof(p), MSG_DONTWAIT)) > 0)
			if (len > 28 && p[9] == IPPROTO_UDP && p[13] <= NODES)
				net->delivered[p[13]]++;
	}
}

/* One burst of the elephant's device, or one packet of a mouse. */
static void offer_next(struct net *net, uint32_t id)
{
	if (id != ELEPHANT)
		offer(net, id, MOUSE_BYTES);
	for (unsigned i = 0; i < TUN_BURST && id == ELEPHANT; i++)
		offer(net, id, ELEPHANT_BYTES);
	send_out(&net->box[id]);
}

/* Everybody's offers of one round, in an order that changes but is the same in each run. */
static void offer_round(struct net *net, uint64_t *random)
{
	uint32_t turns[TRAINS + SINK - FIRST_MOUSE];
	unsigned n = 0;

	while (n < TRAINS)
		turns[n++] = ELEPHANT;
	for (uint32_t id = FIRST_MOUSE; id < SINK; id++)
		turns[n++] = id;
	for (; n; n--) {
		unsigned i = random_u32(random) % n;

		offer_next(net, turns[i]);
		turns[i] = turns[n - 1];
	}
}

/*
 * The elephant offers twice of what the hub, which has its turn once a round, can take in. What is
 * lost then is lost in the hub's socket; of what the mice offer no smaller share may arrive than of
 * the elephant's, give or take what chance does.
 */
static void test_mice_beside_an_elephant(void **state)
{
	struct net *net = *state;
	const unsigned *in = net->offered, *out = net->delivered;
	unsigned mice_in = 0, mice_out = 0;
	uint64_t random = 1;

	for (unsigned round = 0; round < ROUNDS; round++) {
		offer_round(net, &random);
		serve_socket(&net->box[HUB]);
		drain_sink(net);
	}
	for (unsigned i = 0; i < SPARE_ROUNDS; i++) {
		serve_socket(&net->box[HUB]);
		drain_sink(net);
	}
	print_message("elephant %u of %u", out[ELEPHANT], in[ELEPHANT]);
	for (uint32_t id = FIRST_MOUSE; id < SINK; id++) {
		print_message(", mouse %u of %u", out[id], in[id]);
		mice_in += in[id];
		mice_out += out[id];
		assert_true(out[id] * 4ull * in[ELEPHANT] >= out[ELEPHANT] * 3ull * in[id]);
	}
	print_message("\n");
	assert_true(out[ELEPHANT] > 0 && out[ELEPHANT] < in[ELEPHANT]); /* there was too much */
	assert_true(mice_out * 10ull * in[ELEPHANT] >= out[ELEPHANT] * 9ull * mice_in);
}

struct count {
	struct box *n;
	unsigned bulk; /* before the call's packet */
	bool call;
};

static bool call_came(void *arg)
{
	struct count *c = arg;
	uint8_t p[2048];

	while (!c->call && recv(c->n->tun, p, sizeof(p), MSG_DONTWAIT) > 0) {
		c->call = memcmp(p + 28, "call", 4) == 0;
		c->bulk += memcmp(p + 28, "bulk", 4) == 0;
	}
	return c->call;
}

/* A call's packet overtakes what a transfer has put into the device before it, but for a burst or
 * two. */
static void test_call_beside_a_transfer(void **state)
{
	struct net *net = *state;
	struct box *n = &net->box[ELEPHANT];
	struct count c = { .n = &net->box[SINK] };
	const int room = 4 << 20;
	uint8_t p[2048];

	assert_int_equal(setsockopt(n->bulk, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room)), 0);
	for (unsigned i = 0; i < BULK_PACKETS; i++) {
		size_t len = make_udp(p, "10.2.0.5", "10.9.0.5", 64, "bulk", MOUSE_BYTES);

		assert_int_equal(send(n->bulk, p, len, 0), (ssize_t)len);
	}
	tun_send(n, "10.2.0.6", "10.9.0.5", 64, "call", MOUSE_BYTES);
	assert_true(run_until(call_came, &c, WAIT_MS));
	assert_true(c.bulk <= 2 * TUN_BURST);
	/* Nothing of the transfer is lost for it. */
	for (unsigned i = c.bulk; i < BULK_PACKETS; i++)
		expect_mark(c.n, "bulk");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_mice_beside_an_elephant, setup, teardown),
		cmocka_unit_test_setup_teardown(test_call_beside_a_transfer, setup, teardown),
	};

	the_bulk_queue = true;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
