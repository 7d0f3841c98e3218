/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/wire/inner.h"

#include <string.h>

#include "shared/base/cursor.h"

#define IPV4_HEADER_MIN_BYTES 20u
#define IPV6_HEADER_BYTES     40u
#define IPV4_DONT_FRAGMENT    0x4000u
#define IPV4_MORE_OR_OFFSET   0x3fffu

/* RFC 791 section 3.1. The header checksum is left to the network stack that gets the packet. */
static enum err decode_ipv4(const uint8_t *p, size_t n, struct inner *out)
{
	struct cursor c;
	cursor_init_read(&c, p, n);
	size_t header_len = (cursor_get_u8(&c) & 0x0fu) * 4u;
	cursor_get_u8(&c);
	size_t total_len = cursor_get_be16(&c);
	cursor_get_be16(&c);
	uint16_t fragment = cursor_get_be16(&c);
	uint8_t ttl = cursor_get_u8(&c);
	uint8_t protocol = cursor_get_u8(&c);
	cursor_get_be16(&c);
	const uint8_t *src = cursor_get_view(&c, 4);
	const uint8_t *dst = cursor_get_view(&c, 4);
	if (c.err)
		return c.err;
	if (header_len < IPV4_HEADER_MIN_BYTES || total_len < header_len)
		return ERR_INVALID;
	if (total_len > n)
		return ERR_TRUNCATED;

	*out = (struct inner){
		.kind = INNER_IPV4,
		.src = { .family = AF_INET },
		.dst = { .family = AF_INET },
		.protocol = protocol,
		.ttl = ttl,
		.fragment = (fragment & IPV4_MORE_OR_OFFSET) != 0,
		.dont_fragment = (fragment & IPV4_DONT_FRAGMENT) != 0,
		.header_len = header_len,
		.total_len = total_len,
	};
	/* Not addr_from_v4(): the compiler would copy its result, right after it was written. */
	memcpy(out->src.b, src, 4);
	memcpy(out->dst.b, dst, 4);
	return ERR_OK;
}

/* RFC 8200 section 3. */
static enum err decode_ipv6(const uint8_t *p, size_t n, struct inner *out)
{
	struct cursor c;
	cursor_init_read(&c, p, n);
	cursor_get_be32(&c);
	size_t payload_len = cursor_get_be16(&c);
	uint8_t protocol = cursor_get_u8(&c);
	uint8_t ttl = cursor_get_u8(&c);
	const uint8_t *src = cursor_get_view(&c, 16);
	const uint8_t *dst = cursor_get_view(&c, 16);
	if (c.err)
		return c.err;
	/* A payload length of 0 with a hop-by-hop header announces a jumbogram (RFC 2675). */
	if (payload_len == 0 && protocol == IPPROTO_HOPOPTS)
		return ERR_INVALID;
	if (payload_len > cursor_left(&c))
		return ERR_TRUNCATED;

	*out = (struct inner){
		.kind = INNER_IPV6,
		.src = addr_from_v6(src),
		.dst = addr_from_v6(dst),
		.protocol = protocol,
		.ttl = ttl,
		.dont_fragment = true,
		.header_len = IPV6_HEADER_BYTES,
		.total_len = IPV6_HEADER_BYTES + payload_len,
	};
	return ERR_OK;
}

/* An all-zero packet is not an extension: type 0 stays unused, so that nothing can be taken for one
 * by accident. */
static enum err decode_extension(const uint8_t *p, size_t n, bool agent, struct inner *out)
{
	if (!agent || p[0] == 0)
		return ERR_INVALID;
	*out = (struct inner){ .kind = INNER_EXTENSION, .extension = p[0], .total_len = n };
	return ERR_OK;
}

enum err inner_decode(const uint8_t *p, size_t n, bool agent, struct inner *out)
{
	if (n == 0) {
		*out = (struct inner){ .kind = INNER_KEEPALIVE };
		return ERR_OK;
	}
	switch (p[0] >> 4) {
	case 4:
		return decode_ipv4(p, n, out);
	case 6:
		return decode_ipv6(p, n, out);
	case 0:
		return decode_extension(p, n, agent, out);
	default:
		return ERR_INVALID;
	}
}

void inner_encode_probe(const struct inner_probe *m, uint8_t *out)
{
	BUG_ON(m->size < EXTENSION_PROBE_BYTES);

	struct cursor c;
	cursor_init_write(&c, out, m->size);
	cursor_put_u8(&c, EXTENSION_PROBE);
	cursor_put_u8(&c, m->flags);
	cursor_put_u16(&c, m->size);
	cursor_put_u32(&c, 0);
	cursor_put_bytes(&c, m->id, sizeof(m->id));
	cursor_put_u64(&c, m->sent_us);
	BUG_ON(cursor_end(&c) || cursor_pos(&c) != EXTENSION_PROBE_BYTES);
	memset(out + EXTENSION_PROBE_BYTES, 0, m->size - EXTENSION_PROBE_BYTES);
}

