/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/base/rate.h"

#include <string.h>

#include "shared/base/secret.h"

#define TOKEN 1000u

bool rate_allow_many(struct rate_bucket *b, uint32_t n, uint32_t per_s, uint32_t burst,
		     uint64_t now_ms)
{
	const uint64_t full = (uint64_t)burst * TOKEN;

	if (!b->started) {
		b->started = true;
		b->level = full;
	} else if (now_ms > b->updated_ms) {
		uint64_t gained = (now_ms - b->updated_ms) * per_s;

		b->level = gained > full - b->level ? full : b->level + gained;
	}
	b->updated_ms = now_ms;
	if (b->level < (uint64_t)n * TOKEN)
		return false;
	b->level -= (uint64_t)n * TOKEN;
	return true;
}

bool rate_allow(struct rate_bucket *b, uint32_t per_s, uint32_t burst, uint64_t now_ms)
{
	return rate_allow_many(b, 1, per_s, burst, now_ms);
}

void rate_sources_init(struct rate_sources *r) { secret_random(r->seed, sizeof(r->seed)); }

/* Multiply-and-fold over the two halves of the address; the seed is secret, the table small, the
 * stake a shared bucket. */
static uint32_t bucket_of(const struct rate_sources *r, const struct addr *a)
{
	uint64_t half = 0;
	__extension__ typedef unsigned __int128 wide;
	wide product;

	memcpy(&half, a->b, a->family == AF_INET ? 4 : 8);
	product = (wide)(half ^ r->seed[0]) * (r->seed[1] | 1);
	return (uint32_t)((uint64_t)product ^ (uint64_t)(product >> 64)) % RATE_SOURCES;
}

bool rate_sources_allow(struct rate_sources *r, const struct addr *source, uint32_t per_s,
			uint32_t burst, uint64_t now_ms)
{
	return rate_allow(&r->buckets[bucket_of(r, source)], per_s, burst, now_ms);
}
