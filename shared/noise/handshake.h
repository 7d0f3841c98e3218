/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * handshake: Noise_IKpsk2 as WireGuard uses it (whitepaper section 5.4), for WireGuard devices and,
 * under names of their own, between agents. Messages in, messages and a keypair out; no I/O, no
 * clock, no peer table. MAC1, MAC2 and cookies are cookie.h.
 *
 *     initiator                                     responder
 *     1. handshake_timestamp()
 *     2. handshake_create_initiation()
 *     3. cookie_add_macs()       -- initiation -->  4. packet_classify(), cookie_check()
 *                                                   5. handshake_receive_initiation(): one X25519
 *                                                   6. handshake_unseal_static(): who claims it?
 *                                                   7. handshake_consume_initiation(): is it true?
 *                                                   8. handshake_create_response(): the keypair
 *    10. cookie_check()          <-- response --    9. cookie_add_macs()
 *    11. handshake_consume_response(): the keypair
 *
 * The message type tells WireGuard (1) from agent (5). Which cipher an agent uses follows from the
 * directory, but the responder does not know the peer before step 6, so it tries: AES-256-GCM first
 * if our CPU has it, then ChaCha20-Poly1305; the X25519 of step 5 serves both tries, a wrong one
 * costs a hash and an AEAD of 32 bytes. Having found the peer, the caller compares the cipher with
 * what the directory says for the pair and drops a mismatch.
 *
 * Nothing is committed before it is verified: a message that fails leaves the structs as they were,
 * so that a forged one harms nobody.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/base/err.h"
#include "shared/base/secret.h"
#include "shared/noise/keypair.h"
#include "shared/noise/primitives.h"
#include "shared/noise/symmetric.h"
#include "shared/wire/handshake.h"
#include "shared/wire/limits.h"

/* Our own tunnel key; one per engine, kept for its lifetime. */
struct handshake_self {
	struct dh_key key;
};

/* ERR_CRYPTO. `secret` is not kept (libcrypto keeps its own copy). */
enum err handshake_self_init(struct handshake_self *self,
			     const struct secret_key *secret) must_check;
void handshake_self_fini(struct handshake_self *self);

/* What the handshake needs of a peer, computed when the directory names it; kept with the peer. */
struct handshake_peer {
	struct public_key public;
	uint8_t static_static[KEY_BYTES]; /* X25519(ours, theirs) */
	uint8_t psk[KEY_BYTES];           /* zeros when there is none */
};

/*
 * One X25519. `psk` NULL: zeros. ERR_AUTH: `public` is a point of low order, no handshake with it
 * can be made.
 */
enum err handshake_peer_init(struct handshake_peer *peer, const struct handshake_self *self,
			     const struct public_key *public,
			     const struct secret_key *psk) must_check;
void handshake_peer_fini(struct handshake_peer *peer);

/*
 * The timestamp of the next initiation to one peer: TAI64N of `wall_ns` (since 1970 UTC), rounded
 * down to TIMESTAMP_TICK_NS, but always later than `last_sent` (zeros: none yet) by at least a
 * tick, so that a clock set back does not lock us out. `out` may be `last_sent`. For the same
 * across restarts the caller stores and restores `last_sent`.
 */
void handshake_timestamp(int64_t wall_ns, const uint8_t last_sent[TIMESTAMP_BYTES],
			 uint8_t out[TIMESTAMP_BYTES]);

/* ------- Initiator: one per peer, zeros when idle ------- */

struct handshake_initiator {
	bool active; /* an initiation is out and unanswered */
	enum tunnel_cipher cipher;
	uint32_t local_index;
	struct dh_key ephemeral;
	struct symmetric sym;
	/* Set by the caller for handshake_consume_response(): gets the keys of the keypair, too.
	 * Else NULL. */
	struct keypair_keys *keys;
};

/*
 * Writes an initiation (type 1 for CIPHER_WIREGUARD, else 5) with zeros for both MACs. A handshake
 * that was still out is forgotten (its answer will be refused). `ephemeral` NULL: a fresh random
 * key, as it must be outside of tests. ERR_CRYPTO: `hs` is idle then.
 */