enum err inner_decode_probe(const uint8_t *p, size_t n, struct inner_probe *out)
{
	struct inner_probe m;
	struct cursor c;
	cursor_init_read(&c, p, n);
	uint8_t type = cursor_get_u8(&c);
	m.flags = cursor_get_u8(&c);
	m.size = cursor_get_u16(&c);
	cursor_get_u32(&c);
	cursor_get_bytes(&c, m.id, sizeof(m.id));
	m.sent_us = cursor_get_u64(&c);
	if (c.err)
		return c.err;
	if (type != EXTENSION_PROBE || m.size < EXTENSION_PROBE_BYTES || m.size != n)
		return ERR_INVALID;
	*out = m;
	return ERR_OK;
}

/* Families on the wire are 4 and 6, whatever the operating system calls them. */
static uint8_t family_to_wire(uint8_t family)
{
	return family == AF_INET ? 4 : family == AF_INET6 ? 6 : 0;
}

void inner_encode_probe_reply(const struct inner_probe_reply *m,
			      uint8_t out[EXTENSION_PROBE_REPLY_BYTES])
{
	/* A carrier is nothing that the peer could know its own address from. */
	const struct endpoint seen =
		endpoint_is_carrier(&m->observed) ? (struct endpoint){ 0 } : m->observed;
	struct cursor c;

	cursor_init_write(&c, out, EXTENSION_PROBE_REPLY_BYTES);
	cursor_put_u8(&c, EXTENSION_PROBE_REPLY);
	cursor_put_u8(&c, m->flags);
	cursor_put_u16(&c, m->size);
	cursor_put_u8(&c, m->path);
	cursor_put_u8(&c, family_to_wire(seen.addr.family));
	cursor_put_u16(&c, seen.port);
	cursor_put_bytes(&c, m->id, sizeof(m->id));
	cursor_put_u64(&c, m->sent_us);
	cursor_put_bytes(&c, seen.addr.b, sizeof(seen.addr.b));
	BUG_ON(cursor_end(&c) || cursor_pos(&c) != EXTENSION_PROBE_REPLY_BYTES);
}

/* The address of a reply; family 0 means "not known", whatever the bytes are. */
static enum err endpoint_from_wire(uint8_t family, const uint8_t b[16], uint16_t port,
				   struct endpoint *out)
{
	*out = (struct endpoint){ .port = family ? port : 0 };
	if (family == 4)
		out->addr = addr_from_v4(b);
	else if (family == 6)
		out->addr = addr_from_v6(b);
	else if (family != 0)
		return ERR_INVALID;
	return ERR_OK;
}

enum err inner_decode_probe_reply(const uint8_t *p, size_t n, struct inner_probe_reply *out)
{
	struct inner_probe_reply m;
	uint8_t address[16];
	struct cursor c;
	cursor_init_read(&c, p, n);
	uint8_t type = cursor_get_u8(&c);
	m.flags = cursor_get_u8(&c);
	m.size = cursor_get_u16(&c);
	m.path = cursor_get_u8(&c);
	uint8_t family = cursor_get_u8(&c);
	uint16_t port = cursor_get_u16(&c);
	cursor_get_bytes(&c, m.id, sizeof(m.id));
	m.sent_us = cursor_get_u64(&c);
	cursor_get_bytes(&c, address, sizeof(address));
	enum err e = cursor_end(&c);
	if (e)
		return e;
	if (type != EXTENSION_PROBE_REPLY || m.size < EXTENSION_PROBE_BYTES)
		return ERR_INVALID;
	e = endpoint_from_wire(family, address, port, &m.observed);
	if (!e)
		*out = m;
	return e;
}

void inner_encode_compressed(enum compress_method method, size_t original_len,
			     uint8_t out[EXTENSION_COMPRESSED_HEADER_BYTES])
{
	BUG_ON(original_len > TUN_MTU_MAX);

	struct cursor c;
	cursor_init_write(&c, out, EXTENSION_COMPRESSED_HEADER_BYTES);
	cursor_put_u8(&c, EXTENSION_COMPRESSED);
	cursor_put_u8(&c, (uint8_t)method);
	cursor_put_u16(&c, (uint16_t)original_len);
	cursor_put_u8(&c, 0);
	BUG_ON(cursor_end(&c) || cursor_pos(&c) != EXTENSION_COMPRESSED_HEADER_BYTES);
}

enum err inner_decode_compressed(const uint8_t *p, size_t n, struct inner_compressed *out)
{
	struct cursor c;
	cursor_init_read(&c, p, n);
	uint8_t type = cursor_get_u8(&c);
	uint8_t method = cursor_get_u8(&c);
	uint16_t original_len = cursor_get_u16(&c);
	uint8_t reserved = cursor_get_u8(&c);
	if (c.err)
		return c.err;
	if (type != EXTENSION_COMPRESSED || reserved)
		return ERR_INVALID;
	if (method != COMPRESS_DEFLATE && method != COMPRESS_LZO1X)
		return ERR_INVALID;
	if (cursor_left(&c) == 0)
		return ERR_TRUNCATED;
	/* Nobody sends what became no smaller. */
	if (original_len > TUN_MTU_MAX || original_len <= n)
		return ERR_INVALID;
	*out = (struct inner_compressed){
		.method = method,
		.original_len = original_len,
		.data = p + EXTENSION_COMPRESSED_HEADER_BYTES,
		.data_len = cursor_left(&c),
	};
	return ERR_OK;
}
