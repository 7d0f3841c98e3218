/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Every welcome.report_ms: how each peer is reached and how much went to and fro, for the hub's
 * pages. */
#include "shared/base/log.h"
#include "spoke/control/spoke.h"

/* Peers a message, so that the frame stays below LINK_FRAME_CLIENT_MAX_BYTES at some 230 bytes of
 * JSON each. */
#define REPORT_CHUNK_PEERS 128u

static bool is_worth_telling(const struct engine_status *r)
{
	return r->path != PATH_DOWN || r->handshake_wall_ms != 0 ||
	       r->reason != PATH_REASON_NO_SESSION;
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
		const struct engine_status *r = &rows[i];

		if (!is_worth_telling(r))
			continue;
		m.report.peers[m.report.n_peers++] = (struct control_peer_report){
			.id = r->id,
			.path = (uint8_t)r->path,
			.reason = (uint8_t)r->reason,
			.endpoint = r->endpoint,
			.handshake_ms = r->handshake_wall_ms,
			.rx_bytes = r->rx_bytes,
			.tx_bytes = r->tx_bytes,
			.rtt_us = r->rtt_us,
		};
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
