/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * peer: a node that this engine may exchange packets with, as control told us, with everything that
 * belongs to it: session, path, timers, counters. Lives from ENGINE_PEER to ENGINE_PEER_GONE.
 */
#include "shared/base/table.h"
#include "shared/ipc/engine_msg.h"
#include "shared/loop/timer.h"
#include "shared/noise/cookie.h"
#include "shared/noise/handshake.h"
#include "shared/tunnel/compress.h"
#include "shared/tunnel/loss.h"
#include "shared/tunnel/pending.h"
#include "shared/tunnel/plpmtu.h"
#include "shared/base/rate.h"
#include "shared/tunnel/udp.h"

struct tunnel;

/*
 * The key that a peer had before. Whoever has replaced its key may, for a while, still begin
 * handshakes with the old one; it ends with the first session that the new key has made, at the
 * latest after OLD_KEY_MS.
 */
struct old_key {
	struct list link; /* in t->old_keys */
	struct peer *peer;
	struct public_key key;
	uint64_t until_ms;
};

/* The cryptographic side: at most one handshake of ours under way and three keypairs, as in
 * WireGuard. */
struct session {
	struct handshake_peer remote;
	struct cookie_maker cookie;
	uint32_t remote_own; /* number of our own key that `remote` was computed with */
	struct old_key *old; /* the peer's key of before, while it counts; NULL none */
	struct handshake_initiator initiator;
	uint32_t initiator_own; /* number of our own key that it is made with */
	bool initiator_other;   /* that is our second one */
	uint8_t sent_timestamp[TIMESTAMP_BYTES];
	uint8_t received_timestamp[TIMESTAMP_BYTES];
	uint64_t last_consumed_ms; /* last initiation of the peer that we answered */
	struct keypair *current;   /* sends; NULL when there is none */
	struct keypair *previous;  /* still receives what was under way */
	struct keypair *next;      /* ours as responder, until the peer confirms it */
	struct pending pending;
	int64_t handshake_wall_ms; /* last completed handshake, 0 never */
	/* Only in a mover: the keypairs that the engine gave us, `current` is one of them or NULL;
	 * and whether the engine has a session. */
	struct keypair *held[3];
	bool at_engine;
};

/*
 * Deadlines of one peer, milliseconds, TIMER_NEVER when off. One timer is armed to the earliest
 * (timers.c):
 *
 *   retransmit   an initiation was sent; after REKEY_TIMEOUT_MS and jitter (agents: less at
 *                first, REKEY_RETRY_MIN_MS): send it again, give up after REKEY_ATTEMPT_MS
 *   keepalive    data came and nothing was sent since; after KEEPALIVE_MS: an empty packet
 *   renew        data was sent and nothing came since; after KEEPALIVE_MS + REKEY_TIMEOUT_MS: a new
 *                handshake
 *   wipe         a keypair was made; after 3 * REJECT_AFTER_MS: forget all keys
 *   persistent   any packet was sent or came; after keepalive_s of the directory: an empty packet
 *   check        agents: data was sent and nothing came since over the same way; after CHECK_MS:
 *                the machine of choice.h doubts the way. Who has no such machine (the hub for its
 *                peers): probes, and when they are not answered, unreachable, a new handshake
 *   hush         data came, none of ours went since, and now nothing comes any more; after HUSH_MS
 *                of that the machine doubts the way: a NAT of ours that has forgotten it lets
 *                nothing in until we send
 *   path         when the machine of choice.h wants to be woken
 *   probe        a series of probes ends, or a ping of control (probe.c)
 *   pmtu         agents, with PMTUDiscovery: data was sent; after PLPMTU_CHECK_MS, or at once
 *                when nothing is known of the path: the next step of plpmtu.h, and as that says
 *   rekey        a mover came, which has no keys of the sessions before, or our tunnel key has
 *                changed: a new handshake, so that there are others
 */
struct deadlines {
	uint64_t retransmit_ms, keepalive_ms, renew_ms, wipe_ms, persistent_ms, check_ms;
	uint64_t hush_ms;
	uint64_t rekey_ms, path_ms, probe_ms, pmtu_ms;
	uint64_t rekey_since_ms;     /* a younger keypair is what `rekey` is for */
	uint64_t attempt_began_ms;   /* first initiation of this attempt */
	uint32_t retry_wait_ms;      /* for an answer to the last initiation, jitter not counted */
	uint64_t last_initiation_ms; /* 0 never */
	uint64_t last_received_ms;
	uint64_t last_data_ms; /* an inner packet, either way; 0 never */
	uint64_t heard_ms;     /* an authenticated packet over the way in use */
	unsigned probes_unanswered;
};

struct choice;
struct path_told;
struct probes;

