/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/noise/replay.h"

#include "shared/base/err.h"

#define WORDS (REPLAY_WINDOW_PACKETS / REPLAY_WORD_BITS)

_Static_assert((WORDS & (WORDS - 1)) == 0, "the ring is indexed by masking");

void replay_init(struct replay *r) { *r = (struct replay){ 0 }; }

static uint64_t word_of(uint64_t counter) { return counter / REPLAY_WORD_BITS; }

static uint64_t bit_of(uint64_t counter) { return 1ull << (counter % REPLAY_WORD_BITS); }

bool replay_check(const struct replay *r, uint64_t counter)
{
	if (counter >= REJECT_AFTER_MESSAGES)
		return false;
	if (counter >= r->next)
		return true;
	/* Behind the newest, next - 1: by more than the reach is too old to know. */
	if (r->next - 1 - counter > REPLAY_REACH_PACKETS)
		return false;
	return !(r->bits[word_of(counter) % WORDS] & bit_of(counter));
}

/*
 * Clears the ring words that the window moves onto: those behind the newest one's word up to the
 * one of `counter`, at most the whole ring.
 */
static void advance(struct replay *r, uint64_t counter)
{
	uint64_t newest = r->next ? word_of(r->next - 1) : 0;
	uint64_t steps = word_of(counter) - newest;
	if (steps > WORDS)
		steps = WORDS;
	for (uint64_t i = 1; i <= steps; i++)
		r->bits[(newest + i) % WORDS] = 0;
	r->next = counter + 1;
}

bool replay_commit(struct replay *r, uint64_t counter)
{
	if (!replay_check(r, counter))
		return false;
	if (counter >= r->next)
		advance(r, counter);
	r->bits[word_of(counter) % WORDS] |= bit_of(counter);
	return true;
}
