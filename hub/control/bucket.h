/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * bucket: a token bucket. `per_s` tokens come in a second, `burst` are kept at most. Pure: `now_ms`
 * is an argument.
 */
#include <stdbool.h>
#include <stdint.h>

struct bucket {
	uint32_t per_s;
	uint32_t burst;
	uint64_t milli; /* tokens, thousandths */
	uint64_t at_ms; /* when `milli` was right */
};

/* Starts full. `per_s` > 0, `burst` > 0. */
static inline void bucket_init(struct bucket *b, uint32_t per_s, uint32_t burst, uint64_t now_ms)
{
	b->per_s = per_s;
	b->burst = burst;
	b->milli = (uint64_t)burst * 1000;
	b->at_ms = now_ms;
}

/* Brings the tokens up to `now_ms`. */
static inline void bucket_fill(struct bucket *b, uint64_t now_ms)
{
	uint64_t full = (uint64_t)b->burst * 1000;
	uint64_t passed_ms = now_ms > b->at_ms ? now_ms - b->at_ms : 0;

	b->at_ms = now_ms;
	b->milli = passed_ms >= full / b->per_s + 1 ? full : b->milli + passed_ms * b->per_s;
	if (b->milli > full)
		b->milli = full;
}

/* True, and one token less, when there is one. */
static inline bool bucket_take(struct bucket *b, uint64_t now_ms)
{
	bucket_fill(b, now_ms);
	if (b->milli < 1000)
		return false;
	b->milli -= 1000;
	return true;
}

/* How long until bucket_take() succeeds; 0 when it does now. */
static inline uint64_t bucket_wait_ms(struct bucket *b, uint64_t now_ms)
{
	bucket_fill(b, now_ms);
	return b->milli >= 1000 ? 0 : (1000 - b->milli + b->per_s - 1) / b->per_s;
}
