/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shared/base/clock.h"
#include "shared/loop/loop.h"

static struct loop *l;
static char trace[64]; /* what was called, in order */

static void note(char c)
{
	size_t n = strlen(trace);

	assert_true(n + 1 < sizeof(trace));
	trace[n] = c;
	trace[n + 1] = 0;
}

static int make(void **unused)
{
	(void)unused;
	trace[0] = 0;
	return loop_new(&l);
}

static int unmake(void **unused)
{
	(void)unused;
	loop_free(l);
	return 0;
}

struct end {
	struct loop_fd io;
	struct loop_fd *victim; /* taken out by the callback */
	int pipe[2];
	unsigned calls;
};

static void ready(struct loop_fd *f, uint32_t events)
{
	struct end *e = container_of(f, struct end, io);

	assert_true(events & EPOLLIN);
	e->calls++;
	/* Without a stop the round goes on, and the other one would be next. */
	if (e->victim)
		loop_fd_del(l, e->victim);
	else
		loop_stop(l, 7);
}

static void open_end(struct end *e)
{
	*e = (struct end){ .io.fd = -1 };
	assert_int_equal(pipe(e->pipe), 0);
	assert_int_equal(loop_fd_add(l, &e->io, e->pipe[0], EPOLLIN, ready), ERR_OK);
}

static void close_end(struct end *e)
{
	loop_fd_del(l, &e->io);
	close(e->pipe[0]);
	close(e->pipe[1]);
}

static void reads_when_ready(void **unused)
{
	struct end e;

	(void)unused;
	open_end(&e);
	assert_int_equal(loop_fd_add(l, &e.io, e.pipe[0], EPOLLIN, ready), ERR_EXISTS);
	assert_int_equal(write(e.pipe[1], "x", 1), 1);
	assert_int_equal(loop_run(l), 7);
	/* Level-triggered: the byte is still there. */
	assert_int_equal(loop_run(l), 7);
	assert_int_equal(e.calls, 2);
	close_end(&e);
	assert_int_equal(e.io.fd, -1);
	loop_fd_del(l, &e.io);
}

static void stop_now(struct timer *t, uint64_t now_ms)
{
	(void)t;
	(void)now_ms;
	loop_stop(l, 1);
}

/* Nothing is waited for: only the timer ends the loop. */
static void events_can_be_turned_off(void **unused)
{
	struct timer t = { .fire = stop_now };
	struct end e;

	(void)unused;
	open_end(&e);
	assert_int_equal(write(e.pipe[1], "x", 1), 1);
	loop_fd_events(l, &e.io, 0);
	timer_arm(loop_timers(l), &t, loop_now_ms(l) + 20);
	assert_int_equal(loop_run(l), 1);
	assert_int_equal(e.calls, 0);
	loop_fd_events(l, &e.io, EPOLLIN);
	assert_int_equal(loop_run(l), 7);
	close_end(&e);
}

/* Two are ready in one round; whichever comes first takes out the other, whose callback then must
 * not come. */
static void deleted_while_ready(void **unused)
{
	struct timer t = { .fire = stop_now };
	struct end a, b;

	(void)unused;
	open_end(&a);
	open_end(&b);
	a.victim = &b.io;
	b.victim = &a.io;
	timer_arm(loop_timers(l), &t, loop_now_ms(l) + 20);
	assert_int_equal(write(a.pipe[1], "x", 1), 1);
	assert_int_equal(write(b.pipe[1], "x", 1), 1);
	assert_int_equal(loop_run(l), 1);
	/* The byte is never read, so the one that stays is called back each round. */
	assert_true((a.calls == 0) != (b.calls == 0));
	close_end(&a);
	close_end(&b);
}

static void deletes_itself(void **unused)
{
	struct timer t = { .fire = stop_now };
	struct end e;

	(void)unused;
	open_end(&e);
	e.victim = &e.io;
	assert_int_equal(write(e.pipe[1], "x", 1), 1);
	timer_arm(loop_timers(l), &t, loop_now_ms(l) + 20);
	assert_int_equal(loop_run(l), 1);
	assert_int_equal(e.calls, 1);
	close_end(&e);
}

static void timer_is_on_time(void **unused)
{
	struct timer t = { .fire = stop_now };
	uint64_t before = clock_now_ms(), at = loop_now_ms(l) + 60;

	(void)unused;
	timer_arm(loop_timers(l), &t, at);
	assert_int_equal(loop_run(l), 1);
	assert_true(clock_now_ms() >= at);
	/* Generous, for a busy machine: late is no fault of the loop, early would be. */
	assert_true(clock_now_ms() < before + 5000);
}

static struct loop_later la, lb, lc;

