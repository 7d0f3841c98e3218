/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * relay: envelopes (type 8). The hub hands messages from one peer to another without reading them;
 * a spoke takes them out. The hub takes envelopes only from the address that the source's session
 * was authenticated at, for pairs that policy allows, up to RELAY_RATE_PPS.
 */
#include "shared/tunnel/session.h"

/*
 * Hub: forwards or drops the run of envelopes at `p` that go the same way: records of `segment`
 * bytes, the last of the `len` may be shorter. Returns how many bytes that was (at least one
 * record). Their memory must stay until the flush. `tos`: of the outer header that they came under;
 * its ECN field goes on (congestion of the first leg must reach the receiver), the DSCP with
 * PriorityInheritance.
 */
size_t relay_forward(struct tunnel *t, uint8_t *p, size_t len, size_t segment,
		     const struct endpoint *from, uint8_t tos);
/*
 * Spoke: takes the message out of an envelope from the hub. On ERR_OK `msg` is the inner message,
 * `*type` its type and from->relay_from the peer that it is said to be from. Otherwise it was
 * counted and is to be dropped.
 */
enum err relay_unwrap(struct tunnel *t, struct pkt *msg, struct session_source *from,
		      enum packet_type *type) must_check;
