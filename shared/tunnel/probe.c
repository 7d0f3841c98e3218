/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/tunnel/probe.h"

#include <string.h>

#include "shared/base/clock.h"
#include "shared/tunnel/mover.h"
#include "shared/tunnel/report.h"
#include "shared/tunnel/session.h"
#include "shared/tunnel/timers.h"
#include "shared/wire/inner.h"

static void send_probe_with(struct peer *p, const uint8_t id[8])
{
	struct inner_probe probe = { .size = EXTENSION_PROBE_BYTES, .sent_us = clock_now_us() };
	uint8_t packet[EXTENSION_PROBE_BYTES];

	memcpy(probe.id, id, sizeof(probe.id));
	inner_encode_probe(&probe, packet);
	session_send(p, packet, sizeof(packet), 0);
	udp_flush(p->tunnel->udp);
}

void probe_send(struct peer *p)
{
	uint8_t id[8];

	secret_random(id, sizeof(id));
	send_probe_with(p, id);
}

static void answer_probe(struct peer *p, const struct inner_probe *probe,
			 const struct endpoint *from, bool relayed)
{
	struct inner_probe_reply reply = {
		.flags = probe->flags,
		.size = probe->size,
		.path = relayed ? PATH_HUB_UDP : PATH_DIRECT_UDP,
		.sent_us = probe->sent_us,
	};
	uint8_t packet[EXTENSION_PROBE_REPLY_BYTES];

	memcpy(reply.id, probe->id, sizeof(reply.id));
	if (!relayed)
		reply.observed = *from;
	inner_encode_probe_reply(&reply, packet);
	session_send(p, packet, sizeof(packet), 0);
	udp_flush(p->tunnel->udp);
}

static void answer_ping(struct peer *p, enum err result, uint32_t rtt_us)
{
	struct engine_pong pong = {
		.tag = p->ping.tag,
		.id = p->id,
		.result = result,
		.rtt_us = rtt_us,
		.path = p->path.kind,
		.endpoint = p->path.endpoint,
	};

	if (p->path.relayed && p->tunnel->hub)
		pong.endpoint = p->tunnel->hub->path.endpoint;
	p->ping.active = false;
	report_pong(p->tunnel, &pong);
}

/* The time came back in a packet that only the peer could make, but our own clock decides what is
 * plausible. */
static void take_reply(struct peer *p, const struct inner_probe_reply *r)
{
	uint64_t now = clock_now_us();
	uint64_t rtt = now - r->sent_us;

	if (r->sent_us > now || rtt > 60u * 1000000u)
		return;
	p->path.rtt_us =
		p->path.rtt_us ? (uint32_t)((p->path.rtt_us * 7ull + rtt) / 8) : (uint32_t)rtt;
	if (p->ping.active && secret_equal(p->ping.id, r->id, sizeof(r->id)))
		answer_ping(p, ERR_OK, (uint32_t)rtt);
}

void probe_receive(struct peer *p, const struct pkt *pkt, uint8_t extension,
		   const struct endpoint *from, bool relayed)
{
	struct inner_probe probe;
	struct inner_probe_reply reply;

	if (p->tunnel->mover) {
		mover_pass_extension(p, pkt, from, relayed);
		return;
	}
	if (extension == EXTENSION_PROBE && !inner_decode_probe(pkt->data, pkt->len, &probe))
		answer_probe(p, &probe, from, relayed);
	else if (extension == EXTENSION_PROBE_REPLY &&
		 !inner_decode_probe_reply(pkt->data, pkt->len, &reply))
		take_reply(p, &reply);
	else
		tunnel_drop(p->tunnel, DROP_MALFORMED);
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
		answer_ping(p, ERR_TIMEOUT, 0);
	p->ping.active = true;
	p->ping.tag = m->tag;
	p->ping.deadline_ms = t->now_ms + PROBE_PING_TIMEOUT_MS;
	secret_random(p->ping.id, sizeof(p->ping.id));
	send_probe_with(p, p->ping.id);
	timers_arm(p);
}

void probe_ping_expire(struct peer *p)
{
	if (p->ping.active && p->tunnel->now_ms >= p->ping.deadline_ms)
		answer_ping(p, ERR_TIMEOUT, 0);
}
