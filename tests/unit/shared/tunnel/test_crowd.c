/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A hub with 1,000 mice and an elephant, all of whom send to one sink through it: by relay, and as
 * WireGuard devices whose packets the hub opens and seals anew.
 *
 *   driver (one socket, an address of 127.1.0.0/16 for each peer) <---> the hub's engine
 *
 * The hub has its turn once a round, a round is a millisecond of the time that it is told, and more
 * comes in a round than it may work on in its turn.
 */
#include "engines.h"

#include <netinet/udp.h>
#include <sys/uio.h>

#include "shared/tunnel/rx.h"
#include "shared/wire/packet.h"
#include "shared/wire/relay.h"

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif

#define MICE      1000u
#define FIRST_ID  2u
#define ELEPHANT  (FIRST_ID + MICE)
#define SINK      (ELEPHANT + 1)
#define PEERS     (MICE + 2)
#define MAX_BYTES 1500u

#define WARM_UP        500u /* rounds, until it is known who sends too much */
#define ROUNDS         2000u
#define SPARE_ROUNDS   200u /* until nothing is under way any more */
#define MICE_A_ROUND   20u  /* so that each has a packet every 50 ms */
#define BULK_A_ROUND   40u
#define MOUSE_BYTES    100u
#define ELEPHANT_BYTES 1200u
#define SOCKET_ROOM    (512 << 10)

struct client {
	struct endpoint at;
	struct keypair keypair; /* its side, of a WireGuard device */
	unsigned offered, delivered;
};

struct crowd {
	struct box hub;
	bool wireguard;
	int fd;        /* of all clients */
	uint64_t turn; /* which mouse is next */
	unsigned turns;
	bool measured;
	struct client client[PEERS]; /* by id - FIRST_ID */
};

static struct client *client_of(struct crowd *c, uint32_t id) { return &c->client[id - FIRST_ID]; }

static void inner_address(uint32_t id, char out[32])
{
	snprintf(out, 32, "172.16.%u.%u", (unsigned)(id >> 8), (unsigned)(id & 0xff));
}

/* --- the hub's peers -------------------------------------------------------------------------- */

/* Both sides of a session, as a handshake would have left them. */
static void make_session(struct crowd *c, struct peer *p, struct client *to)
{
	struct tunnel *t = c->hub.t;
	struct keypair *kp = calloc(1, sizeof(*kp));
	struct index_entry entry = { .peer = p, .keypair = kp };
	struct secret_key a, b;
	struct keypair_params ours = { .cipher = p->cipher,
				       .is_initiator = true,
				       .remote_index = p->id,
				       .send_key = &a,
				       .recv_key = &b };
	struct keypair_params theirs = { .cipher = p->cipher,
					 .is_initiator = true,
					 .local_index = p->id,
					 .send_key = &b,
					 .recv_key = &a };

	assert_non_null(kp);
	secret_random(&a, sizeof(a));
	secret_random(&b, sizeof(b));
	assert_int_equal(index_add(t->index, &entry, &ours.local_index), ERR_OK);
	theirs.remote_index = ours.local_index;
	assert_int_equal(keypair_init(kp, &t->primitives, &ours, t->now_ms), ERR_OK);
	assert_int_equal(keypair_init(&to->keypair, &t->primitives, &theirs, t->now_ms), ERR_OK);
	p->session.current = kp;
	p->path.endpoint = to->at;
}

static void add_peer(struct crowd *c, uint32_t id, uint16_t port)
{
	static struct engine_peer m;
	const uint8_t inner[4] = { 172, 16, (uint8_t)(id >> 8), (uint8_t)id };
	const uint8_t outer[4] = { 127, 1, (uint8_t)(id >> 8), (uint8_t)id };
	struct addr a = addr_from_v4(inner);
	struct client *client = client_of(c, id);

	memset(&m, 0, sizeof(m));
	m.id = id;
	m.kind = c->wireguard ? NODE_WIREGUARD : NODE_SPOKE;
	m.forward = c->wireguard;
	m.aes = true;
	m.groups = m.reach = 1;
	snprintf(m.name, sizeof(m.name), "n%u", (unsigned)id);
	secret_random(m.tunnel_key.b, sizeof(m.tunnel_key.b));
	m.n_subnets = 1;
	m.subnets[0] = (struct node_subnet){ .prefix = prefix_of_host(&a), .weight = 10 };
	client->at = (struct endpoint){ .addr = addr_from_v4(outer), .port = port };
	assert_int_equal(peer_set(c->hub.t, &m), ERR_OK);
	make_session(c, peer_find(c->hub.t, id), client);
}

