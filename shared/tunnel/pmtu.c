/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/tunnel/pmtu.h"

#include "shared/base/log.h"
#include "shared/tunnel/mover.h"
#include "shared/tunnel/movers.h"
#include "shared/tunnel/path.h"
#include "shared/tunnel/timers.h"

/* The largest packet that there can be for a peer. The hub's own device is not the only one that it
 * has packets from: WireGuard devices keep an MTU of their own. */
static uint16_t largest_of(const struct engine_self *s)
{
	return s->is_hub && s->mtu < WIREGUARD_MTU ? WIREGUARD_MTU : s->mtu;
}

/* The largest packet that the configuration allows, whatever the path carries. */
static uint16_t top_of(const struct peer *p)
{
	const struct engine_self *s = &p->tunnel->self;
	uint16_t top = largest_of(s);

	if (s->pmtu_max && s->pmtu_max < top)
		top = s->pmtu_max;
	return p->set.pmtu_max && p->set.pmtu_max < top ? p->set.pmtu_max : top;
}

static bool is_by_tcp(const struct peer *p)
{
	const struct way way = path_way(p);
	const struct endpoint outer = path_outer(p, &way);

	return path_is_tcp(&outer);
}

static bool is_asked(const struct peer *p)
{
	return !p->tunnel->mover && pmtu_is_discovered(p) && p->session.current && !is_by_tcp(p);
}

/* What was found out holds from now on. */
static void apply(struct peer *p)
{
	const struct plpmtu *m = &p->pmtu.plpmtu;

	p->due.pmtu_ms = m->due_ms;
	if (p->pmtu.limit == m->limit && p->pmtu.cut == m->cut)
		return;
	log_debug(2, "%s: packets of %u bytes get through%s", p->set.name, (unsigned)m->limit,
		  m->cut ? " only in pieces" : "");
	p->pmtu.limit = m->limit;
	p->pmtu.cut = m->cut;
	movers_tell_path(p);
}

static struct plpmtu_input input_of(const struct peer *p)
{
	return (struct plpmtu_input){
		.now_ms = p->tunnel->now_ms,
		.rtt_ms = p->path.rtt_us / 1000,
		.bytes = p->counters.tx_bytes - p->pmtu.tx_bytes_before,
	};
}

void pmtu_init(struct peer *p)
{
	plpmtu_init(&p->pmtu.plpmtu, top_of(p));
	p->pmtu.limit = p->pmtu.plpmtu.limit;
	p->pmtu.cut = false;
	p->pmtu.asked = false;
}

void pmtu_settings_changed(struct peer *p)
{
	const uint16_t top = top_of(p);

	if (p->tunnel->mover) {
		/* The engine tells more. */
		if (p->pmtu.limit > top)
			p->pmtu.limit = top;
		return;
	}
	if (!pmtu_is_discovered(p))
		plpmtu_init(&p->pmtu.plpmtu, top);
	plpmtu_set_top(&p->pmtu.plpmtu, top);
	p->pmtu.asked = p->pmtu.asked && p->pmtu.plpmtu.known;
	apply(p);
	timers_arm(p);
}

/* Nothing is known of a way that data went over lately, since it is a new one or nobody answered:
 * it is asked without waiting for more data, which would be the first to find out. */
static void ask_in(struct peer *p, uint64_t delay_ms)
{
	const struct plpmtu *m = &p->pmtu.plpmtu;
	const uint64_t now = p->tunnel->now_ms;

	if (m->known || m->due_ms != TIMER_NEVER || !p->due.last_data_ms || !is_asked(p) ||
	    now - p->due.last_data_ms >= PLPMTU_IDLE_CHECK_MS)
		return;
	p->due.pmtu_ms = now + delay_ms;
	timers_arm(p);
}

static void forget(struct peer *p)
{
	probe_forget(p, PROBE_MTU);
	plpmtu_init(&p->pmtu.plpmtu, top_of(p));
	p->pmtu.asked = false;
	apply(p);
	ask_in(p, 0);
}

void pmtu_way_changed(struct peer *p)
{
	struct tunnel *t = p->tunnel;

	if (t->mover)
		return;
	forget(p);
	if (p != t->hub)
		return;
	for (struct table_node *n = table_next(&t->by_id, NULL); n; n = table_next(&t->by_id, n)) {
		struct peer *other = container_of(n, struct peer, by_id);
		const struct way way = path_way(other);

		if (other != p && way.relayed)
			forget(other);
	}
}

void pmtu_due(struct peer *p)
{
	const struct plpmtu_input in = input_of(p);
	const struct way way = path_way(p);
	struct plpmtu *m = &p->pmtu.plpmtu;
	uint16_t sizes[PLPMTU_PROBES_MAX];
	unsigned n;

	p->due.pmtu_ms = TIMER_NEVER;
	p->pmtu.asked = true;
	p->pmtu.tx_bytes_before = p->counters.tx_bytes;
	if (!is_asked(p))
		return;
	n = plpmtu_step(m, &in, sizes);
	/* The answers of the rounds before say nothing more. */
	if (m->tries <= 1)
		probe_forget(p, PROBE_MTU);
	for (unsigned i = 0; i < n; i++) {
		/* One that cannot be sent is one that is not answered. */
		enum err ignored = probe_send_on(p, &way, PROBE_MTU, sizes[i]);

		(void)ignored;
	}
	udp_flush(p->tunnel->udp);
	apply(p);
	ask_in(p, PLPMTU_CHECK_MS);
}

void pmtu_probe_answered(struct peer *p, const struct probe_answer *a)
{
	const struct plpmtu_input in = input_of(p);

	plpmtu_answered(&p->pmtu.plpmtu, a->size, &in);
	apply(p);
	timers_arm(p);
}

void pmtu_probe_lost(struct peer *p, const struct way *way, uint16_t size)
{
	/* Rounds have a time of their own, which is over long before. */
	(void)p;
	(void)way;
	(void)size;
}

void pmtu_suspect(struct peer *p)
{
	if (!is_asked(p))
		return;
	plpmtu_suspect(&p->pmtu.plpmtu, p->tunnel->now_ms);
	apply(p);
	timers_arm(p);
}

void pmtu_too_big(void *tunnel, uint32_t owner, size_t len)
{
	struct tunnel *t = tunnel;
	struct peer *p = peer_find(t, owner);
	struct plpmtu_around around = { 0 };

	if (!p)
		return;
	if (t->mover) {
		mover_note(p, MOVER_TOO_BIG);
		return;
	}
	if (!is_asked(p))
		return;
	around.relayed = path_way(p).relayed;
	plpmtu_refused(&p->pmtu.plpmtu, plpmtu_inner_of_record(&around, len), t->now_ms);
	apply(p);
	timers_arm(p);
}

uint16_t pmtu_mss_mtu(const struct peer *p)
{
	const uint16_t own = p->tunnel->self.mtu;

	return p->pmtu.limit < own ? p->pmtu.limit : own;
}

uint16_t pmtu_known(const struct peer *p)
{
	if (!p->session.current || !peer_is_agent(p))
		return 0;
	if (is_by_tcp(p))
		return top_of(p);
	return p->pmtu.plpmtu.known ? p->pmtu.limit : 0;
}
