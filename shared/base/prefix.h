/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/* prefix: an IP network, "10.20.0.0/24" or "2001:db8::/48". Bits behind the length are always zero.
 */
#include "shared/base/addr.h"

#define PREFIX_STR_SIZE (ADDR_STR_SIZE + 4u)

struct prefix {
	struct addr addr;
	uint8_t len; /* 0..32 or 0..128 */
};

/*
 * Parses "address/length"; without a length a single host is meant. ERR_INVALID for anything else
 * and for host bits that are set; then, where the address itself parses and `fixed` is not NULL,
 * `*fixed` gets the network with the host bits cleared, for "did you mean".
 */
enum err prefix_parse(const char *s, struct prefix *out, struct prefix *fixed) must_check;
char *prefix_format(const struct prefix *p, char out[PREFIX_STR_SIZE]);
bool prefix_equal(const struct prefix *a, const struct prefix *b);
int prefix_cmp(const struct prefix *a, const struct prefix *b);
/* True when `a` lies in `p`. */
bool prefix_contains(const struct prefix *p, const struct addr *a);
/* True when one of the two lies in the other. */
bool prefix_overlaps(const struct prefix *a, const struct prefix *b);
/*
 * True when no node may have it as a subnet, address or pool: a default route, and everything that
 * meets a special range (RFC 6890): this host, loopback, link-local, multicast, class E and
 * broadcast; unspecified, IPv4-compatible and IPv4-mapped addresses.
 */
bool prefix_is_reserved(const struct prefix *p);
/* The single-host prefix of an address. */
struct prefix prefix_of_host(const struct addr *a);
/* The network of `len` bits that `a` lies in; `len` <= addr_bits(a). */
struct prefix prefix_of_net(const struct addr *a, uint8_t len);
