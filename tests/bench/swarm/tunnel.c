/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The sessions with the hub's engine: each initiates, confirms by a keepalive, sends one now and
 * then, and renews the session by WireGuard's timers. A member's local index is its number and,
 * above INDEX_BITS, the number of the try.
 *
 * Timer, one a member: handshake out: the next try, after an agent's waits (REKEY_RETRY_MIN_MS,
 * doubling to REKEY_TIMEOUT_MS, and jitter); session: the next
 * keepalive, or a new handshake once the session is REKEY_AFTER_MS old.
 */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "shared/base/clock.h"
#include "shared/base/log.h"
#include "shared/wire/packet.h"
#include "tests/bench/swarm/swarm.h"

#define INDEX_BITS       14u /* NODES_MAX */
#define SESSION_ALIVE_MS 25000u
#define RECEIVE_AT_ONCE  256u
#define DATAGRAM_BYTES   2048u

_Static_assert(NODES_MAX == 1u << INDEX_BITS, "a member's number fits its index");

static void send_packet(struct member *m, const void *p, size_t n)
{
	struct swarm *s = m->swarm;
	struct sockaddr_storage to;
	struct iovec iov = { .iov_base = (void *)(uintptr_t)p, .iov_len = n };
	union {
		struct cmsghdr head;
		uint8_t room[CMSG_SPACE(sizeof(struct in_pktinfo))];
	} control = { 0 };
	struct msghdr msg = { .msg_name = &to,
			      .msg_namelen = endpoint_to_sockaddr(&s->hub, &to),
			      .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = &control,
			      .msg_controllen = sizeof(control.room) };
	const struct endpoint from = swarm_source(&s->source, m->number);
	struct in_pktinfo info = { 0 };

	memcpy(&info.ipi_spec_dst, from.addr.b, sizeof(info.ipi_spec_dst));
	control.head.cmsg_level = IPPROTO_IP;
	control.head.cmsg_type = IP_PKTINFO;
	control.head.cmsg_len = CMSG_LEN(sizeof(info));
	memcpy(CMSG_DATA(&control.head), &info, sizeof(info));
	/* What the kernel does not take is lost, as it would be on the way. */
	if (sendmsg(s->udp.fd, &msg, MSG_DONTWAIT) < 0 && errno != EAGAIN && errno != ENOBUFS)
		log_debug(1, "swarm: cannot send: %s", strerror(errno));
}

static void arm(struct member *m, uint64_t in_ms)
{
	struct loop *l = m->swarm->loop;

	timer_arm(loop_timers(l), &m->tunnel.timer, loop_now_ms(l) + in_ms);
}

static void initiate(struct member *m)
{
	struct swarm *s = m->swarm;
	struct tunnel_end *t = &m->tunnel;
	uint8_t out[HANDSHAKE_INITIATION_BYTES];
	enum tunnel_cipher cipher =
		s->hub_aes && keys_cpu_has_aes() ? CIPHER_AES256GCM : CIPHER_CHACHA20POLY1305;
	uint32_t index = ++t->generation << INDEX_BITS | m->number;
	enum err e;

	arm(m, t->wait_ms + secret_random_below(REKEY_JITTER_MS));
	t->wait_ms = t->wait_ms * 2 < REKEY_TIMEOUT_MS ? t->wait_ms * 2 : REKEY_TIMEOUT_MS;
	handshake_timestamp(clock_wall_ms() * 1000000, t->timestamp, t->timestamp);
	e = handshake_create_initiation(&t->initiator, &s->primitives, &t->self, &t->hub, cipher,
					index, t->timestamp, NULL, out);
	if (!e)
		e = cookie_add_macs(&t->cookie, &s->primitives, out, sizeof(out),
				    loop_now_ms(s->loop));
	if (e)
		log_error("swarm: initiation: %s", err_str(e));
	else
		send_packet(m, out, sizeof(out));
}

static void send_keepalive(struct member *m)
{
	uint8_t mem[PACKET_HEADROOM_BYTES + PACKET_TAILROOM_BYTES];
	struct pkt p;

	pkt_init(&p, mem, sizeof(mem), PACKET_HEADROOM_BYTES);
	if (keypair_seal(&m->tunnel.keypair, &p, 0, 0) == ERR_OK)
		send_packet(m, p.data, p.len);
	arm(m, SESSION_ALIVE_MS);
}

static void timer_fired(struct timer *t, uint64_t now_ms)
{
	struct member *m = container_of(t, struct member, tunnel.timer);

	if (m->tunnel.initiator.active)
		m->swarm->tally.retries++;
	else
		m->tunnel.wait_ms = REKEY_RETRY_MIN_MS;
	if (m->tunnel.initiator.active || !keypair_may_send(&m->tunnel.keypair, now_ms) ||
	    keypair_wants_rekey_on_send(&m->tunnel.keypair, now_ms))
		initiate(m);
	else
		send_keepalive(m);
}

