/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hub/api/hashing.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "hub/api/context.h"
#include "hub/api/password.h"
#include "shared/base/secret.h"

/*
 *   hashing_ready() --> waiting --thread--> done --come_back()--> back: the request's own
 *
 * Between the loop and its coming back a job is the thread's, except `request`, which is the
 * loop's.
 */
struct hashing_job {
	struct list link;        /* in `waiting` or `done` */
	struct request *request; /* NULL: it is over */
	bool back;
	bool refused; /* the hub ends */
	bool tries, makes;
	char tried[PASSWORD_MAX_BYTES + 1], fresh[PASSWORD_MAX_BYTES + 1];
	char against[STORE_TEXT_SIZE];
	bool right;
	char made[PASSWORD_HASH_SIZE]; /* "": not made */
};

struct hashing {
	struct loop *loop;
	void (*wake)(struct request *r);
	struct loop_fd ready; /* an eventfd */
	pthread_t thread;
	unsigned n; /* asked for, and not back; the loop's */
	pthread_mutex_t lock;
	pthread_cond_t more;
	struct list waiting, done; /* below: under the lock */
	bool ending;
};

static void free_job(struct hashing_job *j)
{
	secret_zero(j, sizeof(*j));
	free(j);
}

/* The work itself: on the thread, or where there is none. */
static void work(struct hashing_job *j)
{
	j->right = j->tries && password_matches(j->tried, j->against);
	if (j->makes && (j->right || !j->tries) && password_hash(j->fresh, j->made) != ERR_OK)
		j->made[0] = '\0';
	secret_zero(j->tried, sizeof(j->tried));
	secret_zero(j->fresh, sizeof(j->fresh));
}

/* --- the thread --- */

/* The next job, once there is one; NULL: it is over. */
static struct hashing_job *take(struct hashing *h)
{
	struct hashing_job *j = NULL;

	pthread_mutex_lock(&h->lock);
	while (!h->ending && list_empty(&h->waiting))
		pthread_cond_wait(&h->more, &h->lock);
	if (!h->ending) {
		j = list_entry(h->waiting.next, struct hashing_job, link);
		list_del(&j->link);
	}
	pthread_mutex_unlock(&h->lock);
	return j;
}

static void give_back(struct hashing *h, struct hashing_job *j)
{
	const uint64_t one = 1;
	ssize_t n;

	pthread_mutex_lock(&h->lock);
	list_push_back(&h->done, &j->link);
	pthread_mutex_unlock(&h->lock);
	do
		n = write(h->ready.fd, &one, sizeof(one));
	while (n < 0 && errno == EINTR);
}

static void *thread_main(void *arg)
{
	struct hashing *h = arg;
	struct hashing_job *j;

	while ((j = take(h)) != NULL) {
		work(j);
		give_back(h, j);
	}
	return NULL;
}

/* --- the loop --- */

/* A job is the loop's again: its request goes on, if there still is one. */
static void come_back(struct hashing *h, struct hashing_job *j)
{
	list_del(&j->link);
	h->n--;
	j->back = true;
	if (j->request)
		h->wake(j->request);
	else
		free_job(j);
}

static void ready(struct loop_fd *f, uint32_t events)
{
	struct hashing *h = container_of(f, struct hashing, ready);
	struct list done, *pos, *tmp;
	uint64_t count;

	(void)events;
	if (read(f->fd, &count, sizeof(count)) != (ssize_t)sizeof(count))
		return;
	list_init(&done);
	pthread_mutex_lock(&h->lock);
	list_for_each(pos, tmp, &h->done) {
		list_del(pos);
		list_push_back(&done, pos);
	}
	pthread_mutex_unlock(&h->lock);
	list_for_each(pos, tmp, &done)
		come_back(h, list_entry(pos, struct hashing_job, link));
}

/* With all signals blocked: they are for the loop. */
static enum err start_thread(struct hashing *h)
{
	sigset_t all, before;
	int failed;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	failed = pthread_create(&h->thread, NULL, thread_main, h);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return failed ? err_from_errno(failed) : ERR_OK;
}

