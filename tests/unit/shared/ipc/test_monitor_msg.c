/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/ipc/monitor_msg.h"

#include <stdarg.h>
#include <setjmp.h>
#include <string.h>
#include <cmocka.h>

#include "tests/lib/codec_check.h"

CODEC_CHECK_WRAP(monitor_prefix)
CODEC_CHECK_WRAP(monitor_net_end)
CODEC_CHECK_WRAP(monitor_socket)
CODEC_CHECK_WRAP(monitor_port)
CODEC_CHECK_WRAP(monitor_dns_socket)
CODEC_CHECK_WRAP(monitor_log_level)
CODEC_CHECK_WRAP(monitor_signal)
CODEC_CHECK_WRAP(monitor_log_tap)
CODEC_CHECK_WRAP(monitor_script)
CODEC_CHECK_WRAP(monitor_link)
CODEC_CHECK_WRAP(monitor_done)
CODEC_CHECK_WRAP(monitor_key)

#define PREFIX                                                                                     \
	{                                                                                          \
		.addr = { .family = AF_INET, .b = { 10, 20, 0, 0 } }, .len = 16                    \
	}

static const struct monitor_prefix prefix = { .tag = 0x01020304, .add = true, .prefix = PREFIX };
static const struct monitor_net_end net_end = { .tag = 5, .mtu = 1400 };
static const struct monitor_script script = {
	.kind = SCRIPT_SUBNET_DOWN,
	.node = "oslo",
	.remote = { .addr = { .family = AF_INET, .b = { 192, 0, 2, 1 } }, .port = 6655 },
	.subnet = PREFIX,
	.weight = 65535,
};
static const struct monitor_socket socket_msg = { .tag = 6, .family = AF_INET6 };
static const struct monitor_dns_socket dns_socket = {
	.tag = 3, .addr = { .family = AF_INET, .b = { 192, 168, 100, 2 } }, .stream = true
};
static const struct monitor_port port_msg = { .tag = 8, .port = 65535 };
static const struct monitor_log_level level_msg = { .level = 5 };
static const struct monitor_log_tap tap_msg = { .level = 5, .anew = true };
static const struct monitor_signal signal_msg = { .wish = WISH_DUMP_ALL };
static const struct monitor_key key = {
	.tag = 8, .what = MONITOR_KEY_TUNNEL, .op = MONITOR_KEY_KEEP, .key = { { 1, [31] = 2 } }
};
static const struct monitor_link link_msg = { .peer = WORKER_API };
static const struct monitor_done done = { .tag = 7,
					  .result = ERR_EXISTS,
					  .text = "RTNETLINK: file exists" };

enum {
	PREFIX_ROW,
	NET_END_ROW,
	SCRIPT_ROW,
	LINK_ROW,
	DONE_ROW,
	SOCKET_ROW,
	PORT_ROW,
	LEVEL_ROW,
	KEY_ROW,
	DNS_SOCKET_ROW,
	SIGNAL_ROW,
	TAP_ROW
};
static const struct codec_check messages[] = {
	[PREFIX_ROW] = CODEC_CHECK_ROW(monitor_prefix, &prefix),
	[NET_END_ROW] = CODEC_CHECK_ROW(monitor_net_end, &net_end),
	[SCRIPT_ROW] = CODEC_CHECK_ROW(monitor_script, &script),
	[LINK_ROW] = CODEC_CHECK_ROW(monitor_link, &link_msg),
	[DONE_ROW] = CODEC_CHECK_ROW(monitor_done, &done),
	[SOCKET_ROW] = CODEC_CHECK_ROW(monitor_socket, &socket_msg),
	[PORT_ROW] = CODEC_CHECK_ROW(monitor_port, &port_msg),
	[LEVEL_ROW] = CODEC_CHECK_ROW(monitor_log_level, &level_msg),
	[KEY_ROW] = CODEC_CHECK_ROW(monitor_key, &key),
	[DNS_SOCKET_ROW] = CODEC_CHECK_ROW(monitor_dns_socket, &dns_socket),
	[SIGNAL_ROW] = CODEC_CHECK_ROW(monitor_signal, &signal_msg),
	[TAP_ROW] = CODEC_CHECK_ROW(monitor_log_tap, &tap_msg),
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
		const char *what;
		unsigned msg;
		size_t at;
		uint8_t with;
	} rows[] = {
		{ "add is no bool", PREFIX_ROW, 4, 2 },
		{ "prefix of no kind", PREFIX_ROW, 5, 5 },
		{ "host bits", PREFIX_ROW, 9, 1 },
		{ "prefix length", PREFIX_ROW, 10, 33 },
		{ "MTU too small", NET_END_ROW, 5, 0 },
		{ "MTU too large", NET_END_ROW, 5, 0xff },
		{ "no such script", SCRIPT_ROW, 0, SCRIPT_COUNT },
		{ "tinc-up of a node", SCRIPT_ROW, 0, SCRIPT_TINC_UP },
		{ "bad name", SCRIPT_ROW, 3, '/' },
		{ "remote of no kind", SCRIPT_ROW, 7, 1 },
		{ "no monitor link", LINK_ROW, 0, 0 },
		{ "no such role", LINK_ROW, 0, WORKER_ROLES_MAX },
		{ "no such family", SOCKET_ROW, 4, 2 },
		{ "no such error", DONE_ROW, 4, 28 },
		{ "control character", DONE_ROW, 8, '\n' },
		{ "delete character", DONE_ROW, 8, 0x7f },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (codec_check_patched(&messages[rows[i].msg], rows[i].at, rows[i].with) !=
		    ERR_INVALID)
			fail_msg("%s is taken", rows[i].what);
}

