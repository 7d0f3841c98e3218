/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/* rate: token buckets, one alone or many by source address. `now_ms` is an argument. */
#include <stdbool.h>
#include <stdint.h>

#include "shared/base/addr.h"

/* Starts full. `level` counts thousandths of a token, so that slow rates work at millisecond steps.
 */
struct rate_bucket {
	uint64_t updated_ms;
	uint64_t level;
	bool started;
};

/* Takes `n` tokens; false, and none taken, when there are fewer. `per_s` tokens a second, at most
 * `burst` saved. */
bool rate_allow_many(struct rate_bucket *b, uint32_t n, uint32_t per_s, uint32_t burst,
		     uint64_t now_ms);
bool rate_allow(struct rate_bucket *b, uint32_t per_s, uint32_t burst, uint64_t now_ms);

#define RATE_SOURCES 4096u

/* Buckets by source address (IPv6: by /64) in a fixed table with a secret hash: two sources that
 * share a bucket share its rate. */
struct rate_sources {
	uint64_t seed[2];
	struct rate_bucket buckets[RATE_SOURCES];
};

/* Of zeroed memory: of a large table only the pages of sources that were seen are ever touched. */
void rate_sources_init(struct rate_sources *r);
bool rate_sources_allow(struct rate_sources *r, const struct addr *source, uint32_t per_s,
			uint32_t burst, uint64_t now_ms);
