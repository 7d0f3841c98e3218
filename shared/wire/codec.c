/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/wire/codec.h"

#include <string.h>

#define KIND_NONE    0u
#define KIND_CARRIER 1u
#define KIND_IPV4    4u
#define KIND_IPV6    6u

void codec_put_addr(struct cursor *c, const struct addr *a)
{
	uint8_t kind = KIND_NONE;

	if (a->family == AF_INET)
		kind = KIND_IPV4;
	else if (a->family == AF_INET6)
		kind = KIND_IPV6;
	cursor_put_u8(c, kind);
	if (kind != KIND_NONE)
		cursor_put_bytes(c, a->b, addr_len(a));
}

void codec_get_addr(struct cursor *c, struct addr *a, enum codec_need need)
{
	uint8_t kind = cursor_get_u8(c);

	memset(a, 0, sizeof(*a));
	if (c->err)
		return;
	if (kind == KIND_IPV4)
		a->family = AF_INET;
	else if (kind == KIND_IPV6)
		a->family = AF_INET6;
	else if (kind != KIND_NONE || need == CODEC_REQUIRED)
		cursor_fail(c, ERR_INVALID);
	cursor_get_bytes(c, a->b, addr_len(a));
	if (c->err)
		memset(a, 0, sizeof(*a));
}

void codec_put_endpoint(struct cursor *c, const struct endpoint *e)
{
	codec_put_addr(c, &e->addr);
	if (!endpoint_is_set(e) || endpoint_is_carrier(e))
		return;
	cursor_put_u16(c, e->port);
	cursor_put_u32(c, e->scope_id);
}

void codec_get_endpoint(struct cursor *c, struct endpoint *e, enum codec_need need)
{
	memset(e, 0, sizeof(*e));
	codec_get_addr(c, &e->addr, need);
	if (!endpoint_is_set(e))
		return;
	e->port = cursor_get_u16(c);
	e->scope_id = cursor_get_u32(c);
	if (e->port == 0 || (e->scope_id != 0 && e->addr.family != AF_INET6))
		cursor_fail(c, ERR_INVALID);
	if (c->err)
		memset(e, 0, sizeof(*e));
}

void codec_put_outer(struct cursor *c, const struct endpoint *e)
{
	if (!endpoint_is_carrier(e)) {
		codec_put_endpoint(c, e);
		return;
	}
	cursor_put_u8(c, KIND_CARRIER);
	cursor_put_u32(c, endpoint_carrier(e));
}

void codec_get_outer(struct cursor *c, struct endpoint *e, enum codec_need need)
{
	const struct cursor start = *c;
	uint32_t number;

	if (cursor_get_u8(c) != KIND_CARRIER) {
		*c = start;
		codec_get_endpoint(c, e, need);
		return;
	}
	memset(e, 0, sizeof(*e));
	number = cursor_get_u32(c);
	if (!number)
		cursor_fail(c, ERR_INVALID);
	if (!c->err)
		*e = endpoint_of_carrier(number);
}

void codec_put_prefix(struct cursor *c, const struct prefix *p)
{
	codec_put_addr(c, &p->addr);
	if (p->addr.family != 0)
		cursor_put_u8(c, p->len);
}

void codec_get_prefix(struct cursor *c, struct prefix *p, enum codec_need need)
{
	struct prefix net;

	memset(p, 0, sizeof(*p));
	codec_get_addr(c, &p->addr, need);
	if (p->addr.family == 0)
		return;
	p->len = cursor_get_u8(c);
	if (p->len > addr_bits(&p->addr)) {
		cursor_fail(c, ERR_INVALID);
	} else {
		net = prefix_of_net(&p->addr, p->len);
		if (!addr_equal(&net.addr, &p->addr))
			cursor_fail(c, ERR_INVALID);
	}
	if (c->err)
		memset(p, 0, sizeof(*p));
}

void codec_put_subnet(struct cursor *c, const struct node_subnet *s)
{
	codec_put_prefix(c, &s->prefix);
	cursor_put_u32(c, s->weight);
}

void codec_get_subnet(struct cursor *c, struct node_subnet *s)
{
	codec_get_prefix(c, &s->prefix, CODEC_REQUIRED);
	s->weight = cursor_get_u32(c);
	if (s->weight > SUBNET_WEIGHT_MAX) {
		cursor_fail(c, ERR_INVALID);
		s->weight = 0;
	}
}

void codec_put_own_addrs(struct cursor *c, const struct addr a[2])
{
	codec_put_addr(c, &a[0]);
	codec_put_addr(c, &a[1]);
}

void codec_get_own_addrs(struct cursor *c, struct addr a[2])
{
	codec_get_addr(c, &a[0], CODEC_OPTIONAL);
	codec_get_addr(c, &a[1], CODEC_OPTIONAL);
	if (a[0].family == AF_INET6 || a[1].family == AF_INET)
		cursor_fail(c, ERR_INVALID);
	if (c->err)
		memset(a, 0, 2 * sizeof(*a));
}

void codec_put_name(struct cursor *c, const char *name) { cursor_put_str(c, name); }

void codec_get_name(struct cursor *c, char name[NAME_SIZE], enum codec_need need)
{
	name[0] = '\0';
	cursor_get_str(c, name, NAME_SIZE);
	if (!c->err && !(need == CODEC_OPTIONAL && name[0] == '\0') && !name_is_valid(name))
		cursor_fail(c, ERR_INVALID);
	if (c->err)
		name[0] = '\0';
}

void codec_put_bool(struct cursor *c, bool v) { cursor_put_u8(c, v ? 1 : 0); }

bool codec_get_bool(struct cursor *c) { return codec_get_u8_in(c, 0, 1) == 1; }

uint8_t codec_get_u8_in(struct cursor *c, uint8_t min, uint8_t max)
{
	uint8_t v = cursor_get_u8(c);

	if (v >= min && v <= max)
		return v;
	cursor_fail(c, ERR_INVALID);
	return min;
}

uint16_t codec_get_u16_in(struct cursor *c, uint16_t min, uint16_t max)
{
	uint16_t v = cursor_get_u16(c);

	if (v >= min && v <= max)
		return v;
	cursor_fail(c, ERR_INVALID);
	return min;
}

uint32_t codec_get_id(struct cursor *c)
{
	uint32_t id = cursor_get_u32(c);

	if (id == 0)
		cursor_fail(c, ERR_INVALID);
	return id;
}

/* The values of enum err are 0 down to ERR_STALE: their distance from 0 fits a byte. */
void codec_put_err(struct cursor *c, enum err e) { cursor_put_u8(c, (uint8_t) - (int)e); }

enum err codec_get_err(struct cursor *c)
{
	return (enum err) - (int)codec_get_u8_in(c, 0, (uint8_t) - (int)ERR_STALE);
}