/* Which fields a script must have. */
static void test_script_fields(void **state)
{
	static const struct {
		enum monitor_script_kind kind;
		bool node, subnet;
		uint32_t weight;
		bool ok;
	} rows[] = {
		{ SCRIPT_TINC_UP, false, false, 0, true },
		{ SCRIPT_TINC_DOWN, false, false, 0, true },
		{ SCRIPT_TINC_UP, true, false, 0, false },
		{ SCRIPT_HOST_UP, true, false, 0, true },
		{ SCRIPT_HOST_DOWN, true, false, 0, true },
		{ SCRIPT_HOST_UP, false, false, 0, false },
		{ SCRIPT_SUBNET_UP, true, true, 10, true },
		{ SCRIPT_SUBNET_DOWN, true, true, 0, true },
		{ SCRIPT_SUBNET_UP, true, false, 10, false },
		{ SCRIPT_SUBNET_UP, false, true, 10, false },
		{ SCRIPT_SUBNET_UP, true, true, 65536, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint8_t bytes[CHANNEL_MSG_MAX_BYTES];
		struct monitor_script m = { .kind = rows[i].kind, .weight = rows[i].weight }, back;
		size_t n;

		if (rows[i].node)
			memcpy(m.node, script.node, sizeof(m.node));
		if (rows[i].subnet)
			m.subnet = script.subnet;
		n = codec_check_encode(&messages[SCRIPT_ROW], &m, bytes);
		if ((codec_check_decode(&messages[SCRIPT_ROW], bytes, n, &back) == ERR_OK) !=
		    rows[i].ok)
			fail_msg("row %zu", i);
	}
}

/* What would break a log line is made harmless by the sender already. */
static void test_done_text(void **state)
{
	struct monitor_done m = { .tag = 1,
				  .result = ERR_IO,
				  .text = "a\nb\x1b"
					  "c" },
			    back;
	uint8_t bytes[CHANNEL_MSG_MAX_BYTES];
	size_t n;

	(void)state;
	n = codec_check_encode(&messages[DONE_ROW], &m, bytes);
	assert_int_equal(codec_check_decode(&messages[DONE_ROW], bytes, n, &back), ERR_OK);
	assert_string_equal(back.text, "a b c");
	/* The longest text fits, and one without its end mark is not read over. */
	memset(m.text, 'x', sizeof(m.text));
	n = codec_check_encode(&messages[DONE_ROW], &m, bytes);
	assert_int_equal(codec_check_decode(&messages[DONE_ROW], bytes, n, &back), ERR_OK);
	assert_int_equal(strlen(back.text), sizeof(m.text) - 1);
}

static void test_names(void **state)
{
	(void)state;
	assert_string_equal(worker_role_str(WORKER_ENGINE), "engine");
	assert_string_equal(worker_role_str(WORKER_CONTROL), "control");
	assert_string_equal(worker_role_str(WORKER_API), "api");
	assert_string_equal(worker_role_str((enum worker_role)0), "monitor");
	assert_string_equal(worker_role_str(WORKER_ROLES_MAX), "monitor");
	for (unsigned i = 1; i < 8; i++) {
		const char name[] = { 'm', 'o', 'v', 'e', 'r', (char)('0' + i), 0 };

		assert_string_equal(worker_role_str(worker_role_of(i)), name);
		assert_int_equal(worker_number(worker_role_of(i)), i);
	}
	assert_int_equal(worker_role_of(0), WORKER_ENGINE);
	assert_int_equal(worker_number(WORKER_ENGINE), 0);
	assert_int_equal(worker_number(WORKER_CONTROL), -1);
	assert_int_equal(worker_number(WORKER_API), -1);
	assert_int_equal(worker_number(WORKER_ROLES_MAX), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_messages),      cmocka_unit_test(test_bad_bytes),
		cmocka_unit_test(test_script_fields), cmocka_unit_test(test_done_text),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
