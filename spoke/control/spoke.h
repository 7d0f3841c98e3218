/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * spoke: all that the control worker of a spoke holds, and the stations that work on it. Each
 * station is a file of that name.
 *
 *   hub ==link== client -> recv_*.c -> apply.c -> cache, engine_feed, net_feed -> ack
 *   engine ----- ENGINE_* -> applied (apply.c), locate.c, announce.c, gather.c, status.c
 */
#include "shared/base/log.h"
#include "shared/monitor/worker.h"
#include "spoke/config.h"
#include "spoke/control/carry.h"
#include "spoke/control/client.h"
#include "spoke/control/dns_feed.h"
#include "spoke/control/gather.h"
#include "spoke/control/known_keys.h"
#include "spoke/control/hub_pin.h"
#include "spoke/control/link_sockets.h"
#include "spoke/control/net_feed.h"
#include "spoke/control/netwatch.h"
#include "spoke/control/own_address.h"
#include "spoke/control/peers.h"
#include "spoke/control/rotation.h"
#include "spoke/control/status.h"
#include "spoke/control/trial.h"
#include "spoke/control/trust.h"
#include "spoke/control/whereabouts.h"
#include "shared/loop/lookups.h"

/* How often the time of the last confirmation is written down while the link is up. */
#define SPOKE_CACHE_SAVE_MS 900000u
#define REPORT_CHUNK_PEERS  128u  /* in one report */
#define LOCATE_AGAIN_MS     5000u /* one peer is not asked for more often */
#define LOCATE_RATE_PER_S   20u   /* nor all together */
/* After the link came up: whom the engine has asked for in so long is asked for at once, so many.
 */
#define LOCATE_RECENT_MS   300000u
#define LOCATE_LINK_UP_MAX (LINK_WATCHES_MAX - SPOKE_HUBS_MAX)
/* After something was learnt that is worth keeping over a restart. */
#define SPOKE_CACHE_SOON_MS 10000u

struct spoke {
	struct worker *w;
	struct loop *loop;
	struct spoke_config *cfg;
	struct stream_identity *identity; /* one of rotation's */
	struct link_sockets sockets;      /* to dial the hub with */
	struct rotation rotation;         /* our own keys */
	struct hub_pin hub_pin;           /* the hub's */

	struct cache cache;
	bool own_up;             /* subnet-up has run for our own subnets */
	struct known_keys known; /* identity keys of others: trust.h */
	struct client client;
	struct trial trial; /* what the hub sets on us */
	struct carry carry; /* the hub by TCP, for tunnel packets */
	struct engine_feed engine;
	struct net_feed net;
	struct dns_feed dns;
	struct peers peers;
	struct gathers gathers;
	struct status_server status;

	struct lookups names; /* host names of other spokes */
	struct netwatch netwatch;
	struct own_addresses addresses; /* of this machine, as they were last seen */

	uint64_t acked;        /* the revision confirmed on this link, 0 none */
	uint32_t links;        /* that came up so far: which one a report was on */
	struct engine_nat nat; /* as the engine told last */
	bool has_skew;         /* a welcome has come since we run */
	int64_t clock_skew_ms; /* the hub's clock minus ours, at the last welcome */
	bool confirmed; /* on this link the hub has said that our directory is its present one */
	bool want_snapshot;                         /* the next hello asks for everything */
	struct control_peer_policies told_policies; /* to the hub, on this link */
	bool has_told_held;
	struct control_held_keys told_held; /* to the hub, on this link */
	bool started;
	struct gather report;
	struct gather dump;        /* to the log */
	struct timer report_timer; /* every welcome.report_ms while the link is up */
	struct timer save_timer;   /* every SPOKE_CACHE_SAVE_MS */
	struct timer grace_timer;  /* OfflineGrace is over */
	struct timer tidy_timer;   /* tidy_soon() */
	bool grace_over;
	uint64_t locate_ms; /* the second in which `locates` are counted */
	unsigned locates;
	uint64_t link_up_ms;              /* since when the link is up */
	struct log_limit wrong_hub_limit; /* log lines about hubs with another key */
	struct log_limit network_limit;   /* log lines about changes of our own addresses */
	struct log_limit cache_limit;     /* log lines about a cache that cannot be written */
};

