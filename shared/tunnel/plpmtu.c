/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/tunnel/plpmtu.h"

#include "shared/base/err.h"
#include "shared/loop/timer.h"

#define IPV4_HEADER_BYTES 20u
#define IPV6_HEADER_BYTES 40u
#define UDP_HEADER_BYTES  8u

void plpmtu_init(struct plpmtu *m, uint16_t top)
{
	*m = (struct plpmtu){
		.state = PLPMTU_DONE,
		.top = top,
		.limit = top,
		.bad = UINT16_MAX,
		.due_ms = TIMER_NEVER,
	};
}

void plpmtu_set_top(struct plpmtu *m, uint16_t top)
{
	if (m->top == top)
		return;
	if (m->known && m->limit < top && m->limit < m->top) {
		/* It was the path that said no. */
		m->top = top;
		return;
	}
	plpmtu_init(m, top);
}

static uint32_t wait_ms(const struct plpmtu_input *in)
{
	uint32_t wait = PLPMTU_WAIT_MIN_MS + 2 * in->rtt_ms;

	return wait < PLPMTU_WAIT_MAX_MS ? wait : PLPMTU_WAIT_MAX_MS;
}

/* --- rounds ----------------------------------------------------------------------------------- */

/* The first of the sizes that may be asked for in this search. */
static uint16_t floor_of(const struct plpmtu *m)
{
	return m->low ? (uint16_t)(m->low + 1) : PLPMTU_MIN;
}

/* Rung `i` of the ladder from floor_of() to high - 1, both of which are rungs. */
static uint16_t rung(const struct plpmtu *m, unsigned i)
{
	const unsigned first = floor_of(m), last = m->high - 1u;

	return (uint16_t)(first + (last - first) * i / (PLPMTU_LADDER - 1));
}

/* Sizes of the present round that are still of interest, the largest first: what is answered makes
 * all smaller ones superfluous. */
static unsigned round_sizes(const struct plpmtu *m, uint16_t sizes[PLPMTU_PROBES_MAX])
{
	unsigned n = 0;

	if (m->state == PLPMTU_SEARCH) {
		for (unsigned i = PLPMTU_LADDER; i-- > 0;) {
			const uint16_t size = rung(m, i);

			if (size > m->good && size < m->bad && (!n || sizes[n - 1] != size))
				sizes[n++] = size;
		}
	} else {
		sizes[n++] = m->state == PLPMTU_TOP ? m->top : m->limit;
	}
	sizes[n++] = PLPMTU_CONTROL_BYTES;
	return n;
}

/* Sends the present round, for the first time or again. */
static unsigned send_round(struct plpmtu *m, const struct plpmtu_input *in,
			   uint16_t sizes[PLPMTU_PROBES_MAX])
{
	m->tries++;
	m->due_ms = in->now_ms + wait_ms(in);
	return round_sizes(m, sizes);
}

static void begin_round(struct plpmtu *m, enum plpmtu_state state)
{
	m->state = state;
	m->tries = 0;
	m->alive = false;
	m->good = 0;
	m->bad = UINT16_MAX;
}

static void begin_search(struct plpmtu *m, uint16_t low, uint16_t high)
{
	m->low = low;
	m->high = high;
	begin_round(m, PLPMTU_SEARCH);
}

/* Nothing more to be asked for now. */
static void rest(struct plpmtu *m)
{
	m->state = PLPMTU_DONE;
	m->due_ms = TIMER_NEVER;
}

static void found(struct plpmtu *m, uint16_t limit, uint64_t now_ms)
{
	m->limit = limit;
	m->known = true;
	m->cut = false;
	m->checked_ms = m->searched_ms = now_ms;
	rest(m);
}

/* The end of a search: what got through is the limit. */
static void conclude(struct plpmtu *m, uint64_t now_ms)
{
	if (m->low) {
		found(m, m->low, now_ms);
		return;
	}
	found(m, PLPMTU_MIN, now_ms);
	m->cut = true;
}

/* What the last round of a ladder has shown. True: there is another one. */
static bool narrow(struct plpmtu *m)
{
	uint16_t sizes[PLPMTU_PROBES_MAX];
	const unsigned n = round_sizes(m, sizes);

	/* The smallest rung above what got through did not; the last size is the control's. */
	if (n > 1)
		m->high = sizes[n - 2];
	else if (m->bad < m->high)
		m->high = m->bad;
	if (m->good)
		m->low = m->good;
	begin_round(m, PLPMTU_SEARCH);
	return m->high > floor_of(m);
}

/* Nobody is there at all: that is not for us to deal with, and says nothing about sizes. */
static bool is_dead(const struct plpmtu *m)
{
	return !m->good && !m->alive && m->bad == UINT16_MAX;
}

/* The size that was asked for alone does not get through. False: leave it. */
static bool asked_ends(struct plpmtu *m)
{
	uint16_t high = m->state == PLPMTU_TOP ? m->top : m->limit;

	if (is_dead(m)) {
		rest(m);
		return false;
	}
	if (m->bad < high)
		high = m->bad;
	begin_search(m, 0, high);
	return true;
}

