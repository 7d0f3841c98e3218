/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/wire/relay.h"

#include <stdbool.h>

#include "shared/base/cursor.h"
#include "shared/wire/packet.h"

/* WireGuard devices know no envelopes, and an envelope inside an envelope would make loops
 * possible. */
static bool may_be_inside(enum packet_type t)
{
	return t == PACKET_INITIATION || t == PACKET_RESPONSE || t == PACKET_TRANSPORT ||
	       t == PACKET_COOKIE;
}

static bool ids_are_valid(uint32_t destination, uint32_t source)
{
	return destination != 0 && source != 0 && destination != source;
}

void relay_encode(uint32_t destination, uint32_t source, uint8_t flags,
		  uint8_t out[RELAY_HEADER_BYTES])
{
	BUG_ON(!ids_are_valid(destination, source) || (flags & ~RELAY_FLAGS_KNOWN));

	struct cursor c;
	cursor_init_write(&c, out, RELAY_HEADER_BYTES);
	cursor_put_u32(&c, (uint32_t)PACKET_RELAY | (uint32_t)flags << 8);
	cursor_put_u32(&c, destination);
	cursor_put_u32(&c, source);
	BUG_ON(cursor_end(&c));
}

enum err relay_decode(const uint8_t *p, size_t n, struct relay_view *out)
{
	enum packet_type type;
	if (packet_classify(p, n, &type) || type != PACKET_RELAY)
		return ERR_INVALID;

	struct relay_view v;
	struct cursor c;
	cursor_init_read(&c, p, n);
	v.flags = (uint8_t)(cursor_get_u32(&c) >> 8);
	v.destination = cursor_get_u32(&c);
	v.source = cursor_get_u32(&c);
	v.inner_len = cursor_left(&c);
	v.inner = cursor_get_view(&c, v.inner_len);
	if (cursor_end(&c) || !ids_are_valid(v.destination, v.source))
		return ERR_INVALID;
	if (packet_classify(v.inner, v.inner_len, &v.inner_type) || !may_be_inside(v.inner_type))
		return ERR_INVALID;
	*out = v;
	return ERR_OK;
}
