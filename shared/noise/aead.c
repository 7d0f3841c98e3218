/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/noise/aead.h"

#include <limits.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <string.h>

/*
 * One key and direction on EVP. The parameter list for the tag is made once and aimed at the
 * record's tag each time: cheaper than EVP_CIPHER_CTX_ctrl(), which builds one per call.
 */
struct evp_aead {
	EVP_CIPHER_CTX *ctx;
	enum tunnel_cipher cipher;
	OSSL_PARAM tag[2];
};

static void evp_free(void *ctx)
{
	struct evp_aead *a = ctx;
	if (!a)
		return;
	EVP_CIPHER_CTX_free(a->ctx);
	free(a);
}

static enum err evp_setkey(enum tunnel_cipher cipher, const EVP_CIPHER *evp,
			   const struct secret_key *key, enum aead_direction dir, void **ctx)
{
	struct evp_aead *a = calloc(1, sizeof(*a));
	if (!a)
		return ERR_NOMEM;
	a->cipher = cipher;
	a->tag[0] =
		OSSL_PARAM_construct_octet_string(OSSL_CIPHER_PARAM_AEAD_TAG, NULL, AEAD_TAG_BYTES);
	a->tag[1] = OSSL_PARAM_construct_end();
	a->ctx = EVP_CIPHER_CTX_new();
	if (!a->ctx || EVP_CipherInit_ex(a->ctx, evp, NULL, key->b, NULL, dir == AEAD_SEAL) != 1) {
		enum err e = a->ctx ? ERR_CRYPTO : ERR_NOMEM;
		evp_free(a);
		return e;
	}
	*ctx = a;
	return ERR_OK;
}

static enum err aes_setkey(struct primitives *p, const struct secret_key *key,
			   enum aead_direction dir, void **ctx)
{
	return evp_setkey(CIPHER_AES256GCM, p->aes256gcm, key, dir, ctx);
}

static enum err chacha_setkey(struct primitives *p, const struct secret_key *key,
			      enum aead_direction dir, void **ctx)
{
	return evp_setkey(CIPHER_CHACHA20POLY1305, p->chacha20poly1305, key, dir, ctx);
}

static enum err evp_seal(void *ctx, uint64_t counter, const uint8_t *aad, size_t aad_len,
			 const uint8_t *in, size_t len, uint8_t *out)
{
	struct evp_aead *a = ctx;
	uint8_t nonce[12];
	int n;

	BUG_ON(aad_len > INT_MAX || len > INT_MAX);
	primitives_nonce(a->cipher, counter, nonce);
	a->tag[0].data = out + len;
	/* EVP takes an update of length 0 for a mistake, hence the tests. */
	if (EVP_EncryptInit_ex(a->ctx, NULL, NULL, NULL, nonce) != 1 ||
	    (aad_len && EVP_EncryptUpdate(a->ctx, NULL, &n, aad, (int)aad_len) != 1) ||
	    (len && EVP_EncryptUpdate(a->ctx, out, &n, in, (int)len) != 1) ||
	    EVP_EncryptFinal_ex(a->ctx, out + len, &n) != 1 ||
	    EVP_CIPHER_CTX_get_params(a->ctx, a->tag) != 1)
		return ERR_CRYPTO;
	return ERR_OK;
}

static enum err evp_open(void *ctx, uint64_t counter, const uint8_t *aad, size_t aad_len,
			 const uint8_t *in, size_t len, uint8_t *out)
{
	struct evp_aead *a = ctx;
	uint8_t nonce[12], tag[AEAD_TAG_BYTES];
	int n;

	BUG_ON(aad_len > INT_MAX || len > INT_MAX);
	if (len < AEAD_TAG_BYTES)
		return ERR_INVALID;
	len -= AEAD_TAG_BYTES;
	memcpy(tag, in + len, sizeof(tag));
	primitives_nonce(a->cipher, counter, nonce);
	a->tag[0].data = tag;
	if (EVP_DecryptInit_ex(a->ctx, NULL, NULL, NULL, nonce) != 1 ||
	    EVP_CIPHER_CTX_set_params(a->ctx, a->tag) != 1 ||
	    (aad_len && EVP_DecryptUpdate(a->ctx, NULL, &n, aad, (int)aad_len) != 1) ||
	    (len && EVP_DecryptUpdate(a->ctx, out, &n, in, (int)len) != 1))
		return ERR_CRYPTO;
	return EVP_DecryptFinal_ex(a->ctx, out + len, &n) == 1 ? ERR_OK : ERR_AUTH;
}

static const struct aead_ops evp_aes256gcm = {
	.name = "aes-256-gcm/evp",
	.setkey = aes_setkey,
	.seal = evp_seal,
	.open = evp_open,
	.free = evp_free,
};

static const struct aead_ops evp_chacha20poly1305 = {
	.name = "chacha20-poly1305/evp",
	.setkey = chacha_setkey,
	.seal = evp_seal,
	.open = evp_open,
	.free = evp_free,
};

const struct aead_ops *aead_ops_for(enum tunnel_cipher cipher)
{
	return cipher == CIPHER_AES256GCM ? &evp_aes256gcm : &evp_chacha20poly1305;
}
