/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * relay: envelopes (type 8). The hub hands a message from one peer to another without reading it; a
 * spoke takes the message out. The hub takes envelopes only from the address that the source's
 * session was authenticated at, for pairs that policy allows, up to RELAY_RATE_PPS.
 */
#include "shared/tunnel/session.h"

/* Hub: forwards the envelope in `msg` or drops it. The packet's memory must stay until the flush.
 */
void relay_forward(struct tunnel *t, struct pkt *msg, const struct endpoint *from);
/*
 * Spoke: takes the message out of an envelope from the hub. On ERR_OK `msg` is the inner message,
 * `*type` its type and from->relay_from the peer that it is said to be from. Otherwise it was
 * counted and is to be dropped.
 */
enum err relay_unwrap(struct tunnel *t, struct pkt *msg, struct session_source *from,
		      enum packet_type *type) must_check;
