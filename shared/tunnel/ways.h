/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/* ways: which ways there are to a peer, beyond the one in use: for handshakes; and which are none.
 */
#include "shared/tunnel/tunnel.h"
#include "shared/tunnel/way.h"

/* That one handshake initiation may take at once. */
#define WAYS_HANDSHAKE_MAX 8u

/* What control has told of a peer. */
struct path_told {
	uint8_t n;
	enum nat_mapping nat;
	struct endpoint e[];
};

/* The ways that an initiation goes now, the same message on each; `retry`: one was not answered. */
unsigned ways_for_handshake(const struct peer *p, bool retry, struct way out[WAYS_HANDSHAKE_MAX]);
/* Would packets to that address go into the tunnel itself, as far as the directory tells? */
bool ways_may_loop(struct tunnel *t, const struct addr *a);
/*
 * The kernel may have sent our packets to the candidate into the tunnel itself, since the candidate
 * lies in a subnet of the peer. Then they came from an address of the tunnel (`observed`).
 */
struct probe_answer;
bool ways_is_looped(struct tunnel *t, const struct probe_answer *a);
