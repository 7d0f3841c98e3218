/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/*
 * The gate at a UNIX socket, between a client and a house that the test plays itself: `house.fd` is
 * the library's end of the pair. The loop runs until nothing is left to be done at once; deadlines
 * are made to pass by calling the timer.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "hub/api/gate_conn.h"

#define HEALTH "GET /healthz HTTP/1.1\r\nHost: hub\r\n\r\n"
#define ANSWER "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

static struct loop *l;
static struct gate *gate;
static struct log_limit log_limit = { .burst = 1, .every_ms = 1000 };
static struct sockaddr_un address = { .sun_family = AF_UNIX };
static socklen_t address_len;
static struct timer rest;
static struct gate_conn *c;
static char heard[200000];

static struct {
	int fd;
	bool full;
	unsigned let_in, left;
	struct gate_conn *conn;
} house;

static bool let_in(void *arg, int fd)
{
	assert_ptr_equal(arg, &house);
	house.let_in++;
	if (house.full) {
		close(fd);
		return false;
	}
	house.fd = fd;
	house.conn = gate_find(gate, fd);
	assert_non_null(house.conn);
	return true;
}

static void left(void *arg, void *guest)
{
	assert_ptr_equal(arg, &house);
	assert_ptr_equal(guest, &house.fd);
	house.left++;
}

static const struct gate_house ops = { .let_in = let_in, .left = left };

static void stop(struct timer *t, uint64_t now_ms)
{
	(void)t;
	(void)now_ms;
	loop_stop(l, 0);
}

/* Everything that can be done at once is done: descriptors come before timers. */
static void settle(void)
{
	for (unsigned i = 0; i < 8; i++) {
		timer_arm(loop_timers(l), &rest, loop_now_ms(l) + 1);
		assert_int_equal(loop_run(l), 0);
	}
}

static void begin(unsigned max)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

	memset(&house, 0, sizeof(house));
	house.fd = -1;
	rest.fire = stop;
	assert_int_equal(loop_new(&l), ERR_OK);
	assert_int_equal(gate_new(l, &ops, &house, NULL, &log_limit, &gate), ERR_OK);
	address_len = sizeof(address);
	/* The kernel chooses an abstract name. */
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(sa_family_t)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &address_len), 0);
	assert_int_equal(listen(fd, 16), 0);
	assert_int_equal(gate_listen(gate, fd, true, max), ERR_OK);
}

/* The library closes its end. */
static void library_closes(void)
{
	gate_conn_let_go(house.conn);
	close(house.fd);
	house.fd = -1;
}

static void end(void)
{
	if (house.fd >= 0)
		library_closes();
	gate_free(gate);
	timer_disarm(loop_timers(l), &rest);
	loop_free(l);
	memset(&address, 0, sizeof(address));
	address.sun_family = AF_UNIX;
}

static int dial(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

	assert_int_equal(connect(fd, (struct sockaddr *)&address, address_len), 0);
	settle();
	c = list_empty(&gate->conns) ? NULL : list_entry(gate->conns.prev, struct gate_conn, link);
	return fd;
}

static void say(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
	settle();
}

/* All that has come to `fd` so far; `closed`: and it must end there, or not. */
static const char *hear(int fd, bool closed)
{
	size_t n = 0;
	ssize_t some = 1;
	int errnum = 0;

	settle();
	while (some > 0 && n < sizeof(heard) - 1) {
		some = recv(fd, heard + n, sizeof(heard) - 1 - n, MSG_DONTWAIT);
		errnum = errno;
		n += some > 0 ? (size_t)some : 0;
		settle();
	}
	heard[n] = '\0';
	assert_int_equal(closed, some == 0 || errnum != EAGAIN);
	return heard;
}

static void assert_problem(const char *text, unsigned status, const char *code)
{
	char line[32], member[64];

	snprintf(line, sizeof(line), "HTTP/1.1 %u ", status);
	snprintf(member, sizeof(member), "\"code\":\"%s\"", code);
	assert_memory_equal(text, line, strlen(line));
	assert_non_null(strstr(text, "Content-Type: application/problem+json\r\n"));
	assert_non_null(strstr(text, "Connection: close\r\n"));
	assert_non_null(strstr(text, member));
}

