/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/ipc/carrier_msg.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "tests/lib/codec_check.h"

CODEC_CHECK_WRAP(carrier_link)

static void test_link(void **state)
{
	static const struct carrier_link sample = { .number = 0x01020304, .node = 0x05060708 };
	static const struct codec_check row = CODEC_CHECK_ROW(carrier_link, &sample);
	const struct carrier_link none = { .number = 0, .node = 1 };
	uint8_t mem[16];
	struct carrier_link m;
	struct cursor c;

	(void)state;
	codec_check_run(&row);
	cursor_init_write(&c, mem, sizeof(mem));
	carrier_link_encode(&none, &c);
	cursor_init_read(&c, mem, 8);
	assert_int_equal(carrier_link_decode(&c, &m), ERR_INVALID);
}

static enum err decode(const uint8_t *p, size_t n, struct carrier_packets *m)
{
	struct cursor c;

	cursor_init_read(&c, p, n);
	return carrier_packets_decode(&c, m);
}

static void test_packets(void **state)
{
	static const uint8_t frames[] = { 0, 2, 'a', 'b', 0, 1, 'c' };
	const struct carrier_packets m = { .number = 7, .frames = frames, .len = sizeof(frames) };
	struct carrier_packets back;
	uint8_t mem[64], head[CARRIER_HEAD_BYTES];
	struct cursor c;

	(void)state;
	cursor_init_write(&c, mem, sizeof(mem));
	carrier_packets_encode(&m, &c);
	carrier_packets_encode_head(7, head);
	assert_memory_equal(mem, head, sizeof(head));
	assert_int_equal(decode(mem, c.pos, &back), ERR_OK);
	assert_int_equal(back.number, 7);
	assert_int_equal(back.len, sizeof(frames));
	assert_memory_equal(back.frames, frames, sizeof(frames));
	/* Cut inside a frame, or nothing but the head. */
	for (size_t n = 0; n < c.pos; n++)
		if (n != CARRIER_HEAD_BYTES + 4)
			assert_int_not_equal(decode(mem, n, &back), ERR_OK);
	memset(mem, 0, CARRIER_HEAD_BYTES);
	assert_int_equal(decode(mem, c.pos, &back), ERR_INVALID);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_link),
		cmocka_unit_test(test_packets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
