/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/keys/keys.h"

#include <openssl/evp.h>
#include <openssl/sha.h>
#include <string.h>
#if defined(__aarch64__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

#include "shared/base/base64.h"
#include "shared/base/file.h"
#include "shared/base/log.h"
#include "shared/base/paths.h"
#include "shared/wire/node.h"

#define KEY_FILE_MAX_BYTES 256u
#define WHITE_SPACE        " \t\r\n"

/* The public half of a private key of `type` (EVP_PKEY_ED25519, EVP_PKEY_X25519). */
static enum err derive_public(int type, const struct secret_key *secret, struct public_key *out)
{
	EVP_PKEY *pkey = EVP_PKEY_new_raw_private_key(type, NULL, secret->b, sizeof(secret->b));
	size_t n = sizeof(out->b);
	enum err e = ERR_CRYPTO;

	if (pkey && EVP_PKEY_get_raw_public_key(pkey, out->b, &n) == 1 && n == sizeof(out->b))
		e = ERR_OK;
	EVP_PKEY_free(pkey);
	return e;
}

static enum err sign_tunnel(struct keys *k)
{
	EVP_PKEY *pkey = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, k->identity.b,
						      sizeof(k->identity.b));
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t input[64];
	size_t len = node_tunnel_sign_input(&k->tunnel_public, input), n = sizeof(k->tunnel_sig);
	enum err e = ERR_CRYPTO;

	if (pkey && ctx && EVP_DigestSignInit(ctx, NULL, NULL, NULL, pkey) == 1 &&
	    EVP_DigestSign(ctx, k->tunnel_sig, &n, input, len) == 1 && n == sizeof(k->tunnel_sig))
		e = ERR_OK;
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(pkey);
	return e;
}

enum err keys_complete(struct keys *k)
{
	enum err e = derive_public(EVP_PKEY_ED25519, &k->identity, &k->identity_public);

	if (!e)
		e = derive_public(EVP_PKEY_X25519, &k->tunnel, &k->tunnel_public);
	if (!e)
		e = sign_tunnel(k);
	if (e)
		keys_forget_secrets(k);
	return e;
}

enum err keys_generate(struct keys *k)
{
	memset(k, 0, sizeof(*k));
	secret_random(k->identity.b, sizeof(k->identity.b));
	secret_random(k->tunnel.b, sizeof(k->tunnel.b));
	/* RFC 7748 section 5; done when the key is used too, but then the file holds the number
	 * that is meant. */
	k->tunnel.b[0] &= 248;
	k->tunnel.b[31] = (uint8_t)((k->tunnel.b[31] & 127) | 64);
	return keys_complete(k);
}

/* The one base64 key of a file that was read, white space around it left aside. */
static enum err decode_key(struct buf *b, uint8_t out[KEY_BYTES])
{
	char text[KEY_BASE64_SIZE];
	const char *s = buf_cstr(b);
	size_t n;
	enum err e;

	if (!s)
		return ERR_NOMEM;
	s += strspn(s, WHITE_SPACE);
	n = strcspn(s, WHITE_SPACE);
	if (n != sizeof(text) - 1 || s[n + strspn(s + n, WHITE_SPACE)] != '\0')
		return ERR_INVALID;
	memcpy(text, s, n);
	text[n] = '\0';
	e = base64_decode_key(text, out);
	secret_zero(text, sizeof(text));
	return e;
}

enum err keys_read_secret(const char *path, struct secret_key *out)
{
	struct buf b;
	enum err e;

	buf_init(&b, KEY_FILE_MAX_BYTES);
	e = file_read_secret(path, &b);
	if (!e)
		e = decode_key(&b, out->b);
	buf_fini(&b);
	return e == ERR_TOOBIG ? ERR_INVALID : e;
}

enum err keys_read_next(const char *path, struct secret_key *out, bool *found)
{
	char next[PATHS_FILE_SIZE + 8];
	enum err e;

	*found = false;
	if (snprintf(next, sizeof(next), "%s.next", path) >= (int)sizeof(next))
		return ERR_OK;
	e = keys_read_secret(next, out);
	*found = e == ERR_OK;
	if (e && e != ERR_NOTFOUND && e != ERR_NOMEM)
		log_warn("%s: %s; it is passed over", next, err_str(e));
	return e == ERR_NOMEM ? e : ERR_OK;
}

enum err keys_tunnel_public(const struct secret_key *tunnel, struct public_key *out)
{
	return derive_public(EVP_PKEY_X25519, tunnel, out);
}

enum err keys_read_public(const char *path, struct public_key *out)
{
	struct buf b;
	enum err e;

	buf_init(&b, KEY_FILE_MAX_BYTES);
	e = file_read(path, &b);
	if (!e)
		e = decode_key(&b, out->b);
	buf_fini(&b);
	return e == ERR_TOOBIG ? ERR_INVALID : e;
}

const char *keys_fingerprint(const struct public_key *key, char out[KEYS_FINGERPRINT_SIZE])
{
	uint8_t digest[SHA256_DIGEST_LENGTH];

	SHA256(key->b, KEY_BYTES, digest);
	return hex_encode(digest, sizeof(digest), out);
}

enum err keys_read(struct keys *k, const char *identity_file, const char *tunnel_file)
{
	enum err e;

	memset(k, 0, sizeof(*k));
	e = keys_read_secret(identity_file, &k->identity);
	if (!e)
		e = keys_read_secret(tunnel_file, &k->tunnel);
	if (e) {
		keys_forget_secrets(k);
		return e;
	}
	return keys_complete(k);
}

void keys_forget_secrets(struct keys *k)
{
	secret_zero(&k->identity, sizeof(k->identity));
	secret_zero(&k->tunnel, sizeof(k->tunnel));
}

/* Is `sig` the signature of `signer` over these bytes? */
static bool is_signed(const struct public_key *signer, const uint8_t *input, size_t len,
		      const uint8_t sig[KEYS_SIGNATURE_BYTES])
{
	EVP_PKEY *pkey =
		EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, signer->b, sizeof(signer->b));
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool good = pkey && ctx && EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, pkey) == 1 &&
		    EVP_DigestVerify(ctx, sig, KEYS_SIGNATURE_BYTES, input, len) == 1;

	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(pkey);
	return good;
}

bool keys_tunnel_is_signed(const struct public_key *identity, const struct public_key *tunnel,
			   const uint8_t sig[KEYS_SIGNATURE_BYTES])
{
	uint8_t input[NODE_SIGN_INPUT_MAX];

	return is_signed(identity, input, node_tunnel_sign_input(tunnel, input), sig);
}

bool keys_identity_is_signed(const struct public_key *old, const struct public_key *identity,
			     const uint8_t sig[KEYS_SIGNATURE_BYTES])
{
	uint8_t input[NODE_SIGN_INPUT_MAX];

	return is_signed(old, input, node_identity_sign_input(identity, input), sig);
}

bool keys_identity_follows(const struct public_key *known, const struct node *n)
{
	const struct public_key *younger = &n->identity_key;

	if (!n->has_identity)
		return false;
	for (uint8_t i = 0; !public_key_equal(younger, known); i++) {
		if (i == n->n_chain ||
		    !keys_identity_is_signed(&n->chain[i].key, younger, n->chain[i].sig))
			return false;
		younger = &n->chain[i].key;
	}
	return true;
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
