/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * offload against the kernel itself: a TUN device with vnet headers in a network namespace of its
 * own. We play the host behind the tunnel (10.9.0.2, fd09::...:2), the kernel is 10.9.0.1, fd09::1.
 *
 *   packets -> coalesce -> writev(TUN) -> the kernel's TCP and UDP -> socket
 *   socket -> the kernel's TCP and UDP -> read(TUN) -> vnet_decode -> segment -> packets
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <netinet/udp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "shared/tunnel/segment.h"
#include "tests/lib/coalesce_sink.h"
#include "tests/unit/shared/monitor/child.h"

#ifndef TUN_F_USO4
#define TUN_F_USO4 0x20
#define TUN_F_USO6 0x40
#endif

#define WAIT_MS   60000
#define PROBE_MS  20
#define TCP_PORT  8000u
#define UDP_PORT  7000u
#define OUR_PORT  5555u
#define OUR_HOST  2u
#define DATAGRAMS 300u

/* The kernel's side and ours. */
struct bench {
	int version;
	int tun;
	bool uso;
	int sock;
	struct coalescer c;
	struct packets kept; /* what the coalescer refers to */
	unsigned gso_written, gso_read;
	uint64_t random;
};

static void open_tun(struct bench *b)
{
	struct ifreq ifr = { .ifr_flags = IFF_TUN | IFF_NO_PI | IFF_VNET_HDR };
	unsigned offloads = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6;
	int size = VNET_HEADER_BYTES;
	char out[512];

	memcpy(ifr.ifr_name, "tun0", 5);
	b->tun = open("/dev/net/tun", O_RDWR | O_NONBLOCK);
	CHECK(b->tun >= 0);
	CHECK(ioctl(b->tun, TUNSETIFF, &ifr) == 0);
	CHECK(ioctl(b->tun, TUNSETVNETHDRSZ, &size) == 0);
	/* An older kernel does not know USO. */
	b->uso = ioctl(b->tun, TUNSETOFFLOAD, offloads | TUN_F_USO4 | TUN_F_USO6) == 0;
	CHECK(b->uso || ioctl(b->tun, TUNSETOFFLOAD, offloads) == 0);
	output_of("ip link set lo up; ip link set tun0 up; ip addr add 10.9.0.1/24 dev tun0;"
		  "ip addr add fd09::1/16 dev tun0 nodad 2>&1",
		  out, sizeof(out));
	CHECK(out[0] == '\0');
}

/* The kernel must take all that the coalescer makes. */
static void write_out(void *arg, const struct iovec *iov, int n)
{
	struct bench *b = arg;
	size_t len = 0;
	struct raw_vnet raw;

	for (int i = 0; i < n; i++)
		len += iov[i].iov_len;
	memcpy(&raw, iov[0].iov_base, sizeof(raw));
	b->gso_written += raw.gso_size > 0;
	CHECK(writev(b->tun, iov, n) == (ssize_t)len);
}

static void send_bytes(struct bench *b, const uint8_t *p, size_t len, bool partial)
{
	struct inner in;
	uint8_t *own = packets_add(&b->kept, p, len);

	CHECK(inner_decode(own, len, false, &in) == ERR_OK);
	coalesce_add(&b->c, own, &in, partial);
}

static void send_packet(struct bench *b, const struct shape *shape)
{
	static uint8_t p[PACKET_MAX];

	send_bytes(b, p, make_packet(p, shape), shape->partial);
}

static void flush_out(struct bench *b)
{
	coalesce_flush(&b->c);
	packets_clear(&b->kept);
}

