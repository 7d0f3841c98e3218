/* SPDX-License-Identifier: GPL-3.0-or-later */
/* base64, base64url and hex. Always: an accepted text is the only one for its bytes, and any bytes
 * survive the way there and back. */
#include <string.h>
#include <strings.h>

#include "shared/base/base64.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(const char *s, uint8_t *bytes, size_t size, char *text)
{
	uint8_t key[32];
	size_t n;

	if (!base64_decode(s, bytes, size, &n))
		BUG_ON(strcmp(base64_encode(bytes, n, text), s));
	if (!base64url_decode(s, bytes, size, &n))
		BUG_ON(strcmp(base64url_encode(bytes, n, text), s));
	if (!hex_decode(s, bytes, size, &n))
		BUG_ON(strcasecmp(hex_encode(bytes, n, text), s));
	if (!base64_decode_key(s, key))
		BUG_ON(strcmp(base64_encode(key, sizeof(key), text), s));
}

static void check_bytes(const uint8_t *data, size_t size, uint8_t *bytes, char *text)
{
	size_t n;

	BUG_ON(base64_decode(base64_encode(data, size, text), bytes, size, &n) || n != size ||
	       memcmp(bytes, data, n));
	BUG_ON(base64url_decode(base64url_encode(data, size, text), bytes, size, &n) || n != size ||
	       memcmp(bytes, data, n));
	BUG_ON(hex_decode(hex_encode(data, size, text), bytes, size, &n) || n != size ||
	       memcmp(bytes, data, n));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *s = strndup((const char *)data, size), *text = malloc(2 * size + 8);
	uint8_t *bytes = malloc(size + 1);

	if (s && text && bytes) {
		check_text(s, bytes, size, text);
		check_bytes(data, size, bytes, text);
	}
	free(s);
	free(text);
	free(bytes);
	return 0;
}
