/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * engine_feed: tells the engine what the directory says (shared/ipc/engine_msg.h): who we are, and
 * the peers with their keys and routes. A spoke's peers are the hub and the other spokes; WireGuard
 * nodes have no session with us: their prefixes are routes of the hub.
 *
 * A peer whose tunnel key is not signed by its identity key is refused: it is not told to the
 * engine. Nor is one whose identity key is in doubt, with StrictKeys.
 */
#include "shared/ipc/channel.h"
#include "shared/ipc/engine_msg.h"
#include "spoke/config.h"
#include "spoke/control/cache.h"
#include "spoke/control/known_keys.h"
#include "spoke/control/peers.h"

struct engine_feed {
	const struct spoke_config *cfg; /* what is said here of paths; NULL: nothing */
	const struct peers *peers;      /* what peers say of them; NULL: nothing */
	const struct known_keys *known; /* identity keys of others; NULL: nothing */
	struct channel *engine;         /* NULL while it is away */
	bool muted;       /* no peers at all: the hub refused us, or the directory is too old */
	uint64_t applied; /* the revision that this engine has confirmed last, 0 none */
	uint32_t n_refused, cap_refused;
	enum nat_mapping nat; /* our own, as the engine has found it */
	uint32_t *refused;    /* ids, in no order */
};

/* All are kept by reference. */
void engine_feed_init(struct engine_feed *f, const struct spoke_config *cfg,
		      const struct peers *peers, const struct known_keys *known);
void engine_feed_fini(struct engine_feed *f);
/* The engine's channel, new or gone (NULL). Nothing is sent. */
void engine_feed_attach(struct engine_feed *f, struct channel *engine);
/* Of the tunnel interface: as the hub set it for us, or the network's. */
uint16_t engine_feed_mtu(const struct engine_feed *f, const struct cache *c);
/* Who we are, with how far our clock is behind; nothing before the first welcome is known. */
void engine_feed_self(struct engine_feed *f, const struct cache *c);
/* Everything: SELF, SYNC_BEGIN, peers, SYNC_END. Nothing without a welcome in the cache. */
void engine_feed_sync(struct engine_feed *f, const struct cache *c);
/*
 * What `x` changed; `c` holds the directory after it. `hub_routes`: prefixes of WireGuard nodes
 * changed too, as engine_feed_touches_hub() said before it was applied.
 */
void engine_feed_delta(struct engine_feed *f, const struct cache *c, const struct delta *x,
		       bool hub_routes);
/* One peer of the directory, since what engine_feed_policy() says of it has changed. Nothing if it
 * is not to be a peer. */
void engine_feed_peer(struct engine_feed *f, const struct cache *c, const struct node *n);
/* Does `x` change, add or remove a WireGuard node? Asked before the delta is applied. */
bool engine_feed_touches_hub(const struct cache *c, const struct delta *x);
/* Where a peer may be reached now, and how its NAT maps. */
void engine_feed_endpoints(struct engine_feed *f, uint32_t id, bool punch, enum nat_mapping nat,
			   const struct endpoint *list, size_t n);
/* A peer reaches the hub by TCP only: no UDP endpoint of it is worth a try. */
void engine_feed_tcp(struct engine_feed *f, uint32_t id);
/* The hub's endpoints: where the link goes, then where its names led, each with the UDP port of the
 * data plane. */
void engine_feed_hub_endpoints(struct engine_feed *f, const struct cache *c);
/* True when this node's tunnel key was refused, or its identity key is held back. */
bool engine_feed_refuses(const struct engine_feed *f, uint32_t id);
/* Pure: is the node no peer, since its identity key is in doubt and StrictKeys is set? */
bool engine_feed_holds(const struct engine_feed *f, const struct node *n);
/* Sends one message without a payload of its own kind: ENGINE_PING and ENGINE_STATUS_GET come from
 * elsewhere. False: no engine. */
bool engine_feed_send(struct engine_feed *f, enum engine_msg type, struct cursor *body);

/*
 * Pure: the routes of a peer, sorted, each prefix once with its lowest weight. `*out` is malloc'ed
 * (NULL for none), the caller frees.
 */
enum err engine_feed_routes(const struct cache *c, const struct node *n, struct node_subnet **out,
			    size_t *count) must_check;
/* Pure: which paths the directory and our own configuration let us use with this node. */
enum path_policy engine_feed_rules(const struct engine_feed *f, const struct cache *c,
				   const struct node *n);
/* Pure: which paths we may use with it: the same, and the node's own word, as the hub told it. */
enum path_policy engine_feed_policy(const struct engine_feed *f, const struct cache *c,
				    const struct node *n);
/* Pure: may this node be a peer of ours, leaving its signature aside? */
bool engine_feed_is_peer(const struct cache *c, const struct node *n);
