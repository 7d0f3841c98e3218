/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The machine that chooses paths, in a simulated world: each way has a round trip time or does not
 * work, and traffic goes over the way in use. Time is simulated, too.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "shared/tunnel/candidates.h"
#include "shared/tunnel/patience.h"
#include "shared/tunnel/reason.h"
#include "tests/lib/sanitized.h"

#define WAYS       4u /* candidates; one more for the fallback */
#define FLIGHT_MAX 4096u
/* Histories of any_order_ends_in_the_best_path(): each its own seed, so fewer are the first of
 * them. */
#define HISTORIES (SANITIZED ? 40u : 400u)

struct answer {
	uint64_t at_ms;
	int which; /* address of the world, or CHOICE_FALLBACK */
	uint32_t rtt_us;
};

/* What is between the two nodes. */
struct world {
	struct choice c;
	uint64_t now_ms;
	uint32_t rtt_ms[WAYS]; /* 0: does not work */
	uint32_t fallback_ms;
	bool traffic;
	bool may_direct;
	uint64_t used_ms, heard_ms, check_ms;
	struct answer flight[FLIGHT_MAX];
	unsigned n_flight;
	unsigned moves, deaths, probes;
	uint64_t lost_for_ms; /* with traffic, and a way in use that does not work, lately */
	uint64_t stuck_ms;
	unsigned loss_permille; /* of packets one way, but for the fallback's, which is TCP */
	unsigned every_ms;      /* between packets of the traffic; 0: 10 */
};

static uint64_t seed;

static unsigned roll(unsigned below)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(seed >> 33) % below;
}

/* Does a packet, or the answer to it, get lost? */
static bool is_lost(const struct world *w, int where)
{
	const unsigned p = w->loss_permille;

	return p && where != CHOICE_FALLBACK && (roll(1000) < p || roll(1000) < p);
}

static struct endpoint address(unsigned i)
{
	const uint8_t b[4] = { 192, 0, 2, (uint8_t)(i + 1) };

	return (struct endpoint){ .addr = addr_from_v4(b), .port = 6655 };
}

/* The world's number of what the machine calls `way`. */
static int place(const struct world *w, int way)
{
	return way < 0 ? way : w->c.candidates[way].endpoint.addr.b[3] - 1;
}

static uint32_t rtt_of(const struct world *w, int where)
{
	if (where == CHOICE_FALLBACK)
		return w->c.set.fallback_up ? w->fallback_ms : 0;
	return where >= 0 && where < (int)WAYS ? w->rtt_ms[where] : 0;
}

static void send_probe(struct world *w, int where)
{
	uint32_t rtt = rtt_of(w, where);

	w->probes++;
	if (!rtt || is_lost(w, where))
		return;
	assert_true(w->n_flight < FLIGHT_MAX);
	w->flight[w->n_flight++] = (struct answer){ w->now_ms + rtt, where, rtt * 1000 };
}

static struct choice_input input(const struct world *w)
{
	return (struct choice_input){
		.now_ms = w->now_ms,
		.used_ms = w->used_ms,
		.heard_ms = w->heard_ms,
		.may_direct = w->may_direct || w->c.way >= 0,
	};
}

static void tell(struct world *w, enum choice_event e, int which, uint32_t rtt_us)
{
	struct choice_input in = input(w);
	struct choice_orders o;

	in.which = which;
	in.rtt_us = rtt_us;
	choice_run(&w->c, e, &in, &o);
	w->moves += o.moved;
	w->deaths += o.dead;
	if (o.moved)
		w->check_ms = 0;
	for (unsigned i = 0; i < w->c.n; i++)
		if (o.probe & 1u << i)
			send_probe(w, place(w, (int)i));
	assert_int_equal(o.probe >> w->c.n, 0);
	if (o.probe_fallback)
		send_probe(w, CHOICE_FALLBACK);
}

/* Answers that have come by now. */
static void land(struct world *w)
{
	for (unsigned i = 0; i < w->n_flight;) {
		struct answer a = w->flight[i];
		struct endpoint e;
		int which;

		if (a.at_ms > w->now_ms) {
			i++;
			continue;
		}
		w->flight[i] = w->flight[--w->n_flight];
		if (!rtt_of(w, a.which))
			continue;
		e = address((unsigned)a.which);
		which = a.which < 0 ? a.which : candidates_find(&w->c, &e);
		if (which == CHOICE_NONE)
			continue;
		if (which == w->c.way)
			w->heard_ms = w->now_ms;
		tell(w, CHOICE_ANSWERED, which, a.rtt_us);
	}
}

