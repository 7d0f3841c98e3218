/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/* Every number of the protocols and every limit, with its unit and reason. schema/PROTOCOL.md and
 * CONTROL.md use the same names. */

/* --- Data plane: message types (first byte) --- */
enum packet_type {
	PACKET_WG_INITIATION = 1, /* WireGuard's four, for stock WireGuard devices only */
	PACKET_WG_RESPONSE = 2,
	PACKET_WG_COOKIE = 3,
	PACKET_WG_TRANSPORT = 4,
	PACKET_INITIATION = 5, /* between agents */
	PACKET_RESPONSE = 6,
	PACKET_TRANSPORT = 7,
	PACKET_RELAY = 8,
	PACKET_COOKIE =
		9, /* cookie reply between agents: as type 3, so that the namespaces never mix */
};

/* Which AEAD a session uses. Follows from the directory, is never negotiated. */
enum tunnel_cipher {
	CIPHER_WIREGUARD = 0,        /* types 1-4: WireGuard's own Noise name and identifier */
	CIPHER_AES256GCM = 1,        /* types 5-7: Noise_IKpsk2_25519_AESGCM_BLAKE2s */
	CIPHER_CHACHA20POLY1305 = 2, /* types 5-7: Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s */
};

/* --- Sizes in bytes --- */
#define AEAD_TAG_BYTES             16u
#define AEAD_NONCE_BYTES           12u
#define HANDSHAKE_INITIATION_BYTES 148u
#define HANDSHAKE_RESPONSE_BYTES   92u
#define COOKIE_REPLY_BYTES         64u
#define TRANSPORT_HEADER_BYTES     16u /* type, flags, reserved, receiver index, counter */
#define TRANSPORT_OVERHEAD_BYTES   (TRANSPORT_HEADER_BYTES + AEAD_TAG_BYTES)
#define RELAY_HEADER_BYTES         12u /* type, flags, 2 zero bytes, destination, source id */
#define COOKIE_BYTES               16u /* MAC1, MAC2 and the cookie itself */
#define COOKIE_NONCE_BYTES         24u /* XChaCha20-Poly1305 nonce of a cookie reply */
#define TIMESTAMP_BYTES            12u /* TAI64N in an initiation */
/* Its resolution, as WireGuard's: hides the fine clock, allows 50 initiations a second. */
#define TIMESTAMP_TICK_NS (1u << 24)
/* WireGuard pads plaintext to this multiple; agents do not pad. */
#define TRANSPORT_PADDING_BYTES 16u
#define PACKET_MAX_BYTES        65535u
/* Room before an inner packet: relay and transport header, aligned. */
#define PACKET_HEADROOM_BYTES 64u
#define PACKET_TAILROOM_BYTES 64u /* room behind it: padding and tag */
#define UDP_PORT_DEFAULT      6655u
#define HTTPS_PORT_DEFAULT    8655u
/* 1500 - 40 (IPv6) - 8 (UDP) - 12 (relay) - 32 (transport) = 1408; the 8 to spare are PPPoE's. */
#define TUN_MTU_DEFAULT 1400u
#define TUN_MTU_MIN     576u
#define TUN_MTU_MAX     9000u
/* What WireGuard devices use when nobody has told them another MTU (1500 - 80). */
#define WIREGUARD_MTU 1420u

/* --- Flags of a type 7 header (authenticated) --- */
/* The inner L4 checksum holds only the pseudo-header sum. */
#define TRANSPORT_FLAG_PARTIAL_CSUM 0x01u
#define TRANSPORT_FLAGS_KNOWN       0x01u

/* --- Flags of an envelope, for the hub --- */
#define RELAY_FLAG_MAY_CUT 0x01u /* no DF on the second leg either */
#define RELAY_FLAGS_KNOWN  0x01u

