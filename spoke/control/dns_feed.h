/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * dns_feed: tells the dns worker, where there is one, what our directory says: all of it when it is
 * new, after a welcome and a snapshot, and when our own addresses change; else what a delta
 * changed.
 */
#include "shared/ipc/dns_msg.h"

struct delta;
struct spoke;

struct dns_feed {
	struct dns_self self; /* as it was told last */
};

/* Everything. */
void dns_feed_all(struct spoke *s);
/* What `x` changed; the directory is the one after it. */
void dns_feed_delta(struct spoke *s, const struct delta *x);
