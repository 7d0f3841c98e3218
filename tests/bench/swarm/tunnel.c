/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The sessions with the hub's engine: each initiates, confirms by a keepalive, sends one now and
 * then, and renews the session by WireGuard's timers. It answers the hub, too, which calls it when
 * its engine is new. A member's local index is its number and, above INDEX_BITS, the number of the
 * try.
 *
 * Timer, one a member: handshake out: the next try, after an agent's waits (REKEY_RETRY_MIN_MS,
 * doubling to REKEY_TIMEOUT_MS, and jitter); session: the next keepalive, or a new handshake once
 * the session is REKEY_AFTER_MS old; none since the hub was started anew: a handshake when a spoke
 * with a keepalive to send would have noticed that nothing comes back (NOTICED_MS).
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
#define NOTICED_MS       (KEEPALIVE_MS + REKEY_TIMEOUT_MS)
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

static void use(struct member *m, struct keypair *made)
{
	struct swarm *s = m->swarm;
	struct tunnel_end *t = &m->tunnel;

	if (!t->keypair.valid) {
		s->n_sessions++;
		s->session_ms = loop_now_ms(s->loop);
	}
	keypair_move(&t->keypair, made);
	t->handshake_ms = clock_wall_ms();
	s->tally.handshakes++;
	member_report_soon(m);
}

static void finish(struct member *m, const uint8_t *p, size_t n)
{
	struct swarm *s = m->swarm;
	struct tunnel_end *t = &m->tunnel;
	struct keypair made = { 0 };

	if (handshake_consume_response(&t->initiator, &s->primitives, &t->self, &t->hub, p, n,
				       loop_now_ms(s->loop), &made) != ERR_OK)
		return;
	use(m, &made);
	send_keepalive(m);
}

/*
 * The hub calls. The session counts from the answer on: the keepalive by which the hub confirms it
 * is not looked at.
 */
static void answer(struct member *m, const uint8_t *p, size_t n)
{
	struct swarm *s = m->swarm;
	struct tunnel_end *t = &m->tunnel;
	struct handshake_responder hs = { 0 };
	struct keypair made = { 0 };
	uint8_t out[HANDSHAKE_RESPONSE_BYTES];
	enum tunnel_cipher cipher =
		s->hub_aes && keys_cpu_has_aes() ? CIPHER_AES256GCM : CIPHER_CHACHA20POLY1305;
	uint32_t index = ++t->generation << INDEX_BITS | m->number;

	if (handshake_receive_initiation(&hs, &t->self, p, n) != ERR_OK ||
	    handshake_unseal_static(&hs, &s->primitives, &t->self, cipher) != ERR_OK ||
	    handshake_consume_initiation(&hs, &s->primitives, &t->hub, t->heard_timestamp) !=
		    ERR_OK)
		goto out;
	memcpy(t->heard_timestamp, hs.timestamp, sizeof(t->heard_timestamp));
	if (handshake_create_response(&hs, &s->primitives, &t->hub, index, NULL,
				      loop_now_ms(s->loop), out, &made) != ERR_OK ||
	    cookie_add_macs(&t->cookie, &s->primitives, out, sizeof(out), loop_now_ms(s->loop)) !=
		    ERR_OK)
		goto out;
	handshake_initiator_fini(&t->initiator);
	use(m, &made);
	send_packet(m, out, sizeof(out));
	arm(m, SESSION_ALIVE_MS);
out:
	keypair_fini(&made);
	handshake_responder_fini(&hs);
}

/* The member that this index is of, if that is its last try. */
static struct member *of_index(struct swarm *s, uint32_t index)
{
	uint32_t number = index & (NODES_MAX - 1u);

	if (number >= s->n || s->members[number].tunnel.generation != index >> INDEX_BITS)
		return NULL;
	return &s->members[number];
}

/* The member whose address `to` is. */
static struct member *of_address(struct swarm *s, const struct in_addr *to)
{
	uint32_t first, number;

	memcpy(&first, s->source.addr.b, sizeof(first));
	number = ntohl(to->s_addr) - ntohl(first);
	return number < s->n ? &s->members[number] : NULL;
}

static void take(struct swarm *s, const uint8_t *p, size_t n, const struct in_addr *to)
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
	if (type == PACKET_INITIATION && (m = of_address(s, to)))
		answer(m, p, n);
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
	struct iovec iov = { .iov_base = in, .iov_len = sizeof(in) };
	union {
		struct cmsghdr head;
		uint8_t room[CMSG_SPACE(sizeof(struct in_pktinfo))];
	} control;

	(void)events;
	for (unsigned i = 0; i < RECEIVE_AT_ONCE; i++) {
		struct msghdr msg = { .msg_iov = &iov,
				      .msg_iovlen = 1,
				      .msg_control = &control,
				      .msg_controllen = sizeof(control) };
		struct in_pktinfo info = { 0 };
		ssize_t n = recvmsg(f->fd, &msg, MSG_DONTWAIT);
		const struct cmsghdr *c = n > 0 ? CMSG_FIRSTHDR(&msg) : NULL;

		if (n < 0 && errno == EAGAIN)
			return;
		if (c && c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO)
			memcpy(&info, CMSG_DATA(c), sizeof(info));
		if (n > 0)
			take(s, in, (size_t)n, &info.ipi_addr);
	}
}

enum err tunnel_open(struct swarm *s)
{
	const struct sockaddr_in any = { .sin_family = AF_INET, .sin_port = htons(s->source.port) };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int bytes = SOCKET_BUFFER_BYTES, on = 1;

	if (fd < 0)
		return ERR_IO;
	/* Best effort: as root nothing stands against it. */
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes));
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof(bytes));
	if (setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof(on)) != 0 ||
	    bind(fd, (const struct sockaddr *)&any, sizeof(any)) != 0 ||
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

/* A session outlives the link; the first one is the spoke's to make. */
void tunnel_begin(struct member *m)
{
	m->tunnel.wait_ms = REKEY_RETRY_MIN_MS;
	if (!m->tunnel.handshake_ms)
		initiate(m);
}

void tunnel_stop(struct member *m)
{
	struct tunnel_end *t = &m->tunnel;

	if (t->keypair.valid)
		m->swarm->n_sessions--;
	keypair_fini(&t->keypair);
	handshake_initiator_fini(&t->initiator);
	timer_disarm(loop_timers(m->swarm->loop), &t->timer);
}

void tunnel_lost(struct member *m)
{
	bool had = m->tunnel.keypair.valid;

	tunnel_stop(m);
	if (had)
		arm(m, NOTICED_MS);
}
