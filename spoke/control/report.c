/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Every welcome.report_ms: how each peer is reached and how much went to and fro, for the hub's
 * pages. The first time on a link all of it, then what is news.
 */
#include "shared/base/log.h"
#include "spoke/control/spoke.h"

_Static_assert(REPORT_CHUNK_PEERS <= CONTROL_REPORT_PEERS_FIT, "a report fits one frame");

static struct control_peer_report peer_report(const struct engine_status *r)
{
	return (struct control_peer_report){
		.id = r->id,
		.path = (uint8_t)r->path,
		.reason = (uint8_t)r->reason,
		.endpoint = r->endpoint,
		.handshake_ms = r->handshake_wall_ms,
		.rx_bytes = r->rx_bytes,
		.tx_bytes = r->tx_bytes,
		.rtt_us = r->rtt_us,
		.since_ms = r->since_wall_ms,
		.loss_permille = r->loss_permille,
		.pmtu = r->pmtu,
	};
}

/* Round trip and loss alone are no news: they change with every probe. */
static bool is_news(const struct control_peer_report *told, const struct control_peer_report *now)
{
	return told->path != now->path || told->reason != now->reason ||
	       told->since_ms != now->since_ms || told->pmtu != now->pmtu ||
	       told->rx_bytes != now->rx_bytes || told->tx_bytes != now->tx_bytes ||
	       told->handshake_ms != now->handshake_ms ||
	       !endpoint_equal(&told->endpoint, &now->endpoint);
}

/* Is there anything to tell of a peer, and was it not told before? */
static bool is_worth_telling(struct spoke *s, const struct control_peer_report *now)
{
	struct peer_state *p = peers_get(&s->peers, now->id);
	bool silent = now->path == PATH_DOWN && now->handshake_ms == 0 &&
		      now->reason == PATH_REASON_NO_SESSION;

	if (!p)
		return !silent;
	if (p->told_link == s->links ? !is_news(&p->told, now) : silent)
		return false;
	p->told = *now;
	p->told_link = s->links;
	return true;
}

static void send_chunk(struct spoke *s, struct control_msg *m)
{
	client_send(&s->client, m);
	m->report.n_peers = 0;
}

static void send_rows(struct spoke *s, const struct engine_status *rows, size_t n)
{
	struct control_msg m = { .type = CONTROL_REPORT };

	for (size_t i = 0; i < n; i++) {
		const struct control_peer_report now = peer_report(&rows[i]);

		if (!is_worth_telling(s, &now))
			continue;
		m.report.peers[m.report.n_peers++] = now;
		if (m.report.n_peers == REPORT_CHUNK_PEERS)
			send_chunk(s, &m);
	}
	if (m.report.n_peers)
		send_chunk(s, &m);
}

static void gathered(struct gather *g, enum err e)
{
	struct spoke *s = container_of(g, struct spoke, report);

	if (!e)
		send_rows(s, g->rows, g->n_rows);
	gather_stop(g);
}

static void arm(struct spoke *s, uint64_t now_ms)
{
	uint32_t every_ms =
		s->cache.welcome.report_ms ? s->cache.welcome.report_ms : LINK_REPORT_MS;

	/* Spread by a tenth, so that thousands of spokes do not report in step after a restart of
	 * the hub. */
	timer_arm(loop_timers(s->loop), &s->report_timer,
		  now_ms + every_ms - secret_random_below(every_ms / 10 + 1));
}

static void timer_fired(struct timer *t, uint64_t now_ms)
{
	struct spoke *s = container_of(t, struct spoke, report_timer);

	if (gather_start(&s->gathers, &s->report, gathered))
		log_debug(4, "no report: the engine is away");
	arm(s, now_ms);
}

void report_nat_told(struct spoke *s, const struct engine_nat *m)
{
	struct control_msg report = { .type = CONTROL_REPORT, .report.nat = (uint8_t)m->kind };
	bool changed = m->kind != s->nat.kind;

	s->nat = *m;
	if (!changed)
		return;
	log_debug(1, "the NAT in front of this node is of kind: %s", nat_mapping_str(m->kind));
	s->engine.nat = m->kind;
	engine_feed_self(&s->engine, &s->cache);
	if (m->kind != NAT_UNKNOWN && client_is_up(&s->client))
		client_send(&s->client, &report);
}

void report_start(struct spoke *s)
{
	s->report_timer.fire = timer_fired;
	arm(s, loop_now_ms(s->loop));
}

void report_stop(struct spoke *s)
{
	timer_disarm(loop_timers(s->loop), &s->report_timer);
	gather_stop(&s->report);
}
