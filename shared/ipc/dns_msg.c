/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/ipc/dns_msg.h"

#include "shared/base/log.h"
#include "shared/wire/codec.h"

_Static_assert(4u + 2u + DNS_SUBNETS_PART * CODEC_SUBNET_MAX_BYTES <= CHANNEL_MSG_MAX_BYTES,
	       "a full part fits one message");

bool dns_self_equal(const struct dns_self *a, const struct dns_self *b)
{
	bool same = a->id == b->id;

	for (unsigned i = 0; i < 2; i++)
		same = same && addr_equal(&a->addresses[i], &b->addresses[i]) &&
		       prefix_equal(&a->pools[i], &b->pools[i]);
	return same;
}

void dns_self_encode(const struct dns_self *m, struct cursor *c)
{
	cursor_put_u32(c, m->id);
	codec_put_own_addrs(c, m->addresses);
	for (unsigned i = 0; i < 2; i++)
		codec_put_prefix(c, &m->pools[i]);
}

enum err dns_self_decode(struct cursor *c, struct dns_self *m)
{
	m->id = cursor_get_u32(c);
	codec_get_own_addrs(c, m->addresses);
	for (unsigned i = 0; i < 2; i++)
		codec_get_prefix(c, &m->pools[i], CODEC_OPTIONAL);
	return cursor_end(c);
}

void dns_node_encode(const struct dns_node *m, struct cursor *c)
{
	cursor_put_u32(c, m->id);
	codec_put_name(c, m->name);
	codec_put_bool(c, m->hub);
	cursor_put_u64(c, m->groups);
	cursor_put_u64(c, m->reach);
	codec_put_own_addrs(c, m->addresses);
}

enum err dns_node_decode(struct cursor *c, struct dns_node *m)
{
	m->id = codec_get_id(c);
	codec_get_name(c, m->name, CODEC_REQUIRED);
	m->hub = codec_get_bool(c);
	m->groups = cursor_get_u64(c);
	m->reach = cursor_get_u64(c);
	codec_get_own_addrs(c, m->addresses);
	return cursor_end(c);
}

void dns_subnets_encode(const struct dns_subnets *m, struct cursor *c)
{
	BUG_ON(m->n == 0 || m->n > DNS_SUBNETS_PART);
	cursor_put_u32(c, m->id);
	cursor_put_u16(c, m->n);
	for (uint16_t i = 0; i < m->n; i++)
		codec_put_subnet(c, &m->list[i]);
}

enum err dns_subnets_decode(struct cursor *c, struct dns_subnets *m)
{
	m->id = codec_get_id(c);
	m->n = codec_get_u16_in(c, 1, DNS_SUBNETS_PART);
	for (uint16_t i = 0; i < m->n && !c->err; i++)
		codec_get_subnet(c, &m->list[i]);
	return cursor_end(c);
}

void dns_gone_encode(const struct dns_gone *m, struct cursor *c) { cursor_put_u32(c, m->id); }

enum err dns_gone_decode(struct cursor *c, struct dns_gone *m)
{
	m->id = codec_get_id(c);
	return cursor_end(c);
}

void dns_ready_encode(const struct dns_ready *m, struct cursor *c)
{
	cursor_put_u64(c, m->revision);
}

enum err dns_ready_decode(struct cursor *c, struct dns_ready *m)
{
	m->revision = cursor_get_u64(c);
	return cursor_end(c);
}

/* --- the sender's side --- */

static void send_body(struct channel *ch, enum dns_msg type, const struct cursor *c)
{
	BUG_ON(c->err);
	if (channel_send(ch, (uint16_t)type, c->out, cursor_pos(c), -1) != ERR_OK)
		log_debug(1, "the dns worker does not take what it is told");
}

void dns_tell_self(struct channel *ch, const struct dns_self *m)
{
	uint8_t mem[128];
	struct cursor c;

	cursor_init_write(&c, mem, sizeof(mem));
	dns_self_encode(m, &c);
	send_body(ch, DNS_SELF, &c);
}

void dns_tell_gone(struct channel *ch, uint32_t id)
{
	const struct dns_gone m = { .id = id };
	uint8_t mem[8];
	struct cursor c;

	cursor_init_write(&c, mem, sizeof(mem));
	dns_gone_encode(&m, &c);
	send_body(ch, DNS_GONE, &c);
}

static void tell_subnets(struct channel *ch, const struct node *n)
{
	struct dns_subnets m = { .id = n->id };
	uint8_t mem[CHANNEL_MSG_MAX_BYTES];
	struct cursor c;

	for (uint32_t i = 0; i < n->n_subnets; i += m.n) {
		const uint32_t left = n->n_subnets - i;

		m.n = (uint16_t)(left < DNS_SUBNETS_PART ? left : DNS_SUBNETS_PART);
		memcpy(m.list, n->subnets + i, m.n * sizeof(m.list[0]));
		cursor_init_write(&c, mem, sizeof(mem));
		dns_subnets_encode(&m, &c);
		send_body(ch, DNS_SUBNETS, &c);
	}
}

void dns_tell_node(struct channel *ch, const struct node *n)
{
	struct dns_node m = { .id = n->id,
			      .hub = n->kind == NODE_HUB,
			      .groups = n->groups,
			      .reach = n->reach,
			      .addresses = { n->addresses[0], n->addresses[1] } };
	uint8_t mem[256];
	struct cursor c;

	if (n->status != NODE_ACTIVE) {
		dns_tell_gone(ch, n->id);
		return;
	}
	memcpy(m.name, n->name, sizeof(m.name));
	cursor_init_write(&c, mem, sizeof(mem));
	dns_node_encode(&m, &c);
	send_body(ch, DNS_NODE, &c);
	tell_subnets(ch, n);
}

void dns_tell_ready(struct channel *ch, uint64_t revision)
{
	const struct dns_ready m = { .revision = revision };
	uint8_t mem[8];
	struct cursor c;

	cursor_init_write(&c, mem, sizeof(mem));
	dns_ready_encode(&m, &c);
	send_body(ch, DNS_READY, &c);
}
