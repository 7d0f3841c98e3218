/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * getaddrinfo() cannot be made to stop, so it runs on a detached thread, and whoever asked may
 * leave before it is done:
 *
 *     struct resolve (the loop's side) ---ref---> struct lookup <---ref--- the thread
 *
 * The lookup is freed by whoever lets go last. The thread writes only to the lookup, never logs,
 * and wakes the loop through the lookup's eventfd as its last act before it lets go.
 */
#include "shared/loop/resolve.h"

#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define THREADS_MAX        16           /* lookups in flight, orphans too */
#define THREAD_STACK_BYTES (512u << 10) /* name service modules work with buffers on the stack */

/* Threads are the process's, not a loop's: hence the one static. */
static atomic_int threads;

struct lookup {
	atomic_int refs;
	int event_fd;
	int family;
	uint16_t port;
	char host[256];
	/* The answer; the loop reads it after the eventfd only. */
	enum err err;
	size_t n;
	struct endpoint found[RESOLVE_ADDRESSES_MAX];
};

struct resolve {
	struct loop *loop;
	struct loop_fd io; /* the lookup's eventfd */
	struct timer timeout;
	struct loop_later later; /* the answer for a numeric address */
	struct lookup *lookup;
	resolve_done done;
	void *arg;
	bool answering; /* inside done() */
};

static void lookup_put(struct lookup *k)
{
	if (atomic_fetch_sub(&k->refs, 1) != 1)
		return;
	if (k->event_fd >= 0)
		close(k->event_fd);
	free(k);
}

static enum err err_from_gai(int code)
{
	switch (code) {
	case 0:
		return ERR_OK;
	case EAI_NONAME:
#ifdef EAI_NODATA
	case EAI_NODATA:
#endif
#ifdef EAI_ADDRFAMILY
	case EAI_ADDRFAMILY:
#endif
		return ERR_NOTFOUND;
	default:
		return ERR_IO;
	}
}

static bool has(const struct lookup *k, const struct endpoint *e)
{
	for (size_t i = 0; i < k->n; i++)
		if (endpoint_equal(&k->found[i], e))
			return true;
	return false;
}

static void add(struct lookup *k, const struct addrinfo *ai)
{
	struct sockaddr_storage ss = { 0 };
	struct endpoint e;

	if (k->n == RESOLVE_ADDRESSES_MAX || ai->ai_addrlen > sizeof(ss))
		return;
	memcpy(&ss, ai->ai_addr, ai->ai_addrlen);
	if (endpoint_from_sockaddr(&ss, ai->ai_addrlen, &e) || has(k, &e))
		return;
	k->found[k->n++] = e;
}

/* Asks the system and stores the answer, in the order in which the addresses should be tried (RFC
 * 6724). */
static void look_up(struct lookup *k, int flags)
{
	struct addrinfo hints = { .ai_family = k->family,
				  .ai_socktype = SOCK_STREAM,
				  .ai_flags = flags | AI_NUMERICSERV };
	struct addrinfo *list = NULL;
	char port[8];

	snprintf(port, sizeof(port), "%u", (unsigned)k->port);
	k->err = err_from_gai(getaddrinfo(k->host, port, &hints, &list));
	if (k->err)
		return;
	for (const struct addrinfo *ai = list; ai; ai = ai->ai_next)
		add(k, ai);
	freeaddrinfo(list);
	if (k->n == 0)
		k->err = ERR_NOTFOUND;
}

static void *thread_main(void *arg)
{
	struct lookup *k = arg;
	uint64_t one = 1;
	ssize_t n;

	look_up(k, 0);
	do
		n = write(k->event_fd, &one, sizeof(one));
	while (n < 0 && errno == EINTR);
	lookup_put(k);
	atomic_fetch_sub(&threads, 1);
	return NULL;
}

/* Starts the thread, with all signals blocked: they are for the loop. */
static enum err start_thread(struct lookup *k)
{
	pthread_attr_t attr;
	sigset_t all, before;
	pthread_t thread;
	int failed;

	if (atomic_fetch_add(&threads, 1) >= THREADS_MAX) {
		atomic_fetch_sub(&threads, 1);
		return ERR_LIMIT;
	}
	atomic_fetch_add(&k->refs, 1);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	failed = pthread_attr_init(&attr);
	if (!failed) {
		pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
		pthread_attr_setstacksize(&attr, THREAD_STACK_BYTES);
		failed = pthread_create(&thread, &attr, thread_main, k);
		pthread_attr_destroy(&attr);
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (!failed)
		return ERR_OK;
	atomic_fetch_sub(&k->refs, 1);
	atomic_fetch_sub(&threads, 1);
	return ERR_LIMIT;
}

static void resolve_free(struct resolve *r)
{
	loop_fd_del(r->loop, &r->io);
	timer_disarm(loop_timers(r->loop), &r->timeout);
	loop_later_cancel(r->loop, &r->later);
	lookup_put(r->lookup);
	free(r);
}

static void answer(struct resolve *r, enum err e)
{
	r->answering = true;
	r->done(r->arg, e, e ? NULL : r->lookup->found, e ? 0 : r->lookup->n);
	resolve_free(r);
}

static void io_ready(struct loop_fd *f, uint32_t events)
{
	struct resolve *r = container_of(f, struct resolve, io);
	uint64_t count;

	(void)events;
	/* Reading pairs with the thread's write, which orders its answer before our use of it. */
	if (read(f->fd, &count, sizeof(count)) != (ssize_t)sizeof(count))
		return;
	answer(r, r->lookup->err);
}

static void timed_out(struct timer *t, uint64_t now_ms)
{
	(void)now_ms;
	answer(container_of(t, struct resolve, timeout), ERR_TIMEOUT);
}

static void numeric_done(struct loop_later *l)
{
	struct resolve *r = container_of(l, struct resolve, later);

	answer(r, r->lookup->err);
}

static enum err lookup_new(const char *host, uint16_t port, int family, struct lookup **out)
{
	size_t n = strlen(host);
	struct lookup *k;

	if (n == 0 || n >= sizeof(k->host))
		return ERR_INVALID;
	k = calloc(1, sizeof(*k));
	if (!k)
		return ERR_NOMEM;
	atomic_init(&k->refs, 1);
	k->event_fd = -1;
	k->family = family;
	k->port = port;
	memcpy(k->host, host, n + 1);
	*out = k;
	return ERR_OK;
}

/* A name: eventfd, thread, deadline. */
static enum err start_name(struct resolve *r, unsigned timeout_ms)
{
	struct lookup *k = r->lookup;
	enum err e;

	k->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (k->event_fd < 0)
		return err_from_errno(errno);
	e = loop_fd_add(r->loop, &r->io, k->event_fd, EPOLLIN, io_ready);
	if (!e)
		e = start_thread(k);
	if (e)
		return e;
	r->timeout.fire = timed_out;
	timer_arm(loop_timers(r->loop), &r->timeout, loop_now_ms(r->loop) + timeout_ms);
	return ERR_OK;
}

enum err resolve_start(struct loop *l, const char *host, uint16_t port, int family,
		       unsigned timeout_ms, resolve_done done, void *arg, struct resolve **out)
{
	struct resolve *r = calloc(1, sizeof(*r));
	enum err e;

	if (!r)
		return ERR_NOMEM;
	*r = (struct resolve){ .loop = l, .io.fd = -1, .done = done, .arg = arg };
	e = lookup_new(host, port, family, &r->lookup);
	if (e) {
		free(r);
		return e;
	}
	look_up(r->lookup, AI_NUMERICHOST);
	if (!r->lookup->err)
		loop_later(l, &r->later, numeric_done);
	else
		e = start_name(r, timeout_ms);
	if (e) {
		resolve_free(r);
		return e;
	}
	*out = r;
	return ERR_OK;
}

void resolve_cancel(struct resolve *r)
{
	/* From inside done() it is freed anyway, right after. */
	if (r && !r->answering)
		resolve_free(r);
}