/* The house answers the request that it has. */
static void answer(const char *text)
{
	gate_conn_asked(house.conn, &house.fd);
	gate_conn_answered(house.conn);
	say(house.fd, text);
	gate_conn_completed(house.conn);
	settle();
}

static void requests_go_on_one_by_one(void **unused)
{
	int fd;

	(void)unused;
	begin(4);
	fd = dial();
	assert_int_equal(house.let_in, 0);
	say(fd, HEALTH HEALTH "GET / HTTP/3.0\r\n" HEALTH);
	assert_string_equal(hear(house.fd, false), HEALTH);
	assert_string_equal(hear(fd, false), "");
	answer(ANSWER);
	assert_string_equal(hear(fd, false), ANSWER);
	assert_string_equal(hear(house.fd, false), HEALTH);
	answer(ANSWER);
	assert_memory_equal(hear(fd, true), ANSWER, strlen(ANSWER));
	assert_problem(heard + strlen(ANSWER), 505, "version_unsupported");
	assert_string_equal(hear(house.fd, true), "");
	assert_int_equal(house.let_in, 1);
	assert_int_equal(house.left, 0);
	close(fd);
	end();
}

static void a_bad_body_is_answered_by_the_gate(void **unused)
{
	int fd;

	(void)unused;
	begin(4);
	fd = dial();
	say(fd, "POST / HTTP/1.1\r\nHost: hub\r\nTransfer-Encoding: chunked\r\n\r\n2;a\r\n{}\r\n");
	assert_non_null(strstr(hear(house.fd, false), "\r\n\r\n2\r\n{}\r\n"));
	gate_conn_asked(house.conn, &house.fd);
	say(house.fd, "HTTP/1.1 100 Continue\r\n\r\n");
	assert_string_equal(hear(fd, false), "HTTP/1.1 100 Continue\r\n\r\n");
	say(fd, "zz\r\n");
	assert_problem(hear(fd, true), 400, "chunk_invalid");
	assert_int_equal(house.left, 1);
	assert_string_equal(hear(house.fd, true), "");
	close(fd);
	end();
}

/* An answer that is there already is the only one. */
static void a_body_that_is_bad_after_its_answer(void **unused)
{
	int fd;

	(void)unused;
	begin(4);
	fd = dial();
	say(fd, "POST / HTTP/1.1\r\nHost: hub\r\nTransfer-Encoding: chunked\r\n\r\n");
	gate_conn_asked(house.conn, &house.fd);
	gate_conn_answered(house.conn);
	say(fd, "zz\r\n");
	say(house.fd, ANSWER);
	gate_conn_completed(house.conn);
	library_closes();
	settle();
	assert_string_equal(hear(fd, true), ANSWER);
	close(fd);
	end();
}

/* What the library says by itself is not passed on. */
static void words_of_the_library(void **unused)
{
	int fd;

	(void)unused;
	begin(4);
	fd = dial();
	say(fd, HEALTH);
	say(house.fd, "HTTP/1.1 400 Bad Request\r\n\r\n<html></html>");
	library_closes();
	settle();
	assert_problem(hear(fd, true), 400, "request_refused");
	close(fd);

	/* It closes without a word. */
	fd = dial();
	say(fd, HEALTH);
	library_closes();
	settle();
	assert_problem(hear(fd, true), 503, "no_memory");
	close(fd);

	/* It begins a request, and gives no answer. */
	fd = dial();
	say(fd, HEALTH);
	gate_conn_asked(house.conn, &house.fd);
	gate_conn_completed(house.conn);
	library_closes();
	settle();
	assert_problem(hear(fd, true), 503, "no_memory");
	close(fd);

	/* It closes after an answer, as a server may at any time: no words about that. */
	fd = dial();
	say(fd, HEALTH);
	answer(ANSWER);
	say(fd, HEALTH);
	library_closes();
	settle();
	assert_string_equal(hear(fd, true), ANSWER);
	close(fd);

	house.full = true;
	fd = dial();
	say(fd, HEALTH);
	assert_problem(hear(fd, true), 503, "no_memory");
	close(fd);
	end();
}

