/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/noise/primitives.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <string.h>

#include "shared/noise/aead.h"
#include "shared/noise/aead_ipsecmb.h"

#define CHACHA_BLOCK_BYTES 64u

/* ------- Contexts ------- */

/* A MAC context with its algorithm; the key comes with each use. NULL on failure. */
static EVP_MAC_CTX *mac_ctx_new(const char *name, const OSSL_PARAM *params)
{
	EVP_MAC *mac = EVP_MAC_fetch(NULL, name, NULL);
	EVP_MAC_CTX *ctx = mac ? EVP_MAC_CTX_new(mac) : NULL;
	EVP_MAC_free(mac);
	if (ctx && EVP_MAC_CTX_set_params(ctx, params) != 1) {
		EVP_MAC_CTX_free(ctx);
		ctx = NULL;
	}
	return ctx;
}

enum err primitives_init(struct primitives *p)
{
	char digest[] = "BLAKE2S-256";
	size_t mac_bytes = COOKIE_BYTES;
	const OSSL_PARAM hmac_params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
		OSSL_PARAM_construct_end(),
	};
	const OSSL_PARAM mac_params[] = {
		OSSL_PARAM_construct_size_t(OSSL_MAC_PARAM_SIZE, &mac_bytes),
		OSSL_PARAM_construct_end(),
	};

	/* Thousands of phrases, on the heap, that only somebody who reports OpenSSL's errors needs.
	 */
	(void)OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CRYPTO_STRINGS, NULL);
	*p = (struct primitives){
		.blake2s = EVP_MD_fetch(NULL, digest, NULL),
		.hash = EVP_MD_CTX_new(),
		.hmac = mac_ctx_new("HMAC", hmac_params),
		.mac = mac_ctx_new("BLAKE2SMAC", mac_params),
		.aes256gcm = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL),
		.chacha20poly1305 = EVP_CIPHER_fetch(NULL, "ChaCha20-Poly1305", NULL),
		.chacha20 = EVP_CIPHER_fetch(NULL, "ChaCha20", NULL),
		.once = EVP_CIPHER_CTX_new(),
	};
	for (unsigned c = 0; c < AEAD_CIPHERS; c++)
		p->aead[c] = aead_openssl((enum tunnel_cipher)c);
	if (p->hash && p->once && p->blake2s && p->hmac && p->mac && p->aes256gcm &&
	    p->chacha20poly1305 && p->chacha20)
		return ERR_OK;

	enum err e = p->hash && p->once ? ERR_UNSUPPORTED : ERR_NOMEM;
	primitives_fini(p);
	return e;
}

void primitives_fini(struct primitives *p)
{
	EVP_MD_free(p->blake2s);
	EVP_MD_CTX_free(p->hash);
	EVP_MAC_CTX_free(p->hmac);
	EVP_MAC_CTX_free(p->mac);
	EVP_CIPHER_free(p->aes256gcm);
	EVP_CIPHER_free(p->chacha20poly1305);
	EVP_CIPHER_free(p->chacha20);
	EVP_CIPHER_CTX_free(p->once);
	aead_ipsecmb_unload(p->ipsecmb);
	*p = (struct primitives){ 0 };
}

/* ------- BLAKE2s, HMAC, HKDF ------- */

enum err primitives_hash(struct primitives *p, const void *a, size_t a_len, const void *b,
			 size_t b_len, uint8_t out[KEY_BYTES])
{
	if (EVP_DigestInit_ex(p->hash, p->blake2s, NULL) != 1 ||
	    EVP_DigestUpdate(p->hash, a, a_len) != 1 || EVP_DigestUpdate(p->hash, b, b_len) != 1 ||
	    EVP_DigestFinal_ex(p->hash, out, NULL) != 1)
		return ERR_CRYPTO;
	return ERR_OK;
}

