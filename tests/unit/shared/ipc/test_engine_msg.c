/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/ipc/engine_msg.h"

#include <stdarg.h>
#include <setjmp.h>
#include <string.h>
#include <cmocka.h>

#include "tests/lib/codec_check.h"

CODEC_CHECK_WRAP(engine_self)
CODEC_CHECK_WRAP(engine_peer)
CODEC_CHECK_WRAP(engine_peer_gone)
CODEC_CHECK_WRAP(engine_revision)
CODEC_CHECK_WRAP(engine_forget)
CODEC_CHECK_WRAP(engine_forgotten)
CODEC_CHECK_WRAP(engine_hub_silent)
CODEC_CHECK_WRAP(engine_keys)
CODEC_CHECK_WRAP(engine_tag)
CODEC_CHECK_WRAP(engine_node_id)
CODEC_CHECK_WRAP(engine_endpoints)
CODEC_CHECK_WRAP(engine_ping)
CODEC_CHECK_WRAP(engine_pong)
CODEC_CHECK_WRAP(engine_path)
CODEC_CHECK_WRAP(engine_status)
CODEC_CHECK_WRAP(engine_nat)
CODEC_CHECK_WRAP(engine_status_end)

#define V4                                                                                         \
	{                                                                                          \
		.family = AF_INET, .b = { 10, 255, 0, 1 }                                          \
	}
#define V6                                                                                         \
	{                                                                                          \
		.family = AF_INET6, .b = { 0xfe, 0x80, [15] = 1 }                                  \
	}
#define ENDPOINT                                                                                   \
	{                                                                                          \
		.addr = V6, .port = 0x1234, .scope_id = 0x01020304                                 \
	}
#define U64 0x8877665544332211ull

static const struct engine_self self = {
	.id = 0x01020304,
	.is_hub = true,
	.hub_id = 0x01020304,
	.aes = true,
	.mtu = 1400,
	.addresses = { V4, V6 },
	.direct_idle_s = 0x1234,
	.direct_max = 0x5678,
	.tcp_only = true,
	.pmtu_discovery = true,
	.clamp_mss = true,
	.pmtu_max = 1300,
	.priority_inheritance = true,
	.nat = NAT_HARD,
	.nat_port = 0x1234,
};
static const struct engine_peer peer = {
	.id = 0x01020304,
	.name = "oslo",
	.kind = NODE_WIREGUARD,
	.tunnel_key = { { 1, 2, 3, [31] = 4 } },
	.aes = true,
	.via_hub = true,
	.forward = true,
	.keepalive_s = 0x1234,
	.groups = U64,
	.reach = U64 + 1,
	.compression = 11,
	.policy = PATH_POLICY_DIRECT_ONLY,
	.hub_only = U64 + 2,
	.direct_only = U64 + 3,
	.pmtu_max = TUN_MTU_MIN,
	.pmtu_fixed = true,
	.warm = true,
	.append = true,
	.n_subnets = 2,
	.subnets = { { .prefix = { .addr = { .family = AF_INET, .b = { 10, 20 } }, .len = 15 },
		       .weight = 65535 },
		     { .prefix = { .addr = V6, .len = 128 }, .weight = 1 } },
};
static const struct engine_peer_gone gone = { .id = 0x01020304, .why = PEER_GONE_REVOKED };
static const struct engine_hub_silent hub_silent = { .silent = true };
static const struct engine_keys keys = { .result = ERR_FULL,
					 .n = 2,
					 .key = { { { 1, [31] = 2 } }, { { 3, [31] = 4 } } } };
static const struct engine_revision revision = { .revision = U64 };
static const struct engine_tag tag = { .tag = 0x01020304 };
static const struct engine_node_id node_id = { .id = 0x01020304 };
static const struct engine_endpoints endpoints = {
	.id = 0x01020304,
	.punch = true,
	.nat = NAT_HARD,
	.n = 2,
	.endpoints = { ENDPOINT, { .addr = V4, .port = 1 } },
};
static const struct engine_ping ping = { .tag = 0x01020304, .id = 0x05060708 };
static const struct engine_forget forget = { .tag = 0x01020304, .id = 0x05060708 };
static const struct engine_forgotten forgotten = { .tag = 0x01020304, .n = 0x05060708 };
static const struct engine_pong pong = {
	.tag = 0x01020304,
	.id = 5,
	.result = ERR_TIMEOUT,
	.rtt_us = 0x05060708,
	.path = PATH_DIRECT_UDP,
	.endpoint = ENDPOINT,
};
static const struct engine_path path = {
	.id = 0x01020304,
	.path = PATH_HUB_UDP,
	.reason = PATH_REASON_POLICY,
	.endpoint = ENDPOINT,
};
static const struct engine_status status = {
	.tag = 0x01020304,
	.id = 0x05060708,
	.path = PATH_DIRECT_UDP,
	.reason = PATH_REASON_VALIDATED,
	.endpoint = ENDPOINT,
	.handshake_wall_ms = INT64_MAX,
	.rx_bytes = U64,
	.tx_bytes = U64 + 1,
	.rx_packets = U64 + 2,
	.tx_packets = U64 + 3,
	.rtt_us = 0x090a0b0c,
	.pmtu = 1400,
	.since_wall_ms = INT64_MAX - 1,
	.loss_permille = 1000,
	.cipher = CIPHER_CHACHA20POLY1305,
	.own_key = 0x01020304,
};
static const struct engine_status_end status_end = {
	.tag = 0x01020304,
	.n_peers = 5,
	.n_sessions = 6,
	.handshakes = U64,
	.relayed_packets = U64 + 1,
	.relayed_bytes = U64 + 2,
	.drops = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, U64 },
	.crypto = "chacha20-poly1305/ipsec-mb",
	.offloads = 0x1f,
	.pending_packets = 0x0a0b0c0d,
	.pending_packets_max = 0x0e0f1011,
	.socket_bytes = U64 + 3,
};

