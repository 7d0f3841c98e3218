/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * aead: the seam behind which the cipher of transport packets sits. One context per key and
 * direction, made at the end of a handshake; per record only the nonce changes (setting the key
 * anew would double the cost of a packet). OpenSSL's EVP is always there; a faster implementation
 * of the same ciphers may stand beside it as another table.
 */
#include <stddef.h>
#include <stdint.h>

#include "shared/base/err.h"
#include "shared/base/secret.h"
#include "shared/noise/primitives.h"
#include "shared/wire/limits.h"

enum aead_direction { AEAD_SEAL, AEAD_OPEN };

struct aead_ops {
	const char *name; /* for logs and status: "aes-256-gcm/evp" */
	/*
	 * Makes a context that can only seal or only open, in `*ctx`; to be given to free(). It
	 * keeps no pointer to `p` or `key`. A context belongs to one thread at a time. ERR_CRYPTO,
	 * ERR_NOMEM.
	 */
	enum err (*setkey)(struct primitives *p, const struct secret_key *key,
			   enum aead_direction dir, void **ctx);
	/*
	 * Encrypts `len` bytes from `in` to `out` and puts the tag behind them: `out` holds len +
	 * AEAD_TAG_BYTES. out == in, or the two do not overlap. `aad` may be NULL with length 0.
	 * The same counter must never be used twice. ERR_CRYPTO.
	 */
	enum err (*seal)(void *ctx, uint64_t counter, const uint8_t *aad, size_t aad_len,
			 const uint8_t *in, size_t len, uint8_t *out);
	/*
	 * The way back: `len` counts the tag, `out` gets len - AEAD_TAG_BYTES bytes. ERR_AUTH:
	 * wrong tag; what stands in `out` then is not authentic and must not be looked at.
	 * ERR_INVALID: shorter than a tag.
	 */
	enum err (*open)(void *ctx, uint64_t counter, const uint8_t *aad, size_t aad_len,
			 const uint8_t *in, size_t len, uint8_t *out);
	/* Zeroes and frees; NULL is fine. */
	void (*free)(void *ctx);
};

/* The implementation to use for a cipher; static storage, never NULL. */
const struct aead_ops *aead_ops_for(enum tunnel_cipher cipher);
