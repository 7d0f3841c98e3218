/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 *   "bl1_" base64url( u8 version = 1 | secret 16 | hub key 32 | str network | u8 n | n x str
 * address | sum 4 )
 *
 * str is a u16 little-endian length and the bytes. `sum` are the first 4 bytes of the SHA-256 of
 * everything before it.
 */
#include "shared/wire/token.h"

#include <openssl/sha.h>
#include <string.h>

#include "shared/base/base64.h"
#include "shared/base/cursor.h"
#include "shared/base/hostport.h"
#include "shared/wire/node.h"

#define TOKEN_PREFIX       "bl1_"
#define TOKEN_PREFIX_CHARS (sizeof(TOKEN_PREFIX) - 1)
#define TOKEN_VERSION      1u
#define SUM_BYTES          4u
/* What JOIN_TOKEN_MAX_CHARS leaves for the bytes: 3 for each 4 characters. */
#define BODY_MAX_BYTES ((JOIN_TOKEN_MAX_CHARS - TOKEN_PREFIX_CHARS) / 4 * 3)
#define WHITE_SPACE    " \t\r\n"

static void sum_of(const uint8_t *p, size_t n, uint8_t out[SUM_BYTES])
{
	uint8_t digest[SHA256_DIGEST_LENGTH];

	BUG_ON(!SHA256(p, n, digest));
	memcpy(out, digest, SUM_BYTES);
	secret_zero(digest, sizeof(digest));
}

void token_hash(const uint8_t secret[JOIN_SECRET_BYTES], uint8_t out[32])
{
	BUG_ON(!SHA256(secret, JOIN_SECRET_BYTES, out));
}

static bool is_valid(const struct join_token *t)
{
	if (!name_is_valid(t->network) || t->n_addresses < 1 ||
	    t->n_addresses > TOKEN_ADDRESSES_MAX)
		return false;
	for (unsigned i = 0; i < t->n_addresses; i++)
		if (!hostport_is_line(t->addresses[i]))
			return false;
	return true;
}

enum err token_encode(const struct join_token *t, char *out)
{
	uint8_t body[BODY_MAX_BYTES];
	uint8_t sum[SUM_BYTES];
	struct cursor c;
	enum err e;

	if (!is_valid(t))
		return ERR_INVALID;
	cursor_init_write(&c, body, sizeof(body));
	cursor_put_u8(&c, TOKEN_VERSION);
	cursor_put_bytes(&c, t->secret, JOIN_SECRET_BYTES);
	cursor_put_bytes(&c, t->hub_key.b, KEY_BYTES);
	cursor_put_str(&c, t->network);
	cursor_put_u8(&c, t->n_addresses);
	for (unsigned i = 0; i < t->n_addresses; i++)
		cursor_put_str(&c, t->addresses[i]);
	sum_of(body, cursor_pos(&c), sum);
	cursor_put_bytes(&c, sum, SUM_BYTES);
	e = cursor_end(&c);
	if (e == ERR_OK) {
		memcpy(out, TOKEN_PREFIX, TOKEN_PREFIX_CHARS);
		base64url_encode(body, cursor_pos(&c), out + TOKEN_PREFIX_CHARS);
	}
	secret_zero(body, sizeof(body));
	return e;
}

/* "bl", a number other than ours, "_": a token that a later version made. */
static bool is_of_later_version(const char *s)
{
	size_t digits;

	if (strncmp(s, "bl", 2) != 0)
		return false;
	digits = strspn(s + 2, "0123456789");
	return digits > 0 && s[2] != '0' && s[2 + digits] == '_';
}

/* The bytes of a token whose sum is right already. */
static enum err decode_body(const uint8_t *body, size_t n, struct join_token *out)
{
	struct join_token t;
	struct cursor c;
	enum err e;

	memset(&t, 0, sizeof(t));
	cursor_init_read(&c, body, n);
	if (cursor_get_u8(&c) != TOKEN_VERSION)
		return ERR_VERSION;
	cursor_get_bytes(&c, t.secret, JOIN_SECRET_BYTES);
	cursor_get_bytes(&c, t.hub_key.b, KEY_BYTES);
	cursor_get_str(&c, t.network, sizeof(t.network));
	t.n_addresses = cursor_get_u8(&c);
	for (unsigned i = 0; i < t.n_addresses && i < TOKEN_ADDRESSES_MAX; i++)
		cursor_get_str(&c, t.addresses[i], sizeof(t.addresses[i]));
	e = cursor_end(&c) || !is_valid(&t) ? ERR_INVALID : ERR_OK;
	if (!e)
		*out = t;
	secret_zero(&t, sizeof(t));
	return e;
}

/* `text` is what stands behind the prefix. */
static enum err decode_text(const char *text, struct join_token *out)
{
	uint8_t body[BODY_MAX_BYTES];
	uint8_t sum[SUM_BYTES];
	size_t n = 0;
	enum err e = ERR_TRUNCATED;

	if (base64url_decode(text, body, sizeof(body), &n) || n <= SUM_BYTES)
		goto out;
	n -= SUM_BYTES;
	sum_of(body, n, sum);
	if (secret_equal(sum, body + n, SUM_BYTES))
		e = decode_body(body, n, out);
out:
	secret_zero(body, sizeof(body));
	return e;
}

enum err token_decode(const char *s, struct join_token *out)
{
	char text[JOIN_TOKEN_MAX_CHARS + 1];
	size_t n;
	enum err e;

	s += strspn(s, WHITE_SPACE);
	n = strcspn(s, WHITE_SPACE);
	if (n > JOIN_TOKEN_MAX_CHARS || s[n + strspn(s + n, WHITE_SPACE)] != '\0')
		return ERR_INVALID;
	memcpy(text, s, n);
	text[n] = '\0';
	if (strncmp(text, TOKEN_PREFIX, TOKEN_PREFIX_CHARS) == 0)
		e = decode_text(text + TOKEN_PREFIX_CHARS, out);
	else
		e = is_of_later_version(text) ? ERR_VERSION : ERR_INVALID;
	secret_zero(text, sizeof(text));
	return e;
}
