/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * counters: why connections and messages were refused. Strangers are counted here, and logged only
 * within limits.
 */
#include <stdint.h>

enum counter {
	COUNT_ACCEPTED, /* TCP connections */
	COUNT_LINKS,    /* links that were let in */
	COUNT_CARRIERS, /* connections for tunnel packets that were let in */
	COUNT_JOINED,
	COUNT_REFUSED_SOURCE,    /* too many strangers from one address */
	COUNT_REFUSED_EVICTED,   /* stranger that made room for a newer one */
	COUNT_REFUSED_TLS,       /* TLS handshake failed */
	COUNT_REFUSED_SLOW,      /* did not say who it is in time */
	COUNT_REFUSED_FRAME,     /* garbage, too long, wrong message */
	COUNT_REFUSED_RATE,      /* too many messages */
	COUNT_REFUSED_JOIN,      /* token refused */
	COUNT_REFUSED_SIGNATURE, /* tunnel key not signed by the identity key */
	COUNT_REFUSED_UNKNOWN_KEY,
	COUNT_REFUSED_REVOKED,
	COUNT_REFUSED_DISABLED,
	COUNT_REFUSED_DELETED,
	COUNT_REFUSED_REPLACED, /* two machines with one identity */
	COUNT_REFUSED_BUSY,     /* over a limit of the hub's own, or its store is busy */
	COUNT_UNKNOWN_TYPE,
	COUNT_LOCATE_LIMITED,
	COUNT_PROPOSAL_LIMITED,
	COUNT_HELLO_LIMITED, /* hellos that asked for too many changes or snapshots */
	COUNT_PAIRS_LIMITED, /* paths told that were over a limit */
	COUNT_FALSE_ACK,     /* of a revision that was not sent */
	COUNT_DEAD,          /* links on which nothing was heard any more */
	COUNT_STORE_FAILED,  /* reads and writes of the store that failed */
	COUNTERS
};

struct counters {
	uint64_t n[COUNTERS];
};

/* "refused-tls" and so on; static storage. */
const char *counter_str(enum counter which);
static inline void counters_add(struct counters *c, enum counter which) { c->n[which]++; }
/* Writes all that are not zero to the log, in one line. */
void counters_log(const struct counters *c);
