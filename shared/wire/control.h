/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * The messages of the link, as structs, and their JSON. schema/CONTROL.md describes each field.
 * Unknown fields are ignored, unknown types decode to CONTROL_UNKNOWN.
 *
 *   spoke -> hub    join, hello, report, locate, ack, propose_subnet, rotate_key, pong, carry,
 *                   settings_state, revived, held_keys, peer_policies,
 *                   hub_key_known
 *   hub -> spoke    welcome, directory, presence, punch, ask_key, ping, bye, error, carry,
 *                   settings, hub_key
 */
#include "shared/base/buf.h"
#include "shared/wire/directory.h"
#include "shared/wire/node_settings.h"

enum control_type {
	CONTROL_UNKNOWN = 0,
	CONTROL_JOIN,
	CONTROL_HELLO,
	CONTROL_REPORT,
	CONTROL_LOCATE,
	CONTROL_ACK,
	CONTROL_PROPOSE_SUBNET,
	CONTROL_PONG,
	CONTROL_WELCOME,
	CONTROL_DIRECTORY,
	CONTROL_PRESENCE,
	CONTROL_PUNCH,
	CONTROL_PING,
	CONTROL_BYE,
	CONTROL_ERROR,
	CONTROL_CARRY, /* both ways, see struct control_carry */
	CONTROL_SETTINGS,
	CONTROL_SETTINGS_STATE,
	CONTROL_ROTATE_KEY,
	CONTROL_ASK_KEY,
	CONTROL_REVIVED,
	CONTROL_HELD_KEYS,
	CONTROL_PEER_POLICIES,
	CONTROL_HUB_KEY,
	CONTROL_HUB_KEY_KNOWN,
};
const char *control_type_str(enum control_type t);

#define CONTROL_CAPABILITIES_MAX 16u
#define CONTROL_TEXT_SIZE        256u

/* What a side can do: bits here, names on the wire; unknown names are ignored. */
enum control_capability {
	CAP_ZLIB = 1,
	CAP_CARRY = 2,          /* hub: takes connections that begin with `carry` */
	CAP_SETTINGS = 4,       /* spoke: takes `settings`; hub: takes `settings-state` */
	CAP_ROTATE = 8,         /* spoke: makes new keys when it is asked; hub: takes them */
	CAP_REVIVED = 16,       /* hub: takes `revived` */
	CAP_HELD_KEYS = 32,     /* hub: takes `held-keys` */
	CAP_PEER_POLICIES = 64, /* hub: takes `peer-policies` */
	CAP_HUB_KEY = 128, /* hub: announces its next identity key; spoke: keeps and confirms it */
};

