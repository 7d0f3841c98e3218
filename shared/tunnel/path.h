/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * path: which way a peer's packets take, and telling control when that changes. The only code that
 * writes struct path. It tells the machine of choice.h, which decides (steer.h carries it out),
 * what happens: packets, probes, what control says.
 *
 *   spoke -> spoke   a direct path to one of the peer's candidates, or envelopes through the hub
 *   spoke -> hub     UDP to one of the hub's addresses, or the carrier (the hub by TCP)
 *   hub -> anybody   where the newest real packet came from (WireGuard's roaming). A mere probe
 *                    moves nothing: it is answered the way that it came
 *
 * In a mover only the functions under "sending" and "questions" are used.
 */
#include "shared/tunnel/tunnel.h"
#include "shared/tunnel/way.h"

/* Data was sent and nothing came back over the same way for so long: is it still there? */
#define PATH_CHECK_MS         300u
#define PATH_CHECK_RELAYED_MS 500u

/* Is the outer address a carrier's, so that packets to it travel in frames on a TLS connection? */
static inline bool path_is_tcp(const struct endpoint *e) { return endpoint_is_carrier(e); }

void path_init(struct peer *p);
/* Frees what path_init() and later calls have made. */
void path_fini(struct peer *p);

/* --- sending ---------------------------------------------------------------------------------- */

/* The way in use; not set while there is none. */
static inline struct way path_way(const struct peer *p)
{
	return (struct way){ .relayed = p->path.relayed, .endpoint = p->path.endpoint };
}
static inline bool path_is_in_use(const struct peer *p, const struct way *w)
{
	return p->path.relayed == w->relayed &&
	       (w->relayed || endpoint_equal(&p->path.endpoint, &w->endpoint));
}
/* Where packets of that way really go: the hub's own endpoint for a relayed one; not set: nowhere.
 */
struct endpoint path_outer(const struct peer *p, const struct way *way);
/*
 * Room for a whole outer message of `len` bytes, on the way in use or on the one given, with the
 * envelope in front of it already written if it goes through the hub, which is told there whether
 * the message may be cut. NULL when there is no way; counted. The message goes with the next
 * udp_flush().
 */
uint8_t *path_reserve(struct peer *p, const struct udp_mark *mark, size_t len);
uint8_t *path_reserve_on(struct peer *p, const struct way *way, const struct udp_mark *mark,
			 size_t len);
/* The message of the last path_reserve...() is not sent after all. */
void path_cancel(struct peer *p);

/* --- what happens ----------------------------------------------------------------------------- */

/* The peer's settings, our own, or who is the hub have changed. */
void path_settings_changed(struct peer *p);
/* Candidates told by control replace those told before. */
void path_candidates(struct peer *p, const struct engine_endpoints *m);
/*
 * Spoke: the carrier to the hub is there and takes packets for this outer address, for which
 * path_is_tcp() holds, or (NULL) is not there any more. Packets take it when the hub has not
 * answered over UDP for CHOICE_FALLBACK_MS, or with TCPOnly; UDP is taken back when it answers.
 */
void path_carrier(struct tunnel *t, const struct endpoint *carrier);
/* Hub: `outer` leads nowhere any more; if the peer was there, none is known now. */
void path_forget(struct peer *p, const struct endpoint *outer);
/* True when the hub does not answer over UDP (or must not be asked): a carrier would be used. */
bool path_wants_carrier(const struct tunnel *t);

/* Why a packet came. */
enum path_traffic {
	PATH_TRAFFIC_KEEPALIVE, /* or a handshake */
	PATH_TRAFFIC_DATA,
	PATH_TRAFFIC_PROBE, /* any extension packet that is no data: moves nothing */
};
/* An authentic packet came from the peer over that way. Runs for every packet. */
void path_received(struct peer *p, const struct way *way, enum path_traffic traffic);
/* A probe of the peer came over that way. */
void path_probed(struct peer *p, const struct way *way);
/* A handshake was completed over that way. */
void path_up(struct peer *p, const struct way *way);
/* An authentic packet of a peer that seemed unreachable. */
void path_alive(struct peer *p);
/* The session is gone / a handshake begins / nobody answers. */
void path_down(struct peer *p);
/* The session is ended on purpose: what was learnt of the way goes, too, and control is asked at
 * once where the peer is when there is traffic. */
void path_reset(struct peer *p);
void path_handshaking(struct peer *p);
void path_unreachable(struct peer *p);
/* Of probe.h: an answer came / none came in time. */
struct probe_answer;
void path_probe_answered(struct peer *p, const struct probe_answer *a);
void path_probe_lost(struct peer *p, const struct way *way, uint16_t size);
/* For steer.c: the machine has chosen; kind and reason follow from the way in use. */
void path_follow(struct peer *p);
void path_refresh(struct peer *p);
/* The reason as it follows from the machine, or from there being none. */
enum path_reason path_why(const struct peer *p);

/* --- questions -------------------------------------------------------------------------------- */

/* Does a machine choose among ways to the peer, or does its newest packet decide? */
static inline bool path_has_choice(const struct peer *p)
{
	return !p->tunnel->self.is_hub && peer_is_agent(p);
}
static inline bool path_is_hub(const struct peer *p) { return p == p->tunnel->hub; }
/* The policy as it is for this pair now, with our own settings. */
enum path_policy path_policy(const struct peer *p);
/* Does the hub answer, so that it can relay? */
bool path_relay_is_up(const struct tunnel *t);
/* May packets for the peer be relayed, and does the hub answer? */
bool path_relay_works(const struct peer *p);
/* Does policy let packets of that peer come this way? Otherwise count and drop them. */
bool path_may_receive(const struct peer *p, bool relayed);
/* Is it an outer address at which the peer was authenticated and may still be? */
bool path_is_from(const struct peer *p, const struct endpoint *from);
/* Asks control where a peer is; rate-limited. */
void path_locate(struct peer *p);
/* A passed-over owner of a prefix, which does not answer, is tried again, at most every few
 * seconds.
 */
void path_retry(struct peer *p);