/* One packet each way every 10 ms, or less often. */
static void traffic(struct world *w)
{
	const int where = place(w, w->c.way);
	const uint32_t rtt = rtt_of(w, where);
	const bool sends = !w->every_ms || w->now_ms % w->every_ms == 0;

	if (sends)
		w->used_ms = w->now_ms;
	if (w->c.state == CHOICE_REST)
		tell(w, CHOICE_USED, 0, 0);
	if (sends && rtt && !is_lost(w, where)) {
		w->heard_ms = w->now_ms;
		w->check_ms = 0;
		w->stuck_ms = 0;
		return;
	}
	w->stuck_ms += 10;
	if (w->stuck_ms > w->lost_for_ms)
		w->lost_for_ms = w->stuck_ms;
	if (!w->check_ms && sends)
		w->check_ms = w->now_ms + 300;
	else if (w->check_ms && w->now_ms >= w->check_ms) {
		w->check_ms = 0;
		tell(w, CHOICE_DOUBTED, 0, 0);
	}
}

/* Lets time go by. */
static void pass(struct world *w, uint64_t ms)
{
	const uint64_t until = w->now_ms + ms;

	for (; w->now_ms < until; w->now_ms += 10) {
		struct choice_input in = input(w);

		land(w);
		if (w->traffic)
			traffic(w);
		in = input(w);
		if (w->now_ms >= choice_next_ms(&w->c, &in))
			tell(w, CHOICE_TICK, 0, 0);
	}
}

static void open_world(struct world *w, enum path_policy policy)
{
	const struct choice_settings set = {
		.policy = policy,
		.fallback_up = true,
		.idle_ms = 300000,
	};

	memset(w, 0, sizeof(*w));
	w->now_ms = 1000000;
	w->fallback_ms = 40;
	w->traffic = w->may_direct = true;
	choice_init(&w->c, &set, w->now_ms);
}

static void tell_candidates(struct world *w, unsigned n)
{
	struct endpoint e[WAYS];

	for (unsigned i = 0; i < n; i++)
		e[i] = address(i);
	if (candidates_tell(&w->c, e, n))
		tell(w, CHOICE_TOLD, 0, 0);
}

static void set_fallback(struct world *w, bool up)
{
	w->c.set.fallback_up = up;
	tell(w, CHOICE_SET, 0, 0);
}

#define expect(w, where, wanted)                                                                   \
	do {                                                                                       \
		if (place(w, (w)->c.way) != (where) || (w)->c.state != (wanted))                   \
			fail_msg("line %d: way %d, state %s", __LINE__, place(w, (w)->c.way),      \
				 choice_state_str((w)->c.state));                                  \
	} while (0)

/* --- one after the other ---------------------------------------------------------------------- */

static void the_fastest_is_found(void **state)
{
	struct world w;

	(void)state;
	open_world(&w, PATH_POLICY_AUTO);
	pass(&w, 50);
	expect(&w, CHOICE_FALLBACK, CHOICE_SEARCH);
	w.rtt_ms[1] = 25;
	w.rtt_ms[2] = 2;
	tell_candidates(&w, 3);
	pass(&w, 1000);
	expect(&w, 2, CHOICE_DIRECT);
	assert_true(w.moves <= 2);
	pass(&w, 600000);
	expect(&w, 2, CHOICE_DIRECT);
	assert_true(w.moves <= 2);
	assert_int_equal(w.deaths, 0);
}

static void a_lost_path_falls_back_and_returns(void **state)
{
	struct world w;
	unsigned moves;

	(void)state;
	open_world(&w, PATH_POLICY_AUTO);
	w.rtt_ms[0] = 10;
	tell_candidates(&w, 1);
	pass(&w, 60000);
	expect(&w, 0, CHOICE_DIRECT);
	w.rtt_ms[0] = 0;
	moves = w.moves;
	pass(&w, 1200);
	expect(&w, CHOICE_FALLBACK, CHOICE_SEARCH);
	assert_true(w.lost_for_ms <= 1100);
	pass(&w, 60000);
	expect(&w, CHOICE_FALLBACK, CHOICE_SEARCH);
	assert_int_equal(w.moves, moves + 1);
	w.rtt_ms[0] = 10;
	pass(&w, CHOICE_PAUSE_MAX_MS + 10000);
	expect(&w, 0, CHOICE_DIRECT);
	assert_int_equal(w.moves, moves + 2);
	assert_int_equal(w.deaths, 0);
}