struct control_join {
	uint8_t secret[JOIN_SECRET_BYTES];
	struct public_key tunnel_key;
	uint8_t tunnel_sig[64];
	bool aes;
	uint32_t capabilities;
	char version[32];
	char hostname[64];
	char name[NAME_SIZE]; /* that it would like to have, when the token leaves the choice */
};
struct control_hello {
	uint64_t revision;         /* of the directory that the spoke holds, 0 none */
	uint64_t highest_revision; /* ever seen, so that a restored hub notices that it went back */
	uint32_t capabilities;
	char version[32];
	char hostname[64];
	bool aes;
	struct public_key tunnel_key;
	uint8_t tunnel_sig[64];
	uint8_t nat;                  /* the spoke's: enum nat_mapping; 0 not known */
	enum path_policy path_policy; /* its own word, for the paths to all other spokes */
	uint8_t n_candidates;
	struct endpoint candidates[16];
	bool strict_keys; /* it tells by held_keys whose keys it holds back */
};
struct control_peer_report {
	uint32_t id;
	uint8_t path;   /* enum path_kind */
	uint8_t reason; /* enum path_reason */
	struct endpoint endpoint;
	int64_t handshake_ms; /* wall clock, 0 never */
	uint64_t rx_bytes, tx_bytes;
	uint32_t rtt_us;
	int64_t since_ms; /* wall clock: when path or reason became what they are, 0 not known */
	uint16_t loss_permille;
	uint16_t pmtu; /* largest inner packet, bytes, 0 not known */
};
#define CONTROL_REPORT_PEERS_MAX 256u
/* A report of so many peers fits into LINK_FRAME_CLIENT_MAX_BYTES whatever it says of them. */
#define CONTROL_REPORT_PEERS_FIT 192u
struct control_report {
	uint8_t nat; /* the spoke's: enum nat_mapping; 0 not known, or not told here */
	uint16_t n_peers;
	struct control_peer_report peers[CONTROL_REPORT_PEERS_MAX];
};
struct control_locate {
	uint32_t id;
};
struct control_ack {
	uint64_t revision;
};
struct control_propose_subnet {
	struct node_subnet subnet;
};
/* New keys of the spoke. Without an identity key that one stays. */
struct control_rotate_key {
	bool has_identity;
	struct public_key identity_key;
	uint8_t identity_sig[64]; /* by the identity key of before, over node_identity_sign_input()
				   */
	struct public_key tunnel_key; /* a new one or the present one */
	uint8_t tunnel_sig[64];       /* by `identity_key`, or by the one that stays */
};
/* The hub asks the spoke to make new keys. */
struct control_ask_key {
	bool tunnel, identity;
};
/* The directory has a node again whose identity key the spoke was told to be revoked. */
struct control_revived {
	uint32_t id;
	uint64_t revision; /* at which the spoke learnt of the revocation */
	struct public_key identity_key;
};
/* A node that the spoke takes for no peer: nobody has vouched for its identity key (StrictKeys). */
struct control_held_key {
	uint32_t id;
	struct public_key identity_key;
};
/* All of them, or the first so many. */
struct control_held_keys {
	uint8_t n;
	struct control_held_key keys[LINK_HELD_KEYS_MAX];
};
/*
 * What the spoke's own configuration says of its paths to single nodes (hosts/NAME), beside the
 * hello's word for all: all of it, ids rising, or the first so many.
 */
struct control_peer_policies {
	uint16_t n;
	struct control_peer_policy {
		uint32_t id;
		enum path_policy policy; /* never auto */
	} peers[LINK_PEER_POLICIES_MAX];
};
/* The identity key that is to take the place of the hub's present one. */
struct control_hub_key {
	bool has_key; /* false: there is none, or it was taken back; the rest is zeros then */
	struct public_key key;
	uint8_t sig[64];   /* by the hub's present one, over node_identity_sign_input() */
	int64_t switch_ms; /* wall clock of the hub: in force then at the latest */
};
/* The spoke has it on its disk, and takes the hub with it from here on. */
struct control_hub_key_known {
	struct public_key key;
};
struct control_welcome {
	char network[NAME_SIZE];
	char name[NAME_SIZE]; /* of the spoke */
	uint32_t id;          /* of the spoke */
	uint32_t hub_id;
	char hub_name[NAME_SIZE];
	uint64_t revision; /* the hub's */
	uint32_t capabilities;
	char version[32];
	struct addr addresses[2]; /* the spoke's own */
	struct prefix pools[2];   /* the network's address ranges: IPv4, IPv6; family 0 none */
	uint16_t mtu;
	uint16_t keepalive_s; /* towards the hub */
	uint16_t udp_port;    /* of the hub's data plane */
	uint16_t nat_port;    /* of the hub's second UDP socket (PROTOCOL.md, section 10), 0 none */
	uint32_t report_ms;
	int64_t time_ms;          /* hub's wall clock */
	struct endpoint observed; /* the spoke's address as the hub sees the link */
	uint8_t n_tcp_ports;
	uint16_t
		tcp_ports[LINK_PORTS_MAX]; /* where the hub listens, too, at all of its addresses */
	uint32_t key_overlap_s;            /* how long a key that was replaced is good for, at most
					      KEY_OVERLAP_MAX_S; 0: KEY_OVERLAP_DEFAULT_S */
	struct control_hub_key hub_key;
};
struct control_presence {
	uint32_t id;
	bool online;
	bool tcp;    /* it reaches the hub by TCP only: there is no UDP endpoint to be tried */
	uint8_t nat; /* that node's: enum nat_mapping; 0 not known */
	enum path_policy path_policy; /* its own word for the path to who is told, beside the
					 directory's */
	uint8_t n_endpoints;
	struct endpoint endpoints[16];
};
enum bye_reason {
	BYE_SHUTDOWN = 1,
	BYE_BUSY,
	BYE_REVOKED,
	BYE_DISABLED,
	BYE_UNKNOWN_KEY,
	BYE_REPLACED,
	BYE_PROTOCOL,
	BYE_DELETED,
	BYE_DISCONNECTED
};
const char *bye_reason_str(enum bye_reason r); /* "shutdown", "busy", "revoked", ... */
struct control_bye {
	enum bye_reason reason;
	uint32_t retry_after_ms;
	char text[CONTROL_TEXT_SIZE];
};
/* Stable codes: token_unknown, token_used, token_expired, token_revoked, token_wrong_network,
 * name_joined, node_revoked, store_busy, store_full, store_failed, bad_message, unknown_type. */
