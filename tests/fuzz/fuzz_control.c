/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The link's frames. First byte: bits 0-1 choose the size that is allowed, bit 2 whether the rest
 * are frames as they come from the network or the JSON of one frame. What is taken must be accepted
 * again after it was encoded by us.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "shared/wire/control.h"
#include "tests/fuzz/taken.h"

unsigned long fuzz_taken;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Our own encoding of what we understood is understood, and encodes to the same. */
static void encode_again(const struct control_msg *m)
{
	struct control_msg *again = calloc(1, sizeof(*again));
	struct buf one, two;

	BUG_ON(!again);
	buf_init(&one, LINK_QUEUE_MAX_BYTES);
	buf_init(&two, LINK_QUEUE_MAX_BYTES);
	/* A message may be taken in a larger frame than its type is sent in. */
	if (control_encode(m, 0, &one) == ERR_OK) {
		BUG_ON(buf_put(&two, buf_data(&one), buf_len(&one)) != ERR_OK);
		BUG_ON(control_decode(&two, LINK_FRAME_MAX_BYTES, again) != ERR_OK);
		BUG_ON(again->type != m->type || buf_len(&two) != 0);
		BUG_ON(control_encode(again, 0, &two) != ERR_OK);
		BUG_ON(buf_len(&one) != buf_len(&two));
		BUG_ON(memcmp(buf_data(&one), buf_data(&two), buf_len(&one)) != 0);
		control_msg_fini(again);
	}
	buf_fini(&one);
	buf_fini(&two);
	free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const size_t max_bytes[] = { LINK_FRAME_STRANGER_MAX_BYTES,
					    LINK_FRAME_CLIENT_MAX_BYTES, LINK_FRAME_MAX_BYTES, 16 };
	struct control_msg *m = malloc(sizeof(*m));
	struct buf in;
	uint8_t how = size ? data[0] : 0;
	enum err e = ERR_OK;

	BUG_ON(!m);
	if (size < 2 || size > 1u << 20) {
		free(m);
		return 0;
	}
	data++;
	size--;
	buf_init(&in, 2u << 20);
	if (how & 4) {
		uint8_t head[4] = { 0, (uint8_t)(size >> 16), (uint8_t)(size >> 8), (uint8_t)size };

		BUG_ON(buf_put(&in, head, sizeof(head)) != ERR_OK);
	}
	BUG_ON(buf_put(&in, data, size) != ERR_OK);
	while (e == ERR_OK) {
		size_t before = buf_len(&in);

		e = control_decode(&in, max_bytes[how & 3], m);
		BUG_ON(e != ERR_OK && buf_len(&in) != before);
		BUG_ON(e == ERR_OK && buf_len(&in) >= before);
		if (e == ERR_OK && m->type != CONTROL_UNKNOWN)
			encode_again(m);
		fuzz_taken += e == ERR_OK;
		if (e == ERR_OK)
			control_msg_fini(m);
	}
	buf_fini(&in);
	free(m);
	return 0;
}
