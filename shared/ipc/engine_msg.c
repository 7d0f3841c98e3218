/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Each message's two halves stand next to each other; a change of one is a change of the other. */
#include "shared/ipc/engine_msg.h"

#include <string.h>

#include "shared/ipc/channel.h"
#include "shared/wire/codec.h"

/*
 * The biggest message is a peer with all its subnets: id, name, kind, key, 4 flags, keepalive,
 * groups, reach, compression, number of subnets; then these.
 */
#define PEER_FIXED_BYTES (4u + CODEC_NAME_MAX_BYTES + 1u + KEY_BYTES + 4u + 2u + 16u + 1u + 2u)
#define PEER_MAX_BYTES   (PEER_FIXED_BYTES + ENGINE_PEER_SUBNETS_MAX * CODEC_SUBNET_MAX_BYTES)
#define ENDPOINTS_MAX_BYTES                                                                        \
	(4u + 1u + 1u + 1u + 1u + ENGINE_ENDPOINTS_MAX * CODEC_ENDPOINT_MAX_BYTES)
_Static_assert(PEER_MAX_BYTES <= CHANNEL_MSG_MAX_BYTES, "a full engine_peer fits one message");
_Static_assert(ENDPOINTS_MAX_BYTES <= CHANNEL_MSG_MAX_BYTES,
	       "a full engine_endpoints fits one message");

const char *path_kind_str(enum path_kind k)
{
	switch (k) {
	case PATH_DOWN:
		return "down";
	case PATH_HUB_TCP:
		return "hub-tcp";
	case PATH_HUB_UDP:
		return "hub-udp";
	case PATH_DIRECT_UDP:
		return "direct-udp";
	}
	return "unknown";
}

const char *nat_mapping_str(enum nat_mapping n)
{
	static const char *const text[] = { "unknown", "easy", "hard" };

	return (unsigned)n < ARRAY_LEN(text) ? text[n] : "unknown";
}

const char *engine_drop_str(enum engine_drop d)
{
	static const char *const text[DROP_COUNT] = {
		[DROP_MALFORMED] = "malformed",
		[DROP_MAC1] = "mac1",
		[DROP_UNKNOWN_PEER] = "unknown-peer",
		[DROP_UNKNOWN_INDEX] = "unknown-index",
		[DROP_AUTH] = "auth",
		[DROP_REPLAY] = "replay",
		[DROP_SOURCE] = "inner-source",
		[DROP_NO_ROUTE] = "no-route",
		[DROP_POLICY] = "policy",
		[DROP_RATE] = "rate",
		[DROP_QUEUE] = "queue",
		[DROP_NO_SESSION] = "no-session",
		[DROP_TTL] = "ttl",
		[DROP_SOCKET] = "socket",
		[DROP_TOO_BIG] = "too-big",
		[DROP_CONGESTION] = "congestion",
		[DROP_SEND] = "send",
	};

	return (unsigned)d < DROP_COUNT ? text[d] : "unknown";
}

const char *engine_offload_str(enum engine_offload bit)
{
	switch (bit) {
	case ENGINE_OFFLOAD_TUN_VNET:
		return "tun-vnet";
	case ENGINE_OFFLOAD_TUN_TSO:
		return "tun-tso";
	case ENGINE_OFFLOAD_TUN_USO:
		return "tun-uso";
	case ENGINE_OFFLOAD_UDP_SEGMENT:
		return "udp-segment";
	case ENGINE_OFFLOAD_UDP_GRO:
		return "udp-gro";
	}
	return "unknown";
}

/* 0, or an MTU that a TUN device can have. */
static uint16_t get_pmtu_max(struct cursor *c)
{
	const uint16_t mtu = cursor_get_u16(c);

	if (mtu && (mtu < TUN_MTU_MIN || mtu > TUN_MTU_MAX))
		cursor_fail(c, ERR_INVALID);
	return mtu;
}

