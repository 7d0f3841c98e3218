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

#define NET_FEED_HELD_MAX                                                                          \
	16u /* routes that are held back; one more takes the place of the oldest */

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
	uint32_t tag;  /* of the last request, also of others */
	uint32_t told; /* of the last about addresses and routes */
	struct net_set addresses;
	struct net_set routes;
	/* Wanted, but not set: route_guard.h. */
	unsigned n_held;
	struct prefix held[NET_FEED_HELD_MAX];
};

void net_feed_init(struct net_feed *f, struct channel *const *monitor);
/* Sends one message to the monitor. ERR_CLOSED without one. */
enum err net_feed_send(struct net_feed *f, enum monitor_msg type,
		       const struct cursor *body) must_check;
void net_feed_fini(struct net_feed *f);
/* Brings the monitor to what the cache says. Nodes that `e` refuses have no routes. Nothing without
 * a welcome. */
void net_feed_update(struct net_feed *f, const struct cache *c, const struct engine_feed *e);
/* Is it one of the tunnel interface's own addresses? */
bool net_feed_has_address(const struct net_feed *f, const struct addr *a);
/* From the next update on without the most specific route to `to`, which comes back in `*held`.
 * False: there is none. */
bool net_feed_hold(struct net_feed *f, const struct addr *to, struct prefix *held);
/* Forgets what is held, but for routes that lead to one of these `n` addresses. True when there was
 * any; the next update sets it. */
bool net_feed_release(struct net_feed *f, const struct addr *except, unsigned n);
/* Pure: what should be there. Both sets must be empty; the caller frees with net_set_fini(). */
enum err net_feed_wanted(const struct cache *c, const struct engine_feed *e,
			 struct net_set *addresses, struct net_set *routes) must_check;
void net_set_fini(struct net_set *s);
