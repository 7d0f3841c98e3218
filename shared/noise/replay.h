/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * replay: which counters of a session were seen, as a sliding window over a ring of bits (RFC
 * 6479). A ring word is cleared as a whole when the window moves onto it, so nothing is ever
 * shifted; the price is that of the REPLAY_WINDOW_PACKETS bits one word (REPLAY_WORD_BITS) is not
 * usable.
 *
 *   1. replay_check() before decryption: throws old ones and repetitions away, for a bit test
 *   2. replay_commit() once the packet has proved authentic; only this moves the window
 */
#include <stdbool.h>
#include <stdint.h>

#include "shared/wire/limits.h"

#define REPLAY_WORD_BITS 64u
/* How far behind the newest counter one may still arrive: 8128. */
#define REPLAY_REACH_PACKETS (REPLAY_WINDOW_PACKETS - REPLAY_WORD_BITS)

struct replay {
	uint64_t next; /* newest counter seen + 1; 0: none yet */
	uint64_t bits[REPLAY_WINDOW_PACKETS / REPLAY_WORD_BITS];
};

/* Zeros are an empty window; this makes them. */
void replay_init(struct replay *r);
/*
 * True when `counter` is new: ahead of the window or inside it and not seen, and below
 * REJECT_AFTER_MESSAGES.
 */
bool replay_check(const struct replay *r, uint64_t counter);
/* Marks it as seen, and says again whether it was new (false: nothing changed). */
bool replay_commit(struct replay *r, uint64_t counter);
