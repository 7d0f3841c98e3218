/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * Engines in one process for tests: each with real UDP sockets on loopback, a socket pair in the
 * place of the TUN device, and the test as its control. Between an engine and the hub a `wire` may
 * stand, which forwards datagrams as a NAT would and can record, drop, change and repeat them.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "shared/base/clock.h"
#include "shared/tunnel/engine.h"
#include "shared/tunnel/icmp.h"
#include "shared/tunnel/tunnel.h"

#define WAIT_MS  60000u
#define TEST_MTU 1400u

struct box {
	struct worker w;
	uint32_t id;
	struct tunnel *t; /* the engine's state, looked into by tests */
	int tun;          /* the kernel's side of the TUN device */
	int bulk;         /* and of its second queue; -1: none */
	struct endpoint udp;
	struct secret_key key;
	struct public_key public;
	struct channel *control;
	uint64_t applied;
	struct engine_path last_path;
	struct engine_pong pong;
	bool got_pong;
	struct engine_forgotten forgotten;
	struct engine_status_end totals;
	bool got_totals;
	unsigned located;
	bool hub_silent; /* as the engine told last */
};

static struct loop *the_loop;
/* Of the engines that node_open() makes. */
static unsigned the_workers = 1;
static bool the_bulk_queue;

/*
 * A clock that stands still while this process is ready to run and others have the processor: what
 * a busy machine takes is no silence of ours. Where the kernel does not tell it is the usual one.
 */
static inline uint64_t awake_ms(void)
{
	FILE *f = fopen("/proc/self/schedstat", "re");
	unsigned long long ran_ns, waited_ns = 0;

	if (f && fscanf(f, "%llu %llu", &ran_ns, &waited_ns) != 2)
		waited_ns = 0;
	if (f)
		fclose(f);
	return clock_now_ms() - waited_ns / 1000000;
}

struct wait {
	struct timer poll;
	bool (*done)(void *arg);
	void *arg;
	uint64_t until_ms;
	unsigned rounds; /* at least so many rounds of the loop: a busy machine only makes it longer
			  */
};

static void wait_poll(struct timer *t, uint64_t now_ms)
{
	struct wait *w = container_of(t, struct wait, poll);

	if (w->rounds)
		w->rounds--;
	if (w->done(w->arg) || (now_ms >= w->until_ms && !w->rounds))
		loop_stop(the_loop, 0);
	else
		timer_arm(loop_timers(the_loop), t, now_ms + 1);
}

/* Runs the loop until `done` says so; false when it did not in time. */
static inline bool run_until(bool (*done)(void *), void *arg, uint64_t ms)
{
	struct wait w = { .poll.fire = wait_poll,
			  .done = done,
			  .arg = arg,
			  .rounds = ms < 100 ? (unsigned)ms : 100,
			  .until_ms = clock_now_ms() + ms };

	timer_arm(loop_timers(the_loop), &w.poll, clock_now_ms());
	loop_run(the_loop);
	timer_disarm(loop_timers(the_loop), &w.poll);
	return done(arg);
}

static inline bool never(void *arg)
{
	(void)arg;
	return false;
}

/* Lets everything that is under way happen. */
static inline void settle(void) { run_until(never, NULL, 60); }

static inline void node_message(struct channel *ch, void *arg, uint16_t type, struct cursor *body,
				int fd)
{
	struct box *n = arg;
	struct engine_revision rev;
	struct engine_hub_silent hub;

	(void)ch;
	assert_int_equal(fd, -1);
	switch (type) {
	case ENGINE_APPLIED:
		assert_int_equal(engine_revision_decode(body, &rev), ERR_OK);
		n->applied = rev.revision;
		break;
	case ENGINE_PATH:
		assert_int_equal(engine_path_decode(body, &n->last_path), ERR_OK);
		break;
	case ENGINE_PONG:
		assert_int_equal(engine_pong_decode(body, &n->pong), ERR_OK);
		n->got_pong = true;
		break;
	case ENGINE_FORGOTTEN:
		assert_int_equal(engine_forgotten_decode(body, &n->forgotten), ERR_OK);
		break;
	case ENGINE_STATUS_END:
		assert_int_equal(engine_status_end_decode(body, &n->totals), ERR_OK);
		n->got_totals = true;
		break;
	case ENGINE_HUB_SILENT:
		assert_int_equal(engine_hub_silent_decode(body, &hub), ERR_OK);
		n->hub_silent = hub.silent;
		break;
	case ENGINE_LOCATE:
		n->located++;
		break;
	default:
		break;
	}
}

