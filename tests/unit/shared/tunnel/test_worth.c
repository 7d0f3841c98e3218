/* SPDX-License-Identifier: GPL-3.0-or-later */
/* worth: which packets are tried, with a clock of our own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "shared/base/err.h"
#include "shared/tunnel/worth.h"
#include "tests/lib/contents.h"

static struct worth worth;

static int setup(void **state)
{
	(void)state;
	worth_init(&worth);
	return 0;
}

static struct worth_flow *flow_of_port(uint16_t port, uint64_t now_ms)
{
	uint8_t p[COMPRESS_MIN_BYTES] = { 0 };

	contents_tcp_header(p, sizeof(p), port, 0);
	return worth_find_flow(&worth, p, now_ms);
}

/* Lets `n` packets of a flow be tried, each saving `saving` thousandths; how many were. */
static unsigned run(uint16_t port, uint64_t now_ms, unsigned n, unsigned saving)
{
	unsigned tried = 0;

	for (unsigned i = 0; i < n; i++) {
		struct worth_flow *f = flow_of_port(port, now_ms);

		if (!worth_may_try(f, now_ms))
			continue;
		tried++;
		worth_note(f, 1000, 1000 - saving, now_ms);
	}
	return tried;
}

/* One row a step in the life of a flow: at what time how many packets come, what they save, how
 * many are tried. */
static void test_pauses_grow(void **state)
{
	static const struct {
		uint64_t at_ms;
		unsigned packets, saving, tried;
	} rows[] = {
		{ 5000, 100, 0, COMPRESS_TRIES },
		{ 5999, 100, 0, 0 },
		{ 6000, 100, 0, COMPRESS_TRIES },
		{ 7999, 100, 0, 0 },
		{ 8000, 100, 0, COMPRESS_TRIES },
		{ 12000, 100, 49, COMPRESS_TRIES }, /* too little */
		{ 20000, 100, 0, COMPRESS_TRIES },
		{ 36000, 100, 0, COMPRESS_TRIES },
		{ 68000, 100, 0, COMPRESS_TRIES }, /* now 64 s */
		{ 131999, 100, 0, 0 },
		{ 132000, 100, 0, COMPRESS_TRIES },
		{ 195999, 100, 0, 0 }, /* it grows no further */
		{ 196000, 100, 50, 100 },
		{ 196001, 100, 500, 100 },
		{ 196002, 100, 0, 9 }, /* 500 * 0.75^9 < 50: the moving mean */
		{ 197001, 100, 0, 0 }, /* it has paid: back to 1 s */
		{ 197002, 100, 0, COMPRESS_TRIES },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		unsigned tried = run(1000, rows[i].at_ms, rows[i].packets, rows[i].saving);

		if (tried != rows[i].tried)
			fail_msg("row %zu: %u tried", i, tried);
	}
}

/* A page before a picture, a picture before a page. */
static void test_mixed_start(void **state)
{
	(void)state;
	assert_int_equal(run(1, 1000, 1, 700), 1);
	assert_true(run(1, 1000, 100, 0) < 12);
	assert_int_equal(run(2, 1000, COMPRESS_TRIES - 1, 0), COMPRESS_TRIES - 1);
	assert_int_equal(run(2, 1000, 100, 700), 100);
}

/* Few enough that no five of them share a set (once in a million runs). */
static void test_flows_are_apart(void **state)
{
	(void)state;
	for (uint16_t port = 1; port <= 16; port++)
		assert_int_equal(run(port, 1000, 50, port % 2 ? 0 : 600),
				 port % 2 ? COMPRESS_TRIES : 50);
	for (uint16_t port = 1; port <= 16; port++)
		assert_int_equal(run(port, 1001, 50, 600), port % 2 ? 0 : 50);
}

/* Neighbouring ports, as one host opens them: as many find a place as can be. */
static void test_flows_are_spread(void **state)
{
	const unsigned flows = COMPRESS_FLOWS / 2;

	(void)state;
	for (unsigned seed = 0; seed < 200; seed++) {
		unsigned kept = 0;

		worth_init(&worth);
		for (uint16_t port = 0; port < flows; port++)
			run(port, 1000, COMPRESS_TRIES, 0);
		for (uint16_t port = 0; port < flows; port++)
			kept += flow_of_port(port, 1000)->retry_ms != 0;
		/* Thrown at random, two to a set on average, 19 in 20 find one of four places. */
		assert_true(kept > flows * 8 / 10);
	}
}

/* A port used anew after a long silence is another flow. */
static void test_idle_flow_is_forgotten(void **state)
{
	(void)state;
	for (uint64_t at_ms = 0; at_ms < 200000; at_ms += 1000)
		run(9, at_ms, 10, 0);
	assert_int_equal(run(9, 200000, 10, 0), 0);
	assert_int_equal(run(9, 200001 + COMPRESS_FLOW_IDLE_MS, 1, 600), 1);
	assert_int_equal(flow_of_port(9, 200001 + COMPRESS_FLOW_IDLE_MS)->pauses, 0);
}

