/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * loop: one epoll event loop a process. Callbacks never block. Objects are embedded in their owners
 * and reached by container_of().
 *
 *   1. loop_new()
 *   2. loop_fd_add(), loop_signal(), timer_arm() ...
 *   3. loop_run() until loop_stop()
 *   4. take everything out, loop_free()
 */
#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>

#include "shared/base/err.h"
#include "shared/loop/timer.h"

struct loop;

struct loop_fd {
	int fd;          /* not closed by the loop */
	uint32_t events; /* EPOLLIN | EPOLLOUT as last asked for */
	void (*ready)(struct loop_fd *f, uint32_t events);
};

/* Work to be done once, right after the callbacks of this round. */
struct loop_later {
	struct loop_later *next;
	bool queued;
	void (*run)(struct loop_later *l);
};

/* Also makes the process ignore SIGPIPE: set it back to the default before an exec. */
enum err loop_new(struct loop **out) must_check;
/*
 * Accepts NULL. What is still added is our own mistake, except timers. After a fork() this is the
 * only call that the child may make on its parent's loop; it then lets go of it without a question,
 * and the parent's loop is not touched.
 */
void loop_free(struct loop *l);

/* The caller owns `f`, which stays until loop_fd_del(). Level-triggered. */
enum err loop_fd_add(struct loop *l, struct loop_fd *f, int fd, uint32_t events,
		     void (*ready)(struct loop_fd *, uint32_t)) must_check;
/* Changes what is waited for; cheap when nothing changes. */
void loop_fd_events(struct loop *l, struct loop_fd *f, uint32_t events);
/* To be called before `fd` is closed. Safe inside any callback, also for another fd that is ready
 * in the same round (its callback will not come). Sets f->fd to -1; harmless when it is. */
void loop_fd_del(struct loop *l, struct loop_fd *f);

/* Runs `later` after the present round; harmless when it is queued already. */
void loop_later(struct loop *l, struct loop_later *later, void (*run)(struct loop_later *));
void loop_later_cancel(struct loop *l, struct loop_later *later);

/* Calls back for a signal (signalfd; the signal is blocked, and stays so). One callback a signal
 * number, else ERR_EXISTS. */
enum err loop_signal(struct loop *l, int signo, void (*cb)(void *arg, int signo),
		     void *arg) must_check;

/* The time that this round began (outside of rounds: now): CLOCK_BOOTTIME, milliseconds. */
uint64_t loop_now_ms(const struct loop *l);
struct timers *loop_timers(struct loop *l);

/* Runs until loop_stop(). Returns the code given to it. */
int loop_run(struct loop *l);
void loop_stop(struct loop *l, int code);
