/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/tunnel/probe.h"

#include <stdlib.h>
#include <string.h>

#include "shared/base/clock.h"
#include "shared/tunnel/mover.h"
#include "shared/tunnel/path.h"
#include "shared/tunnel/pmtu.h"
#include "shared/tunnel/report.h"
#include "shared/tunnel/timers.h"
#include "shared/wire/inner.h"

/* The last byte of a probe's id numbers it within its series. */
#define SERIES_ID_BYTES 7u
#define RTT_MAX_US      60000000u

struct series {
	struct way way;
	enum probe_purpose purpose;
	uint16_t size;
	uint8_t id[SERIES_ID_BYTES];
	uint8_t sent;     /* number of the last probe; wraps */
	uint8_t answered; /* and of the last one that was answered */
	bool any_answer;
	uint64_t first_us;
	uint64_t last_ms;
};

/* There only while there are series. */
struct probes {
	unsigned n;
	struct series series[PROBE_SERIES_MAX];
};

static void ping_answered(struct peer *p, const struct probe_answer *a);
static void ping_lost(struct peer *p, const struct way *way, uint16_t size);

static const struct handler {
	void (*answered)(struct peer *p, const struct probe_answer *a);
	void (*lost)(struct peer *p, const struct way *way, uint16_t size);
} handlers[PROBE_PURPOSES] = {
	[PROBE_PATH] = { path_probe_answered, path_probe_lost },
	[PROBE_PING] = { ping_answered, ping_lost },
	[PROBE_MTU] = { pmtu_probe_answered, pmtu_probe_lost },
};

/* --- series ----------------------------------------------------------------------------------- */

static struct series *find(const struct probes *t, const struct way *way,
			   enum probe_purpose purpose, uint16_t size)
{
	for (unsigned i = 0; t && i < t->n; i++) {
		const struct series *s = &t->series[i];

		if (s->purpose == purpose && s->size == size && way_equal(&s->way, way))
			return (struct series *)(uintptr_t)s;
	}
	return NULL;
}

static enum err add(struct peer *p, const struct way *way, enum probe_purpose purpose,
		    uint16_t size, struct series **out)
{
	struct probes *t = p->path.probes_out;
	struct series *s;

	if (!t) {
		t = p->path.probes_out = calloc(1, sizeof(*t));
		if (!t)
			return ERR_NOMEM;
	}
	if (t->n == PROBE_SERIES_MAX)
		return ERR_LIMIT;
	s = &t->series[t->n++];
	*s = (struct series){
		.way = *way, .purpose = purpose, .size = size, .first_us = clock_now_us()
	};
	secret_random(s->id, sizeof(s->id));
	*out = s;
	return ERR_OK;
}

static void remove_at(struct probes *t, unsigned i) { t->series[i] = t->series[--t->n]; }

/* Memory is held only while something is out. */
static void release_if_empty(struct peer *p)
{
	if (p->path.probes_out && !p->path.probes_out->n) {
		free(p->path.probes_out);
		p->path.probes_out = NULL;
		p->due.probe_ms = TIMER_NEVER;
	}
}

enum err probe_send_on(struct peer *p, const struct way *way, enum probe_purpose purpose,
		       uint16_t size)
{
	struct inner_probe probe = { .size = size };
	uint8_t packet[TUN_MTU_MAX];
	struct series *s;
	enum err e = ERR_OK;

	BUG_ON(p->tunnel->mover || size < EXTENSION_PROBE_BYTES || size > sizeof(packet));
	if (!session_may_send(p))
		return ERR_NOTFOUND;
	s = find(p->path.probes_out, way, purpose, size);
	if (!s)
		e = add(p, way, purpose, size, &s);
	if (e)
		return e;
	probe.sent_us = clock_now_us();
	memcpy(probe.id, s->id, sizeof(s->id));
	probe.id[SERIES_ID_BYTES] = ++s->sent;
	s->last_ms = p->tunnel->now_ms;
	if (p->due.probe_ms == TIMER_NEVER) {
		p->due.probe_ms = s->last_ms + PROBE_LOST_MS;
		timers_arm(p);
	}
	inner_encode_probe(&probe, packet);
	return session_send_on(p, way, packet, size);
}