/* A path that works for two seconds and does not for two, for ten minutes. */
static void a_path_that_comes_and_goes_is_left_alone(void **state)
{
	struct world w;

	(void)state;
	open_world(&w, PATH_POLICY_AUTO);
	w.rtt_ms[0] = 10;
	tell_candidates(&w, 1);
	for (unsigned i = 0; i < 300; i++) {
		w.rtt_ms[0] = i % 2 ? 0 : 10;
		pass(&w, 2000);
	}
	print_message("a flapping path: %u changes in 10 minutes\n", w.moves);
	assert_true(w.moves <= 20);
}

static void a_slow_path_is_not_taken(void **state)
{
	const struct reason_facts facts = { 0 };
	struct world w;

	(void)state;
	open_world(&w, PATH_POLICY_AUTO);
	w.rtt_ms[0] = 55; /* not by enough */
	tell_candidates(&w, 1);
	pass(&w, 10000);
	expect(&w, 0, CHOICE_DIRECT);
	w.rtt_ms[0] = 120;
	pass(&w, 700000);
	expect(&w, CHOICE_FALLBACK, CHOICE_SEARCH);
	assert_int_equal(reason_of_choice(&w.c, &facts), PATH_REASON_DIRECT_SLOWER);
	assert_true(w.moves <= 2);
	w.rtt_ms[0] = 30;
	pass(&w, 700000);
	expect(&w, 0, CHOICE_DIRECT);
	assert_true(w.moves <= 3);
}

/* The hub dies under a relayed peer, and a candidate works that was not good enough before. */
static void without_the_hub_a_slow_path_will_do(void **state)
{
	struct world w;

	(void)state;
	open_world(&w, PATH_POLICY_AUTO);
	w.rtt_ms[0] = 120;
	tell_candidates(&w, 1);
	pass(&w, 20000);
	expect(&w, CHOICE_FALLBACK, CHOICE_SEARCH);
	w.fallback_ms = 0;
	pass(&w, 2000);
	expect(&w, 0, CHOICE_DIRECT);
	assert_true(w.lost_for_ms < 1000);
	assert_int_equal(w.deaths, 0);
}

static void nothing_works_and_then_something(void **state)
{
	struct world w;

	(void)state;
	open_world(&w, PATH_POLICY_AUTO);
	w.rtt_ms[0] = 10;
	tell_candidates(&w, 2);
	pass(&w, 10000);
	w.rtt_ms[0] = w.fallback_ms = 0;
	pass(&w, 1200);
	assert_int_equal(w.deaths, 0);
	pass(&w, 4000);
	expect(&w, CHOICE_FALLBACK, CHOICE_STRANDED);
	assert_int_equal(w.deaths, 1);
	pass(&w, 120000);
	assert_int_equal(w.deaths, 1);
	w.rtt_ms[1] = 10;
	pass(&w, 6000);
	expect(&w, 1, CHOICE_DIRECT);
	w.fallback_ms = 40;
	pass(&w, 1000);
	expect(&w, 1, CHOICE_DIRECT);
}

static void policies_are_obeyed(void **state)
{
	const struct reason_facts facts = { 0 };
	struct world w;

	(void)state;
	open_world(&w, PATH_POLICY_HUB_ONLY);
	w.rtt_ms[0] = 1;
	tell_candidates(&w, 1);
	pass(&w, 100000);
	expect(&w, CHOICE_FALLBACK, CHOICE_SEARCH);
	assert_int_equal(w.moves, 0);
	assert_int_equal(w.probes, 0);
	assert_int_equal(reason_of_choice(&w.c, &facts), PATH_REASON_POLICY);
	w.c.set.policy = PATH_POLICY_AUTO;
	tell(&w, CHOICE_SET, 0, 0);
	pass(&w, 1000);
	expect(&w, 0, CHOICE_DIRECT);
	w.c.set.policy = PATH_POLICY_HUB_ONLY;
	tell(&w, CHOICE_SET, 0, 0);
	expect(&w, CHOICE_FALLBACK, CHOICE_SEARCH);

	open_world(&w, PATH_POLICY_DIRECT_ONLY);
	tell_candidates(&w, 1);
	pass(&w, 100000);
	expect(&w, CHOICE_NONE, CHOICE_SEARCH);
	assert_int_equal(reason_of_choice(&w.c, &facts), PATH_REASON_DIRECT_ONLY);
	w.rtt_ms[0] = 10;
	pass(&w, 310000);
	expect(&w, 0, CHOICE_DIRECT);
	w.rtt_ms[0] = 0;
	pass(&w, 2000);
	expect(&w, CHOICE_NONE, CHOICE_SEARCH);
}

