/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The child's side of the monitor: what happens between fork() and the end of a worker.
 *
 *     fork -> close what is not ours -> load (root) -> sandbox_drop -> start -> filter_apply
 *          -> MONITOR_READY -> loop_run -> fini
 *
 * Siblings are not known at the start: the monitor sends a MONITOR_LINK for each, at once and again
 * after one was restarted.
 */
#include "shared/monitor/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "shared/base/log.h"
#include "shared/base/resident.h"
#include "shared/monitor/filter.h"
#include "shared/monitor/sandbox.h"
#include "shared/wire/limits.h"

/* Room for every spoke's link and carrier, and for strangers; the hard limit may be lower. */
#define OPEN_FILES_WANTED                                                                          \
	(2u * LINK_CONNECTIONS_MAX + LINK_UNAUTHENTICATED_MAX + WORKER_FILES_RESERVED)
#define KEEP_MAX (2 * WORKER_UDP_SOCKETS_MAX + 2 * WORKER_LISTENERS_MAX + 6)

struct runtime;

/* The argument of a channel's callbacks: whose channel it is. */
struct peer {
	struct runtime *rt;
	enum worker_role role; /* 0: the monitor */
};

struct runtime {
	struct worker w;
	struct peer peers[WORKER_ROLES_MAX];
};

/* --- descriptors ------------------------------------------------------------------------------ */

static int compare_ints(const void *a, const void *b)
{
	int x = *(const int *)a, y = *(const int *)b;

	return (x > y) - (x < y);
}

static void close_between(int first, int last)
{
	if (first > last || close_range((unsigned)first, (unsigned)last, 0) == 0)
		return;
	/* A kernel before 5.9, or a filter that does not know the call. */
	if (last > 65535)
		last = 65535;
	for (int fd = first; fd <= last; fd++)
		close(fd);
}

/*
 * Closes everything that a fork copied and that is not this role's: sockets and channels of the
 * others, the monitor's netlink socket, pid file lock, epoll and signal descriptors. By what is to
 * be kept, so that nothing new can be forgotten.
 */
static void close_others(const struct worker_start *s)
{
	const struct worker_fds *f = &s->fds;
	int keep[KEEP_MAX];
	unsigned n = 0;
	int next = STDERR_FILENO + 1;

	keep[n++] = s->monitor_fd;
	keep[n++] = log_fd();
	keep[n++] = log_tap_fd();
	keep[n++] = f->tun;
	keep[n++] = f->tun_bulk;
	keep[n++] = f->listen_unix;
	for (unsigned i = 0; i < f->n_udp; i++)
		keep[n++] = f->udp[i];
	for (unsigned i = 0; i < f->n_nat_udp; i++)
		keep[n++] = f->nat_udp[i];
	for (unsigned i = 0; i < f->n_listen_tcp; i++)
		keep[n++] = f->listen_tcp[i];
	for (unsigned i = 0; i < f->n_listen_https; i++)
		keep[n++] = f->listen_https[i];
	qsort(keep, n, sizeof(keep[0]), compare_ints);
	for (unsigned i = 0; i < n; i++) {
		if (keep[i] < next)
			continue;
		close_between(next, keep[i] - 1);
		next = keep[i] + 1;
	}
	close_between(next, INT32_MAX);
}

/* --- the process ------------------------------------------------------------------------------ */

/*
 * The kernel kills us when the monitor goes, whatever way it goes. False when it has gone already.
 */
static bool die_with_monitor(const struct worker_start *s)
{
	return prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == 0 && getppid() == s->monitor_pid;
}

/*
 * The monitor's signal set-up is undone. SIGTERM and SIGHUP stay blocked until the loop takes them;
 * those that a terminal or an admin sends to all of us are the monitor's to deal with.
 */
static void reset_signals(void)
{
	sigset_t held;

	/* Before they are let in. */
	signal(SIGALRM, SIG_IGN);
	signal(SIGUSR1, SIG_IGN);
	signal(SIGUSR2, SIG_IGN);
	sigemptyset(&held);
	sigaddset(&held, SIGTERM);
	sigaddset(&held, SIGHUP);
	sigprocmask(SIG_SETMASK, &held, NULL);
	signal(SIGINT, SIG_IGN);
	signal(SIGQUIT, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
}

static void raise_file_limit(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) != 0 || r.rlim_cur >= OPEN_FILES_WANTED)
		return;
	if (r.rlim_max < OPEN_FILES_WANTED) {
		const struct rlimit more = { .rlim_cur = OPEN_FILES_WANTED,
					     .rlim_max = OPEN_FILES_WANTED };

		if (setrlimit(RLIMIT_NOFILE, &more) == 0)
			return;
	}
	r.rlim_cur = r.rlim_max < OPEN_FILES_WANTED ? r.rlim_max : OPEN_FILES_WANTED;
	(void)setrlimit(RLIMIT_NOFILE, &r);
}

