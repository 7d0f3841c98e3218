/* SPDX-License-Identifier: GPL-3.0-or-later */
/* server over the loopback interface: who asks from there is this machine itself. */
#include "shared/dns/server.h"

#include <stdarg.h>
#include <setjmp.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "shared/base/clock.h"

#define CHUNK  50u
#define CHUNKS 20u

static const uint8_t question[] = "\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x02hq\x03net"
				  "\x08internal\x00\x00\x01\x00\x01";

static struct loop *loop;
static struct zone zone;
static struct server server;
static int asker;
static unsigned replies;
static struct timer tick;
static uint64_t end_ms;

static uint64_t seen(void)
{
	const struct server_counters *n = &server.counters;

	return n->answered + n->limited + n->malformed + n->strangers;
}

/* Every few milliseconds: is each question of a chunk dealt with, and each reply here? */
static void look(struct timer *t, uint64_t now_ms)
{
	uint8_t buf[DNS_UDP_BYTES];

	while (recv(asker, buf, sizeof(buf), 0) > 0)
		replies++;
	if (seen() >= CHUNK && replies >= server.counters.answered)
		loop_stop(loop, 0);
	else if (now_ms > end_ms)
		loop_stop(loop, 1);
	else
		timer_arm(loop_timers(loop), t, now_ms + 5);
}

static int set_up(void **state)
{
	static const struct dns_self self = { .id = 1 };
	static const struct dns_node hq = { .id = 1, .name = "hq", .hub = true };
	struct sockaddr_in at = { .sin_family = AF_INET };
	socklen_t len = sizeof(at);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	(void)state;
	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(loop_new(&loop), ERR_OK);
	assert_int_equal(zone_init(&zone, "net"), ERR_OK);
	zone_reset(&zone, &self);
	assert_int_equal(zone_put(&zone, &hq), ERR_OK);
	zone.ready = true;
	server_init(&server, loop, &zone, "none0");
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
	assert_int_equal(server_take(&server, false, false, fd), ERR_OK);
	asker = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	assert_int_equal(connect(asker, (struct sockaddr *)&at, sizeof(at)), 0);
	tick.fire = look;
	replies = 0;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	close(asker);
	timer_disarm(loop_timers(loop), &tick);
	server_fini(&server);
	zone_fini(&zone);
	loop_free(loop);
	return 0;
}

/* Sends so many times, and runs until a chunk is dealt with. */
static void ask(const void *msg, size_t n, unsigned times)
{
	for (unsigned i = 0; i < times; i++)
		assert_int_equal(send(asker, msg, n, 0), n);
}

static void run_chunk(void)
{
	end_ms = clock_now_ms() + 20000;
	timer_arm(loop_timers(loop), &tick, clock_now_ms() + 1);
	assert_int_equal(loop_run(loop), 0);
}

/* One source gets its burst at once, and from then on so many a second. */
static void test_rate(void **state)
{
	const uint64_t begin_ms = clock_now_ms();
	uint64_t answered = 0, limited = 0, gained;

	(void)state;
	for (unsigned i = 0; i < CHUNKS && limited == 0; i++) {
		memset(&server.counters, 0, sizeof(server.counters));
		replies = 0;
		ask(question, sizeof(question) - 1, CHUNK);
		run_chunk();
		answered += server.counters.answered;
		limited += server.counters.limited;
	}
	gained = (clock_now_ms() - begin_ms) * SERVER_RATE_PER_S / 1000 + 1;
	assert_in_range(answered, SERVER_RATE_BURST, SERVER_RATE_BURST + gained);
}

/* What is no question gets no answer; it is looked at with one that is. */
static void test_no_question(void **state)
{
	uint8_t reply[sizeof(question)];

	(void)state;
	memcpy(reply, question, sizeof(reply));
	reply[2] |= 0x80;
	ask(reply, sizeof(reply) - 1, CHUNK - 1);
	ask(question, sizeof(question) - 1, 1);
	run_chunk();
	assert_int_equal(server.counters.answered, 1);
	assert_int_equal(server.counters.malformed, CHUNK - 1);
	assert_int_equal(replies, 1);
}

/* Without a node of our own there is nobody who may ask from here. */
static void test_stranger(void **state)
{
	(void)state;
	zone_remove(&zone, 1);
	ask(question, sizeof(question) - 1, CHUNK);
	run_chunk();
	assert_int_equal(server.counters.strangers, CHUNK);
	assert_int_equal(replies, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_rate, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_no_question, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_stranger, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