/* The clients' socket: says from which address it sends, and sees to which was sent. */
static int open_driver(uint16_t *port)
{
	struct sockaddr_in sin = { .sin_family = AF_INET };
	socklen_t len = sizeof(sin);
	const int one = 1, room = 8 << 20;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&sin, sizeof(sin)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&sin, &len), 0);
	assert_int_equal(setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &one, sizeof(one)), 0);
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)))
		assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room)), 0);
	*port = ntohs(sin.sin_port);
	return fd;
}

static int setup(void **state, bool wireguard)
{
	struct crowd *c = calloc(1, sizeof(*c));
	const int room = SOCKET_ROOM;
	uint16_t port;

	assert_non_null(c);
	c->wireguard = wireguard;
	assert_int_equal(loop_new(&the_loop), ERR_OK);
	node_open(&c->hub, 1);
	node_self(&c->hub, true, true);
	settle();
	assert_int_equal(
		setsockopt(c->hub.w.fds.udp[0], SOL_SOCKET, SO_RCVBUF, &room, sizeof(room)), 0);
	c->hub.t->share.seed[0] = 1; /* the same in every run */
	c->hub.t->share.seed[1] = 0x0123456789abcdefu;
	c->fd = open_driver(&port);
	for (uint32_t i = 0; i < PEERS; i++)
		add_peer(c, FIRST_ID + i, port);
	/* Half of what comes in a round and some more. */
	c->turns = udp_offloads(c->hub.t->udp).gro ? 5 : 1;
	*state = c;
	return 0;
}

static int setup_relay(void **state) { return setup(state, false); }
static int setup_wireguard(void **state) { return setup(state, true); }

static int teardown(void **state)
{
	struct crowd *c = *state;

	for (uint32_t i = 0; i < PEERS; i++)
		keypair_fini(&c->client[i].keypair);
	node_close(&c->hub);
	close(c->fd);
	loop_free(the_loop);
	free(c);
	return 0;
}

/* --- packets ---------------------------------------------------------------------------------- */

/* One packet of `len` bytes, as it leaves `from`. Its first byte of payload is `mark`. */
static size_t make_packet(struct crowd *c, uint32_t from, uint32_t to, char mark, size_t len,
			  uint8_t *out)
{
	const struct packet_transport header = { .type = PACKET_TRANSPORT, .receiver = to };
	const char text[2] = { mark, 0 };
	struct keypair *kp = &client_of(c, from)->keypair;
	uint8_t plain[MAX_BYTES];
	char src[32], dst[32];
	size_t total;

	if (c->wireguard) {
		inner_address(from, src);
		inner_address(to, dst);
		total = make_udp(plain, src, dst, 64, text, len);
		assert_int_equal(keypair_seal_to(kp, plain, total, 0, 0, out), ERR_OK);
		return keypair_sealed_len(kp, total, 0);
	}
	/* The hub has no key for what is in the envelope. */
	relay_encode(to, from, 0, out);
	packet_encode_transport(&header, out + RELAY_HEADER_BYTES);
	memset(out + RELAY_HEADER_BYTES + TRANSPORT_HEADER_BYTES, mark, len);
	return RELAY_HEADER_BYTES + TRANSPORT_HEADER_BYTES + len;
}

