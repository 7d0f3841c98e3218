/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * sealed: a stream of bytes that only a recipient can open, and that nobody can change, cut short
 * or put together anew. Layout: schema/BACKUP.md.
 *
 *   header    "BLBK", version, log_n, salt, recipient's public key, a public key of this file
 *   chunk     length and "last" flag (u32), sealed bytes, tag;   repeated; the last one has the
 * flag
 *
 * Each chunk is sealed by ChaCha20-Poly1305 with its number as the nonce and its first four bytes
 * as associated data, under a key made of X25519 between the file's key, which is forgotten, and
 * the recipient's, and of the origin key. Errors are sticky: write or read everything, then look at
 * the end.
 */
#include <stdbool.h>

#include "hub/backup/recipient.h"

#define SEALED_HEADER_BYTES 88u
#define SEALED_CHUNK_BYTES  32768u /* plain bytes of one chunk at the most */

struct sealed_writer;
struct sealed_reader;

/* Writes to `fd`, which stays the caller's. ERR_NOMEM, ERR_CRYPTO, and what writing gives. */
enum err sealed_writer_new(int fd, const struct recipient *to,
			   struct sealed_writer **out) must_check;
void sealed_write(struct sealed_writer *w, const void *p, size_t n);
/* Writes what is left, with the mark of the end, and frees. The sticky error: without ERR_OK the
 * file is worth nothing. */
enum err sealed_writer_end(struct sealed_writer *w) must_check;
/* Frees without an end. */
void sealed_writer_free(struct sealed_writer *w);

/* Reads the header from `fd`, which stays the caller's. ERR_INVALID: no backup; ERR_VERSION;
 * ERR_TRUNCATED. */
enum err sealed_reader_new(int fd, struct sealed_reader **out) must_check;
/* Before the first read. ERR_AUTH: it is another passphrase. */
enum err sealed_unlock(struct sealed_reader *r, const char *passphrase) must_check;
/* The same with what recipient_unlock() gave for the same recipient, so that scrypt is paid once
 * for several files. ERR_CRYPTO; a wrong key shows in the first chunk. */
enum err sealed_unlock_key(struct sealed_reader *r, const struct secret_key *secret,
			   const struct secret_key *origin) must_check;
/* Exactly `n` bytes; after an error zeros. False: the sticky error is set, ERR_TRUNCATED at the
 * end of the stream, ERR_AUTH for a chunk that was changed. */
bool sealed_read(struct sealed_reader *r, void *p, size_t n);
/* ERR_OK when everything was read, the mark of the end was there and nothing stands behind it. */
enum err sealed_reader_end(struct sealed_reader *r) must_check;
enum err sealed_error(const struct sealed_reader *r);
void sealed_reader_free(struct sealed_reader *r);
