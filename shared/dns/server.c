/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/dns/server.h"

#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "shared/dns/answer.h"

#define ROUND_MAX 64 /* questions of one socket before the others have their turn */

/* A connection: one question at a time, each with its length before it (RFC 1035, 4.2.2). */
struct conn {
	struct list link;
	struct server *server;
	struct loop_fd fd;
	struct timer idle;
	struct addr source;
	uint8_t in[2 + DNS_QUERY_MAX_BYTES];
	size_t n_in;
	uint8_t out[2 + DNS_TCP_BYTES];
	size_t n_out, sent;
};

/* --- who asks --- */

/* The node that a source address belongs to. Our own machine is ourselves. */
static const struct zone_node *asker_of(const struct server *s, const struct addr *source)
{
	const struct zone_node *owners[ZONE_OWNERS_MAX];
	const bool loopback = source->family == AF_INET ? source->b[0] == 127
							: !memcmp(source->b, &in6addr_loopback, 16);

	if (loopback)
		return zone_self(s->zone);
	return zone_owners(s->zone, source, owners) ? owners[0] : NULL;
}

/* May a datagram from there, that came in by that interface, be what it says? Only through the
 * tunnel have source addresses been checked; next to us there are our own networks. */
static bool is_credible(const struct server *s, const struct zone_node *asker, unsigned ifindex)
{
	return asker && (asker == zone_self(s->zone) || (ifindex != 0 && ifindex == s->ifindex));
}

/* --- UDP --- */

static unsigned ifindex_of(struct msghdr *h)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c; c = CMSG_NXTHDR(h, c)) {
		struct in_pktinfo v4;
		struct in6_pktinfo v6;

		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
			memcpy(&v4, CMSG_DATA(c), sizeof(v4));
			return (unsigned)v4.ipi_ifindex;
		}
		if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
			memcpy(&v6, CMSG_DATA(c), sizeof(v6));
			return v6.ipi6_ifindex;
		}
	}
	return 0;
}

/* One question and its reply. False: nothing is there. */
static bool serve_datagram(struct server *s, int fd)
{
	uint8_t in[DNS_QUERY_MAX_BYTES], out[DNS_EDNS_BYTES];
	union {
		struct cmsghdr align;
		char mem[CMSG_SPACE(sizeof(struct in6_pktinfo)) + 64];
	} control;
	struct sockaddr_storage from;
	struct iovec iov = { .iov_base = in, .iov_len = sizeof(in) };
	struct msghdr h = { .msg_name = &from,
			    .msg_namelen = sizeof(from),
			    .msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = control.mem,
			    .msg_controllen = sizeof(control.mem) };
	const struct zone_node *asker;
	struct endpoint source;
	struct dns_query q;
	ssize_t n = recvmsg(fd, &h, MSG_DONTWAIT);

	if (n < 0)
		return errno == EINTR;
	if (endpoint_from_sockaddr(&from, h.msg_namelen, &source) != ERR_OK || source.port == 0)
		return true;
	asker = asker_of(s, &source.addr);
	if (!is_credible(s, asker, ifindex_of(&h))) {
		s->counters.strangers++;
	} else if (!rate_sources_allow(&s->rates, &source.addr, SERVER_RATE_PER_S,
				       SERVER_RATE_BURST, loop_now_ms(s->loop))) {
		s->counters.limited++;
	} else if ((h.msg_flags & MSG_TRUNC) || dns_query_decode(in, (size_t)n, &q) != ERR_OK) {
		s->counters.malformed++;
	} else {
		const size_t len = answer_query(s->zone, asker, &q, out, q.udp_bytes);

		/* A full socket loses it, as the network may; the asker asks again. */
		s->counters.answered += sendto(fd, out, len, MSG_DONTWAIT | MSG_NOSIGNAL,
					       (struct sockaddr *)&from, h.msg_namelen) >= 0;
	}
	return true;
}

static void udp_ready(struct loop_fd *f, uint32_t events)
{
	struct server_listener *l = container_of(f, struct server_listener, udp);

	(void)events;
	for (int i = 0; i < ROUND_MAX && serve_datagram(l->server, f->fd); i++)
		;
}

/* --- TCP --- */

static void conn_free(struct conn *c)
{
	struct server *s = c->server;
	int fd = c->fd.fd;

	timer_disarm(loop_timers(s->loop), &c->idle);
	loop_fd_del(s->loop, &c->fd);
	close(fd);
	list_del(&c->link);
	s->n_conns--;
	free(c);
}

static void conn_idle(struct timer *t, uint64_t now_ms)
{
	(void)now_ms;
	conn_free(container_of(t, struct conn, idle));
}

/* The question that is whole becomes the reply that is to be sent. False: it gets none, and the
 * connection ends. */
static bool conn_answer(struct conn *c, size_t n)
{
	struct server *s = c->server;
	const struct zone_node *asker = asker_of(s, &c->source);
	struct dns_query q;
	size_t len;

	if (!asker || !rate_sources_allow(&s->rates, &c->source, SERVER_RATE_PER_S,
					  SERVER_RATE_BURST, loop_now_ms(s->loop)))
		return false;
	if (dns_query_decode(c->in + 2, n, &q) != ERR_OK) {
		s->counters.malformed++;
		return false;
	}
	len = answer_query(s->zone, asker, &q, c->out + 2, DNS_TCP_BYTES);
	c->out[0] = (uint8_t)(len >> 8);
	c->out[1] = (uint8_t)len;
	c->n_out = len + 2;
	c->sent = 0;
	s->counters.answered++;
	c->n_in -= n + 2;
	memmove(c->in, c->in + 2 + n, c->n_in);
	return true;
}

