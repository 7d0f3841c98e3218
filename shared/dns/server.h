/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * server: the sockets on which questions come, and what is not answered at all. A listener is an
 * address with a UDP socket and a TCP listener, both bound by the monitor.
 *
 * Timers: of each connection, SERVER_IDLE_MS after its last byte: it is closed.
 */
#include "shared/base/list.h"
#include "shared/base/rate.h"
#include "shared/dns/zone.h"
#include "shared/loop/loop.h"

#define SERVER_RATE_PER_S             100u /* questions of one source; above: dropped */
#define SERVER_RATE_BURST             400u
#define SERVER_CONNECTIONS_MAX        32u
#define SERVER_CONNECTIONS_PER_SOURCE 8u
#define SERVER_IDLE_MS                10000u

struct server_counters {
	uint64_t answered;
	uint64_t strangers; /* from outside of the network */
	uint64_t limited;   /* too many of one source */
	uint64_t malformed; /* no questions */
};

struct server_listener {
	struct server *server;
	struct loop_fd udp, tcp; /* fd -1: none */
};

struct server {
	struct loop *loop;
	const struct zone *zone;
	unsigned ifindex; /* of the tunnel; it is there as long as we are */
	struct rate_sources rates;
	struct server_listener listeners[2]; /* by family */
	struct list conns;
	unsigned n_conns;
	struct server_counters counters;
};

/* `zone` is kept by reference; the tunnel's `interface` is looked up here. */
void server_init(struct server *s, struct loop *loop, const struct zone *zone,
		 const char *interface);
void server_fini(struct server *s);
/* Takes over a socket, bound and non-blocking, in the place of the one of that family and kind. */
enum err server_take(struct server *s, bool v6, bool stream, int fd) must_check;
/* Closes both sockets of a family, and all connections. */
void server_drop(struct server *s, bool v6);