/* Both MACs are used alike; `size` is what their parameters made them give. */
static enum err mac_once(EVP_MAC_CTX *ctx, const void *key, size_t key_len, const void *in,
			 size_t len, uint8_t *out, size_t size)
{
	size_t got = 0;
	if (EVP_MAC_init(ctx, key, key_len, NULL) != 1 || EVP_MAC_update(ctx, in, len) != 1 ||
	    EVP_MAC_final(ctx, out, &got, size) != 1 || got != size)
		return ERR_CRYPTO;
	return ERR_OK;
}

enum err primitives_mac(struct primitives *p, const void *key, size_t key_len, const void *in,
			size_t len, uint8_t out[COOKIE_BYTES])
{
	BUG_ON(key_len != COOKIE_BYTES && key_len != KEY_BYTES);
	return mac_once(p->mac, key, key_len, in, len, out, COOKIE_BYTES);
}

enum err primitives_hmac(struct primitives *p, const uint8_t key[KEY_BYTES], const void *in,
			 size_t len, uint8_t out[KEY_BYTES])
{
	return mac_once(p->hmac, key, KEY_BYTES, in, len, out, KEY_BYTES);
}

enum err primitives_hkdf(struct primitives *p, const uint8_t ck[KEY_BYTES], const void *in,
			 size_t len, uint8_t out1[KEY_BYTES], uint8_t *out2, uint8_t *out3)
{
	uint8_t *const outs[3] = { out1, out2, out3 };
	uint8_t temp[KEY_BYTES];
	uint8_t block[KEY_BYTES + 1];
	size_t block_len = 0;

	BUG_ON(!out2 && out3);
	/* temp = HMAC(ck, in); T(i) = HMAC(temp, T(i-1) || i), with T(0) empty. */
	enum err e = primitives_hmac(p, ck, in, len, temp);
	for (uint8_t i = 0; !e && i < ARRAY_LEN(outs) && outs[i]; i++) {
		block[block_len] = (uint8_t)(i + 1);
		e = primitives_hmac(p, temp, block, block_len + 1, block);
		block_len = KEY_BYTES;
		if (!e)
			memcpy(outs[i], block, KEY_BYTES);
	}
	for (size_t i = 0; e && i < ARRAY_LEN(outs) && outs[i]; i++)
		secret_zero(outs[i], KEY_BYTES);
	secret_zero(temp, sizeof(temp));
	secret_zero(block, sizeof(block));
	return e;
}

/* ------- X25519 ------- */

enum err primitives_dh_key_init(struct dh_key *k, const struct secret_key *secret)
{
	struct secret_key fresh;
	size_t len = KEY_BYTES;
	enum err e = ERR_CRYPTO;

	*k = (struct dh_key){ 0 };
	if (!secret) {
		secret_random(fresh.b, sizeof(fresh.b));
		secret = &fresh;
	}
	k->pkey = EVP_PKEY_new_raw_private_key_ex(NULL, "X25519", NULL, secret->b, KEY_BYTES);
	if (k->pkey && EVP_PKEY_get_raw_public_key(k->pkey, k->public.b, &len) == 1 &&
	    len == KEY_BYTES)
		e = ERR_OK;
	if (e)
		primitives_dh_key_fini(k);
	secret_zero(&fresh, sizeof(fresh));
	return e;
}

void primitives_dh_key_fini(struct dh_key *k)
{
	EVP_PKEY_free(k->pkey);
	*k = (struct dh_key){ 0 };
}

