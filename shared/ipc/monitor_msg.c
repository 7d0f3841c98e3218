/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/ipc/monitor_msg.h"

#include <string.h>

#include "shared/base/log.h"
#include "shared/wire/codec.h"
#include "shared/wire/limits.h"

const char *worker_role_str(enum worker_role r)
{
	static const char *const names[WORKER_ROLES_MAX] = {
		[0] = "monitor",
		[WORKER_ENGINE] = "engine",
		[WORKER_CONTROL] = "control",
		[WORKER_API] = "api",
		[WORKER_MOVER1] = "mover1",
		[WORKER_MOVER2] = "mover2",
		[WORKER_MOVER3] = "mover3",
		[WORKER_MOVER4] = "mover4",
		[WORKER_MOVER5] = "mover5",
		[WORKER_MOVER6] = "mover6",
		[WORKER_MOVER7] = "mover7",
		[WORKER_WEBHOOKS] = "webhooks",
		[WORKER_DNS] = "dns",
	};

	return (unsigned)r < WORKER_ROLES_MAX ? names[r] : names[0];
}

void monitor_prefix_encode(const struct monitor_prefix *m, struct cursor *c)
{
	cursor_put_u32(c, m->tag);
	codec_put_bool(c, m->add);
	codec_put_prefix(c, &m->prefix);
}

enum err monitor_prefix_decode(struct cursor *c, struct monitor_prefix *m)
{
	m->tag = cursor_get_u32(c);
	m->add = codec_get_bool(c);
	codec_get_prefix(c, &m->prefix, CODEC_REQUIRED);
	return cursor_end(c);
}

void monitor_net_end_encode(const struct monitor_net_end *m, struct cursor *c)
{
	cursor_put_u32(c, m->tag);
	cursor_put_u16(c, m->mtu);
}

enum err monitor_net_end_decode(struct cursor *c, struct monitor_net_end *m)
{
	m->tag = cursor_get_u32(c);
	m->mtu = codec_get_u16_in(c, TUN_MTU_MIN, TUN_MTU_MAX);
	return cursor_end(c);
}

void monitor_port_encode(const struct monitor_port *m, struct cursor *c)
{
	cursor_put_u32(c, m->tag);
	cursor_put_u16(c, m->port);
}

enum err monitor_port_decode(struct cursor *c, struct monitor_port *m)
{
	m->tag = cursor_get_u32(c);
	m->port = codec_get_u16_in(c, 1, UINT16_MAX);
	return cursor_end(c);
}

void monitor_log_level_encode(const struct monitor_log_level *m, struct cursor *c)
{
	cursor_put_u8(c, m->level);
}

enum err monitor_log_level_decode(struct cursor *c, struct monitor_log_level *m)
{
	m->level = codec_get_u8_in(c, 0, LOG_LEVEL_MAX);
	return cursor_end(c);
}

void monitor_socket_encode(const struct monitor_socket *m, struct cursor *c)
{
	cursor_put_u32(c, m->tag);
	codec_put_bool(c, m->family == AF_INET6);
}

enum err monitor_socket_decode(struct cursor *c, struct monitor_socket *m)
{
	m->tag = cursor_get_u32(c);
	m->family = codec_get_bool(c) ? AF_INET6 : AF_INET;
	return cursor_end(c);
}

void monitor_dns_socket_encode(const struct monitor_dns_socket *m, struct cursor *c)
{
	cursor_put_u32(c, m->tag);
	codec_put_addr(c, &m->addr);
	codec_put_bool(c, m->stream);
}

enum err monitor_dns_socket_decode(struct cursor *c, struct monitor_dns_socket *m)
{
	m->tag = cursor_get_u32(c);
	codec_get_addr(c, &m->addr, CODEC_REQUIRED);
	m->stream = codec_get_bool(c);
	return cursor_end(c);
}

void monitor_key_encode(const struct monitor_key *m, struct cursor *c)
{
	cursor_put_u32(c, m->tag);
	cursor_put_u8(c, (uint8_t)m->what);
	cursor_put_u8(c, (uint8_t)m->op);
	cursor_put_bytes(c, m->key.b, KEY_BYTES);
}

