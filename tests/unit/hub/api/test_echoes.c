/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "hub/api/echoes.h"
#include "shared/loop/timer.h"

/* Series of echoes with a clock of our own, and an engine that this test plays. */

static struct echoes echoes;
static struct timers *timers;
static uint64_t now;
static unsigned asked;
static struct engine_ping last;
static enum err refuse;
static unsigned answered_requests;
static struct echoes_result told;

static enum err ask(struct echoes *e, const struct engine_ping *ping)
{
	assert_ptr_equal(e, &echoes);
	asked++;
	last = *ping;
	return refuse;
}

static void done(struct echoes_wait *one, const struct echoes_result *result)
{
	assert_false(one->waiting);
	answered_requests++;
	told = *result;
}

static int setup(void **unused)
{
	(void)unused;
	now = 1000;
	asked = answered_requests = 0;
	refuse = ERR_OK;
	memset(&told, 0, sizeof(told));
	assert_int_equal(timers_new(&timers), ERR_OK);
	echoes_init(&echoes, timers, ask, done);
	return 0;
}

static int teardown(void **unused)
{
	(void)unused;
	echoes_fini(&echoes);
	timers_free(timers);
	return 0;
}

static void join(uint32_t id, struct echoes_wait *one)
{
	memset(one, 0, sizeof(*one));
	list_init(&one->link);
	assert_int_equal(echoes_join(&echoes, id, one, now), ERR_OK);
}

static void pass(uint64_t ms)
{
	now += ms;
	timers_run(timers, now, 100);
}

static void pong(enum err result, uint32_t rtt_us)
{
	const struct engine_pong p = { .tag = last.tag,
				       .id = last.id,
				       .result = result,
				       .rtt_us = rtt_us,
				       .path = PATH_DIRECT_UDP };

	echoes_pong(&echoes, &p, now);
}

static void all_are_answered(void **unused)
{
	static const uint32_t rtt[ECHOES_PER_SERIES] = { 900, 300, 500, 700, 600 };
	struct echoes_wait one;

	(void)unused;
	join(7, &one);
	for (unsigned i = 0; i < ECHOES_PER_SERIES; i++) {
		assert_int_equal(asked, i + 1);
		assert_int_equal(last.id, 7);
		assert_int_equal(answered_requests, 0);
		pong(ERR_OK, rtt[i]);
		pass(ECHOES_EVERY_MS);
	}
	assert_int_equal(answered_requests, 1);
	assert_int_equal(asked, ECHOES_PER_SERIES);
	assert_int_equal(told.sent, ECHOES_PER_SERIES);
	assert_int_equal(told.answered, ECHOES_PER_SERIES);
	assert_int_equal(told.rtt_min_us, 300);
	assert_int_equal(told.rtt_max_us, 900);
	assert_int_equal(told.rtt_sum_us, 3000);
	assert_int_equal(told.path, PATH_DIRECT_UDP);
	assert_int_equal(told.error, ERR_OK);
	assert_int_equal(echoes.n, 0);
}

/* The first has time for a handshake, the others have not; none is asked for twice. */
static void nothing_answers(void **unused)
{
	struct echoes_wait one;

	(void)unused;
	join(7, &one);
	pass(ECHOES_FIRST_PATIENCE_MS - 1);
	assert_int_equal(asked, 1);
	pass(1);
	for (unsigned i = 2; i <= ECHOES_PER_SERIES; i++) {
		assert_int_equal(asked, i);
		assert_int_equal(answered_requests, 0);
		pass(ECHOES_PATIENCE_MS);
	}
	assert_int_equal(answered_requests, 1);
	assert_int_equal(told.sent, ECHOES_PER_SERIES);
	assert_int_equal(told.answered, 0);
	assert_int_equal(told.rtt_min_us, 0);
	assert_int_equal(told.error, ERR_OK);
}

/* An answer that comes after its patience is of no echo that is out. */
static void late_answers_do_not_count(void **unused)
{
	struct echoes_wait one;
	uint32_t old;

	(void)unused;
	join(7, &one);
	old = last.tag;
	pass(ECHOES_FIRST_PATIENCE_MS);
	assert_int_not_equal(last.tag, old);
	last.tag = old;
	pong(ERR_OK, 100);
	for (unsigned i = 0; i < ECHOES_PER_SERIES; i++)
		pass(ECHOES_PATIENCE_MS);
	assert_int_equal(told.answered, 0);
	pong(ERR_OK, 100); /* and nobody minds one when all is over */
}

/* What more echoes would not change is told at once. */
static void no_peer_and_no_engine(void **unused)
{
	struct echoes_wait one;

	(void)unused;
	join(7, &one);
	pong(ERR_NOTFOUND, 0);
	assert_int_equal(answered_requests, 1);
	assert_int_equal(told.error, ERR_NOTFOUND);
	join(7, &one);
	pong(ERR_CLOSED, 0);
	assert_int_equal(told.error, ERR_CLOSED);
	refuse = ERR_LIMIT;
	join(7, &one);
	assert_int_equal(answered_requests, 3);
	assert_int_equal(told.error, ERR_CLOSED);
	assert_int_equal(told.sent, 0);
	assert_int_equal(echoes.n, 0);
}

/* The engine has one echo a peer on its way: two who ask share it. */
static void two_share_a_series(void **unused)
{
	struct echoes_wait one, two, other;

	(void)unused;
	join(7, &one);
	join(7, &two);
	assert_int_equal(asked, 1);
	join(8, &other);
	assert_int_equal(asked, 2);
	last.id = 7;
	last.tag--;
	pong(ERR_NOTFOUND, 0);
	assert_int_equal(answered_requests, 2);
	assert_true(other.waiting);
	echoes_fini(&echoes);
	assert_int_equal(answered_requests, 3);
}

/* Who goes is not answered; the series ends by itself. */
static void one_goes(void **unused)
{
	struct echoes_wait one;

	(void)unused;
	join(7, &one);
	echoes_leave(&one);
	echoes_leave(&one);
	pass(ECHOES_FIRST_PATIENCE_MS);
	for (unsigned i = 0; i < ECHOES_PER_SERIES; i++)
		pass(ECHOES_PATIENCE_MS);
	assert_int_equal(answered_requests, 0);
	assert_int_equal(echoes.n, 0);
}

static void there_is_a_limit(void **unused)
{
	struct echoes_wait waits[ECHOES_SERIES_MAX], more = { 0 };

	(void)unused;
	for (uint32_t i = 0; i < ECHOES_SERIES_MAX; i++)
		join(i + 1, &waits[i]);
	assert_int_equal(echoes_join(&echoes, 99, &more, now), ERR_LIMIT);
	assert_false(more.waiting);
	echoes_fini(&echoes);
	assert_int_equal(answered_requests, ECHOES_SERIES_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(all_are_answered, setup, teardown),
		cmocka_unit_test_setup_teardown(nothing_answers, setup, teardown),
		cmocka_unit_test_setup_teardown(late_answers_do_not_count, setup, teardown),
		cmocka_unit_test_setup_teardown(no_peer_and_no_engine, setup, teardown),
		cmocka_unit_test_setup_teardown(two_share_a_series, setup, teardown),
		cmocka_unit_test_setup_teardown(one_goes, setup, teardown),
		cmocka_unit_test_setup_teardown(there_is_a_limit, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
