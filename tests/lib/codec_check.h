/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * codec_check: what holds for every message between our own processes. Used by the tests of
 * shared/ipc, one row a message. Include after cmocka.h.
 */
#include <stdlib.h>
#include <string.h>

#include "shared/base/cursor.h"
#include "shared/ipc/channel.h"

/* One message: a sample in which no field is zero, so that a field which is left out shows. */
struct codec_check {
	const char *name;
	const void *sample;
	size_t size; /* of the struct */
	void (*encode)(const void *m, struct cursor *c);
	enum err (*decode)(struct cursor *c, void *m);
};

/* Makes encode and decode of a message fit the table. */
#define CODEC_CHECK_WRAP(msg)                                                                      \
	static void enc_##msg(const void *m, struct cursor *c) { msg##_encode(m, c); }             \
	static enum err dec_##msg(struct cursor *c, void *m) { return msg##_decode(c, m); }
#define CODEC_CHECK_ROW(msg, sample)                                                               \
	{                                                                                          \
#msg, sample, sizeof(struct msg), enc_##msg, dec_##msg                             \
	}

/* Encodes into `out` (CHANNEL_MSG_MAX_BYTES) and returns the length. */
static inline size_t codec_check_encode(const struct codec_check *k, const void *m, uint8_t *out)
{
	struct cursor c;

	cursor_init_write(&c, out, CHANNEL_MSG_MAX_BYTES);
	k->encode(m, &c);
	if (cursor_end(&c) != ERR_OK)
		fail_msg("%s does not fit one message", k->name);
	return cursor_pos(&c);
}

/* Decodes into `m`, a fresh struct of zeros. */
static inline enum err codec_check_decode(const struct codec_check *k, const uint8_t *p, size_t n,
					  void *m)
{
	struct cursor c;

	memset(m, 0, k->size);
	cursor_init_read(&c, p, n);
	return k->decode(&c, m);
}

/* There and back gives the same struct; every shorter message is refused, and one with a byte more.
 */
static inline void codec_check_run(const struct codec_check *k)
{
	uint8_t *bytes = malloc(CHANNEL_MSG_MAX_BYTES + 1), *cut;
	void *back = malloc(k->size);
	size_t n = codec_check_encode(k, k->sample, bytes);

	if (codec_check_decode(k, bytes, n, back) != ERR_OK)
		fail_msg("%s: its own encoding is refused", k->name);
	if (memcmp(k->sample, back, k->size) != 0)
		fail_msg("%s: comes back changed", k->name);
	for (size_t len = 0; len < n; len++) {
		cut = malloc(len + 1); /* of its own, so that a sanitizer sees a read behind it */
		memcpy(cut, bytes, len);
		if (codec_check_decode(k, cut, len, back) == ERR_OK)
			fail_msg("%s: %zu of %zu bytes are taken", k->name, len, n);
		free(cut);
	}
	bytes[n] = 0;
	if (codec_check_decode(k, bytes, n + 1, back) != ERR_INVALID)
		fail_msg("%s: a byte too many is taken", k->name);
	free(back);
	free(bytes);
}

/* The sample's encoding with byte `at` replaced: the decoder's verdict. */
static inline enum err codec_check_patched(const struct codec_check *k, size_t at, uint8_t with)
{
	uint8_t *bytes = malloc(CHANNEL_MSG_MAX_BYTES);
	void *back = malloc(k->size);
	size_t n = codec_check_encode(k, k->sample, bytes);
	enum err e;

	if (at >= n)
		fail_msg("%s has only %zu bytes", k->name, n);
	bytes[at] = with;
	e = codec_check_decode(k, bytes, n, back);
	free(back);
	free(bytes);
	return e;
}