/* Who sent a packet that came to client `at`, to whom, and its mark. */
static uint32_t read_packet(struct crowd *c, uint32_t at, uint8_t *p, size_t len, uint32_t *to,
			    char *mark)
{
	struct relay_view view;
	struct pkt pkt;
	uint8_t flags;

	if (!c->wireguard) {
		assert_int_equal(relay_decode(p, len, &view), ERR_OK);
		*to = view.destination;
		*mark = (char)view.inner[TRANSPORT_HEADER_BYTES];
		return view.source;
	}
	pkt_init(&pkt, p, len, 0);
	pkt_put(&pkt, len);
	assert_int_equal(keypair_open(&client_of(c, at)->keypair, &pkt, &flags), ERR_OK);
	assert_true(pkt.len > 28);
	*mark = (char)pkt.data[28];
	*to = (uint32_t)(pkt.data[18] << 8 | pkt.data[19]);
	return (uint32_t)(pkt.data[14] << 8 | pkt.data[15]);
}

/* Hands `n` bytes to the kernel, as records of `segment` bytes when they are more than that. */
static void send_from(struct crowd *c, uint32_t from, const uint8_t *p, size_t n, size_t segment)
{
	struct iovec iov = { .iov_base = (void *)(uintptr_t)p, .iov_len = n };
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(struct in_pktinfo)) + CMSG_SPACE(sizeof(uint16_t))];
	} control = { 0 };
	struct sockaddr_storage hub;
	struct msghdr h = { .msg_name = &hub,
			    .msg_namelen = endpoint_to_sockaddr(&c->hub.udp, &hub),
			    .msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = control.bytes,
			    .msg_controllen = CMSG_SPACE(sizeof(struct in_pktinfo)) };
	struct in_pktinfo info = { 0 };
	uint16_t size = (uint16_t)segment;
	struct cmsghdr *cm = CMSG_FIRSTHDR(&h);

	memcpy(&info.ipi_spec_dst, client_of(c, from)->at.addr.b, 4);
	cm->cmsg_level = IPPROTO_IP;
	cm->cmsg_type = IP_PKTINFO;
	cm->cmsg_len = CMSG_LEN(sizeof(info));
	memcpy(CMSG_DATA(cm), &info, sizeof(info));
	if (n > segment) {
		h.msg_controllen = sizeof(control.bytes);
		cm = CMSG_NXTHDR(&h, cm);
		cm->cmsg_level = IPPROTO_UDP;
		cm->cmsg_type = UDP_SEGMENT;
		cm->cmsg_len = CMSG_LEN(sizeof(size));
		memcpy(CMSG_DATA(cm), &size, sizeof(size));
	}
	assert_int_equal(sendmsg(c->fd, &h, 0), (ssize_t)n);
}

/* The next datagram for any client: whose, and its length; 0: there is none. */
static size_t receive(struct crowd *c, uint8_t p[MAX_BYTES], uint32_t *at)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(struct in_pktinfo))];
	} control;
	struct iovec iov = { .iov_base = p, .iov_len = MAX_BYTES };
	struct msghdr h = { .msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = control.bytes,
			    .msg_controllen = sizeof(control.bytes) };
	struct in_pktinfo info;
	ssize_t n = recvmsg(c->fd, &h, MSG_DONTWAIT);
	const uint8_t *to = (const uint8_t *)&info.ipi_addr;

	if (n <= 0)
		return 0;
	assert_non_null(CMSG_FIRSTHDR(&h));
	memcpy(&info, CMSG_DATA(CMSG_FIRSTHDR(&h)), sizeof(info));
	*at = (uint32_t)(to[2] << 8 | to[3]);
	return (size_t)n;
}

/* --- an elephant and mice --------------------------------------------------------------------- */

static void offer(struct crowd *c, uint32_t from, size_t len)
{
	uint8_t p[MAX_BYTES];
	size_t n = make_packet(c, from, SINK, c->measured ? 'm' : 'w', len, p);

	send_from(c, from, p, n, n);
	client_of(c, from)->offered += c->measured;
}

