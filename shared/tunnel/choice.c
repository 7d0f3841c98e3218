/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/tunnel/choice.h"

#include <string.h>

#include "shared/tunnel/candidates.h"
#include "shared/tunnel/patience.h"

/* When the bursts of a round leave. Dense at first: NATs of both sides open within one round trip
 * of each other; the late ones are for slow paths. A quiet round, under a path that works, is
 * shorter. */
static const uint16_t shots_ms[] = { 0, 100, 200, 400, 800, 1600, 3200 };
#define QUIET_SHOTS   3u
#define ROUND_TAIL_MS 1500u /* for the last answers */
/* Another candidate must be better by both to be worth a change. */
#define BETTER_US     1000u
#define BETTER_TENTHS 13u
#define REMAIN_MS     10000u /* a way is not left for a merely better one before */
/* STRANDED: probes come at CHOICE_SHOT_MS, then ever more rarely. */
#define STRANDED_MAX_MS 5000u

#define NEVER UINT64_MAX

struct step {
	struct choice *c;
	const struct choice_input *in;
	struct choice_orders *out;
};

const char *choice_state_str(enum choice_state s)
{
	static const char *const names[CHOICE_STATES] = {
		[CHOICE_REST] = "rest",         [CHOICE_SEARCH] = "search",
		[CHOICE_DIRECT] = "direct",     [CHOICE_DOUBT] = "doubt",
		[CHOICE_STRANDED] = "stranded",
	};

	return s < CHOICE_STATES ? names[s] : "unknown";
}

static void answered(struct step *s) { candidates_answered(s->c, s->in); }

/* --- moving ----------------------------------------------------------------------------------- */

#define TO(s) (1u << CHOICE_##s)
static const unsigned allowed[CHOICE_STATES] = {
	[CHOICE_REST] = TO(SEARCH) | TO(DIRECT),
	[CHOICE_SEARCH] = TO(REST) | TO(DIRECT) | TO(STRANDED),
	[CHOICE_DIRECT] = TO(REST) | TO(SEARCH) | TO(DOUBT),
	[CHOICE_DOUBT] = TO(REST) | TO(DIRECT) | TO(SEARCH) | TO(STRANDED),
	[CHOICE_STRANDED] = TO(REST) | TO(DIRECT) | TO(SEARCH),
};

/* The only place where the state changes. */
static void move(struct step *s, enum choice_state to)
{
	struct choice *c = s->c;

	if (c->state == to)
		return;
	BUG_ON(!(allowed[c->state] & 1u << to));
	c->state = to;
	c->state_ms = s->in->now_ms;
	c->dead = false;
}

/* The only place where the way in use changes. */
static void take(struct step *s, int way, enum choice_state state)
{
	struct choice *c = s->c;

	if (c->way != way) {
		c->way = way;
		c->moved_ms = s->in->now_ms;
		s->out->moved = true;
	}
	if (way >= 0)
		c->lost = c->slower = c->limited = c->idle = false;
	move(s, state);
}

/* What is taken without a direct path. */
static int without(const struct choice *c)
{
	return c->set.policy == PATH_POLICY_DIRECT_ONLY ? CHOICE_NONE : CHOICE_FALLBACK;
}

/* --- rounds ----------------------------------------------------------------------------------- */

static bool probes_fallback(const struct choice *c)
{
	if (c->set.policy == PATH_POLICY_DIRECT_ONLY || !c->set.fallback_up)
		return false;
	return !c->set.to_hub || c->way == CHOICE_FALLBACK || c->state == CHOICE_STRANDED;
}

static bool probes_candidates(const struct choice *c)
{
	return c->set.policy != PATH_POLICY_HUB_ONLY;
}

static void probe(struct step *s, int which)
{
	if (which == CHOICE_FALLBACK)
		s->out->probe_fallback = true;
	else if (which >= 0)
		s->out->probe |= 1u << which;
}

/* Probes all ways that are allowed and have not answered often enough. */
static void probe_all(struct step *s, unsigned enough)
{
	const struct choice *c = s->c;

	for (unsigned i = 0; i < c->n && probes_candidates(c); i++)
		if (c->candidates[i].answers < enough)
			probe(s, (int)i);
	if (probes_fallback(c) && c->fallback.answers < enough)
		probe(s, CHOICE_FALLBACK);
}

