/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/tunnel/candidates.h"

#include <string.h>

/* The relay must be better by both to be preferred to a direct path. */
#define SLOWER_US     20000u
#define SLOWER_TENTHS 13u

int candidates_find(const struct choice *c, const struct endpoint *e)
{
	for (unsigned i = 0; i < c->n; i++)
		if (endpoint_equal(&c->candidates[i].endpoint, e))
			return (int)i;
	return CHOICE_NONE;
}

void candidates_forget(struct choice *c, int which)
{
	unsigned i = (unsigned)which;

	if (which < 0 || i >= c->n || which == c->way)
		return;
	c->n--;
	memmove(&c->candidates[i], &c->candidates[i + 1], (c->n - i) * sizeof(c->candidates[0]));
	if (c->way > which)
		c->way--;
}

/* The one that is least worth its place: not told, not in use, answered longest ago. */
static int least(const struct choice *c)
{
	int at = CHOICE_NONE;

	for (unsigned i = 0; i < c->n; i++) {
		const struct choice_candidate *k = &c->candidates[i];

		if (k->told || (int)i == c->way)
			continue;
		if (at < 0 || k->answered_ms < c->candidates[at].answered_ms)
			at = (int)i;
	}
	return at;
}

static int add(struct choice *c, const struct endpoint *e)
{
	if (c->n == CHOICE_CANDIDATES_MAX) {
		int old = least(c);

		if (old < 0)
			return CHOICE_NONE;
		candidates_forget(c, old);
	}
	c->candidates[c->n] = (struct choice_candidate){ .endpoint = *e };
	return (int)c->n++;
}

int candidates_see(struct choice *c, const struct endpoint *e)
{
	int at = candidates_find(c, e);

	return at < 0 ? add(c, e) : at;
}

bool candidates_tell(struct choice *c, const struct endpoint *e, unsigned n)
{
	bool changed = false;

	for (unsigned i = 0; i < c->n; i++)
		c->candidates[i].told = false;
	for (unsigned i = 0; i < n; i++) {
		const bool known = candidates_find(c, &e[i]) >= 0;
		int at = candidates_see(c, &e[i]);

		changed = changed || !known;
		if (at >= 0)
			c->candidates[at].told = true;
	}
	/* Those that neither control knows nor the peer was ever met at. */
	for (int i = (int)c->n - 1; i >= 0; i--) {
		const struct choice_candidate *k = &c->candidates[i];

		if (!k->told && !k->answered_ms && !k->seen_ms)
			candidates_forget(c, i);
	}
	return changed;
}

struct choice_candidate *candidates_get(struct choice *c, int which)
{
	if (which == CHOICE_FALLBACK)
		return &c->fallback;
	return which >= 0 && (unsigned)which < c->n ? &c->candidates[which] : NULL;
}

void candidates_answered(struct choice *c, const struct choice_input *in)
{
	struct choice_candidate *k = candidates_get(c, in->which);
	uint32_t rtt = in->rtt_us;

	if (!k)
		return;
	k->answered_ms = in->now_ms;
	if (k->answers < UINT8_MAX)
		k->answers++;
	if (rtt && (!k->rtt_us || k->rtt_is_old || rtt < k->rtt_us)) {
		k->rtt_us = rtt;
		k->rtt_is_old = false;
	}
}
bool candidates_is_longer(uint32_t a_us, uint32_t b_us, uint32_t by_us, unsigned tenths)
{
	return (uint64_t)a_us > (uint64_t)b_us + by_us &&
	       (uint64_t)a_us * 10 > (uint64_t)b_us * tenths;
}

bool candidates_is_slower(const struct choice *c, const struct choice_candidate *k, uint64_t now_ms)
{
	const bool known = k->rtt_us && c->fallback.rtt_us &&
			   candidates_answered_since(&c->fallback, now_ms - CANDIDATES_RECENT_MS);

	if (c->set.to_hub || c->set.policy == PATH_POLICY_DIRECT_ONLY || !known)
		return false;
	/* Once it was slower, it must be nearly as good to be taken back. */
	if (c->slower)
		return candidates_is_longer(k->rtt_us, c->fallback.rtt_us, SLOWER_US / 2, 11);
	return candidates_is_longer(k->rtt_us, c->fallback.rtt_us, SLOWER_US, SLOWER_TENTHS);
}

/* May the candidate be taken? In need, whatever answers. */
static bool may_take(const struct choice *c, const struct choice_candidate *k, bool in_need,
		     uint64_t now_ms)
{
	unsigned enough = k->losses ? CANDIDATES_ENOUGH : c->set.to_hub ? 2 : 1;

	if (c->set.policy == PATH_POLICY_HUB_ONLY ||
	    !candidates_answered_since(
		    k, now_ms > CANDIDATES_RECENT_MS ? now_ms - CANDIDATES_RECENT_MS : 1))
		return false;
	return in_need || (now_ms >= k->hold_ms && k->answers >= enough);
}

static bool is_shorter(const struct choice_candidate *a, const struct choice_candidate *b)
{
	return a->rtt_us && (!b->rtt_us || a->rtt_us < b->rtt_us);
}

int candidates_best(const struct choice *c, bool in_need, uint64_t since_ms, uint64_t now_ms)
{
	int at = CHOICE_NONE;

	for (unsigned i = 0; i < c->n; i++) {
		const struct choice_candidate *k = &c->candidates[i];

		if (!may_take(c, k, in_need, now_ms) || !candidates_answered_since(k, since_ms))
			continue;
		if (at < 0 || is_shorter(k, &c->candidates[at]))
			at = (int)i;
	}
	return at;
}