/* The hub's turn, then the sink takes everything. */
static void serve(struct crowd *c)
{
	uint8_t p[MAX_BYTES];
	uint32_t at, to;
	size_t n;
	char mark;

	c->hub.t->now_ms++;
	for (unsigned i = 0; i < c->turns; i++)
		rx_run(c->hub.t, 0);
	while ((n = receive(c, p, &at))) {
		uint32_t from = read_packet(c, at, p, n, &to, &mark);

		assert_int_equal(at, SINK);
		assert_int_equal(to, SINK);
		client_of(c, from)->delivered += mark == 'm';
	}
}

/* The worst order: whatever room there is in the hub's socket, the elephant takes it first. */
static void run_rounds(struct crowd *c, unsigned rounds)
{
	while (rounds--) {
		for (unsigned i = 0; i < BULK_A_ROUND; i++)
			offer(c, ELEPHANT, ELEPHANT_BYTES);
		for (unsigned i = 0; i < MICE_A_ROUND; i++)
			offer(c, FIRST_ID + (uint32_t)(c->turn++ % MICE), MOUSE_BYTES);
		serve(c);
	}
}

/*
 * Half as much again as the hub can work on comes, for ever. The mice, whose packets would be a
 * third, keep theirs, each of them, and the elephant has the rest.
 */
static void mice_beside_an_elephant(void **state)
{
	struct crowd *c = *state;
	const struct client *elephant = client_of(c, ELEPHANT);
	unsigned in = 0, out = 0, worst = 100;

	run_rounds(c, WARM_UP);
	c->measured = true;
	run_rounds(c, ROUNDS);
	for (unsigned i = 0; i < SPARE_ROUNDS; i++)
		serve(c);
	for (uint32_t id = FIRST_ID; id < ELEPHANT; id++) {
		const struct client *mouse = client_of(c, id);
		unsigned part = mouse->delivered * 100 / mouse->offered;

		in += mouse->offered;
		out += mouse->delivered;
		worst = part < worst ? part : worst;
	}
	print_message("elephant %u of %u, mice %u of %u, the worst off %u %%\n",
		      elephant->delivered, elephant->offered, out, in, worst);
	assert_true(elephant->delivered < elephant->offered); /* there was too much */
	assert_true(elephant->delivered >= elephant->offered / 4);
	assert_true(out >= in / 100 * 97);
	assert_true(worst >= 85);
}

/* --- many destinations in one burst ----------------------------------------------------------- */

#define RECORDS 60u /* of one message */

/*
 * One sender's message holds a packet for another mouse in each record, and several of those
 * messages are one burst: more destinations than there are trains. Each gets its own, once.
 */
static void a_burst_for_everybody(void **state)
{
	struct crowd *c = *state;
	static uint8_t message[RECORDS * MAX_BYTES];
	uint8_t p[MAX_BYTES];
	uint32_t at, to;
	size_t len, n;
	char mark;

	if (!udp_offloads(c->hub.t->udp).gro)
		skip();
	for (uint32_t next = 0; next < MICE;) {
		size_t used = 0, segment = 0;

		for (unsigned i = 0; i < RECORDS && next < MICE; i++) {
			segment = make_packet(c, ELEPHANT, FIRST_ID + next++, 'b', MOUSE_BYTES,
					      message + used);
			used += segment;
		}
		send_from(c, ELEPHANT, message, used, segment);
	}
	for (unsigned i = 0; i < MICE; i++)
		rx_run(c->hub.t, 0);
	assert_true(udp_counters(c->hub.t->udp)->received < MICE); /* they came as messages */
	while ((len = receive(c, p, &at))) {
		assert_int_equal(read_packet(c, at, p, len, &to, &mark), ELEPHANT);
		assert_int_equal(to, at);
		assert_int_equal(mark, 'b');
		client_of(c, at)->delivered++;
	}
	for (n = 0; n < MICE; n++)
		assert_int_equal(c->client[n].delivered, 1);
}

#define CROWD_TEST(test, way) cmocka_unit_test_setup_teardown(test, setup_##way, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CROWD_TEST(mice_beside_an_elephant, relay),
		CROWD_TEST(mice_beside_an_elephant, wireguard),
		CROWD_TEST(a_burst_for_everybody, relay),
		CROWD_TEST(a_burst_for_everybody, wireguard),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
