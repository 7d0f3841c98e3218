/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * codec: addresses, endpoints, prefixes, names and small enums as bytes, through a cursor. For
 * messages between our own processes. The readers check all that their types promise and set
 * ERR_INVALID on the cursor otherwise; what they return is then zero (or the lowest value), as with
 * every read of a failed cursor.
 *
 *   address   u8 kind (0 none, 4, 6), then no, 4 or 16 bytes
 *   endpoint  address; unless it is "none": u16 port (> 0), u32 scope id. One that may be a carrier
 *             (codec_get_outer()) has kind 1 for it, then its number as u32 and nothing else
 *   prefix    address; unless it is "none": u8 length, no bits set behind it
 */
#include "shared/base/addr.h"
#include "shared/base/cursor.h"
#include "shared/base/name.h"
#include "shared/base/prefix.h"
#include "shared/wire/node.h"

/* Most bytes that one of them takes. */
#define CODEC_ADDR_MAX_BYTES     17u
#define CODEC_ENDPOINT_MAX_BYTES (CODEC_ADDR_MAX_BYTES + 6u)
#define CODEC_PREFIX_MAX_BYTES   (CODEC_ADDR_MAX_BYTES + 1u)
#define CODEC_SUBNET_MAX_BYTES   (CODEC_PREFIX_MAX_BYTES + 4u)
#define CODEC_NAME_MAX_BYTES     (2u + NAME_MAX_BYTES)

/* May it be "none" (family 0, empty name)? */
enum codec_need { CODEC_OPTIONAL, CODEC_REQUIRED };

void codec_put_addr(struct cursor *c, const struct addr *a);
void codec_get_addr(struct cursor *c, struct addr *a, enum codec_need need);
void codec_put_endpoint(struct cursor *c, const struct endpoint *e);
void codec_get_endpoint(struct cursor *c, struct endpoint *e, enum codec_need need);
/* The same where a carrier may stand, too: between engine, movers and control, of packets. */
void codec_put_outer(struct cursor *c, const struct endpoint *e);
void codec_get_outer(struct cursor *c, struct endpoint *e, enum codec_need need);
void codec_put_prefix(struct cursor *c, const struct prefix *p);
void codec_get_prefix(struct cursor *c, struct prefix *p, enum codec_need need);
/* A prefix with its weight (0..SUBNET_WEIGHT_MAX). */
void codec_put_subnet(struct cursor *c, const struct node_subnet *s);
void codec_get_subnet(struct cursor *c, struct node_subnet *s);
/* A node's own two addresses: [0] IPv4 or none, [1] IPv6 or none. */
void codec_put_own_addrs(struct cursor *c, const struct addr a[2]);
void codec_get_own_addrs(struct cursor *c, struct addr a[2]);
void codec_put_name(struct cursor *c, const char *name);
void codec_get_name(struct cursor *c, char name[NAME_SIZE], enum codec_need need);

void codec_put_bool(struct cursor *c, bool v);
bool codec_get_bool(struct cursor *c);
/* An unsigned byte in min..max; `min` after a failure. */
uint8_t codec_get_u8_in(struct cursor *c, uint8_t min, uint8_t max);
uint16_t codec_get_u16_in(struct cursor *c, uint16_t min, uint16_t max);
/* A node id: > 0. */
uint32_t codec_get_id(struct cursor *c);
/* A result, as one byte. */
void codec_put_err(struct cursor *c, enum err e);
enum err codec_get_err(struct cursor *c);
