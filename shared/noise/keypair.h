/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * keypair: the two transport keys that one handshake gave, with everything that belongs to them:
 * indices, send counter, replay window, age. Made by handshake_consume_response() or
 * handshake_create_response(), owned by the session.
 *
 *   initiator                            responder
 *   made confirmed: may send at once     made unconfirmed: may receive, but not send, until the
 *                                        first authentic packet has shown that the initiator has
 *                                        the keys too
 *
 * Times are the caller's monotonic milliseconds. No clock is read here.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/base/err.h"
#include "shared/base/pkt.h"
#include "shared/base/secret.h"
#include "shared/noise/aead.h"
#include "shared/noise/replay.h"
#include "shared/wire/limits.h"

struct keypair {
	bool valid; /* false: zeros, nothing else means anything */
	/* of the handshake that made it; only that side re-keys by age */
	bool is_initiator;
	/* may send; set by keypair_open(). Compare before and after to see the moment */
	bool confirmed;
	enum tunnel_cipher cipher;
	uint32_t local_index;  /* comes back to us in packets */
	uint32_t remote_index; /* goes into ours */
	uint64_t created_ms;
	uint64_t send_counter; /* of the next packet */
	uint64_t rekey_at;     /* send_counter from which a new handshake is due */
	uint64_t send_end;     /* first send_counter that may not be used */
	const struct aead_ops *ops;
	void *send_ctx;
	void *recv_ctx;
	struct replay replay; /* of nonce space 0 */
	struct replay
		*others[NONCE_SPACES - 1]; /* of 1.., each made by its first authentic packet */
	/* For shared/tunnel: the worker that opens packets with it, and how many came elsewhere. */
	uint8_t rx_owner;
	uint32_t strays;
	uint32_t own_key; /* own_key_mark() of ours that the handshake was made with */
};

/* The two keys in the raw, for other workers of the same engine. To be zeroed right after use. */
struct keypair_keys {
	struct secret_key send, recv;
};

struct keypair_params {
	enum tunnel_cipher cipher;
	bool is_initiator;
	uint32_t local_index, remote_index;
	const struct secret_key *send_key, *recv_key; /* not kept */
};

/*
 * Overwrites `kp` (which must be zeroed or fini'd). On failure it is zeroed. ERR_CRYPTO,
 * ERR_NOMEM.
 */
enum err keypair_init(struct keypair *kp, struct primitives *p, const struct keypair_params *params,
		      uint64_t now_ms) must_check;
/*
 * Right after keypair_init(), which gives nonce space 0: the space that we send in, below
 * NONCE_SPACES, the number of this worker. Only 0 with CIPHER_WIREGUARD, whose receivers know one.
 */
void keypair_set_space(struct keypair *kp, uint8_t space);
/* Frees the contexts and zeroes everything; also fine on zeros and twice. */
void keypair_fini(struct keypair *kp);
/*
 * `*dst` (fini'd first) takes over all of `*src`, which becomes zeros. For moving keypairs along
 * current/previous/next.
 */
void keypair_move(struct keypair *dst, struct keypair *src);

/*
 * Usable for sending now: valid, confirmed, younger than REJECT_AFTER_MS, counter not used up
 * (REJECT_AFTER_MESSAGES; agents SPACE_REJECT_AFTER_MESSAGES).
 */
bool keypair_may_send(const struct keypair *kp, uint64_t now_ms);
/* Usable for receiving now: valid and younger than REJECT_AFTER_MS. */
bool keypair_may_receive(const struct keypair *kp, uint64_t now_ms);
/*
 * After sending: time for a new handshake? REKEY_AFTER_MESSAGES (agents:
 * SPACE_REKEY_AFTER_MESSAGES) used up, or we are the initiator and it is REKEY_AFTER_MS old.
 */
bool keypair_wants_rekey_on_send(const struct keypair *kp, uint64_t now_ms);
/*
 * After receiving: we are the initiator and it is so old (REJECT_AFTER_MS - KEEPALIVE_MS -
 * REKEY_TIMEOUT_MS) that it may end before we send again.
 */
bool keypair_wants_rekey_on_receive(const struct keypair *kp, uint64_t now_ms);

/*
 * Seals pkt in place into a whole transport packet: padding (WireGuard's cipher only: zeros to a
 * multiple of TRANSPORT_PADDING_BYTES, but not beyond `mtu`, 0 = no such bound), header into the
 * headroom, tag into the tailroom. Needs TRANSPORT_HEADER_BYTES of headroom and up to 15 +
 * AEAD_TAG_BYTES of tailroom: less is our own mistake, as are flags with WireGuard's cipher and an
 * invalid keypair. A packet of length 0 makes a keepalive. The caller has asked keypair_may_send().
 * No allocation. ERR_LIMIT: the counter is used up or the keypair is not confirmed; ERR_CRYPTO. The
 * packet is to be dropped then.
 */
enum err keypair_seal(struct keypair *kp, struct pkt *pkt, uint8_t flags, uint16_t mtu) must_check;

/* How long the transport packet of `len` bytes of plaintext is. */
size_t keypair_sealed_len(const struct keypair *kp, size_t len, uint16_t mtu);
/*
 * As keypair_seal(), but from `plain` to `out`, which has room for keypair_sealed_len(): sealing is
 * the only copy. `plain` may be out + TRANSPORT_HEADER_BYTES (in place); otherwise the two must not
 * overlap.
 */
enum err keypair_seal_to(struct keypair *kp, const uint8_t *plain, size_t len, uint8_t flags,
			 uint16_t mtu, uint8_t *out) must_check;

/*
 * Opens a whole transport packet in place: pkt becomes the plaintext (with its padding, see
 * inner_decode()); `*flags` the authenticated flags, 0 for WireGuard's cipher. The caller found
 * `kp` by the receiver index and has asked keypair_may_receive(). No allocation, but for the replay
 * window of another nonce space than 0 at its first authentic packet. The first success confirms a
 * responder's keypair. ERR_INVALID: no transport packet of this keypair's type and index.
 * ERR_LIMIT: counter at or above its limit, or an unknown nonce space. ERR_REPLAY: seen or too old.
 * ERR_AUTH: not authentic. ERR_NOMEM. On an error neither keypair nor pkt's bounds change; its
 * bytes may have.
 */
enum err keypair_open(struct keypair *kp, struct pkt *pkt, uint8_t *flags) must_check;
