/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hub/api/totp.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <string.h>

#include "shared/base/err.h"
#include "shared/base/secret.h"

void totp_code(const uint8_t secret[TOTP_SECRET_BYTES], int64_t step, char out[TOTP_DIGITS + 1])
{
	uint8_t counter[8], mac[EVP_MAX_MD_SIZE];
	unsigned len = 0;
	const uint8_t *at;
	uint32_t number;

	for (int i = 0; i < 8; i++)
		counter[i] = (uint8_t)((uint64_t)step >> (56 - 8 * i));
	BUG_ON(!HMAC(EVP_sha1(), secret, TOTP_SECRET_BYTES, counter, sizeof(counter), mac, &len));
	/* RFC 4226 section 5.3: the last four bits say where the number stands. */
	at = mac + (mac[len - 1] & 15);
	number = (uint32_t)(at[0] & 0x7f) << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 |
		 at[3];
	snprintf(out, TOTP_DIGITS + 1, "%06u", number % 1000000);
	secret_zero(mac, sizeof(mac));
}

bool totp_matches(const uint8_t secret[TOTP_SECRET_BYTES], const char *code, int64_t wall_ms,
		  int64_t last_step, int64_t *step)
{
	int64_t now = wall_ms / 1000 / TOTP_STEP_S;
	char padded[TOTP_DIGITS + 1] = "", want[TOTP_DIGITS + 1];
	bool right = strlen(code) == TOTP_DIGITS, found = false;

	memcpy(padded, code, right ? TOTP_DIGITS : 0);
	for (int64_t s = now - TOTP_SKEW_STEPS; s <= now + TOTP_SKEW_STEPS; s++) {
		totp_code(secret, s, want);
		if (secret_equal(want, padded, TOTP_DIGITS) && right && s > last_step) {
			*step = s;
			found = true;
		}
	}
	secret_zero(want, sizeof(want));
	return found;
}

char *totp_base32(const uint8_t secret[TOTP_SECRET_BYTES], char out[TOTP_BASE32_SIZE])
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
	uint32_t bits = 0;
	unsigned n_bits = 0;
	size_t n = 0;

	for (unsigned i = 0; i < TOTP_SECRET_BYTES; i++) {
		bits = bits << 8 | secret[i];
		for (n_bits += 8; n_bits >= 5; n_bits -= 5)
			out[n++] = digits[bits >> (n_bits - 5) & 31];
	}
	out[n] = '\0';
	return out;
}
