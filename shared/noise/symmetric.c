/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/noise/symmetric.h"

#include <string.h>

static const struct {
	const char *construction;
	const char *identifier;
} names[] = {
	[CIPHER_WIREGUARD] = { "Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s",
			       "WireGuard v1 zx2c4 Jason@zx2c4.com" },
	[CIPHER_AES256GCM] = { "Noise_IKpsk2_25519_AESGCM_BLAKE2s", "Branchline v1" },
	[CIPHER_CHACHA20POLY1305] = { "Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s", "Branchline v1" },
};

static enum err mix_hash(struct symmetric *s, struct primitives *p, const void *in, size_t len)
{
	return primitives_hash(p, s->hash, sizeof(s->hash), in, len, s->hash);
}

enum err symmetric_init(struct symmetric *s, struct primitives *p, enum tunnel_cipher cipher,
			const struct public_key *responder)
{
	const char *construction = names[cipher].construction;
	const char *identifier = names[cipher].identifier;

	s->cipher = cipher;
	enum err e =
		primitives_hash(p, construction, strlen(construction), NULL, 0, s->chaining_key);
	if (e)
		return e;
	memcpy(s->hash, s->chaining_key, sizeof(s->hash));
	e = mix_hash(s, p, identifier, strlen(identifier));
	return e ? e : mix_hash(s, p, responder->b, sizeof(responder->b));
}

enum err symmetric_mix_ephemeral(struct symmetric *s, struct primitives *p,
				 const struct public_key *ephemeral)
{
	enum err e = mix_hash(s, p, ephemeral->b, sizeof(ephemeral->b));
	return e ? e : symmetric_mix_key(s, p, ephemeral->b, NULL);
}

enum err symmetric_mix_key(struct symmetric *s, struct primitives *p,
			   const uint8_t secret[KEY_BYTES], uint8_t *key)
{
	return primitives_hkdf(p, s->chaining_key, secret, KEY_BYTES, s->chaining_key, key, NULL);
}

enum err symmetric_mix_psk(struct symmetric *s, struct primitives *p, const uint8_t psk[KEY_BYTES],
			   uint8_t key[KEY_BYTES])
{
	uint8_t hashed[KEY_BYTES];
	enum err e =
		primitives_hkdf(p, s->chaining_key, psk, KEY_BYTES, s->chaining_key, hashed, key);
	if (!e)
		e = mix_hash(s, p, hashed, sizeof(hashed));
	secret_zero(hashed, sizeof(hashed));
	return e;
}

enum err symmetric_seal(struct symmetric *s, struct primitives *p, const uint8_t key[KEY_BYTES],
			const void *in, size_t len, uint8_t *out)
{
	enum err e = primitives_seal(p, s->cipher, key, 0, s->hash, sizeof(s->hash), in, len, out);
	return e ? e : mix_hash(s, p, out, len + AEAD_TAG_BYTES);
}

enum err symmetric_unseal(struct symmetric *s, struct primitives *p, const uint8_t key[KEY_BYTES],
			  const void *in, size_t len, uint8_t *out)
{
	enum err e =
		primitives_unseal(p, s->cipher, key, 0, s->hash, sizeof(s->hash), in, len, out);
	return e ? e : mix_hash(s, p, in, len);
}

enum err symmetric_split(const struct symmetric *s, struct primitives *p,
			 struct secret_key *initiator, struct secret_key *responder)
{
	return primitives_hkdf(p, s->chaining_key, NULL, 0, initiator->b, responder->b, NULL);
}
