/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * swarm: many spokes in one process, for what a hub costs. The links are those of the spoke's own
 * client (spoke/control/client.h) with its TLS, pinning and rules of retry; the tunnels are real
 * handshakes with the hub's engine and their keepalives. What a spoke has besides (device, routes,
 * files, the directory itself) is left out.
 *
 *   main      options, commands on standard input, one line of JSON for each on standard output
 *   seed      writes nodes that have joined into the database of a hub that does not run
 *   member    the link of one spoke: hello, acks, pongs, reports
 *   tunnel    the sessions of all with the hub's engine, on one UDP socket
 *
 * Member n has its keys from its number alone, so that nothing has to be kept between two runs, and
 * the source address `source` + n, since a hub limits strangers by address.
 */
#include "shared/keys/keys.h"
#include "shared/loop/loop.h"
#include "shared/loop/stream.h"
#include "shared/noise/cookie.h"
#include "shared/noise/handshake.h"
#include "spoke/control/client.h"

#define SWARM_TYPES ((unsigned)CONTROL_CARRY + 1u)
#define SWARM_BYES  ((unsigned)BYE_DELETED + 1u)

/* A member's session with the hub. */
struct tunnel_end {
	struct handshake_self self;
	struct handshake_peer hub;
	struct cookie_maker cookie;
	struct handshake_initiator initiator;
	uint8_t timestamp[TIMESTAMP_BYTES];       /* of our last initiation */
	uint8_t heard_timestamp[TIMESTAMP_BYTES]; /* of the hub's */
	unsigned generation;                      /* of the local index: each try has its own */
	uint32_t wait_ms;                         /* for the answer to the last try */
	struct keypair keypair;
	int64_t handshake_ms; /* wall clock, 0 never */
	struct timer timer;   /* next try, keepalive or new handshake */
};

struct member {
	struct swarm *swarm;
	unsigned number;
	struct keys keys;
	struct stream_identity *identity;
	struct client client;
	uint64_t revision; /* of the directory that it would hold */
	uint32_t hub_id;   /* 0: not welcomed yet */
	struct tunnel_end tunnel;
	struct timer report;
	int64_t told_handshake_ms; /* in its last report on this link */
};

/* What was seen since the start, or the last "reset". */
struct tally {
	uint64_t got[SWARM_TYPES], sent[SWARM_TYPES]; /* messages by type */
	uint64_t byes[SWARM_BYES];
	uint64_t snapshots, nodes, gone, revoked, empty; /* in `directory` messages */
	uint64_t misfits;                                /* deltas from another revision */
	uint64_t links_lost;
	uint64_t handshakes, cookies, retries;
};

struct swarm {
	struct loop *loop;
	struct primitives primitives;
	unsigned n;
	struct member *members;
	struct endpoint source; /* of member 0; port: of all tunnels */
	struct endpoint hub;
	uint8_t fingerprint[KEY_BYTES]; /* SHA-256 of the hub's identity key */
	struct public_key hub_tunnel;
	bool hub_aes;
	uint64_t revision; /* that all begin with */
	struct loop_fd udp;
	unsigned n_up, n_sessions;
	uint64_t up_ms, session_ms; /* when the last of them came, CLOCK_BOOTTIME */
	struct tally tally;
};

/* Member `n`'s keys. */
enum err swarm_keys(unsigned n, struct keys *k) must_check;
/* Member `n`'s source address; `first` with n added to its IPv4 address. */
struct endpoint swarm_source(const struct endpoint *first, unsigned n);

/*
 * The database in `dir` gets spokes s00000 .. that have joined: address 10.64.0.2 + n, subnet
 * 10.128.0.0 + 256 n / 24. `*revision`: the directory's after that.
 */
enum err seed_run(const char *dir, unsigned n, uint64_t *revision) must_check;

enum err member_init(struct swarm *s, unsigned number) must_check;
void member_fini(struct member *m);
/* Tells the hub of a finished handshake with the next report. */
void member_report_soon(struct member *m);

/* Opens the UDP socket. ERR_IO. */
enum err tunnel_open(struct swarm *s) must_check;
void tunnel_close(struct swarm *s);
enum err tunnel_init(struct member *m) must_check;
void tunnel_fini(struct member *m);
/* The link is up: the first time a session is made, too. */
void tunnel_begin(struct member *m);
/* The spoke is told that it is no member any more: it drops its session. */
void tunnel_stop(struct member *m);
/* The hub is being started anew: no session counts any more. */
void tunnel_lost(struct member *m);