/* Waits for the kernel's next TCP or UDP packet to our port and cuts it into `out`. */
static void read_packets(struct bench *b, uint8_t proto, struct packets *out)
{
	static uint8_t buffer[VNET_HEADER_BYTES + PACKET_MAX];
	uint8_t *packet = buffer + VNET_HEADER_BYTES, *p;
	struct segmenter s;
	struct inner in;
	struct vnet v;
	bool partial;
	size_t n;

	for (;;) {
		struct pollfd poll_in = { .fd = b->tun, .events = POLLIN };
		ssize_t got;

		CHECK(poll(&poll_in, 1, WAIT_MS) == 1);
		got = read(b->tun, buffer, sizeof(buffer));
		CHECK(got > (ssize_t)VNET_HEADER_BYTES);
		CHECK(inner_decode(packet, (size_t)got - VNET_HEADER_BYTES, false, &in) == ERR_OK);
		CHECK(vnet_decode(buffer, packet, &in, &v) == ERR_OK);
		/* The kernel has its own to say, too: router solicitations and the like. */
		if (in.protocol == proto && get16(packet + in.header_len + 2) == OUR_PORT)
			break;
	}
	b->gso_read += v.gso != OFFLOAD_NONE;
	CHECK(segment_begin(&s, packet, &in, &v, random_u32(&b->random) % 2) == ERR_OK);
	while (segment_next(&s, &p, &n, &partial)) {
		uint8_t *copy = packets_add(out, p, n);

		if (partial) {
			CHECK(naive_has_pseudo(copy, n));
			set_l4_csum(copy, n, false);
		}
		CHECK(naive_is_right(copy, n));
	}
}

static int open_socket(int version, int type, uint16_t port)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(port) };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	struct timeval wait = { .tv_sec = WAIT_MS / 1000 };
	int fd = socket(version == 4 ? AF_INET : AF_INET6, type, 0), room = 1 << 20;

	CHECK(fd >= 0);
	CHECK(inet_pton(AF_INET, "10.9.0.1", &v4.sin_addr) == 1);
	CHECK(inet_pton(AF_INET6, "fd09::1", &v6.sin6_addr) == 1);
	CHECK(version == 4 ? !bind(fd, (struct sockaddr *)&v4, sizeof(v4))
			   : !bind(fd, (struct sockaddr *)&v6, sizeof(v6)));
	CHECK(!setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)));
	CHECK(!setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)));
	return fd;
}

/* The kernel makes its IPv6 routes in the background: sends datagrams until one arrives. */
static void await_kernel(struct bench *b)
{
	struct pollfd in = { .fd = open_socket(b->version, SOCK_DGRAM, UDP_PORT),
			     .events = POLLIN };
	int tries = WAIT_MS / PROBE_MS;

	do {
		CHECK(tries-- > 0);
		send_packet(b, &(struct shape){ .version = b->version,
						.proto = IPPROTO_UDP,
						.host = OUR_HOST,
						.dport = UDP_PORT });
		flush_out(b);
	} while (poll(&in, 1, PROBE_MS) != 1);
	close(in.fd);
}

static void bench_init(struct bench *b, int version)
{
	*b = (struct bench){ .version = version, .random = 0xbe5466cf34e90c6cu };
	enter_netns();
	open_tun(b);
	coalesce_init(&b->c, true, true, true, write_out, b);
	await_kernel(b);
	b->c.emitted = 0;
}

/* --- UDP ----------------------------------------------------------------------------------- */

/* Runs of datagrams of one size, some shorter, some whole and some partial, one broken. */
static void udp_in(void *arg)
{
	struct bench b;
	struct shape s = {
		.proto = IPPROTO_UDP, .host = OUR_HOST, .sport = OUR_PORT, .dport = UDP_PORT
	};
	static uint8_t want[PACKET_MAX], got[PACKET_MAX];
	uint32_t sizes[DATAGRAMS], size = 0;

	bench_init(&b, *(const int *)arg);
	s.version = b.version;
	b.sock = open_socket(b.version, SOCK_DGRAM, UDP_PORT);
	for (unsigned i = 0; i < DATAGRAMS; i++) {
		if (i % 90 == 0)
			size = 2 + random_u32(&b.random) % 1400;
		s.payload = sizes[i] = size - (i % 30 == 29);
		s.salt = i;
		s.partial = random_u32(&b.random) % 2;
		s.id++;
		send_packet(&b, &s);
		if (i == 100) { /* not to be delivered */
			size_t len = make_packet(want, &(struct shape){ .version = b.version,
									.proto = IPPROTO_UDP,
									.host = OUR_HOST,
									.sport = OUR_PORT,
									.dport = UDP_PORT,
									.payload = 99 });
			want[len - 1] ^= 1;
			send_bytes(&b, want, len, false);
		}
	}
	flush_out(&b);
	CHECK(b.gso_written >= 8 && b.c.emitted < DATAGRAMS / 4);
	for (unsigned i = 0; i < DATAGRAMS; i++) {
		size_t len;

		s.payload = sizes[i];
		s.salt = i;
		len = make_packet(want, &s);
		CHECK(recv(b.sock, got, sizeof(got), 0) == (ssize_t)sizes[i]);
		CHECK(memcmp(got, want + len - sizes[i], sizes[i]) == 0);
	}
	CHECK(recv(b.sock, got, sizeof(got), MSG_DONTWAIT) < 0 && errno == EAGAIN);
}

