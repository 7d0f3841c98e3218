/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * keys: the two keys of a spoke. The identity key (Ed25519) proves who we are on the link, the
 * tunnel key (X25519) makes the data plane's sessions; the identity key signs the tunnel key. They
 * are made here and never leave this machine.
 */
#include "shared/base/secret.h"

#define KEYS_SIGNATURE_BYTES 64u /* Ed25519, RFC 8032 */

struct spoke_keys {
	struct secret_key identity; /* Ed25519 seed */
	struct secret_key tunnel;   /* X25519 private key */
	struct public_key identity_public;
	struct public_key tunnel_public;
	uint8_t tunnel_sig[KEYS_SIGNATURE_BYTES]; /* by the identity key, over
						     node_tunnel_sign_input() */
};

/* Fresh keys. ERR_CRYPTO. */
enum err keys_generate(struct spoke_keys *k) must_check;
/* From the two files. ERR_NOTFOUND, ERR_DENIED (others may read them), ERR_INVALID (not a key),
 * ERR_CRYPTO. */
enum err keys_read(struct spoke_keys *k, const char *identity_file,
		   const char *tunnel_file) must_check;
/* One private key's file: base64 on a line. Errors as keys_read(). */
enum err keys_read_secret(const char *path, struct secret_key *out) must_check;
/* A public key's file: base64 on a line. ERR_NOTFOUND, ERR_INVALID. */
enum err keys_read_public(const char *path, struct public_key *out) must_check;
/* Zeroes the private keys and keeps the rest. */
void keys_forget_secrets(struct spoke_keys *k);
/* True when `sig` is `identity`'s signature over `tunnel`. */
bool keys_tunnel_is_signed(const struct public_key *identity, const struct public_key *tunnel,
			   const uint8_t sig[KEYS_SIGNATURE_BYTES]);
/* This CPU has AES instructions: what the directory is told, and the cipher of our sessions follows
 * from. */
bool keys_cpu_has_aes(void);
