/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/wire/frame.h"

#include <string.h>
#include <zlib.h>

#define COMPRESSED_BIT     0x80000000u
#define COMPRESSION_LEVEL  6
#define INFLATE_STEP_BYTES 65536u

static size_t json_limit(size_t max_bytes)
{
	if (max_bytes >= LINK_FRAME_JSON_MAX_BYTES / FRAME_INFLATE_RATIO_MAX)
		return LINK_FRAME_JSON_MAX_BYTES;
	return max_bytes * FRAME_INFLATE_RATIO_MAX;
}

/* One call of the JSON printer. A text over the buffer's maximum shows as failure. */
static int append_text(const char *p, size_t n, void *arg) { return buf_put(arg, p, n) ? -1 : 0; }

/* Appends header and body, both or nothing. */
static enum err put_frame(struct buf *out, uint32_t flag, const uint8_t *body, size_t n)
{
	uint32_t head = flag | (uint32_t)n;
	uint8_t *p;
	enum err e = buf_reserve(out, FRAME_HEADER_BYTES + n, &p);

	if (e)
		return e;
	for (unsigned i = 0; i < FRAME_HEADER_BYTES; i++)
		p[i] = (uint8_t)(head >> (24 - 8 * i));
	memcpy(p + FRAME_HEADER_BYTES, body, n);
	buf_commit(out, FRAME_HEADER_BYTES + n);
	return ERR_OK;
}

/* Compresses `text` into `packed`. ERR_TOOBIG when that gains nothing. */
static enum err compress_text(const struct buf *text, struct buf *packed)
{
	uLongf n = compressBound(buf_len(text));
	uint8_t *p;
	enum err e = buf_reserve(packed, n, &p);

	if (e)
		return e;
	if (compress2(p, &n, buf_data(text), buf_len(text), COMPRESSION_LEVEL) != Z_OK)
		return ERR_NOMEM;
	if (n >= buf_len(text))
		return ERR_TOOBIG;
	buf_commit(packed, n);
	return ERR_OK;
}

enum err frame_encode(const json_t *j, bool zlib, size_t max_bytes, struct buf *out)
{
	struct buf text, packed;
	const struct buf *body = &text;
	enum err e = ERR_TOOBIG;

	buf_init(&text, json_limit(max_bytes));
	buf_init(&packed, compressBound(json_limit(max_bytes)));
	if (json_dump_callback(j, append_text, &text, JSON_COMPACT) != 0)
		goto out;
	if (zlib && buf_len(&text) > LINK_COMPRESS_ABOVE_BYTES) {
		e = compress_text(&text, &packed);
		if (e == ERR_NOMEM)
			goto out;
		if (e == ERR_OK)
			body = &packed;
	}
	e = ERR_TOOBIG;
	if (buf_len(body) <= max_bytes)
		e = put_frame(out, body == &packed ? COMPRESSED_BIT : 0, buf_data(body),
			      buf_len(body));
out:
	buf_fini(&packed);
	buf_fini(&text);
	return e;
}

/* Inflates all of `p` into `out`, whose maximum bounds the result. */
static enum err inflate_body(const uint8_t *p, size_t n, struct buf *out)
{
	z_stream z = { .next_in = (Bytef *)(uintptr_t)p, .avail_in = (uInt)n };
	enum err e = ERR_OK;
	int r = Z_OK;

	if (inflateInit(&z) != Z_OK)
		return ERR_NOMEM;
	while (r == Z_OK && !e) {
		size_t room = out->max - buf_len(out);
		uint8_t step[1]; /* takes the byte that is one too many */
		uint8_t *dst = step;
		size_t want = sizeof(step), got;

		if (room > 0) {
			want = room < INFLATE_STEP_BYTES ? room : INFLATE_STEP_BYTES;
			e = buf_reserve(out, want, &dst);
			if (e)
				break;
		}
		z.next_out = dst;
		z.avail_out = (uInt)want;
		r = inflate(&z, Z_NO_FLUSH);
		got = want - z.avail_out;
		if (room > 0)
			buf_commit(out, got);
		else if (got > 0)
			e = ERR_TOOBIG;
	}
	if (!e && r == Z_BUF_ERROR)
		e = ERR_TRUNCATED; /* wants more input than there is */
	else if (!e && r == Z_MEM_ERROR)
		e = ERR_NOMEM;
	else if (!e && (r != Z_STREAM_END || z.avail_in > 0))
		e = ERR_CORRUPT;
	inflateEnd(&z);
	return e;
}

/*
 * Bounds the nesting before the parser sees the text, since the parser recurses. Brackets are only
 * counted outside of strings; whether they match is the parser's business.
 */
static bool is_too_deep(const uint8_t *p, size_t n)
{
	unsigned depth = 0;
	bool in_string = false;

	for (size_t i = 0; i < n; i++) {
		if (p[i] == '"')
			in_string = !in_string;
		else if (in_string)
			i += p[i] == '\\'; /* what it escapes is passed over */
		else if (p[i] == '{' || p[i] == '[')
			depth++;
		else if (depth > 0 && (p[i] == '}' || p[i] == ']'))
			depth--;
		if (depth > LINK_JSON_DEPTH_MAX)
			return true;
	}
	return false;
}

static enum err parse_text(const uint8_t *p, size_t n, json_t **out)
{
	json_t *j;

	if (is_too_deep(p, n))
		return ERR_INVALID;
	j = json_loadb((const char *)p, n, JSON_REJECT_DUPLICATES, NULL);
	if (!json_is_object(j)) {
		json_decref(j);
		return ERR_INVALID;
	}
	*out = j;
	return ERR_OK;
}

enum err frame_decode(const struct buf *in, size_t max_bytes, json_t **out, size_t *frame_bytes)
{
	const uint8_t *p = buf_data(in);
	struct buf text;
	uint32_t head;
	size_t n;
	enum err e;

	if (buf_len(in) < FRAME_HEADER_BYTES)
		return ERR_AGAIN;
	head = (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
	n = head & ~COMPRESSED_BIT;
	if (n == 0)
		return ERR_INVALID;
	if (n > max_bytes)
		return ERR_TOOBIG;
	if (buf_len(in) - FRAME_HEADER_BYTES < n)
		return ERR_AGAIN;
	p += FRAME_HEADER_BYTES;
	*frame_bytes = FRAME_HEADER_BYTES + n;
	if (!(head & COMPRESSED_BIT))
		return parse_text(p, n, out);
	buf_init(&text, json_limit(max_bytes));
	e = inflate_body(p, n, &text);
	if (!e)
		e = parse_text(buf_data(&text), buf_len(&text), out);
	buf_fini(&text);
	return e;
}
