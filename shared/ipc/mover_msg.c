/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/ipc/mover_msg.h"

#include "shared/wire/codec.h"

/* What stands before a packet: id, flags, endpoint. */
_Static_assert(4u + 1u + 1u + CODEC_ENDPOINT_MAX_BYTES <=
		       CHANNEL_MSG_MAX_BYTES - MOVER_PACKET_MAX_BYTES,
	       "a packet of the largest size fits one message");

/* The rest of the message, at least `min` bytes. */
static void get_packet(struct cursor *c, const uint8_t **data, size_t *len, size_t min)
{
	*len = cursor_left(c);
	if (*len < min || *len > MOVER_PACKET_MAX_BYTES)
		cursor_fail(c, ERR_INVALID);
	*data = cursor_get_view(c, *len);
	if (c->err)
		*len = 0;
}

void mover_keypair_encode(const struct mover_keypair *m, struct cursor *c)
{
	cursor_put_u32(c, m->peer);
	cursor_put_u8(c, (uint8_t)m->cipher);
	codec_put_bool(c, m->is_initiator);
	cursor_put_u32(c, m->local_index);
	cursor_put_u32(c, m->remote_index);
	cursor_put_u64(c, m->created_ms);
	cursor_put_u8(c, m->rx_owner);
	cursor_put_bytes(c, m->send.b, KEY_BYTES);
	cursor_put_bytes(c, m->recv.b, KEY_BYTES);
}

enum err mover_keypair_decode(struct cursor *c, struct mover_keypair *m)
{
	m->peer = codec_get_id(c);
	m->cipher =
		(enum tunnel_cipher)codec_get_u8_in(c, CIPHER_WIREGUARD, CIPHER_CHACHA20POLY1305);
	m->is_initiator = codec_get_bool(c);
	m->local_index = cursor_get_u32(c);
	m->remote_index = cursor_get_u32(c);
	m->created_ms = cursor_get_u64(c);
	m->rx_owner = codec_get_u8_in(c, 0, WORKERS_MAX - 1);
	cursor_get_bytes(c, m->send.b, KEY_BYTES);
	cursor_get_bytes(c, m->recv.b, KEY_BYTES);
	return cursor_end(c);
}

void mover_index_encode(const struct mover_index *m, struct cursor *c)
{
	cursor_put_u32(c, m->index);
}

enum err mover_index_decode(struct cursor *c, struct mover_index *m)
{
	m->index = cursor_get_u32(c);
	return cursor_end(c);
}

void mover_path_encode(const struct mover_path *m, struct cursor *c)
{
	cursor_put_u32(c, m->peer);
	codec_put_bool(c, m->relayed);
	codec_put_bool(c, m->unreachable);
	codec_put_bool(c, m->session);
	codec_put_bool(c, m->sends);
	cursor_put_u32(c, m->index);
	cursor_put_u16(c, m->pmtu);
	codec_put_bool(c, m->cut);
	codec_put_outer(c, &m->endpoint);
}

enum err mover_path_decode(struct cursor *c, struct mover_path *m)
{
	m->peer = codec_get_id(c);
	m->relayed = codec_get_bool(c);
	m->unreachable = codec_get_bool(c);
	m->session = codec_get_bool(c);
	m->sends = codec_get_bool(c);
	m->index = cursor_get_u32(c);
	m->pmtu = codec_get_u16_in(c, TUN_MTU_MIN, TUN_MTU_MAX);
	m->cut = codec_get_bool(c);
	codec_get_outer(c, &m->endpoint, CODEC_OPTIONAL);
	return cursor_end(c);
}

void mover_packet_encode(const struct mover_packet *m, struct cursor *c)
{
	codec_put_outer(c, &m->from);
	cursor_put_u8(c, m->tos);
	cursor_put_bytes(c, m->data, m->len);
}

enum err mover_packet_decode(struct cursor *c, struct mover_packet *m)
{
	codec_get_outer(c, &m->from, CODEC_REQUIRED);
	m->tos = cursor_get_u8(c);
	get_packet(c, &m->data, &m->len, 1);
	return cursor_end(c);
}

