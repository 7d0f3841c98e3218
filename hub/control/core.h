/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/* core: all that the control worker knows, and the few helpers that every station needs. */
#include "hub/config.h"
#include "hub/control/admission.h"
#include "hub/control/carriers.h"
#include "hub/control/concern.h"
#include "hub/control/conn.h"
#include "hub/control/counters.h"
#include "hub/control/dns_feed.h"
#include "hub/control/engine_feed.h"
#include "hub/control/expected.h"
#include "hub/control/history.h"
#include "hub/control/hub_key.h"
#include "hub/control/key_ages.h"
#include "hub/control/listener.h"
#include "hub/control/names.h"
#include "hub/control/net_feed.h"
#include "hub/control/orders.h"
#include "hub/control/pairs.h"
#include "hub/control/presence.h"
#include "hub/control/push.h"
#include "hub/control/registry.h"
#include "hub/control/revocations.h"
#include "hub/control/fanout.h"
#include "hub/control/rotations.h"
#include "hub/control/settings.h"
#include "hub/control/totals.h"
#include "hub/control/tunnel_key.h"
#include "hub/control/watch.h"
#include "hub/directory/identities.h"
#include "hub/store/store.h"
#include "shared/base/log.h"
#include "shared/monitor/worker.h"

/* Looks for a revision whose nudge was lost, asks the engine for its counters. */
#define CONTROL_TICK_MS  5000u
#define CONTROL_MOVED_MS 200u /* a spoke whose endpoint moves often is told of once in so long */
/* After the store was found locked (which costs STORE_BUSY_TIMEOUT_MS) spokes' changes are refused
 * at once for so long. */
#define CONTROL_STORE_REST_MS 1000u
#define CONTROL_STOP_MS       1000u /* links have so long to end at an orderly stop */

struct control {
	struct worker *w;
	struct loop *loop;
	struct hub_config *config;        /* its ConnectTo lines change with expected_reload() */
	struct stream_identity *identity; /* the one in force: hub_key's */
	struct hub_key hub_key;
	struct tunnel_key tunnel_key;
	struct store *store;

	struct directory dir;         /* all nodes, tombstones too */
	struct identities identities; /* over dir */
	struct settings settings;

	struct listeners listeners;
	struct admission admission;
	struct bucket joins;          /* join attempts of all strangers */
	struct bucket unknown_tokens; /* of those, with a secret that nobody made: audited at this
					 rate at most */
	struct list conns;            /* every struct conn but the GONE ones */
	struct list strangers;        /* those in TLS and FIRST, oldest first */
	struct list broken;           /* to be dropped at the end of the round */
	struct list gone;             /* to be freed */
	struct loop_later reap;
	struct registry registry; /* those in UP */
	struct carriers carriers; /* those in CARRYING */
	struct watches watches;
	struct list moved; /* links whose followers are to be told */
	struct timer moved_timer;

	struct push push;
	struct concern concern; /* changes of the refresh under way */
	struct presence presence;
	struct pairs pairs;
	struct engine_feed engine;
	struct orders orders;
	struct totals totals;
	struct history history;
	struct rotations rotations;
	struct revocations revocations;
	struct fanout fanout;
	struct key_ages key_ages;
	struct net_feed net;
	struct dns_self dns_self; /* as the dns worker was told last */
	struct lookups names;
	struct expected expected;
	struct loop_later refresh;
	struct timer tick;
	uint64_t rollback_seen; /* highest revision that a spoke knew and we do not; 0 none */
	uint64_t store_rest_ms; /* until then the store is not asked to change; 0: it was not locked
				 */
	bool stopping;
	struct timer stop_timer;

	struct counters counters;
	struct log_limit log_refused; /* strangers and refused spokes */
	struct log_limit log_store;   /* store errors */
	struct log_limit log_system;  /* accept and netlink errors */
};

/* The hub's own node, NULL when the store lacks it. */
const struct node *core_hub(const struct control *c);
/*
 * A store call failed: counted, and logged within limits. `what` completes "cannot ...". Returns
 * `e`.
 */
enum err core_store_failed(struct control *c, enum err e, const char *what);
/* True while it is not worth a wait: the store was locked a moment ago. */
bool core_store_rests(const struct control *c);
/* The problem code of a store error: "store_busy", "store_full" or "store_failed". */
const char *core_store_code(enum err e);
/* Tells api and webhooks of what we changed, if they are there: `type` is an enum nudge_msg. */
void core_nudge(struct control *c, uint16_t type);
/* All links have ended, or the time for that is over: writes presence and stops the loop. */
void core_stopped(struct control *c);