static const struct engine_nat nat = {
	.kind = NAT_HARD,
	.observed = { .addr = V4, .port = 0x1234 },
	.observed_second = ENDPOINT,
};

enum {
	SELF,
	PEER,
	GONE,
	REVISION,
	TAG,
	NODE_ID,
	ENDPOINTS,
	PING,
	PONG,
	PATH,
	STATUS,
	STATUS_END,
	NAT,
	HUB_SILENT,
	KEYS,
	FORGET,
	FORGOTTEN,
};
static const struct codec_check messages[] = {
	[SELF] = CODEC_CHECK_ROW(engine_self, &self),
	[PEER] = CODEC_CHECK_ROW(engine_peer, &peer),
	[GONE] = CODEC_CHECK_ROW(engine_peer_gone, &gone),
	[REVISION] = CODEC_CHECK_ROW(engine_revision, &revision),
	[TAG] = CODEC_CHECK_ROW(engine_tag, &tag),
	[NODE_ID] = CODEC_CHECK_ROW(engine_node_id, &node_id),
	[ENDPOINTS] = CODEC_CHECK_ROW(engine_endpoints, &endpoints),
	[PING] = CODEC_CHECK_ROW(engine_ping, &ping),
	[PONG] = CODEC_CHECK_ROW(engine_pong, &pong),
	[PATH] = CODEC_CHECK_ROW(engine_path, &path),
	[STATUS] = CODEC_CHECK_ROW(engine_status, &status),
	[STATUS_END] = CODEC_CHECK_ROW(engine_status_end, &status_end),
	[NAT] = CODEC_CHECK_ROW(engine_nat, &nat),
	[HUB_SILENT] = CODEC_CHECK_ROW(engine_hub_silent, &hub_silent),
	[KEYS] = CODEC_CHECK_ROW(engine_keys, &keys),
	[FORGET] = CODEC_CHECK_ROW(engine_forget, &forget),
	[FORGOTTEN] = CODEC_CHECK_ROW(engine_forgotten, &forgotten),
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
		{ "is_hub is no bool", SELF, 4, 2 },
		{ "a hub with another hub", SELF, 5, 0 },
		{ "a spoke that is the hub", SELF, 4, 0 },
		{ "aes is no bool", SELF, 9, 0xff },
		{ "MTU too small", SELF, 11, 0 },
		{ "MTU too large", SELF, 11, 0xff },
		{ "address of no kind", SELF, 12, 7 },
		{ "tcp_only is no bool", SELF, 46, 2 },
		{ "pmtu_discovery is no bool", SELF, 47, 2 },
		{ "clamp_mss is no bool", SELF, 48, 2 },
		{ "pmtu_max too small", SELF, 50, 0 },
		{ "pmtu_max too large", SELF, 50, 0xff },
		{ "priority_inheritance is no bool", SELF, 51, 2 },
		{ "own NAT", SELF, 52, 3 },
		{ "bad name", PEER, 6, '-' },
		{ "no kind", PEER, 10, 0 },
		{ "kind too large", PEER, 10, 4 },
		{ "aes is no bool", PEER, 43, 2 },
		{ "via_hub is no bool", PEER, 44, 2 },
		{ "forward is no bool", PEER, 45, 2 },
		{ "compression", PEER, 64, 12 },
		{ "policy", PEER, 65, 3 },
		{ "too small a PMTU", PEER, 82, 0 },
		{ "too large a PMTU", PEER, 83, 0x80 },
		{ "pmtu_fixed is no bool", PEER, 84, 2 },
		{ "warm is no bool", PEER, 85, 2 },
		{ "append is no bool", PEER, 86, 2 },
		{ "too many subnets", PEER, 88, 2 },
		{ "host bits", PEER, 93, 1 },
		{ "subnet length", PEER, 94, 33 },
		{ "subnet weight", PEER, 97, 1 },
		{ "why", GONE, 4, 2 },
		{ "kind of NAT", NAT, 0, 3 },
		{ "observed endpoint of no kind", NAT, 1, 7 },
		{ "punch is no bool", ENDPOINTS, 4, 2 },
		{ "NAT mapping", ENDPOINTS, 5, 3 },
		{ "too many endpoints", ENDPOINTS, 6, ENGINE_ENDPOINTS_MAX + 1 },
		{ "endpoint of no kind", ENDPOINTS, 7, 3 },
		{ "endpoint that is none", ENDPOINTS, 7, 0 },
		{ "result", PONG, 8, 28 },
		{ "path", PONG, 13, 4 },
		{ "path", PATH, 4, 4 },
		{ "reason", PATH, 5, PATH_REASON_COUNT },
		{ "path", STATUS, 8, 4 },
		{ "reason", STATUS, 9, PATH_REASON_COUNT },
		{ "handshake before 1970", STATUS, 40, 0x80 },
		{ "changed before 1970", STATUS, 86, 0x80 },
		{ "loss above one", STATUS, 87, 0xff },
		{ "cipher", STATUS, 89, 3 },
		{ "crypto with a NUL", STATUS_END, 176, 0 },
		{ "crypto with a blank", STATUS_END, 174, ' ' },
		{ "crypto with a control character", STATUS_END, 199, 27 },
		{ "an unknown offload", STATUS_END, 200, 0x20 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (codec_check_patched(&messages[rows[i].msg], rows[i].at, rows[i].with) !=
		    ERR_INVALID)
			fail_msg("%s of %s is taken", rows[i].what, messages[rows[i].msg].name);
}

/* Messages about node 0, which does not exist. */
static void test_no_node(void **state)
{
	static const unsigned with_id_first[] = { SELF, PEER, GONE, NODE_ID, ENDPOINTS, PATH };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(with_id_first); i++) {
		const struct codec_check *k = &messages[with_id_first[i]];
		uint8_t bytes[CHANNEL_MSG_MAX_BYTES];
		void *back = malloc(k->size);
		size_t n = codec_check_encode(k, k->sample, bytes);

		memset(bytes, 0, 4);
		assert_int_equal(codec_check_decode(k, bytes, n, back), ERR_INVALID);
		free(back);
	}
}