static void who_is_not_used_rests(void **state)
{
	const struct reason_facts facts = { 0 };
	struct world w;
	unsigned probes;

	(void)state;
	open_world(&w, PATH_POLICY_AUTO);
	w.rtt_ms[0] = 10;
	tell_candidates(&w, 1);
	pass(&w, 10000);
	w.traffic = false;
	pass(&w, 290000);
	expect(&w, 0, CHOICE_DIRECT);
	pass(&w, 20000);
	expect(&w, CHOICE_FALLBACK, CHOICE_REST);
	assert_int_equal(reason_of_choice(&w.c, &facts), PATH_REASON_IDLE);
	probes = w.probes;
	pass(&w, 600000);
	assert_int_equal(w.probes, probes);
	w.traffic = true;
	pass(&w, 1000);
	expect(&w, 0, CHOICE_DIRECT);

	/* One that is kept. */
	w.c.set.warm = true;
	tell(&w, CHOICE_SET, 0, 0);
	w.traffic = false;
	pass(&w, 600000);
	expect(&w, 0, CHOICE_DIRECT);
	/* And noticed when it is lost, though nobody uses it. */
	w.rtt_ms[0] = 0;
	pass(&w, CHOICE_KEEP_MS + 2000);
	expect(&w, CHOICE_FALLBACK, CHOICE_SEARCH);
}

static void the_limit_is_obeyed(void **state)
{
	const struct reason_facts facts = { 0 };
	struct world w;

	(void)state;
	open_world(&w, PATH_POLICY_AUTO);
	w.may_direct = false;
	w.rtt_ms[0] = 10;
	tell_candidates(&w, 1);
	pass(&w, 10000);
	expect(&w, CHOICE_FALLBACK, CHOICE_SEARCH);
	assert_int_equal(reason_of_choice(&w.c, &facts), PATH_REASON_LIMIT);
	w.may_direct = true;
	pass(&w, CHOICE_PAUSE_MAX_MS);
	expect(&w, 0, CHOICE_DIRECT);
	w.may_direct = false;
	tell(&w, CHOICE_EVICTED, 0, 0);
	expect(&w, CHOICE_FALLBACK, CHOICE_REST);
}

/* The peer's packets come from elsewhere: one round trip, and nothing is lost. */
static void a_peer_that_moves_is_followed(void **state)
{
	struct endpoint e = address(1);
	struct world w;

	(void)state;
	open_world(&w, PATH_POLICY_AUTO);
	w.rtt_ms[0] = 10;
	tell_candidates(&w, 1);
	pass(&w, 10000);
	w.rtt_ms[0] = 0;
	w.rtt_ms[1] = 10;
	tell(&w, CHOICE_SEEN, candidates_see(&w.c, &e), 0);
	pass(&w, 60);
	expect(&w, 1, CHOICE_DIRECT);
	/* It only sends from two addresses: no reason to leave one that works. */
	w.rtt_ms[0] = 10;
	e = address(0);
	for (unsigned i = 0; i < 100; i++) {
		tell(&w, CHOICE_SEEN, candidates_see(&w.c, &e), 0);
		pass(&w, 1000);
		assert_int_equal(place(&w, w.c.way), 1);
	}
}