/* --- Extension packets: first byte of a plaintext between agents whose first nibble is 0 --- */
enum extension_type {
	EXTENSION_PROBE = 1, /* "are you there, over this path, with this size?" */
	EXTENSION_PROBE_REPLY = 2,
	EXTENSION_COMPRESSED = 3, /* an IP packet, made smaller */
};
#define EXTENSION_PROBE_BYTES       24u /* without padding */
#define EXTENSION_PROBE_REPLY_BYTES 40u
/* Flags of a probe. The answer is to come from the hub's second port (PROTOCOL.md section 10). */
#define PROBE_FLAG_NAT_PORT 0x01u
/* A datagram to that port, and the answer from there. */
#define NAT_PROBE_BYTES 72u
/* Type, method, original length, reserved; then the data. */
#define EXTENSION_COMPRESSED_HEADER_BYTES 5u
/* How the data of an EXTENSION_COMPRESSED was made; a receiver knows all. */
enum compress_method {
	COMPRESS_DEFLATE = 1, /* raw deflate (RFC 1951), each packet by itself */
	COMPRESS_LZO1X = 2,
};

/* --- Timers of a session, WireGuard's (whitepaper section 6.1), milliseconds --- */
#ifdef BRANCHLINE_TEST_TIMERS /* test-only build: a rekey every few seconds instead of minutes */
#define REKEY_AFTER_MS  6000u
#define REJECT_AFTER_MS 9000u
#else
#define REKEY_AFTER_MS  120000u
#define REJECT_AFTER_MS 180000u
#endif
#define REKEY_TIMEOUT_MS 5000u
/* Agents: the first wait for an answer to an initiation; each further one is twice as long, up to
 * REKEY_TIMEOUT_MS, so that one lost datagram costs half a second and a slow path still answers. */
#define REKEY_RETRY_MIN_MS    500u
#define REKEY_JITTER_MS       334u
#define REKEY_ATTEMPT_MS      90000u
#define KEEPALIVE_MS          10000u
#define REKEY_AFTER_MESSAGES  (1ull << 60)
#define REJECT_AFTER_MESSAGES (UINT64_MAX - (1ull << 13))
/*
 * Agents: the counter's top byte is the number of the sender's worker, its nonce space; the rest
 * counts the packets of that worker, and these limits are of the rest. Types 1-4 have one space of
 * 64 bits.
 */
#define NONCE_SPACES                8u
#define NONCE_SPACE_SHIFT           56u
#define SPACE_REKEY_AFTER_MESSAGES  (1ull << 55)
#define SPACE_REJECT_AFTER_MESSAGES ((1ull << NONCE_SPACE_SHIFT) - (1ull << 13))
#define COOKIE_SECRET_MAX_AGE_MS    120000u
#define COOKIE_VALID_MS             120000u
/* Initiations of one peer: at most 50 a second are answered. */
#define HANDSHAKE_MIN_INTERVAL_MS 20u

/* No two clocks are further apart: 200 years. */
#define CLOCK_AHEAD_MAX_MS (200ll * 366 * 86400 * 1000)

/* --- Data plane: limits --- */
/* Bits of the sliding window; the newest 64 are not usable, as in RFC 6479. */
#define REPLAY_WINDOW_PACKETS 8192u
#define PEERS_MAX             16384u
/* Packets of one peer that wait for its handshake; the oldest goes first. */
#define SESSION_PENDING_PACKETS 16u
#define PENDING_PACKETS_TOTAL   2048u /* of all peers together */
/* Handshakes a second of one IP address (IPv6: /64), burst 5 more. */
#define HANDSHAKE_RATE_PER_SOURCE 20u
/* More initiations a second than this: cookies are asked for. One costs about 0.25 ms of CPU. */
#define HANDSHAKE_UNDER_LOAD_PER_S 400u
#define WORKERS_MAX                NONCE_SPACES /* of one engine, itself counted */
/* Packets a second for no session that it knows, which a mover passes to the engine; above:
 * dropped. */
#define MOVER_STRANGERS_PPS 20000u
/* How often a mover tells the engine about a peer, except for what cannot wait. */
#define MOVER_EVENT_MS 100u
/* Packets of one keypair that came to another worker than the one that opens them: then a new
 * handshake finds out where they come now. */
