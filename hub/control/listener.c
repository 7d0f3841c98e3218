/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hub/control/listener.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "hub/control/core.h"

#define ACCEPTS_PER_ROUND 64u  /* then the other descriptors have their turn */
#define BROKE_REST_MS     200u /* out of descriptors or memory: look again after that */
#define FULL_LOG_MS       60000u

/*
 * The oldest stranger whose TLS handshake is not done (or the oldest at all), NULL when there is
 * none.
 */
static struct conn *oldest(struct control *c, bool in_tls)
{
	struct list *pos, *tmp;

	list_for_each(pos, tmp, &c->strangers) {
		struct conn *conn = list_entry(pos, struct conn, in_strangers);
		if (!in_tls || conn->state == CONN_TLS)
			return conn;
	}
	return NULL;
}

/*
 * Makes room at the cost of a stranger that had its time. Returns how long to wait for one that has
 * had it.
 */
static uint64_t evict(struct control *c, bool in_tls, uint64_t now_ms)
{
	struct conn *conn = oldest(c, in_tls);

	if (!conn)
		return UINT64_MAX;
	if (now_ms - conn->accepted_ms < LINK_STRANGER_MIN_MS)
		return conn->accepted_ms + LINK_STRANGER_MIN_MS - now_ms;
	counters_add(&c->counters, COUNT_REFUSED_EVICTED);
	conn_drop(conn, "a newer one needs its place");
	return 0;
}

/*
 * All places are taken: a stranger that had its time makes room, a link never does. Who comes now
 * waits in the backlog. Returns how long.
 */
static uint64_t full(struct control *c, uint64_t now_ms)
{
	if (log_allowed(&c->listeners.log_full))
		log_warn("control: %u connections are open, all that the limit of open files "
			 "(RLIMIT_NOFILE) leaves room for: links stay up, new ones wait until "
			 "others end. Raise LimitNOFILE= of the service, or ulimit -n, and restart "
			 "the hub",
			 c->listeners.n_open);
	return evict(c, false, now_ms);
}

/* How long no connection may be accepted; 0: one may now. */
static uint64_t wait_ms(struct control *c, uint64_t now_ms)
{
	struct listeners *l = &c->listeners;
	uint64_t wait;

	if (l->broke_ms > now_ms)
		return l->broke_ms - now_ms;
	if (l->n_open >= l->open_max) {
		wait = full(c, now_ms);
		if (wait)
			return wait;
	}
	if (c->admission.n_tls >= LINK_TLS_PENDING_MAX) {
		wait = evict(c, true, now_ms);
		if (wait)
			return wait;
	}
	if (c->admission.n_strangers >= LINK_UNAUTHENTICATED_MAX) {
		wait = evict(c, false, now_ms);
		if (wait)
			return wait;
	}
	return admission_wait_ms(&c->admission, now_ms);
}

static void rest_all(struct control *c, bool rest)
{
	struct listeners *l = &c->listeners;

	for (unsigned i = 0; i < l->n; i++) {
		if (l->all[i].resting == rest)
			continue;
		l->all[i].resting = rest;
		loop_fd_events(c->loop, &l->all[i].fd, rest ? 0 : EPOLLIN);
	}
}

/* True when one connection may be accepted now; otherwise all listeners rest until that is so. */
static bool ready_to_accept(struct control *c, uint64_t now_ms)
{
	uint64_t wait = wait_ms(c, now_ms);

	rest_all(c, wait != 0);
	if (wait && wait != UINT64_MAX)
		timer_arm(loop_timers(c->loop), &c->listeners.wake, now_ms + wait);
	return wait == 0;
}

/* What an admin can do when accept() has failed so. */
static const char *advice(int errnum)
{
	switch (errnum) {
	case EMFILE:
		return "raise LimitNOFILE= of the service, or ulimit -n, and restart the hub";
	case ENFILE:
		return "the whole machine has too many open files: raise fs.file-max (sysctl), or "
		       "find what holds them";
	default:
		return "the machine is short of memory";
	}
}

/*
 * accept() failed for want of something: the connection stays in the backlog, we look again soon,
 * or when one of ours has ended.
 */