/* Where the peer's packets go; path.c is the only one that changes it. */
struct path {
	struct udp_slot slot; /* the train that packets for this peer go into now */
	enum path_kind kind;
	enum path_reason reason;
	struct endpoint endpoint; /* outer address that packets go to; for a relayed peer none */
	bool relayed;             /* packets travel in envelopes through the hub */
	bool unreachable;         /* does not answer: others with the same prefix go first */
	bool peer_tcp;            /* its own way to the hub is TCP, as it or control said last */
	struct loss loss;         /* of probes over the way in use */
	uint32_t rtt_us;          /* smoothed, of the way in use; 0 unknown */
	uint64_t retry_ms;   /* earliest time of the next handshake that a passed-over owner gets */
	uint64_t located_ms; /* when control was asked last, 0 never */
	uint64_t elsewhere_ms; /* when packets came another way last, and that was dealt with */
	int64_t since_wall_ms; /* kind and reason are what they are; 0 never */
	enum path_reason rest; /* why there is no direct path, while there is no choice */
	struct endpoint last_direct; /* answered last, when the choice was given up */
	struct path_told *told;      /* candidates of control; NULL none */
	struct choice *choice;       /* while the peer is in use; NULL otherwise */
	struct probes *probes_out;   /* of probe.c: those not answered; NULL none */
};

/* What the path of a peer carries; pmtu.c is the only one that changes it. */
struct path_mtu {
	uint16_t limit;           /* the largest inner packet to be sent, bytes; always set */
	bool cut;                 /* even smaller ones may have to be cut on their way */
	bool asked;               /* the path, since it is the one in use */
	uint64_t tx_bytes_before; /* counters.tx_bytes at the last step */
	struct plpmtu plpmtu;
};

struct peer_counters {
	uint64_t rx_bytes, tx_bytes, rx_packets, tx_packets;
};

/* What a mover has not told the engine yet about a peer (the counters beside it, too). */
struct peer_news {
	struct list link; /* in the mover's list; alone when there is nothing */
	uint8_t flags;    /* enum mover_event_flag */
	bool relayed;     /* as in struct mover_event */
	uint32_t index;
	struct endpoint endpoint;
};

/* A question of control (ENGINE_PING) that waits for its answer. */
struct ping {
	bool active;
	uint32_t tag;
	uint64_t deadline_ms;
};

struct peer {
	struct tunnel *tunnel;
	uint32_t id;
	struct public_key tunnel_key;
	struct table_node by_id, by_key;
	struct engine_peer_settings {
		char name[NAME_SIZE];
		enum node_kind kind;
		bool aes, via_hub, forward;
		uint16_t keepalive_s;
		uint64_t groups, reach;
		uint8_t compression;
		enum path_policy policy;
		uint64_t hub_only, direct_only; /* hub only */
		uint16_t pmtu_max;
		bool pmtu_fixed;
		bool warm;
	} set;
	enum tunnel_cipher cipher;
	uint32_t seen_in_sync; /* number of the last sync that named it */
	uint32_t n_subnets;
	struct node_subnet *subnets; /* what is in the route table for it */
	struct session session;
	struct path path;
	struct path_mtu pmtu;
	struct deadlines due;
	struct timer timer;
	struct peer_counters counters;  /* in a mover: since the last news */
	struct compress_tally compress; /* what compression has saved; so, too */
	struct peer_news news;
	struct rate_bucket relay_rate;
	struct ping ping;
};

/* Is there a session with the peer, here or (in a mover) at the engine? */
static inline bool peer_has_session(const struct peer *p)
{
	return p->session.current || p->session.at_engine;
}

static inline bool peer_is_agent(const struct peer *p) { return p->set.kind != NODE_WIREGUARD; }

struct peer *peer_find(const struct tunnel *t, uint32_t id);
struct peer *peer_find_key(const struct tunnel *t, const struct public_key *key);
/*
 * Makes or changes a peer as control says. Another cipher begins a new session. An agent's changed
 * key leaves it alone, too (control tells that a peer is gone before it names one that was joined
 * anew), but not in a sync of the hub's: there control has just begun and knows nothing of before.
 * ERR_LIMIT, ERR_NOMEM, ERR_AUTH (a key that no handshake can be made with),
 * ERR_EXISTS (the key of another peer): the peer is then not there.
 */
enum err peer_set(struct tunnel *t, const struct engine_peer *m) must_check;
/* t->self has changed: sessions whose cipher is another one now begin anew. */
void peer_self_changed(struct tunnel *t);
/* Forgets the peer, its keys, routes and waiting packets at once. */
void peer_drop(struct peer *p);
/*
 * Ends the session with peer `id`, or with 0 those with all peers that do not answer, and forgets
 * what was learnt of their paths: the next packet begins anew. Whom ConnectTo or a keepalive keeps
 * connected begins anew at once. Returns of how many.
 */
uint32_t peer_forget(struct tunnel *t, uint32_t id);
/* Drops all peers that the sync `seen` did not name. */
void peer_drop_unseen(struct tunnel *t, uint32_t seen);
/* May the two talk through us (relay, forwarding)? */
bool peer_may_talk(const struct peer *a, const struct peer *b);
/* Hub: may we relay between the two? Not when they are to use direct paths only. */
bool peer_may_relay(const struct peer *a, const struct peer *b);
