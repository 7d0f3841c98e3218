/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/ipc/carrier_msg.h"

#include "shared/wire/codec.h"

void carrier_link_encode(const struct carrier_link *m, struct cursor *c)
{
	cursor_put_u32(c, m->number);
	cursor_put_u32(c, m->node);
}

enum err carrier_link_decode(struct cursor *c, struct carrier_link *m)
{
	m->number = codec_get_id(c);
	m->node = codec_get_id(c);
	return cursor_end(c);
}

void carrier_packets_encode(const struct carrier_packets *m, struct cursor *c)
{
	cursor_put_u32(c, m->number);
	cursor_put_bytes(c, m->frames, m->len);
}

void carrier_packets_encode_head(uint32_t number, uint8_t at[CARRIER_HEAD_BYTES])
{
	struct cursor c;

	cursor_init_write(&c, at, CARRIER_HEAD_BYTES);
	cursor_put_u32(&c, number);
	BUG_ON(cursor_end(&c));
}

enum err carrier_packets_decode(struct cursor *c, struct carrier_packets *m)
{
	m->number = codec_get_id(c);
	m->len = cursor_left(c);
	m->frames = cursor_get_view(c, m->len);
	if (!c->err && !carry_is_whole(m->frames, m->len))
		cursor_fail(c, ERR_INVALID);
	if (c->err)
		m->len = 0;
	return cursor_end(c);
}