#define STRAYS_REKEY_PACKETS 256u
/* After a mover came: the handshakes that give it keys are spread, so many a second. */
#define MOVER_REKEYS_PER_S 500u
/* A peer's tunnel key has changed: when a session that is of before is renewed by us. By then most
 * were renewed by the peer. The spread is for the hub's key, which all spokes hear of at once. */
#define PEER_KEY_REKEY_MIN_MS    2000u
#define PEER_KEY_REKEY_SPREAD_MS 10000u
/* Packets a second that one peer may have relayed; above: dropped and counted. */
#define RELAY_RATE_PPS      2000000u
#define RELAY_BURST_PACKETS 200000u
/* ICMP errors that we send into the tunnel device or to peers, together. */
#define ICMP_RATE_PER_S     100u
#define SOCKET_BUFFER_BYTES (4u << 20)
/* A spoke's direct paths, unless its configuration says otherwise. */
#define DIRECT_IDLE_S_DEFAULT 300u
#define DIRECT_MAX_DEFAULT    256u
#define GROUPS_MAX            64u
/* Compression: a smaller packet is sent as it is; nothing is to be had from it. */
#define COMPRESS_MIN_BYTES 100u
/* Flows that are remembered for whether compression pays. */
#define COMPRESS_FLOWS 1024u
/* Less saved than this, in thousandths: it does not pay. */
#define COMPRESS_SAVING_MIN 50u
/* Packets of a flow that are tried before that is judged. */
#define COMPRESS_TRIES 4u
/* A flow for which it does not pay is left alone for so long, doubling to the second. */
#define COMPRESS_PAUSE_MIN_MS 1000u
#define COMPRESS_PAUSE_MAX_MS 64000u
/* A flow without packets for so long is a new one when it comes back. */
#define COMPRESS_FLOW_IDLE_MS 120000u
/* Of a worker's time, at most; what comes beyond goes as it is, so that other peers do not wait. */
#define COMPRESS_TIME_PERCENT 50u
/* At one go, when none was used lately: what a packet of another peer may wait for. */
#define COMPRESS_BURST_US 5000u

/* --- Link --- */
#define LINK_FRAME_MAX_BYTES            (8u << 20)  /* one frame, as sent (compressed or not) */
#define LINK_FRAME_JSON_MAX_BYTES       (64u << 20) /* one frame after decompression, hub to spoke */
#define LINK_FRAME_CLIENT_MAX_BYTES     (64u << 10) /* one frame from a spoke to the hub */
#define LINK_FRAME_STRANGER_MAX_BYTES   4096u       /* the first frame of a connection */
#define LINK_JSON_DEPTH_MAX             16u
#define LINK_COMPRESS_ABOVE_BYTES       4096u
#define LINK_QUEUE_MAX_BYTES            (16u << 20) /* waiting to be sent to one spoke */
#define LINK_HANDSHAKE_MS               10000u      /* TCP, TLS and the first message */
#define LINK_PING_MS                    20000u      /* idle time before a ping */
#define LINK_DEAD_MS                    50000u /* nothing received for so long: the link is dead */
#define LINK_RETRY_MIN_MS               500u   /* reconnect: 0 to the time away, within these */
#define LINK_RETRY_MAX_MS               60000u
#define LINK_RETRY_DISABLED_MS          10000u  /* after "disabled": it may end at any time */
#define LINK_RETRY_REFUSED_MS           900000u /* after "revoked" and the like: 15 min */
#define LINK_CONNECTIONS_MAX            16000u
#define LINK_UNAUTHENTICATED_MAX        1024u /* connections that have not said who they are */
#define LINK_UNAUTHENTICATED_PER_SOURCE 32u
#define LINK_REPORT_MS                  10000u /* a spoke's report */
/* TLS handshakes under way at once; more wait in the listen backlog. */
#define LINK_TLS_PENDING_MAX 512u
#define LINK_TLS_PER_S       800u /* TLS handshakes begun in a second: about two thirds of a core */
/* Time that a stranger has for sure before a newer one may take its place: too short, and a crowd
 * whose handshakes are slow throws its own members out. */