static void run_b(struct loop_later *p)
{
	(void)p;
	note('b');
}

static void run_c(struct loop_later *p)
{
	(void)p;
	note('c');
	loop_stop(l, 0);
}

/* Queues itself again (for the next round), and cancels c. */
static void run_a(struct loop_later *p)
{
	note('a');
	if (strlen(trace) < 4)
		loop_later(l, p, run_a);
	else
		loop_stop(l, 0);
	loop_later_cancel(l, &lc);
}

static void later_in_order(void **unused)
{
	(void)unused;
	loop_later(l, &lb, run_b);
	loop_later(l, &lc, run_c);
	loop_later(l, &lb, run_b);
	assert_int_equal(loop_run(l), 0);
	assert_string_equal(trace, "bc");
	assert_false(lb.queued);
}

static void later_changes_while_running(void **unused)
{
	(void)unused;
	loop_later(l, &la, run_a);
	loop_later(l, &lc, run_c);
	loop_later(l, &lb, run_b);
	assert_int_equal(loop_run(l), 0);
	/* a cancels c and comes again only after b; then alone. */
	assert_string_equal(trace, "abaa");
	loop_later_cancel(l, &la);
}

/* The last one in the queue is cancelled, and the queue goes on working. */
static void later_cancel_at_the_end(void **unused)
{
	(void)unused;
	loop_later(l, &lb, run_b);
	loop_later(l, &la, run_a);
	loop_later_cancel(l, &la);
	loop_later_cancel(l, &la);
	loop_later(l, &lc, run_c);
	assert_int_equal(loop_run(l), 0);
	assert_string_equal(trace, "bc");
}

static void on_signal(void *arg, int signo)
{
	assert_ptr_equal(arg, trace);
	note(signo == SIGUSR1 ? '1' : '2');
	if (strlen(trace) == 2)
		loop_stop(l, 0);
}

static void signals(void **unused)
{
	(void)unused;
	assert_int_equal(loop_signal(l, SIGUSR1, on_signal, trace), ERR_OK);
	assert_int_equal(loop_signal(l, SIGUSR2, on_signal, trace), ERR_OK);
	assert_int_equal(loop_signal(l, SIGUSR1, on_signal, trace), ERR_EXISTS);
	assert_int_equal(loop_signal(l, 0, on_signal, trace), ERR_INVALID);
	assert_int_equal(loop_signal(l, NSIG, on_signal, trace), ERR_INVALID);
	assert_int_equal(raise(SIGUSR1), 0);
	assert_int_equal(raise(SIGUSR2), 0);
	assert_int_equal(loop_run(l), 0);
	assert_true(!strcmp(trace, "12") || !strcmp(trace, "21"));
}

/* A stop before the start counts, once. */
static void stopped_before(void **unused)
{
	(void)unused;
	loop_stop(l, 3);
	assert_int_equal(loop_run(l), 3);
	loop_later(l, &lc, run_c);
	assert_int_equal(loop_run(l), 0);
	assert_string_equal(trace, "c");
}

static void broken_pipe_is_an_error_only(void **unused)
{
	struct end e;

	(void)unused;
	open_end(&e);
	loop_fd_del(l, &e.io);
	close(e.pipe[0]);
	assert_int_equal(write(e.pipe[1], "x", 1), -1);
	close(e.pipe[1]);
}

/* A child lets go of the loop without taking anything away from its parent. */
static void child_lets_go(void **unused)
{
	struct end e;
	pid_t child;
	int status;

	(void)unused;
	open_end(&e);
	child = fork();
	if (child == 0) {
		loop_free(l);
		_exit(0);
	}
	assert_true(child > 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_int_equal(write(e.pipe[1], "x", 1), 1);
	assert_int_equal(loop_run(l), 7);
	close_end(&e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(reads_when_ready, make, unmake),
		cmocka_unit_test_setup_teardown(events_can_be_turned_off, make, unmake),
		cmocka_unit_test_setup_teardown(deleted_while_ready, make, unmake),
		cmocka_unit_test_setup_teardown(deletes_itself, make, unmake),
		cmocka_unit_test_setup_teardown(timer_is_on_time, make, unmake),
		cmocka_unit_test_setup_teardown(later_in_order, make, unmake),
		cmocka_unit_test_setup_teardown(later_changes_while_running, make, unmake),
		cmocka_unit_test_setup_teardown(later_cancel_at_the_end, make, unmake),
		cmocka_unit_test_setup_teardown(signals, make, unmake),
		cmocka_unit_test_setup_teardown(stopped_before, make, unmake),
		cmocka_unit_test_setup_teardown(broken_pipe_is_an_error_only, make, unmake),
		cmocka_unit_test_setup_teardown(child_lets_go, make, unmake),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