/* More flows than places: the busy one stays, those that were silent longest go. */
static void test_table_is_bounded(void **state)
{
	const uint16_t busy = 65500;
	uint64_t now_ms = 1;

	(void)state;
	for (uint16_t port = 1; port < 20000; port++)
		assert_int_equal(run(port, now_ms, 1, 0), 1);
	assert_int_equal(run(busy, ++now_ms, 10, 0), COMPRESS_TRIES);
	for (uint16_t port = 20000; port < 60000; port++) {
		assert_int_equal(run(port, ++now_ms, 1, 0), 1);
		assert_int_equal(flow_of_port(busy, ++now_ms)->pauses, 1);
	}
}

static void test_what_makes_a_flow(void **state)
{
	static const struct {
		const char *name;
		bool v6;
		size_t at; /* byte that is changed */
		uint8_t fragment;
		uint8_t protocol; /* 6 TCP, 17 UDP, 50 ESP */
		bool same;
	} rows[] = {
		{ "identification", false, 5, 0, 6, true },
		{ "TTL", false, 8, 0, 6, true },
		{ "sequence", false, 27, 0, 6, true },
		{ "payload", false, 60, 0, 6, true },
		{ "source", false, 12, 0, 6, false },
		{ "destination", false, 19, 0, 6, false },
		{ "source port", false, 20, 0, 6, false },
		{ "destination port", false, 23, 0, 17, false },
		{ "protocol", false, 9, 0, 6, false },
		{ "no ports to see in a fragment", false, 20, 1, 17, true },
		{ "no ports in ESP", false, 23, 0, 50, true },
		{ "v6 flow label", true, 2, 0, 6, true },
		{ "v6 hop limit", true, 7, 0, 6, true },
		{ "v6 source", true, 8, 0, 6, false },
		{ "v6 destination", true, 39, 0, 6, false },
		{ "v6 source port", true, 40, 0, 17, false },
		{ "v6 destination port", true, 43, 0, 17, false },
		{ "v6 ESP", true, 43, 0, 50, true },
		{ "v6 next header", true, 6, 0, 6, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint8_t p[COMPRESS_MIN_BYTES] = { 0 };
		struct worth_flow *f;

		contents_tcp_header(p, sizeof(p), 1234, 0);
		if (rows[i].v6)
			p[0] = 0x60;
		p[rows[i].v6 ? 6 : 9] = rows[i].protocol;
		if (!rows[i].v6)
			p[7] = rows[i].fragment;
		worth_init(&worth);
		f = worth_find_flow(&worth, p, 1);
		assert_ptr_equal(worth_find_flow(&worth, p, 2), f);
		p[rows[i].at] ^= 1;
		if ((worth_find_flow(&worth, p, 3) == f) != rows[i].same)
			fail_msg("%s", rows[i].name);
	}
}

static void test_random_is_seen(void **state)
{
	static const struct {
		enum contents kind;
		bool random;
	} rows[] = {
		{ CONTENTS_TEXT, false }, { CONTENTS_SQL, false },       { CONTENTS_ZEROS, false },
		{ CONTENTS_JPEG, true },  { CONTENTS_CIPHERTEXT, true },
	};
	static const size_t sizes[] = { 296, 576, 1400, TUN_MTU_MAX };
	static uint8_t p[TUN_MTU_MAX];
	uint64_t seed = 3;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		for (unsigned k = 0; k < 1000; k++) {
			const size_t n = sizes[k % ARRAY_LEN(sizes)];

			contents_packet(rows[i].kind, &seed, p, n, 1, k);
			if (worth_looks_random(p, n) != rows[i].random)
				fail_msg("%s of %zu", contents_name(rows[i].kind), n);
		}
}

/* Symbols of 6 bits (base64) save a quarter; of 4 (hex) half: both worth it. */
static void test_few_symbols_are_not_random(void **state)
{
	static uint8_t p[1400];
	uint64_t seed = 5;

	(void)state;
	for (unsigned k = 0; k < 1000; k++) {
		for (size_t i = 0; i < sizeof(p); i++)
			p[i] = (uint8_t)(33 + (contents_random(&seed) & (k % 2 ? 63 : 15)));
		assert_false(worth_looks_random(p, sizeof(p)));
	}
}

/* Too little to judge by: nothing beyond the packet is read. */
static void test_small_sample(void **state)
{
	uint64_t seed = 9;

	(void)state;
	for (size_t n = 0; n < 400; n++) {
		uint8_t *p = malloc(n ? n : 1);

		assert_non_null(p);
		contents_fill(CONTENTS_ZEROS, &seed, p, n);
		assert_false(worth_looks_random(p, n) && n > 50);
		contents_fill(CONTENTS_CIPHERTEXT, &seed, p, n);
		(void)worth_looks_random(p, n);
		free(p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_pauses_grow, setup),
		cmocka_unit_test_setup(test_mixed_start, setup),
		cmocka_unit_test_setup(test_flows_are_apart, setup),
		cmocka_unit_test_setup(test_flows_are_spread, setup),
		cmocka_unit_test_setup(test_idle_flow_is_forgotten, setup),
		cmocka_unit_test_setup(test_table_is_bounded, setup),
		cmocka_unit_test_setup(test_what_makes_a_flow, setup),
		cmocka_unit_test_setup(test_random_is_seen, setup),
		cmocka_unit_test_setup(test_few_symbols_are_not_random, setup),
		cmocka_unit_test_setup(test_small_sample, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
