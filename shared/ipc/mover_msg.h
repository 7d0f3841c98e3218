/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * What the engine and its movers (Workers > 1) say to each other. The engine decides everything and
 * has all sessions; a mover gets what it needs to move data packets by itself, and hands over the
 * rest.
 *
 *   engine -> mover                                     mover -> engine
 *   ENGINE_SELF, ENGINE_PEER, ENGINE_PEER_GONE          MOVER_EVENT (what became of a peer)
 *   ENGINE_COMMIT: all of a revision was told           MOVER_APPLIED (the answer to it)
 *   MOVER_KEYPAIR, MOVER_KEYPAIR_GONE                   MOVER_INNER (seal and send this for me)
 *   MOVER_PATH (where to, with which keypair)           MOVER_EXTENSION (an opened one)
 *   MOVER_PACKET (to the one that opens it)             MOVER_PACKET (not mine)
 *                                                       MOVER_COUNTERS
 *                                                       MOVER_CARRIED (sealed, to go by TCP)
 *
 * MOVER_PACKET, MOVER_INNER, MOVER_EXTENSION and MOVER_CARRIED may be lost when the other side is
 * slow (channel_try_send()), as any packet may.
 */
#include "shared/ipc/channel.h"
#include "shared/ipc/engine_msg.h"

enum mover_msg {
	MOVER_KEYPAIR = 128,
	MOVER_KEYPAIR_GONE, /* struct mover_index */
	MOVER_PATH,
	MOVER_PACKET, /* both ways */

	MOVER_EVENT = 160,
	MOVER_APPLIED, /* struct engine_revision */
	MOVER_INNER,
	MOVER_EXTENSION,
	MOVER_COUNTERS,
	MOVER_CARRIED, /* struct carrier_packets (carrier_msg.h) */
};

/*
 * A session's keys, sent once, right after the handshake; the engine does not keep them. Secret: to
 * be zeroed by both sides right after use, the message too (channel_wipe()).
 */
struct mover_keypair {
	uint32_t peer;
	enum tunnel_cipher cipher;
	bool is_initiator;
	uint32_t local_index, remote_index;
	uint64_t created_ms; /* CLOCK_BOOTTIME, which all processes share */
	uint8_t rx_owner;    /* the only worker that opens packets with it */
	struct secret_key send, recv;
};

struct mover_index {
	uint32_t index; /* our own of a keypair */
};

/* Where packets for a peer go now, and with which keypair. Sent when something of it changes. */
struct mover_path {
	uint32_t peer;
	bool relayed;     /* in envelopes through the hub */
	bool unreachable; /* does not answer */
	bool session;     /* the engine has one */
	bool sends;       /* `index` counts: movers seal with that keypair */
	uint32_t index;
	uint16_t pmtu; /* the largest inner packet to be sent, TUN_MTU_MIN..TUN_MTU_MAX */
	bool cut;      /* and smaller ones may have to be cut on their way */
	struct endpoint endpoint; /* of the peer itself; family 0: none known */
};

/* A datagram as it came from the network. */
#define MOVER_PACKET_MAX_BYTES (CHANNEL_MSG_MAX_BYTES - 64u)
struct mover_packet {
	struct endpoint from;
	uint8_t tos;         /* of its outer header */
	const uint8_t *data; /* after decoding in the message's own memory, which the receiver may
				change */
	size_t len;          /* 1..MOVER_PACKET_MAX_BYTES */
};

/* An inner packet that a mover has no session for; empty: only the session is wanted. */
struct mover_inner {
	uint32_t peer;
	uint8_t flags;       /* TRANSPORT_FLAG_* */
	const uint8_t *data; /* as in struct mover_packet */
	size_t len;          /* 0..MOVER_PACKET_MAX_BYTES */
};

/* An authentic extension packet of a peer. */
struct mover_extension {
	uint32_t peer;
	bool relayed;         /* came in an envelope */
	struct endpoint from; /* outer address */
	const uint8_t *data;
	size_t len; /* 1..MOVER_PACKET_MAX_BYTES */
};

/* What happened with a peer at a mover since the event before. */
enum mover_event_flag {
	MOVER_SENT = 1 << 0,          /* data */
	MOVER_RECEIVED = 1 << 1,      /* something authentic */
	MOVER_RECEIVED_DATA = 1 << 2, /* and data among it */
	MOVER_CONFIRMED = 1 << 3, /* the first packet with the keypair `index`, made as responder */
	MOVER_ENDPOINT = 1 << 4,  /* `endpoint` is where other packets than probes came from, and
				     not the address that ours go to */
	MOVER_RECEIVED_HERE = 1 << 5,    /* something came over the way that our packets take */
	MOVER_RECEIVED_RELAYED = 1 << 6, /* data came through the hub, ours go straight */
	MOVER_TOO_BIG = 1 << 7,          /* what was sent to it is larger than the device takes */
	MOVER_EVENT_FLAGS = (1 << 8) - 1,
};
struct mover_event {
	uint32_t peer;
	uint8_t flags;
	bool relayed;   /* MOVER_CONFIRMED: came in an envelope */
	uint32_t index; /* 0 without MOVER_CONFIRMED */
	struct endpoint
		endpoint; /* with MOVER_ENDPOINT, and MOVER_CONFIRMED unless relayed; else none */
	uint64_t rx_bytes, tx_bytes, rx_packets, tx_packets; /* inner, since the event before */
	uint64_t compress_before, compress_after;            /* bytes, as in struct engine_status */
};

/* Of a mover as a whole, since the message before. */
struct mover_counters {
	uint64_t relayed_packets, relayed_bytes;
	uint64_t drops[DROP_COUNT];
	/* As in struct engine_status_end. */
	uint64_t compress_tried, compress_packed, compress_before, compress_after;
	uint64_t compress_timed, compress_timed_ns;
};

void mover_keypair_encode(const struct mover_keypair *m, struct cursor *c);
enum err mover_keypair_decode(struct cursor *c, struct mover_keypair *m) must_check;
void mover_index_encode(const struct mover_index *m, struct cursor *c);
enum err mover_index_decode(struct cursor *c, struct mover_index *m) must_check;
void mover_path_encode(const struct mover_path *m, struct cursor *c);
enum err mover_path_decode(struct cursor *c, struct mover_path *m) must_check;
void mover_packet_encode(const struct mover_packet *m, struct cursor *c);
enum err mover_packet_decode(struct cursor *c, struct mover_packet *m) must_check;
void mover_inner_encode(const struct mover_inner *m, struct cursor *c);
enum err mover_inner_decode(struct cursor *c, struct mover_inner *m) must_check;
void mover_extension_encode(const struct mover_extension *m, struct cursor *c);
enum err mover_extension_decode(struct cursor *c, struct mover_extension *m) must_check;
void mover_event_encode(const struct mover_event *m, struct cursor *c);
enum err mover_event_decode(struct cursor *c, struct mover_event *m) must_check;
void mover_counters_encode(const struct mover_counters *m, struct cursor *c);
enum err mover_counters_decode(struct cursor *c, struct mover_counters *m) must_check;
