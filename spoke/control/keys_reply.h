/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/* keys_reply: our own keys and those of others, as the status socket shows them. */
#include <jansson.h>

#include "shared/base/secret.h"

struct spoke;

#define FINGERPRINT_SIZE (2 * KEY_BYTES + 1)

/* SHA-256 of a public key in hexadecimal, as the hub shows it; "?" if it cannot be made. Returns
 * `out`. */
const char *keys_reply_fingerprint(const struct public_key *key, char out[FINGERPRINT_SIZE]);

/* A new object, NULL when memory is out: phase ("stable", "making", "proposed", "overlap"), waits
 * (for an admin of the hub), overlap_s (left, or null), identity and tunnel, each with fingerprint
 * and next_fingerprint. */
json_t *keys_reply_json(const struct spoke *s);