void engine_self_encode(const struct engine_self *m, struct cursor *c)
{
	cursor_put_u32(c, m->id);
	codec_put_bool(c, m->is_hub);
	cursor_put_u32(c, m->hub_id);
	codec_put_bool(c, m->aes);
	cursor_put_u16(c, m->mtu);
	codec_put_own_addrs(c, m->addresses);
	cursor_put_u64(c, (uint64_t)m->clock_ahead_ms);
	cursor_put_u16(c, m->direct_idle_s);
	cursor_put_u16(c, m->direct_max);
	codec_put_bool(c, m->tcp_only);
	codec_put_bool(c, m->pmtu_discovery);
	codec_put_bool(c, m->clamp_mss);
	cursor_put_u16(c, m->pmtu_max);
	codec_put_bool(c, m->priority_inheritance);
	cursor_put_u8(c, (uint8_t)m->nat);
	cursor_put_u16(c, m->nat_port);
	cursor_put_bytes(c, m->tunnel_key.b, KEY_BYTES);
}

enum err engine_self_decode(struct cursor *c, struct engine_self *m)
{
	m->id = codec_get_id(c);
	m->is_hub = codec_get_bool(c);
	m->hub_id = codec_get_id(c);
	m->aes = codec_get_bool(c);
	m->mtu = codec_get_u16_in(c, TUN_MTU_MIN, TUN_MTU_MAX);
	codec_get_own_addrs(c, m->addresses);
	m->clock_ahead_ms = (int64_t)cursor_get_u64(c);
	m->direct_idle_s = cursor_get_u16(c);
	m->direct_max = cursor_get_u16(c);
	m->tcp_only = codec_get_bool(c);
	m->pmtu_discovery = codec_get_bool(c);
	m->clamp_mss = codec_get_bool(c);
	m->pmtu_max = get_pmtu_max(c);
	m->priority_inheritance = codec_get_bool(c);
	m->nat = (enum nat_mapping)codec_get_u8_in(c, NAT_UNKNOWN, NAT_HARD);
	m->nat_port = cursor_get_u16(c);
	cursor_get_bytes(c, m->tunnel_key.b, KEY_BYTES);
	if (m->clock_ahead_ms > CLOCK_AHEAD_MAX_MS || m->clock_ahead_ms < -CLOCK_AHEAD_MAX_MS)
		cursor_fail(c, ERR_INVALID);
	if (m->is_hub != (m->id == m->hub_id))
		cursor_fail(c, ERR_INVALID);
	return cursor_end(c);
}

void engine_peer_encode(const struct engine_peer *m, struct cursor *c)
{
	cursor_put_u32(c, m->id);
	codec_put_name(c, m->name);
	cursor_put_u8(c, (uint8_t)m->kind);
	cursor_put_bytes(c, m->tunnel_key.b, KEY_BYTES);
	codec_put_bool(c, m->aes);
	codec_put_bool(c, m->via_hub);
	codec_put_bool(c, m->forward);
	cursor_put_u16(c, m->keepalive_s);
	cursor_put_u64(c, m->groups);
	cursor_put_u64(c, m->reach);
	cursor_put_u8(c, m->compression);
	cursor_put_u8(c, (uint8_t)m->policy);
	cursor_put_u64(c, m->hub_only);
	cursor_put_u64(c, m->direct_only);
	cursor_put_u16(c, m->pmtu_max);
	codec_put_bool(c, m->pmtu_fixed);
	codec_put_bool(c, m->warm);
	codec_put_bool(c, m->append);
	cursor_put_u16(c, m->n_subnets);
	for (unsigned i = 0; i < m->n_subnets; i++)
		codec_put_subnet(c, &m->subnets[i]);
}

enum err engine_peer_decode(struct cursor *c, struct engine_peer *m)
{
	m->id = codec_get_id(c);
	codec_get_name(c, m->name, CODEC_REQUIRED);
	m->kind = (enum node_kind)codec_get_u8_in(c, NODE_HUB, NODE_WIREGUARD);
	cursor_get_bytes(c, m->tunnel_key.b, KEY_BYTES);
	m->aes = codec_get_bool(c);
	m->via_hub = codec_get_bool(c);
	m->forward = codec_get_bool(c);
	m->keepalive_s = cursor_get_u16(c);
	m->groups = cursor_get_u64(c);
	m->reach = cursor_get_u64(c);
	m->compression = codec_get_u8_in(c, 0, NODE_COMPRESSION_MAX);
	m->policy = (enum path_policy)codec_get_u8_in(c, PATH_POLICY_AUTO, PATH_POLICY_DIRECT_ONLY);
	m->hub_only = cursor_get_u64(c);
	m->direct_only = cursor_get_u64(c);
	m->pmtu_max = get_pmtu_max(c);
	m->pmtu_fixed = codec_get_bool(c);
	m->warm = codec_get_bool(c);
	m->append = codec_get_bool(c);
	m->n_subnets = codec_get_u16_in(c, 0, ENGINE_PEER_SUBNETS_MAX);
	for (unsigned i = 0; i < m->n_subnets; i++)
		codec_get_subnet(c, &m->subnets[i]);
	return cursor_end(c);
}