enum err hashing_new(struct loop *l, void (*wake)(struct request *r), struct hashing **out)
{
	struct hashing *h = calloc(1, sizeof(*h));
	int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	enum err e = !h ? ERR_NOMEM : fd < 0 ? err_from_errno(errno) : ERR_OK;

	if (e)
		goto out;
	h->loop = l;
	h->wake = wake;
	list_init(&h->waiting);
	list_init(&h->done);
	pthread_mutex_init(&h->lock, NULL);
	pthread_cond_init(&h->more, NULL);
	e = loop_fd_add(l, &h->ready, fd, EPOLLIN, ready);
	if (e)
		goto out;
	e = start_thread(h);
	if (e) {
		loop_fd_del(l, &h->ready);
		goto out;
	}
	*out = h;
	return ERR_OK;
out:
	if (fd >= 0)
		close(fd);
	free(h);
	return e;
}

void hashing_free(struct hashing *h)
{
	struct list *pos, *tmp;
	int fd;

	if (!h)
		return;
	pthread_mutex_lock(&h->lock);
	h->ending = true;
	pthread_cond_signal(&h->more);
	pthread_mutex_unlock(&h->lock);
	pthread_join(h->thread, NULL);
	list_for_each(pos, tmp, &h->waiting)
		list_entry(pos, struct hashing_job, link)->refused = true;
	list_for_each(pos, tmp, &h->waiting)
		come_back(h, list_entry(pos, struct hashing_job, link));
	list_for_each(pos, tmp, &h->done)
		come_back(h, list_entry(pos, struct hashing_job, link));
	fd = h->ready.fd;
	loop_fd_del(h->loop, &h->ready);
	close(fd);
	pthread_cond_destroy(&h->more);
	pthread_mutex_destroy(&h->lock);
	free(h);
}

/* --- for handlers --- */

static void copy_text(char *out, size_t size, const char *text)
{
	size_t n = strlen(text);

	/* The tables of the routes and of the store bound them. */
	BUG_ON(n >= size);
	memcpy(out, text, n + 1);
}

static void ask(struct request *r, const char *tried, const char *against, const char *fresh)
{
	struct hashing *h = r->api->hashing;
	struct hashing_job *j;

	if (h && h->n == HASHING_WAITING_MAX) {
		reply_refuse(&r->reply, 503, "too_many_passwords",
			     "%u passwords wait to be looked at, the most that may; try again",
			     HASHING_WAITING_MAX);
		return;
	}
	j = calloc(1, sizeof(*j));
	if (!j) {
		reply_refuse(&r->reply, 503, "no_memory", "the hub is out of memory; try again");
		return;
	}
	list_init(&j->link);
	j->request = r;
	j->tries = tried != NULL;
	j->makes = fresh != NULL;
	copy_text(j->tried, sizeof(j->tried), tried ? tried : "");
	copy_text(j->against, sizeof(j->against), tried ? against : "");
	copy_text(j->fresh, sizeof(j->fresh), fresh ? fresh : "");
	r->hashing = j;
	if (!h) {
		work(j);
		j->back = true;
		return;
	}
	h->n++;
	pthread_mutex_lock(&h->lock);
	list_push_back(&h->waiting, &j->link);
	pthread_cond_signal(&h->more);
	pthread_mutex_unlock(&h->lock);
}

bool hashing_ready(struct request *r, const char *tried, const char *against, const char *fresh)
{
	if (!r->hashing)
		ask(r, tried, against, fresh);
	if (!r->hashing || !r->hashing->back)
		return false;
	if (r->hashing->refused)
		reply_refuse(&r->reply, 503, "hub_ends", "the hub is being stopped; try again");
	return !r->hashing->refused;
}

bool hashing_asked(const struct request *r) { return r->hashing != NULL; }

bool hashing_waits(const struct request *r) { return r->hashing && !r->hashing->back; }

bool hashing_right(const struct request *r, const char *against)
{
	return r->hashing->right && strcmp(r->hashing->against, against) == 0;
}

const char *hashing_made(const struct request *r)
{
	return r->hashing->made[0] ? r->hashing->made : NULL;
}

void hashing_forget(struct request *r)
{
	struct hashing_job *j = r->hashing;

	r->hashing = NULL;
	if (!j)
		return;
	if (j->back)
		free_job(j);
	else
		j->request = NULL;
}
