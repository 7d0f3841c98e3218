/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * tun with the kernel: a device with two queues in a network namespace of its own. We play the host
 * behind the tunnel, the kernel is 10.9.0.1 and fd09::1.
 */
#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>

#include "shared/monitor/device.h"
#include "shared/tunnel/tun.h"
#include "tests/lib/inner_packets.h"
#include "tests/unit/shared/monitor/child.h"

#define WAIT_MS     60000
#define FLOWS       64u /* by chance alone the kernel would spread so many */
#define FIRST_PORT  5000u
#define UDP_PORT    7000u
#define CLOSED_PORT 9u

/* The kernel takes packets to an IPv6 address of its own once a task of its own has run. */
static void wait_for_address(void)
{
	char out[512] = "";

	for (unsigned ms = 0; out[0] == '\0'; ms += 5) {
		CHECK(ms < WAIT_MS);
		output_of("ip -6 route show table local fd09::1 dev tun0", out, sizeof(out));
		poll(NULL, 0, out[0] ? 0 : 5);
	}
}

static struct tun *open_tun(void)
{
	struct worker_fds fds = { .tun = -1, .tun_bulk = -1 };
	struct device d = { .fd = -1 };
	char out[512];
	struct tun *t;

	enter_netns();
	CHECK(device_open_queues("/dev/net/tun", "tun0", true, &d, &fds.tun_bulk, 1) == ERR_OK);
	fds.tun = d.fd;
	fds.tun_vnet_hdr = d.vnet_hdr;
	CHECK(d.vnet_hdr);
	output_of("ip link set lo up; ip link set tun0 up; ip addr add 10.9.0.1/24 dev tun0;"
		  "ip addr add fd09::1/16 dev tun0 nodad 2>&1",
		  out, sizeof(out));
	CHECK(out[0] == '\0');
	wait_for_address();
	CHECK(tun_new(&fds, &t) == ERR_OK);
	return t;
}

/* A UDP socket of the kernel's side that nobody has to serve: what comes is sent back by answer().
 */
static int open_echo(int version)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(UDP_PORT) };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(UDP_PORT) };
	int fd = socket(version == 4 ? AF_INET : AF_INET6, SOCK_DGRAM, 0);

	CHECK(fd >= 0);
	CHECK(bind(fd, version == 4 ? (struct sockaddr *)&v4 : (struct sockaddr *)&v6,
		   version == 4 ? sizeof(v4) : sizeof(v6)) == 0);
	return fd;
}

static void answer(int sock)
{
	struct pollfd in = { .fd = sock, .events = POLLIN };
	struct sockaddr_storage from;
	socklen_t len = sizeof(from);
	uint8_t data[64];
	ssize_t n;

	CHECK(poll(&in, 1, WAIT_MS) == 1);
	n = recvfrom(sock, data, sizeof(data), 0, (struct sockaddr *)&from, &len);
	CHECK(n > 0 && sendto(sock, data, (size_t)n, 0, (struct sockaddr *)&from, len) == n);
}

/* As the coalescer gives it. */
static void send_packet(struct tun *t, const struct shape *s)
{
	static uint8_t p[256];
	uint8_t header[VNET_HEADER_BYTES] = { 0 };
	const struct iovec iov[2] = {
		{ .iov_base = header, .iov_len = sizeof(header) },
		{ .iov_base = p, .iov_len = make_packet(p, s) },
	};

	tun_writev(t, iov, 2);
}

/* The queue that the kernel's packet to our `port` comes from; others it says by itself. */
static enum tun_queue queue_of_answer(struct tun *t, uint8_t proto, uint32_t port)
{
	for (;;) {
		struct pollfd in[TUN_QUEUES] = {
			{ .fd = tun_fd(t, TUN_FIRST), .events = POLLIN },
			{ .fd = tun_fd(t, TUN_BULK), .events = POLLIN },
		};
		const uint8_t *header;
		enum tun_queue q;
		uint8_t *p;
		size_t len;

		CHECK(poll(in, TUN_QUEUES, WAIT_MS) > 0);
		q = in[TUN_BULK].revents ? TUN_BULK : TUN_FIRST;
		CHECK(tun_read(t, q, &p, &len, &header) == ERR_OK);
		if (proto_of(p) == proto && get16(p + l4_at(p) + 2) == port)
			return q;
	}
}

/* The answers of every flow come from the queue of its kind. */
static void body_queues(void *arg)
{
	const int version = *(const int *)arg;
	struct tun *t = open_tun();
	const int echo = open_echo(version);

	for (uint16_t i = 0; i < FLOWS; i++) {
		struct shape s = { .version = version,
				   .host = 2,
				   .sport = (uint16_t)(FIRST_PORT + i),
				   .dport = CLOSED_PORT,
				   .payload = 10 };

		/* The kernel answers while it takes the packet, and then learns the flow. */
		send_packet(t, &s);
		queue_of_answer(t, IPPROTO_TCP, s.sport);
		send_packet(t, &s);
		CHECK(queue_of_answer(t, IPPROTO_TCP, s.sport) == TUN_BULK);
		s.proto = IPPROTO_UDP;
		s.dport = UDP_PORT;
		send_packet(t, &s);
		answer(echo);
		CHECK(queue_of_answer(t, IPPROTO_UDP, s.sport) == TUN_FIRST);
	}
	CHECK(tun_counters(t)->write_failed == 0);
	tun_free(t);
}

static void test_queues(void **state)
{
	int version = 4;

	(void)state;
	run_in_child(body_queues, &version);
	version = 6;
	run_in_child(body_queues, &version);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_queues),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
