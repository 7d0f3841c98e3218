/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hub/backup/recipient.h"

#include <openssl/evp.h>
#include <string.h>

#include "shared/base/base64.h"
#include "shared/noise/primitives.h"

#define MARK "blb1"

/* scrypt's blocks are 128 * r bytes; a little more for its own use. */
static uint64_t memory_of(uint8_t log_n)
{
	return ((1ull << log_n) + RECIPIENT_P + 2) * 128u * RECIPIENT_R;
}

/* r->origin and the private key, in this order, from the passphrase. */
static enum err derive(struct recipient *r, const char *passphrase, struct secret_key *secret)
{
	uint8_t out[2 * KEY_BYTES];

	if (EVP_PBE_scrypt(passphrase, strlen(passphrase), r->salt, RECIPIENT_SALT_BYTES,
			   1ull << r->log_n, RECIPIENT_R, RECIPIENT_P, memory_of(r->log_n), out,
			   sizeof(out)) != 1)
		return ERR_CRYPTO;
	memcpy(r->origin.b, out, KEY_BYTES);
	memcpy(secret->b, out + KEY_BYTES, KEY_BYTES);
	secret_zero(out, sizeof(out));
	return ERR_OK;
}

/* The public half of a private key. */
static enum err public_of(const struct secret_key *secret, struct public_key *out)
{
	struct dh_key key;
	enum err e = primitives_dh_key_init(&key, secret);

	if (!e)
		*out = key.public;
	primitives_dh_key_fini(&key);
	return e;
}

enum err recipient_make(struct recipient *r, const char *passphrase, uint8_t log_n)
{
	const size_t n = strlen(passphrase);
	struct recipient fresh = { .log_n = log_n };
	struct secret_key secret;
	enum err e;

	BUG_ON(log_n < RECIPIENT_LOG_N_MIN || log_n > RECIPIENT_LOG_N_MAX);
	if (n < RECIPIENT_PASSPHRASE_MIN || n > RECIPIENT_PASSPHRASE_MAX)
		return ERR_INVALID;
	secret_random(fresh.salt, sizeof(fresh.salt));
	e = derive(&fresh, passphrase, &secret);
	if (!e)
		e = public_of(&secret, &fresh.public);
	secret_zero(&secret, sizeof(secret));
	if (!e)
		*r = fresh;
	secret_zero(&fresh, sizeof(fresh));
	return e;
}

enum err recipient_unlock(struct recipient *r, const char *passphrase, struct secret_key *out)
{
	struct public_key public;
	enum err e = derive(r, passphrase, out);

	if (!e)
		e = public_of(out, &public);
	if (!e && !public_key_equal(&public, &r->public))
		e = ERR_AUTH;
	if (e) {
		secret_zero(out, sizeof(*out));
		secret_zero(&r->origin, sizeof(r->origin));
	}
	return e;
}

void recipient_format(const struct recipient *r, char out[RECIPIENT_LINE_SIZE])
{
	char salt[BASE64_SIZE(RECIPIENT_SALT_BYTES)], public[KEY_BASE64_SIZE],
		origin[KEY_BASE64_SIZE];

	base64_encode(r->salt, sizeof(r->salt), salt);
	base64_encode(r->public.b, KEY_BYTES, public);
	base64_encode(r->origin.b, KEY_BYTES, origin);
	snprintf(out, RECIPIENT_LINE_SIZE, MARK " %u %s %s %s", (unsigned)r->log_n, salt, public,
		 origin);
	secret_zero(origin, sizeof(origin));
}

/* The next word of the line, cut off at `size`; NULL when there is none or it is too long. */
static const char *word(const char **at, char *out, size_t size)
{
	size_t n = strcspn(*at, " ");

	if (n == 0 || n >= size)
		return NULL;
	memcpy(out, *at, n);
	out[n] = '\0';
	*at += n + strspn(*at + n, " ");
	return out;
}

static bool parse_log_n(const char *text, uint8_t *out)
{
	unsigned v = 0;

	if (strlen(text) != 2 || strspn(text, "0123456789") != 2)
		return false;
	v = (unsigned)(text[0] - '0') * 10 + (unsigned)(text[1] - '0');
	*out = (uint8_t)v;
	return v >= RECIPIENT_LOG_N_MIN && v <= RECIPIENT_LOG_N_MAX;
}

/* What stands behind the mark. */
static bool parse_values(const char *at, struct recipient *r)
{
	char log_n[8], salt[64], public[64], origin[64] = "";
	size_t n;
	bool ok = word(&at, log_n, sizeof(log_n)) && parse_log_n(log_n, &r->log_n) &&
		  word(&at, salt, sizeof(salt)) && word(&at, public, sizeof(public)) &&
		  word(&at, origin, sizeof(origin)) && !*at &&
		  base64_decode(salt, r->salt, sizeof(r->salt), &n) == ERR_OK &&
		  n == sizeof(r->salt) && base64_decode_key(public, r->public.b) == ERR_OK &&
		  base64_decode_key(origin, r->origin.b) == ERR_OK;

	secret_zero(origin, sizeof(origin));
	return ok;
}

enum err recipient_parse(const char *line, struct recipient *out)
{
	char text[RECIPIENT_LINE_SIZE], mark[16];
	const char *at = text;
	struct recipient r = { 0 };
	size_t n = strcspn(line, "\r\n");
	enum err e = ERR_INVALID;

	if (n >= sizeof(text) || line[n + strspn(line + n, "\r\n \t")] != '\0')
		return ERR_INVALID;
	memcpy(text, line, n);
	text[n] = '\0';
	if (!word(&at, mark, sizeof(mark)))
		e = ERR_INVALID;
	else if (strcmp(mark, MARK) != 0)
		e = strncmp(mark, "blb", 3) == 0 ? ERR_VERSION : ERR_INVALID;
	else if (parse_values(at, &r))
		e = ERR_OK;
	if (!e)
		*out = r;
	secret_zero(&r, sizeof(r));
	secret_zero(text, sizeof(text));
	return e;
}