static void broke(struct control *c, int errnum, uint64_t now_ms)
{
	c->listeners.broke_ms = now_ms + BROKE_REST_MS;
	if (log_allowed(&c->log_system))
		log_warn("control: cannot accept connections: %s; links stay up, new ones wait. "
			 "What to do: %s",
			 strerror(errnum), advice(errnum));
}

/* Has the other side given up while it waited in the backlog? Then nothing is done for it. */
static bool has_hung_up(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLRDHUP };

	return poll(&p, 1, 0) > 0 && p.revents & (POLLRDHUP | POLLHUP | POLLERR);
}

/* Takes one connection. False when there is none, or none can be taken now. */
static bool accept_one(struct control *c, int listen_fd, uint64_t now_ms)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	struct endpoint from;
	int fd = accept4(listen_fd, (struct sockaddr *)&ss, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0) {
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
			broke(c, errno, now_ms);
		return errno == ECONNABORTED || errno == EINTR;
	}
	counters_add(&c->counters, COUNT_ACCEPTED);
	if (has_hung_up(fd)) {
		counters_add(&c->counters, COUNT_REFUSED_SLOW);
		close(fd);
		return true;
	}
	if (endpoint_from_sockaddr(&ss, len, &from) != ERR_OK) {
		close(fd);
		return true;
	}
	enum err e = conn_new(c, fd, &from);
	if (e == ERR_LIMIT)
		counters_add(&c->counters, COUNT_REFUSED_SOURCE);
	else if (e)
		counters_add(&c->counters, COUNT_REFUSED_BUSY);
	return true;
}

static void readable(struct loop_fd *f, uint32_t events)
{
	struct control *c = container_of(f, struct listener, fd)->control;
	uint64_t now_ms = loop_now_ms(c->loop);

	(void)events;
	for (unsigned i = 0; i < ACCEPTS_PER_ROUND; i++)
		if (!ready_to_accept(c, now_ms) || !accept_one(c, f->fd, now_ms))
			break;
	(void)ready_to_accept(c, now_ms);
}

static void wake_fired(struct timer *t, uint64_t now_ms)
{
	struct control *c = container_of(t, struct control, listeners.wake);

	(void)ready_to_accept(c, now_ms);
}

enum err listener_start(struct control *c)
{
	const struct worker_fds *fds = &c->w->fds;
	struct listeners *l = &c->listeners;

	l->wake.fire = wake_fired;
	l->open_max = worker_connections_max(2 * LINK_CONNECTIONS_MAX + LINK_UNAUTHENTICATED_MAX);
	l->log_full = (struct log_limit){ .burst = 1, .every_ms = FULL_LOG_MS };
	for (unsigned i = 0; i < fds->n_listen_tcp && i < ARRAY_LEN(l->all); i++) {
		struct listener *x = &l->all[i];
		x->control = c;
		enum err e = loop_fd_add(c->loop, &x->fd, fds->listen_tcp[i], EPOLLIN, readable);
		if (e)
			return e;
		l->n++;
	}
	return ERR_OK;
}

/* Asking once more is enough: while nobody rests, the listeners find out by themselves. */
void listener_wake(struct control *c)
{
	struct listeners *l = &c->listeners;

	if (l->n && l->all[0].resting)
		timer_arm(loop_timers(c->loop), &l->wake, loop_now_ms(c->loop));
}

void listener_opened(struct control *c) { c->listeners.n_open++; }

void listener_closed(struct control *c)
{
	BUG_ON(c->listeners.n_open == 0);
	c->listeners.n_open--;
	c->listeners.broke_ms = 0;
	listener_wake(c);
}

void listener_stop(struct control *c)
{
	struct listeners *l = &c->listeners;

	timer_disarm(loop_timers(c->loop), &l->wake);
	for (unsigned i = 0; i < l->n; i++) {
		int fd = l->all[i].fd.fd;
		loop_fd_del(c->loop, &l->all[i].fd);
		close(fd);
		c->w->fds.listen_tcp[i] = -1;
	}
	l->n = 0;
}
