/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/noise/aead.h"

#include <limits.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <string.h>
#include <strings.h>

#include "shared/base/log.h"
#include "shared/noise/aead_ipsecmb.h"

/* ------- OpenSSL ------- */

/*
 * One key and direction on EVP. Parameter lists are made once and aimed at the record's nonce and
 * tag each time: cheaper than EVP_CIPHER_CTX_ctrl(), which builds one per call, and, for the nonce,
 * a tenth of a packet cheaper than EVP_CipherInit_ex().
 */
struct evp_aead {
	EVP_CIPHER_CTX *ctx;
	enum tunnel_cipher cipher;
	bool nonce_by_param;
	OSSL_PARAM before[3]; /* set before a record: to open its tag; and its nonce, or not */
	OSSL_PARAM tag[2];    /* asked for behind one that was sealed */
};

static void evp_free(void *ctx)
{
	struct evp_aead *a = ctx;
	if (!a)
		return;
	EVP_CIPHER_CTX_free(a->ctx);
	free(a);
}

/*
 * AES-GCM takes a whole nonce as what TLS calls the fixed part of it, with the length -1, as
 * EVP_CTRL_AEAD_SET_IV_FIXED has it. Who does not know a parameter ignores it, and a nonce that
 * stays as it was would be the end of all secrecy: so it is read back, and without that nonces are
 * set by EVP_CipherInit_ex().
 */
static bool takes_nonce_by_param(struct evp_aead *a, OSSL_PARAM *list)
{
	uint8_t nonce[AEAD_NONCE_BYTES], found[AEAD_NONCE_BYTES] = { 0 };

	if (a->cipher != CIPHER_AES256GCM)
		return false;
	primitives_nonce(a->cipher, 0x0123456789abcdef, nonce);
	list[0] = OSSL_PARAM_construct_octet_string(OSSL_CIPHER_PARAM_AEAD_TLS1_IV_FIXED, nonce,
						    (size_t)-1);
	list[1] = OSSL_PARAM_construct_end();
	return EVP_CIPHER_CTX_set_params(a->ctx, list) == 1 &&
	       EVP_CIPHER_CTX_get_updated_iv(a->ctx, found, sizeof(found)) == 1 &&
	       !memcmp(found, nonce, sizeof(nonce));
}

/* `before` begins with the nonce, if it may be there at all. */
static void make_lists(struct evp_aead *a, enum aead_direction dir)
{
	OSSL_PARAM tag =
		OSSL_PARAM_construct_octet_string(OSSL_CIPHER_PARAM_AEAD_TAG, NULL, AEAD_TAG_BYTES);
	unsigned n;

	a->nonce_by_param = takes_nonce_by_param(a, a->before);
	n = a->nonce_by_param;
	if (dir == AEAD_OPEN)
		a->before[n++] = tag;
	a->before[n] = OSSL_PARAM_construct_end();
	a->tag[0] = tag;
	a->tag[1] = OSSL_PARAM_construct_end();
}

/* Sets the nonce of the next record, and to open it its tag. */
static bool begin_record(struct evp_aead *a, uint8_t nonce[AEAD_NONCE_BYTES], uint8_t *tag)
{
	if (a->nonce_by_param)
		a->before[0].data = nonce;
	else if (EVP_CipherInit_ex(a->ctx, NULL, NULL, NULL, nonce, -1) != 1)
		return false;
	if (tag)
		a->before[a->nonce_by_param].data = tag;
	else if (!a->nonce_by_param)
		return true;
	return EVP_CIPHER_CTX_set_params(a->ctx, a->before) == 1;
}

