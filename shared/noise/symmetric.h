/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * symmetric: the running state of a handshake, Noise's "SymmetricState" (its specification, section
 * 5.2): the hash of everything said so far, and the chaining key into which every shared secret is
 * mixed. Both sides do the same steps in the same order, or the next AEAD fails. Used by
 * handshake.c only. All failures are ERR_CRYPTO unless said otherwise.
 */
#include <stddef.h>
#include <stdint.h>

#include "shared/base/err.h"
#include "shared/base/secret.h"
#include "shared/noise/primitives.h"
#include "shared/wire/limits.h"

struct symmetric {
	enum tunnel_cipher cipher; /* which names are hashed in, and which AEAD seals */
	uint8_t chaining_key[KEY_BYTES];
	uint8_t hash[KEY_BYTES];
};

/* Starts with the protocol's names and the responder's static key, which the initiator knows. */
enum err symmetric_init(struct symmetric *s, struct primitives *p, enum tunnel_cipher cipher,
			const struct public_key *responder) must_check;
/* An ephemeral key that goes over the wire in the clear: into the hash and, as psk modes want it,
 * the chaining key. */
enum err symmetric_mix_ephemeral(struct symmetric *s, struct primitives *p,
				 const struct public_key *ephemeral) must_check;
/* A shared secret into the chaining key; gives the key for the next seal, unless `key` is NULL. */
enum err symmetric_mix_key(struct symmetric *s, struct primitives *p,
			   const uint8_t secret[KEY_BYTES], uint8_t *key) must_check;
/* The preshared key into both; gives the key for the next seal. */
enum err symmetric_mix_psk(struct symmetric *s, struct primitives *p, const uint8_t psk[KEY_BYTES],
			   uint8_t key[KEY_BYTES]) must_check;
/* AEAD with nonce 0 and the hash as associated data; the ciphertext goes into the hash. `out` holds
 * len + AEAD_TAG_BYTES. */
enum err symmetric_seal(struct symmetric *s, struct primitives *p, const uint8_t key[KEY_BYTES],
			const void *in, size_t len, uint8_t *out) must_check;
/* The way back; `len` counts the tag. ERR_AUTH: not authentic, the state is unchanged. */
enum err symmetric_unseal(struct symmetric *s, struct primitives *p, const uint8_t key[KEY_BYTES],
			  const void *in, size_t len, uint8_t *out) must_check;
/* The two transport keys: the initiator sends with the first, the responder with the second. */
enum err symmetric_split(const struct symmetric *s, struct primitives *p,
			 struct secret_key *initiator, struct secret_key *responder) must_check;
