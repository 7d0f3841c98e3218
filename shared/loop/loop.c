/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One round: wait (at most until the earliest deadline), read the clock, call back the descriptors
 * that are ready, fire the timers that are due, run what was put off. loop_stop() ends the round
 * after the callback that called it.
 */
#include "shared/loop/loop.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "shared/base/clock.h"

#define EVENTS_PER_ROUND 64
/*
 * epoll counts its timeout on a clock that stands still while the machine is suspended; the
 * deadlines go on. So no wait is longer than this, and after a suspend timers are at most this
 * late.
 */
#define WAIT_MAX_MS 10000u

/*
 * Timers that fire before descriptors have their turn again, but as many as there were descriptors.
 * A timer of the data plane may cost 0.2 ms (a handshake), and those of 10,000 peers may be due at
 * once; packets must not wait for all. Where thousands of links are ready at once, their timers
 * must not wait for all of those.
 */
#define TIMERS_PER_ROUND 8u

struct signal_handler {
	void (*cb)(void *arg, int signo);
	void *arg;
};

struct loop {
	int epoll_fd;
	pid_t pid;    /* of the process that made it, see loop_free() */
	size_t n_fds; /* added by others */
	struct timers *timers;
	uint64_t now_ms; /* valid in a round */
	bool in_round;
	bool stopped;
	int code;

	struct epoll_event events[EVENTS_PER_ROUND];
	int n_events, at_event; /* those of this round, and the next one to be served */

	struct loop_later *later, **later_end;
	size_t later_due; /* how many from the front on belong to this round */

	struct loop_fd signals; /* signalfd; fd -1 until the first loop_signal() */
	sigset_t signal_set;
	struct signal_handler handlers[NSIG];
};

enum err loop_new(struct loop **out)
{
	struct loop *l = calloc(1, sizeof(*l));
	enum err e;

	if (!l)
		return ERR_NOMEM;
	e = timers_new(&l->timers);
	if (e)
		goto out;
	l->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (l->epoll_fd < 0) {
		e = err_from_errno(errno);
		goto out;
	}
	/* Writing to a connection that is gone is an error to be handled (EPIPE), also inside
	 * libraries; never a reason to die. */
	signal(SIGPIPE, SIG_IGN);
	l->pid = getpid();
	l->signals.fd = -1;
	l->later_end = &l->later;
	sigemptyset(&l->signal_set);
	*out = l;
	return ERR_OK;
out:
	timers_free(l->timers);
	free(l);
	return e;
}

void loop_free(struct loop *l)
{
	if (!l)
		return;
	/* A child process shares the parent's epoll set: it may only let go of its copy, and owes
	 * no order. */
	if (l->pid == getpid())
		BUG_ON(l->n_fds != 0);
	if (l->signals.fd >= 0)
		close(l->signals.fd);
	close(l->epoll_fd);
	timers_free(l->timers);
	free(l);
}

enum err loop_fd_add(struct loop *l, struct loop_fd *f, int fd, uint32_t events,
		     void (*ready)(struct loop_fd *, uint32_t))
{
	struct epoll_event ev = { .events = events, .data.ptr = f };

	if (epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, fd, &ev) != 0)
		return err_from_errno(errno);
	*f = (struct loop_fd){ .fd = fd, .events = events, .ready = ready };
	l->n_fds++;
	return ERR_OK;
}

void loop_fd_events(struct loop *l, struct loop_fd *f, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.ptr = f };

	if (f->events == events)
		return;
	BUG_ON(epoll_ctl(l->epoll_fd, EPOLL_CTL_MOD, f->fd, &ev) != 0);
	f->events = events;
}

void loop_fd_del(struct loop *l, struct loop_fd *f)
{
	/* A struct of zeros was never added. */
	if (f->fd < 0 || !f->ready) {
		f->fd = -1;
		return;
	}
	BUG_ON(epoll_ctl(l->epoll_fd, EPOLL_CTL_DEL, f->fd, NULL) != 0);
	/* The kernel may have reported it in this round already. */
	for (int i = l->at_event; i < l->n_events; i++)
		if (l->events[i].data.ptr == f)
			l->events[i].data.ptr = NULL;
	f->fd = -1;
	f->ready = NULL;
	l->n_fds--;
}

void loop_later(struct loop *l, struct loop_later *later, void (*run)(struct loop_later *))
{
	if (later->queued)
		return;
	*later = (struct loop_later){ .queued = true, .run = run };
	*l->later_end = later;
	l->later_end = &later->next;
}

/* Takes the entry that `*at` points to out of the queue. */
static void later_take(struct loop *l, struct loop_later **at)
{
	struct loop_later *later = *at;

	*at = later->next;
	if (l->later_end == &later->next)
		l->later_end = at;
	later->next = NULL;
	later->queued = false;
}