#define LINK_STRANGER_MIN_MS   3000u
#define LINK_MESSAGES_PER_S    50u /* from one spoke, over that: bye protocol */
#define LINK_MESSAGES_BURST    400u
#define LINK_LOCATES_PER_S     20u /* from one spoke, over that: not answered */
#define LINK_LOCATES_BURST     100u
#define LINK_PROPOSALS_PER_S   1u /* proposed subnets of one spoke */
#define LINK_PROPOSALS_BURST   10u
#define LINK_REVIVED_PER_S     10u /* revived; each may be a change of the directory */
#define LINK_REVIVED_BURST     256u
#define LINK_HELD_KEYS_MAX     64u  /* keys that one spoke holds back (StrictKeys) and tells of */
#define LINK_PEER_POLICIES_MAX 256u /* nodes of which one spoke says which paths it wants */
#define LINK_SETTINGS_PER_S    1u   /* settings-state */
#define LINK_SETTINGS_BURST    10u
/* What the hellos of one spoke may cost the hub (a change of its store, a snapshot on a link that
 * is up), over all its links. */
#define LINK_HELLO_COSTS_PER_S 1u
#define LINK_HELLO_COSTS_BURST 10u
#define LINK_WATCHES_MAX       64u /* nodes whose presence one spoke follows; the oldest goes first */
/* Paths of one spoke that the hub remembers, and of all together: some 120 bytes each. */
#define PAIRS_PER_SPOKE_MAX     1024u
#define PAIRS_MAX               65536u
#define LINK_JOINS_PER_S        50u /* join attempts of all together: each is a write to the store */
#define LINK_JOINS_BURST        200u
#define LINK_REPLACED_MAX       3u     /* one identity on two machines: so many replacements ... */
#define LINK_REPLACED_WINDOW_MS 10000u /* ... in so long, then the newer link is refused */

/* --- Carriers: tunnel packets on TLS connections, where UDP does not get through --- */
/* One outer message: the largest TUN_MTU and all that stands around it, with room to spare. */
#define CARRY_MESSAGE_MAX_BYTES 16000u
/* Waiting for one carrier's TCP: the oldest are dropped above so many bytes, or when they waited
 * for so long. Slow TCP loses packets, as a slow line does, and never grows a queue. */
#define CARRIER_QUEUE_BYTES 262144u
#define CARRIER_QUEUE_MS    100u
/* Handed to TLS at once, and what the kernel may hold unsent before it asks for more: small, so
 * that what waits waits where it can be dropped. */
#define CARRIER_WRITE_BYTES  16384u
#define CARRIER_UNSENT_BYTES 8192u
/* Sent and not acknowledged for so long: the kernel gives the connection up. */
#define CARRIER_STUCK_MS 15000u
/* Spoke: handshakes with the hub unanswered for so long over UDP, before TCP is tried. */
#define CARRIER_AFTER_MS 3000u
/* Spoke: UDP works again for so long, before the carrier is closed. */
#define CARRIER_LINGER_MS 60000u
/* Spoke: nothing comes through a carrier that seems to be up: it is dialled anew. */
#define CARRIER_DEAF_MS 5000u
/* Other TCP ports at which a hub listens, besides its own. */
#define LINK_PORTS_MAX 4u

/* --- Directory --- */
#define NODES_MAX          16384u
#define NODE_SUBNETS_MAX   4096u
#define NODE_ENDPOINTS_MAX 8u
#define KEY_OVERLAP_DEFAULT_S                                                                      \
	3600u /* a key that its node has replaced is still taken for so long */
#define KEY_OVERLAP_MAX_S     2592000u /* 30 days */
#define NODE_CHAIN_MAX        8u       /* identity keys of before that a node's record names */
#define NODE_COMPRESSION_MAX  11u      /* as in tinc: 0 none, 1-9 zlib, 10-11 LZO */
#define ENDPOINT_NAME_SIZE    264u     /* "host name port": 255 + port + end mark */
#define SUBNET_WEIGHT_DEFAULT 10u
#define SUBNET_WEIGHT_MAX     65535u
#define JOIN_SECRET_BYTES     16u
#define JOIN_TOKEN_MAX_CHARS  1024u
#define JOIN_TOKEN_EXPIRES_S  86400u
