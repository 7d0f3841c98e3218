/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * recipient: who can open a backup, and make one. scrypt (RFC 7914) turns a passphrase into an
 * X25519 key pair and an origin key. The hub keeps the public half and the origin key: so a timer
 * can make backups at any hour without the passphrase lying about; whoever breaks into the hub
 * cannot open older ones; and whoever only gets hold of the files can neither open them nor put
 * others in their place.
 */
#include "shared/base/buf.h"
#include "shared/base/secret.h"

#define RECIPIENT_SALT_BYTES     16u
#define RECIPIENT_LINE_SIZE      200u
#define RECIPIENT_PASSPHRASE_MIN 10u   /* bytes */
#define RECIPIENT_PASSPHRASE_MAX 1024u /* bytes */

/* Costs that are taken from a file: 2^log_n blocks of r * 128 bytes, at most 1 GiB. */
#define RECIPIENT_LOG_N_MIN 10u
#define RECIPIENT_LOG_N_MAX 20u
#define RECIPIENT_R         8u
#define RECIPIENT_P         1u
/* What new ones get: 128 MiB and about a third of a second. */
#define RECIPIENT_LOG_N 17u

struct recipient {
	uint8_t log_n; /* scrypt's N is 2^log_n; r and p are the constants above */
	uint8_t salt[RECIPIENT_SALT_BYTES];
	struct public_key public;
	struct secret_key
		origin; /* proves that the maker of a backup was the hub; zeros: not known */
};

/* A new one, with a fresh salt. ERR_INVALID: the passphrase is too short or too long; ERR_CRYPTO.
 */
enum err recipient_make(struct recipient *r, const char *passphrase, uint8_t log_n) must_check;
/* The private key, and r->origin. ERR_AUTH: it is another passphrase; ERR_CRYPTO. Zero both after
 * use. */
enum err recipient_unlock(struct recipient *r, const char *passphrase,
			  struct secret_key *out) must_check;

/* One line of text, as it stands in backup.key: "blb1 LOG_N SALT PUBLIC ORIGIN", in base64. Secret,
 * because of the origin key. */
void recipient_format(const struct recipient *r, char out[RECIPIENT_LINE_SIZE]);
/* ERR_INVALID: it is none; ERR_VERSION: one of a later version. White space at the end is ignored.
 */
enum err recipient_parse(const char *line, struct recipient *out) must_check;
