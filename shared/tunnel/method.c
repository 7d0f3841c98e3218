/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/tunnel/method.h"

#include <string.h>

#include <lzo/lzo1x.h>
#include <zlib.h>

/*
 * Raw deflate, chosen by measurement on packets of 1400 bytes: a window of 8 KiB holds any packet
 * but a jumbo one, and a small hash table (memory level 5: 8 KiB) is quickly cleared for the next
 * packet; level 8, the default, costs 100 KiB more and gains nothing.
 */
#define DEFLATE_WINDOW_BITS  (-13)
#define DEFLATE_MEMORY_LEVEL 5
/* Whatever window another sender has chosen. */
#define INFLATE_WINDOW_BITS (-15)
/*
 * lzo1x_999 at level 7 of 9: on a packet the same result as at level 8, which is the library's
 * default, in half the time.
 */
#define LZO_BEST_LEVEL 7

/* All that belongs to a stream but itself. */
static void free_deflate(z_stream *z)
{
	if (z)
		deflateEnd(z);
	free(z);
}

static void free_inflate(z_stream *z)
{
	if (z)
		inflateEnd(z);
	free(z);
}

void method_fini(struct methods *m)
{
	for (unsigned i = 0; i < ARRAY_LEN(m->deflate); i++)
		free_deflate(m->deflate[i]);
	free_inflate(m->inflate);
	free(m->lzo_fast);
	free(m->lzo_best);
	*m = (struct methods){ 0 };
}

enum compress_method method_of_level(unsigned level)
{
	return level < METHOD_LEVEL_LZO_FAST ? COMPRESS_DEFLATE : COMPRESS_LZO1X;
}

/* The stream of a level, made at its first use. */
static enum err deflate_stream(struct methods *m, unsigned level, z_stream **out)
{
	z_stream *z = m->deflate[level - 1];

	if (!z) {
		z = calloc(1, sizeof(*z));
		if (!z)
			return ERR_NOMEM;
		if (deflateInit2(z, (int)level, Z_DEFLATED, DEFLATE_WINDOW_BITS,
				 DEFLATE_MEMORY_LEVEL, Z_DEFAULT_STRATEGY) != Z_OK) {
			free(z);
			return ERR_NOMEM;
		}
		m->deflate[level - 1] = z;
	}
	*out = z;
	return ERR_OK;
}

static enum err pack_deflate(struct methods *m, unsigned level, const uint8_t *in, size_t n,
			     uint8_t *out, size_t max, size_t *out_len)
{
	/* zlib does not notice that it is done when it has used up its room: one more. */
	const size_t room = max < METHOD_WORST_BYTES(n) ? max + 1 : METHOD_WORST_BYTES(n);
	z_stream *z;
	enum err e = deflate_stream(m, level, &z);

	if (e)
		return e;
	BUG_ON(deflateReset(z) != Z_OK);
	z->next_in = (z_const Bytef *)in;
	z->avail_in = (uInt)n;
	z->next_out = out;
	z->avail_out = (uInt)room;
	/* No room left before the end: gives up there. */
	if (deflate(z, Z_FINISH) != Z_STREAM_END)
		return ERR_TOOBIG;
	*out_len = room - z->avail_out;
	return ERR_OK;
}

/* `*mem` with `size` bytes of working memory, made at its first use. */
static enum err working_memory(void **mem, size_t size)
{
	if (!*mem)
		*mem = calloc(1, size);
	return *mem ? ERR_OK : ERR_NOMEM;
}

/* The variant with 4096 dictionary entries: the others clear up to 64 KiB for every packet, which
 * they cannot fill, and push that much out of the CPU's cache. */
static enum err pack_lzo_fast(struct methods *m, const uint8_t *in, size_t n, uint8_t *out,
			      lzo_uint *out_len)
{
	enum err e = working_memory(&m->lzo_fast, LZO1X_1_12_MEM_COMPRESS);

	if (e)
		return e;
	return lzo1x_1_12_compress(in, n, out, out_len, m->lzo_fast) == LZO_E_OK ? ERR_OK
										 : ERR_TOOBIG;
}

static enum err pack_lzo_best(struct methods *m, const uint8_t *in, size_t n, uint8_t *out,
			      lzo_uint *out_len)
{
	enum err e = working_memory(&m->lzo_best, LZO1X_999_MEM_COMPRESS);

	if (e)
		return e;
	return lzo1x_999_compress_level(in, n, out, out_len, m->lzo_best, NULL, 0, NULL,
					LZO_BEST_LEVEL) == LZO_E_OK
		       ? ERR_OK
		       : ERR_TOOBIG;
}

enum err method_pack(struct methods *m, unsigned level, const uint8_t *in, size_t n, uint8_t *out,
		     size_t max, size_t *out_len)
{
	lzo_uint len = METHOD_WORST_BYTES(n);
	enum err e;

	BUG_ON(level == 0 || level > NODE_COMPRESSION_MAX || n > TUN_MTU_MAX);
	if (level < METHOD_LEVEL_LZO_FAST)
		return pack_deflate(m, level, in, n, out, max, out_len);
	if (level == METHOD_LEVEL_LZO_FAST)
		e = pack_lzo_fast(m, in, n, out, &len);
	else
		e = pack_lzo_best(m, in, n, out, &len);
	if (e)
		return e;
	if (len > max)
		return ERR_TOOBIG;
	*out_len = len;
	return ERR_OK;
}

/* The stream for unpacking. zlib makes its window when a packet first ends badly; a dictionary of
 * one byte has it made here, so that no peer can make a packet allocate. */
static enum err inflate_stream(struct methods *m, z_stream **out)
{
	z_stream *z = m->inflate;

	if (!z) {
		z = calloc(1, sizeof(*z));
		if (!z)
			return ERR_NOMEM;
		if (inflateInit2(z, INFLATE_WINDOW_BITS) != Z_OK) {
			free(z);
			return ERR_NOMEM;
		}
		if (inflateSetDictionary(z, (const Bytef *)"", 1) != Z_OK) {
			free_inflate(z);
			return ERR_NOMEM;
		}
		m->inflate = z;
	}
	*out = z;
	return ERR_OK;
}

static enum err unpack_deflate(struct methods *m, const uint8_t *in, size_t n, uint8_t *out,
			       size_t out_len)
{
	z_stream *z;
	enum err e = inflate_stream(m, &z);

	if (e)
		return e;
	/* Also forgets the window: a packet cannot refer to one of somebody else. */
	BUG_ON(inflateReset(z) != Z_OK);
	z->next_in = (z_const Bytef *)in;
	z->avail_in = (uInt)n;
	z->next_out = out;
	z->avail_out = (uInt)out_len;
	if (inflate(z, Z_FINISH) != Z_STREAM_END || z->avail_in || z->avail_out)
		return ERR_INVALID;
	return ERR_OK;
}

enum err method_unpack(struct methods *m, enum compress_method method, const uint8_t *in, size_t n,
		       uint8_t *out, size_t out_len)
{
	lzo_uint len = out_len;

	if (method == COMPRESS_DEFLATE)
		return unpack_deflate(m, in, n, out, out_len);
	/* The safe variant checks every read and write; input left over is an error to it. */
	if (lzo1x_decompress_safe(in, n, out, &len, NULL) != LZO_E_OK || len != out_len)
		return ERR_INVALID;
	return ERR_OK;
}