static enum err evp_setkey(enum tunnel_cipher cipher, const EVP_CIPHER *evp,
			   const struct secret_key *key, enum aead_direction dir, void **ctx)
{
	struct evp_aead *a = calloc(1, sizeof(*a));
	if (!a)
		return ERR_NOMEM;
	a->cipher = cipher;
	a->ctx = EVP_CIPHER_CTX_new();
	if (!a->ctx || EVP_CipherInit_ex(a->ctx, evp, NULL, key->b, NULL, dir == AEAD_SEAL) != 1) {
		enum err e = a->ctx ? ERR_CRYPTO : ERR_NOMEM;
		evp_free(a);
		return e;
	}
	make_lists(a, dir);
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
	uint8_t nonce[AEAD_NONCE_BYTES];
	int n;

	BUG_ON(aad_len > INT_MAX || len > INT_MAX);
	primitives_nonce(a->cipher, counter, nonce);
	a->tag[0].data = out + len;
	/* EVP takes an update of length 0 for a mistake, hence the tests. */
	if (!begin_record(a, nonce, NULL) ||
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
	uint8_t nonce[AEAD_NONCE_BYTES], tag[AEAD_TAG_BYTES];
	int n;

	BUG_ON(aad_len > INT_MAX || len > INT_MAX);
	if (len < AEAD_TAG_BYTES)
		return ERR_INVALID;
	len -= AEAD_TAG_BYTES;
	memcpy(tag, in + len, sizeof(tag));
	primitives_nonce(a->cipher, counter, nonce);
	if (!begin_record(a, nonce, tag) ||
	    (aad_len && EVP_DecryptUpdate(a->ctx, NULL, &n, aad, (int)aad_len) != 1) ||
	    (len && EVP_DecryptUpdate(a->ctx, out, &n, in, (int)len) != 1))
		return ERR_CRYPTO;
	if (EVP_DecryptFinal_ex(a->ctx, out + len, &n) == 1)
		return ERR_OK;
	secret_zero(out, len);
	return ERR_AUTH;
}

const struct aead_ops *aead_openssl(enum tunnel_cipher cipher)
{
	static const struct aead_ops aes256gcm = {
		.name = "aes-256-gcm/openssl",
		.setkey = aes_setkey,
		.seal = evp_seal,
		.open = evp_open,
		.free = evp_free,
	};
	static const struct aead_ops chacha20poly1305 = {
		.name = "chacha20-poly1305/openssl",
		.setkey = chacha_setkey,
		.seal = evp_seal,
		.open = evp_open,
		.free = evp_free,
	};

	return cipher == CIPHER_AES256GCM ? &aes256gcm : &chacha20poly1305;
}

/* ------- Self-test ------- */

#define COMPARE_MAX_BYTES 9000u

/* What a comparison works with; too large for the stack. */
struct compare {
	struct primitives *p;
	const struct aead_ops *ops;
	enum tunnel_cipher cipher;
	struct secret_key key;
	void *seal_ctx, *open_ctx;
	uint8_t aad[TRANSPORT_HEADER_BYTES];
	uint8_t plain[COMPARE_MAX_BYTES];
	uint8_t want[COMPARE_MAX_BYTES + AEAD_TAG_BYTES];
	uint8_t got[COMPARE_MAX_BYTES + AEAD_TAG_BYTES];
	uint8_t back[COMPARE_MAX_BYTES];
};

/* One record of `len` bytes: sealed as OpenSSL does it, opened again, refused with a wrong bit in
 * the tag. */
static bool record_is_right(struct compare *c, uint64_t counter, size_t len)
{
	const size_t aad_len = c->cipher == CIPHER_WIREGUARD ? 0 : sizeof(c->aad);
	const size_t sealed_len = len + AEAD_TAG_BYTES;

	if (primitives_seal(c->p, c->cipher, c->key.b, counter, c->aad, aad_len, c->plain, len,
			    c->want) ||
	    c->ops->seal(c->seal_ctx, counter, c->aad, aad_len, c->plain, len, c->got) ||
	    memcmp(c->got, c->want, sealed_len) != 0 ||
	    c->ops->open(c->open_ctx, counter, c->aad, aad_len, c->got, sealed_len, c->back) ||
	    memcmp(c->back, c->plain, len) != 0)
		return false;
	/* In place, as packets are. */
	memcpy(c->got, c->plain, len);
	if (c->ops->seal(c->seal_ctx, counter, c->aad, aad_len, c->got, len, c->got) ||
	    memcmp(c->got, c->want, sealed_len) != 0)
		return false;
	c->got[len + counter % AEAD_TAG_BYTES] ^= 0x10;
	return c->ops->open(c->open_ctx, counter, c->aad, aad_len, c->got, sealed_len, c->got) ==
	       ERR_AUTH;
}

enum err aead_compare(struct primitives *p, const struct aead_ops *ops, enum tunnel_cipher cipher)
{
	/* Around the borders of blocks, of eight and of sixteen of them, and of packets. */
	static const uint16_t lengths[] = {
		0,   1,   15,  16,  17,  31,  33,  63,  64,  65,   127,  128,  129,  255,  256,
		257, 271, 511, 512, 513, 767, 769, 800, 999, 1280, 1400, 1472, 2047, 4096, 9000
	};
	struct compare *c = calloc(1, sizeof(*c));
	enum err e;

	if (!c)
		return ERR_NOMEM;
	c->p = p;
	c->ops = ops;
	c->cipher = cipher;
	secret_random(c->key.b, sizeof(c->key.b));
	secret_random(c->aad, sizeof(c->aad));
	secret_random(c->plain, sizeof(c->plain));
	e = ops->setkey(p, &c->key, AEAD_SEAL, &c->seal_ctx);
	if (!e)
		e = ops->setkey(p, &c->key, AEAD_OPEN, &c->open_ctx);
	for (size_t i = 0; !e && i < ARRAY_LEN(lengths); i++)
		if (!record_is_right(c, i * 0x0101010101010101ull, lengths[i]))
			e = ERR_CRYPTO;
	ops->free(c->seal_ctx);
	ops->free(c->open_ctx);
	secret_zero(c, sizeof(*c));
	free(c);
	return e;
}

/* ------- The choice ------- */

enum err aead_choice_parse(const char *s, enum aead_choice *out)
{
	static const char *const names[] = {
		[AEAD_AUTO] = "auto",
		[AEAD_OPENSSL] = "openssl",
		[AEAD_IPSEC_MB] = "ipsec-mb",
	};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (strcasecmp(s, names[i]) == 0) {
			*out = (enum aead_choice)i;
			return ERR_OK;
		}
	}
	return ERR_INVALID;
}