struct control_error {
	char code[32];
	char text[CONTROL_TEXT_SIZE];
};

/*
 * The first message of a connection that carries tunnel packets, and the hub's answer to it: from
 * then on both sides send frames of wire/carry.h and no more messages.
 */
struct control_carry {
	uint32_t capabilities;
	char version[32];
};

/*
 * The hub wishes other settings on the spoke, which takes them back unless it reaches the hub again
 * within `confirm_s`. All settings that are to hold, not only those that change.
 */
struct control_settings {
	uint64_t number; /* of the change; grows */
	uint32_t confirm_s;
	struct node_settings values;
	char unknown[32]; /* a setting in it that this version does not know, or ""; no values then
			   */
};
/* How far a change of settings is on the spoke. */
enum settings_outcome { SETTINGS_NONE, SETTINGS_TRYING, SETTINGS_ROLLED_BACK, SETTINGS_OUTCOMES };
/* What holds on the spoke: after each welcome, and whenever it changes. */
struct control_settings_state {
	uint64_t in_force; /* number of the change that is confirmed, 0 none */
	uint64_t tried;    /* number of the last one that is tried or was taken back, 0 none */
	enum settings_outcome outcome;     /* of `tried` */
	char reason[SETTINGS_REASON_SIZE]; /* why it was taken back */
	struct node_settings effective;    /* what holds, and where it comes from */
	enum setting_source source[NODE_SETTINGS_MAX];
};

struct control_msg {
	enum control_type type;
	union {
		struct control_join join;
		struct control_hello hello;
		struct control_report report;
		struct control_locate locate;
		struct control_ack ack;
		struct control_propose_subnet propose;
		struct control_rotate_key rotate;
		struct control_ask_key ask_key;
		struct control_revived revived;
		struct control_held_keys held;
		struct control_peer_policies policies;
		struct control_hub_key hub_key;
		struct control_hub_key_known hub_key_known;
		struct control_welcome welcome;
		struct delta directory;           /* owned: control_msg_fini() */
		struct control_presence presence; /* also PUNCH */
		struct control_bye bye;
		struct control_error error;
		struct control_carry carry;
		struct control_settings settings;
		struct control_settings_state settings_state;
	};
};

/* A new message for one frame: 4 bytes big-endian length (top bit: zlib-compressed) and the JSON,
 * appended to `out`. Compresses above LINK_COMPRESS_ABOVE_BYTES when `capabilities` of the other
 * side has CAP_ZLIB. */
enum err control_encode(const struct control_msg *m, uint32_t capabilities,
			struct buf *out) must_check;
/*
 * Takes one whole frame off the front of `in`. ERR_AGAIN: not all there yet. ERR_TOOBIG: longer
 * than `max_bytes`. ERR_INVALID, ERR_CORRUPT, ERR_TRUNCATED: nonsense; the link must be closed.
 * After ERR_OK the caller frees with control_msg_fini(). An unknown type is ERR_OK with
 * CONTROL_UNKNOWN.
 */
enum err control_decode(struct buf *in, size_t max_bytes, struct control_msg *out) must_check;
void control_msg_fini(struct control_msg *m);