void probe_forget(struct peer *p, enum probe_purpose purpose)
{
	struct probes *t = p->path.probes_out;

	for (unsigned i = 0; t && i < t->n;) {
		if (t->series[i].purpose == purpose)
			remove_at(t, i);
		else
			i++;
	}
	release_if_empty(p);
}

/* A handler may send new probes, so the ended series is out of the table before. */
static void end_series(struct peer *p, unsigned i)
{
	struct probes *t = p->path.probes_out;
	const struct series ended = t->series[i];

	remove_at(t, i);
	if (!ended.any_answer)
		handlers[ended.purpose].lost(p, &ended.way, ended.size);
}

static void expire_series(struct peer *p)
{
	const uint64_t now = p->tunnel->now_ms;
	uint64_t next = TIMER_NEVER;

	p->due.probe_ms = TIMER_NEVER;
	for (unsigned i = 0; p->path.probes_out && i < p->path.probes_out->n;) {
		uint64_t at = p->path.probes_out->series[i].last_ms + PROBE_LOST_MS;

		if (now >= at) {
			end_series(p, i);
			continue;
		}
		if (at < next)
			next = at;
		i++;
	}
	if (next < p->due.probe_ms)
		p->due.probe_ms = next;
	release_if_empty(p);
}

/* --- answers ---------------------------------------------------------------------------------- */

/* How a packet came, for the other side to know. */
static enum path_kind kind_of(const struct peer *p, const struct way *way)
{
	struct endpoint outer = path_outer(p, way);

	if (path_is_tcp(&outer))
		return PATH_HUB_TCP;
	return way->relayed ? PATH_HUB_UDP : PATH_DIRECT_UDP;
}

static void answer_probe(struct peer *p, const struct inner_probe *probe, const struct way *way)
{
	struct inner_probe_reply reply = {
		.flags = probe->flags,
		.size = probe->size,
		.path = (uint8_t)kind_of(p, way),
		.sent_us = probe->sent_us,
	};
	uint8_t packet[EXTENSION_PROBE_REPLY_BYTES];

	memcpy(reply.id, probe->id, sizeof(reply.id));
	if (reply.path == PATH_DIRECT_UDP)
		reply.observed = way->endpoint;
	inner_encode_probe_reply(&reply, packet);
	if (probe->flags & PROBE_FLAG_NAT_PORT) {
		if (reply.path == PATH_DIRECT_UDP)
			natport_answer(p, probe->size, packet, &way->endpoint);
		return;
	}
	if (session_send_on(p, way, packet, sizeof(packet)))
		tunnel_drop(p->tunnel, DROP_NO_SESSION);
	path_probed(p, way);
	udp_flush(p->tunnel->udp);
}

/* The series that the answer belongs to. It must have come the way that the probe took; from which
 * address of the peer does not matter. */
static struct series *match(const struct peer *p, const struct inner_probe_reply *r,
			    const struct way *way)
{
	struct probes *t = p->path.probes_out;

	for (unsigned i = 0; t && i < t->n; i++) {
		struct series *s = &t->series[i];

		if (s->size == r->size && s->way.relayed == way->relayed &&
		    secret_equal(s->id, r->id, sizeof(s->id)))
			return s;
	}
	return NULL;
}

/* The time came back in a packet that only the peer could make, but our own clock decides what is
 * plausible. */
