/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A plaintext from a peer, or a packet from the TUN device: what is said about it must hold. */
#include <string.h>

#include "shared/wire/inner.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_ip(const struct inner *in, size_t size)
{
	BUG_ON(in->header_len < 20 || in->header_len > in->total_len || in->total_len > size);
	BUG_ON(addr_len(&in->src) != (in->kind == INNER_IPV4 ? 4u : 16u));
	BUG_ON(in->src.family != in->dst.family);
}

static void check_extension(const uint8_t *data, size_t size)
{
	struct inner_probe probe;
	struct inner_probe_reply reply;
	struct inner_compressed packed;
	uint8_t again[EXTENSION_PROBE_REPLY_BYTES];

	if (!inner_decode_probe(data, size, &probe))
		BUG_ON(probe.size != size || size < EXTENSION_PROBE_BYTES);
	if (!inner_decode_probe_reply(data, size, &reply)) {
		struct inner_probe_reply second;
		inner_encode_probe_reply(&reply, again);
		BUG_ON(inner_decode_probe_reply(again, sizeof(again), &second));
		BUG_ON(!endpoint_equal(&reply.observed, &second.observed));
		BUG_ON(reply.sent_us != second.sent_us || memcmp(reply.id, second.id, 8) != 0);
	}
	if (!inner_decode_compressed(data, size, &packed)) {
		inner_encode_compressed(packed.method, packed.original_len, again);
		BUG_ON(memcmp(again, data, EXTENSION_COMPRESSED_HEADER_BYTES) != 0);
		BUG_ON(packed.data + packed.data_len != data + size || !packed.data_len);
		BUG_ON(packed.original_len <= size || packed.original_len > TUN_MTU_MAX);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct inner in;
	for (int agent = 0; agent <= 1; agent++) {
		if (inner_decode(data, size, agent, &in))
			continue;
		if (in.kind == INNER_IPV4 || in.kind == INNER_IPV6)
			check_ip(&in, size);
		BUG_ON(in.kind == INNER_EXTENSION && (!agent || in.extension != data[0]));
		BUG_ON(in.kind == INNER_KEEPALIVE && size != 0);
	}
	check_extension(data, size);
	return 0;
}