/* One send with UDP_SEGMENT: 20 datagrams and a shorter one. */
static void udp_out(void *arg)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(OUR_PORT) };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(OUR_PORT) };
	int segment = 1200;
	static uint8_t bytes[20 * 1200 + 77];
	struct packets out = { 0 };
	struct bench b;
	size_t at = 0;

	bench_init(&b, *(const int *)arg);
	b.sock = open_socket(b.version, SOCK_DGRAM, UDP_PORT);
	CHECK(inet_pton(AF_INET, "10.9.0.2", &v4.sin_addr) == 1);
	CHECK(inet_pton(AF_INET6, "fd09::2", &v6.sin6_addr) == 1);
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)random_u32(&b.random);
	CHECK(!setsockopt(b.sock, IPPROTO_UDP, UDP_SEGMENT, &segment, sizeof(segment)));
	CHECK(sendto(b.sock, bytes, sizeof(bytes), 0,
		     b.version == 4 ? (struct sockaddr *)&v4 : (struct sockaddr *)&v6,
		     b.version == 4 ? sizeof(v4) : sizeof(v6)) == (ssize_t)sizeof(bytes));
	while (at < sizeof(bytes)) {
		read_packets(&b, IPPROTO_UDP, &out);
		for (unsigned i = 0; i < out.n; i++) {
			const uint8_t *p = out.at[i].data;
			size_t n = out.at[i].len - payload_at(p);

			CHECK(n == (at == 20u * 1200u ? 77u : 1200u));
			CHECK(memcmp(p + payload_at(p), bytes + at, n) == 0);
			at += n;
		}
		packets_clear(&out);
	}
	CHECK(b.gso_read == (b.uso ? 1 : 0));
}

/* --- TCP ----------------------------------------------------------------------------------- */

#define TCP_SEGMENT  1400u
#define TCP_SEGMENTS 28u /* within the first window that the kernel offers */

/* Our end of a connection to the kernel's listening socket. Returns the accepted socket. */
static int tcp_connect(struct bench *b, struct shape *s)
{
	struct packets out = { 0 };
	uint8_t p[128];
	size_t len;
	int fd;

	b->sock = open_socket(b->version, SOCK_STREAM, TCP_PORT);
	CHECK(listen(b->sock, 1) == 0);
	*s = (struct shape){ .version = b->version,
			     .host = OUR_HOST,
			     .sport = OUR_PORT,
			     .dport = TCP_PORT,
			     .seq = 0xffffff00u,
			     .window = 0xffff,
			     .flags = FLAG_SYN,
			     .tcp_options = 4 };
	len = make_packet(p, s);
	memcpy(p + payload_at(p) - 4, (const uint8_t[]){ 2, 4, 0x05, 0x78 }, 4); /* MSS 1400 */
	set_l4_csum(p, len, false);
	send_bytes(b, p, len, false);
	flush_out(b);
	read_packets(b, IPPROTO_TCP, &out);
	CHECK(out.n == 1 && out.at[0].data[l4_at(out.at[0].data) + 13] == (FLAG_SYN | FLAG_ACK));
	s->ack = get32(out.at[0].data + l4_at(out.at[0].data) + 4) + 1;
	packets_clear(&out);
	s->seq++;
	s->tcp_options = 0;
	s->flags = FLAG_ACK;
	send_packet(b, s);
	flush_out(b);
	fd = accept(b->sock, NULL, NULL);
	CHECK(fd >= 0);
	return fd;
}

