/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/* way: one of the ways that packets for a peer can take. No state. */
#include <stdbool.h>

#include "shared/base/addr.h"

/*
 * Either straight to an outer address, or in an envelope through the hub (PROTOCOL.md section 7).
 * The outer address may be one of a carrier (the hub by TCP): whoever only sends and compares need
 * not know. Zeros: no way at all.
 */
struct way {
	bool relayed;             /* through the hub, over whatever way the hub has now */
	struct endpoint endpoint; /* otherwise; family 0 when `relayed` */
};

static inline struct way way_to(const struct endpoint *e) { return (struct way){ .endpoint = *e }; }
static inline struct way way_relay(void) { return (struct way){ .relayed = true }; }
/* How a packet came: `relayed`, in an envelope, or from the outer address `from`. */
static inline struct way way_back(const struct endpoint *from, bool relayed)
{
	return relayed ? way_relay() : way_to(from);
}
static inline bool way_is_set(const struct way *w)
{
	return w->relayed || endpoint_is_set(&w->endpoint);
}
static inline bool way_equal(const struct way *a, const struct way *b)
{
	return a->relayed == b->relayed &&
	       (a->relayed || endpoint_equal(&a->endpoint, &b->endpoint));
}