/* Takes libipsec-mb's implementation of every cipher that it does right. */
static void take_ipsecmb(struct primitives *p)
{
	for (unsigned i = 0; i < AEAD_CIPHERS; i++) {
		const enum tunnel_cipher cipher = (enum tunnel_cipher)i;
		const struct aead_ops *ops = aead_ipsecmb_ops(cipher);
		enum err e = aead_compare(p, ops, cipher);

		if (!e)
			p->aead[cipher] = ops;
		else
			log_error("%s of libipsec-mb %s fails the self-test (%s); OpenSSL's is "
				  "used instead",
				  ops->name, aead_ipsecmb_version(p->ipsecmb), err_str(e));
	}
}

void aead_select(enum aead_choice choice, struct primitives *p)
{
	const char *why;

	BUG_ON(p->ipsecmb);
	if (choice == AEAD_OPENSSL)
		return;
	if (aead_ipsecmb_load(p, choice == AEAD_AUTO ? AEAD_IPSECMB_FAST_CPU : AEAD_IPSECMB_ANY_CPU,
			      &why)) {
		if (choice == AEAD_IPSEC_MB)
			log_warn("Crypto = ipsec-mb: %s; OpenSSL is used instead", why);
		else
			log_debug(1, "libipsec-mb is not used: %s", why);
		return;
	}
	take_ipsecmb(p);
	log_debug(1, "packets are sealed with %s and %s (libipsec-mb %s)",
		  p->aead[CIPHER_AES256GCM]->name, p->aead[CIPHER_CHACHA20POLY1305]->name,
		  aead_ipsecmb_version(p->ipsecmb));
}
