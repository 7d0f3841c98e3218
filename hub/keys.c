/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hub/keys.h"

#include <openssl/evp.h>
#include <string.h>
#if defined(__aarch64__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

#include "shared/base/base64.h"
#include "shared/base/file.h"
#include "shared/wire/node.h"

#define KEY_FILE_MAX_BYTES 256u
#define WHITE_SPACE        " \t\r\n"

/* A new key pair of `type`, as raw bytes. */
static enum err generate(int type, struct secret_key *secret, struct public_key *public)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_id(type, NULL);
	EVP_PKEY *pair = NULL;
	size_t n_secret = KEY_BYTES, n_public = KEY_BYTES;
	enum err e = ERR_CRYPTO;

	if (ctx && EVP_PKEY_keygen_init(ctx) == 1 && EVP_PKEY_generate(ctx, &pair) == 1 &&
	    EVP_PKEY_get_raw_private_key(pair, secret->b, &n_secret) == 1 &&
	    n_secret == KEY_BYTES && EVP_PKEY_get_raw_public_key(pair, public->b, &n_public) == 1 &&
	    n_public == KEY_BYTES)
		e = ERR_OK;
	EVP_PKEY_free(pair);
	EVP_PKEY_CTX_free(ctx);
	return e;
}

/* The identity's signature over the tunnel key. */
static enum err sign(struct hub_keys *k)
{
	EVP_PKEY *key =
		EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, k->identity.b, KEY_BYTES);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t input[64];
	size_t input_len = node_tunnel_sign_input(&k->tunnel_public, input),
	       n = KEYS_SIGNATURE_BYTES;
	enum err e = ERR_CRYPTO;

	if (key && ctx && EVP_DigestSignInit(ctx, NULL, NULL, NULL, key) == 1 &&
	    EVP_DigestSign(ctx, k->tunnel_sig, &n, input, input_len) == 1 &&
	    n == KEYS_SIGNATURE_BYTES)
		e = ERR_OK;
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(key);
	return e;
}

enum err keys_generate(struct hub_keys *k)
{
	enum err e;

	memset(k, 0, sizeof(*k));
	e = generate(EVP_PKEY_ED25519, &k->identity, &k->identity_public);
	if (!e)
		e = generate(EVP_PKEY_X25519, &k->tunnel, &k->tunnel_public);
	if (!e)
		e = sign(k);
	if (e)
		secret_zero(k, sizeof(*k));
	return e;
}

enum err keys_read_secret(const char *path, struct secret_key *out)
{
	char text[KEY_BASE64_SIZE] = "";
	const char *s;
	struct buf b;
	enum err e;

	buf_init(&b, KEY_FILE_MAX_BYTES);
	e = file_read_secret(path, &b);
	s = e ? NULL : buf_cstr(&b);
	if (s) {
		size_t n;

		s += strspn(s, WHITE_SPACE);
		n = strcspn(s, WHITE_SPACE);
		e = ERR_INVALID;
		if (n == sizeof(text) - 1 && s[n + strspn(s + n, WHITE_SPACE)] == '\0') {
			memcpy(text, s, n);
			e = base64_decode_key(text, out->b);
		}
	} else if (!e) {
		e = ERR_NOMEM;
	}
	secret_zero(text, sizeof(text));
	buf_fini(&b);
	return e == ERR_TOOBIG ? ERR_INVALID : e;
}

bool keys_tunnel_is_signed(const struct public_key *identity, const struct public_key *tunnel,
			   const uint8_t sig[KEYS_SIGNATURE_BYTES])
{
	EVP_PKEY *key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, identity->b, KEY_BYTES);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t input[64];
	size_t input_len = node_tunnel_sign_input(tunnel, input);
	bool good = key && ctx && EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, key) == 1 &&
		    EVP_DigestVerify(ctx, sig, KEYS_SIGNATURE_BYTES, input, input_len) == 1;

	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(key);
	return good;
}

bool keys_tunnel_is_weak(const struct public_key *tunnel)
{
	/* Any private key will do: a point of small order gives zeros with each, and libcrypto
	 * reports that as a failure. */
	static const uint8_t some_secret[KEY_BYTES] = { 8, [31] = 64 };
	EVP_PKEY *ours =
		EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, NULL, some_secret, KEY_BYTES);
	EVP_PKEY *theirs = EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, NULL, tunnel->b, KEY_BYTES);
	EVP_PKEY_CTX *ctx = ours ? EVP_PKEY_CTX_new(ours, NULL) : NULL;
	uint8_t shared[KEY_BYTES];
	size_t n = sizeof(shared);
	bool good = ctx && theirs && EVP_PKEY_derive_init(ctx) == 1 &&
		    EVP_PKEY_derive_set_peer(ctx, theirs) == 1 &&
		    EVP_PKEY_derive(ctx, shared, &n) == 1 &&
		    !secret_is_zero(shared, sizeof(shared));

	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(theirs);
	EVP_PKEY_free(ours);
	return !good;
}

bool keys_cpu_has_aes(void)
{
#if defined(__x86_64__)
	return __builtin_cpu_supports("aes") && __builtin_cpu_supports("pclmul");
#elif defined(__aarch64__)
	return (getauxval(AT_HWCAP) & HWCAP_AES) && (getauxval(AT_HWCAP) & HWCAP_PMULL);
#else
	return false;
#endif
}
