/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * password: what the hub keeps of a user's password: scrypt (RFC 7914) with N = 2^15, r = 8, p = 1
 * (32 MiB, about a tenth of a second), as "scrypt$15$8$1$SALT$HASH" with base64url parts. The
 * parameters stand in the text, so that later ones can be stronger.
 */
#include <stdbool.h>

#include "shared/base/err.h"

#define PASSWORD_MIN_BYTES 10u
#define PASSWORD_MAX_BYTES 256u
#define PASSWORD_HASH_SIZE 128u
#define PASSWORD_NEW_SIZE  32u /* of password_new(), with the end mark */

/* ERR_CRYPTO, ERR_NOMEM. */
enum err password_hash(const char *password, char out[PASSWORD_HASH_SIZE]) must_check;
/*
 * Is it this password? Takes as long whatever is wrong with it. `hash` "" (nobody of this name, or
 * no password) is false after the same work. False also when the hash makes no sense.
 */
bool password_matches(const char *password, const char *hash);
/* A new one of 120 random bits, without characters that need quotes. Zero it after use. */
void password_new(char out[PASSWORD_NEW_SIZE]);