static void take_reply(struct peer *p, const struct inner_probe_reply *r, const struct way *way)
{
	const uint64_t now = clock_now_us();
	struct series *s = match(p, r, way);
	struct probe_answer a;
	uint8_t number, ahead;

	if (nat_take_reply(p, r))
		return;
	if (!s || r->sent_us < s->first_us || r->sent_us > now || now - r->sent_us > RTT_MAX_US)
		return;
	number = r->id[SERIES_ID_BYTES];
	ahead = (uint8_t)(number - s->answered);
	a = (struct probe_answer){
		.way = s->way,
		.size = s->size,
		.rtt_us = (uint32_t)(now - r->sent_us) + 1,
		.path = (enum path_kind)r->path,
		.observed = r->observed,
		/* More than half way round the numbers: it is an old one that was overtaken. */
		.lost = ahead > 0 && ahead < 128 ? ahead - 1u : 0,
	};
	if (ahead < 128)
		s->answered = number;
	s->any_answer = true;
	handlers[s->purpose].answered(p, &a);
	udp_flush(p->tunnel->udp);
}

void probe_receive(struct peer *p, const struct pkt *pkt, uint8_t extension,
		   const struct session_source *from)
{
	const bool relayed = from->relay_from != NULL;
	const struct way way = way_back(&from->endpoint, relayed);
	struct inner_probe probe;
	struct inner_probe_reply reply;

	if (p->tunnel->mover) {
		mover_pass_extension(p, pkt, &from->endpoint, relayed);
		return;
	}
	if (extension == EXTENSION_PROBE && !inner_decode_probe(pkt->data, pkt->len, &probe))
		answer_probe(p, &probe, &way);
	else if (extension == EXTENSION_PROBE_REPLY &&
		 !inner_decode_probe_reply(pkt->data, pkt->len, &reply))
		take_reply(p, &reply, &way);
	else
		tunnel_drop(p->tunnel, DROP_MALFORMED);
}

/* --- pings ------------------------------------------------------------------------------------ */

static void answer_ping(struct peer *p, enum err result, const struct probe_answer *a)
{
	const struct way way = a ? a->way : path_way(p);
	struct engine_pong pong = {
		.tag = p->ping.tag,
		.id = p->id,
		.result = result,
		.rtt_us = a ? a->rtt_us : 0,
		.path = a ? kind_of(p, &way) : p->path.kind,
		.endpoint = path_outer(p, &way),
	};

	p->ping.active = false;
	report_pong(p->tunnel, &pong);
}

static void ping_answered(struct peer *p, const struct probe_answer *a)
{
	if (p->ping.active)
		answer_ping(p, ERR_OK, a);
}

/* The ping's own time decides. */
static void ping_lost(struct peer *p, const struct way *way, uint16_t size)
{
	(void)p;
	(void)way;
	(void)size;
}

static void send_ping(struct peer *p)
{
	const struct way way = path_way(p);

	if (probe_send_on(p, &way, PROBE_PING, EXTENSION_PROBE_BYTES))
		session_initiate(p, false);
	udp_flush(p->tunnel->udp);
}

void probe_ping(struct tunnel *t, const struct engine_ping *m)
{
	struct peer *p = peer_find(t, m->id);

	if (!p || !peer_is_agent(p)) {
		struct engine_pong pong = { .tag = m->tag, .id = m->id, .result = ERR_NOTFOUND };

		report_pong(t, &pong);
		return;
	}
	if (p->ping.active)
		answer_ping(p, ERR_TIMEOUT, NULL);
	probe_forget(p, PROBE_PING);
	p->ping.active = true;
	p->ping.tag = m->tag;
	p->ping.deadline_ms = t->now_ms + PROBE_PING_TIMEOUT_MS;
	/* Who asks wants to see the path that data would get. */
	timers_used(p);
	send_ping(p);
	timers_arm(p);
}

void probe_session_up(struct peer *p)
{
	if (p->ping.active)
		send_ping(p);
}

void probe_expire(struct peer *p)
{
	const uint64_t now = p->tunnel->now_ms;

	if (p->ping.active && now >= p->ping.deadline_ms)
		answer_ping(p, ERR_TIMEOUT, NULL);
	if (now >= p->due.probe_ms)
		expire_series(p);
}

void probe_fini(struct peer *p)
{
	if (p->ping.active)
		answer_ping(p, ERR_TIMEOUT, NULL);
	free(p->path.probes_out);
	p->path.probes_out = NULL;
	p->due.probe_ms = TIMER_NEVER;
}