static unsigned shots(const struct choice *c)
{
	const bool quiet = c->state == CHOICE_DIRECT || c->set.to_hub;

	return quiet ? QUIET_SHOTS : (unsigned)(sizeof(shots_ms) / sizeof(shots_ms[0]));
}

static void forget_answers(struct choice_candidate *k)
{
	k->answers = 0;
	k->rtt_is_old = true;
}

static void round_run(struct step *s);

static void round_begin(struct step *s)
{
	struct choice *c = s->c;

	if (!probes_candidates(c))
		return;
	for (unsigned i = 0; i < c->n; i++)
		forget_answers(&c->candidates[i]);
	forget_answers(&c->fallback);
	c->in_round = true;
	c->shot = 0;
	c->round_ms = s->in->now_ms;
	s->out->locate = c->state != CHOICE_DIRECT;
	round_run(s);
}

/* A round for somebody else's sake: not during one, nor soon after. */
static void round_asked(struct step *s)
{
	const struct choice *c = s->c;

	if (!c->in_round && (!c->round_ms || s->in->now_ms - c->round_ms >= CHOICE_AGAIN_MS))
		round_begin(s);
}

static void round_afresh(struct step *s, uint64_t pause_ms)
{
	s->c->pause_ms = pause_ms;
	round_begin(s);
}

/* --- judging ---------------------------------------------------------------------------------- */

static void take_direct(struct step *s, int way)
{
	struct choice *c = s->c;

	if (!s->in->may_direct && !c->set.to_hub) {
		c->limited = s->out->limited = true;
		return;
	}
	c->pause_ms = CHOICE_PAUSE_MIN_MS;
	take(s, way, CHOICE_DIRECT);
}

/* SEARCH: has one answered that is worth it? */
static void try_direct(struct step *s)
{
	struct choice *c = s->c;
	int way = candidates_best(c, false, c->round_ms, s->in->now_ms);

	if (way < 0)
		return;
	c->slower = candidates_is_slower(c, &c->candidates[way], s->in->now_ms);
	if (!c->slower)
		take_direct(s, way);
}

/* DIRECT, a round is over: is another way clearly better? */
static void compare(struct step *s)
{
	struct choice *c = s->c;
	const struct choice_candidate *now = &c->candidates[c->way];
	int other = candidates_best(c, false, c->round_ms, s->in->now_ms);

	if (!now->rtt_us || now->rtt_is_old || s->in->now_ms - c->moved_ms < REMAIN_MS)
		return;
	if (other >= 0 && other != c->way && c->candidates[other].rtt_us &&
	    candidates_is_longer(now->rtt_us, c->candidates[other].rtt_us, BETTER_US,
				 BETTER_TENTHS)) {
		take(s, other, CHOICE_DIRECT);
		now = &c->candidates[other];
	}
	if (now->answers >= 2 && c->fallback.answers >= 2 && c->set.fallback_up &&
	    candidates_is_slower(c, now, s->in->now_ms)) {
		take(s, CHOICE_FALLBACK, CHOICE_SEARCH);
		c->slower = true;
	}
}

/* The next round: later each time; but not later than a candidate that answers may be taken back.
 */
static void pause_round(struct step *s)
{
	struct choice *c = s->c;
	uint64_t now = s->in->now_ms;

	if (c->set.to_hub)
		c->pause_ms = CHOICE_PAUSE_HUB_MS;
	c->next_round_ms = now + c->pause_ms;
	c->pause_ms = c->pause_ms * 2 < CHOICE_PAUSE_MAX_MS ? c->pause_ms * 2 : CHOICE_PAUSE_MAX_MS;
	for (unsigned i = 0; i < c->n && c->state == CHOICE_SEARCH; i++) {
		const struct choice_candidate *k = &c->candidates[i];
		uint64_t at = k->hold_ms > now + 1000 ? k->hold_ms : now + 1000;

		if (k->losses && candidates_answered_since(k, c->round_ms) && at < c->next_round_ms)
			c->next_round_ms = at;
	}
}

static void round_end(struct step *s)
{
	struct choice *c = s->c;

	c->in_round = false;
	c->searched = true;
	if (c->state == CHOICE_SEARCH)
		try_direct(s);
	else if (c->state == CHOICE_DIRECT)
		compare(s);
	pause_round(s);
}

