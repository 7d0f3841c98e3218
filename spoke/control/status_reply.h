/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/* status_reply: the answers of the status socket as JSON. New references, NULL without memory. */
#include <jansson.h>

#include "shared/ipc/engine_msg.h"
#include "spoke/control/gather.h"

struct spoke;

/*
 * {"done": true, "network", "name", "id", "version", "revision", "refused", "grace_over",
 *  "hub": {"name", "state", "up", "since", "why", "address"},
 *  "addresses": [..], "subnets": [..], "nat", "observed",
 *  "engine": {"peers", "sessions", "handshakes", "crypto", "offloads": [..], "drops": {..}} or
 * null, "engine_error", "peers": [{"name", "id", "kind", "path", "reason", "endpoint", "handshake",
 * "rx_bytes", "tx_bytes", "rtt_us", "cipher", "addresses", "subnets", "since", "loss_permille",
 * "pmtu", "reason_id", "advice", "candidates", "policy", "warm"}]}
 *
 * `g` is what the engine answered, NULL nothing, and `e` how that ended: ERR_OK, else as in
 * gather.done(). Then "engine" is null, "engine_error" says why in plain English (else it is null),
 * and a peer that the engine did not tell of has the path that it was told to have last, and
 * reason_id "no-answer". Times are RFC 3339, null for never.
 */
json_t *status_reply_build(const struct spoke *s, const struct gather *g, enum err e);
/* {"node", "ok", "rtt_us", "path", "endpoint", "error", "reason_id", "reason", "advice"} */
json_t *status_reply_pong(const struct spoke *s, const struct engine_pong *p);
