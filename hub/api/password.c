/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hub/api/password.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/base/base64.h"
#include "shared/base/secret.h"

#define PREFIX     "scrypt$15$8$1$"
#define SALT_BYTES 16u
#define HASH_BYTES 32u
#define COST       (1ull << 15)
#define MEMORY_MAX (64ull << 20) /* twice what these parameters need */

static enum err derive(const char *password, const uint8_t salt[SALT_BYTES],
		       uint8_t out[HASH_BYTES])
{
	uint64_t n = COST, maxmem = MEMORY_MAX;
	uint32_t r = 8, p = 1;
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_PASSWORD,
						  (void *)(uintptr_t)password, strlen(password)),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, (void *)(uintptr_t)salt,
						  SALT_BYTES),
		OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_SCRYPT_N, &n),
		OSSL_PARAM_construct_uint32(OSSL_KDF_PARAM_SCRYPT_R, &r),
		OSSL_PARAM_construct_uint32(OSSL_KDF_PARAM_SCRYPT_P, &p),
		OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_SCRYPT_MAXMEM, &maxmem),
		OSSL_PARAM_construct_end(),
	};
	EVP_KDF *kdf = EVP_KDF_fetch(NULL, "SCRYPT", NULL);
	EVP_KDF_CTX *ctx = kdf ? EVP_KDF_CTX_new(kdf) : NULL;
	bool ok = ctx && EVP_KDF_derive(ctx, out, HASH_BYTES, params) == 1;

	EVP_KDF_CTX_free(ctx);
	EVP_KDF_free(kdf);
	return ok ? ERR_OK : ERR_CRYPTO;
}

enum err password_hash(const char *password, char out[PASSWORD_HASH_SIZE])
{
	char salt_text[BASE64_SIZE(SALT_BYTES)], hash_text[BASE64_SIZE(HASH_BYTES)];
	uint8_t salt[SALT_BYTES], hash[HASH_BYTES];
	enum err e;

	secret_random(salt, sizeof(salt));
	e = derive(password, salt, hash);
	if (!e)
		snprintf(out, PASSWORD_HASH_SIZE, PREFIX "%s$%s",
			 base64url_encode(salt, sizeof(salt), salt_text),
			 base64url_encode(hash, sizeof(hash), hash_text));
	secret_zero(hash, sizeof(hash));
	secret_zero(hash_text, sizeof(hash_text));
	return e;
}

/* Salt and hash of a stored text. False: it is none of ours. */
static bool parse(const char *text, uint8_t salt[SALT_BYTES], uint8_t hash[HASH_BYTES])
{
	char salt_text[BASE64_SIZE(SALT_BYTES)];
	const char *s = text + sizeof(PREFIX) - 1, *mark;
	size_t n;

	if (strncmp(text, PREFIX, sizeof(PREFIX) - 1) != 0)
		return false;
	mark = strchr(s, '$');
	if (!mark || (size_t)(mark - s) >= sizeof(salt_text))
		return false;
	memcpy(salt_text, s, (size_t)(mark - s));
	salt_text[mark - s] = '\0';
	return base64url_decode(salt_text, salt, SALT_BYTES, &n) == ERR_OK && n == SALT_BYTES &&
	       base64url_decode(mark + 1, hash, HASH_BYTES, &n) == ERR_OK && n == HASH_BYTES;
}

bool password_matches(const char *password, const char *hash)
{
	uint8_t salt[SALT_BYTES] = { 0 }, want[HASH_BYTES] = { 0 }, got[HASH_BYTES] = { 1 };
	bool known = parse(hash, salt, want);
	bool same = derive(password, salt, got) == ERR_OK && secret_equal(got, want, sizeof(got));

	secret_zero(got, sizeof(got));
	secret_zero(want, sizeof(want));
	return known && same;
}

void password_new(char out[PASSWORD_NEW_SIZE])
{
	uint8_t bytes[15];

	secret_random(bytes, sizeof(bytes));
	base64url_encode(bytes, sizeof(bytes), out);
	secret_zero(bytes, sizeof(bytes));
}