/* Sends the bursts that are due. */
static void round_run(struct step *s)
{
	struct choice *c = s->c;
	const unsigned n = shots(c);
	uint64_t age = s->in->now_ms - c->round_ms;
	bool due = false;

	while (c->shot < n && age >= shots_ms[c->shot]) {
		c->shot++;
		due = true;
	}
	if (due)
		probe_all(s, CANDIDATES_ENOUGH);
	if (c->shot >= n && age >= (uint64_t)shots_ms[n - 1] + ROUND_TAIL_MS)
		round_end(s);
}

static uint64_t round_next_ms(const struct choice *c)
{
	const unsigned n = shots(c);

	if (!c->in_round)
		return c->next_round_ms;
	if (c->shot < n)
		return c->round_ms + shots_ms[c->shot];
	return c->round_ms + shots_ms[n - 1] + ROUND_TAIL_MS;
}

static void round_tick(struct step *s)
{
	struct choice *c = s->c;

	if (c->in_round)
		round_run(s);
	else if (s->in->now_ms >= c->next_round_ms)
		round_begin(s);
}

/* --- REST and SEARCH -------------------------------------------------------------------------- */

static void begin_search(struct step *s)
{
	struct choice *c = s->c;

	take(s, without(c), CHOICE_SEARCH);
	c->idle = false;
	round_afresh(s, c->set.to_hub ? CHOICE_PAUSE_HUB_MS : CHOICE_PAUSE_MIN_MS);
}

static void rest(struct step *s)
{
	s->c->in_round = false;
	take(s, without(s->c), CHOICE_REST);
}

static bool is_unused(const struct step *s, uint64_t ms)
{
	const struct choice *c = s->c;

	return !c->set.to_hub && !c->set.warm && s->in->now_ms - c->moved_ms >= ms &&
	       s->in->now_ms - s->in->used_ms >= ms;
}

static void begin_doubt(struct step *s, enum choice_state state)
{
	struct choice *c = s->c;

	c->doubt_ms = c->shot_ms = s->in->now_ms;
	move(s, state);
}

static void doubt_run(struct step *s);
static void stranded_run(struct step *s);

static void strand(struct step *s)
{
	begin_doubt(s, CHOICE_STRANDED);
	stranded_run(s);
}

static void search_answered(struct step *s)
{
	answered(s);
	if (s->in->which >= 0)
		try_direct(s);
}

static void met(struct step *s)
{
	struct choice *c = s->c;

	answered(s);
	if (s->in->which >= 0 && c->set.policy != PATH_POLICY_HUB_ONLY)
		take_direct(s, s->in->which);
	else if (s->in->which == CHOICE_FALLBACK && c->state == CHOICE_STRANDED)
		take(s, CHOICE_FALLBACK, CHOICE_SEARCH);
}

static void rest_met(struct step *s)
{
	met(s);
	if (s->c->state == CHOICE_REST)
		begin_search(s);
}

static void search_told(struct step *s) { round_afresh(s, CHOICE_PAUSE_MIN_MS); }

/* Back to where the peer probes from, since our probe opens our NAT and its own. Not if that is
 * known to work: the other side would answer in kind, for ever. */
static void search_probe_one(struct step *s)
{
	struct choice_candidate *k = candidates_get(s->c, s->in->which);

	if (k && probes_candidates(s->c) &&
	    (!k->answered_ms || s->in->now_ms - k->answered_ms >= PATIENCE_ROAM_MS))
		probe(s, s->in->which);
}

static void note_seen(struct step *s)
{
	struct choice_candidate *k = candidates_get(s->c, s->in->which);

	if (k)
		k->seen_ms = s->in->now_ms;
}

static void search_seen(struct step *s)
{
	note_seen(s);
	search_probe_one(s);
}

/* Nothing comes back through the fallback. */
static void search_doubted(struct step *s)
{
	if (s->c->way == CHOICE_FALLBACK)
		strand(s);
}

static void search_tick(struct step *s)
{
	if (is_unused(s, CHOICE_UNUSED_MS))
		rest(s);
	else
		round_tick(s);
}

static void search_set(struct step *s)
{
	struct choice *c = s->c;

	if (c->way != without(c))
		take(s, without(c), CHOICE_SEARCH);
	if (c->way == CHOICE_FALLBACK && !c->set.fallback_up)
		strand(s);
	else if (probes_candidates(c) && !c->round_ms)
		round_begin(s);
}

/* --- DIRECT and DOUBT ------------------------------------------------------------------------- */

static void direct_seen(struct step *s)
{
	note_seen(s);
	begin_doubt(s, CHOICE_DOUBT);
	probe(s, s->in->which);
	doubt_run(s);
}