void loop_later_cancel(struct loop *l, struct loop_later *later)
{
	struct loop_later **at = &l->later;
	size_t place = 0;

	if (!later->queued)
		return;
	for (; *at && *at != later; at = &(*at)->next)
		place++;
	BUG_ON(!*at);
	if (place < l->later_due)
		l->later_due--;
	later_take(l, at);
}

/* Reads one signal a round; the descriptor stays ready while there are more. */
static void signals_ready(struct loop_fd *f, uint32_t events)
{
	struct loop *l = container_of(f, struct loop, signals);
	struct signalfd_siginfo info;
	const struct signal_handler *h;

	(void)events;
	if (read(f->fd, &info, sizeof(info)) != (ssize_t)sizeof(info) || info.ssi_signo >= NSIG)
		return;
	h = &l->handlers[info.ssi_signo];
	if (h->cb)
		h->cb(h->arg, (int)info.ssi_signo);
}

/* Makes the signalfd at the first call, else widens its set. */
static enum err update_signalfd(struct loop *l, const sigset_t *set)
{
	int fd = signalfd(l->signals.fd, set, SFD_NONBLOCK | SFD_CLOEXEC);
	enum err e;

	if (fd < 0)
		return err_from_errno(errno);
	if (l->signals.fd >= 0)
		return ERR_OK;
	e = loop_fd_add(l, &l->signals, fd, EPOLLIN, signals_ready);
	if (e) {
		l->signals.fd = -1;
		close(fd);
		return e;
	}
	l->n_fds--;
	return ERR_OK;
}

enum err loop_signal(struct loop *l, int signo, void (*cb)(void *arg, int signo), void *arg)
{
	sigset_t one, all = l->signal_set;
	enum err e;

	if (signo < 1 || signo >= NSIG)
		return ERR_INVALID;
	if (l->handlers[signo].cb)
		return ERR_EXISTS;
	sigemptyset(&one);
	sigaddset(&one, signo);
	sigaddset(&all, signo);
	e = update_signalfd(l, &all);
	if (e)
		return e;
	if (sigprocmask(SIG_BLOCK, &one, NULL) != 0)
		return err_from_errno(errno);
	l->signal_set = all;
	l->handlers[signo] = (struct signal_handler){ .cb = cb, .arg = arg };
	return ERR_OK;
}

uint64_t loop_now_ms(const struct loop *l) { return l->in_round ? l->now_ms : clock_now_ms(); }

struct timers *loop_timers(struct loop *l) { return l->timers; }

/* How long the next wait may be. */
static int wait_ms(const struct loop *l)
{
	uint64_t next = timers_next_ms(l->timers), now;

	if (l->later)
		return 0;
	if (next == TIMER_NEVER)
		return -1;
	now = clock_now_ms();
	if (next <= now)
		return 0;
	return (int)(next - now < WAIT_MAX_MS ? next - now : WAIT_MAX_MS);
}

/* Returns how many there were. */
static unsigned serve_events(struct loop *l)
{
	const unsigned n = (unsigned)l->n_events;

	while (l->at_event < l->n_events && !l->stopped) {
		const struct epoll_event *ev = &l->events[l->at_event++];
		struct loop_fd *f = ev->data.ptr;

		if (f)
			f->ready(f, ev->events);
	}
	l->n_events = l->at_event = 0;
	return n;
}

/* Only what was queued before it began: what is queued meanwhile belongs to the next round. */
static void run_later(struct loop *l)
{
	l->later_due = 0;
	for (const struct loop_later *p = l->later; p; p = p->next)
		l->later_due++;
	while (l->later_due > 0 && !l->stopped) {
		struct loop_later *p = l->later;

		l->later_due--;
		later_take(l, &l->later);
		p->run(p);
	}
	l->later_due = 0;
}

static void round_once(struct loop *l)
{
	int n = epoll_wait(l->epoll_fd, l->events, EVENTS_PER_ROUND, wait_ms(l));
	unsigned served;

	BUG_ON(n < 0 && errno != EINTR);
	l->n_events = n < 0 ? 0 : n;
	l->at_event = 0;
	l->now_ms = clock_now_ms();
	l->in_round = true;
	served = serve_events(l);
	if (!l->stopped)
		timers_run(l->timers, l->now_ms,
			   served > TIMERS_PER_ROUND ? served : TIMERS_PER_ROUND);
	run_later(l);
	l->in_round = false;
}

int loop_run(struct loop *l)
{
	while (!l->stopped)
		round_once(l);
	l->stopped = false;
	return l->code;
}

void loop_stop(struct loop *l, int code)
{
	l->stopped = true;
	l->code = code;
}
