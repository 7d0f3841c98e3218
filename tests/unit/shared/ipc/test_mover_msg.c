/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/ipc/mover_msg.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "tests/lib/codec_check.h"

CODEC_CHECK_WRAP(mover_keypair)
CODEC_CHECK_WRAP(mover_index)
CODEC_CHECK_WRAP(mover_path)
CODEC_CHECK_WRAP(mover_event)
CODEC_CHECK_WRAP(mover_counters)

#define V4                                                                                         \
	{                                                                                          \
		.addr = { .family = AF_INET, .b = { 192, 0, 2, 1 } }, .port = 6655                 \
	}
#define U64 0x8877665544332211ull

static const struct mover_keypair keypair = {
	.peer = 0x01020304,
	.cipher = CIPHER_CHACHA20POLY1305,
	.is_initiator = true,
	.local_index = 0x05060708,
	.remote_index = 0x090a0b0c,
	.created_ms = U64,
	.rx_owner = 7,
	.send = { { 1, 2, [31] = 3 } },
	.recv = { { 4, 5, [31] = 6 } },
};
static const struct mover_index index_gone = { .index = 0x01020304 };
static const struct mover_path path = {
	.pmtu = 1372,
	.cut = true,
	.peer = 0x01020304,
	.relayed = true,
	.unreachable = true,
	.session = true,
	.sends = true,
	.index = 0x05060708,
	.endpoint = V4,
};
static const struct mover_event event = {
	.peer = 0x01020304,
	.flags = MOVER_EVENT_FLAGS,
	.relayed = true,
	.index = 0x05060708,
	.endpoint = V4,
	.rx_bytes = U64,
	.tx_bytes = U64 + 1,
	.rx_packets = U64 + 2,
	.tx_packets = U64 + 3,
	.compress_before = U64 + 4,
	.compress_after = U64 + 5,
};
static const struct mover_counters counters = {
	.relayed_packets = U64,
	.relayed_bytes = U64 + 1,
	.drops = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, U64 },
	.compress_tried = 1,
	.compress_packed = 2,
	.compress_before = 3,
	.compress_after = 4,
	.compress_timed = 5,
	.compress_timed_ns = 6,
};

enum { KEYPAIR, INDEX, PATH, EVENT, COUNTERS };
static const struct codec_check messages[] = {
	[KEYPAIR] = CODEC_CHECK_ROW(mover_keypair, &keypair),
	[INDEX] = CODEC_CHECK_ROW(mover_index, &index_gone),
	[PATH] = CODEC_CHECK_ROW(mover_path, &path),
	[EVENT] = CODEC_CHECK_ROW(mover_event, &event),
	[COUNTERS] = CODEC_CHECK_ROW(mover_counters, &counters),
};

static void test_messages(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(messages); i++)
		codec_check_run(&messages[i]);
}

static void test_bad_bytes(void **state)
{
	static const struct {
		unsigned message;
		size_t at;
		uint8_t with;
	} rows[] = {
		{ KEYPAIR, 4, 3 },  /* cipher */
		{ KEYPAIR, 5, 2 },  /* bool */
		{ KEYPAIR, 22, 8 }, /* no worker has this number */
		{ PATH, 4, 2 },     { PATH, 7, 9 },  { PATH, 13, 0xff },
		{ PATH, 13, 0 },    { PATH, 14, 2 }, { PATH, 15, 5 }, /* address kind */
		{ EVENT, 4, 128 },                                    /* unknown flag */
		{ EVENT, 4, 23 }, /* endpoint without its flag: the confirming packet was relayed */
		{ EVENT, 4, 1 },  /* index without its flag */
		{ EVENT, 10, 0 }, /* no endpoint, but the flag */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (codec_check_patched(&messages[rows[i].message], rows[i].at, rows[i].with) ==
		    ERR_OK)
			fail_msg("row %zu is taken", i);
}

/* Messages that end with a packet: every length is one of the packet, within limits. */
static void test_packets(void **state)
{
	static uint8_t mem[CHANNEL_MSG_MAX_BYTES + 64], data[MOVER_PACKET_MAX_BYTES + 1];
	static const size_t lengths[] = { 0, 1, 1500, MOVER_PACKET_MAX_BYTES,
					  MOVER_PACKET_MAX_BYTES + 1 };
	const struct endpoint from = V4;

	(void)state;
	memset(data, 0x5a, sizeof(data));
	for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
		const size_t n = lengths[i];
		const bool fits = n <= MOVER_PACKET_MAX_BYTES;
		struct mover_packet packet = { .from = from, .tos = 0xb9, .data = data, .len = n };
		struct mover_inner inner = { .peer = 9, .flags = 1, .data = data, .len = n };
		struct mover_extension ext = {
			.peer = 9, .relayed = true, .from = from, .data = data, .len = n
		};
		struct cursor c;

		cursor_init_write(&c, mem, sizeof(mem));
		mover_packet_encode(&packet, &c);
		cursor_init_read(&c, mem, c.pos);
		assert_int_equal(mover_packet_decode(&c, &packet) == ERR_OK, n && fits);
		assert_true(!n || !fits || (packet.len == n && packet.data[n - 1] == 0x5a));

		cursor_init_write(&c, mem, sizeof(mem));
		mover_inner_encode(&inner, &c);
		cursor_init_read(&c, mem, c.pos);
		assert_int_equal(mover_inner_decode(&c, &inner) == ERR_OK, fits);
		assert_true(!fits || (inner.len == n && inner.peer == 9 && inner.flags == 1));

		cursor_init_write(&c, mem, sizeof(mem));
		mover_extension_encode(&ext, &c);
		cursor_init_read(&c, mem, c.pos);
		assert_int_equal(mover_extension_decode(&c, &ext) == ERR_OK, n && fits);
		assert_true(!n || !fits || (ext.len == n && ext.relayed));
	}
	/* Flags that no packet has, and nobody's id. */
	for (unsigned i = 0; i < 2; i++) {
		const uint8_t bad[2][5] = { { 9, 0, 0, 0, 2 }, { 0, 0, 0, 0, 0 } };
		struct mover_inner inner;
		struct cursor c;

		cursor_init_read(&c, bad[i], sizeof(bad[i]));
		assert_int_not_equal(mover_inner_decode(&c, &inner), ERR_OK);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_messages),
		cmocka_unit_test(test_bad_bytes),
		cmocka_unit_test(test_packets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