static inline void node_closed(struct channel *ch, void *arg)
{
	struct box *n = arg;

	(void)ch;
	n->control = NULL;
}

static const struct channel_events node_events = { .message = node_message, .closed = node_closed };

/* The engine's own end of the control channel. */
static inline void engine_message(struct channel *ch, void *arg, uint16_t type, struct cursor *body,
				  int fd)
{
	struct box *n = arg;

	(void)ch;
	engine_role_ops.message(&n->w, WORKER_CONTROL, type, body, fd);
}

static inline void engine_closed(struct channel *ch, void *arg)
{
	struct box *n = arg;

	(void)ch;
	n->w.siblings[WORKER_CONTROL] = NULL;
	engine_role_ops.sibling_down(&n->w, WORKER_CONTROL);
}

static const struct channel_events engine_events = { .message = engine_message,
						     .closed = engine_closed };

static inline int udp_socket(struct endpoint *bound)
{
	struct sockaddr_in sin = { .sin_family = AF_INET,
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&sin, sizeof(sin)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&ss, &len), 0);
	assert_int_equal(endpoint_from_sockaddr(&ss, len, bound), ERR_OK);
	return fd;
}

static inline void node_open(struct box *n, uint32_t id)
{
	struct engine_params params = { .crypto = AEAD_AUTO, .workers = the_workers };
	int pair[2], control[2];

	memset(n, 0, sizeof(*n));
	n->id = id;
	secret_random(n->key.b, sizeof(n->key.b));
	params.tunnel_key = n->key;
	params.offload = true;
	assert_int_equal(engine_load(&params, &n->w.state), ERR_OK);
	n->t = n->w.state;
	n->public = n->t->own_keys.key[0]->self.key.public;
	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair),
			 0);
	n->tun = pair[1];
	n->w.role = WORKER_ENGINE;
	n->w.loop = the_loop;
	n->w.ops = &engine_role_ops;
	n->w.fds.tun = pair[0];
	n->w.fds.tun_bulk = n->bulk = -1;
	if (the_bulk_queue) {
		assert_int_equal(
			socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
		n->bulk = pair[1];
		n->w.fds.tun_bulk = pair[0];
	}
	n->w.fds.udp[0] = udp_socket(&n->udp);
	n->w.fds.n_udp = 1;
	assert_int_equal(engine_role_ops.start(&n->w), ERR_OK);
	assert_int_equal(channel_pair(control), ERR_OK);
	assert_int_equal(channel_new(the_loop, control[0], &engine_events, n,
				     &n->w.siblings[WORKER_CONTROL]),
			 ERR_OK);
	assert_int_equal(channel_new(the_loop, control[1], &node_events, n, &n->control), ERR_OK);
	engine_role_ops.sibling_up(&n->w, WORKER_CONTROL);
}

static inline void node_close(struct box *n)
{
	channel_free(n->control);
	channel_free(n->w.siblings[WORKER_CONTROL]);
	engine_role_ops.fini(&n->w);
	close(n->w.fds.udp[0]);
	close(n->w.fds.tun);
	close(n->tun);
	if (n->bulk >= 0) {
		close(n->w.fds.tun_bulk);
		close(n->bulk);
	}
}

#define node_send(n, type, encode, m)                                                              \
	do {                                                                                       \
		static uint8_t send_mem[CHANNEL_MSG_MAX_BYTES];                                    \
		struct cursor send_cursor;                                                         \
		cursor_init_write(&send_cursor, send_mem, sizeof(send_mem));                       \
		encode(m, &send_cursor);                                                           \
		assert_int_equal(send_cursor.err, ERR_OK);                                         \
		assert_int_equal(channel_send((n)->control, type, send_mem, send_cursor.pos, -1),  \
				 ERR_OK);                                                          \
	} while (0)

