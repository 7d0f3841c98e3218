/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sockets to dial with: a few are ready, each one used is asked for again. The monitor is a channel
 * here. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "shared/base/clock.h"
#include "spoke/control/link_sockets.h"

static unsigned asked[2];

static void on_message(struct channel *ch, void *arg, uint16_t type, struct cursor *body, int fd)
{
	struct monitor_socket m;

	(void)ch;
	assert_int_equal(type, MONITOR_SOCKET);
	assert_int_equal(fd, -1);
	assert_int_equal(monitor_socket_decode(body, &m), ERR_OK);
	assert_int_equal(m.tag, m.family == AF_INET6);
	if (++asked[m.tag] == LINK_SOCKETS_READY)
		loop_stop(arg, 0);
}

static void on_closed(struct channel *ch, void *arg)
{
	(void)ch;
	(void)arg;
}

struct stop {
	struct timer timer;
	struct loop *loop;
};

static void on_stop(struct timer *t, uint64_t now_ms)
{
	(void)now_ms;
	loop_stop(container_of(t, struct stop, timer)->loop, 0);
}

/* Runs the loop until something stops it, or so long. */
static void run(struct loop *l, unsigned ms)
{
	struct stop s = { .timer.fire = on_stop, .loop = l };

	timer_arm(loop_timers(l), &s.timer, clock_now_ms() + ms);
	loop_run(l);
	timer_disarm(loop_timers(l), &s.timer);
}

static enum err answer(struct link_sockets *s, unsigned family, enum err result)
{
	const struct monitor_done m = { .tag = family, .result = result, .text = "no such device" };
	int fd = result ? -1 : socket(family ? AF_INET6 : AF_INET, SOCK_STREAM, 0);
	enum err e = link_sockets_take(s, &m, &fd);

	/* Taken over, or still ours. */
	assert_int_equal(fd >= 0, e != ERR_OK && result == ERR_OK);
	if (fd >= 0)
		close(fd);
	return e;
}

static void test_stock(void **state)
{
	static const struct channel_events events = { .message = on_message, .closed = on_closed };
	struct spoke_config cfg = {
		.family = AF_INET,
		.n_udp = 1,
		.udp = { { .addr = { .family = AF_INET, .b = { 127, 0, 0, 1 } } } },
	};
	struct link_sockets s;
	struct channel *monitor, *other;
	struct loop *l;
	int pair[2], fd;

	(void)state;
	assert_int_equal(loop_new(&l), ERR_OK);
	assert_int_equal(channel_pair(pair), ERR_OK);
	assert_int_equal(channel_new(l, pair[0], &events, NULL, &monitor), ERR_OK);
	assert_int_equal(channel_new(l, pair[1], &events, l, &other), ERR_OK);
	link_sockets_init(&s, &cfg);
	assert_true(s.wanted && s.of[0].n == LINK_SOCKETS_READY && s.of[1].n == 0);
	link_sockets_start(&s, &monitor);
	for (unsigned i = 0; i < LINK_SOCKETS_READY; i++) {
		fd = link_sockets_make(&s, AF_INET);
		assert_true(fd >= 0);
		close(fd);
	}
	/* Used up before there is an answer: not asked for more than once each. */
	assert_int_equal(link_sockets_make(&s, AF_INET), -1);
	assert_int_equal(errno, EAGAIN);
	run(l, 60000);
	assert_int_equal(asked[0], LINK_SOCKETS_READY);
	run(l, 20); /* and no more */
	assert_int_equal(asked[0], LINK_SOCKETS_READY);
	assert_int_equal(answer(&s, 0, ERR_OK), ERR_OK);
	fd = link_sockets_make(&s, AF_INET);
	assert_true(fd >= 0);
	close(fd);
	/* One that cannot be made is asked for again with the next use. */
	assert_int_equal(answer(&s, 0, ERR_NOTFOUND), ERR_OK);
	assert_int_equal(s.of[0].asked, 1);
	assert_int_equal(link_sockets_make(&s, AF_INET), -1);
	assert_int_equal(s.of[0].asked, LINK_SOCKETS_READY);
	/* What was not asked for is a mistake of the monitor's, and closed by the caller. */
	assert_int_equal(answer(&s, 1, ERR_OK), ERR_INVALID);
	assert_int_equal(answer(&s, 2, ERR_OK), ERR_INVALID);
	link_sockets_fini(&s);
	channel_free(monitor);
	channel_free(other);
	loop_free(l);
}

/* Nothing to be said of sockets: they are made by whoever dials. */
static void test_not_wanted(void **state)
{
	struct spoke_config cfg = {
		.n_udp = 2,
		.udp = { { .addr.family = AF_INET6, .port = 6655 },
			 { .addr.family = AF_INET, .port = 6655 } },
	};
	struct link_sockets s;

	(void)state;
	link_sockets_init(&s, &cfg);
	assert_true(!s.wanted && !s.of[0].n && !s.of[1].n);
	link_sockets_fini(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stock),
		cmocka_unit_test(test_not_wanted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
