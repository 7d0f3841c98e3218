/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * An EXTENSION_COMPRESSED of a peer: refused, or exactly the length that it says, in memory of its
 * own. And the same bytes as a packet to be sent: what comes out of packing comes back the same.
 */
#include <string.h>

#include "shared/tunnel/compress.h"
#include "shared/wire/inner.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Time is no limit here. */
static uint64_t stopped_clock(void) { return 0; }

static void check_unpack(struct compressor *c, const uint8_t *data, size_t size)
{
	struct inner_compressed said;
	struct pkt plain;
	struct inner in;
	enum err e;

	compress_release(c);
	e = compress_unpack(c, data, size, &plain);
	if (inner_decode_compressed(data, size, &said))
		BUG_ON(!e);
	if (e)
		return;
	BUG_ON(plain.len != said.original_len || plain.len <= size || plain.len > TUN_MTU_MAX);
	BUG_ON(pkt_headroom(&plain) != PACKET_HEADROOM_BYTES);
	BUG_ON(pkt_tailroom(&plain) != PACKET_TAILROOM_BYTES);
	/* Agent or not: never an extension packet. */
	if (!inner_decode(plain.data, plain.len, true, &in))
		BUG_ON(in.kind != INNER_IPV4 && in.kind != INNER_IPV6);
}

static void check_pack(struct compressor *c, unsigned level, const uint8_t *data, size_t size)
{
	static uint8_t work[TUN_MTU_MAX];
	static uint64_t now_ms;
	struct pkt plain;
	size_t len = size;

	if (size > sizeof(work))
		return;
	memcpy(work, data, size);
	/* The clock runs fast, so that no flow stays paused. */
	now_ms += COMPRESS_PAUSE_MAX_MS;
	if (!compress_pack(c, NULL, level, work, &len, now_ms)) {
		BUG_ON(len != size || memcmp(work, data, size) != 0);
		return;
	}
	BUG_ON(len >= size);
	compress_release(c);
	BUG_ON(compress_unpack(c, work, len, &plain) != ERR_OK);
	BUG_ON(plain.len != size || memcmp(plain.data, data, size) != 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* One for all inputs, as in the engine: nothing may be left over from the input before. */
	static struct compressor *c;

	if (!c)
		BUG_ON(compress_new(stopped_clock, &c));
	check_unpack(c, data, size);
	if (size)
		check_pack(c, 1 + data[size - 1] % NODE_COMPRESSION_MAX, data, size);
	return 0;
}
