/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Carriers: who may have one, one a node, packets both ways, slow and hostile ones, the end. */
#include "shared/ipc/carrier_msg.h"
#include "tests/unit/hub/control/hub_world.h"

#define PACKET_BYTES 1400u

/* The other end of a carrier, before and after `carry`. */
struct raw {
	struct world *world;
	struct stream *stream;
	struct buf in;
	bool opened, closed;
};

/* What the engine heard on the channel for packets. */
static struct {
	struct channel *ours;
	unsigned opened, closed, packets;
	struct carrier_link last_opened, last_closed;
	uint8_t frames[64];
	size_t len;
} engine;

static void raw_opened(struct stream *s, void *arg, const struct public_key *peer)
{
	struct raw *r = arg;

	(void)s;
	(void)peer;
	r->opened = true;
}

static void raw_received(struct stream *s, void *arg, struct buf *in)
{
	struct raw *r = arg;

	(void)s;
	assert_int_equal(buf_put(&r->in, buf_data(in), buf_len(in)), ERR_OK);
	buf_consume(in, buf_len(in));
}

static void raw_closed(struct stream *s, void *arg, enum err e, const char *why)
{
	struct raw *r = arg;

	(void)s;
	(void)e;
	(void)why;
	r->stream = NULL;
	r->closed = true;
}

static bool raw_is_open(void *arg) { return ((struct raw *)arg)->opened; }

static bool raw_is_closed(void *arg) { return ((struct raw *)arg)->closed; }

/* A connection with the identity of `x`. */
static void raw_dial(struct raw *r, struct spoke *x)
{
	static const struct stream_events calls = { .opened = raw_opened,
						    .received = raw_received,
						    .closed = raw_closed };
	static const struct stream_limits limits = { .in_bytes = 1 << 20,
						     .out_bytes = 1 << 20,
						     .handshake_ms = 10000 };

	const struct endpoint to = { .addr = addr_from_v4((const uint8_t[]){ 127, 0, 0, 1 }),
				     .port = x->world->port };

	*r = (struct raw){ .world = x->world };
	buf_init(&r->in, 8 << 20);
	assert_int_equal(
		stream_connect(x->world->loop, x->identity, &to, &limits, &calls, r, &r->stream),
		ERR_OK);
	assert_true(wait_for(x->world, raw_is_open, r));
}

static void raw_end(struct raw *r)
{
	stream_close(r->stream);
	r->stream = NULL;
	buf_fini(&r->in);
}

static bool has_answer(void *arg)
{
	struct raw *r = arg;

	return buf_len(&r->in) > 4 || r->closed;
}

/* Says `carry`; the type of the answer. */
static enum control_type raw_carry(struct raw *r)
{
	struct control_msg m = { .type = CONTROL_CARRY, .carry = { .version = "test" } };
	enum control_type type;
	struct buf b;

	buf_init(&b, 4096);
	assert_int_equal(control_encode(&m, 0, &b), ERR_OK);
	assert_int_equal(stream_send(r->stream, buf_data(&b), buf_len(&b)), ERR_OK);
	buf_fini(&b);
	assert_true(wait_for(r->world, has_answer, r));
	assert_int_equal(control_decode(&r->in, LINK_FRAME_MAX_BYTES, &m), ERR_OK);
	type = m.type;
	control_msg_fini(&m);
	return type;
}

static void engine_message(struct channel *ch, void *arg, uint16_t type, struct cursor *body,
			   int fd)
{
	struct carrier_packets m;

	(void)ch;
	(void)arg;
	assert_int_equal(fd, -1);
	if (type == CARRIER_OPENED) {
		engine.opened++;
		assert_int_equal(carrier_link_decode(body, &engine.last_opened), ERR_OK);
	} else if (type == CARRIER_CLOSED) {
		engine.closed++;
		assert_int_equal(carrier_link_decode(body, &engine.last_closed), ERR_OK);
	} else {
		assert_int_equal(type, CARRIER_PACKETS);
		assert_int_equal(carrier_packets_decode(body, &m), ERR_OK);
		engine.packets++;
		engine.len = m.len < sizeof(engine.frames) ? m.len : sizeof(engine.frames);
		memcpy(engine.frames, m.frames, engine.len);
	}
}

