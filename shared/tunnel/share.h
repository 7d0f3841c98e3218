/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * share: when more comes in than we can work on, it is those who send most that lose. All peers
 * share the queue of one UDP socket, which drops whatever comes while it is full: beside a flood
 * everybody would lose as large a part, and whoever sends right behind it everything. So what an
 * overfull socket gives is cut, for each sender, to a limit, before any work is done for it;
 * reading goes on instead, and the queue gets room again.
 *
 *   1. share_overflow() whenever the socket has lost something because it was full
 *   2. share_admit() for each received message
 *
 * The limit is one number of bytes in an epoch, the same for all. It falls by a quarter in an epoch
 * in which the socket overflowed, but never below what everybody would get if all had sent the
 * same; otherwise it rises slowly, until nobody reaches it. A quarter of it may be used at once,
 * the rest as the epoch goes by. A sender alone is never cut. As long as nothing overflows nothing
 * is counted.
 *
 * Senders are told apart by outer endpoint, in a fixed table with a secret hash, which changes with
 * each epoch: two that share a place do so for no longer. Pure: `now_ms` is an argument.
 */
#include <stdbool.h>
#include <stdint.h>

#include "shared/base/addr.h"

#define SHARE_EPOCH_MS 50u   /* a burst of 50 ms is nobody's fault */
#define SHARE_SENDERS  2048u /* places, a power of two */

struct share {
	bool active;
	bool overflowed; /* in this epoch */
	uint64_t epoch_ms;
	uint64_t limit; /* bytes in an epoch; UINT64_MAX: none */
	/* Of this epoch, with what was not admitted. */
	uint64_t total, largest;
	unsigned senders;
	uint64_t equal; /* what all would have sent in the epoch before if all had sent the same */
	uint64_t seed[2];
	struct share_place {
		uint32_t offered, admitted; /* bytes */
	} places[SHARE_SENDERS];
};

void share_init(struct share *s);
void share_overflow(struct share *s, uint64_t now_ms);
/* May a message of `len` bytes from there be worked on? */
bool share_admit(struct share *s, const struct endpoint *from, uint32_t len, uint64_t now_ms);