/* A message without payload. */
static inline void node_say(struct box *n, uint16_t type)
{
	assert_int_equal(channel_send(n->control, type, NULL, 0, -1), ERR_OK);
}

/* 192.168.100.ID */
static inline struct addr node_addr(uint32_t id)
{
	return addr_from_v4((const uint8_t[]){ 192, 168, 100, (uint8_t)id });
}

static inline void node_self(struct box *n, bool is_hub, bool aes)
{
	struct engine_self m = {
		.id = n->id,
		.is_hub = is_hub,
		.hub_id = 1,
		.aes = aes,
		.mtu = TEST_MTU,
		.clamp_mss = true,
		.addresses = { node_addr(n->id) },
	};

	node_send(n, ENGINE_SELF, engine_self_encode, &m);
}

/* The directory's word about `of`: address 192.168.100.ID and LAN 10.ID.0.0/24. */
static inline struct engine_peer peer_record(const struct box *of, enum node_kind kind)
{
	struct engine_peer m = {
		.id = of->id, .kind = kind, .aes = true, .groups = 1, .reach = 1, .n_subnets = 2
	};
	struct addr a = node_addr(of->id);
	struct addr lan = addr_from_v4((const uint8_t[]){ 10, (uint8_t)of->id, 0, 0 });

	m.tunnel_key = of->public;
	m.name[0] = 'n';
	m.name[1] = (char)('0' + of->id);
	m.subnets[0] = (struct node_subnet){ .prefix = prefix_of_host(&a), .weight = 10 };
	m.subnets[1] = (struct node_subnet){ .prefix = prefix_of_net(&lan, 24), .weight = 10 };
	return m;
}

static inline void node_peer(struct box *n, const struct engine_peer *m)
{
	node_send(n, ENGINE_PEER, engine_peer_encode, m);
}

static inline void node_endpoint(struct box *n, uint32_t id, const struct endpoint *e)
{
	struct engine_endpoints m = { .id = id, .n = 1, .endpoints = { *e } };

	node_send(n, ENGINE_ENDPOINTS, engine_endpoints_encode, &m);
}

/* A UDP packet from `src` to `dst` with `len` bytes of a pattern that starts with `mark`. Returns
 * its whole length. */
static inline size_t make_udp(uint8_t *p, const char *src, const char *dst, uint8_t ttl,
			      const char *mark, size_t len)
{
	size_t total = 28 + len;
	uint16_t sum;

	memset(p, 0, total);
	p[0] = 0x45;
	p[2] = (uint8_t)(total >> 8);
	p[3] = (uint8_t)total;
	p[8] = ttl;
	p[9] = IPPROTO_UDP;
	assert_int_equal(inet_pton(AF_INET, src, p + 12), 1);
	assert_int_equal(inet_pton(AF_INET, dst, p + 16), 1);
	sum = icmp_fold(icmp_sum(p, 20, 0));
	p[10] = (uint8_t)(sum >> 8);
	p[11] = (uint8_t)sum;
	p[24] = (uint8_t)((8 + len) >> 8);
	p[25] = (uint8_t)(8 + len);
	memset(p + 28, 'x', len);
	memcpy(p + 28, mark, strlen(mark) < len ? strlen(mark) : len);
	return total;
}

/* A packet that its kernel hands to node `n`. */
static inline void tun_send(struct box *n, const char *src, const char *dst, uint8_t ttl,
			    const char *mark, size_t len)
{
	uint8_t p[2048];
	size_t total = make_udp(p, src, dst, ttl, mark, len);

	assert_int_equal(send(n->tun, p, total, 0), (ssize_t)total);
}

struct arrival {
	struct box *n;
	uint8_t p[2048];
	ssize_t len;
};

static inline bool arrived(void *arg)
{
	struct arrival *a = arg;

	if (a->len <= 0)
		a->len = recv(a->n->tun, a->p, sizeof(a->p), MSG_DONTWAIT);
	return a->len > 0;
}

/* Waits for a packet at the node's kernel. */
static inline bool tun_receive(struct box *n, struct arrival *a, uint64_t ms)
{
	memset(a, 0, sizeof(*a));
	a->n = n;
	return run_until(arrived, a, ms);
}

