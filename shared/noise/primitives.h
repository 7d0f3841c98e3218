/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * primitives: the cryptographic functions that Noise and WireGuard are made of, all from OpenSSL's
 * libcrypto: BLAKE2s (RFC 7693), HMAC (RFC 2104) and the HKDF of Noise (section 4.3 of its
 * specification, revision 34), X25519 (RFC 7748), ChaCha20-Poly1305 (RFC 8439), AES-256-GCM (NIST
 * SP 800-38D), XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03).
 *
 * Algorithms are fetched once, at primitives_init(), and contexts are kept and used again: a struct
 * primitives belongs to one thread. All failures are ERR_CRYPTO unless said otherwise.
 */
#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "shared/base/err.h"
#include "shared/base/secret.h"
#include "shared/wire/limits.h"

/* OpenSSL's own tags for EVP_MD, EVP_CIPHER, ... so that its headers stay out of ours. */
struct evp_cipher_st;
struct evp_cipher_ctx_st;
struct evp_mac_ctx_st;
struct evp_md_ctx_st;
struct evp_md_st;
struct evp_pkey_st;

struct aead_ops;
struct aead_ipsecmb;

#define AEAD_CIPHERS (CIPHER_CHACHA20POLY1305 + 1)

struct primitives {
	struct evp_md_st *blake2s;
	struct evp_md_ctx_st *hash;
	struct evp_mac_ctx_st *hmac;
	struct evp_mac_ctx_st *mac; /* keyed BLAKE2s, 16 bytes out */
	struct evp_cipher_st *aes256gcm;
	struct evp_cipher_st *chacha20poly1305;
	struct evp_cipher_st *chacha20;
	struct evp_cipher_ctx_st *once; /* for the one-shot functions */
	/* What seals transport packets, by enum tunnel_cipher: OpenSSL's, until aead_select(). */
	const struct aead_ops *aead[AEAD_CIPHERS];
	struct aead_ipsecmb *ipsecmb; /* NULL: that library is not in use */
};

/*
 * Caller owns the struct. ERR_UNSUPPORTED: this libcrypto lacks an algorithm; ERR_NOMEM. Nothing
 * is left over then.
 */
enum err primitives_init(struct primitives *p) must_check;
/* Also fine on a zeroed struct. AEAD contexts (keypairs) made with it must be freed before. */
void primitives_fini(struct primitives *p);

/* BLAKE2s-256 of `a` followed by `b`; either may be NULL with length 0. `out` may be `a` or `b`. */
enum err primitives_hash(struct primitives *p, const void *a, size_t a_len, const void *b,
			 size_t b_len, uint8_t out[KEY_BYTES]) must_check;
/* Keyed BLAKE2s with a 16-byte result; `key_len` 16 or 32. WireGuard's MAC. */
enum err primitives_mac(struct primitives *p, const void *key, size_t key_len, const void *in,
			size_t len, uint8_t out[COOKIE_BYTES]) must_check;
/* HMAC-BLAKE2s with a 32-byte key. */
enum err primitives_hmac(struct primitives *p, const uint8_t key[KEY_BYTES], const void *in,
			 size_t len, uint8_t out[KEY_BYTES]) must_check;
/*
 * Noise's HKDF(chaining_key, input): one, two or three results; `out2` and `out3` may be NULL, but
 * not `out2` alone. `out1` may be `ck`. On failure the results are zeroed.
 */
enum err primitives_hkdf(struct primitives *p, const uint8_t ck[KEY_BYTES], const void *in,
			 size_t len, uint8_t out1[KEY_BYTES], uint8_t *out2,
			 uint8_t *out3) must_check;

/* An X25519 private key in libcrypto's form, and its public key. Owned: fini zeroes it. */
struct dh_key {
	struct evp_pkey_st *pkey;
	struct public_key public;
};

/* `secret` is clamped as RFC 7748 section 5 says when it is used; NULL makes a fresh random key. */
enum err primitives_dh_key_init(struct dh_key *k, const struct secret_key *secret) must_check;
/* Also fine on a zeroed struct and twice. */
void primitives_dh_key_fini(struct dh_key *k);
/* X25519. ERR_AUTH: the result is all zeros, `their` is a point of low order. */
enum err primitives_dh(const struct dh_key *ours, const struct public_key *their,
		       uint8_t out[KEY_BYTES]) must_check;

/*
 * The 96-bit nonce of a counter: four zero bytes, then the counter little-endian (ChaCha20) or
 * big-endian (AES-GCM), Noise section 12.
 */
static inline void primitives_nonce(enum tunnel_cipher cipher, uint64_t counter,
				    uint8_t out[AEAD_NONCE_BYTES])
{
	const uint64_t wire = cipher == CIPHER_AES256GCM ? htobe64(counter) : htole64(counter);

	memset(out, 0, 4);
	memcpy(out + 4, &wire, sizeof(wire));
}

/*
 * AEAD in one call, key schedule included: for handshakes. `out` of seal holds len +
 * AEAD_TAG_BYTES, the tag last. `len` of open counts the tag. In place (out == in) or apart.
 * ERR_AUTH: the tag is wrong; `out` is zeroed then.
 */
enum err primitives_seal(struct primitives *p, enum tunnel_cipher cipher,
			 const uint8_t key[KEY_BYTES], uint64_t counter, const void *aad,
			 size_t aad_len, const void *in, size_t len, uint8_t *out) must_check;
enum err primitives_unseal(struct primitives *p, enum tunnel_cipher cipher,
			   const uint8_t key[KEY_BYTES], uint64_t counter, const void *aad,
			   size_t aad_len, const void *in, size_t len, uint8_t *out) must_check;

/*
 * HChaCha20 (draft-irtf-cfrg-xchacha-03, section 2.2): a subkey of `key` and the 16 bytes at `in`.
 */
enum err primitives_hchacha20(struct primitives *p, const uint8_t key[KEY_BYTES],
			      const uint8_t in[16], uint8_t out[KEY_BYTES]) must_check;
/* XChaCha20-Poly1305 (section 2.3) with a 24-byte nonce; otherwise as primitives_seal/unseal. */
enum err primitives_xseal(struct primitives *p, const uint8_t key[KEY_BYTES],
			  const uint8_t nonce[COOKIE_NONCE_BYTES], const void *aad, size_t aad_len,
			  const void *in, size_t len, uint8_t *out) must_check;
enum err primitives_xunseal(struct primitives *p, const uint8_t key[KEY_BYTES],
			    const uint8_t nonce[COOKIE_NONCE_BYTES], const void *aad,
			    size_t aad_len, const void *in, size_t len, uint8_t *out) must_check;
