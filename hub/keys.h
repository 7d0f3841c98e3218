/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * keys: the hub's own two key pairs, and the check that a tunnel key was signed by an identity. The
 * identity key (Ed25519) proves who a node is on the link, the tunnel key (X25519) makes the data
 * plane's sessions; the first signs the second.
 */
#include <stdbool.h>

#include "shared/base/secret.h"

#define KEYS_SIGNATURE_BYTES 64u /* Ed25519, RFC 8032 */

struct hub_keys {
	struct secret_key identity; /* Ed25519 seed */
	struct secret_key tunnel;   /* X25519 */
	struct public_key identity_public;
	struct public_key tunnel_public;
	uint8_t tunnel_sig[KEYS_SIGNATURE_BYTES];
};

/* Two new key pairs. Zero the struct with secret_zero() after use. ERR_CRYPTO. */
enum err keys_generate(struct hub_keys *k) must_check;
/* Reads a file with one base64 key that only its owner may read. ERR_DENIED: others may, too;
 * ERR_INVALID: something else is in it. */
enum err keys_read_secret(const char *path, struct secret_key *out) must_check;
/* Does `sig` prove that the owner of `identity` vouches for `tunnel`? */
bool keys_tunnel_is_signed(const struct public_key *identity, const struct public_key *tunnel,
			   const uint8_t sig[KEYS_SIGNATURE_BYTES]);
/* True for points that no honest key pair has: all sessions with them would have the same shared
 * secret (RFC 7748 section 6.1). */
bool keys_tunnel_is_weak(const struct public_key *tunnel);
/* Has this CPU instructions for AES and GCM? */
bool keys_cpu_has_aes(void);
