/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * What control and engine say to each other (over a channel). One struct a message, with `encode`
 * into a write cursor and `decode` from a read cursor; both next to each other in engine_msg.c.
 *
 *   control -> engine                                   engine -> control
 *   1. ENGINE_SELF (who we are)                          ENGINE_READY (once, at its start)
 *   2. ENGINE_SYNC_BEGIN                                 ENGINE_APPLIED (revision)
 *   3. ENGINE_PEER for every peer                        ENGINE_LOCATE (traffic without a path)
 *   4. ENGINE_SYNC_END: those not named since 2 go       ENGINE_PATH (a peer's path changed)
 *   5. ENGINE_PEER, ENGINE_PEER_GONE, ENGINE_COMMIT      ENGINE_PONG
 *   any time: ENGINE_ENDPOINTS, ENGINE_PING,             ENGINE_STATUS for each peer, then
 *             ENGINE_STATUS_GET, ENGINE_REBIND,          ENGINE_STATUS_END; ENGINE_NAT,
 *             ENGINE_KEY_MAKE, ENGINE_KEY_RETIRE,        ENGINE_HUB_SILENT, ENGINE_KEYS,
 *             ENGINE_FORGET                              ENGINE_FORGOTTEN
 *
 * An ENGINE_PEER with our own id names our own subnets: packets to other destinations are not
 * handed to the kernel.
 *
 * A peer keeps its session, whatever changes (DESIGN promise 7). That holds for its key, too: it
 * has replaced it itself. One that was joined anew is told as gone first; the hub's engine, whose
 * control begins with a sync and knows nothing of before, takes a key that changes in a sync for
 * that.
 */
#include "shared/base/addr.h"
#include "shared/base/cursor.h"
#include "shared/base/name.h"
#include "shared/base/prefix.h"
#include "shared/base/secret.h"
#include "shared/wire/limits.h"
#include "shared/wire/node.h"
#include "shared/wire/path_policy.h"

enum engine_msg {
	ENGINE_SELF = 1,
	ENGINE_SYNC_BEGIN, /* no payload */
	ENGINE_PEER,
	ENGINE_PEER_GONE,
	ENGINE_SYNC_END, /* struct engine_revision */
	ENGINE_COMMIT,   /* struct engine_revision */
	ENGINE_ENDPOINTS,
	ENGINE_PING,
	ENGINE_STATUS_GET, /* struct engine_tag */
	ENGINE_REBIND,     /* no payload: this machine's own addresses have changed */
	ENGINE_KEY_MAKE,   /* no payload: make a second tunnel key; answered by ENGINE_KEYS */
	ENGINE_KEY_RETIRE, /* no payload: forget the one that ENGINE_SELF does not name */
	ENGINE_FORGET,     /* end sessions; answered by ENGINE_FORGOTTEN */

	ENGINE_READY = 64, /* no payload */
	ENGINE_APPLIED,    /* struct engine_revision */
	ENGINE_LOCATE,     /* struct engine_node_id */
	ENGINE_PATH,
	ENGINE_PONG,
	ENGINE_STATUS,
	ENGINE_STATUS_END,
	ENGINE_NAT,
	ENGINE_HUB_SILENT,
	ENGINE_KEYS, /* our tunnel keys; at its start, and when they have changed */
	ENGINE_FORGOTTEN,
};

/* How packets reach a peer now. The order is that of preference. */
enum path_kind { PATH_DOWN = 0, PATH_HUB_TCP = 1, PATH_HUB_UDP = 2, PATH_DIRECT_UDP = 3 };
/*
 * Why the path is what it is; path_reason.c has the words of each. The numbers travel on the
 * link (CONTROL.md, `report`): they never change their meaning, new ones go to the end.
 */
enum path_reason {
	PATH_REASON_NONE = 0,
	PATH_REASON_NO_SESSION,    /* nothing was sent or received yet */
	PATH_REASON_HANDSHAKE,     /* handshake under way */
	PATH_REASON_NO_ANSWER,     /* handshakes are not answered */
	PATH_REASON_NO_ENDPOINT,   /* no address of the peer is known */
	PATH_REASON_HUB_DOWN,      /* reached through the hub, which is not reachable */
	PATH_REASON_VALIDATED,     /* authenticated packets came over this path */
	PATH_REASON_RELAYED,       /* no direct path was found (yet) */
	PATH_REASON_POLICY,        /* direct paths are not allowed for this pair */
	PATH_REASON_PROBING,       /* candidates are being probed */
	PATH_REASON_NO_CANDIDATES, /* nobody has told where the peer could be reached directly */
	PATH_REASON_SILENT,        /* no candidate answers */
	PATH_REASON_NAT_BOTH_HARD, /* both NATs map by destination: no candidate can be right */
	PATH_REASON_UDP_BLOCKED,   /* UDP to the hub is not answered, TCP is */
	PATH_REASON_TCP_ONLY,      /* TCPOnly = yes */
	PATH_REASON_IDLE,          /* the direct path was given up, since nobody used it */
	PATH_REASON_LIMIT,         /* as many direct paths as allowed are in use */
	PATH_REASON_DIRECT_LOST,   /* the direct path that there was does not answer any more */
	PATH_REASON_DIRECT_SLOWER, /* the hub is the faster way */
	PATH_REASON_PEER_TCP,    /* the peer reaches the hub by TCP only, so UDP is blocked there */
	PATH_REASON_DIRECT_ONLY, /* only a direct path is allowed, and there is none */
	PATH_REASON_COUNT
};
/* How a node's NAT chooses the outer port (RFC 4787 section 4.1), as far as it is known. */
enum nat_mapping {
	NAT_UNKNOWN = 0,
	NAT_EASY = 1, /* none, or endpoint-independent: everybody sees the same address and port */
	NAT_HARD = 2, /* by destination: what the hub sees holds for the hub only */
};
const char *nat_mapping_str(enum nat_mapping n); /* "unknown", "easy", "hard" */
const char *path_kind_str(enum path_kind k);     /* "direct-udp", "hub-udp", "hub-tcp", "down" */
/* path_reason.c: a stable identifier for programs ("udp-blocked"), an English sentence without a
 * full stop, and what an admin can do about it; "" when there is nothing to be done. */
const char *path_reason_id(enum path_reason r);
const char *path_reason_str(enum path_reason r);
const char *path_reason_advice(enum path_reason r);

/* Who this node is. Sent again when something of it changes. */
struct engine_self {
	uint32_t id;
	bool is_hub;
	uint32_t hub_id;          /* the hub's node id (our own on the hub) */
	bool aes;                 /* our CPU has AES instructions, as the directory says */
	uint16_t mtu;             /* of the TUN device, bytes */
	struct addr addresses[2]; /* our own in the network: IPv4, IPv6; family 0 when there is
				     none. Source of ICMP errors */
	int64_t clock_ahead_ms;   /* how far the hub's wall clock is known to be ahead of ours, 0 or
				     less: not. For handshake timestamps, where a clock was set back
				   */
	uint16_t direct_idle_s;   /* a direct path that nobody used for so long is given up; 0
				     never */
	uint16_t direct_max;      /* direct paths at the same time; 0 none at all */
	bool tcp_only;            /* spoke: no UDP at all, to the hub by TCP */
	bool pmtu_discovery;      /* probe what each path carries */
	bool clamp_mss;           /* TCP's MSS is lowered to what the path carries */
	uint16_t pmtu_max;        /* the largest inner packet whatever the path carries; 0 none */
	bool priority_inheritance; /* the inner packet's TOS or traffic class goes outside, too */
	enum nat_mapping nat;      /* our own */
	uint16_t nat_port;         /* spoke: of the hub's second UDP socket; 0 none */
	/* The tunnel key that the directory names as ours: of two it is the one that handshakes
	 * begin with. Zeros, or none of ours: it stays as it is. */
	struct public_key tunnel_key;
};

/* Prefixes of one peer in one message; more come in further ENGINE_PEER messages with `more`. */
#define ENGINE_PEER_SUBNETS_MAX 256u
#define ENGINE_ENDPOINTS_MAX    16u

/* A peer as the directory allows it. Routes are its own addresses and subnets, and on a spoke, for
 * the hub, those of WireGuard nodes. */
struct engine_peer {
	uint32_t id;
	char name[NAME_SIZE];
	enum node_kind kind;
	struct public_key tunnel_key;
	bool aes;     /* peer's CPU has AES instructions: with ours it chooses the cipher */
	bool via_hub; /* reached through the hub unless a direct path is found (spoke to spoke) */
	bool forward; /* hub only: the hub forwards plaintext between this peer and others (a
			 WireGuard node) */
	uint16_t keepalive_s; /* persistent keepalive, 0 none */
	uint64_t groups;      /* policy: bit set of groups the peer is in */
	uint64_t reach;       /* policy: bit set of groups that the peer may talk to */
	uint8_t compression;  /* 0..11 as in tinc, 0 none */
	/*
	 * Spoke: what holds between us and the peer. Hub: the peer's own setting; with the two bit
	 * sets it gives what holds between two peers, which the hub then relays or not.
	 */
	enum path_policy policy;
	uint64_t hub_only, direct_only; /* hub only: bit sets of groups, as in struct path_rules */
	uint16_t pmtu_max; /* the largest inner packet to it, besides that of ENGINE_SELF; 0 none */
	bool pmtu_fixed;   /* no probes of what its path carries: larger packets may be cut */
	bool warm;         /* a direct path is kept without traffic (ConnectTo names the peer) */
	bool append;       /* the subnets add to those of the message before, for the same peer */
	uint16_t n_subnets;
	struct node_subnet subnets[ENGINE_PEER_SUBNETS_MAX];
};

enum peer_gone_why { PEER_GONE_REMOVED = 0, PEER_GONE_REVOKED = 1 };
struct engine_peer_gone {
	uint32_t id;
	enum peer_gone_why why;
};
struct engine_revision {
	uint64_t revision;
};
struct engine_tag {
	uint32_t tag;
};
struct engine_node_id {
	uint32_t id;
};

/* Where a peer may be reached: replaces what was told before. `punch`: start probing now. */
struct engine_endpoints {
	uint32_t id;
	bool punch;
	enum nat_mapping nat; /* of the peer */
	uint8_t n;
	struct endpoint endpoints[ENGINE_ENDPOINTS_MAX];
	bool tcp; /* the peer reaches the hub by TCP only, so UDP does not get through there; then n
		     is 0 */
};

struct engine_ping {
	uint32_t tag;
	uint32_t id;
};
/* `result`: ERR_OK, ERR_NOTFOUND (no such peer), ERR_TIMEOUT. */
struct engine_pong {
	uint32_t tag;
	uint32_t id;
	enum err result;
	uint32_t rtt_us;
	enum path_kind path;
	struct endpoint endpoint;
};

/* Sessions and direct paths end, and the next packet begins anew: those of peer `id`, or with 0
 * those of all peers that do not answer. */
struct engine_forget {
	uint32_t tag;
	uint32_t id;
};
/* Of how many peers. */
struct engine_forgotten {
	uint32_t tag;
	uint32_t n;
};

/* A peer's path changed. `endpoint` is the outer address that its packets go to. */
struct engine_path {
	uint32_t id;
	enum path_kind path;
	enum path_reason reason;
	struct endpoint endpoint;
};

/* How our own NAT maps, as far as the engine could find out; told when it has changed. */
struct engine_nat {
	enum nat_mapping kind;
	struct endpoint observed;        /* our address as the hub sees it; family 0: not known */
	struct endpoint observed_second; /* and as it sees it from its second port */
};

/*
 * A spoke's engine: packets went to the hub, and for some time nothing has come back, though it is
 * not given up yet; or it answers again (or is given up together with its session). Told when it
 * changes, so that a carrier is there by the time that it is needed.
 */
struct engine_hub_silent {
	bool silent;
};

/* The tunnel keys that the engine has and that are on the disk: the one that handshakes begin with,
 * and the other. `result`: why none could be made. */
struct engine_keys {
	enum err result;
	uint8_t n; /* 1 or 2 */
	struct public_key key[2];
};

struct engine_status {
	uint32_t tag;
	uint32_t id;
	enum path_kind path;
	enum path_reason reason;
	struct endpoint endpoint;
	int64_t handshake_wall_ms;   /* last completed handshake, 0 never */
	uint64_t rx_bytes, tx_bytes; /* inner bytes */
	uint64_t rx_packets, tx_packets;
	uint32_t rtt_us;        /* 0 unknown */
	uint16_t pmtu;          /* largest inner packet that the path carries, bytes, 0 unknown */
	int64_t since_wall_ms;  /* when path or reason became what they are, 0 never */
	uint16_t loss_permille; /* probes of the last while that were not answered */
	uint8_t cipher;         /* enum tunnel_cipher of shared/wire/limits.h */
	/* Bytes of all packets to a peer that asks for compression, as they were and as they went.
	 */
	uint64_t compress_before, compress_after;
	/* Which of our tunnel keys the session was made with: its first four bytes, big-endian; 0
	 * without a session. */
	uint32_t own_key;
};

/* Why the engine dropped packets; a counter each. */
enum engine_drop {
	DROP_MALFORMED,     /* not a packet of ours, wrong length or version */
	DROP_MAC1,          /* handshake without a right MAC1 */
	DROP_UNKNOWN_PEER,  /* handshake of a key that the directory does not hold */
	DROP_UNKNOWN_INDEX, /* transport packet for no session of ours */
	DROP_AUTH,          /* wrong tag */
	DROP_REPLAY,        /* seen before, or too old */
	DROP_SOURCE,        /* inner source address does not belong to the peer */
	DROP_NO_ROUTE,      /* no peer has the destination */
	DROP_POLICY,        /* relay or forwarding not allowed */
	DROP_RATE,          /* over a rate limit */
	DROP_QUEUE,         /* a queue was full, or long for too long */
	DROP_NO_SESSION,    /* no session, and none could be made */
	DROP_TTL,           /* time to live ran out while forwarding */
	DROP_TOO_BIG,       /* did not fit the path */
	DROP_SEND,          /* the kernel refused the packet */
	DROP_SOCKET,        /* by the kernel: no room in the socket's buffer, or a wrong UDP
			       checksum */
	DROP_CONGESTION,    /* marked as congested on the way, and its sender knows no ECN */
	DROP_COUNT
};
const char *engine_drop_str(
	enum engine_drop d); /* "replay", "inner-source", ... as used in the API and metrics */

/* What the kernel does for the engine, as it was found at the start: bits of offloads. */
enum engine_offload {
	ENGINE_OFFLOAD_TUN_VNET = 1 << 0,    /* packets of the TUN device come with a vnet header */
	ENGINE_OFFLOAD_TUN_TSO = 1 << 1,     /* and as TCP super-packets */
	ENGINE_OFFLOAD_TUN_USO = 1 << 2,     /* and as UDP super-packets */
	ENGINE_OFFLOAD_UDP_SEGMENT = 1 << 3, /* the kernel cuts our datagrams */
	ENGINE_OFFLOAD_UDP_GRO = 1 << 4,     /* the kernel joins those that come */
};
#define ENGINE_OFFLOAD_BITS 5u
#define ENGINE_CRYPTO_SIZE  32u
/* "tun-tso", "udp-gro", ... as used in the API and metrics; "unknown" for what is no bit. */
const char *engine_offload_str(enum engine_offload bit);

/* Totals of the engine, closing an ENGINE_STATUS_GET. */
struct engine_status_end {
	uint32_t tag;
	uint32_t n_peers;
	uint32_t n_sessions;
	uint64_t handshakes;
	uint64_t relayed_packets, relayed_bytes;
	uint64_t drops[DROP_COUNT];
	/* What seals packets to agents: "aes-256-gcm/openssl". Letters, digits, "-", "." and "/".
	 */
	char crypto[ENGINE_CRYPTO_SIZE];
	uint8_t offloads; /* enum engine_offload */
	/* Compression: packets that were tried, those that became smaller; bytes of all packets to
	 * peers that ask for it, tried or not, before and after; and the time of trying as far as
	 * it was measured. */
	uint64_t compress_tried, compress_packed, compress_before, compress_after;
	uint64_t compress_timed, compress_timed_ns;
	/* Queues, as they are now: packets that wait for a handshake, of all peers and of the one
	 * with most of them; bytes in the outer sockets of the engine that the line has not taken.
	 */
	uint32_t pending_packets, pending_packets_max;
	uint64_t socket_bytes;
};

void engine_self_encode(const struct engine_self *m, struct cursor *c);
enum err engine_self_decode(struct cursor *c, struct engine_self *m) must_check;
void engine_peer_encode(const struct engine_peer *m, struct cursor *c);
enum err engine_peer_decode(struct cursor *c, struct engine_peer *m) must_check;
void engine_peer_gone_encode(const struct engine_peer_gone *m, struct cursor *c);
enum err engine_peer_gone_decode(struct cursor *c, struct engine_peer_gone *m) must_check;
void engine_revision_encode(const struct engine_revision *m, struct cursor *c);
enum err engine_revision_decode(struct cursor *c, struct engine_revision *m) must_check;
void engine_tag_encode(const struct engine_tag *m, struct cursor *c);
enum err engine_tag_decode(struct cursor *c, struct engine_tag *m) must_check;
void engine_node_id_encode(const struct engine_node_id *m, struct cursor *c);
enum err engine_node_id_decode(struct cursor *c, struct engine_node_id *m) must_check;
void engine_endpoints_encode(const struct engine_endpoints *m, struct cursor *c);
enum err engine_endpoints_decode(struct cursor *c, struct engine_endpoints *m) must_check;
void engine_ping_encode(const struct engine_ping *m, struct cursor *c);
enum err engine_ping_decode(struct cursor *c, struct engine_ping *m) must_check;
void engine_pong_encode(const struct engine_pong *m, struct cursor *c);
enum err engine_pong_decode(struct cursor *c, struct engine_pong *m) must_check;
void engine_forget_encode(const struct engine_forget *m, struct cursor *c);
enum err engine_forget_decode(struct cursor *c, struct engine_forget *m) must_check;
void engine_forgotten_encode(const struct engine_forgotten *m, struct cursor *c);
enum err engine_forgotten_decode(struct cursor *c, struct engine_forgotten *m) must_check;
void engine_path_encode(const struct engine_path *m, struct cursor *c);
enum err engine_path_decode(struct cursor *c, struct engine_path *m) must_check;
void engine_hub_silent_encode(const struct engine_hub_silent *m, struct cursor *c);
enum err engine_hub_silent_decode(struct cursor *c, struct engine_hub_silent *m) must_check;
void engine_keys_encode(const struct engine_keys *m, struct cursor *c);
enum err engine_keys_decode(struct cursor *c, struct engine_keys *m) must_check;
void engine_nat_encode(const struct engine_nat *m, struct cursor *c);
enum err engine_nat_decode(struct cursor *c, struct engine_nat *m) must_check;
void engine_status_encode(const struct engine_status *m, struct cursor *c);
enum err engine_status_decode(struct cursor *c, struct engine_status *m) must_check;
void engine_status_end_encode(const struct engine_status_end *m, struct cursor *c);
enum err engine_status_end_decode(struct cursor *c, struct engine_status_end *m) must_check;