static void direct_knocked(struct step *s)
{
	struct choice_candidate *k = candidates_get(s->c, s->in->which);

	/* One that is known well enough. */
	if (k && !candidates_answered_since(k, s->c->round_ms))
		probe(s, s->in->which);
}

/* The peer has given this path up, which it may have reason to: one look, not a long one. */
static void direct_left(struct step *s)
{
	s->c->fallback.seen_ms = s->in->now_ms;
	begin_doubt(s, CHOICE_DOUBT);
	doubt_run(s);
}

static void note_left(struct step *s) { s->c->fallback.seen_ms = s->in->now_ms; }

static void direct_doubted(struct step *s)
{
	begin_doubt(s, CHOICE_DOUBT);
	doubt_run(s);
}

static void direct_tick(struct step *s)
{
	struct choice *c = s->c;
	const uint64_t now = s->in->now_ms;
	struct choice_candidate *k = &c->candidates[c->way];

	if (c->set.idle_ms && is_unused(s, c->set.idle_ms)) {
		c->idle = true;
		rest(s);
		return;
	}
	if (k->losses && now - c->moved_ms >= CHOICE_STABLE_MS)
		k->losses = 0;
	/* The hub's is kept open by the keepalive that is configured, or by nothing. */
	if (!c->set.to_hub && now - s->in->heard_ms >= CHOICE_KEEP_MS &&
	    now - c->state_ms >= CHOICE_KEEP_MS)
		direct_doubted(s);
	else if (!c->set.to_hub)
		round_tick(s);
}

/* The limit, or the policy: not allowed any more. */
static void leave_direct(struct step *s)
{
	s->c->in_round = false;
	take(s, without(s->c), CHOICE_SEARCH);
}

static void direct_set(struct step *s)
{
	if (!probes_candidates(s->c)) {
		leave_direct(s);
		search_set(s);
	}
}

static void evicted(struct step *s)
{
	s->c->limited = true;
	rest(s);
}

static void direct_told(struct step *s)
{
	if (!s->c->set.to_hub)
		round_begin(s);
}

static void count_loss(struct step *s)
{
	struct choice_candidate *k = candidates_get(s->c, s->c->way);
	uint64_t hold = CHOICE_HOLD_MIN_MS;

	s->c->lost = true;
	if (!k || s->c->way < 0)
		return;
	for (unsigned i = 0; i < k->losses && hold < CHOICE_HOLD_MAX_MS; i++)
		hold *= 2;
	if (hold > CHOICE_HOLD_MAX_MS)
		hold = CHOICE_HOLD_MAX_MS;
	if (k->losses < UINT8_MAX)
		k->losses++;
	k->hold_ms = s->in->now_ms + hold;
	k->answers = 0;
	k->answered_ms = 0;
}

/* The way in use is silent: another one, if it has answered meanwhile. */
static void lose(struct step *s)
{
	struct choice *c = s->c;
	uint64_t doubt = s->in->now_ms - c->doubt_ms;
	int other = candidates_best(c, true, c->doubt_ms, s->in->now_ms);
	const bool fallback = c->set.fallback_up && without(c) == CHOICE_FALLBACK;

	if (other >= 0 && other != c->way) {
		count_loss(s);
		take(s, other, CHOICE_DIRECT);
	} else if (fallback && doubt >= patience_fallback_ms(c)) {
		count_loss(s);
		s->out->lost = true;
		take(s, CHOICE_FALLBACK, CHOICE_SEARCH);
		round_afresh(s, CHOICE_PAUSE_LOST_MS);
	} else if (!fallback && without(c) == CHOICE_NONE && !c->set.to_hub) {
		count_loss(s);
		take(s, CHOICE_NONE, CHOICE_SEARCH);
		round_afresh(s, CHOICE_PAUSE_LOST_MS);
	} else if (!fallback) {
		/* STRANDED goes on where the doubt began. */
		move(s, CHOICE_STRANDED);
	}
}

/* The peer's packets come from elsewhere now, and it answers there, and not here within the time of
 * one round trip: it has moved. */
static bool roam(struct step *s)
{
	int to = patience_roams_to(s->c);

	if (to < 0 || s->in->now_ms < patience_roam_ms(s->c))
		return false;
	take(s, to, CHOICE_DIRECT);
	return true;
}

