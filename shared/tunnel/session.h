/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * session: handshakes and keypairs of a peer, in WireGuard's order (whitepaper section 6): the
 * initiator uses a new keypair at once, the responder after the first packet that proves it; the
 * one before goes on receiving.
 */
#include "shared/tunnel/tunnel.h"
#include "shared/tunnel/way.h"

/* Prepares the session of a new peer. ERR_AUTH, ERR_CRYPTO. */
enum err session_init(struct peer *p) must_check;
/* The peer has replaced its tunnel key: the session goes on, later handshakes are with the new one,
 * and for a while (remote.h) the old one may still begin some. Nothing has changed after an error:
 * ERR_AUTH, ERR_CRYPTO. */
enum err session_change_key(struct peer *p, const struct public_key *key) must_check;
/* Forgets all keys, indices and waiting packets; also fine on zeros. */
void session_fini(struct peer *p);
/* Forgets the keys, keeps the peer: the next packet makes a new handshake. */
void session_wipe(struct peer *p);

/*
 * Seals one inner packet (or, with length 0, a keepalive) into the peer's train; without a usable
 * keypair a data packet waits and a handshake begins. `flags`: TRANSPORT_FLAG_*, none for a
 * WireGuard node. Made smaller first where
 * the node asks for compression and it pays. The packet's memory is changed and may be used again
 * right after.
 */
void session_send(struct peer *p, uint8_t *packet, size_t len, uint8_t flags);
/* An empty packet, when there is a session. */
void session_send_keepalive(struct peer *p);
/* The same onto a given way, for extension packets: nothing waits, and no timer of the data takes
 * note. ERR_NOTFOUND: no session that may send, or the way leads nowhere. */
enum err session_send_on(struct peer *p, const struct way *way, uint8_t *packet,
			 size_t len) must_check;
/* Is there a keypair that packets can be sealed with now? */
bool session_may_send(const struct peer *p);
/* Begins a handshake, unless one was begun less than REKEY_TIMEOUT_MS ago. `retry`: the timer goes
 * on with the same attempt. */
void session_initiate(struct peer *p, bool retry);
/* The handshake is given up: forgets it, and what waited for it. The keys that are there stay. */
void session_abandon(struct peer *p);
/* Sends what waited for the session. */
void session_send_pending(struct peer *p);

/* Where a message came from. */
struct session_source {
	struct endpoint endpoint; /* outer address */
	struct peer
		*relay_from; /* in an envelope: the peer that the hub says it is from; else NULL */
	uint8_t worker;      /* the one whose socket it came to */
	uint8_t tos;         /* of the outer header */
};
static inline struct way session_way(const struct session_source *from)
{
	return way_back(&from->endpoint, from->relay_from != NULL);
}

/* Handshake messages and cookie replies; anything that is not right is counted and dropped. */
void session_receive_handshake(struct tunnel *t, struct pkt *msg, enum packet_type type,
			       const struct session_source *from);
/*
 * Opens a transport packet in place. The peer that it is from, authenticated, or NULL (counted and
 * dropped). `*pkt` is then the inner plaintext, `*flags` those of the header.
 */
struct peer *session_open(struct tunnel *t, struct pkt *pkt, const struct session_source *from,
			  uint8_t *flags);

/* For movers.c and mover.c: the peer has used the keypair in `next`; a packet for another peer went
 * through the hub; a keypair is freed, with its index. */
void session_confirm(struct peer *p, const struct session_source *from);
void session_relayed(struct peer *p);
void session_drop_keypair(struct tunnel *t, struct keypair **slot);
