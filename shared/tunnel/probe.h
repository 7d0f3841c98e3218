/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * probe: extension packets between agents that ask "are you there, over this way, with so much?"
 * (PROTOCOL.md section 6). They are sealed with the session like any packet, so only the peer can
 * answer. It answers over the way that the probe came, never over the one in use.
 *
 *   1. probe_send_on()            the first time: a new series with a random id
 *   2. probe_send_on() again      same way, purpose and size: another probe of that series
 *   3. an answer to any of them   the purpose's `answered`, for each answer
 *   4. PROBE_LOST_MS after the last one without any answer: the purpose's `lost`; the series ends
 *
 * A series that was answered ends in silence PROBE_LOST_MS after its last probe. What follows from
 * answers is decided in the module that a purpose belongs to: the table in probe.c.
 */
#include "shared/tunnel/session.h"
#include "shared/tunnel/way.h"

#define PROBE_PING_TIMEOUT_MS 5000u
#define PROBE_LOST_MS         2000u
/* Series of one peer at the same time. */
#define PROBE_SERIES_MAX 32u

enum probe_purpose {
	PROBE_PATH, /* candidates, liveness, return to UDP: path.c knows by the way */
	PROBE_PING, /* control asks */
	PROBE_MTU,  /* what the way carries: pmtu.c */
	PROBE_PURPOSES
};

struct probe_answer {
	struct way way;           /* that the probe took, as it was sent */
	uint16_t size;            /* of the probe's whole plaintext, bytes */
	uint32_t rtt_us;          /* > 0 */
	enum path_kind path;      /* how the probe came in, as the peer says */
	struct endpoint observed; /* our outer address as the peer saw it; family 0: not known */
	unsigned lost;            /* probes of the series between the last answer and this one */
};

/*
 * Sends one probe with a plaintext of `size` bytes (EXTENSION_PROBE_BYTES..TUN_MTU_MAX), padded
 * with zeros; it leaves with the next udp_flush(). Needs a session that may send, never begins one.
 * In the engine only. ERR_NOTFOUND: no session, or the way leads nowhere; ERR_LIMIT: too many
 * series; ERR_NOMEM.
 */
enum err probe_send_on(struct peer *p, const struct way *way, enum probe_purpose purpose,
		       uint16_t size);
/* Ends all series of one purpose without a word. */
void probe_forget(struct peer *p, enum probe_purpose purpose);
/* Ends all of them and frees their memory; a ping is answered. */
void probe_fini(struct peer *p);

/* Handles an authenticated extension packet that is no compressed one. */
void probe_receive(struct peer *p, const struct pkt *pkt, uint8_t extension,
		   const struct session_source *from);
/* ENGINE_PING of control: one at a time a peer; a second one replaces the first, which is answered
 * with ERR_TIMEOUT. */
void probe_ping(struct tunnel *t, const struct engine_ping *m);
/* A session was made: a ping that waits for it can go. */
void probe_session_up(struct peer *p);
/* Of timers.c: series and pings whose time is over. */
void probe_expire(struct peer *p);
