/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * aead: the seam behind which the cipher of transport packets sits. One context per key and
 * direction, made at the end of a handshake; per record only the nonce changes (setting the key
 * anew would double the cost of a packet). OpenSSL's EVP is always there; Intel's libipsec-mb
 * (aead_ipsecmb.h) stands beside it with the same ciphers. Both make the same bytes, so the two
 * ends of a tunnel need not agree on it.
 *
 *   1. primitives_init() puts OpenSSL's into primitives.aead[]
 *   2. aead_select(), once, before the first keypair and while the process may still open the
 *      library's file
 *   3. keypairs use primitives.aead[cipher]
 */
#include <stddef.h>
#include <stdint.h>

#include "shared/base/err.h"
#include "shared/base/secret.h"
#include "shared/noise/primitives.h"
#include "shared/wire/limits.h"

enum aead_direction { AEAD_SEAL, AEAD_OPEN };

struct aead_ops {
	const char *name; /* for logs and status: "aes-256-gcm/openssl"; below AEAD_NAME_SIZE */
	/*
	 * Makes a context that can only seal or only open, in `*ctx`; to be given to free() before
	 * primitives_fini(p). It keeps no pointer to `key`. A context belongs to the thread of `p`.
	 * ERR_CRYPTO, ERR_NOMEM.
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
	 * The way back: `len` counts the tag, `out` gets len - AEAD_TAG_BYTES bytes. They are
	 * decrypted while the tag is computed, in one pass; after ERR_AUTH (wrong tag) `out` is
	 * zeros, so that nothing unauthentic can be used by mistake. ERR_INVALID: shorter than a
	 * tag.
	 */
	enum err (*open)(void *ctx, uint64_t counter, const uint8_t *aad, size_t aad_len,
			 const uint8_t *in, size_t len, uint8_t *out);
	/* Zeroes and frees; NULL is fine. */
	void (*free)(void *ctx);
};

#define AEAD_NAME_SIZE 32u

/* OpenSSL's implementation; static storage, never NULL. */
const struct aead_ops *aead_openssl(enum tunnel_cipher cipher);

/* The configuration variable Crypto. */
enum aead_choice {
	AEAD_AUTO,     /* libipsec-mb where it is much faster, as far as it is there */
	AEAD_OPENSSL,  /* nothing else is loaded */
	AEAD_IPSEC_MB, /* libipsec-mb on every CPU that it supports; a warning when it cannot be */
};

/* "auto", "openssl" or "ipsec-mb" in any case; ERR_INVALID. */
enum err aead_choice_parse(const char *s, enum aead_choice *out) must_check;

/*
 * Decides what seals from now on, for each cipher. Nothing here can fail for the caller: what is
 * missing, does not suit this CPU or gives other bytes than OpenSSL is logged and left alone, and
 * OpenSSL does the work. Once per struct primitives, before the first keypair.
 */
void aead_select(enum aead_choice choice, struct primitives *p);

/*
 * Self-test: does `ops` give the bytes that OpenSSL gives? Several lengths, both directions, in
 * place and apart; a wrong tag must be refused. ERR_CRYPTO: it does not. ERR_NOMEM.
 */
enum err aead_compare(struct primitives *p, const struct aead_ops *ops,
		      enum tunnel_cipher cipher) must_check;