static inline void expect_mark(struct box *n, const char *mark)
{
	struct arrival a;

	if (!tun_receive(n, &a, WAIT_MS)) {
		for (unsigned i = 0; i < DROP_COUNT; i++)
			if (n->t->drops[i])
				print_message("node %u dropped %s: %u\n", n->id, engine_drop_str(i),
					      (unsigned)n->t->drops[i]);
		fail_msg("no packet at node %u, expected \"%s\"", n->id, mark);
	}
	assert_true(a.len >= 28 + (ssize_t)strlen(mark));
	assert_memory_equal(a.p + 28, mark, strlen(mark));
}

static inline void expect_silence(struct box *n)
{
	struct arrival a;

	assert_false(tun_receive(n, &a, 80));
}

/* --- the wire --------------------------------------------------------------------------------- */

struct wire {
	struct loop_fd inside_fd, outside_fd;
	struct endpoint inside;  /* what the node behind it takes for the hub */
	struct endpoint outside; /* what the hub takes for the node */
	struct endpoint node, hub;
	bool drop;          /* loses everything */
	unsigned lose;      /* so many of the next towards the hub */
	int corrupt_at;     /* flips a bit of the byte at this place towards the hub; -1 not */
	uint8_t last[2048]; /* the last datagram towards the hub */
	size_t last_len;
	uint8_t last_in[2048]; /* and towards the node */
	size_t last_in_len;
	unsigned to_hub, to_node;
	unsigned dropped; /* in both directions, while `drop` was set */
};

static inline void wire_send(int fd, const uint8_t *p, size_t n, const struct endpoint *to)
{
	struct sockaddr_storage ss;
	socklen_t len = endpoint_to_sockaddr(to, &ss);

	assert_int_equal(sendto(fd, p, n, 0, (struct sockaddr *)&ss, len), (ssize_t)n);
}

static inline void wire_inside(struct loop_fd *f, uint32_t events)
{
	struct wire *w = container_of(f, struct wire, inside_fd);
	ssize_t n = recv(f->fd, w->last, sizeof(w->last), MSG_DONTWAIT);

	(void)events;
	w->dropped += n > 0 && w->drop;
	if (n <= 0 || w->drop)
		return;
	if (w->lose) {
		w->lose--;
		return;
	}
	w->last_len = (size_t)n;
	w->to_hub++;
	if (w->corrupt_at >= 0 && w->corrupt_at < n)
		w->last[w->corrupt_at] ^= 4;
	wire_send(w->outside_fd.fd, w->last, w->last_len, &w->hub);
}

static inline void wire_outside(struct loop_fd *f, uint32_t events)
{
	struct wire *w = container_of(f, struct wire, outside_fd);
	ssize_t n = recv(f->fd, w->last_in, sizeof(w->last_in), MSG_DONTWAIT);

	(void)events;
	w->dropped += n > 0 && w->drop;
	if (n <= 0 || w->drop)
		return;
	w->last_in_len = (size_t)n;
	w->to_node++;
	wire_send(w->inside_fd.fd, w->last_in, w->last_in_len, &w->node);
}

static inline void wire_open(struct wire *w, const struct box *node, const struct box *hub)
{
	memset(w, 0, sizeof(*w));
	w->corrupt_at = -1;
	w->node = node->udp;
	w->hub = hub->udp;
	assert_int_equal(
		loop_fd_add(the_loop, &w->inside_fd, udp_socket(&w->inside), EPOLLIN, wire_inside),
		ERR_OK);
	assert_int_equal(loop_fd_add(the_loop, &w->outside_fd, udp_socket(&w->outside), EPOLLIN,
				     wire_outside),
			 ERR_OK);
}

static inline void wire_drop_fd(struct loop_fd *f)
{
	int fd = f->fd;

	loop_fd_del(the_loop, f);
	close(fd);
}

/* The NAT forgets: from now on the hub sees another port. */
static inline void wire_rebind(struct wire *w)
{
	wire_drop_fd(&w->outside_fd);
	assert_int_equal(loop_fd_add(the_loop, &w->outside_fd, udp_socket(&w->outside), EPOLLIN,
				     wire_outside),
			 ERR_OK);
}

static inline void wire_close(struct wire *w)
{
	wire_drop_fd(&w->inside_fd);
	wire_drop_fd(&w->outside_fd);
}