static void doubt_run(struct step *s)
{
	struct choice *c = s->c;
	const uint64_t now = s->in->now_ms, doubt = now - c->doubt_ms;

	if (roam(s))
		return;
	if (doubt >= patience_lost_ms(&c->candidates[c->way]) ||
	    (patience_has_left(c) && doubt >= patience_fallback_ms(c))) {
		lose(s);
		if (c->state != CHOICE_DOUBT)
			return;
	}
	if (now < c->shot_ms)
		return;
	c->shot_ms = now + CHOICE_SHOT_MS;
	probe(s, c->way);
	/* One may get lost. With the second, all others are asked, too. */
	if (doubt < 2 * CHOICE_SHOT_MS)
		return;
	if (doubt < 3 * CHOICE_SHOT_MS && !c->in_round)
		for (unsigned i = 0; i < c->n; i++)
			c->candidates[i].answers = 0;
	probe_all(s, CANDIDATES_ENOUGH);
}

static void doubt_answered(struct step *s)
{
	answered(s);
	if (s->in->which == s->c->way)
		move(s, CHOICE_DIRECT);
	else
		roam(s);
}

static void doubt_set(struct step *s)
{
	if (!probes_candidates(s->c))
		direct_set(s);
}

/* --- STRANDED --------------------------------------------------------------------------------- */

static void stranded_run(struct step *s)
{
	struct choice *c = s->c;
	const uint64_t now = s->in->now_ms, doubt = now - c->doubt_ms;

	if (is_unused(s, CHOICE_UNUSED_MS)) {
		rest(s);
		return;
	}
	if (patience_waits_for_carrier(c) && doubt >= patience_fallback_ms(c)) {
		count_loss(s);
		take(s, CHOICE_FALLBACK, CHOICE_SEARCH);
		round_afresh(s, CHOICE_PAUSE_HUB_MS);
		return;
	}
	if (doubt >= CHOICE_DEAD_MS && !c->dead)
		c->dead = s->out->dead = true;
	if (now < c->shot_ms)
		return;
	/* A fifth of the time that has gone by: dense at first, then no more than needed. */
	c->shot_ms = now + doubt / 5;
	if (c->shot_ms < now + CHOICE_SHOT_MS)
		c->shot_ms = now + CHOICE_SHOT_MS;
	if (c->shot_ms > now + STRANDED_MAX_MS)
		c->shot_ms = now + STRANDED_MAX_MS;
	if (c->way == CHOICE_FALLBACK ? c->set.fallback_up : c->way >= 0)
		probe(s, c->way);
	if (doubt < 2 * CHOICE_SHOT_MS && s->out->probe_fallback)
		return;
	s->out->locate = true;
	probe_all(s, UINT8_MAX);
}

static void stranded_answered(struct step *s)
{
	struct choice *c = s->c;

	answered(s);
	if (s->in->which == CHOICE_FALLBACK && without(c) == CHOICE_FALLBACK) {
		const uint64_t doubt = s->in->now_ms - c->doubt_ms;

		/* A carrier answers always; UDP may still. */
		if (patience_waits_for_carrier(c) && doubt < patience_fallback_ms(c))
			return;
		take(s, CHOICE_FALLBACK, CHOICE_SEARCH);
		/* Traffic in one direction alone is asked after all the time. */
		if (doubt >= CHOICE_LOST_MS)
			round_afresh(s, CHOICE_PAUSE_LOST_MS);
	} else if (s->in->which >= 0 && probes_candidates(c)) {
		take_direct(s, s->in->which);
	}
}

static void stranded_set(struct step *s)
{
	struct choice *c = s->c;

	if (without(c) == CHOICE_NONE || (!probes_candidates(c) && c->way >= 0))
		take(s, without(c), CHOICE_SEARCH);
	else
		stranded_run(s);
}

/* --- the machine ------------------------------------------------------------------------------ */

