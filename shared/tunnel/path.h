/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * path: where a peer's packets go, and telling control when that changes. The only code that writes
 * struct path.
 *
 *            handshake done / authentic packet            no answer to probes or handshakes
 *     down ----------------------------------> up ----------------------------------------> down
 *            (direct-udp: own endpoint,
 *             hub-udp: in envelopes through the hub)
 */
#include "shared/tunnel/tunnel.h"

void path_init(struct peer *p);
/* Settings or the hub changed: does the peer go through the hub? */
void path_settings_changed(struct peer *p);
/*
 * Room in the peer's train for a whole outer message of `len` bytes, with the envelope in front of
 * it already written if the peer is reached through the hub. NULL when there is no way to the peer;
 * counted.
 */
uint8_t *path_reserve(struct peer *p, size_t len);
/* The message of the last path_reserve() is not sent after all. */
void path_cancel(struct peer *p);
/* An authentic packet came from there: roaming (WireGuard whitepaper section 2.1). */
void path_authenticated(struct peer *p, const struct endpoint *from, bool relayed);
/* Candidate endpoints told by control; the first is tried when none is known. */
void path_candidates(struct peer *p, const struct engine_endpoints *m);
/* The present endpoint does not answer handshakes: the next candidate, if there are several. */
void path_try_next(struct peer *p);
/* A session exists / handshakes or probes are not answered / the session is gone. */
void path_up(struct peer *p);
void path_handshaking(struct peer *p);
void path_unreachable(struct peer *p);
void path_down(struct peer *p);
/* Asks control where a relayed peer is; rate-limited. */
void path_locate(struct peer *p);
/* True, at most every few seconds, when an owner of a prefix that was passed over because it does
 * not answer should be tried again. */
bool path_retry_due(struct peer *p);
