/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/wire/handshake.h"

#include "shared/base/cursor.h"

/* Starts a message: the type, and three bytes that are zero in all of them. */
static void put_type(struct cursor *c, enum packet_type type, enum packet_type wireguard,
		     enum packet_type agent)
{
	BUG_ON(type != wireguard && type != agent);
	cursor_put_u32(c, (uint32_t)type);
}

/* The same for reading: as one little-endian number, so that the reserved bytes are checked with
 * the type. */
static enum packet_type get_type(struct cursor *c, enum packet_type wireguard,
				 enum packet_type agent)
{
	uint32_t type = cursor_get_u32(c);
	if (type != (uint32_t)wireguard && type != (uint32_t)agent)
		cursor_fail(c, ERR_INVALID);
	return (enum packet_type)type;
}

void handshake_encode_initiation(const struct handshake_initiation *m,
				 uint8_t out[HANDSHAKE_INITIATION_BYTES])
{
	struct cursor c;
	cursor_init_write(&c, out, HANDSHAKE_INITIATION_BYTES);
	put_type(&c, m->type, PACKET_WG_INITIATION, PACKET_INITIATION);
	cursor_put_u32(&c, m->sender);
	cursor_put_bytes(&c, m->ephemeral.b, sizeof(m->ephemeral.b));
	cursor_put_bytes(&c, m->sealed_static, sizeof(m->sealed_static));
	cursor_put_bytes(&c, m->sealed_timestamp, sizeof(m->sealed_timestamp));
	cursor_put_bytes(&c, m->mac1, sizeof(m->mac1));
	cursor_put_bytes(&c, m->mac2, sizeof(m->mac2));
	BUG_ON(cursor_end(&c) || c.pos != HANDSHAKE_INITIATION_BYTES);
}

void handshake_encode_response(const struct handshake_response *m,
			       uint8_t out[HANDSHAKE_RESPONSE_BYTES])
{
	struct cursor c;
	cursor_init_write(&c, out, HANDSHAKE_RESPONSE_BYTES);
	put_type(&c, m->type, PACKET_WG_RESPONSE, PACKET_RESPONSE);
	cursor_put_u32(&c, m->sender);
	cursor_put_u32(&c, m->receiver);
	cursor_put_bytes(&c, m->ephemeral.b, sizeof(m->ephemeral.b));
	cursor_put_bytes(&c, m->sealed_nothing, sizeof(m->sealed_nothing));
	cursor_put_bytes(&c, m->mac1, sizeof(m->mac1));
	cursor_put_bytes(&c, m->mac2, sizeof(m->mac2));
	BUG_ON(cursor_end(&c) || c.pos != HANDSHAKE_RESPONSE_BYTES);
}

void handshake_encode_cookie_reply(const struct handshake_cookie_reply *m,
				   uint8_t out[COOKIE_REPLY_BYTES])
{
	struct cursor c;
	cursor_init_write(&c, out, COOKIE_REPLY_BYTES);
	put_type(&c, m->type, PACKET_WG_COOKIE, PACKET_COOKIE);
	cursor_put_u32(&c, m->receiver);
	cursor_put_bytes(&c, m->nonce, sizeof(m->nonce));
	cursor_put_bytes(&c, m->sealed_cookie, sizeof(m->sealed_cookie));
	BUG_ON(cursor_end(&c) || c.pos != COOKIE_REPLY_BYTES);
}

/* Too short, too long and malformed are one to the caller: not a message of this kind. */
static enum err finish(const struct cursor *c) { return cursor_end(c) ? ERR_INVALID : ERR_OK; }

enum err handshake_decode_initiation(const uint8_t *p, size_t n, struct handshake_initiation *out)
{
	struct handshake_initiation m;
	struct cursor c;
	cursor_init_read(&c, p, n);
	m.type = get_type(&c, PACKET_WG_INITIATION, PACKET_INITIATION);
	m.sender = cursor_get_u32(&c);
	cursor_get_bytes(&c, m.ephemeral.b, sizeof(m.ephemeral.b));
	cursor_get_bytes(&c, m.sealed_static, sizeof(m.sealed_static));
	cursor_get_bytes(&c, m.sealed_timestamp, sizeof(m.sealed_timestamp));
	cursor_get_bytes(&c, m.mac1, sizeof(m.mac1));
	cursor_get_bytes(&c, m.mac2, sizeof(m.mac2));
	enum err e = finish(&c);
	if (!e)
		*out = m;
	return e;
}

enum err handshake_decode_response(const uint8_t *p, size_t n, struct handshake_response *out)
{
	struct handshake_response m;
	struct cursor c;
	cursor_init_read(&c, p, n);
	m.type = get_type(&c, PACKET_WG_RESPONSE, PACKET_RESPONSE);
	m.sender = cursor_get_u32(&c);
	m.receiver = cursor_get_u32(&c);
	cursor_get_bytes(&c, m.ephemeral.b, sizeof(m.ephemeral.b));
	cursor_get_bytes(&c, m.sealed_nothing, sizeof(m.sealed_nothing));
	cursor_get_bytes(&c, m.mac1, sizeof(m.mac1));
	cursor_get_bytes(&c, m.mac2, sizeof(m.mac2));
	enum err e = finish(&c);
	if (!e)
		*out = m;
	return e;
}

enum err handshake_decode_cookie_reply(const uint8_t *p, size_t n,
				       struct handshake_cookie_reply *out)
{
	struct handshake_cookie_reply m;
	struct cursor c;
	cursor_init_read(&c, p, n);
	m.type = get_type(&c, PACKET_WG_COOKIE, PACKET_COOKIE);
	m.receiver = cursor_get_u32(&c);
	cursor_get_bytes(&c, m.nonce, sizeof(m.nonce));
	cursor_get_bytes(&c, m.sealed_cookie, sizeof(m.sealed_cookie));
	enum err e = finish(&c);
	if (!e)
		*out = m;
	return e;
}
