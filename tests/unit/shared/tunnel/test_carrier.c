/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Engines that reach each other on a carrier only. The test is control at both ends: it moves
 * packets from the one channel to the other.
 *
 *     spoke 2 ==channel== (test) ==channel== hub 1
 */
#include "shared/ipc/carrier_msg.h"
#include "tests/unit/shared/tunnel/engines.h"

#define AT_SPOKE 7u /* the carrier's number at each end */
#define AT_HUB   70000u

struct end {
	struct box n;
	struct channel *carrier; /* control's end */
	struct end *other;
	uint32_t number, others_number;
	unsigned packets; /* messages that it sent */
	bool cut;
};

static struct end hub, spoke;

static void control_hears(struct channel *ch, void *arg, uint16_t type, struct cursor *body, int fd)
{
	struct end *e = arg;
	struct carrier_packets m;
	uint8_t mem[CHANNEL_MSG_MAX_BYTES];
	struct cursor c;

	(void)ch;
	assert_int_equal(fd, -1);
	assert_int_equal(type, CARRIER_PACKETS);
	assert_int_equal(carrier_packets_decode(body, &m), ERR_OK);
	assert_int_equal(m.number, e->number);
	e->packets++;
	if (e->cut)
		return;
	m.number = e->others_number;
	cursor_init_write(&c, mem, sizeof(mem));
	carrier_packets_encode(&m, &c);
	assert_int_equal(channel_send(e->other->carrier, CARRIER_PACKETS, mem, c.pos, -1), ERR_OK);
}

static void engine_hears(struct channel *ch, void *arg, uint16_t type, struct cursor *body, int fd)
{
	struct end *e = arg;

	(void)ch;
	assert_int_equal(fd, -1);
	engine_role_ops.carrier_message(&e->n.w, type, body);
}

static bool control_lost;

static void control_closed(struct channel *ch, void *arg)
{
	struct end *e = arg;

	(void)ch;
	e->carrier = NULL;
	control_lost = true;
}

static void engine_loses(struct channel *ch, void *arg)
{
	struct end *e = arg;

	(void)ch;
	e->n.w.carrier = NULL;
	engine_role_ops.carrier_down(&e->n.w);
}

static void attach(struct end *e)
{
	static const struct channel_events control = { .message = control_hears,
						       .closed = control_closed };
	static const struct channel_events engine = { .message = engine_hears,
						      .closed = engine_loses };
	int fds[2];

	assert_int_equal(channel_pair(fds), ERR_OK);
	assert_int_equal(channel_new(the_loop, fds[0], &control, e, &e->carrier), ERR_OK);
	assert_int_equal(channel_new(the_loop, fds[1], &engine, e, &e->n.w.carrier), ERR_OK);
	engine_role_ops.carrier_up(&e->n.w);
}

static void tell(struct end *e, enum carrier_msg type, uint32_t number, uint32_t node)
{
	const struct carrier_link m = { .number = number, .node = node };
	uint8_t mem[16];
	struct cursor c;

	cursor_init_write(&c, mem, sizeof(mem));
	carrier_link_encode(&m, &c);
	assert_int_equal(channel_send(e->carrier, (uint16_t)type, mem, c.pos, -1), ERR_OK);
}

static int setup(void **state)
{
	struct engine_peer m;

	(void)state;
	assert_int_equal(loop_new(&the_loop), ERR_OK);
	memset(&hub, 0, sizeof(hub));
	memset(&spoke, 0, sizeof(spoke));
	node_open(&hub.n, 1);
	node_open(&spoke.n, 2);
	hub.other = &spoke;
	spoke.other = &hub;
	hub.number = spoke.others_number = AT_HUB;
	spoke.number = hub.others_number = AT_SPOKE;
	attach(&hub);
	attach(&spoke);
	node_self(&hub.n, true, true);
	node_self(&spoke.n, false, true);
	m = peer_record(&spoke.n, NODE_SPOKE);
	node_peer(&hub.n, &m);
	m = peer_record(&hub.n, NODE_HUB);
	node_peer(&spoke.n, &m);
	settle();
	return 0;
}

static int teardown(void **state)
{
	struct end *ends[] = { &hub, &spoke };

	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(ends); i++) {
		channel_free(ends[i]->carrier);
		channel_free(ends[i]->n.w.carrier);
		ends[i]->n.w.carrier = NULL;
		node_close(&ends[i]->n);
	}
	loop_free(the_loop);
	return 0;
}

static bool is_by_tcp(void *arg)
{
	(void)arg;
	return spoke.n.last_path.path == PATH_HUB_TCP && hub.n.last_path.path == PATH_HUB_TCP;
}

/* As it happens: the hub is not to be had, so that control makes a carrier. */
static void open_both(void)
{
	tun_send(&spoke.n, "192.168.100.2", "192.168.100.1", 64, "lost", 100);
	settle();
	assert_int_equal(spoke.n.last_path.path, PATH_DOWN);
	tell(&hub, CARRIER_OPENED, AT_HUB, 2);
	tell(&spoke, CARRIER_OPENED, AT_SPOKE, 1);
	assert_true(run_until(is_by_tcp, NULL, WAIT_MS));
}

