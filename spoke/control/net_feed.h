/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * net_feed: tells the monitor which addresses and routes the tunnel interface must have
 * (shared/ipc/monitor_msg.h): our own addresses as single hosts, routes to the network's pools and
 * to the subnets of every peer and WireGuard node, except those that are ours. The first time all,
 * between NET_BEGIN and NET_END; after that only differences.
 */
#include "shared/ipc/channel.h"
#include "shared/ipc/monitor_msg.h"
#include "spoke/control/engine_feed.h"

/* A sorted set of prefixes. */
struct net_set {
	struct prefix *list;
	size_t n, cap;
};

struct net_feed {
	struct channel *const
		*monitor; /* where the worker keeps its channel, which may go away; NULL: none */
	bool begun;       /* the monitor knows what we hold */
	uint16_t mtu;
	uint32_t tag; /* of the last request */
	struct net_set addresses;
	struct net_set routes;
};

void net_feed_init(struct net_feed *f, struct channel *const *monitor);
/* Sends one message to the monitor. ERR_CLOSED without one. */
enum err net_feed_send(struct net_feed *f, enum monitor_msg type,
		       const struct cursor *body) must_check;
void net_feed_fini(struct net_feed *f);
/* Brings the monitor to what the cache says. Nodes that `e` refuses have no routes. Nothing without
 * a welcome. */
void net_feed_update(struct net_feed *f, const struct cache *c, const struct engine_feed *e);
/* Pure: what should be there. Both sets must be empty; the caller frees with net_set_fini(). */
enum err net_feed_wanted(const struct cache *c, const struct engine_feed *e,
			 struct net_set *addresses, struct net_set *routes) must_check;
void net_set_fini(struct net_set *s);