enum err monitor_key_decode(struct cursor *c, struct monitor_key *m)
{
	m->tag = cursor_get_u32(c);
	m->what = (enum monitor_key_what)codec_get_u8_in(c, MONITOR_KEY_IDENTITY,
							 MONITOR_KEY_HUB_PIN);
	m->op = (enum monitor_key_op)codec_get_u8_in(c, MONITOR_KEY_KEEP, MONITOR_KEY_DROP);
	cursor_get_bytes(c, m->key.b, KEY_BYTES);
	if (!c->err && (m->op == MONITOR_KEY_KEEP) == secret_is_zero(m->key.b, KEY_BYTES))
		cursor_fail(c, ERR_INVALID);
	return cursor_end(c);
}

void monitor_script_encode(const struct monitor_script *m, struct cursor *c)
{
	cursor_put_u8(c, (uint8_t)m->kind);
	codec_put_name(c, m->node);
	codec_put_endpoint(c, &m->remote);
	codec_put_prefix(c, &m->subnet);
	cursor_put_u32(c, m->weight);
}

/* A script of the interface has no node; one of a host or subnet has, and one of a subnet has that,
 * too. */
static bool script_is_whole(const struct monitor_script *m)
{
	bool of_interface = m->kind == SCRIPT_TINC_UP || m->kind == SCRIPT_TINC_DOWN;
	bool of_subnet = m->kind == SCRIPT_SUBNET_UP || m->kind == SCRIPT_SUBNET_DOWN;

	return of_interface == (m->node[0] == '\0') && (!of_subnet || m->subnet.addr.family != 0) &&
	       m->weight <= SUBNET_WEIGHT_MAX;
}

enum err monitor_script_decode(struct cursor *c, struct monitor_script *m)
{
	m->kind = (enum monitor_script_kind)codec_get_u8_in(c, 0, SCRIPT_COUNT - 1);
	codec_get_name(c, m->node, CODEC_OPTIONAL);
	codec_get_endpoint(c, &m->remote, CODEC_OPTIONAL);
	codec_get_prefix(c, &m->subnet, CODEC_OPTIONAL);
	m->weight = cursor_get_u32(c);
	if (!c->err && !script_is_whole(m))
		cursor_fail(c, ERR_INVALID);
	return cursor_end(c);
}

void monitor_link_encode(const struct monitor_link *m, struct cursor *c)
{
	cursor_put_u8(c, (uint8_t)m->peer);
	codec_put_bool(c, m->carrier);
}

enum err monitor_link_decode(struct cursor *c, struct monitor_link *m)
{
	m->peer = (enum worker_role)codec_get_u8_in(c, WORKER_ENGINE, WORKER_ROLES_MAX - 1);
	m->carrier = codec_get_bool(c);
	if (m->carrier && m->peer != WORKER_ENGINE && m->peer != WORKER_CONTROL)
		cursor_fail(c, ERR_INVALID);
	return cursor_end(c);
}

void monitor_done_encode(const struct monitor_done *m, struct cursor *c)
{
	char text[sizeof(m->text)];
	size_t n = strnlen(m->text, sizeof(m->text) - 1);

	/* The text may quote others; what would break a log line goes here, and the decoder refuses
	 * it. */
	for (size_t i = 0; i < n; i++)
		text[i] = (unsigned char)m->text[i] < ' ' || m->text[i] == 0x7f ? ' ' : m->text[i];
	text[n] = '\0';
	cursor_put_u32(c, m->tag);
	codec_put_err(c, m->result);
	cursor_put_str(c, text);
}

enum err monitor_done_decode(struct cursor *c, struct monitor_done *m)
{
	m->tag = cursor_get_u32(c);
	m->result = codec_get_err(c);
	m->text[0] = '\0';
	cursor_get_str(c, m->text, sizeof(m->text));
	if (c->err)
		m->text[0] = '\0';
	for (const char *p = m->text; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			cursor_fail(c, ERR_INVALID);
	return cursor_end(c);
}

void monitor_signal_encode(const struct monitor_signal *m, struct cursor *c)
{
	cursor_put_u8(c, (uint8_t)m->wish);
}

enum err monitor_signal_decode(struct cursor *c, struct monitor_signal *m)
{
	m->wish = (enum monitor_wish)codec_get_u8_in(c, WISH_RETRY, WISH_DUMP_ALL);
	return cursor_end(c);
}

void monitor_log_tap_encode(const struct monitor_log_tap *m, struct cursor *c)
{
	cursor_put_u8(c, (uint8_t)(m->level + 1));
	codec_put_bool(c, m->anew);
}

enum err monitor_log_tap_decode(struct cursor *c, struct monitor_log_tap *m)
{
	m->level = (int)codec_get_u8_in(c, 0, LOG_LEVEL_MAX + 1) - 1;
	m->anew = codec_get_bool(c);
	return cursor_end(c);
}
