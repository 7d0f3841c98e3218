/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Real socket pairs. One end is a channel on a loop, the other a bare descriptor that the test
 * reads and writes itself, or a second channel. Every run of the loop is bounded by a timer.
 */
#include "shared/ipc/channel.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>
#include <cmocka.h>

#define GUARD_MS   60000u
#define GUARD_CODE 99

struct side {
	const uint8_t *raw; /* of the message in the callback */
	struct loop *loop;
	struct channel *ch;
	unsigned messages, closed;
	unsigned stop_after; /* messages; 0 never */
	uint16_t type;       /* of the last message */
	size_t len;
	uint8_t body[CHANNEL_MSG_MAX_BYTES];
	int fd;
	unsigned out_of_order; /* messages whose first four bytes are not their number */
	void (*on_message)(struct side *s);
	void (*on_closed)(struct side *s);
};

struct env {
	struct loop *loop;
	struct timer guard;
	struct side a, b;
	int peer; /* the bare other end of a */
};

static void guard_fired(struct timer *t, uint64_t now_ms)
{
	struct env *e = container_of(t, struct env, guard);

	(void)now_ms;
	loop_stop(e->loop, GUARD_CODE);
}

/* Runs until something stops the loop, or `ms` are over. */
static int run(struct env *e, unsigned ms)
{
	int code;

	timer_arm(loop_timers(e->loop), &e->guard, loop_now_ms(e->loop) + ms);
	code = loop_run(e->loop);
	timer_disarm(loop_timers(e->loop), &e->guard);
	return code;
}

static void on_message(struct channel *ch, void *arg, uint16_t type, struct cursor *body, int fd)
{
	struct side *s = arg;
	uint32_t number;

	assert_ptr_equal(ch, s->ch);
	s->raw = body->in;
	s->type = type;
	s->len = cursor_left(body);
	cursor_get_bytes(body, s->body, s->len);
	if (s->fd >= 0)
		close(s->fd);
	s->fd = fd;
	memcpy(&number, s->body, sizeof(number));
	s->out_of_order += number != s->messages;
	s->messages++;
	if (s->on_message)
		s->on_message(s);
	if (s->messages == s->stop_after)
		loop_stop(s->loop, 0);
}

static void on_closed(struct channel *ch, void *arg)
{
	struct side *s = arg;

	assert_ptr_equal(ch, s->ch);
	s->closed++;
	if (s->on_closed)
		s->on_closed(s);
	s->ch = NULL;
	loop_stop(s->loop, 0);
}

static const struct channel_events events = { .message = on_message, .closed = on_closed };

static void start_side(struct env *e, struct side *s, int fd)
{
	memset(s, 0, sizeof(*s));
	s->loop = e->loop;
	s->fd = -1;
	assert_int_equal(channel_new(e->loop, fd, &events, s, &s->ch), ERR_OK);
}

static int setup(void **state)
{
	struct env *e = calloc(1, sizeof(*e));
	int fds[2];

	assert_non_null(e);
	e->guard.fire = guard_fired;
	assert_int_equal(loop_new(&e->loop), ERR_OK);
	assert_int_equal(channel_pair(fds), ERR_OK);
	e->b.fd = -1;
	e->peer = fds[1];
	start_side(e, &e->a, fds[0]);
	*state = e;
	return 0;
}

static int teardown(void **state)
{
	struct env *e = *state;

	channel_free(e->a.ch);
	channel_free(e->b.ch);
	if (e->a.fd >= 0)
		close(e->a.fd);
	if (e->b.fd >= 0)
		close(e->b.fd);
	if (e->peer >= 0)
		close(e->peer);
	loop_free(e->loop);
	free(e);
	return 0;
}

/* Makes the bare end a channel, too. */
static void start_b(struct env *e)
{
	start_side(e, &e->b, e->peer);
	e->peer = -1;
}

