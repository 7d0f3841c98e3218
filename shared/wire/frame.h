/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * frame: how one JSON object travels on the link. 4 bytes big-endian, of which the top bit says
 * "zlib-compressed" and the rest is the number of bytes that follow; then those bytes. Nothing of
 * the object's meaning is known here.
 */
#include <jansson.h>
#include <stdbool.h>

#include "shared/base/buf.h"
#include "shared/wire/limits.h"

#define FRAME_HEADER_BYTES 4u
/* A frame may grow to this many times its allowed size, and to LINK_FRAME_JSON_MAX_BYTES at the
 * most. */
#define FRAME_INFLATE_RATIO_MAX 16u

/*
 * Appends a frame with `j` to `out`. `max_bytes` bounds the bytes that follow the header, and
 * FRAME_INFLATE_RATIO_MAX times it the JSON. With `zlib` an object of more than
 * LINK_COMPRESS_ABOVE_BYTES is compressed, if that makes it smaller. ERR_TOOBIG, ERR_NOMEM: `out`
 * is as it was.
 */
enum err frame_encode(const json_t *j, bool zlib, size_t max_bytes, struct buf *out) must_check;
/*
 * Reads the frame at the front of `in` and gives its object (a new reference) and the size of the
 * whole frame, which the caller then consumes. ERR_AGAIN: not all there yet. ERR_TOOBIG: longer
 * than `max_bytes`, or inflates to more than it may. ERR_TRUNCATED, ERR_CORRUPT: the compressed
 * data is cut or damaged. ERR_INVALID: no bytes, or not one JSON object without duplicate keys, of
 * at most LINK_JSON_DEPTH_MAX levels.
 */
enum err frame_decode(const struct buf *in, size_t max_bytes, json_t **out,
		      size_t *frame_bytes) must_check;
