/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The search with a simulated path and time: what it finds, how long it takes, and what it costs.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "shared/base/err.h"
#include "shared/loop/timer.h"
#include "shared/tunnel/plpmtu.h"

#define TOP           1400u
#define IN_FLIGHT     256u
#define LOAD_BYTES    1000000u
#define DATA_EVERY_MS 1u /* under load */

/* One path: answers come `rtt_ms` after a probe, in order, unless it is too large or gets lost. */
struct sim {
	struct plpmtu m;
	uint64_t now_ms;
	uint32_t rtt_ms;
	size_t carries;      /* larger ones vanish */
	size_t device;       /* larger ones are refused at once; 0: no such limit */
	unsigned lose_every; /* one in so many probes or answers is lost, pseudo-random; 0 none */
	bool dead;
	uint64_t due_ms;
	uint64_t bytes;
	unsigned probes; /* sent */
	uint32_t random;
	struct {
		uint16_t size;
		uint64_t at_ms;
	} answers[IN_FLIGHT];
	unsigned n_answers;
};

static void sim_init(struct sim *s, size_t carries, uint32_t rtt_ms)
{
	memset(s, 0, sizeof(*s));
	plpmtu_init(&s->m, TOP);
	s->now_ms = 1000000;
	s->due_ms = TIMER_NEVER;
	s->rtt_ms = rtt_ms;
	s->carries = carries;
	s->random = 12345;
}

static bool is_lost(struct sim *s)
{
	s->random = s->random * 1664525u + 1013904223u;
	return s->lose_every && (s->random >> 8) % s->lose_every == 0;
}

static struct plpmtu_input input(const struct sim *s)
{
	return (struct plpmtu_input){ .now_ms = s->now_ms, .rtt_ms = s->rtt_ms, .bytes = s->bytes };
}

static void probe(struct sim *s, uint16_t size)
{
	s->probes++;
	if (s->device && size > s->device) {
		plpmtu_refused(&s->m, size, s->now_ms);
		return;
	}
	if (size > s->carries || s->dead || is_lost(s))
		return;
	assert_true(s->n_answers < IN_FLIGHT);
	s->answers[s->n_answers].size = size;
	s->answers[s->n_answers++].at_ms = s->now_ms + s->rtt_ms;
}

static void take_answers(struct sim *s)
{
	struct plpmtu_input in;

	while (s->n_answers && s->answers[0].at_ms <= s->now_ms) {
		in = input(s);
		plpmtu_answered(&s->m, s->answers[0].size, &in);
		memmove(s->answers, s->answers + 1, --s->n_answers * sizeof(s->answers[0]));
		s->due_ms = s->m.due_ms;
	}
}

/* What pmtu.c does when its deadline is reached. */
static void step(struct sim *s)
{
	uint16_t sizes[PLPMTU_PROBES_MAX];
	struct plpmtu_input in = input(s);
	unsigned n = plpmtu_step(&s->m, &in, sizes);

	assert_true(n <= PLPMTU_PROBES_MAX);
	for (unsigned i = 0; i < n; i++) {
		assert_true(sizes[i] <= s->m.top);
		assert_true(!i || sizes[i] < sizes[i - 1]);
		probe(s, sizes[i]);
	}
	s->bytes = 0;
	s->due_ms = s->m.due_ms;
}

/* Lets time go by. With `bytes_per_ms` data is sent, and what is too large for the device is seen.
 */
static void run(struct sim *s, uint64_t ms, uint64_t bytes_per_ms)
{
	for (uint64_t end = s->now_ms + ms; s->now_ms < end; s->now_ms++) {
		unsigned steps = 0;

		take_answers(s);
		if (bytes_per_ms) {
			s->bytes += bytes_per_ms;
			if (s->device && s->m.limit > s->device) {
				plpmtu_refused(&s->m, s->m.limit, s->now_ms);
				s->due_ms = s->m.due_ms;
			}
			if (s->due_ms == TIMER_NEVER)
				s->due_ms = s->now_ms + (s->m.known ? PLPMTU_CHECK_MS : 0);
		}
		while (s->now_ms >= s->due_ms) {
			step(s);
			assert_true(++steps < 50);
		}
		assert_true(s->m.limit >= PLPMTU_MIN && s->m.limit <= s->m.top);
	}
}

/* Milliseconds until the limit is the right one. */
static uint64_t until(struct sim *s, size_t limit, uint64_t most_ms, uint64_t bytes_per_ms)
{
	const uint64_t began = s->now_ms;

	while (!(s->m.known && s->m.limit == limit && s->m.state == PLPMTU_DONE)) {
		if (s->now_ms - began >= most_ms)
			fail_msg("limit %u (%s), not %zu, after %u ms", s->m.limit,
				 s->m.known ? "known" : "not known", limit, (unsigned)most_ms);
		run(s, 1, bytes_per_ms);
	}
	return s->now_ms - began;
}

