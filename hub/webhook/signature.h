/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * signature: how a receiver knows that a delivery is this hub's and not an old one sent again:
 *
 *	Branchline-Timestamp: 1795363201
 *	Branchline-Signature: v1=HEX(HMAC-SHA256(secret, "1795363201" "." body))
 *
 * The key is the whole text of the secret ("blw_..."). HMAC: RFC 2104. Pure.
 */
#include <stddef.h>
#include <stdint.h>

#include "shared/base/err.h"

#define SIGNATURE_SIZE          (3u + 64u + 1u) /* "v1=", hex, end mark */
#define SIGNATURE_SECRET_PREFIX "blw_"

enum err signature_make(const char *secret, int64_t timestamp_s, const void *body, size_t n,
			char out[SIGNATURE_SIZE]) must_check;
/* A new secret of 256 random bits; zero it after use. `size` >= 48. */
void signature_secret_new(char *out, size_t size);
