/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * tunnel: all state of one engine worker, and how its modules hang together. No globals, so that
 * several can live in one process.
 *
 *   tx.c   tun -> route -> session -> path -> udp
 *   rx.c   udp -> session or relay -> source check -> tun or forward
 */
#include "shared/noise/cookie.h"
#include "shared/noise/handshake.h"
#include "shared/tunnel/backlog.h"
#include "shared/tunnel/hold.h"
#include "shared/tunnel/quiet.h"
#include "shared/tunnel/index.h"
#include "shared/tunnel/coalesce.h"
#include "shared/tunnel/compress.h"
#include "shared/tunnel/peer.h"
#include "shared/tunnel/nat.h"
#include "shared/tunnel/natport.h"
#include "shared/tunnel/own_keys.h"
#include "shared/tunnel/pending.h"
#include "shared/base/rate.h"
#include "shared/tunnel/route.h"
#include "shared/tunnel/share.h"
#include "shared/tunnel/tun.h"
#include "shared/tunnel/udp.h"

struct udp_reader {
	struct loop_fd fd;
	struct tunnel *tunnel;
	unsigned socket;
};

struct movers;
struct mover;

struct tunnel {
	struct loop *loop;
	uint8_t worker;        /* our number: 0 the engine, 1.. a mover; also our nonce space */
	uint8_t n_workers;     /* of the engine and its movers together, 1..WORKERS_MAX */
	struct movers *movers; /* the engine's side of its movers; NULL when it has none */
	struct mover *mover;   /* a mover's own state; NULL in the engine */
	uint64_t now_ms;       /* of this round; set by the callbacks of fds and timers */
	struct primitives primitives;
	struct own_keys own_keys;   /* not in a mover */
	struct list old_keys;       /* of peers that have another by now: struct old_key */
	struct engine_self self;    /* zeros until control has told us */
	bool configured;            /* ENGINE_SELF has come */
	struct table by_id, by_key; /* peers */
	struct peer *hub;           /* on a spoke, once known */
	struct endpoint carrier;    /* on a spoke: the hub by TCP, while it is there (path.h) */
	uint64_t direct_lost_ms;    /* on a spoke: a direct path did not answer any more; 0 never */
	bool hub_silent;            /* on a spoke: as control was told last (report.h) */
	bool relay_awaited;         /* on a spoke: packets for the relay found no session with it */
	unsigned n_direct;          /* peers whose packets go straight to another spoke */
	struct route_table routes;  /* prefixes of peers */
	struct route_table
		own; /* our own, the only destinations that the kernel gets packets for */
	struct index_table *index;
	struct pending_pool *pending;
	bool offload; /* as the configuration says */
	struct udp *udp;
	struct tun *tun;
	struct compressor *compressor;
	struct coalescer coalescer; /* received packets on their way to the device */
	struct udp_reader readers[WORKER_UDP_SOCKETS_MAX];
	struct loop_fd tun_reader;
	struct loop_fd bulk_reader; /* of the device's second queue */
	struct backlog backlog;     /* of the outer sockets */
	struct hold holds[TUN_QUEUES];
	struct quiet quiet;
	size_t unlooked_bytes;    /* sent since the sockets were looked at */
	struct nat nat;           /* a spoke's engine */
	struct natport natport;   /* the hub's */
	struct channel *control;  /* NULL while control is away */
	struct channel *carriers; /* control's, for packets (carrier.h); NULL while it is away */
	struct rate_sources handshake_rate;
	struct share share; /* of what comes in, when it is too much */
	struct rate_bucket icmp_rate;
	struct {
		uint64_t second;   /* now_ms / 1000 of the count */
		unsigned count;    /* handshake messages in that second */
		unsigned previous; /* and in the one before */
	} load;
	uint32_t sync; /* number of the sync under way or last done */
	bool syncing;  /* one is under way */
	uint64_t drops[DROP_COUNT];
	uint64_t handshakes, relayed_packets, relayed_bytes;
};

static inline void tunnel_drop(struct tunnel *t, enum engine_drop why) { t->drops[why]++; }