/* Sends bytes from the bare end, with `n_fds` copies of a descriptor. */
static void raw_send(struct env *e, const void *p, size_t n, unsigned n_fds)
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(8 * sizeof(int))];
	} control = { 0 };
	struct iovec iov = { .iov_base = (void *)(uintptr_t)p, .iov_len = n };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (n_fds) {
		int fds[8] = { 0, 0, 0, 0, 0, 0, 0, 0 };
		struct cmsghdr *cm;

		msg.msg_control = control.room;
		msg.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
		cm = CMSG_FIRSTHDR(&msg);
		cm->cmsg_level = SOL_SOCKET;
		cm->cmsg_type = SCM_RIGHTS;
		cm->cmsg_len = CMSG_LEN(n_fds * sizeof(int));
		memcpy(CMSG_DATA(cm), fds, n_fds * sizeof(int));
	}
	assert_int_equal(sendmsg(e->peer, &msg, MSG_NOSIGNAL), n);
}

/* The lowest free descriptor number: it shows whether descriptors were left open. */
static int lowest_free_fd(void)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	close(fd);
	return fd;
}

static void test_pair_flags(void **state)
{
	int fds[2], type;
	socklen_t len = sizeof(type);

	(void)state;
	assert_int_equal(channel_pair(fds), ERR_OK);
	for (int i = 0; i < 2; i++) {
		assert_true(fcntl(fds[i], F_GETFD) & FD_CLOEXEC);
		assert_true(fcntl(fds[i], F_GETFL) & O_NONBLOCK);
		assert_int_equal(getsockopt(fds[i], SOL_SOCKET, SO_TYPE, &type, &len), 0);
		assert_int_equal(type, SOCK_SEQPACKET);
		close(fds[i]);
	}
}

/* Sizes from nothing to the maximum, both ways, and the bytes of the type as documented. */
static void test_messages(void **state)
{
	static const size_t sizes[] = { 0, 1, 4, 1000, CHANNEL_MSG_MAX_BYTES };
	uint8_t big[CHANNEL_MSG_MAX_BYTES + 1], got[CHANNEL_MSG_MAX_BYTES + 16];
	struct env *e = *state;

	for (size_t i = 0; i < sizeof(big); i++)
		big[i] = (uint8_t)(i * 31);
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		assert_int_equal(channel_send(e->a.ch, 0x1234, sizes[i] ? big : NULL, sizes[i], -1),
				 ERR_OK);
		assert_int_equal(recv(e->peer, got, sizeof(got), 0), sizes[i] + 2);
		assert_memory_equal(got, "\x34\x12", 2);
		assert_memory_equal(got + 2, big, sizes[i]);
		raw_send(e, got, sizes[i] + 2, 0);
		e->a.stop_after = (unsigned)i + 1;
		assert_int_equal(run(e, GUARD_MS), 0);
		assert_int_equal(e->a.type, 0x1234);
		assert_int_equal(e->a.len, sizes[i]);
		assert_memory_equal(e->a.body, big, sizes[i]);
		assert_int_equal(e->a.fd, -1);
	}
	assert_int_equal(channel_send(e->a.ch, 1, big, CHANNEL_MSG_MAX_BYTES + 1, -1), ERR_TOOBIG);
	assert_int_equal(e->a.closed, 0);
}