static void the_last_request_of_a_client(void **unused)
{
	int fd;

	(void)unused;
	begin(4);
	fd = dial();
	say(fd, "GET / HTTP/1.0\r\n\r\n" HEALTH);
	answer(ANSWER);
	assert_string_equal(hear(fd, true), ANSWER);
	assert_string_equal(hear(house.fd, true), "GET / HTTP/1.0\r\n\r\n");
	library_closes();
	close(fd);

	/* It sends no more, and is answered all the same. */
	fd = dial();
	assert_int_equal(send(fd, HEALTH HEALTH, 2 * strlen(HEALTH), 0), 2 * strlen(HEALTH));
	assert_int_equal(shutdown(fd, SHUT_WR), 0);
	settle();
	answer(ANSWER);
	assert_int_equal(house.left, 1);
	answer(ANSWER);
	assert_string_equal(hear(fd, true), ANSWER ANSWER);
	close(fd);
	library_closes();

	/* It stops in the middle. */
	fd = dial();
	say(fd, "GET / HTT");
	assert_int_equal(shutdown(fd, SHUT_WR), 0);
	assert_problem(hear(fd, true), 400, "request_cut");
	close(fd);

	/* It stops before the first byte. */
	fd = dial();
	assert_int_equal(shutdown(fd, SHUT_WR), 0);
	assert_string_equal(hear(fd, true), "");
	close(fd);
	end();
}

/* Whoever makes an answer piece by piece hears at once that its client is gone. */
static void a_listener_that_goes(void **unused)
{
	int fd;

	(void)unused;
	begin(4);
	fd = dial();
	say(fd, HEALTH);
	gate_conn_asked(house.conn, &house.fd);
	gate_conn_answered(house.conn);
	say(house.fd, "HTTP/1.1 200 OK\r\n\r\n");
	assert_int_equal(house.left, 0);
	close(fd);
	settle();
	assert_true(house.left > 0);
	say(house.fd, "event: x\r\n\r\n");
	assert_true(list_empty(&gate->conns));
	assert_string_equal(hear(house.fd, true), HEALTH);
	end();
}

/* Lets the deadline of `c` pass. */
static void pass(enum gate_wait wait)
{
	assert_int_equal(c->wait, wait);
	assert_int_equal(timer_armed(&c->deadline), wait != WAIT_NONE);
	if (wait == WAIT_NONE)
		return;
	timer_disarm(loop_timers(l), &c->deadline);
	c->deadline.fire(&c->deadline, loop_now_ms(l));
	settle();
}

static void slow_clients(void **unused)
{
	int fd;

	(void)unused;
	begin(4);
	fd = dial();
	pass(WAIT_IDLE);
	assert_string_equal(hear(fd, true), "");
	close(fd);

	fd = dial();
	say(fd, "GET / HTTP/1.1\r\n");
	pass(WAIT_HEAD);
	assert_problem(hear(fd, true), 408, "request_too_slow");
	close(fd);

	fd = dial();
	say(fd, "POST / HTTP/1.1\r\nHost: hub\r\nContent-Length: 9\r\n\r\n");
	gate_conn_asked(house.conn, &house.fd);
	pass(WAIT_BODY);
	assert_problem(hear(fd, true), 408, "request_too_slow");
	close(fd);
	library_closes();

	fd = dial();
	say(fd, HEALTH "G");
	pass(WAIT_NONE);
	answer(ANSWER);
	pass(WAIT_HEAD);
	assert_memory_equal(hear(fd, true), ANSWER, strlen(ANSWER));
	assert_problem(heard + strlen(ANSWER), 408, "request_too_slow");
	/* It says goodbye, and waits for the client to do so. */
	pass(WAIT_LINGER);
	assert_true(list_empty(&gate->conns));
	close(fd);
	end();
}