unsigned worker_connections_max(unsigned wanted)
{
	struct rlimit r;
	rlim_t room;

	if (getrlimit(RLIMIT_NOFILE, &r) != 0)
		return wanted;
	room = r.rlim_cur > 2 * WORKER_FILES_RESERVED ? r.rlim_cur - WORKER_FILES_RESERVED
						      : r.rlim_cur / 2;
	return room < wanted ? (unsigned)room : wanted;
}

/* Descriptor 0 may be the admin's terminal. */
static void drop_stdin(void)
{
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	if (null < 0)
		return;
	if (null != STDIN_FILENO) {
		(void)dup2(null, STDIN_FILENO);
		close(null);
	}
}

/* Everything that is done as root. On return the process has no right left. */
static enum err enter(const struct worker_start *s, struct worker *w)
{
	enum err e;

	close_others(s);
	drop_stdin();
	reset_signals();
	prctl(PR_SET_NAME, s->ops->name, 0, 0, 0);
	if (!die_with_monitor(s))
		return ERR_CLOSED;
	raise_file_limit();
	e = s->ops->load(s->config, &w->state);
	if (e != ERR_OK) {
		log_error("cannot load: %s", err_str(e));
		return e;
	}
	e = sandbox_drop(s->user);
	if (e != ERR_OK)
		return e;
	/* The change of user has made the kernel forget it. */
	return die_with_monitor(s) ? ERR_OK : ERR_CLOSED;
}

/* --- channels --------------------------------------------------------------------------------- */

static void take_signal(struct runtime *rt, struct channel *monitor, struct cursor *body)
{
	struct monitor_signal m;
	enum err e = monitor_signal_decode(body, &m);

	if (e != ERR_OK)
		channel_bad(monitor, MONITOR_SIGNAL, e);
	else if (rt->w.ops->wish)
		rt->w.ops->wish(&rt->w, m.wish);
}

static void on_message(struct channel *ch, void *arg, uint16_t type, struct cursor *body, int fd);
static void on_closed(struct channel *ch, void *arg);
static const struct channel_events channel_callbacks = { .message = on_message,
							 .closed = on_closed };

static void sibling_gone(struct runtime *rt, enum worker_role role)
{
	rt->w.siblings[role] = NULL;
	if (rt->w.ops->sibling_down)
		rt->w.ops->sibling_down(&rt->w, role);
}

static void on_carrier_message(struct channel *ch, void *arg, uint16_t type, struct cursor *body,
			       int fd)
{
	struct runtime *rt = arg;

	(void)ch;
	if (fd >= 0)
		close(fd);
	rt->w.ops->carrier_message(&rt->w, type, body);
}

static void on_carrier_closed(struct channel *ch, void *arg)
{
	struct runtime *rt = arg;

	(void)ch;
	rt->w.carrier = NULL;
	rt->w.ops->carrier_down(&rt->w);
}

static const struct channel_events carrier_callbacks = { .message = on_carrier_message,
							 .closed = on_carrier_closed };

/* The channel for packets, again in the place of an older one. */
static enum err take_carrier(struct runtime *rt, int fd)
{
	struct worker *w = &rt->w;
	enum err e;

	if (!w->ops->carrier_up) {
		close(fd);
		return ERR_OK;
	}
	if (w->carrier) {
		channel_free(w->carrier);
		w->carrier = NULL;
		w->ops->carrier_down(w);
	}
	e = channel_new(w->loop, fd, &carrier_callbacks, rt, &w->carrier);
	if (e == ERR_OK)
		w->ops->carrier_up(w);
	return e;
}

/* A sibling's channel. */
static enum err take_sibling(struct runtime *rt, enum worker_role role, int fd)
{
	struct worker *w = &rt->w;
	enum err e;

	if (w->siblings[role]) {
		channel_free(w->siblings[role]);
		sibling_gone(rt, role);
	}
	e = channel_new(w->loop, fd, &channel_callbacks, &rt->peers[role], &w->siblings[role]);
	if (e == ERR_OK && w->ops->sibling_up)
		w->ops->sibling_up(w, role);
	return e;
}

/*
 * A sibling was started (again): its new channel takes the place of the old one, which may not have
 * been seen closing yet.
 */
static void take_link(struct runtime *rt, struct channel *monitor, struct cursor *body, int fd)
{
	struct worker *w = &rt->w;
	struct monitor_link link;
	enum err e = monitor_link_decode(body, &link);

	if (e == ERR_OK &&
	    (fd < 0 || link.peer == w->role || (unsigned)link.peer >= WORKER_ROLES_MAX))
		e = ERR_INVALID;
	if (e != ERR_OK) {
		if (fd >= 0)
			close(fd);
		channel_bad(monitor, MONITOR_LINK, e);
		return;
	}
	e = link.carrier ? take_carrier(rt, fd) : take_sibling(rt, link.peer, fd);
	if (e != ERR_OK) {
		log_error("no channel to %s: %s", worker_role_str(link.peer), err_str(e));
		loop_stop(w->loop, 1);
	}
}