/* The largest messages fit the channel. */
static void test_largest(void **state)
{
	struct engine_peer p = peer;
	struct engine_endpoints e = endpoints;
	struct codec_check k = messages[PEER];

	(void)state;
	memset(p.name, 'a', NAME_MAX_BYTES);
	p.n_subnets = ENGINE_PEER_SUBNETS_MAX;
	for (unsigned i = 0; i < ENGINE_PEER_SUBNETS_MAX; i++)
		p.subnets[i] = peer.subnets[1];
	k.sample = &p;
	codec_check_run(&k);
	k = messages[ENDPOINTS];
	e.n = ENGINE_ENDPOINTS_MAX;
	for (unsigned i = 0; i < ENGINE_ENDPOINTS_MAX; i++)
		e.endpoints[i] = endpoints.endpoints[0];
	k.sample = &e;
	codec_check_run(&k);
}

/* Every value has its own text, and none reads past the tables. */
static void test_texts(void **state)
{
	(void)state;
	for (unsigned a = 0; a < PATH_REASON_COUNT; a++)
		for (unsigned b = 0; b <= PATH_REASON_COUNT; b++)
			assert_int_equal(a == b, !strcmp(path_reason_str((enum path_reason)a),
							 path_reason_str((enum path_reason)b)));
	for (unsigned a = 0; a < DROP_COUNT; a++)
		for (unsigned b = 0; b <= DROP_COUNT; b++)
			assert_int_equal(a == b, !strcmp(engine_drop_str((enum engine_drop)a),
							 engine_drop_str((enum engine_drop)b)));
	for (unsigned a = 0; a < ENGINE_OFFLOAD_BITS; a++)
		for (unsigned b = 0; b <= ENGINE_OFFLOAD_BITS; b++)
			assert_int_equal(
				a == b, !strcmp(engine_offload_str((enum engine_offload)(1 << a)),
						engine_offload_str((enum engine_offload)(1 << b))));
	assert_string_equal(engine_offload_str(ENGINE_OFFLOAD_TUN_USO), "tun-uso");
	assert_string_equal(path_kind_str(PATH_DIRECT_UDP), "direct-udp");
	assert_string_equal(path_kind_str(PATH_HUB_UDP), "hub-udp");
	assert_string_equal(path_kind_str(PATH_HUB_TCP), "hub-tcp");
	assert_string_equal(path_kind_str(PATH_DOWN), "down");
	assert_string_equal(path_kind_str((enum path_kind)77), "unknown");
	assert_string_equal(path_reason_str((enum path_reason)255), "unknown");
	assert_string_equal(engine_drop_str(DROP_SOURCE), "inner-source");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_messages), cmocka_unit_test(test_bad_bytes),
		cmocka_unit_test(test_no_node),  cmocka_unit_test(test_largest),
		cmocka_unit_test(test_texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
