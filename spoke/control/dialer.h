/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * dialer: one round over the places where a hub may be: each "host port" is resolved (off the
 * loop), each address is dialled, in turn, until one is connected whose key the owner accepts.
 *
 *   1. dialer_init(), dialer_add() for each place
 *   2. dialer_start(); then opened() or exhausted() comes once
 *   3. after opened(): received(), then closed() once
 *
 * dialer_stop() ends everything at any time, without a callback.
 *
 * A name that cannot be resolved falls back to the addresses that known() gives. With a proxy only
 * its own name is resolved; the places' names are handed to it as they are.
 */
#include "shared/loop/resolve.h"
#include "shared/loop/stream.h"
#include "shared/wire/limits.h"

#define DIALER_PLACES_MAX 64u
#define DIALER_RESOLVE_MS 5000u
#define DIALER_WHERE_SIZE (ENDPOINT_NAME_SIZE + 80u)

struct dialer;

struct dialer_events {
	/* Is `peer` the hub that we look for? False: the next address is tried. */
	bool (*check)(struct dialer *d, const struct endpoint *at, const struct public_key *peer);
	/* d->stream is connected and checked. */
	void (*opened)(struct dialer *d);
	/* Bytes came; as stream_events.received. */
	void (*received)(struct dialer *d, struct buf *in);
	/* As stream_events.drained; may be NULL. */
	void (*drained)(struct dialer *d);
	/* The connection that was opened is over. */
	void (*closed)(struct dialer *d, enum err e, const char *why);
	/* No place is left. `why` is about the last one tried. */
	void (*exhausted)(struct dialer *d, enum err e, const char *why);
	/* What `place` resolved to before, into `out` (RESOLVE_ADDRESSES_MAX); may be NULL. */
	size_t (*known)(struct dialer *d, const char *place, struct endpoint *out);
	/* `place` has just resolved to these; may be NULL. */
	void (*resolved)(struct dialer *d, const char *place, const struct endpoint *found,
			 size_t n);
};

struct dialer {
	struct loop *loop;
	struct stream_identity *identity; /* kept by reference */
	const struct dialer_events *ev;
	void *owner; /* for the callbacks; the dialer does not look at it */
	int family;  /* AF_UNSPEC, AF_INET, AF_INET6 */
	/* To be set after dialer_init(), both kept by reference: */
	const struct stream_limits *limits; /* of the connection; default: those of a link */
	const struct proxy *proxy;          /* NULL or PROXY_NONE: none */

	/* state; only for reading */
	unsigned n_places;
	char places[DIALER_PLACES_MAX][ENDPOINT_NAME_SIZE];
	unsigned place;                               /* being tried */
	struct endpoint found[RESOLVE_ADDRESSES_MAX]; /* its addresses */
	size_t n_found, next_found;
	struct endpoint dialled; /* by us: the hub, or the proxy */
	/* The hub's address, being dialled or connected to; family 0 when only the proxy knows it.
	 */
	struct endpoint at;
	struct resolve *resolve;
	struct stream *stream;
	bool is_open;
	struct loop_later next; /* the next step, always from the loop */
	enum err last_err;
	char last_why[200];
};

void dialer_init(struct dialer *d, struct loop *l, struct stream_identity *identity, int family,
		 const struct dialer_events *ev, void *owner);
/* Stops everything, without a callback; the struct may be used again after dialer_init(). */
void dialer_fini(struct dialer *d);
/* Forgets all places. Only while nothing is under way. */
void dialer_clear(struct dialer *d);
/* One more place, "host port"; one that is there already or has no room is passed over. */
void dialer_add(struct dialer *d, const char *place);
/* Starts a round; what was under way is stopped. */
void dialer_start(struct dialer *d);
/* The place being tried, or connected to; "" before the first. */
const char *dialer_place(const struct dialer *d);
/* The same for people: "192.0.2.1:6655", "hub.example.net 6655 through the proxy 10.0.0.1:3128". */
const char *dialer_where(const struct dialer *d, char out[DIALER_WHERE_SIZE]);
/* Ends the round and closes the connection at once, without a callback. Safe in every callback. */
void dialer_stop(struct dialer *d);