/* Sends what waits. False: the connection is over. */
static bool conn_send(struct conn *c)
{
	while (c->sent < c->n_out) {
		ssize_t n = send(c->fd.fd, c->out + c->sent, c->n_out - c->sent,
				 MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n < 0)
			return errno == EAGAIN || errno == EINTR;
		c->sent += (size_t)n;
	}
	c->n_out = c->sent = 0;
	return true;
}

/* Answers what is whole, one after the other, as far as replies are taken. */
static bool conn_serve(struct conn *c)
{
	while (c->n_out == 0 && c->n_in >= 2) {
		const size_t n = (size_t)(c->in[0] << 8 | c->in[1]);

		if (n > DNS_QUERY_MAX_BYTES)
			return false;
		if (c->n_in < n + 2)
			break;
		if (!conn_answer(c, n) || !conn_send(c))
			return false;
	}
	return true;
}

static bool conn_read(struct conn *c)
{
	ssize_t n = recv(c->fd.fd, c->in + c->n_in, sizeof(c->in) - c->n_in, MSG_DONTWAIT);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	c->n_in += (size_t)n;
	return n > 0;
}

static void conn_ready(struct loop_fd *f, uint32_t events)
{
	struct conn *c = container_of(f, struct conn, fd);
	struct loop *loop = c->server->loop;
	bool lives = !(events & (EPOLLERR | EPOLLHUP));

	if (lives && (events & EPOLLOUT))
		lives = conn_send(c);
	if (lives && (events & EPOLLIN) && c->n_out == 0)
		lives = conn_read(c);
	if (!lives || !conn_serve(c)) {
		conn_free(c);
		return;
	}
	loop_fd_events(loop, f, c->n_out ? EPOLLOUT : EPOLLIN);
	timer_arm(loop_timers(loop), &c->idle, loop_now_ms(loop) + SERVER_IDLE_MS);
}

static bool has_room(const struct server *s, const struct addr *source)
{
	unsigned same = 0;

	for (const struct list *i = s->conns.next; i != &s->conns; i = i->next)
		same += addr_equal(&list_entry(i, struct conn, link)->source, source);
	return s->n_conns < SERVER_CONNECTIONS_MAX && same < SERVER_CONNECTIONS_PER_SOURCE;
}

static void conn_new(struct server *s, int fd, const struct addr *source)
{
	struct conn *c = has_room(s, source) ? calloc(1, sizeof(*c)) : NULL;

	if (!c || loop_fd_add(s->loop, &c->fd, fd, EPOLLIN, conn_ready) != ERR_OK) {
		free(c);
		close(fd);
		return;
	}
	c->server = s;
	c->source = *source;
	c->idle.fire = conn_idle;
	list_push_back(&s->conns, &c->link);
	s->n_conns++;
	timer_arm(loop_timers(s->loop), &c->idle, loop_now_ms(s->loop) + SERVER_IDLE_MS);
}

/* A source that a connection comes from is where the replies went before: it needs no interface to
 * be believed. */
static void tcp_ready(struct loop_fd *f, uint32_t events)
{
	struct server *s = container_of(f, struct server_listener, tcp)->server;
	struct sockaddr_storage from;
	socklen_t len = sizeof(from);
	struct endpoint source;
	int fd = accept4(f->fd, (struct sockaddr *)&from, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);

	(void)events;
	if (fd < 0)
		return;
	if (endpoint_from_sockaddr(&from, len, &source) != ERR_OK || !asker_of(s, &source.addr)) {
		s->counters.strangers++;
		close(fd);
		return;
	}
	conn_new(s, fd, &source.addr);
}

/* --- sockets --- */

void server_init(struct server *s, struct loop *loop, const struct zone *zone,
		 const char *interface)
{
	memset(s, 0, sizeof(*s));
	s->loop = loop;
	s->zone = zone;
	s->ifindex = if_nametoindex(interface);
	rate_sources_init(&s->rates);
	list_init(&s->conns);
	for (unsigned i = 0; i < ARRAY_LEN(s->listeners); i++)
		s->listeners[i] =
			(struct server_listener){ .server = s, .udp.fd = -1, .tcp.fd = -1 };
}

static void drop_fd(struct server *s, struct loop_fd *f)
{
	int fd = f->fd;

	if (fd < 0)
		return;
	loop_fd_del(s->loop, f);
	close(fd);
}

void server_drop(struct server *s, bool v6)
{
	struct list *pos, *next;

	drop_fd(s, &s->listeners[v6].udp);
	drop_fd(s, &s->listeners[v6].tcp);
	list_for_each(pos, next, &s->conns)
		conn_free(list_entry(pos, struct conn, link));
}

void server_fini(struct server *s)
{
	server_drop(s, false);
	server_drop(s, true);
}

enum err server_take(struct server *s, bool v6, bool stream, int fd)
{
	struct server_listener *l = &s->listeners[v6];
	struct loop_fd *f = stream ? &l->tcp : &l->udp;
	const int on = 1;
	enum err e = ERR_OK;

	drop_fd(s, f);
	if (!stream && setsockopt(fd, v6 ? IPPROTO_IPV6 : IPPROTO_IP,
				  v6 ? IPV6_RECVPKTINFO : IP_PKTINFO, &on, sizeof(on)) != 0)
		e = err_from_errno(errno);
	if (!e)
		e = loop_fd_add(s->loop, f, fd, EPOLLIN, stream ? tcp_ready : udp_ready);
	if (e) {
		f->fd = -1;
		close(fd);
	}
	return e;
}
