/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * net_feed: the addresses and routes of the hub's interface, through the monitor: the hub's own
 * addresses as hosts, the pools, and every other active node's subnets. What the hub has behind
 * itself is never routed into the tunnel.
 */
#include "shared/base/prefix.h"
#include "shared/ipc/monitor_msg.h"

struct control;

/* A sorted set of prefixes. */
struct net_set {
	struct prefix *p;
	size_t n, cap;
};

struct net_feed {
	bool on;      /* there is an interface */
	uint16_t mtu; /* that was sent last */
	uint32_t tag;
	struct net_set addresses, routes; /* what the monitor was asked for last */
};

/* Sends the whole set (mark and sweep). */
void net_feed_start(struct control *c);
/* Sends what differs from last time. */
void net_feed_update(struct control *c);
void net_feed_done(struct control *c, const struct monitor_done *m);
void net_feed_fini(struct control *c);
