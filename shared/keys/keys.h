/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * keys: a node's two long-lived key pairs, and their files. The identity key (Ed25519) proves who a
 * node is on the link, the tunnel key (X25519) makes the data plane's sessions; the first signs the
 * second. Private keys are made where they are used, and never leave that machine.
 */
#include <stdbool.h>

#include "shared/base/secret.h"

#define KEYS_SIGNATURE_BYTES  64u /* Ed25519, RFC 8032 */
#define KEYS_FINGERPRINT_SIZE 65u /* with the end mark */

struct keys {
	struct secret_key identity; /* Ed25519 seed */
	struct secret_key tunnel;   /* X25519 private key */
	struct public_key identity_public;
	struct public_key tunnel_public;
	uint8_t tunnel_sig[KEYS_SIGNATURE_BYTES]; /* by the identity key, over
						     node_tunnel_sign_input() */
};

/* Fresh keys. keys_forget_secrets() is the caller's. ERR_CRYPTO. */
enum err keys_generate(struct keys *k) must_check;
/* Derives the public keys and the signature from the two private keys. ERR_CRYPTO: the private ones
 * are zeroed then. */
enum err keys_complete(struct keys *k) must_check;
/* From the two files. ERR_NOTFOUND, ERR_DENIED (others may read them), ERR_INVALID (not a key),
 * ERR_CRYPTO. */
enum err keys_read(struct keys *k, const char *identity_file, const char *tunnel_file) must_check;
/* One private key's file: base64 on a line. Errors as keys_read(). */
enum err keys_read_secret(const char *path, struct secret_key *out) must_check;
/*
 * The private key that is to take the place of the one in `path`, in the file beside it
 * ("PATH.next"). *found false: there is none, or it cannot be read (logged): then the present one
 * is good. ERR_NOMEM.
 */
enum err keys_read_next(const char *path, struct secret_key *out, bool *found) must_check;
/* The public half of a tunnel key. ERR_CRYPTO. */
enum err keys_tunnel_public(const struct secret_key *tunnel, struct public_key *out) must_check;
/* A public key's file: base64 on a line. ERR_NOTFOUND, ERR_INVALID. */
enum err keys_read_public(const char *path, struct public_key *out) must_check;
/* How people compare a key: its SHA-256 in hexadecimal digits. Returns `out`. */
const char *keys_fingerprint(const struct public_key *key, char out[KEYS_FINGERPRINT_SIZE]);
/* Zeroes the private keys and keeps the rest. */
void keys_forget_secrets(struct keys *k);

/* True when `sig` is `identity`'s signature over `tunnel`. */
bool keys_tunnel_is_signed(const struct public_key *identity, const struct public_key *tunnel,
			   const uint8_t sig[KEYS_SIGNATURE_BYTES]);
/* True when `sig` is `old`'s signature over `identity`: the node has replaced its identity key
 * itself (node_identity_sign_input()). */
bool keys_identity_is_signed(const struct public_key *old, const struct public_key *identity,
			     const uint8_t sig[KEYS_SIGNATURE_BYTES]);
/*
 * True when `n`'s identity key is `known`, or the keys in between have each signed the next
 * (n->chain). Whoever knew the one may then trust the other.
 */
struct node;
bool keys_identity_follows(const struct public_key *known, const struct node *n);
/* True for points that no honest key pair has: all sessions with them would have the same shared
 * secret (RFC 7748 section 6.1). */
bool keys_tunnel_is_weak(const struct public_key *tunnel);
/* This CPU has instructions for AES and GCM: what the directory is told, and the cipher of a node's
 * sessions follows from. */
bool keys_cpu_has_aes(void);