enum err primitives_dh(const struct dh_key *ours, const struct public_key *their,
		       uint8_t out[KEY_BYTES])
{
	size_t len = KEY_BYTES;
	uint8_t shared[KEY_BYTES] = { 0 };
	enum err e = ERR_CRYPTO;

	/* What a stranger's bad point leaves in libcrypto's error queue must not meet the next
	 * reader. */
	ERR_set_mark();
	EVP_PKEY *peer = EVP_PKEY_new_raw_public_key_ex(NULL, "X25519", NULL, their->b, KEY_BYTES);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, ours->pkey, NULL);

	if (!peer || !ctx || EVP_PKEY_derive_init(ctx) != 1 ||
	    EVP_PKEY_derive_set_peer(ctx, peer) != 1)
		goto out;
	/* With both keys in place, what is left to fail is the result: libcrypto refuses zeros too.
	 */
	e = ERR_AUTH;
	if (EVP_PKEY_derive(ctx, shared, &len) != 1 || len != KEY_BYTES ||
	    secret_is_zero(shared, sizeof(shared)))
		goto out;
	memcpy(out, shared, KEY_BYTES);
	e = ERR_OK;
out:
	secret_zero(shared, sizeof(shared));
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(peer);
	ERR_pop_to_mark();
	return e;
}

/* ------- AEAD ------- */

/* Lengths here are those of handshake messages; int is what EVP takes. */
static enum err seal_once(struct primitives *p, const EVP_CIPHER *cipher, const uint8_t *key,
			  const uint8_t nonce[AEAD_NONCE_BYTES], const void *aad, size_t aad_len,
			  const void *in, size_t len, uint8_t *out)
{
	int n;
	BUG_ON(aad_len > PACKET_MAX_BYTES || len > PACKET_MAX_BYTES);
	if (EVP_EncryptInit_ex(p->once, cipher, NULL, key, nonce) != 1 ||
	    (aad_len && EVP_EncryptUpdate(p->once, NULL, &n, aad, (int)aad_len) != 1) ||
	    (len && EVP_EncryptUpdate(p->once, out, &n, in, (int)len) != 1) ||
	    EVP_EncryptFinal_ex(p->once, out + len, &n) != 1 ||
	    EVP_CIPHER_CTX_ctrl(p->once, EVP_CTRL_AEAD_GET_TAG, AEAD_TAG_BYTES, out + len) != 1)
		return ERR_CRYPTO;
	return ERR_OK;
}

static enum err unseal_once(struct primitives *p, const EVP_CIPHER *cipher, const uint8_t *key,
			    const uint8_t nonce[AEAD_NONCE_BYTES], const void *aad, size_t aad_len,
			    const void *in, size_t len, uint8_t *out)
{
	uint8_t tag[AEAD_TAG_BYTES];
	int n;

	BUG_ON(aad_len > PACKET_MAX_BYTES || len > PACKET_MAX_BYTES);
	if (len < AEAD_TAG_BYTES)
		return ERR_AUTH;
	len -= AEAD_TAG_BYTES;
	memcpy(tag, (const uint8_t *)in + len, sizeof(tag));
	if (EVP_DecryptInit_ex(p->once, cipher, NULL, key, nonce) != 1 ||
	    EVP_CIPHER_CTX_ctrl(p->once, EVP_CTRL_AEAD_SET_TAG, AEAD_TAG_BYTES, tag) != 1 ||
	    (aad_len && EVP_DecryptUpdate(p->once, NULL, &n, aad, (int)aad_len) != 1) ||
	    (len && EVP_DecryptUpdate(p->once, out, &n, in, (int)len) != 1))
		return ERR_CRYPTO;
	if (EVP_DecryptFinal_ex(p->once, out + len, &n) != 1) {
		secret_zero(out, len);
		return ERR_AUTH;
	}
	return ERR_OK;
}

static const EVP_CIPHER *cipher_of(const struct primitives *p, enum tunnel_cipher cipher)
{
	return cipher == CIPHER_AES256GCM ? p->aes256gcm : p->chacha20poly1305;
}

enum err primitives_seal(struct primitives *p, enum tunnel_cipher cipher,
			 const uint8_t key[KEY_BYTES], uint64_t counter, const void *aad,
			 size_t aad_len, const void *in, size_t len, uint8_t *out)
{
	uint8_t nonce[AEAD_NONCE_BYTES];
	primitives_nonce(cipher, counter, nonce);
	return seal_once(p, cipher_of(p, cipher), key, nonce, aad, aad_len, in, len, out);
}