static void test_descriptor(void **state)
{
	struct env *e = *state;
	int pipe_fds[2], before;
	struct stat sent, got;

	assert_int_equal(pipe2(pipe_fds, 0), 0);
	start_b(e);
	before = lowest_free_fd();
	assert_int_equal(channel_send(e->a.ch, 7, "x", 1, pipe_fds[1]), ERR_OK);
	/* Ours stays ours. */
	assert_true(fcntl(pipe_fds[1], F_GETFD) >= 0);
	e->b.stop_after = 1;
	assert_int_equal(run(e, GUARD_MS), 0);
	assert_true(e->b.fd >= 0 && e->b.fd != pipe_fds[1]);
	assert_true(fcntl(e->b.fd, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(fstat(pipe_fds[1], &sent), 0);
	assert_int_equal(fstat(e->b.fd, &got), 0);
	assert_int_equal(sent.st_ino, got.st_ino);
	close(e->b.fd);
	e->b.fd = -1;
	assert_int_equal(lowest_free_fd(), before);
	close(pipe_fds[0]);
	close(pipe_fds[1]);
}

static void send_number(struct env *e, uint32_t i, int fd)
{
	uint8_t body[CHANNEL_MSG_MAX_BYTES] = { 0 };

	memcpy(body, &i, sizeof(i));
	assert_int_equal(channel_send(e->a.ch, 3, body, sizeof(body), fd), ERR_OK);
}

/*
 * The other side does not read: far more than the socket takes is sent, with descriptors that the
 * sender closes at once. Then it reads: all of it arrives, in order.
 */
static void test_queue(void **state)
{
	struct env *e = *state;
	const unsigned n = 400; /* 6.5 MB: under CHANNEL_QUEUE_MAX_BYTES */
	int before, fds[2];

	before = lowest_free_fd();
	for (unsigned i = 0; i < n; i++) {
		bool with_fd = i % 50 == 49;

		if (with_fd)
			assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
		send_number(e, i, with_fd ? fds[1] : -1);
		if (with_fd) {
			close(fds[0]);
			close(fds[1]);
		}
	}
	start_b(e);
	e->b.stop_after = n;
	assert_int_equal(run(e, GUARD_MS), 0);
	assert_int_equal(e->b.messages, n);
	assert_int_equal(e->b.out_of_order, 0);
	assert_true(e->b.fd >= 0); /* the last one carried one */
	close(e->b.fd);
	e->b.fd = -1;
	assert_int_equal(lowest_free_fd(), before);
	/* The queue is empty: the loop sleeps instead of being woken up for writing all the time.
	 */
	assert_int_equal(run(e, 50), GUARD_CODE);
	send_number(e, n, -1);
	e->b.stop_after = n + 1;
	assert_int_equal(run(e, GUARD_MS), 0);
	assert_int_equal(e->b.out_of_order, 0);
}

static void wipe(struct side *s)
{
	channel_wipe(s->ch);
	for (size_t i = 0; i < s->len; i++)
		assert_int_equal(s->raw[i], 0);
}

/* A secret does not stay behind in the channel's memory. */
static void test_wipe(void **state)
{
	struct env *e = *state;
	uint8_t secret[100] = { 0 };

	memset(secret + 4, 0x5e, sizeof(secret) - 4);
	start_b(e);
	e->b.on_message = wipe;
	e->b.stop_after = 1;
	assert_int_equal(channel_send(e->a.ch, 1, secret, sizeof(secret), -1), ERR_OK);
	assert_int_equal(run(e, GUARD_MS), 0);
	assert_int_equal(e->b.len, sizeof(secret));
	assert_memory_equal(e->b.body, secret, sizeof(secret));
}

/* What may be lost is sent at once or not at all, and never overtakes what waits. */
static void test_try_send(void **state)
{
	static uint8_t big[CHANNEL_MSG_MAX_BYTES];
	struct env *e = *state;
	uint32_t sent = 0;
	enum err err;

	do {
		memcpy(big, &sent, sizeof(sent));
		err = channel_try_send(e->a.ch, 1, big, sizeof(big));
		sent += err == ERR_OK;
		assert_true(sent < 10000);
	} while (err == ERR_OK);
	assert_int_equal(err, ERR_AGAIN);
	assert_true(sent > 0);
	/* The channel lives, and what must not be lost waits; now nothing may pass it. */
	send_number(e, sent, -1);
	assert_int_equal(channel_try_send(e->a.ch, 1, big, 4), ERR_AGAIN);
	start_b(e);
	e->b.stop_after = sent + 1;
	assert_int_equal(run(e, GUARD_MS), 0);
	assert_int_equal(e->b.messages, sent + 1);
	assert_int_equal(e->b.out_of_order, 0);
}

/* Nobody reads, ever: the queue fills, the channel closes itself, once, and from the loop. */
static void test_queue_full(void **state)
{
	uint8_t body[CHANNEL_MSG_MAX_BYTES] = { 0 };
	struct env *e = *state;
	enum err err = ERR_OK;
	unsigned n = 0;
	int before = lowest_free_fd();

	while (err == ERR_OK && n < 4000) {
		err = channel_send(e->a.ch, 3, body, sizeof(body), n % 100 ? -1 : 0);
		n++;
	}
	assert_int_equal(err, ERR_LIMIT);
	assert_true(n > CHANNEL_QUEUE_MAX_BYTES / sizeof(body) - 2);
	assert_int_equal(e->a.closed, 0);
	assert_int_equal(channel_send(e->a.ch, 3, body, 1, -1), ERR_CLOSED);
	assert_int_equal(run(e, GUARD_MS), 0);
	assert_int_equal(e->a.closed, 1);
	assert_int_equal(e->a.messages, 0);
	/* The copies in the queue are closed; the channel's own number is free, too. */
	assert_true(lowest_free_fd() < before);
}

/* A message that can be neither sent nor queued must not be left out of the row: the channel ends.
 * Here it is a descriptor that cannot be copied. */
static void test_no_gap(void **state)
{
	struct env *e = *state;
	enum err err;
	unsigned n = 0;

	for (; n < 200; n++) /* more than the socket takes */
		send_number(e, n, -1);
	err = channel_send(e->a.ch, 3, &n, sizeof(n), 9999);
	assert_true(err != ERR_OK && err != ERR_TOOBIG);
	assert_int_equal(channel_send(e->a.ch, 3, &n, sizeof(n), -1), ERR_CLOSED);
	assert_int_equal(e->a.closed, 0);
	assert_int_equal(run(e, GUARD_MS), 0);
	assert_int_equal(e->a.closed, 1);
}

/* What the other side sent before it went is delivered before closed(). */
static void test_peer_closes(void **state)
{
	struct env *e = *state;

	raw_send(e, "\1\0\0\0\0\0", 6, 0);
	raw_send(e, "\2\0\1\0\0\0", 6, 0);
	close(e->peer);
	e->peer = -1;
	assert_int_equal(run(e, GUARD_MS), 0);
	assert_int_equal(e->a.messages, 2);
	assert_int_equal(e->a.out_of_order, 0);
	assert_int_equal(e->a.closed, 1);
}

/* The same when we notice it first by sending, and when the other side left messages of ours
 * unread. */
static void test_peer_closes_while_we_send(void **state)
{
	struct env *e = *state;

	assert_int_equal(channel_send(e->a.ch, 9, "unread", 6, -1), ERR_OK);
	raw_send(e, "\1\0\0\0\0\0", 6, 0);
	close(e->peer);
	e->peer = -1;
	assert_int_not_equal(channel_send(e->a.ch, 9, "x", 1, -1), ERR_OK);
	assert_int_equal(channel_send(e->a.ch, 9, "x", 1, -1), ERR_CLOSED);
	assert_int_equal(e->a.closed, 0);
	assert_int_equal(run(e, GUARD_MS), 0);
	if (!e->a.closed)
		assert_int_equal(run(e, GUARD_MS), 0);
	assert_int_equal(e->a.messages, 1);
	assert_int_equal(e->a.closed, 1);
}

static void test_malformed(void **state)
{
	static const struct {
		const char *what;
		size_t n;
		unsigned fds;
	} rows[] = {
		{ "one byte", 1, 0 },
		{ "one byte with a descriptor", 1, 1 },
		{ "a byte too many", CHANNEL_MSG_MAX_BYTES + 3, 0 },
		{ "too long, with a descriptor", CHANNEL_MSG_MAX_BYTES + 3, 1 },
		{ "two descriptors", 8, 2 },
		{ "four descriptors", 8, 4 },
		{ "more than there is room for", 8, 8 },
	};
	static const uint8_t bytes[CHANNEL_MSG_MAX_BYTES + 3];
	struct env *e = *state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		int fds[2], before = lowest_free_fd();

		assert_int_equal(channel_pair(fds), ERR_OK);
		channel_free(e->a.ch);
		close(e->peer);
		e->peer = fds[1];
		start_side(e, &e->a, fds[0]);
		raw_send(e, bytes, 6, 0);
		raw_send(e, bytes, rows[i].n, rows[i].fds);
		raw_send(e, bytes, 6, 0);
		assert_int_equal(run(e, GUARD_MS), 0);
		if (e->a.messages != 1 || e->a.closed != 1)
			fail_msg("%s: %u messages, closed %u times", rows[i].what, e->a.messages,
				 e->a.closed);
		assert_true(lowest_free_fd() <= before);
	}
}

static void say_bad(struct side *s)
{
	channel_bad(s->ch, s->type, ERR_INVALID);
	/* Not from inside our own call. */
	assert_int_equal(s->closed, 0);
	channel_bad(s->ch, s->type, ERR_INVALID);
}

static void test_bad(void **state)
{
	struct env *e = *state;

	e->a.on_message = say_bad;
	raw_send(e, "\1\0\0\0\0\0", 6, 0);
	raw_send(e, "\1\0\0\0\0\0", 6, 0);
	assert_int_equal(run(e, GUARD_MS), 0);
	assert_int_equal(e->a.messages, 1);
	assert_int_equal(e->a.closed, 1);
}

static void free_it(struct side *s)
{
	channel_free(s->ch);
	s->ch = NULL;
	loop_stop(s->loop, 7);
}

static void bad_then_free(struct side *s)
{
	say_bad(s);
	free_it(s);
}

/* channel_free() inside message(), after channel_bad(), and inside closed(): nothing comes
 * afterwards. */
static void test_free_in_callbacks(void **state)
{
	static void (*const actions[])(struct side * s) = { free_it, bad_then_free };
	struct env *e = *state;

	for (size_t i = 0; i < ARRAY_LEN(actions); i++) {
		int fds[2];

		assert_int_equal(channel_pair(fds), ERR_OK);
		channel_free(e->a.ch);
		close(e->peer);
		e->peer = fds[1];
		start_side(e, &e->a, fds[0]);
		e->a.on_message = actions[i];
		raw_send(e, "\1\0\0\0\0\0", 6, 0);
		raw_send(e, "\1\0\0\0\0\0", 6, 0);
		assert_int_equal(run(e, GUARD_MS), 7);
		assert_int_equal(run(e, 20), GUARD_CODE);
		assert_int_equal(e->a.messages, 1);
		assert_int_equal(e->a.closed, 0);
		/* The other side sees the end at once. */
		assert_int_equal(send(e->peer, "abc", 3, MSG_NOSIGNAL), -1);
		assert_true(errno == EPIPE || errno == ECONNRESET);
	}
}

static void free_only(struct side *s) { channel_free(s->ch); }

static void test_free_in_closed(void **state)
{
	struct env *e = *state;

	e->a.on_closed = free_only;
	close(e->peer);
	e->peer = -1;
	assert_int_equal(run(e, GUARD_MS), 0);
	assert_int_equal(e->a.closed, 1);
	channel_free(NULL);
}

/* One that talks all the time does not keep the loop from its other work. */
static void test_bounded_round(void **state)
{
	struct env *e = *state;
	struct side c;
	int fds[2];

	assert_int_equal(channel_pair(fds), ERR_OK);
	start_side(e, &c, fds[0]);
	c.stop_after = 1;
	for (uint32_t i = 0; i < 200; i++) {
		uint8_t m[6] = { 1, 0, (uint8_t)i };

		raw_send(e, m, sizeof(m), 0);
	}
	assert_int_equal(send(fds[1], "\1\0\0\0\0\0", 6, MSG_NOSIGNAL), 6);
	assert_int_equal(run(e, GUARD_MS), 0);
	assert_int_equal(c.messages, 1);
	assert_true(e->a.messages < 200);
	e->a.stop_after = 200;
	assert_int_equal(run(e, GUARD_MS), 0);
	assert_int_equal(e->a.out_of_order, 0);
	channel_free(c.ch);
	close(fds[1]);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pair_flags),
		TEST(test_messages),
		TEST(test_descriptor),
		TEST(test_queue),
		TEST(test_try_send),
		TEST(test_wipe),
		TEST(test_queue_full),
		TEST(test_no_gap),
		TEST(test_peer_closes),
		TEST(test_peer_closes_while_we_send),
		TEST(test_malformed),
		TEST(test_bad),
		TEST(test_free_in_callbacks),
		TEST(test_free_in_closed),
		TEST(test_bounded_round),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