/* Nothing but the carrier leads to the hub: traffic both ways, and both sides say how. */
static void test_traffic(void **state)
{
	(void)state;
	open_both();
	tun_send(&spoke.n, "192.168.100.2", "192.168.100.1", 64, "there", 100);
	expect_mark(&hub.n, "there");
	tun_send(&hub.n, "192.168.100.1", "192.168.100.2", 64, "and back", 1300);
	expect_mark(&spoke.n, "and back");
	assert_int_equal(spoke.n.last_path.path, PATH_HUB_TCP);
	assert_int_equal(endpoint_carrier(&spoke.n.last_path.endpoint), AT_SPOKE);
	assert_int_equal(hub.n.last_path.path, PATH_HUB_TCP);
	assert_int_equal(endpoint_carrier(&hub.n.last_path.endpoint), AT_HUB);
}

static bool hub_forgot(void *arg)
{
	(void)arg;
	return hub.n.last_path.path == PATH_DOWN;
}

static bool hub_has_tcp(void *arg)
{
	(void)arg;
	return hub.n.last_path.path == PATH_HUB_TCP;
}

/* The hub forgets where the peer was when the connection is over, or when control has died. */
static void test_end(void **state)
{
	(void)state;
	open_both();
	tun_send(&spoke.n, "192.168.100.2", "192.168.100.1", 64, "there", 100);
	expect_mark(&hub.n, "there");
	/* Of another one: nothing follows. */
	tell(&hub, CARRIER_CLOSED, AT_HUB + 1, 2);
	settle();
	assert_int_equal(hub.n.last_path.path, PATH_HUB_TCP);
	tell(&hub, CARRIER_CLOSED, AT_HUB, 2);
	assert_true(run_until(hub_forgot, NULL, WAIT_MS));
	assert_false(endpoint_is_set(&hub.n.last_path.endpoint));
	/* A packet from there brings it back. */
	tun_send(&spoke.n, "192.168.100.2", "192.168.100.1", 64, "again", 100);
	expect_mark(&hub.n, "again");
	/* What the engine says of it may come after the packet. */
	assert_true(run_until(hub_has_tcp, NULL, WAIT_MS));
	channel_free(hub.carrier);
	hub.carrier = NULL;
	assert_true(run_until(hub_forgot, NULL, WAIT_MS));
}

static bool is_silent(void *arg)
{
	(void)arg;
	return spoke.n.hub_silent;
}

static bool is_heard(void *arg) { return !is_silent(arg); }

/* Control is told that the hub is silent as soon as it is, and that it is not any more. */
static void test_silence(void **state)
{
	(void)state;
	open_both();
	assert_true(run_until(is_heard, NULL, WAIT_MS));
	tell(&spoke, CARRIER_CLOSED, AT_SPOKE, 1);
	assert_true(run_until(is_silent, NULL, WAIT_MS));
	tell(&spoke, CARRIER_OPENED, AT_SPOKE, 1);
	assert_true(run_until(is_heard, NULL, WAIT_MS));
	tun_send(&spoke.n, "192.168.100.2", "192.168.100.1", 64, "there", 100);
	expect_mark(&hub.n, "there");
}

static bool is_malformed(void *arg)
{
	(void)arg;
	return control_lost;
}

/* Control that sends what it must not loses the channel, and the engine goes on. */
static void test_malformed(void **state)
{
	static const uint8_t cut[] = { AT_HUB & 0xff, 1, 1, 0, 0, 9, 'x' };

	(void)state;
	control_lost = false;
	assert_int_equal(channel_send(hub.carrier, CARRIER_PACKETS, cut, sizeof(cut), -1), ERR_OK);
	assert_true(run_until(is_malformed, NULL, WAIT_MS));
	assert_null(hub.n.w.carrier);
}

/* What the channel does not take at once is dropped and counted. */
static void test_full(void **state)
{
	uint8_t p[2048];
	size_t total = make_udp(p, "192.168.100.2", "192.168.100.1", 64, "x", 1300);
	uint64_t before;

	(void)state;
	open_both();
	tun_send(&spoke.n, "192.168.100.2", "192.168.100.1", 64, "there", 100);
	expect_mark(&hub.n, "there");
	before = spoke.n.t->drops[DROP_QUEUE];
	/* Control does not read: these go straight into its engine's tables. */
	for (unsigned i = 0; i < 4000; i++) {
		uint8_t *room = udp_reserve(spoke.n.t->udp, &(struct endpoint){ 0 },
					    &(struct udp_slot){ 0 }, total);
		const struct endpoint to = endpoint_of_carrier(AT_SPOKE);

		assert_null(room);
		room = udp_reserve(spoke.n.t->udp, &to, &(struct udp_slot){ 0 }, total);
		assert_non_null(room);
		memcpy(room, p, total);
		udp_flush(spoke.n.t->udp);
	}
	assert_true(spoke.n.t->drops[DROP_QUEUE] > before);
	spoke.cut = true;
	settle();
	spoke.cut = false;
	tun_send(&spoke.n, "192.168.100.2", "192.168.100.1", 64, "after", 100);
	expect_mark(&hub.n, "after");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_traffic, setup, teardown),
		cmocka_unit_test_setup_teardown(test_end, setup, teardown),
		cmocka_unit_test_setup_teardown(test_silence, setup, teardown),
		cmocka_unit_test_setup_teardown(test_malformed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_full, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