static void control_message(struct channel *ch, void *arg, uint16_t type, struct cursor *body,
			    int fd)
{
	struct worker *w = arg;

	(void)ch;
	assert_int_equal(fd, -1);
	w->ops->carrier_message(w, type, body);
}

/* The channel for packets, as the monitor makes it. */
static void attach(struct world *w)
{
	static const struct channel_events ours = { .message = engine_message,
						    .closed = nobody_closes };
	static const struct channel_events theirs = { .message = control_message,
						      .closed = nobody_closes };
	int fds[2];

	memset(&engine, 0, sizeof(engine));
	assert_int_equal(channel_pair(fds), ERR_OK);
	assert_int_equal(channel_new(w->loop, fds[0], &theirs, &w->w, &w->w.carrier), ERR_OK);
	assert_int_equal(channel_new(w->loop, fds[1], &ours, w, &engine.ours), ERR_OK);
	w->w.ops->carrier_up(&w->w);
}

static void detach(struct world *w)
{
	channel_free(w->w.carrier);
	w->w.carrier = NULL;
	channel_free(engine.ours);
}

static bool has_opened(void *arg) { return engine.opened >= *(unsigned *)arg; }

static bool has_closed(void *arg) { return engine.closed >= *(unsigned *)arg; }

static bool has_packets(void *arg)
{
	(void)arg;
	return engine.packets > 0;
}

static bool expects(struct world *w, bool (*what)(void *), unsigned n)
{
	return wait_for(w, what, &n);
}

static void engine_sends(uint32_t number, const uint8_t *frames, size_t n)
{
	const struct carrier_packets m = { .number = number, .frames = frames, .len = n };
	uint8_t mem[CHANNEL_MSG_MAX_BYTES];
	struct cursor c;

	cursor_init_write(&c, mem, sizeof(mem));
	carrier_packets_encode(&m, &c);
	assert_int_equal(c.err, ERR_OK);
	assert_int_equal(channel_send(engine.ours, CARRIER_PACKETS, mem, c.pos, -1), ERR_OK);
}

static bool has_five(void *arg) { return buf_len(&((struct raw *)arg)->in) >= 5; }

static void test_packets(void **state)
{
	static const uint8_t in[] = { 0, 0, 0, 2, 'a', 'b', 0, 1, 'c' };
	static const uint8_t out[] = { 0, 3, 'x', 'y', 'z' };
	struct world *w = *state;
	struct spoke x;
	struct raw r;

	attach(w);
	spoke_joins(w, &x, "oslo", NULL);
	raw_dial(&r, &x);
	assert_int_equal(raw_carry(&r), CONTROL_CARRY);
	assert_true(expects(w, has_opened, 1));
	assert_int_equal(engine.last_opened.node, x.id);
	assert_int_equal(w->c->admission.n_strangers, 0);
	/* The sign of life is answered, the packets come without it. */
	assert_int_equal(stream_send(r.stream, in, sizeof(in)), ERR_OK);
	assert_true(expects(w, has_packets, 0));
	assert_int_equal(engine.len, 7);
	assert_memory_equal(engine.frames, in + 2, 7);
	buf_clear(&r.in);
	engine_sends(engine.last_opened.number, out, sizeof(out));
	engine_sends(engine.last_opened.number + 1, out, sizeof(out));
	assert_true(wait_for(w, has_five, &r));
	assert_memory_equal(buf_data(&r.in) + buf_len(&r.in) - 5, out, 5);
	/* The link goes on beside it. */
	spoke_sends_locate(&x, 9999);
	spoke_expects(&x, CONTROL_PRESENCE);
	raw_end(&r);
	assert_true(expects(w, has_closed, 1));
	assert_int_equal(engine.last_closed.number, engine.last_opened.number);
	spoke_end(&x);
	detach(w);
}

/* A new one takes the place of the old; a new engine is told of it. */
static void test_one_a_node(void **state)
{
	struct world *w = *state;
	uint32_t first;
	struct spoke x;
	struct raw a, b;

	attach(w);
	spoke_joins(w, &x, "oslo", NULL);
	raw_dial(&a, &x);
	assert_int_equal(raw_carry(&a), CONTROL_CARRY);
	assert_true(expects(w, has_opened, 1));
	first = engine.last_opened.number;
	raw_dial(&b, &x);
	assert_int_equal(raw_carry(&b), CONTROL_CARRY);
	assert_true(expects(w, has_opened, 2));
	assert_true(wait_for(w, raw_is_closed, &a));
	assert_int_equal(engine.last_closed.number, first);
	assert_int_not_equal(engine.last_opened.number, first);
	detach(w);
	attach(w);
	assert_true(expects(w, has_opened, 1));
	raw_end(&a);
	raw_end(&b);
	settle(w, 20);
	spoke_end(&x);
	detach(w);
}