/* UDP to the hub, and the carrier. */
static void the_hub_by_tcp_and_back(void **state)
{
	const struct reason_facts facts = { 0 };
	struct world w;

	(void)state;
	open_world(&w, PATH_POLICY_AUTO);
	w.c.set.to_hub = true;
	w.c.set.fallback_up = false;
	w.rtt_ms[0] = 10;
	tell_candidates(&w, 2);
	tell(&w, CHOICE_MET, 0, 0);
	pass(&w, 10000);
	expect(&w, 0, CHOICE_DIRECT);
	/* No carrier: the other address, then none. */
	w.rtt_ms[0] = 0;
	w.rtt_ms[1] = 15;
	pass(&w, 2000);
	expect(&w, 1, CHOICE_DIRECT);
	w.rtt_ms[1] = 0;
	pass(&w, 5000);
	expect(&w, 1, CHOICE_STRANDED);
	assert_int_equal(w.deaths, 1);
	set_fallback(&w, true);
	expect(&w, CHOICE_FALLBACK, CHOICE_SEARCH);
	assert_int_equal(reason_of_choice(&w.c, &facts), PATH_REASON_UDP_BLOCKED);
	pass(&w, 120000);
	expect(&w, CHOICE_FALLBACK, CHOICE_SEARCH);
	w.rtt_ms[0] = 10;
	pass(&w, CHOICE_PAUSE_HUB_MS + 3000);
	expect(&w, 0, CHOICE_DIRECT);
	/* With the carrier there it is taken after CHOICE_FALLBACK_MS. */
	w.rtt_ms[0] = 0;
	pass(&w, CHOICE_FALLBACK_MS + 290);
	expect(&w, 0, CHOICE_DOUBT);
	pass(&w, 50);
	expect(&w, CHOICE_FALLBACK, CHOICE_SEARCH);
	assert_int_equal(w.deaths, 1);
}

static void open_hub(struct world *w, uint32_t rtt_ms)
{
	open_world(w, PATH_POLICY_AUTO);
	w->c.set.to_hub = true;
	w->c.set.fallback_up = false;
	w->rtt_ms[0] = rtt_ms;
	tell_candidates(w, 1);
	tell(w, CHOICE_MET, 0, 0);
	tell(w, CHOICE_ANSWERED, 0, rtt_ms * 1000);
	pass(w, 10000);
	expect(w, 0, CHOICE_DIRECT);
	w->moves = 0;
}

/* A carrier that control opened meanwhile is there when it is to be taken. */
static void a_carrier_opened_in_doubt_is_taken_in_time(void **state)
{
	struct world w;

	(void)state;
	open_hub(&w, 10);
	w.rtt_ms[0] = 0;
	pass(&w, 300 + CHOICE_LOST_MS + 30);
	expect(&w, 0, CHOICE_STRANDED);
	set_fallback(&w, true);
	pass(&w, 300);
	expect(&w, 0, CHOICE_STRANDED);
	pass(&w, 100);
	expect(&w, CHOICE_FALLBACK, CHOICE_SEARCH);
	assert_int_equal(w.deaths, 0);
	/* UDP answers just before: it stays. */
	open_hub(&w, 10);
	w.rtt_ms[0] = 0;
	pass(&w, 300 + CHOICE_LOST_MS + 30);
	set_fallback(&w, true);
	w.rtt_ms[0] = 10;
	pass(&w, 300);
	expect(&w, 0, CHOICE_DIRECT);
	assert_int_equal(w.moves, 0);
}

/* With a carrier that is there, and a direct path to somebody else that is just as silent. */
static void all_udp_is_silent(void **state)
{
	struct world w;

	(void)state;
	open_hub(&w, 10);
	w.rtt_ms[0] = 0;
	pass(&w, 300 + CHOICE_SILENT_MS - 10);
	assert_false(patience_is_silent(&w.c, w.now_ms));
	pass(&w, 30);
	assert_true(patience_is_silent(&w.c, w.now_ms));
	set_fallback(&w, true);
	w.c.set.corroborated = true;
	pass(&w, CHOICE_LOST_MS - CHOICE_SILENT_MS - 40);
	expect(&w, 0, CHOICE_DOUBT);
	pass(&w, 60);
	expect(&w, CHOICE_FALLBACK, CHOICE_SEARCH);
	assert_int_equal(w.moves, 1);
}