/* Neither side can make the gate hold more than its share. */
static void neither_side_can_fill_it(void **unused)
{
	static char much[1 << 16];
	int fd;
	size_t sent = 0, said = 0;
	ssize_t n;

	(void)unused;
	memset(much, 'x', sizeof(much));
	begin(4);
	fd = dial();
	say(fd, "POST / HTTP/1.1\r\nHost: hub\r\nContent-Length: 16000000\r\n\r\n");
	gate_conn_asked(house.conn, &house.fd);
	while ((n = send(fd, much, sizeof(much), MSG_DONTWAIT)) > 0) {
		sent += (size_t)n;
		assert_true(sent < 8000000);
		settle();
		assert_true(buf_len(&c->to_house) <= GATE_TO_HOUSE_BYTES + GATE_READ_BYTES);
	}
	gate_conn_answered(house.conn);
	while ((n = send(house.fd, much, sizeof(much), MSG_DONTWAIT | MSG_NOSIGNAL)) > 0) {
		said += (size_t)n;
		assert_true(said < 8000000);
		settle();
		assert_true(buf_len(&c->to_client) <= GATE_TO_CLIENT_BYTES + 16384);
	}
	pass(WAIT_SEND);
	assert_true(list_empty(&gate->conns));
	close(fd);
	end();
}

/* With all places taken others wait, and come in turn. */
static void others_wait(void **unused)
{
	int fds[3];

	(void)unused;
	begin(2);
	for (unsigned i = 0; i < 3; i++)
		fds[i] = dial();
	assert_int_equal(gate->listeners[0].n, 2);
	say(fds[2], HEALTH);
	assert_int_equal(house.let_in, 0);
	close(fds[0]);
	settle();
	assert_int_equal(house.let_in, 1);
	answer(ANSWER);
	assert_string_equal(hear(fds[2], false), ANSWER);
	close(fds[1]);
	close(fds[2]);
	settle();
	assert_int_equal(gate->listeners[0].n, 0);
	end();
}

/* With all places taken who is idle for longest makes room; who has something to do never does. */
static void an_idle_one_makes_room(void **unused)
{
	struct gate_conn *idle, *busy;
	int fds[3];

	(void)unused;
	begin(2);
	fds[0] = dial();
	busy = c;
	say(fds[0], HEALTH);
	fds[1] = dial();
	idle = c;
	fds[2] = dial();
	say(fds[2], HEALTH);
	assert_int_equal(house.let_in, 1);
	assert_true(timer_armed(&gate->listeners[0].retry));
	busy->waits_since_ms = 0;
	idle->waits_since_ms -= GATE_IDLE_MIN_MS;
	gate->listeners[0].retry.fire(&gate->listeners[0].retry, loop_now_ms(l));
	settle();
	assert_string_equal(hear(fds[1], true), "");
	assert_int_equal(house.let_in, 2);
	assert_int_equal(gate->listeners[0].n, 2);
	answer(ANSWER);
	assert_string_equal(hear(fds[2], false), ANSWER);
	for (unsigned i = 0; i < 3; i++)
		close(fds[i]);
	settle();
	end();
}

/* The end of the worker: what was answered goes out, and nobody is left. */
static void the_end_of_the_gate(void **unused)
{
	int busy, idle;

	(void)unused;
	begin(4);
	idle = dial();
	busy = dial();
	say(busy, HEALTH);
	gate_conn_asked(house.conn, &house.fd);
	gate_conn_answered(house.conn);
	assert_int_equal(send(house.fd, ANSWER, strlen(ANSWER), 0), strlen(ANSWER));
	gate_stop_listening(gate);
	gate_flush(gate);
	end();
	assert_int_equal(recv(busy, heard, sizeof(heard), 0), strlen(ANSWER));
	assert_memory_equal(heard, ANSWER, strlen(ANSWER));
	assert_int_equal(recv(busy, heard, sizeof(heard), 0), 0);
	assert_int_equal(recv(idle, heard, sizeof(heard), 0), 0);
	close(busy);
	close(idle);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_go_on_one_by_one),
		cmocka_unit_test(a_bad_body_is_answered_by_the_gate),
		cmocka_unit_test(a_body_that_is_bad_after_its_answer),
		cmocka_unit_test(words_of_the_library),
		cmocka_unit_test(the_last_request_of_a_client),
		cmocka_unit_test(a_listener_that_goes),
		cmocka_unit_test(slow_clients),
		cmocka_unit_test(neither_side_can_fill_it),
		cmocka_unit_test(others_wait),
		cmocka_unit_test(an_idle_one_makes_room),
		cmocka_unit_test(the_end_of_the_gate),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