void mover_inner_encode(const struct mover_inner *m, struct cursor *c)
{
	cursor_put_u32(c, m->peer);
	cursor_put_u8(c, m->flags);
	if (m->len)
		cursor_put_bytes(c, m->data, m->len);
}

enum err mover_inner_decode(struct cursor *c, struct mover_inner *m)
{
	m->peer = codec_get_id(c);
	m->flags = codec_get_u8_in(c, 0, TRANSPORT_FLAGS_KNOWN);
	get_packet(c, &m->data, &m->len, 0);
	return cursor_end(c);
}

void mover_extension_encode(const struct mover_extension *m, struct cursor *c)
{
	cursor_put_u32(c, m->peer);
	codec_put_bool(c, m->relayed);
	codec_put_outer(c, &m->from);
	cursor_put_bytes(c, m->data, m->len);
}

enum err mover_extension_decode(struct cursor *c, struct mover_extension *m)
{
	m->peer = codec_get_id(c);
	m->relayed = codec_get_bool(c);
	codec_get_outer(c, &m->from, CODEC_REQUIRED);
	get_packet(c, &m->data, &m->len, 1);
	return cursor_end(c);
}

void mover_event_encode(const struct mover_event *m, struct cursor *c)
{
	cursor_put_u32(c, m->peer);
	cursor_put_u8(c, m->flags);
	codec_put_bool(c, m->relayed);
	cursor_put_u32(c, m->index);
	codec_put_outer(c, &m->endpoint);
	cursor_put_u64(c, m->rx_bytes);
	cursor_put_u64(c, m->tx_bytes);
	cursor_put_u64(c, m->rx_packets);
	cursor_put_u64(c, m->tx_packets);
	cursor_put_u64(c, m->compress_before);
	cursor_put_u64(c, m->compress_after);
}

enum err mover_event_decode(struct cursor *c, struct mover_event *m)
{
	bool confirmed, with_endpoint;

	m->peer = codec_get_id(c);
	m->flags = codec_get_u8_in(c, 0, MOVER_EVENT_FLAGS);
	m->relayed = codec_get_bool(c);
	m->index = cursor_get_u32(c);
	confirmed = m->flags & MOVER_CONFIRMED;
	with_endpoint = (m->flags & MOVER_ENDPOINT) || (confirmed && !m->relayed);
	codec_get_outer(c, &m->endpoint, with_endpoint ? CODEC_REQUIRED : CODEC_OPTIONAL);
	m->rx_bytes = cursor_get_u64(c);
	m->tx_bytes = cursor_get_u64(c);
	m->rx_packets = cursor_get_u64(c);
	m->tx_packets = cursor_get_u64(c);
	m->compress_before = cursor_get_u64(c);
	m->compress_after = cursor_get_u64(c);
	/* What does not belong to a flag is nothing. */
	if ((!confirmed && (m->index || m->relayed)) || (!with_endpoint && m->endpoint.addr.family))
		cursor_fail(c, ERR_INVALID);
	return cursor_end(c);
}

void mover_counters_encode(const struct mover_counters *m, struct cursor *c)
{
	cursor_put_u64(c, m->relayed_packets);
	cursor_put_u64(c, m->relayed_bytes);
	for (unsigned i = 0; i < DROP_COUNT; i++)
		cursor_put_u64(c, m->drops[i]);
	cursor_put_u64(c, m->compress_tried);
	cursor_put_u64(c, m->compress_packed);
	cursor_put_u64(c, m->compress_before);
	cursor_put_u64(c, m->compress_after);
	cursor_put_u64(c, m->compress_timed);
	cursor_put_u64(c, m->compress_timed_ns);
}

enum err mover_counters_decode(struct cursor *c, struct mover_counters *m)
{
	m->relayed_packets = cursor_get_u64(c);
	m->relayed_bytes = cursor_get_u64(c);
	for (unsigned i = 0; i < DROP_COUNT; i++)
		m->drops[i] = cursor_get_u64(c);
	m->compress_tried = cursor_get_u64(c);
	m->compress_packed = cursor_get_u64(c);
	m->compress_before = cursor_get_u64(c);
	m->compress_after = cursor_get_u64(c);
	m->compress_timed = cursor_get_u64(c);
	m->compress_timed_ns = cursor_get_u64(c);
	return cursor_end(c);
}
