/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/noise/replay.h"

#include "tests/unit/shared/noise/vectors.h"

#define REACH     ((uint64_t)REPLAY_REACH_PACKETS)
#define LIMIT     REJECT_AFTER_MESSAGES
#define STEPS_MAX 12u

struct step {
	uint64_t counter;
	bool accepted;
};

/* One row: what arrives in this order, and what becomes of it. */
static const struct {
	const char *name;
	struct step steps[STEPS_MAX];
	unsigned n;
} rows[] = {
	{ "in order", { { 0, true }, { 1, true }, { 2, true }, { 3, true } }, 4 },
	{ "repeated", { { 0, true }, { 0, false }, { 1, true }, { 0, false }, { 1, false } }, 5 },
	{ "out of order", { { 9, true }, { 8, true }, { 7, true }, { 0, true }, { 8, false } }, 5 },
	{ "first is high", { { REACH, true }, { 0, true }, { 0, false }, { REACH, false } }, 4 },
	{ "just too old", { { REACH + 1, true }, { 0, false }, { 1, true }, { 1, false } }, 4 },
	{ "far too old",
	  { { 1ull << 40, true }, { 0, false }, { (1ull << 40) - REACH - 1, false } },
	  3 },
	{ "just in reach", { { 1ull << 40, true }, { (1ull << 40) - REACH, true } }, 2 },
	{ "word edges",
	  { { 63, true },
	    { 64, true },
	    { 63, false },
	    { 127, true },
	    { 128, true },
	    { 64, false },
	    { 65, true } },
	  7 },
	{ "one ring further",
	  { { 5, true },
	    { 5 + REPLAY_WINDOW_PACKETS, true },
	    { 5, false },
	    { 6 + REPLAY_WINDOW_PACKETS, true },
	    { 4 + REPLAY_WINDOW_PACKETS, true } },
	  5 },
	{ "a jump clears all",
	  { { 0, true },
	    { 1, true },
	    { 8191, true },
	    { 1ull << 50, true },
	    { (1ull << 50) - 1, true },
	    { (1ull << 50) - 8000, true },
	    { (1ull << 50) - 8000, false } },
	  7 },
	{ "at the limit",
	  { { LIMIT - 1, true },
	    { LIMIT, false },
	    { UINT64_MAX, false },
	    { LIMIT - 1, false },
	    { LIMIT - 2, true } },
	  5 },
	{ "limit first", { { UINT64_MAX, false }, { LIMIT, false }, { 0, true } }, 3 },
};

static void cases_of_the_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct replay r;
		memset(&r, 0xff, sizeof(r));
		replay_init(&r);
		for (unsigned k = 0; k < rows[i].n; k++) {
			const struct step *s = &rows[i].steps[k];
			if (replay_check(&r, s->counter) != s->accepted ||
			    replay_commit(&r, s->counter) != s->accepted)
				fail_msg("%s, step %u", rows[i].name, k);
		}
	}
}

/* A check alone changes nothing, however far ahead it looks. */
static void check_moves_nothing(void **state)
{
	struct replay r, before;
	(void)state;
	replay_init(&r);
	assert_true(replay_commit(&r, 100));
	before = r;
	assert_true(replay_check(&r, 1ull << 55));
	assert_true(replay_check(&r, 99));
	assert_false(replay_commit(&r, 100));
	assert_memory_equal(&r, &before, sizeof(r));
	assert_true(replay_commit(&r, 99));
}

/* ------- The naive model: every counter below MODEL_SPAN, and whether it was seen ------- */

#define MODEL_SPAN (1u << 18)

struct model {
	bool any;
	uint64_t newest;
	bool seen[MODEL_SPAN];
};

static bool model_commit(struct model *m, uint64_t c)
{
	if (m->any && c <= m->newest && (m->newest - c > REACH || m->seen[c]))
		return false;
	m->seen[c] = true;
	if (!m->any || c > m->newest)
		m->newest = c;
	m->any = true;
	return true;
}

/* A fixed sequence (xorshift64), so that a failure comes again. */
static uint64_t next_random(uint64_t *s)
{
	*s ^= *s << 13;
	*s ^= *s >> 7;
	*s ^= *s << 17;
	return *s;
}

/* Mostly small steps around the newest, now and then a jump of up to two windows either way. */
static uint64_t next_counter(const struct model *m, uint64_t *seed)
{
	uint64_t span = next_random(seed) % 64 == 0 ? 2 * REPLAY_WINDOW_PACKETS : 96;
	uint64_t back = next_random(seed) % 8 == 0 ? REPLAY_WINDOW_PACKETS + 64 : span;
	uint64_t base = m->newest > back ? m->newest - back : 0;
	return base + next_random(seed) % (back + span);
}

static void equals_the_naive_model(void **state)
{
	static struct model m;
	(void)state;
	for (uint64_t round = 1; round <= 20; round++) {
		uint64_t seed = 0x9e3779b97f4a7c15ull * round;
		struct replay r;
		replay_init(&r);
		memset(&m, 0, sizeof(m));
		for (unsigned i = 0; i < 20000; i++) {
			uint64_t c = next_counter(&m, &seed);
			if (c >= MODEL_SPAN)
				break;
			bool want = model_commit(&m, c);
			if (replay_check(&r, c) != want || replay_commit(&r, c) != want)
				fail_msg("round %u, step %u, counter %llu", (unsigned)round, i,
					 (unsigned long long)c);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cases_of_the_table),
		cmocka_unit_test(check_moves_nothing),
		cmocka_unit_test(equals_the_naive_model),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
