/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A row of the traffic history: what is decoded is encoded to the same bytes. */
#include <string.h>

#include "hub/store/samples.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cursor c;

	cursor_init_read(&c, data, size);
	while (cursor_left(&c)) {
		size_t begin = cursor_pos(&c);
		uint8_t again[SAMPLE_MAX_BYTES];
		struct store_sample x = { 0 };
		struct cursor out;

		samples_decode_one(&c, 3, &x);
		if (c.err)
			break;
		BUG_ON(x.node_id / SAMPLES_BLOCK_NODES != 3);
		cursor_init_write(&out, again, sizeof(again));
		samples_encode_one(&x, &out);
		BUG_ON(out.err || cursor_pos(&out) != cursor_pos(&c) - begin);
		BUG_ON(memcmp(again, data + begin, cursor_pos(&out)) != 0);
	}
	return 0;
}