static void tcp_in(void *arg)
{
	static uint8_t want[TCP_SEGMENTS * TCP_SEGMENT], got[TCP_SEGMENTS * TCP_SEGMENT + 1],
		p[4096];
	struct bench b;
	struct shape s;
	int fd;

	bench_init(&b, *(const int *)arg);
	fd = tcp_connect(&b, &s);
	s.payload = TCP_SEGMENT;
	for (unsigned i = 0; i < TCP_SEGMENTS; i++) {
		s.salt = i;
		s.partial = random_u32(&b.random) % 2;
		s.flags = i == 10 ? FLAG_ACK | FLAG_PSH : FLAG_ACK;
		if (i == TCP_SEGMENTS - 1)
			s.flags = FLAG_ACK | FLAG_PSH | FLAG_FIN;
		memcpy(want + i * TCP_SEGMENT, p + make_packet(p, &s) - TCP_SEGMENT, TCP_SEGMENT);
		send_packet(&b, &s);
		s.seq += TCP_SEGMENT;
		s.id++;
	}
	flush_out(&b);
	CHECK(b.gso_written == 2);
	CHECK(recv(fd, got, sizeof(want), MSG_WAITALL) == (ssize_t)sizeof(want));
	CHECK(memcmp(got, want, sizeof(want)) == 0);
	/* The FIN of the last one was seen. */
	CHECK(recv(fd, got, 1, 0) == 0);
}

/* Takes what the kernel sends at once, and acknowledges it. */
static void take_stream(struct bench *b, struct shape *s, const uint8_t *bytes, uint32_t *at)
{
	struct packets out = { 0 };

	read_packets(b, IPPROTO_TCP, &out);
	for (unsigned i = 0; i < out.n; i++) {
		const uint8_t *p = out.at[i].data;
		size_t n = out.at[i].len - payload_at(p);

		/* One sent again, since the machine was slow, tells nothing new. */
		if (get32(p + l4_at(p) + 4) != s->ack || !n)
			continue;
		CHECK(n <= TCP_SEGMENT);
		CHECK(memcmp(p + payload_at(p), bytes + *at, n) == 0);
		*at += (uint32_t)n;
		s->ack += (uint32_t)n;
	}
	packets_clear(&out);
	send_packet(b, s);
	flush_out(b);
}

static void tcp_out(void *arg)
{
	static uint8_t bytes[300000];
	struct bench b;
	struct shape s;
	uint32_t at = 0;
	size_t sent = 0;
	int fd;

	bench_init(&b, *(const int *)arg);
	fd = tcp_connect(&b, &s);
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)random_u32(&b.random);
	while (at < sizeof(bytes)) {
		ssize_t n = send(fd, bytes + sent, sizeof(bytes) - sent, MSG_DONTWAIT);

		sent += n > 0 ? (size_t)n : 0;
		take_stream(&b, &s, bytes, &at);
	}
	CHECK(b.gso_read >= 5);
}

static void run_both_versions(void (*body)(void *))
{
	int version = 4;

	run_in_child(body, &version);
	version = 6;
	run_in_child(body, &version);
}

static void test_udp_in(void **state)
{
	(void)state;
	run_both_versions(udp_in);
}

static void test_udp_out(void **state)
{
	(void)state;
	run_both_versions(udp_out);
}

static void test_tcp_in(void **state)
{
	(void)state;
	run_both_versions(tcp_in);
}

static void test_tcp_out(void **state)
{
	(void)state;
	run_both_versions(tcp_out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_udp_in),
		cmocka_unit_test(test_udp_out),
		cmocka_unit_test(test_tcp_in),
		cmocka_unit_test(test_tcp_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