/* An event that a state has no rule for changes nothing. */
static void (*const rules[CHOICE_STATES][CHOICE_EVENTS])(struct step *) = {
	[CHOICE_REST] = {
		[CHOICE_USED] = begin_search,
		[CHOICE_ANSWERED] = answered,
		[CHOICE_SEEN] = note_seen,
		[CHOICE_MET] = rest_met,
		[CHOICE_DOUBTED] = begin_search,
	},
	[CHOICE_SEARCH] = {
		[CHOICE_TOLD] = search_told,
		[CHOICE_CALLED] = round_asked,
		[CHOICE_KNOCKED] = search_probe_one,
		[CHOICE_SEEN] = search_seen,
		[CHOICE_ANSWERED] = search_answered,
		[CHOICE_MET] = met,
		[CHOICE_DOUBTED] = search_doubted,
		[CHOICE_REBOUND] = round_begin,
		[CHOICE_SET] = search_set,
		[CHOICE_EVICTED] = evicted,
		[CHOICE_TICK] = search_tick,
	},
	[CHOICE_DIRECT] = {
		[CHOICE_TOLD] = direct_told,
		[CHOICE_CALLED] = direct_doubted,
		[CHOICE_KNOCKED] = direct_knocked,
		[CHOICE_SEEN] = direct_seen,
		[CHOICE_LEFT] = direct_left,
		[CHOICE_ANSWERED] = answered,
		[CHOICE_MET] = answered,
		[CHOICE_DOUBTED] = direct_doubted,
		[CHOICE_REBOUND] = direct_doubted,
		[CHOICE_SET] = direct_set,
		[CHOICE_EVICTED] = evicted,
		[CHOICE_TICK] = direct_tick,
	},
	[CHOICE_DOUBT] = {
		[CHOICE_KNOCKED] = search_probe_one,
		[CHOICE_SEEN] = search_seen,
		[CHOICE_LEFT] = note_left,
		[CHOICE_ANSWERED] = doubt_answered,
		[CHOICE_MET] = doubt_answered,
		[CHOICE_SET] = doubt_set,
		[CHOICE_EVICTED] = evicted,
		[CHOICE_TICK] = doubt_run,
	},
	[CHOICE_STRANDED] = {
		[CHOICE_TOLD] = stranded_run,
		[CHOICE_KNOCKED] = search_probe_one,
		[CHOICE_SEEN] = search_seen,
		[CHOICE_ANSWERED] = stranded_answered,
		[CHOICE_MET] = met,
		[CHOICE_SET] = stranded_set,
		[CHOICE_EVICTED] = evicted,
		[CHOICE_TICK] = stranded_run,
	},
};

void choice_init(struct choice *c, const struct choice_settings *set, uint64_t now_ms)
{
	memset(c, 0, sizeof(*c));
	c->set = *set;
	c->way = without(c);
	c->state_ms = c->moved_ms = now_ms;
	c->next_round_ms = now_ms;
	c->pause_ms = CHOICE_PAUSE_MIN_MS;
}

void choice_run(struct choice *c, enum choice_event e, const struct choice_input *in,
		struct choice_orders *out)
{
	struct step s = { .c = c, .in = in, .out = out };

	memset(out, 0, sizeof(*out));
	if (rules[c->state][e])
		rules[c->state][e](&s);
}

static uint64_t earlier(uint64_t a, uint64_t b) { return a < b ? a : b; }
static uint64_t later(uint64_t a, uint64_t b) { return a > b ? a : b; }

/* When the peer is given up for want of use. */
static uint64_t unused_ms(const struct choice *c, const struct choice_input *in, uint64_t ms)
{
	return c->set.to_hub || c->set.warm || !ms ? NEVER : later(c->moved_ms, in->used_ms) + ms;
}

uint64_t choice_next_ms(const struct choice *c, const struct choice_input *in)
{
	uint64_t at;

	switch (c->state) {
	case CHOICE_SEARCH:
		at = probes_candidates(c) ? round_next_ms(c) : NEVER;
		return earlier(at, unused_ms(c, in, CHOICE_UNUSED_MS));
	case CHOICE_DIRECT:
		if (c->set.to_hub)
			return c->candidates[c->way].losses ? c->moved_ms + CHOICE_STABLE_MS
							    : NEVER;
		at = later(in->heard_ms, c->state_ms) + CHOICE_KEEP_MS;
		at = earlier(at, round_next_ms(c));
		return earlier(at, unused_ms(c, in, c->set.idle_ms));
	case CHOICE_DOUBT:
		at = patience_has_left(c)
			     ? earlier(c->shot_ms, c->doubt_ms + patience_fallback_ms(c))
			     : c->shot_ms;
		return patience_roams_to(c) < 0 ? at : earlier(at, patience_roam_ms(c));
	case CHOICE_STRANDED:
		at = earlier(c->shot_ms, unused_ms(c, in, CHOICE_UNUSED_MS));
		return patience_waits_for_carrier(c)
			       ? earlier(at, c->doubt_ms + patience_fallback_ms(c))
			       : at;
	default:
		return NEVER;
	}
}
