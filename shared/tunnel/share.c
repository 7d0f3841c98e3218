/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/tunnel/share.h"

#include <string.h>

#include "shared/base/secret.h"

#define NO_LIMIT     UINT64_MAX
#define CUT_PART     4u  /* of the limit goes when there was too much */
#define GROWTH_PART  32u /* of the limit comes back when there was not */
#define AT_ONCE_PART 4u  /* of the limit may be used at the beginning of an epoch */

void share_init(struct share *s)
{
	memset(s, 0, sizeof(*s));
	s->limit = NO_LIMIT;
	secret_random(s->seed, sizeof(s->seed));
}

/* Counting starts anew, with other senders at one place. */
static void begin_epoch(struct share *s, uint64_t now_ms)
{
	memset(s->places, 0, sizeof(s->places));
	s->total = s->largest = 0;
	s->senders = 0;
	s->overflowed = false;
	s->epoch_ms = now_ms;
	/* An odd constant (the golden ratio): all 2^64 seeds in turn. */
	s->seed[0] += 0x9e3779b97f4a7c15u;
}

/* What everybody may send from now on follows from what came until now. */
static void end_epoch(struct share *s)
{
	const uint64_t most = s->limit < s->largest ? s->limit : s->largest;

	s->equal = s->senders ? s->total / s->senders : 0;
	if (s->senders < 2) {
		s->limit = NO_LIMIT;
		s->active = s->overflowed;
	} else if (s->overflowed) {
		s->limit = most - most / CUT_PART;
		if (s->limit < s->equal)
			s->limit = s->equal;
	} else if (s->limit >= s->largest) {
		s->limit = NO_LIMIT;
		s->active = false;
	} else {
		s->limit += s->limit / GROWTH_PART + 1;
	}
}

void share_overflow(struct share *s, uint64_t now_ms)
{
	if (!s->active) {
		s->active = true;
		s->limit = NO_LIMIT;
		begin_epoch(s, now_ms);
	}
	s->overflowed = true;
}

/* Multiply and fold over address, port and secret: nobody can choose whose place he shares. */
static struct share_place *place_of(struct share *s, const struct endpoint *e)
{
	uint64_t half[2];
	__extension__ typedef unsigned __int128 wide;
	wide product;

	memcpy(half, e->addr.b, sizeof(half));
	product = (wide)(half[0] ^ s->seed[0]) * (s->seed[1] | 1);
	half[1] ^= (uint64_t)product ^ (uint64_t)(product >> 64) ^ ((uint64_t)e->port << 48);
	product = (wide)(half[1] + s->seed[0]) * (s->seed[1] | 1);
	return &s->places[((uint64_t)product ^ (uint64_t)(product >> 64)) & (SHARE_SENDERS - 1)];
}

/* What one sender may have had of the epoch by now. */
static uint64_t allowed(const struct share *s, uint64_t now_ms)
{
	uint64_t most;

	if (s->limit == NO_LIMIT)
		return NO_LIMIT;
	most = s->limit / AT_ONCE_PART;
	most += (s->limit - most) * (now_ms - s->epoch_ms) / SHARE_EPOCH_MS;
	return most > s->equal ? most : s->equal;
}

bool share_admit(struct share *s, const struct endpoint *from, uint32_t len, uint64_t now_ms)
{
	struct share_place *place;

	if (!s->active)
		return true;
	if (now_ms - s->epoch_ms >= SHARE_EPOCH_MS) {
		end_epoch(s);
		begin_epoch(s, now_ms);
	}
	if (!s->active)
		return true;
	place = place_of(s, from);
	s->senders += place->offered == 0;
	place->offered += len;
	s->total += len;
	if (place->offered > s->largest)
		s->largest = place->offered;
	if ((uint64_t)place->admitted + len > allowed(s, now_ms))
		return false;
	place->admitted += len;
	return true;
}