/* Every size is found exactly, from the start and after a fall, with few probes. */
static void test_all_sizes(void **state)
{
	unsigned most_probes = 0;
	uint64_t worst_ms = 0;

	(void)state;
	for (unsigned carries = PLPMTU_MIN; carries <= TOP + 2; carries++) {
		const uint16_t right = (uint16_t)(carries < TOP ? carries : TOP);
		struct sim s;
		uint64_t took;

		sim_init(&s, carries, 20);
		took = until(&s, right, 4000, 1);
		worst_ms = took > worst_ms ? took : worst_ms;
		most_probes = s.probes > most_probes ? s.probes : most_probes;
		assert_false(s.m.cut);
		if (carries >= TOP)
			assert_true(s.probes == 2 && took <= 22);
	}
	print_message("any size found within %u ms with at most %u probes\n", (unsigned)worst_ms,
		      most_probes);
	assert_true(most_probes <= 3 * 2 + 5 * 2 * PLPMTU_PROBES_MAX);
}

/* A fall under load: noticed and measured within 10 s, whatever the round-trip time and loss,
 * whether anybody says so or not. */
static void test_fall(void **state)
{
	static const struct {
		const char *what;
		uint32_t rtt_ms;
		unsigned lose_every;
		bool device;
		uint64_t most_ms;
	} rows[] = {
		{ "silent", 20, 0, false, 3500 },
		{ "at our own device", 20, 0, true, 500 },
		{ "a satellite", 600, 0, false, 10000 },
		{ "a queue that is full", 300, 0, false, 8000 },
		{ "at once", 0, 0, false, 3500 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		for (unsigned to = PLPMTU_MIN; to < TOP; to += 37) {
			struct sim s;
			uint64_t took;

			sim_init(&s, TOP, rows[i].rtt_ms);
			until(&s, TOP, 5000, LOAD_BYTES);
			run(&s, 10000 + to, LOAD_BYTES);
			s.carries = to;
			s.device = rows[i].device ? to : 0;
			took = until(&s, to, 20000, LOAD_BYTES);
			if (took > rows[i].most_ms)
				fail_msg("%s: %u after %u ms", rows[i].what, to, (unsigned)took);
		}
	}
}

/* Loss is no fall: at one packet in ten the limit is never taken down for long, and in the end it
 * is never wrong by more than what the next search mends. */
static void test_loss(void **state)
{
	struct sim s;
	uint64_t wrong_ms = 0;

	(void)state;
	sim_init(&s, 1372, 40);
	s.lose_every = 10;
	until(&s, 1372, 400000, LOAD_BYTES);
	for (unsigned i = 0; i < 600000; i++) {
		run(&s, 1, LOAD_BYTES);
		assert_true(s.m.limit <= 1372 && s.m.limit >= 1000);
		wrong_ms += s.m.limit != 1372;
	}
	assert_true(wrong_ms < 180000);
}

static void test_grows(void **state)
{
	struct sim s;

	(void)state;
	sim_init(&s, 1200, 20);
	until(&s, 1200, 4000, LOAD_BYTES);
	s.carries = 1300;
	until(&s, 1300, PLPMTU_RAISE_MS + 10000, LOAD_BYTES);
	s.carries = 1500;
	until(&s, TOP, PLPMTU_RAISE_MS + 10000, LOAD_BYTES);
	/* From where even small ones had to be cut. */
	s.carries = 100;
	until(&s, PLPMTU_MIN, 10000, LOAD_BYTES);
	assert_true(s.m.cut);
	s.carries = 1500;
	until(&s, TOP, PLPMTU_RAISE_MS + 10000, LOAD_BYTES);
	assert_false(s.m.cut);
}

/* A path on which nothing is answered says nothing about sizes. */
static void test_dead(void **state)
{
	struct sim s;

	(void)state;
	sim_init(&s, TOP, 20);
	s.dead = true;
	run(&s, 5000, 0);
	assert_int_equal(s.probes, 0);
	step(&s);
	run(&s, 5000, 0);
	assert_true(s.m.state == PLPMTU_DONE && s.m.limit == TOP && !s.m.known);
	assert_int_equal(s.probes, 2 * PLPMTU_TRIES);
	s.dead = false;
	until(&s, TOP, 4000, LOAD_BYTES);
	s.dead = true;
	run(&s, 20000, LOAD_BYTES);
	assert_true(s.m.limit == TOP && s.m.known);
	s.dead = false;
	s.carries = 1000;
	until(&s, 1000, 10000, LOAD_BYTES);
	/* In the midst of a search. */
	s.carries = 900;
	run(&s, 2300, LOAD_BYTES);
	s.dead = true;
	run(&s, 20000, LOAD_BYTES);
	s.dead = false;
	until(&s, 900, 10000, LOAD_BYTES);
}

/* What it costs when nothing is wrong: a pair of probes in 2 s of load, in 30 s of a trickle. */
static void test_cost(void **state)
{
	struct sim s;

	(void)state;
	sim_init(&s, TOP, 20);
	until(&s, TOP, 4000, LOAD_BYTES);
	s.probes = 0;
	run(&s, 60000, LOAD_BYTES);
	assert_in_range(s.probes, 2 * 28, 2 * 31);
	s.probes = 0;
	run(&s, 300000, 1);
	assert_in_range(s.probes, 2 * 8, 2 * 11);
	s.probes = 0;
	run(&s, 60000, 0);
	assert_true(s.probes <= 2);
}

static void test_refusals(void **state)
{
	struct sim s;

	(void)state;
	sim_init(&s, TOP, 20);
	until(&s, TOP, 4000, 1);
	/* Of what is not sent any more, and of nonsense. */
	plpmtu_refused(&s.m, TOP + 1, s.now_ms);
	plpmtu_refused(&s.m, 3, s.now_ms);
	assert_int_equal(s.m.state, PLPMTU_DONE);
	plpmtu_suspect(&s.m, s.now_ms);
	s.due_ms = s.m.due_ms;
	assert_int_equal(s.due_ms, s.now_ms);
	run(&s, 100, 0);
	assert_true(s.m.state == PLPMTU_DONE && s.m.limit == TOP);
	/* The device takes nothing of use: packets are cut there. */
	s.device = 300;
	until(&s, PLPMTU_MIN, 4000, LOAD_BYTES);
	assert_true(s.m.cut);
}

static void test_set_top(void **state)
{
	struct sim s;

	(void)state;
	sim_init(&s, 1200, 20);
	until(&s, 1200, 4000, 1);
	plpmtu_set_top(&s.m, 1350);
	assert_true(s.m.known && s.m.limit == 1200);
	plpmtu_set_top(&s.m, 1100);
	assert_true(!s.m.known && s.m.limit == 1100);
	s.due_ms = TIMER_NEVER;
	until(&s, 1100, 4000, 1);
	plpmtu_set_top(&s.m, TOP);
	s.due_ms = TIMER_NEVER;
	until(&s, 1200, 4000, 1);
}

/* Headers by their own specifications: IPv4 20, IPv6 40, UDP 8, envelope 12, transport 32. */
static void test_arithmetic(void **state)
{
	static const struct {
		struct plpmtu_around around;
		size_t mtu, inner, outer;
	} rows[] = {
		{ { 0 }, 1500, 1440, 1500 },
		{ { .relayed = true }, 1500, 1428, 1500 },
		{ { .ipv6 = true }, 1500, 1420, 1500 },
		{ { .ipv6 = true, .relayed = true }, 1500, 1408, 1500 },
		{ { .wireguard = true }, 1500, 1440, 1500 },
		{ { .ipv6 = true, .wireguard = true }, 1500, 1408, 1488 },
		{ { 0 }, 1300, 1240, 1300 },
		{ { .relayed = true }, 1300, 1228, 1300 },
		{ { .ipv6 = true }, 1280, 1200, 1280 },
		{ { .ipv6 = true, .relayed = true }, 1280, 1188, 1280 },
		{ { .wireguard = true }, 1420, 1360, 1420 },
		{ { .wireguard = true }, 1300, 1232, 1292 },
		{ { 0 }, 9000, 8940, 9000 },
		{ { 0 }, 61, 1, 61 },
		{ { 0 }, 60, 0, 60 },
		{ { 0 }, 20, 0, 60 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct plpmtu_around *a = &rows[i].around;

		assert_int_equal(plpmtu_inner_max(a, rows[i].mtu), rows[i].inner);
		assert_int_equal(plpmtu_outer_len(a, rows[i].inner), rows[i].outer);
		assert_true(plpmtu_outer_len(a, rows[i].inner + 1) > rows[i].mtu);
	}
	/* The default interface MTU: a relayed IPv6 session over PPPoE. */
	const struct plpmtu_around worst = { .ipv6 = true, .relayed = true };

	assert_int_equal(plpmtu_inner_max(&worst, 1492), TUN_MTU_DEFAULT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_sizes),  cmocka_unit_test(test_fall),
		cmocka_unit_test(test_loss),       cmocka_unit_test(test_grows),
		cmocka_unit_test(test_dead),       cmocka_unit_test(test_cost),
		cmocka_unit_test(test_refusals),   cmocka_unit_test(test_set_top),
		cmocka_unit_test(test_arithmetic),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