/* The peer's packets come through the relay: one look, and after it, or stay if it answers. */
static void a_peer_that_left_is_followed(void **state)
{
	struct world w;

	(void)state;
	for (unsigned works = 0; works < 2; works++) {
		open_world(&w, PATH_POLICY_AUTO);
		w.rtt_ms[0] = 10;
		tell_candidates(&w, 1);
		pass(&w, 10000);
		expect(&w, 0, CHOICE_DIRECT);
		/* It only receives: nothing of its own goes unanswered. */
		w.traffic = false;
		w.rtt_ms[0] = works ? 10 : 0;
		tell(&w, CHOICE_LEFT, 0, 0);
		expect(&w, 0, CHOICE_DOUBT);
		pass(&w, 200);
		expect(&w, 0, works ? CHOICE_DIRECT : CHOICE_DOUBT);
		pass(&w, 80);
		expect(&w, works ? 0 : CHOICE_FALLBACK, works ? CHOICE_DIRECT : CHOICE_SEARCH);
	}
	/* That it left long ago is no reason for haste. */
	w.rtt_ms[0] = 0;
	pass(&w, 2000);
	tell(&w, CHOICE_DOUBTED, 0, 0);
	pass(&w, 500);
	expect(&w, 0, CHOICE_DOUBT);
	pass(&w, 150);
	expect(&w, CHOICE_FALLBACK, CHOICE_SEARCH);
}

/* Three round trips are waited for, whatever the carrier answers. */
static void a_far_hub_gets_its_time(void **state)
{
	struct world w;

	(void)state;
	open_hub(&w, 800);
	set_fallback(&w, true);
	w.rtt_ms[0] = 0;
	pass(&w, 2 * CHOICE_FALLBACK_MS);
	expect(&w, 0, CHOICE_DOUBT);
	pass(&w, CHOICE_FALLBACK_MS);
	expect(&w, CHOICE_FALLBACK, CHOICE_SEARCH);
}

/* Hours of a line that loses packets, with much traffic and with little: UDP stays, the carrier
 * being there or not. */
static void a_lossy_line_is_no_reason_for_tcp(void **state)
{
	static const struct {
		unsigned loss_permille, every_ms;
		bool carrier;
	} rows[] = {
		{ 50, 0, true },  { 50, 500, true },  { 50, 500, false },  { 100, 200, true },
		{ 200, 0, true }, { 200, 500, true }, { 200, 500, false }, { 200, 5000, true },
	};
	static struct world w;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		seed = i;
		open_hub(&w, 30);
		set_fallback(&w, rows[i].carrier);
		w.loss_permille = rows[i].loss_permille;
		w.every_ms = rows[i].every_ms;
		pass(&w, 3600000);
		if (w.moves > 0 || w.deaths)
			fail_msg("row %zu: %u changes, %u times given up", i, w.moves, w.deaths);
	}
}

static void the_reason_is_given(void **state)
{
	static const struct {
		struct reason_facts facts;
		unsigned candidates;
		uint64_t after_ms;
		enum path_reason reason;
	} rows[] = {
		{ { 0 }, 1, 100, PATH_REASON_PROBING },
		{ { 0 }, 1, 10000, PATH_REASON_SILENT },
		{ { 0 }, 0, 10000, PATH_REASON_NO_CANDIDATES },
		{ { .own_nat = NAT_HARD, .peer_nat = NAT_HARD },
		  1,
		  10000,
		  PATH_REASON_NAT_BOTH_HARD },
		{ { .own_nat = NAT_HARD, .peer_nat = NAT_EASY }, 1, 10000, PATH_REASON_SILENT },
		{ { .hub_tcp = true }, 1, 10000, PATH_REASON_UDP_BLOCKED },
		{ { .peer_tcp = true }, 1, 10000, PATH_REASON_PEER_TCP },
		{ { .tcp_only = true }, 1, 10000, PATH_REASON_TCP_ONLY },
	};
	struct world w;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		open_world(&w, PATH_POLICY_AUTO);
		tell_candidates(&w, rows[i].candidates);
		pass(&w, rows[i].after_ms);
		assert_int_equal(reason_of_choice(&w.c, &rows[i].facts), rows[i].reason);
	}
}

/* --- any order -------------------------------------------------------------------------------- */

static uint32_t any_rtt(void) { return roll(3) ? 1 + roll(200) : 0; }

static void something_happens(struct world *w)
{
	struct endpoint e = address(roll(WAYS));
	int which;

	switch (roll(10)) {
	case 0:
	case 1:
		w->rtt_ms[roll(WAYS)] = any_rtt();
		break;
	case 2:
		w->fallback_ms = any_rtt();
		break;
	case 3:
		set_fallback(w, roll(4));
		break;
	case 4:
		tell_candidates(w, roll(WAYS + 1));
		break;
	case 5:
		which = candidates_see(&w->c, &e);
		if (which >= 0 && which != w->c.way)
			tell(w, roll(2) ? CHOICE_SEEN : CHOICE_KNOCKED, which, 0);
		break;
	case 6:
		tell(w, roll(2) ? CHOICE_CALLED : CHOICE_LEFT, 0, 0);
		break;
	case 7:
		tell(w, roll(2) ? CHOICE_REBOUND : CHOICE_DOUBTED, 0, 0);
		break;
	case 8:
		w->traffic = roll(5);
		w->may_direct = roll(5);
		break;
	default:
		w->c.set.policy = (enum path_policy)roll(3);
		tell(w, CHOICE_SET, 0, 0);
		break;
	}
}