void engine_peer_gone_encode(const struct engine_peer_gone *m, struct cursor *c)
{
	cursor_put_u32(c, m->id);
	cursor_put_u8(c, (uint8_t)m->why);
}

enum err engine_peer_gone_decode(struct cursor *c, struct engine_peer_gone *m)
{
	m->id = codec_get_id(c);
	m->why = (enum peer_gone_why)codec_get_u8_in(c, PEER_GONE_REMOVED, PEER_GONE_REVOKED);
	return cursor_end(c);
}

void engine_revision_encode(const struct engine_revision *m, struct cursor *c)
{
	cursor_put_u64(c, m->revision);
}

enum err engine_revision_decode(struct cursor *c, struct engine_revision *m)
{
	m->revision = cursor_get_u64(c);
	return cursor_end(c);
}

void engine_tag_encode(const struct engine_tag *m, struct cursor *c) { cursor_put_u32(c, m->tag); }

enum err engine_tag_decode(struct cursor *c, struct engine_tag *m)
{
	m->tag = cursor_get_u32(c);
	return cursor_end(c);
}

void engine_node_id_encode(const struct engine_node_id *m, struct cursor *c)
{
	cursor_put_u32(c, m->id);
}

enum err engine_node_id_decode(struct cursor *c, struct engine_node_id *m)
{
	m->id = codec_get_id(c);
	return cursor_end(c);
}

void engine_endpoints_encode(const struct engine_endpoints *m, struct cursor *c)
{
	cursor_put_u32(c, m->id);
	codec_put_bool(c, m->punch);
	cursor_put_u8(c, (uint8_t)m->nat);
	cursor_put_u8(c, m->n);
	for (unsigned i = 0; i < m->n; i++)
		codec_put_endpoint(c, &m->endpoints[i]);
	codec_put_bool(c, m->tcp);
}

enum err engine_endpoints_decode(struct cursor *c, struct engine_endpoints *m)
{
	m->id = codec_get_id(c);
	m->punch = codec_get_bool(c);
	m->nat = (enum nat_mapping)codec_get_u8_in(c, NAT_UNKNOWN, NAT_HARD);
	m->n = codec_get_u8_in(c, 0, ENGINE_ENDPOINTS_MAX);
	for (unsigned i = 0; i < m->n; i++)
		codec_get_endpoint(c, &m->endpoints[i], CODEC_REQUIRED);
	m->tcp = codec_get_bool(c);
	if (m->tcp && m->n)
		cursor_fail(c, ERR_INVALID);
	return cursor_end(c);
}

void engine_ping_encode(const struct engine_ping *m, struct cursor *c)
{
	cursor_put_u32(c, m->tag);
	cursor_put_u32(c, m->id);
}

enum err engine_ping_decode(struct cursor *c, struct engine_ping *m)
{
	m->tag = cursor_get_u32(c);
	m->id = codec_get_id(c);
	return cursor_end(c);
}

void engine_pong_encode(const struct engine_pong *m, struct cursor *c)
{
	cursor_put_u32(c, m->tag);
	cursor_put_u32(c, m->id);
	codec_put_err(c, m->result);
	cursor_put_u32(c, m->rtt_us);
	cursor_put_u8(c, (uint8_t)m->path);
	codec_put_outer(c, &m->endpoint);
}

enum err engine_pong_decode(struct cursor *c, struct engine_pong *m)
{
	m->tag = cursor_get_u32(c);
	m->id = codec_get_id(c);
	m->result = codec_get_err(c);
	m->rtt_us = cursor_get_u32(c);
	m->path = (enum path_kind)codec_get_u8_in(c, PATH_DOWN, PATH_DIRECT_UDP);
	codec_get_outer(c, &m->endpoint, CODEC_OPTIONAL);
	return cursor_end(c);
}