static void finish(struct member *m, const uint8_t *p, size_t n)
{
	struct swarm *s = m->swarm;
	struct tunnel_end *t = &m->tunnel;
	struct keypair made = { 0 };
	uint64_t now_ms = loop_now_ms(s->loop);

	if (handshake_consume_response(&t->initiator, &s->primitives, &t->self, &t->hub, p, n,
				       now_ms, &made) != ERR_OK)
		return;
	if (!t->keypair.valid) {
		s->n_sessions++;
		s->session_ms = now_ms;
	}
	keypair_move(&t->keypair, &made);
	t->handshake_ms = clock_wall_ms();
	s->tally.handshakes++;
	send_keepalive(m);
	member_report_soon(m);
}

/* The member that this index is of, if that is its last try. */
static struct member *of_index(struct swarm *s, uint32_t index)
{
	uint32_t number = index & (NODES_MAX - 1u);

	if (number >= s->n || s->members[number].tunnel.generation != index >> INDEX_BITS)
		return NULL;
	return &s->members[number];
}

static void take(struct swarm *s, const uint8_t *p, size_t n)
{
	struct handshake_cookie_reply cookie;
	struct handshake_response response;
	enum packet_type type;
	struct member *m;

	/* What comes inside a session is keepalives and probes: of no interest. */
	if (packet_classify(p, n, &type) != ERR_OK)
		return;
	if (type == PACKET_RESPONSE && handshake_decode_response(p, n, &response) == ERR_OK) {
		m = of_index(s, response.receiver);
		if (m)
			finish(m, p, n);
	}
	if (type == PACKET_COOKIE && handshake_decode_cookie_reply(p, n, &cookie) == ERR_OK) {
		m = of_index(s, cookie.receiver);
		if (m && cookie_consume_reply(&m->tunnel.cookie, &s->primitives, p, n,
					      loop_now_ms(s->loop)) == ERR_OK)
			s->tally.cookies++;
	}
}

static void readable(struct loop_fd *f, uint32_t events)
{
	struct swarm *s = container_of(f, struct swarm, udp);
	uint8_t in[DATAGRAM_BYTES];

	(void)events;
	for (unsigned i = 0; i < RECEIVE_AT_ONCE; i++) {
		ssize_t n = recv(f->fd, in, sizeof(in), MSG_DONTWAIT);

		if (n < 0 && errno == EAGAIN)
			return;
		if (n > 0)
			take(s, in, (size_t)n);
	}
}

enum err tunnel_open(struct swarm *s)
{
	const struct sockaddr_in any = { .sin_family = AF_INET, .sin_port = htons(s->source.port) };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int bytes = SOCKET_BUFFER_BYTES;

	if (fd < 0)
		return ERR_IO;
	/* Best effort: as root nothing stands against it. */
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes));
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof(bytes));
	if (bind(fd, (const struct sockaddr *)&any, sizeof(any)) != 0 ||
	    loop_fd_add(s->loop, &s->udp, fd, EPOLLIN, readable) != ERR_OK) {
		close(fd);
		return ERR_IO;
	}
	return ERR_OK;
}

void tunnel_close(struct swarm *s)
{
	int fd = s->udp.fd;

	loop_fd_del(s->loop, &s->udp);
	close(fd);
}

enum err tunnel_init(struct member *m)
{
	struct swarm *s = m->swarm;
	struct tunnel_end *t = &m->tunnel;
	enum err e = handshake_self_init(&t->self, &m->keys.tunnel);

	t->timer.fire = timer_fired;
	if (!e)
		e = handshake_peer_init(&t->hub, &t->self, &s->hub_tunnel, NULL);
	if (!e)
		e = cookie_maker_init(&t->cookie, &s->primitives, &s->hub_tunnel);
	return e;
}

void tunnel_fini(struct member *m)
{
	struct tunnel_end *t = &m->tunnel;

	timer_disarm(loop_timers(m->swarm->loop), &t->timer);
	keypair_fini(&t->keypair);
	handshake_initiator_fini(&t->initiator);
	cookie_maker_fini(&t->cookie);
	handshake_peer_fini(&t->hub);
	handshake_self_fini(&t->self);
}

void tunnel_begin(struct member *m)
{
	m->tunnel.wait_ms = REKEY_RETRY_MIN_MS;
	initiate(m);
}

void tunnel_drop(struct member *m)
{
	if (m->tunnel.keypair.valid)
		m->swarm->n_sessions--;
	keypair_fini(&m->tunnel.keypair);
	timer_disarm(loop_timers(m->swarm->loop), &m->tunnel.timer);
}
