/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * What the workers ask of the monitor, and what it tells them. The monitor serves this fixed table
 * only, checks every value against what it was configured with (its own interface, its own script
 * folder), and answers each request with MONITOR_DONE.
 *
 *   control -> monitor                              monitor -> any worker
 *   MONITOR_NET_BEGIN                                MONITOR_LINK (a sibling's new channel)
 *   MONITOR_ADDRESS, MONITOR_ROUTE (add)             MONITOR_DONE (the answer)
 *   MONITOR_NET_END: what was not named goes         MONITOR_LOG (the log file, after rotation)
 *   MONITOR_ROUTE, MONITOR_ADDRESS (add, remove)     MONITOR_SIGNAL
 *   MONITOR_SCRIPT                                   any worker -> monitor: MONITOR_READY
 *   MONITOR_SOCKET                                   MONITOR_SOCKET_MADE
 *   MONITOR_PORT                                     MONITOR_LOG_LEVEL (handled by worker.c)
 *   MONITOR_LOG_LEVEL                                MONITOR_LOG_TAP, MONITOR_LOG_TAPPED
 *   MONITOR_KEY (the tunnel's: engine, too)          dns -> monitor: MONITOR_DNS_SOCKET
 *
 * MONITOR_ADDRESS, MONITOR_ROUTE, MONITOR_NET_END and MONITOR_KEY are answered, MONITOR_NET_BEGIN
 * and MONITOR_SCRIPT are not. An address is a single host (/32, /128). The mtu of MONITOR_NET_END
 * is TUN_MTU_MIN..TUN_MTU_MAX.
 */
#include "shared/base/addr.h"
#include "shared/base/cursor.h"
#include "shared/base/name.h"
#include "shared/base/prefix.h"
#include "shared/base/secret.h"

/* With Workers = N there are N - 1 movers beside the engine (shared/tunnel/README.md). */
enum worker_role {
	WORKER_ENGINE = 1,
	WORKER_CONTROL = 2,
	WORKER_API = 3,
	WORKER_MOVER1 = 4,
	WORKER_MOVER2,
	WORKER_MOVER3,
	WORKER_MOVER4,
	WORKER_MOVER5,
	WORKER_MOVER6,
	WORKER_MOVER7,
	WORKER_WEBHOOKS, /* hub only */
	WORKER_DNS,      /* with DNS = yes */
	WORKER_ROLES_MAX
};
const char *worker_role_str(enum worker_role r);
/* The number of a worker of the data plane: 0 the engine, 1.. the movers; -1 for the others. */
static inline int worker_number(enum worker_role r)
{
	if (r == WORKER_ENGINE)
		return 0;
	return r >= WORKER_MOVER1 && r <= WORKER_MOVER7 ? (int)r - WORKER_MOVER1 + 1 : -1;
}
static inline enum worker_role worker_role_of(unsigned number)
{
	return number ? (enum worker_role)(WORKER_MOVER1 + number - 1) : WORKER_ENGINE;
}

enum monitor_msg {
	MONITOR_NET_BEGIN = 1, /* no payload */
	MONITOR_ADDRESS,       /* struct monitor_prefix */
	MONITOR_ROUTE,         /* struct monitor_prefix */
	MONITOR_NET_END,       /* struct monitor_net_end */
	MONITOR_SCRIPT,        /* struct monitor_script */
	MONITOR_SOCKET,        /* struct monitor_socket */
	MONITOR_READY,         /* of any worker, once: its start() has succeeded; no payload */
	MONITOR_PORT,          /* struct monitor_port; answered */
	MONITOR_LOG_LEVEL,     /* struct monitor_log_level, and from the monitor to every worker */
	MONITOR_KEY,           /* struct monitor_key */
	MONITOR_DNS_SOCKET,    /* struct monitor_dns_socket; MONITOR_SOCKET_MADE is the answer */

	MONITOR_LINK = 64, /* struct monitor_link, with a descriptor */
	MONITOR_DONE,      /* struct monitor_done */
	MONITOR_LOG, /* the log file was opened again: its new descriptor, no payload; handled by
			worker.c */
	MONITOR_SOCKET_MADE, /* struct monitor_done, with a descriptor when it is ERR_OK */
	MONITOR_SIGNAL,      /* struct monitor_signal; handled by worker.c */
	MONITOR_LOG_TAP,     /* struct monitor_log_tap: of who serves an admin's commands, and from
				the monitor to every worker, perhaps with a descriptor to write to;
				handled by worker.c */
	MONITOR_LOG_TAPPED,  /* the descriptor to read from, no payload */
};

struct monitor_prefix {
	uint32_t tag;
	bool add;
	struct prefix prefix;
};
/* A TCP socket to dial with is wanted. */
struct monitor_socket {
	uint32_t tag;
	int family; /* AF_INET, AF_INET6 */
};
/* A socket at port 53 of an address that our interface has, UDP or a TCP listener. */
struct monitor_dns_socket {
	uint32_t tag;
	struct addr addr;
	bool stream;
};
/* All UDP sockets of the data plane are bound anew at this port, and its workers started again with
 * them; on failure the old ones stay. */
struct monitor_port {
	uint32_t tag;
	uint16_t port; /* not 0 */
};
struct monitor_log_level {
	uint8_t level; /* 0..5 */
};
/* The log is followed at this level, or (-1) by nobody any more; see log_tap.h. */
struct monitor_log_tap {
	int level;
	bool anew; /* to the monitor: whoever asks has nothing to read from yet */
};
/* What the admin wants by a signal to the monitor, as with tincd. */
enum monitor_wish {
	WISH_RETRY = 1,        /* SIGALRM: what waits to be tried again is tried now */
	WISH_PURGE,            /* SIGWINCH: what was learnt of nodes that do not answer goes */
	WISH_DUMP_CONNECTIONS, /* SIGUSR1: to the log */
	WISH_DUMP_ALL          /* SIGUSR2: nodes, subnets, counters, to the log */
};
struct monitor_signal {
	enum monitor_wish wish;
};
struct monitor_net_end {
	uint32_t tag;
	uint16_t mtu;
};
/*
 * A key is replaced in steps, each of which is done as a whole or not at all (a rename), so that
 * after a crash between any two there is at least one key that works: the new one is kept beside
 * the present one (FILE.next); takes its place; or is dropped.
 */
enum monitor_key_what {
	MONITOR_KEY_IDENTITY = 1,
	MONITOR_KEY_TUNNEL,
	MONITOR_KEY_HUB_PIN, /* a spoke's hub, a public key: everybody may read its files */
};
enum monitor_key_op { MONITOR_KEY_KEEP = 1, MONITOR_KEY_PROMOTE, MONITOR_KEY_DROP };
struct monitor_key {
	uint32_t tag;
	enum monitor_key_what what;
	enum monitor_key_op op;
	struct secret_key key; /* MONITOR_KEY_KEEP; zeros otherwise. The caller zeroes its own */
};
#define MONITOR_KEY_BYTES (4u + 1u + 1u + KEY_BYTES) /* encoded */

enum monitor_script_kind {
	SCRIPT_TINC_UP,
	SCRIPT_TINC_DOWN,
	SCRIPT_HOST_UP,
	SCRIPT_HOST_DOWN,
	SCRIPT_SUBNET_UP,
	SCRIPT_SUBNET_DOWN,
	SCRIPT_COUNT
};
/* Environment as in tinc: NETNAME NAME INTERFACE DEVICE, and NODE REMOTEADDRESS REMOTEPORT SUBNET
 * WEIGHT where they apply. */
struct monitor_script {
	enum monitor_script_kind kind;
	char node[NAME_SIZE];   /* empty for tinc-up, tinc-down */
	struct endpoint remote; /* family 0: none */
	struct prefix subnet;   /* family 0: none */
	uint32_t weight;
};
struct monitor_link {
	enum worker_role peer;
	bool carrier; /* their second channel, for packets (carrier_msg.h): engine and control only
		       */
};
/* Answer to a request with a tag. `text` says what failed, for the log ("RTNETLINK: file exists").
 */
struct monitor_done {
	uint32_t tag;
	enum err result;
	char text[200];
};

void monitor_prefix_encode(const struct monitor_prefix *m, struct cursor *c);
enum err monitor_prefix_decode(struct cursor *c, struct monitor_prefix *m) must_check;
void monitor_net_end_encode(const struct monitor_net_end *m, struct cursor *c);
enum err monitor_net_end_decode(struct cursor *c, struct monitor_net_end *m) must_check;
void monitor_key_encode(const struct monitor_key *m, struct cursor *c);
enum err monitor_key_decode(struct cursor *c, struct monitor_key *m) must_check;
void monitor_socket_encode(const struct monitor_socket *m, struct cursor *c);
enum err monitor_socket_decode(struct cursor *c, struct monitor_socket *m) must_check;
void monitor_dns_socket_encode(const struct monitor_dns_socket *m, struct cursor *c);
enum err monitor_dns_socket_decode(struct cursor *c, struct monitor_dns_socket *m) must_check;
void monitor_port_encode(const struct monitor_port *m, struct cursor *c);
enum err monitor_port_decode(struct cursor *c, struct monitor_port *m) must_check;
void monitor_log_level_encode(const struct monitor_log_level *m, struct cursor *c);
enum err monitor_log_level_decode(struct cursor *c, struct monitor_log_level *m) must_check;
void monitor_log_tap_encode(const struct monitor_log_tap *m, struct cursor *c);
enum err monitor_log_tap_decode(struct cursor *c, struct monitor_log_tap *m) must_check;
void monitor_signal_encode(const struct monitor_signal *m, struct cursor *c);
enum err monitor_signal_decode(struct cursor *c, struct monitor_signal *m) must_check;
void monitor_script_encode(const struct monitor_script *m, struct cursor *c);
enum err monitor_script_decode(struct cursor *c, struct monitor_script *m) must_check;
void monitor_link_encode(const struct monitor_link *m, struct cursor *c);
enum err monitor_link_decode(struct cursor *c, struct monitor_link *m) must_check;
void monitor_done_encode(const struct monitor_done *m, struct cursor *c);
enum err monitor_done_decode(struct cursor *c, struct monitor_done *m) must_check;
