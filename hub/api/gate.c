/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hub/api/gate.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hub/api/gate_conn.h"
#include "shared/base/prefix.h"

#define ACCEPT_AT_ONCE 16u

/* What connections are counted under: an IPv6 host has a whole /64 to change its address in. */
static struct addr source_of(const struct addr *a)
{
	return a->family == AF_INET6 ? prefix_of_net(a, 64).addr : *a;
}

static unsigned count_of(const struct gate *g, const struct addr *a)
{
	struct addr source = source_of(a);
	struct list *pos, *tmp;
	unsigned n = 0;

	list_for_each(pos, tmp, &g->conns) {
		const struct gate_conn *c = list_entry(pos, struct gate_conn, link);
		struct addr other = source_of(&c->remote);

		n += !c->listener->is_unix && addr_equal(&other, &source);
	}
	return n;
}

/* No more from this one for a moment, or until one of its connections ends. */
static void rest(struct gate_listener *l)
{
	struct gate *g = l->gate;

	loop_fd_events(g->loop, &l->io, 0);
	timer_arm(loop_timers(g->loop), &l->retry, loop_now_ms(g->loop) + GATE_RETRY_MS);
}

static void rested(struct timer *t, uint64_t now_ms)
{
	struct gate_listener *l = container_of(t, struct gate_listener, retry);

	(void)now_ms;
	loop_fd_events(l->gate->loop, &l->io, EPOLLIN);
}

/*
 * All places are taken, and somebody waits for one: who has said nothing for longest makes room,
 * once it had its time. False: all have something to do.
 */
static bool evict(struct gate_listener *l)
{
	uint64_t now = loop_now_ms(l->gate->loop);
	struct gate_conn *oldest = NULL;
	struct list *pos, *tmp;

	list_for_each(pos, tmp, &l->gate->conns) {
		struct gate_conn *c = list_entry(pos, struct gate_conn, link);

		if (c->listener == l && (c->wait == WAIT_SHAKE || c->wait == WAIT_IDLE) &&
		    (!oldest || c->waits_since_ms < oldest->waits_since_ms))
			oldest = c;
	}
	if (!oldest || now - oldest->waits_since_ms < GATE_IDLE_MIN_MS)
		return false;
	gate_conn_close(oldest);
	return true;
}

/* An answer comes in pieces, head and body: none waits until the one before is acknowledged. */
static void send_at_once(int fd)
{
	const int on = 1;

	/* Best effort: without it answers are slow, and right. */
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

/* False: there is none, or none can be taken now. */
static bool accept_one(struct gate_listener *l)
{
	struct sockaddr_storage ss = { 0 };
	socklen_t len = sizeof(ss);
	struct endpoint remote = { 0 };
	int fd = accept4(l->fd, (struct sockaddr *)&ss, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0) {
		if (errno == EAGAIN || errno == ECONNABORTED || errno == EINTR)
			return errno != EAGAIN;
		/* There is no descriptor or memory for it. */
		if (log_allowed(l->gate->log_limit))
			log_warn("api: a connection could not be accepted: %s", strerror(errno));
		rest(l);
		return false;
	}
	if (!l->is_unix && (endpoint_from_sockaddr(&ss, len, &remote) ||
			    count_of(l->gate, &remote.addr) >= GATE_PER_IP_MAX)) {
		close(fd);
		return true;
	}
	if (!l->is_unix)
		send_at_once(fd);
	return gate_conn_new(l, fd, &remote.addr) != NULL;
}

static void accept_some(struct loop_fd *f, uint32_t events)
{
	struct gate_listener *l = container_of(f, struct gate_listener, io);

	(void)events;
	if (l->n >= l->max && !evict(l)) {
		rest(l);
		return;
	}
	/* Whether more wait than there are places for, the next round says. */
	for (unsigned i = 0; i < ACCEPT_AT_ONCE && l->n < l->max && accept_one(l); i++)
		;
}

enum err gate_new(struct loop *loop, const struct gate_house *house, void *arg, SSL_CTX *tls,
		  struct log_limit *log_limit, struct gate **out)
{
	struct gate *g = calloc(1, sizeof(*g));

	if (!g) {
		SSL_CTX_free(tls);
		return ERR_NOMEM;
	}
	g->loop = loop;
	g->house = house;
	g->arg = arg;
	g->tls = tls;
	g->log_limit = log_limit;
	list_init(&g->conns);
	list_init(&g->gone);
	*out = g;
	return ERR_OK;
}

enum err gate_listen(struct gate *g, int fd, bool is_unix, unsigned max)
{
	struct gate_listener *l = &g->listeners[g->n_listeners];

	BUG_ON(g->n_listeners == GATE_LISTENERS_MAX || max == 0 || (!is_unix && !g->tls));
	*l = (struct gate_listener){ .gate = g,
				     .io.fd = -1,
				     .retry.fire = rested,
				     .fd = fd,
				     .is_unix = is_unix,
				     .max = max };
	g->n_listeners++;
	return loop_fd_add(g->loop, &l->io, fd, EPOLLIN, accept_some);
}

void gate_stop_listening(struct gate *g)
{
	for (unsigned i = 0; i < g->n_listeners; i++) {
		struct gate_listener *l = &g->listeners[i];

		timer_disarm(loop_timers(g->loop), &l->retry);
		loop_fd_del(g->loop, &l->io);
		if (l->fd >= 0)
			close(l->fd);
		l->fd = -1;
	}
}

void gate_flush(struct gate *g)
{
	struct list *pos, *tmp;

	list_for_each(pos, tmp, &g->conns)
		gate_conn_step(list_entry(pos, struct gate_conn, link));
}

static void free_gone(struct gate *g, bool all)
{
	struct list *pos, *tmp;

	list_for_each(pos, tmp, &g->gone) {
		struct gate_conn *c = list_entry(pos, struct gate_conn, link);

		if (c->in_library && !all)
			continue;
		list_del(&c->link);
		free(c);
	}
}

static void reap(struct loop_later *later)
{
	free_gone(container_of(later, struct gate, reap), false);
}

void gate_reap(struct gate *g) { loop_later(g->loop, &g->reap, reap); }

void gate_free(struct gate *g)
{
	struct list *pos, *tmp;

	if (!g)
		return;
	gate_stop_listening(g);
	list_for_each(pos, tmp, &g->conns)
		gate_conn_close(list_entry(pos, struct gate_conn, link));
	loop_later_cancel(g->loop, &g->reap);
	free_gone(g, true);
	SSL_CTX_free(g->tls);
	free(g);
}

/* One of a list of whom the library was given `fd`. */
static struct gate_conn *find_in(struct list *all, int fd)
{
	struct list *pos, *tmp;

	list_for_each(pos, tmp, all) {
		struct gate_conn *c = list_entry(pos, struct gate_conn, link);

		if (c->in_library && c->library_fd == fd)
			return c;
	}
	return NULL;
}

struct gate_conn *gate_find(struct gate *g, int fd)
{
	struct gate_conn *c = find_in(&g->conns, fd);

	if (!c)
		c = find_in(&g->gone, fd);
	if (c)
		c->known = true;
	return c;
}