void engine_forget_encode(const struct engine_forget *m, struct cursor *c)
{
	cursor_put_u32(c, m->tag);
	cursor_put_u32(c, m->id);
}

enum err engine_forget_decode(struct cursor *c, struct engine_forget *m)
{
	m->tag = cursor_get_u32(c);
	m->id = cursor_get_u32(c);
	return cursor_end(c);
}

void engine_forgotten_encode(const struct engine_forgotten *m, struct cursor *c)
{
	cursor_put_u32(c, m->tag);
	cursor_put_u32(c, m->n);
}

enum err engine_forgotten_decode(struct cursor *c, struct engine_forgotten *m)
{
	m->tag = cursor_get_u32(c);
	m->n = cursor_get_u32(c);
	return cursor_end(c);
}

void engine_path_encode(const struct engine_path *m, struct cursor *c)
{
	cursor_put_u32(c, m->id);
	cursor_put_u8(c, (uint8_t)m->path);
	cursor_put_u8(c, (uint8_t)m->reason);
	codec_put_outer(c, &m->endpoint);
}

enum err engine_path_decode(struct cursor *c, struct engine_path *m)
{
	m->id = codec_get_id(c);
	m->path = (enum path_kind)codec_get_u8_in(c, PATH_DOWN, PATH_DIRECT_UDP);
	m->reason = (enum path_reason)codec_get_u8_in(c, 0, PATH_REASON_COUNT - 1);
	codec_get_outer(c, &m->endpoint, CODEC_OPTIONAL);
	return cursor_end(c);
}

void engine_hub_silent_encode(const struct engine_hub_silent *m, struct cursor *c)
{
	codec_put_bool(c, m->silent);
}

enum err engine_hub_silent_decode(struct cursor *c, struct engine_hub_silent *m)
{
	m->silent = codec_get_bool(c);
	return cursor_end(c);
}

void engine_keys_encode(const struct engine_keys *m, struct cursor *c)
{
	codec_put_err(c, m->result);
	cursor_put_u8(c, m->n);
	for (uint8_t i = 0; i < m->n; i++)
		cursor_put_bytes(c, m->key[i].b, KEY_BYTES);
}

enum err engine_keys_decode(struct cursor *c, struct engine_keys *m)
{
	*m = (struct engine_keys){ .result = codec_get_err(c) };
	m->n = codec_get_u8_in(c, 1, ARRAY_LEN(m->key));
	for (uint8_t i = 0; i < m->n && !c->err; i++)
		cursor_get_bytes(c, m->key[i].b, KEY_BYTES);
	return cursor_end(c);
}

void engine_nat_encode(const struct engine_nat *m, struct cursor *c)
{
	cursor_put_u8(c, (uint8_t)m->kind);
	codec_put_endpoint(c, &m->observed);
	codec_put_endpoint(c, &m->observed_second);
}

enum err engine_nat_decode(struct cursor *c, struct engine_nat *m)
{
	m->kind = (enum nat_mapping)codec_get_u8_in(c, NAT_UNKNOWN, NAT_HARD);
	codec_get_endpoint(c, &m->observed, CODEC_OPTIONAL);
	codec_get_endpoint(c, &m->observed_second, CODEC_OPTIONAL);
	return cursor_end(c);
}

void engine_status_encode(const struct engine_status *m, struct cursor *c)
{
	cursor_put_u32(c, m->tag);
	cursor_put_u32(c, m->id);
	cursor_put_u8(c, (uint8_t)m->path);
	cursor_put_u8(c, (uint8_t)m->reason);
	codec_put_outer(c, &m->endpoint);
	cursor_put_u64(c, (uint64_t)m->handshake_wall_ms);
	cursor_put_u64(c, m->rx_bytes);
	cursor_put_u64(c, m->tx_bytes);
	cursor_put_u64(c, m->rx_packets);
	cursor_put_u64(c, m->tx_packets);
	cursor_put_u32(c, m->rtt_us);
	cursor_put_u16(c, m->pmtu);
	cursor_put_u64(c, (uint64_t)m->since_wall_ms);
	cursor_put_u16(c, m->loss_permille);
	cursor_put_u8(c, m->cipher);
	cursor_put_u64(c, m->compress_before);
	cursor_put_u64(c, m->compress_after);
	cursor_put_u32(c, m->own_key);
}

