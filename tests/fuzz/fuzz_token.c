/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Join tokens, as text, and, so that the inside is reached at all: the input as the bytes of a
 * token whose sum is made right.
 */
#include <openssl/sha.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "shared/base/base64.h"
#include "shared/wire/token.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_text(const char *text)
{
	char again[JOIN_TOKEN_MAX_CHARS + 1];
	struct join_token t, back;

	if (token_decode(text, &t))
		return;
	BUG_ON(token_encode(&t, again) != ERR_OK);
	BUG_ON(token_decode(again, &back) != ERR_OK);
	BUG_ON(memcmp(&t, &back, sizeof(t)) != 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	uint8_t body[760], digest[SHA256_DIGEST_LENGTH];
	char token[4 + BASE64_SIZE(sizeof(body))] = "bl1_";

	BUG_ON(!text);
	memcpy(text, data, size);
	text[size] = '\0';
	try_text(text);
	free(text);
	if (size + 4 > sizeof(body))
		return 0;
	memcpy(body, data, size);
	SHA256(body, size, digest);
	memcpy(body + size, digest, 4);
	base64url_encode(body, size + 4, token + 4);
	try_text(token);
	return 0;
}
