/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * The join token "bl1_...": what an admin pastes on a branch server. base64url of: version u8 = 1,
 * secret, the hub's identity public key, network name, hub addresses ("host port" each, names or
 * numbers), and the first 4 bytes of the SHA-256 over all that, so that a cut or mistyped token is
 * told from a wrong one.
 */
#include "shared/base/secret.h"
#include "shared/wire/limits.h"
#include "shared/base/name.h"

#define TOKEN_ADDRESSES_MAX 8u

struct join_token {
	uint8_t secret[JOIN_SECRET_BYTES];
	struct public_key hub_key; /* Ed25519 */
	char network[NAME_SIZE];
	uint8_t n_addresses;
	char addresses[TOKEN_ADDRESSES_MAX][ENDPOINT_NAME_SIZE];
};

/* `out` holds JOIN_TOKEN_MAX_CHARS + 1. ERR_TOOBIG. Zero it after use. */
enum err token_encode(const struct join_token *t, char *out) must_check;
/* ERR_INVALID: not a token at all; ERR_TRUNCATED: cut short or mistyped (checksum); ERR_VERSION: of
 * a later version. White space around it is fine. */
enum err token_decode(const char *s, struct join_token *out) must_check;
/* SHA-256 of the secret: what the hub stores. */
void token_hash(const uint8_t secret[JOIN_SECRET_BYTES], uint8_t out[32]);
