/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/tunnel/natport.h"

#include <sys/socket.h>

#include "shared/ipc/mover_msg.h"
#include "shared/tunnel/rx.h"
#include "shared/tunnel/tunnel.h"

_Static_assert(NAT_PROBE_BYTES == TRANSPORT_OVERHEAD_BYTES + EXTENSION_PROBE_REPLY_BYTES,
	       "an answer is as long as its question");

/* One datagram. False: there is none, for now. */
static bool receive_one(struct natport_socket *s)
{
	uint8_t data[NAT_PROBE_BYTES + 1];
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	ssize_t n =
		recvfrom(s->fd.fd, data, sizeof(data), MSG_DONTWAIT, (struct sockaddr *)&ss, &len);
	struct mover_packet packet = { .data = data, .len = NAT_PROBE_BYTES };

	if (n < 0)
		return false;
	if (n != (ssize_t)NAT_PROBE_BYTES || data[0] != PACKET_TRANSPORT ||
	    endpoint_from_sockaddr(&ss, len, &packet.from))
		tunnel_drop(s->tunnel, DROP_MALFORMED);
	else
		rx_passed(s->tunnel, &packet, s->tunnel->worker);
	return true;
}

static void ready(struct loop_fd *f, uint32_t events)
{
	struct natport_socket *s = container_of(f, struct natport_socket, fd);

	(void)events;
	s->tunnel->now_ms = loop_now_ms(s->tunnel->loop);
	for (unsigned i = 0; i < NATPORT_BURST && receive_one(s); i++)
		;
}

enum err natport_open(struct tunnel *t, const struct worker_fds *fds)
{
	for (unsigned i = 0; i < fds->n_nat_udp; i++) {
		struct natport_socket *s = &t->natport.sockets[i];
		struct sockaddr_storage ss;
		socklen_t len = sizeof(ss);
		enum err e;

		if (getsockname(fds->nat_udp[i], (struct sockaddr *)&ss, &len))
			return ERR_SYSTEM;
		e = loop_fd_add(t->loop, &s->fd, fds->nat_udp[i], EPOLLIN, ready);
		if (e)
			return e;
		s->family = ss.ss_family;
		s->tunnel = t;
	}
	return ERR_OK;
}

void natport_close(struct tunnel *t)
{
	for (unsigned i = 0; i < ARRAY_LEN(t->natport.sockets); i++)
		if (t->natport.sockets[i].tunnel)
			loop_fd_del(t->loop, &t->natport.sockets[i].fd);
}

static bool is_allowed(struct tunnel *t)
{
	struct natport *n = &t->natport;

	if (n->second != t->now_ms / 1000) {
		n->second = t->now_ms / 1000;
		n->answers = 0;
	}
	return n->answers++ < NATPORT_ANSWERS_PER_S;
}

void natport_answer(struct peer *p, uint16_t size,
		    const uint8_t answer[EXTENSION_PROBE_REPLY_BYTES], const struct endpoint *to)
{
	struct tunnel *t = p->tunnel;
	struct keypair *kp = p->session.current;
	uint8_t out[NAT_PROBE_BYTES];
	struct sockaddr_storage ss;
	socklen_t len;

	if (size < EXTENSION_PROBE_REPLY_BYTES || !kp || !keypair_may_send(kp, t->now_ms))
		return;
	if (!is_allowed(t)) {
		tunnel_drop(t, DROP_RATE);
		return;
	}
	if (keypair_seal_to(kp, answer, EXTENSION_PROBE_REPLY_BYTES, 0, 0, out))
		return;
	len = endpoint_to_sockaddr(to, &ss);
	for (unsigned i = 0; i < ARRAY_LEN(t->natport.sockets); i++) {
		struct natport_socket *s = &t->natport.sockets[i];

		if (!s->tunnel || s->family != to->addr.family)
			continue;
		if (sendto(s->fd.fd, out, sizeof(out), MSG_DONTWAIT, (struct sockaddr *)&ss, len) <
		    0)
			tunnel_drop(t, DROP_SEND);
		return;
	}
}