static void test_strangers(void **state)
{
	struct world *w = *state;
	struct spoke x;
	struct raw r;

	attach(w);
	spoke_new(w, &x);
	raw_dial(&r, &x);
	assert_int_equal(raw_carry(&r), CONTROL_BYE);
	assert_true(wait_for(w, raw_is_closed, &r));
	assert_int_equal(engine.opened, 0);
	assert_int_equal(w->c->counters.n[COUNT_REFUSED_UNKNOWN_KEY], 1);
	raw_end(&r);
	spoke_end(&x);
	detach(w);
}

static void test_revoked(void **state)
{
	struct world *w = *state;
	struct spoke x;
	struct raw r;

	attach(w);
	spoke_joins(w, &x, "oslo", NULL);
	raw_dial(&r, &x);
	assert_int_equal(raw_carry(&r), CONTROL_CARRY);
	assert_true(expects(w, has_opened, 1));
	admin_revokes(w, x.id, "stolen");
	assert_true(wait_for(w, raw_is_closed, &r));
	assert_true(expects(w, has_closed, 1));
	raw_end(&r);
	spoke_end(&x);
	detach(w);
}

static void test_no_frame(void **state)
{
	static const uint8_t long_one[] = { 0xff, 0xff, 0 };
	struct world *w = *state;
	struct spoke x;
	struct raw r;

	attach(w);
	spoke_joins(w, &x, "oslo", NULL);
	raw_dial(&r, &x);
	assert_int_equal(raw_carry(&r), CONTROL_CARRY);
	assert_int_equal(stream_send(r.stream, long_one, sizeof(long_one)), ERR_OK);
	assert_true(wait_for(w, raw_is_closed, &r));
	assert_true(expects(w, has_closed, 1));
	assert_int_equal(w->c->counters.n[COUNT_REFUSED_FRAME], 1);
	assert_int_equal(engine.packets, 0);
	raw_end(&r);
	spoke_end(&x);
	detach(w);
}

/*
 * The engine has far more than the line takes, on several carriers: what waits is bounded, and
 * links are served meanwhile.
 */
static void test_flood(void **state)
{
	enum { CARRIERS = 4, ROUNDS = 400, RUN = 10 };
	static uint8_t run[RUN * (CARRY_HEADER_BYTES + PACKET_BYTES)];
	struct world *w = *state;
	struct spoke x[CARRIERS], other;
	struct raw r[CARRIERS];
	uint32_t numbers[CARRIERS];
	char name[16];

	attach(w);
	for (unsigned i = 0; i < RUN; i++)
		carry_put_header(run + i * (CARRY_HEADER_BYTES + PACKET_BYTES), PACKET_BYTES);
	for (unsigned i = 0; i < CARRIERS; i++) {
		snprintf(name, sizeof(name), "box%u", i);
		spoke_joins(w, &x[i], name, NULL);
		raw_dial(&r[i], &x[i]);
		assert_int_equal(raw_carry(&r[i]), CONTROL_CARRY);
		assert_true(expects(w, has_opened, i + 1));
		numbers[i] = engine.last_opened.number;
	}
	for (unsigned k = 0; k < ROUNDS; k++)
		engine_sends(numbers[k % CARRIERS], run, sizeof(run));
	/* All of that is still under way. */
	spoke_joins(w, &other, "bergen", NULL);
	admin_revokes(w, x[0].id, "stolen");
	assert_true(wait_for(w, raw_is_closed, &r[0]));
	settle(w, 50);
	for (unsigned i = 0; i < CARRIERS; i++) {
		assert_true(buf_len(&r[i].in) > 0);
		raw_end(&r[i]);
		spoke_end(&x[i]);
	}
	spoke_end(&other);
	detach(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_packets, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(test_one_a_node, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(test_strangers, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(test_revoked, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(test_no_frame, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(test_flood, world_setup, world_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
