/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/ipc/nudge_msg.h"

#include "shared/wire/codec.h"

void nudge_revision_encode(const struct nudge_revision *m, struct cursor *c)
{
	cursor_put_u64(c, m->revision);
}

enum err nudge_revision_decode(struct cursor *c, struct nudge_revision *m)
{
	m->revision = cursor_get_u64(c);
	return cursor_end(c);
}

void nudge_node_encode(const struct nudge_node *m, struct cursor *c) { cursor_put_u32(c, m->id); }

enum err nudge_node_decode(struct cursor *c, struct nudge_node *m)
{
	m->id = cursor_get_u32(c);
	return cursor_end(c);
}

void nudge_order_encode(const struct nudge_order *m, struct cursor *c)
{
	cursor_put_u32(c, m->tag);
	cursor_put_u8(c, (uint8_t)m->kind);
	cursor_put_u32(c, m->id);
}

enum err nudge_order_decode(struct cursor *c, struct nudge_order *m)
{
	m->tag = cursor_get_u32(c);
	m->kind = (enum order_kind)codec_get_u8_in(c, ORDER_DISCONNECT, ORDER_RETRY);
	m->id = cursor_get_u32(c);
	return cursor_end(c);
}

void nudge_order_done_encode(const struct nudge_order_done *m, struct cursor *c)
{
	cursor_put_u32(c, m->tag);
	codec_put_err(c, m->result);
	codec_put_bool(c, m->link);
	codec_put_bool(c, m->carrier);
	cursor_put_u32(c, m->sessions);
	cursor_put_u8(c, (uint8_t)m->path);
	codec_put_outer(c, &m->endpoint);
}

enum err nudge_order_done_decode(struct cursor *c, struct nudge_order_done *m)
{
	m->tag = cursor_get_u32(c);
	m->result = codec_get_err(c);
	m->link = codec_get_bool(c);
	m->carrier = codec_get_bool(c);
	m->sessions = cursor_get_u32(c);
	m->path = (enum path_kind)codec_get_u8_in(c, PATH_DOWN, PATH_DIRECT_UDP);
	codec_get_outer(c, &m->endpoint, CODEC_OPTIONAL);
	return cursor_end(c);
}