enum err engine_status_decode(struct cursor *c, struct engine_status *m)
{
	m->tag = cursor_get_u32(c);
	m->id = codec_get_id(c);
	m->path = (enum path_kind)codec_get_u8_in(c, PATH_DOWN, PATH_DIRECT_UDP);
	m->reason = (enum path_reason)codec_get_u8_in(c, 0, PATH_REASON_COUNT - 1);
	codec_get_outer(c, &m->endpoint, CODEC_OPTIONAL);
	m->handshake_wall_ms = (int64_t)cursor_get_u64(c);
	m->rx_bytes = cursor_get_u64(c);
	m->tx_bytes = cursor_get_u64(c);
	m->rx_packets = cursor_get_u64(c);
	m->tx_packets = cursor_get_u64(c);
	m->rtt_us = cursor_get_u32(c);
	m->pmtu = cursor_get_u16(c);
	m->since_wall_ms = (int64_t)cursor_get_u64(c);
	m->loss_permille = codec_get_u16_in(c, 0, 1000);
	m->cipher = codec_get_u8_in(c, CIPHER_WIREGUARD, CIPHER_CHACHA20POLY1305);
	m->compress_before = cursor_get_u64(c);
	m->compress_after = cursor_get_u64(c);
	m->own_key = cursor_get_u32(c);
	if (m->handshake_wall_ms < 0 || m->since_wall_ms < 0)
		cursor_fail(c, ERR_INVALID);
	return cursor_end(c);
}

/* A short text for terminals and metrics. */
static void get_crypto(struct cursor *c, char out[ENGINE_CRYPTO_SIZE])
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789-./";

	cursor_get_str(c, out, ENGINE_CRYPTO_SIZE);
	if (out[strspn(out, allowed)])
		cursor_fail(c, ERR_INVALID);
}

void engine_status_end_encode(const struct engine_status_end *m, struct cursor *c)
{
	cursor_put_u32(c, m->tag);
	cursor_put_u32(c, m->n_peers);
	cursor_put_u32(c, m->n_sessions);
	cursor_put_u64(c, m->handshakes);
	cursor_put_u64(c, m->relayed_packets);
	cursor_put_u64(c, m->relayed_bytes);
	for (unsigned i = 0; i < DROP_COUNT; i++)
		cursor_put_u64(c, m->drops[i]);
	cursor_put_str(c, m->crypto);
	cursor_put_u8(c, m->offloads);
	cursor_put_u64(c, m->compress_tried);
	cursor_put_u64(c, m->compress_packed);
	cursor_put_u64(c, m->compress_before);
	cursor_put_u64(c, m->compress_after);
	cursor_put_u64(c, m->compress_timed);
	cursor_put_u64(c, m->compress_timed_ns);
	cursor_put_u32(c, m->pending_packets);
	cursor_put_u32(c, m->pending_packets_max);
	cursor_put_u64(c, m->socket_bytes);
}

enum err engine_status_end_decode(struct cursor *c, struct engine_status_end *m)
{
	m->tag = cursor_get_u32(c);
	m->n_peers = cursor_get_u32(c);
	m->n_sessions = cursor_get_u32(c);
	m->handshakes = cursor_get_u64(c);
	m->relayed_packets = cursor_get_u64(c);
	m->relayed_bytes = cursor_get_u64(c);
	for (unsigned i = 0; i < DROP_COUNT; i++)
		m->drops[i] = cursor_get_u64(c);
	get_crypto(c, m->crypto);
	m->offloads = codec_get_u8_in(c, 0, (1u << ENGINE_OFFLOAD_BITS) - 1);
	m->compress_tried = cursor_get_u64(c);
	m->compress_packed = cursor_get_u64(c);
	m->compress_before = cursor_get_u64(c);
	m->compress_after = cursor_get_u64(c);
	m->compress_timed = cursor_get_u64(c);
	m->compress_timed_ns = cursor_get_u64(c);
	m->pending_packets = cursor_get_u32(c);
	m->pending_packets_max = cursor_get_u32(c);
	m->socket_bytes = cursor_get_u64(c);
	return cursor_end(c);
}