/*
 * The log file was opened again by the monitor, which has the right to: ours is replaced in place.
 */
static void take_log(int fd)
{
	if (fd < 0)
		return;
	if (log_fd() > STDERR_FILENO)
		(void)dup3(fd, log_fd(), O_CLOEXEC);
	close(fd);
}

static void take_log_tap(struct channel *monitor, struct cursor *body, int fd)
{
	struct monitor_log_tap m;
	enum err e = monitor_log_tap_decode(body, &m);

	if (e == ERR_OK) {
		log_tap(fd, m.level);
		return;
	}
	if (fd >= 0)
		close(fd);
	channel_bad(monitor, MONITOR_LOG_TAP, e);
}

static void take_log_level(struct channel *monitor, struct cursor *body)
{
	struct monitor_log_level m;
	enum err e = monitor_log_level_decode(body, &m);

	if (e != ERR_OK)
		channel_bad(monitor, MONITOR_LOG_LEVEL, e);
	else
		log_set_level(m.level);
}

static void on_message(struct channel *ch, void *arg, uint16_t type, struct cursor *body, int fd)
{
	const struct peer *p = arg;
	struct runtime *rt = p->rt;

	if (p->role == 0 && type == MONITOR_LINK)
		take_link(rt, ch, body, fd);
	else if (p->role == 0 && type == MONITOR_LOG)
		take_log(fd);
	else if (p->role == 0 && type == MONITOR_LOG_TAP)
		take_log_tap(ch, body, fd);
	else if (p->role == 0 && type == MONITOR_LOG_LEVEL && fd < 0)
		take_log_level(ch, body);
	else if (p->role == 0 && type == MONITOR_SIGNAL && fd < 0)
		take_signal(rt, ch, body);
	else if (rt->w.ops->message)
		rt->w.ops->message(&rt->w, p->role, type, body, fd);
	else if (fd >= 0)
		close(fd);
}

static void on_closed(struct channel *ch, void *arg)
{
	const struct peer *p = arg;

	(void)ch;
	if (p->role != 0) {
		sibling_gone(p->rt, p->role);
		return;
	}
	p->rt->w.monitor = NULL;
	log_error("the channel to the monitor is closed: ending");
	loop_stop(p->rt->w.loop, 1);
}

/* --- life ------------------------------------------------------------------------------------- */

static void on_terminate(void *arg, int signo)
{
	struct worker *w = arg;

	(void)signo;
	if (w->ops->stop)
		w->ops->stop(w);
	else
		loop_stop(w->loop, 0);
}

static void on_hangup(void *arg, int signo)
{
	struct worker *w = arg;

	(void)signo;
	if (w->ops->reload)
		w->ops->reload(w);
}

static enum err set_up(struct runtime *rt, const struct worker_start *s)
{
	struct worker *w = &rt->w;
	enum err e;

	for (unsigned i = 0; i < WORKER_ROLES_MAX; i++)
		rt->peers[i] = (struct peer){ .rt = rt, .role = (enum worker_role)i };
	if ((e = loop_new(&w->loop)) != ERR_OK)
		return e;
	if ((e = loop_signal(w->loop, SIGTERM, on_terminate, w)) != ERR_OK)
		return e;
	if ((e = loop_signal(w->loop, SIGHUP, on_hangup, w)) != ERR_OK)
		return e;
	return channel_new(w->loop, s->monitor_fd, &channel_callbacks, &rt->peers[0], &w->monitor);
}

/*
 * The loop itself goes with the process: what a role still has in it after fini() is the kernel's
 * to clean.
 */
static void tear_down(struct worker *w)
{
	if (w->ops->fini)
		w->ops->fini(w);
	for (unsigned i = 0; i < WORKER_ROLES_MAX; i++)
		channel_free(w->siblings[i]);
	channel_free(w->carrier);
	channel_free(w->monitor);
}

int worker_run(const struct worker_start *s)
{
	/* Not on the stack: its loop goes with the process, and is no leak until then. */
	static struct runtime rt;
	char title[64];
	int code = 1;
	enum err e;

	rt = (struct runtime){ .w = { .role = s->ops->role, .ops = s->ops, .fds = s->fds } };
	snprintf(title, sizeof(title), "%s[%s]", s->program, s->ops->name);
	log_rename(title);
	e = enter(s, &rt.w);
	if (e != ERR_OK)
		goto out;
	e = set_up(&rt, s);
	if (e == ERR_OK)
		e = s->ops->start(&rt.w);
	if (e == ERR_OK)
		e = filter_apply(s->ops->calls);
	if (e == ERR_OK)
		e = channel_send(rt.w.monitor, MONITOR_READY, NULL, 0, -1);
	if (e != ERR_OK) {
		log_error("cannot start: %s", err_str(e));
		goto out;
	}
	resident_trim();
	code = loop_run(rt.w.loop);
	tear_down(&rt.w);
out:
	/* `title` ends with this function. */
	log_rename(s->program);
	return code;
}