enum err primitives_unseal(struct primitives *p, enum tunnel_cipher cipher,
			   const uint8_t key[KEY_BYTES], uint64_t counter, const void *aad,
			   size_t aad_len, const void *in, size_t len, uint8_t *out)
{
	uint8_t nonce[AEAD_NONCE_BYTES];
	primitives_nonce(cipher, counter, nonce);
	return unseal_once(p, cipher_of(p, cipher), key, nonce, aad, aad_len, in, len, out);
}

/* ------- XChaCha20-Poly1305 ------- */

static uint32_t load_le32(const uint8_t *b)
{
	return (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

static void store_le32(uint8_t *b, uint32_t v)
{
	for (unsigned i = 0; i < 4; i++)
		b[i] = (uint8_t)(v >> (8 * i));
}

/*
 * HChaCha20 is the ChaCha20 block function without its last step, the addition of the input words.
 * libcrypto has no HChaCha20, but it gives whole blocks: the key stream that encrypts 64 zeros.
 * Taking the input words off again leaves the permuted state; its first and last four words are the
 * result.
 *
 *     words  0..3 constants     4..11 key     12..15 input (ChaCha20's counter and nonce)
 */
enum err primitives_hchacha20(struct primitives *p, const uint8_t key[KEY_BYTES],
			      const uint8_t in[16], uint8_t out[KEY_BYTES])
{
	static const uint8_t constants[] = "expand 32-byte k";
	static const uint8_t zeros[CHACHA_BLOCK_BYTES];
	uint8_t block[CHACHA_BLOCK_BYTES];
	int n;

	if (EVP_EncryptInit_ex(p->once, p->chacha20, NULL, key, in) != 1 ||
	    EVP_EncryptUpdate(p->once, block, &n, zeros, (int)sizeof(zeros)) != 1)
		return ERR_CRYPTO;
	for (size_t i = 0; i < 4; i++) {
		store_le32(out + 4 * i, load_le32(block + 4 * i) - load_le32(constants + 4 * i));
		store_le32(out + 16 + 4 * i, load_le32(block + 48 + 4 * i) - load_le32(in + 4 * i));
	}
	secret_zero(block, sizeof(block));
	return ERR_OK;
}

/* The subkey takes the nonce's first 16 bytes; the remaining 8, behind four zeros, are the inner
 * nonce. */
static enum err xchacha_derive(struct primitives *p, const uint8_t *key, const uint8_t *nonce,
			       uint8_t subkey[KEY_BYTES], uint8_t inner_nonce[12])
{
	memset(inner_nonce, 0, 4);
	memcpy(inner_nonce + 4, nonce + 16, 8);
	return primitives_hchacha20(p, key, nonce, subkey);
}

enum err primitives_xseal(struct primitives *p, const uint8_t key[KEY_BYTES],
			  const uint8_t nonce[COOKIE_NONCE_BYTES], const void *aad, size_t aad_len,
			  const void *in, size_t len, uint8_t *out)
{
	uint8_t subkey[KEY_BYTES], inner[12];
	enum err e = xchacha_derive(p, key, nonce, subkey, inner);
	if (!e)
		e = seal_once(p, p->chacha20poly1305, subkey, inner, aad, aad_len, in, len, out);
	secret_zero(subkey, sizeof(subkey));
	return e;
}

enum err primitives_xunseal(struct primitives *p, const uint8_t key[KEY_BYTES],
			    const uint8_t nonce[COOKIE_NONCE_BYTES], const void *aad,
			    size_t aad_len, const void *in, size_t len, uint8_t *out)
{
	uint8_t subkey[KEY_BYTES], inner[12];
	enum err e = xchacha_derive(p, key, nonce, subkey, inner);
	if (!e)
		e = unseal_once(p, p->chacha20poly1305, subkey, inner, aad, aad_len, in, len, out);
	secret_zero(subkey, sizeof(subkey));
	return e;
}
