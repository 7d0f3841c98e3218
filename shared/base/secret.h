/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/* Handling of secret bytes: zeroing that the compiler keeps, comparison in constant time, random
 * numbers. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/base/err.h"

#define KEY_BYTES 32u /* X25519, Ed25519 and AEAD keys, BLAKE2s and SHA-256 results */

/* A private or symmetric key. Zero it with secret_zero() on every way out. */
struct secret_key {
	uint8_t b[KEY_BYTES];
};
/* A public key or fingerprint; not secret, a type of its own so that the two are never mixed up. */
struct public_key {
	uint8_t b[KEY_BYTES];
};

void secret_zero(void *p, size_t n);
/* Constant time in `n`. */
bool secret_equal(const void *a, const void *b, size_t n);
bool secret_is_zero(const void *p, size_t n);
/* Fills from the system's generator; ends the process when there is none, since nothing safe can be
 * done without. */
void secret_random(void *p, size_t n);
uint32_t secret_random_u32(void);
/* Evenly distributed in 0 .. below-1; below > 0. Not secret-grade in time, used for jitter. */
uint32_t secret_random_below(uint32_t below);

static inline bool public_key_equal(const struct public_key *a, const struct public_key *b)
{
	return secret_equal(a->b, b->b, KEY_BYTES);
}
