/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/wire/packet.h"

#include <endian.h>
#include <string.h>

#include "shared/base/cursor.h"

/* The lengths that each type may have; a row without a minimum is no type. */
static const struct {
	uint16_t min_bytes, max_bytes;
	uint8_t flags; /* what may be set in the second byte */
} shapes[] = {
	[PACKET_WG_INITIATION] = { HANDSHAKE_INITIATION_BYTES, HANDSHAKE_INITIATION_BYTES, 0 },
	[PACKET_WG_RESPONSE] = { HANDSHAKE_RESPONSE_BYTES, HANDSHAKE_RESPONSE_BYTES, 0 },
	[PACKET_WG_COOKIE] = { COOKIE_REPLY_BYTES, COOKIE_REPLY_BYTES, 0 },
	[PACKET_WG_TRANSPORT] = { TRANSPORT_OVERHEAD_BYTES, PACKET_MAX_BYTES, 0 },
	[PACKET_INITIATION] = { HANDSHAKE_INITIATION_BYTES, HANDSHAKE_INITIATION_BYTES, 0 },
	[PACKET_RESPONSE] = { HANDSHAKE_RESPONSE_BYTES, HANDSHAKE_RESPONSE_BYTES, 0 },
	[PACKET_TRANSPORT] = { TRANSPORT_OVERHEAD_BYTES, PACKET_MAX_BYTES, TRANSPORT_FLAGS_KNOWN },
	[PACKET_RELAY] = { RELAY_HEADER_BYTES + TRANSPORT_OVERHEAD_BYTES, PACKET_MAX_BYTES,
			   RELAY_FLAGS_KNOWN },
	[PACKET_COOKIE] = { COOKIE_REPLY_BYTES, COOKIE_REPLY_BYTES, 0 },
};

enum err packet_classify(const uint8_t *p, size_t n, enum packet_type *type)
{
	struct cursor c;
	cursor_init_read(&c, p, n);
	uint8_t t = cursor_get_u8(&c);
	uint8_t flags = cursor_get_u8(&c);
	uint16_t reserved = cursor_get_u16(&c);

	if (c.err || t >= ARRAY_LEN(shapes) || shapes[t].min_bytes == 0)
		return ERR_INVALID;
	if (n < shapes[t].min_bytes || n > shapes[t].max_bytes)
		return ERR_INVALID;
	if ((flags & ~shapes[t].flags) || reserved != 0)
		return ERR_INVALID;
	*type = (enum packet_type)t;
	return ERR_OK;
}

void packet_encode_transport(const struct packet_transport *h, uint8_t out[TRANSPORT_HEADER_BYTES])
{
	BUG_ON(h->type != PACKET_WG_TRANSPORT && h->type != PACKET_TRANSPORT);
	BUG_ON(h->flags & ~shapes[h->type].flags);

	/* Three stores, since it is done for every packet. */
	const uint32_t first = htole32((uint32_t)h->type | (uint32_t)h->flags << 8);
	const uint32_t receiver = htole32(h->receiver);
	const uint64_t counter = htole64(h->counter);

	memcpy(out, &first, sizeof(first));
	memcpy(out + 4, &receiver, sizeof(receiver));
	memcpy(out + 8, &counter, sizeof(counter));
}

enum err packet_decode_transport(const uint8_t *p, size_t n, struct packet_transport *out)
{
	enum packet_type type;
	enum err e = packet_classify(p, n, &type);
	if (e)
		return e;
	if (type != PACKET_WG_TRANSPORT && type != PACKET_TRANSPORT)
		return ERR_INVALID;

	struct cursor c;
	cursor_init_read(&c, p, TRANSPORT_HEADER_BYTES);
	out->type = (enum packet_type)cursor_get_u8(&c);
	out->flags = cursor_get_u8(&c);
	cursor_get_u16(&c);
	out->receiver = cursor_get_u32(&c);
	out->counter = cursor_get_u64(&c);
	return cursor_end(&c);
}