enum err handshake_create_initiation(struct handshake_initiator *hs, struct primitives *p,
				     const struct handshake_self *self,
				     const struct handshake_peer *peer, enum tunnel_cipher cipher,
				     uint32_t local_index, const uint8_t timestamp[TIMESTAMP_BYTES],
				     const struct secret_key *ephemeral,
				     uint8_t out[HANDSHAKE_INITIATION_BYTES]) must_check;
/*
 * Checks the answer and makes the keypair in `*kp` (zeroed or fini'd before; untouched on error).
 * `hs` becomes idle and zero. ERR_INVALID: not a response of our cipher's type to our index, or
 * nothing is out. ERR_AUTH: forged, wrong psk, low-order point. ERR_CRYPTO, ERR_NOMEM. After any
 * error `hs` goes on waiting for the right answer.
 */
enum err handshake_consume_response(struct handshake_initiator *hs, struct primitives *p,
				    const struct handshake_self *self,
				    const struct handshake_peer *peer, const uint8_t *msg, size_t n,
				    uint64_t now_ms, struct keypair *kp) must_check;
/* Forgets a handshake; also fine on zeros. */
void handshake_initiator_fini(struct handshake_initiator *hs);

/* ------- Responder: lives from the initiation to the response, on the stack ------- */

enum handshake_step {
	HANDSHAKE_NONE = 0,
	HANDSHAKE_RECEIVED,     /* after step 5 */
	HANDSHAKE_STATIC_KNOWN, /* after step 6 */
	HANDSHAKE_VERIFIED,     /* after step 7 */
};

struct handshake_responder {
	enum handshake_step step;
	enum tunnel_cipher cipher; /* from step 6 on */
	struct handshake_initiation msg;
	/* from step 6 on; claimed until step 7, proved afterwards */
	struct public_key peer_public;
	/* after step 7: the caller stores it with the peer */
	uint8_t timestamp[TIMESTAMP_BYTES];
	uint8_t static_ephemeral[KEY_BYTES]; /* X25519(our static, their ephemeral) */
	struct symmetric sym;
	/* Set by the caller for handshake_create_response(): gets the keys of the keypair, too.
	 * Else NULL. */
	struct keypair_keys *keys;
};

/*
 * Step 5: decodes and does the X25519. ERR_INVALID: not an initiation; ERR_AUTH: low-order point.
 * `hs` needs no init before; call fini in any case.
 */
enum err handshake_receive_initiation(struct handshake_responder *hs,
				      const struct handshake_self *self, const uint8_t *msg,
				      size_t n) must_check;
/*
 * Step 6: tries `cipher` and gives who the sender claims to be in hs->peer_public. ERR_AUTH: not
 * made with this cipher or not for our key; another cipher may be tried. ERR_INVALID: the cipher
 * does not go with the message's type. ERR_CRYPTO.
 */
enum err handshake_unseal_static(struct handshake_responder *hs, struct primitives *p,
				 const struct handshake_self *self,
				 enum tunnel_cipher cipher) must_check;
/*
 * Step 7, with the peer whose key is hs->peer_public. `last_received` is the newest timestamp ever
 * accepted from it (zeros: none); not changed here: on success the caller copies hs->timestamp over
 * it. ERR_AUTH: forged; ERR_REPLAY: timestamp not newer. ERR_CRYPTO.
 */
enum err handshake_consume_initiation(struct handshake_responder *hs, struct primitives *p,
				      const struct handshake_peer *peer,
				      const uint8_t last_received[TIMESTAMP_BYTES]) must_check;
/*
 * Step 8: writes the response (zeros for both MACs) and makes the unconfirmed keypair in `*kp`
 * (zeroed or fini'd before; untouched on error). `ephemeral` NULL: fresh and random. ERR_AUTH:
 * low-order point; ERR_CRYPTO, ERR_NOMEM. After success hs has nothing secret left and can do no
 * second response; msg, peer_public, cipher and timestamp can still be read.
 */
enum err handshake_create_response(struct handshake_responder *hs, struct primitives *p,
				   const struct handshake_peer *peer, uint32_t local_index,
				   const struct secret_key *ephemeral, uint64_t now_ms,
				   uint8_t out[HANDSHAKE_RESPONSE_BYTES],
				   struct keypair *kp) must_check;
/* Zeroes; also fine on zeros and twice. */
void handshake_responder_fini(struct handshake_responder *hs);
