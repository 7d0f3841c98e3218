/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hub/webhook/signature.h"

#include <inttypes.h>
#include <openssl/evp.h>
#include <string.h>

#include "shared/base/base64.h"
#include "shared/base/secret.h"

static const char hex[] = "0123456789abcdef";

enum err signature_make(const char *secret, int64_t timestamp_s, const void *body, size_t n,
			char out[SIGNATURE_SIZE])
{
	EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	EVP_MAC_CTX *ctx = mac ? EVP_MAC_CTX_new(mac) : NULL;
	char digest[] = "SHA256", head[32];
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string("digest", digest, 0),
		OSSL_PARAM_construct_end(),
	};
	uint8_t sum[32];
	size_t len = 0, n_head = (size_t)snprintf(head, sizeof(head), "%" PRId64 ".", timestamp_s);
	bool ok = ctx &&
		  EVP_MAC_init(ctx, (const unsigned char *)secret, strlen(secret), params) == 1 &&
		  EVP_MAC_update(ctx, (const unsigned char *)head, n_head) == 1 &&
		  EVP_MAC_update(ctx, body, n) == 1 &&
		  EVP_MAC_final(ctx, sum, &len, sizeof(sum)) == 1 && len == sizeof(sum);

	EVP_MAC_CTX_free(ctx);
	EVP_MAC_free(mac);
	if (!ok)
		return ERR_CRYPTO;
	memcpy(out, "v1=", 3);
	for (size_t i = 0; i < sizeof(sum); i++) {
		out[3 + 2 * i] = hex[sum[i] >> 4];
		out[4 + 2 * i] = hex[sum[i] & 15];
	}
	out[SIGNATURE_SIZE - 1] = '\0';
	return ERR_OK;
}

void signature_secret_new(char *out, size_t size)
{
	char text[BASE64_SIZE(32)];
	uint8_t bytes[32];

	BUG_ON(size < sizeof(SIGNATURE_SECRET_PREFIX) + sizeof(text));
	secret_random(bytes, sizeof(bytes));
	snprintf(out, size, SIGNATURE_SECRET_PREFIX "%s",
		 base64url_encode(bytes, sizeof(bytes), text));
	secret_zero(bytes, sizeof(bytes));
	secret_zero(text, sizeof(text));
}
