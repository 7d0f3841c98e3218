/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/* totp: time-based one-time passwords (RFC 6238): HMAC-SHA-1, 6 digits, steps of 30 s, as every
 * authenticator takes them. Pure, but for a new secret. */
#include <stdbool.h>
#include <stdint.h>

#define TOTP_SECRET_BYTES 20u
#define TOTP_DIGITS       6u
#define TOTP_STEP_S       30
#define TOTP_SKEW_STEPS   1   /* codes of the step before and after are taken, too: clocks differ */
#define TOTP_BASE32_SIZE  33u /* a secret in base32 (RFC 4648), with the end mark */

/* The code of a step (seconds since 1970 divided by TOTP_STEP_S), with the end mark. */
void totp_code(const uint8_t secret[TOTP_SECRET_BYTES], int64_t step, char out[TOTP_DIGITS + 1]);
/*
 * Is `code` one of now? Those of steps up to `last_step` are not taken again. On true `*step` is
 * its step, to be remembered. Constant time in the code.
 */
bool totp_matches(const uint8_t secret[TOTP_SECRET_BYTES], const char *code, int64_t wall_ms,
		  int64_t last_step, int64_t *step);
/* For people and their QR codes. Returns `out`. */
char *totp_base32(const uint8_t secret[TOTP_SECRET_BYTES], char out[TOTP_BASE32_SIZE]);
