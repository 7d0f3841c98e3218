/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * method: zlib and LZO, as compress.c uses them: one packet in, one packet out, nothing remembered
 * from one to the next, since any packet may be lost or come late. What a library needs to work is
 * allocated when it is first used and kept, so that no packet allocates.
 */
#include <stddef.h>
#include <stdint.h>

#include "shared/base/err.h"
#include "shared/wire/limits.h"

/* Levels as in tinc: 1-9 zlib, then these. */
#define METHOD_LEVEL_LZO_FAST 10u
#define METHOD_LEVEL_LZO_BEST 11u

/* LZO writes so much at worst, and does not ask how much room there is. */
#define METHOD_WORST_BYTES(n) ((n) + (n) / 16u + 67u)

struct z_stream_s;

/* All zeros is a good start; each member is NULL until its first use. */
struct methods {
	struct z_stream_s *deflate[9]; /* by level - 1; about 50 KiB each */
	struct z_stream_s *inflate;    /* 40 KiB */
	void *lzo_fast;                /* 32 KiB */
	void *lzo_best;                /* 450 KiB */
};

void method_fini(struct methods *m);

/* How a packet of that level (1..NODE_COMPRESSION_MAX) travels. */
enum compress_method method_of_level(unsigned level);

/*
 * Compresses `n` <= TUN_MTU_MAX bytes into `out`, which has METHOD_WORST_BYTES(n) bytes whatever
 * `max` is. ERR_TOOBIG: the result has more than `max` bytes. ERR_NOMEM.
 */
enum err method_pack(struct methods *m, unsigned level, const uint8_t *in, size_t n, uint8_t *out,
		     size_t max, size_t *out_len) must_check;

/*
 * Gives exactly `out_len` bytes at `out`, or ERR_INVALID (corrupt, too short, too long, bytes left
 * over); what is in `out` then means nothing. ERR_NOMEM. Writes to `out` only, reads from `in`
 * only, in time that goes by `n` and `out_len`.
 */
enum err method_unpack(struct methods *m, enum compress_method method, const uint8_t *in, size_t n,
		       uint8_t *out, size_t out_len) must_check;
