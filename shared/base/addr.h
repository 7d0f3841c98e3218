/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/* addr: an IP address; endpoint: an IP address with a UDP or TCP port. */
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include "shared/base/err.h"

#define ADDR_STR_SIZE     48u /* longest text of an address with its end mark */
#define ENDPOINT_STR_SIZE 64u /* "[address%scope]:port" */

/*
 * Not an address of the network: a TLS connection ("carrier") that carries tunnel packets, by the
 * number that control gave it, as 4 bytes. Made by endpoint_of_carrier() only; no text, JSON or
 * database row can say it, and what is decoded from outside never has it.
 */
#define ADDR_CARRIER 0xfeu

/* `family` is AF_INET (4 bytes used, the rest zero), AF_INET6, ADDR_CARRIER (4 bytes, the rest
 * zero) or 0 for "none". Comparable with addr_equal only. */
struct addr {
	uint8_t family;
	uint8_t b[16];
};

struct endpoint {
	struct addr addr;
	uint16_t port;     /* host order */
	uint32_t scope_id; /* link-local IPv6 only, else 0 */
};

static inline size_t addr_len(const struct addr *a)
{
	if (a->family == AF_INET || a->family == ADDR_CARRIER)
		return 4;
	return a->family == AF_INET6 ? 16 : 0;
}
static inline unsigned addr_bits(const struct addr *a) { return (unsigned)addr_len(a) * 8; }
static inline bool addr_equal(const struct addr *a, const struct addr *b)
{
	if (a->family != b->family)
		return false;
	/* Lengths that the compiler knows: no call. */
	if (a->family == AF_INET6)
		return !memcmp(a->b, b->b, 16);
	return !addr_len(a) || !memcmp(a->b, b->b, 4);
}
/* Orders by family, then bytes; for sorting. */
int addr_cmp(const struct addr *a, const struct addr *b);
/* Parses a numeric IPv4 or IPv6 address; no names. */
enum err addr_parse(const char *s, struct addr *out) must_check;
/* Returns `out`; "none" for family 0. */
char *addr_format(const struct addr *a, char out[ADDR_STR_SIZE]);
/* Inline, as are the comparisons: they are made for every packet. */
static inline struct addr addr_from_v4(const void *bytes4)
{
	struct addr a = { .family = AF_INET };

	memcpy(a.b, bytes4, 4);
	return a;
}
static inline struct addr addr_from_v6(const void *bytes16)
{
	struct addr a = { .family = AF_INET6 };

	memcpy(a.b, bytes16, 16);
	return a;
}
/* True for addresses that no peer may have as outer or inner source: unspecified, multicast,
 * broadcast, loopback. */
bool addr_is_special(const struct addr *a);

static inline bool endpoint_equal(const struct endpoint *a, const struct endpoint *b)
{
	return a->port == b->port && a->scope_id == b->scope_id && addr_equal(&a->addr, &b->addr);
}
static inline bool endpoint_is_set(const struct endpoint *e) { return e->addr.family != 0; }
/* The endpoint of packets that travel on carrier `number` (> 0), and back: 0 for any other. */
struct endpoint endpoint_of_carrier(uint32_t number);
uint32_t endpoint_carrier(const struct endpoint *e);
static inline bool endpoint_is_carrier(const struct endpoint *e)
{
	return e->addr.family == ADDR_CARRIER;
}
/* "1.2.3.4:655" or "[2001:db8::1]:655"; with `default_port` != 0 the port may be left out. No
 * names. */
enum err endpoint_parse(const char *s, uint16_t default_port, struct endpoint *out) must_check;
/* "none" for family 0, "tcp" for a carrier: neither can be parsed. */
char *endpoint_format(const struct endpoint *e, char out[ENDPOINT_STR_SIZE]);
/* Fills `ss` and returns its length; AF_UNSPEC for what is no address of the network. */
socklen_t endpoint_to_sockaddr(const struct endpoint *e, struct sockaddr_storage *ss);
/* IPv4-mapped IPv6 becomes IPv4. ERR_INVALID for another family or a short `len`. */
enum err endpoint_from_sockaddr(const struct sockaddr_storage *ss, socklen_t len,
				struct endpoint *out) must_check;