/* --- apply.c: the spine --- */
/* A directory message: directory -> cache -> engine -> network; the ack follows when the engine has
 * applied it. */
void apply_directory(struct spoke *s, const struct delta *x);
/* Nodes of the directory whose keys were revoked before: once a link, to the log and the hub. */
void apply_tell_revived(struct spoke *s);
/* All peers, and where they are, go to the engine. */
void apply_engine(struct spoke *s);
/* Everything that the cache holds goes to the engine and the network: at the start, for a new
 * engine, after a pardon. */
void apply_cache(struct spoke *s);
/* ENGINE_APPLIED. */
void apply_done(struct spoke *s, uint64_t revision);
/* Sends the ack of what the engine has applied, once a link and revision. */
void apply_ack(struct spoke *s);
/* Writes the cache; a failure is logged. */
bool apply_save(struct spoke *s);
/* The same within SPOKE_CACHE_SOON_MS. */
void apply_save_soon(struct spoke *s);
/* The same after the hub has taken something back. When it cannot be written the old file is
 * removed: it would bring back, after a restart, whom the hub has cut. */
void apply_save_strictly(struct spoke *s);

/* --- messages of the hub, a file each --- */
void recv_welcome(struct spoke *s, const struct control_welcome *w);
void recv_presence(struct spoke *s, const struct control_presence *p, bool punch);
void recv_bye(struct spoke *s, const struct control_bye *b);
void recv_error(struct spoke *s, const struct control_error *e);

/* --- policies.c: what hosts/NAME says of the paths to single spokes --- */
/* The hub is told, unless it knows; it tells them. */
void policies_tell(struct spoke *s);
/* A new link is up: the hub knows nothing. */
void policies_link_up(struct spoke *s);

/* --- messages of the engine --- */
void locate_peer(struct spoke *s, uint32_t id);
/* Asks for the spokes that ConnectTo names, each once a link: also after a change of the directory.
 */
void locate_warm(struct spoke *s);
/* The link came up: for those, and for whom we were talking with. */
void locate_link_up(struct spoke *s);
void announce_path(struct spoke *s, const struct engine_path *p);
/* subnet-up for our own subnets, once: as soon as the directory says which they are. */
void announce_own(struct spoke *s);
/* A node's record changes: subnet-down and subnet-up for what is no more, or new, behind a node
 * that is reachable, or behind our own. */
void announce_changed(struct spoke *s, const struct node *old, const struct node *now);
/* The node has left the directory, or the engine is away: its host-down runs if its host-up has. */
void announce_down(struct spoke *s, uint32_t id);

/* --- report.c --- */
/* ENGINE_NAT: kept, told to the engine (ENGINE_SELF) and to the hub. */
void report_nat_told(struct spoke *s, const struct engine_nat *m);
void report_start(struct spoke *s);
void report_stop(struct spoke *s);

/* --- grace.c: how long the directory is trusted without the hub --- */
/* The hub has confirmed that our directory is its present one. */
void grace_confirmed(struct spoke *s);
/* The link is down, or the cache was loaded: from here on time counts. */
void grace_begin(struct spoke *s);
/* Peers are dropped when the hub has refused us or the grace is over, and come back afterwards. */
void grace_settle(struct spoke *s);

/* --- tidy.c --- */
/* Something heavy and rare is done: a second later its memory goes. */
void tidy_soon(struct spoke *s);

/* --- places.c: where the hub is dialled, and where we may be reached --- */
void places_add(struct spoke *s, struct dialer *d);
/* Where others may reach us, for the hello: at most `max`. */
size_t places_own(const struct spoke *s, struct endpoint *out, size_t max);

/* --- rebind.c: this machine's addresses change --- */
/* Reads them, and follows their changes from here on. */
void rebind_start(struct spoke *s);