/* The end of a round of a ladder. False: this was the last one. */
static bool ladder_ends(struct plpmtu *m, const struct plpmtu_input *in)
{
	if (is_dead(m)) {
		rest(m);
		return false;
	}
	if (narrow(m))
		return true;
	conclude(m, in->now_ms);
	return false;
}

/* Has the round said all that it can? */
static bool is_answered(const struct plpmtu *m)
{
	uint16_t sizes[PLPMTU_PROBES_MAX];

	return round_sizes(m, sizes) == 1;
}

/* Traffic after a while without a step: is there a reason to ask? */
static bool begin_check(struct plpmtu *m, const struct plpmtu_input *in)
{
	if (!m->known) {
		begin_round(m, PLPMTU_TOP);
		return true;
	}
	if (in->bytes < PLPMTU_LOAD_BYTES && in->now_ms - m->checked_ms < PLPMTU_IDLE_CHECK_MS) {
		rest(m);
		return false;
	}
	if (m->limit < m->top && in->now_ms - m->searched_ms >= PLPMTU_RAISE_MS)
		begin_search(m, m->cut ? 0 : m->limit, (uint16_t)(m->top + 1));
	else
		begin_round(m, PLPMTU_CHECK);
	return true;
}

unsigned plpmtu_step(struct plpmtu *m, const struct plpmtu_input *in,
		     uint16_t sizes[PLPMTU_PROBES_MAX])
{
	switch (m->state) {
	case PLPMTU_DONE:
		if (!begin_check(m, in))
			return 0;
		break;
	case PLPMTU_SEARCH:
		if ((m->tries >= PLPMTU_LADDER_TRIES || is_answered(m)) && !ladder_ends(m, in))
			return 0;
		break;
	case PLPMTU_TOP:
	case PLPMTU_CHECK:
		if ((m->tries >= PLPMTU_TRIES || m->bad != UINT16_MAX) && !asked_ends(m))
			return 0;
		break;
	}
	return send_round(m, in, sizes);
}

void plpmtu_answered(struct plpmtu *m, uint16_t size, const struct plpmtu_input *in)
{
	const uint64_t soon = in->now_ms + PLPMTU_GRACE_MS + in->rtt_ms / 8;

	if (m->state == PLPMTU_DONE)
		return;
	if (size == PLPMTU_CONTROL_BYTES) {
		m->alive = true;
		if (soon < m->due_ms)
			m->due_ms = soon;
		return;
	}
	if (m->state == PLPMTU_TOP && size >= m->top) {
		found(m, m->top, in->now_ms);
		return;
	}
	if (m->state == PLPMTU_CHECK && size >= m->limit) {
		m->checked_ms = in->now_ms;
		rest(m);
		return;
	}
	if (m->state != PLPMTU_SEARCH || size <= m->good || size >= m->high)
		return;
	m->good = size;
	if (is_answered(m))
		m->due_ms = in->now_ms;
}

void plpmtu_refused(struct plpmtu *m, size_t size, uint64_t now_ms)
{
	/* What is above the limit is not sent any more; a late refusal of it is no news. */
	if (size < PLPMTU_CONTROL_BYTES || (m->state == PLPMTU_DONE && size > m->limit))
		return;
	if (m->state == PLPMTU_DONE)
		begin_round(m, PLPMTU_CHECK);
	if (size >= m->bad)
		return;
	if (m->state == PLPMTU_SEARCH ? size < m->high && size > m->good : size <= m->limit)
		m->bad = (uint16_t)size;
	if (m->bad != UINT16_MAX && (m->state != PLPMTU_SEARCH || is_answered(m)))
		m->due_ms = now_ms;
}

void plpmtu_suspect(struct plpmtu *m, uint64_t now_ms)
{
	if (m->state != PLPMTU_DONE)
		return;
	begin_round(m, m->known ? PLPMTU_CHECK : PLPMTU_TOP);
	m->due_ms = now_ms;
}

/* --- arithmetic ------------------------------------------------------------------------------- */

static size_t around_record(const struct plpmtu_around *a)
{
	return (a->ipv6 ? IPV6_HEADER_BYTES : IPV4_HEADER_BYTES) + UDP_HEADER_BYTES;
}

static size_t around_inner(const struct plpmtu_around *a)
{
	return TRANSPORT_OVERHEAD_BYTES + (a->relayed ? RELAY_HEADER_BYTES : 0);
}

size_t plpmtu_inner_of_record(const struct plpmtu_around *a, size_t len)
{
	size_t inner = len > around_inner(a) ? len - around_inner(a) : 0;

	return a->wireguard ? inner - inner % TRANSPORT_PADDING_BYTES : inner;
}

size_t plpmtu_inner_max(const struct plpmtu_around *a, size_t mtu)
{
	return mtu > around_record(a) ? plpmtu_inner_of_record(a, mtu - around_record(a)) : 0;
}

size_t plpmtu_outer_len(const struct plpmtu_around *a, size_t len)
{
	if (a->wireguard)
		len += (TRANSPORT_PADDING_BYTES - len % TRANSPORT_PADDING_BYTES) %
		       TRANSPORT_PADDING_BYTES;
	return around_record(a) + around_inner(a) + len;
}
