/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/tunnel/patience.h"

#include "shared/tunnel/candidates.h"

#define LEFT_MS 250u /* of doubt, when the peer has left the way before us */

uint64_t patience_lost_ms(const struct choice_candidate *k)
{
	uint64_t ms = (uint64_t)k->rtt_us * 3 / 1000 + CHOICE_SHOT_MS;

	return ms > CHOICE_LOST_MS ? ms : CHOICE_LOST_MS;
}

/* Does the peer itself use the fallback since this doubt, or shortly before? */
bool patience_has_left(const struct choice *c)
{
	return !c->set.to_hub && c->fallback.seen_ms &&
	       c->fallback.seen_ms + PATIENCE_ROAM_MS >= c->doubt_ms;
}

/* How long the way in use may be silent before the fallback is taken. The carrier is the worse one,
 * always: UDP gets a few probes more, unless it is not the hub alone that is silent. A peer that
 * has left the way was patient already: three probes are enough. */
uint64_t patience_fallback_ms(const struct choice *c)
{
	uint64_t ms = c->way >= 0 ? patience_lost_ms(&c->candidates[c->way]) : 0;

	if (c->set.to_hub)
		return !c->set.corroborated && ms < CHOICE_FALLBACK_MS ? CHOICE_FALLBACK_MS : ms;
	return c->way >= 0 && patience_has_left(c) ? ms - CHOICE_LOST_MS + LEFT_MS : ms;
}

/* DOUBT: another candidate that the peer's packets come from, and where it answers. */
int patience_roams_to(const struct choice *c)
{
	for (unsigned i = 0; i < c->n; i++) {
		const struct choice_candidate *k = &c->candidates[i];

		if ((int)i != c->way && candidates_answered_since(k, c->doubt_ms) && k->seen_ms &&
		    k->seen_ms + PATIENCE_ROAM_MS >= c->doubt_ms)
			return (int)i;
	}
	return CHOICE_NONE;
}

/* When the way in doubt should have answered. */
uint64_t patience_roam_ms(const struct choice *c)
{
	uint64_t rtt_ms = c->candidates[c->way].rtt_us / 1000;

	return c->doubt_ms + rtt_ms + rtt_ms / 4 + 20;
}

/* UDP to the hub is silent and the carrier there, but it is not taken yet. */
bool patience_waits_for_carrier(const struct choice *c)
{
	return c->set.to_hub && c->set.fallback_up && c->way != CHOICE_FALLBACK;
}

bool patience_is_silent(const struct choice *c, uint64_t now_ms)
{
	return c->state == CHOICE_STRANDED ||
	       (c->state == CHOICE_DOUBT && now_ms - c->doubt_ms >= CHOICE_SILENT_MS);
}