/* The best that the machine can know of. */
static void check_settled(struct world *w, unsigned run)
{
	uint32_t used = rtt_of(w, place(w, w->c.way)), best = 0;

	for (unsigned i = 0; i < WAYS; i++) {
		struct endpoint e = address(i);

		if (candidates_find(&w->c, &e) >= 0 && w->rtt_ms[i] &&
		    (!best || w->rtt_ms[i] < best))
			best = w->rtt_ms[i];
	}
	if (!best && !rtt_of(w, CHOICE_FALLBACK))
		return;
	if (!used)
		fail_msg("run %u: %s on a dead way %d, best %u, fallback %u", run,
			 choice_state_str(w->c.state), place(w, w->c.way), best, w->fallback_ms);
	if (w->c.way >= 0 && best && used > best + 2 && used * 10 > best * 14)
		fail_msg("run %u: %u ms where %u are to be had", run, used, best);
	if (w->c.way == CHOICE_FALLBACK && best && best * 10 <= rtt_of(w, CHOICE_FALLBACK) * 11)
		fail_msg("run %u: through the hub in %u ms, straight in %u", run, used, best);
	if (w->c.way >= 0 && rtt_of(w, CHOICE_FALLBACK) && used > w->fallback_ms + 40 &&
	    used * 10 > w->fallback_ms * 14)
		fail_msg("run %u: straight in %u ms, through the hub in %u", run, used,
			 w->fallback_ms);
}

static void any_order_ends_in_the_best_path(void **state)
{
	static struct world w;
	unsigned most = 0;

	(void)state;
	for (unsigned run = 0; run < HISTORIES; run++) {
		unsigned moves;

		seed = run;
		open_world(&w, PATH_POLICY_AUTO);
		tell_candidates(&w, WAYS);
		for (unsigned i = 0; i < 60; i++) {
			something_happens(&w);
			pass(&w, roll(4) ? roll(1500) : roll(60000));
		}
		/* The world holds still. All are told, so that the machine can know of all. */
		w.traffic = w.may_direct = true;
		w.c.set.policy = PATH_POLICY_AUTO;
		set_fallback(&w, true);
		if (!w.fallback_ms)
			w.fallback_ms = 50;
		tell_candidates(&w, WAYS);
		pass(&w, 2 * CHOICE_PAUSE_MAX_MS + 60000);
		check_settled(&w, run);
		moves = w.moves;
		pass(&w, 20 * CHOICE_PAUSE_MAX_MS);
		check_settled(&w, run);
		if (w.moves - moves > most)
			most = w.moves - moves;
	}
	print_message("a world that holds still: at most %u changes in 100 minutes\n", most);
	assert_true(most <= 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_fastest_is_found),
		cmocka_unit_test(a_lost_path_falls_back_and_returns),
		cmocka_unit_test(a_path_that_comes_and_goes_is_left_alone),
		cmocka_unit_test(a_slow_path_is_not_taken),
		cmocka_unit_test(without_the_hub_a_slow_path_will_do),
		cmocka_unit_test(nothing_works_and_then_something),
		cmocka_unit_test(policies_are_obeyed),
		cmocka_unit_test(who_is_not_used_rests),
		cmocka_unit_test(the_limit_is_obeyed),
		cmocka_unit_test(a_peer_that_moves_is_followed),
		cmocka_unit_test(the_hub_by_tcp_and_back),
		cmocka_unit_test(a_carrier_opened_in_doubt_is_taken_in_time),
		cmocka_unit_test(all_udp_is_silent),
		cmocka_unit_test(a_peer_that_left_is_followed),
		cmocka_unit_test(a_far_hub_gets_its_time),
		cmocka_unit_test(a_lossy_line_is_no_reason_for_tcp),
		cmocka_unit_test(the_reason_is_given),
		cmocka_unit_test(any_order_ends_in_the_best_path),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
