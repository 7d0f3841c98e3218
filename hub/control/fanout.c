/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hub/control/fanout.h"

static const uint32_t ends_ms[FANOUT_BUCKETS] = { 5, 10, 50, 100, 250, 500, 1000, 5000, 30000 };

uint32_t fanout_end_ms(unsigned bucket)
{
	return bucket < FANOUT_BUCKETS ? ends_ms[bucket] : UINT32_MAX;
}

void fanout_read(struct fanout *f, uint64_t revision, uint64_t now_ms)
{
	f->seen[f->at].revision = revision;
	f->seen[f->at].at_ms = now_ms;
	f->at = (f->at + 1) % FANOUT_REVISIONS;
}

void fanout_applied(struct fanout *f, uint64_t revision, uint64_t up_ms, uint64_t now_ms)
{
	for (unsigned i = 0; i < FANOUT_REVISIONS; i++) {
		uint64_t at_ms = f->seen[i].at_ms, took_ms = now_ms - at_ms;
		unsigned bucket = 0;

		if (f->seen[i].revision != revision || revision == 0)
			continue;
		if (up_ms > at_ms || now_ms < at_ms)
			return;
		while (bucket < FANOUT_BUCKETS && took_ms > ends_ms[bucket])
			bucket++;
		f->n[bucket]++;
		f->sum_ms += took_ms;
		return;
	}
}
