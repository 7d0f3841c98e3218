/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * network: the addresses and routes of our own interface, as the control worker asks for them.
 * Every value is checked here before the kernel sees it; what was set is kept in memory, so that a
 * full sync can take away what it does not name.
 *
 *   network_begin()                    everything known is unmarked
 *   network_address(), network_route() what is named is set and marked
 *   network_end()                      what is not marked is taken away
 *
 * Between two syncs single addresses and routes come and go. A route's preferred source is the
 * oldest address of its family.
 */
#include <stdbool.h>
#include <stdint.h>

#include "shared/base/prefix.h"

#define NETWORK_ADDRESSES_MAX 16u
#define NETWORK_ROUTES_MAX    65536u /* NODES_MAX nodes with four subnets each */
#define NETWORK_TEXT_BYTES    200u

struct network;
struct netlink;

/*
 * `nl` is kept by reference; NULL when there is no interface: then addresses and routes are refused
 * with ERR_UNSUPPORTED.
 */
enum err network_new(struct netlink *nl, struct network **out) must_check;
/* Forgets, and leaves the kernel as it is: everything goes with the interface. Accepts NULL. */
void network_free(struct network *n);

void network_begin(struct network *n);
/*
 * Adds or removes an address: a single host, not a special address. ERR_INVALID, ERR_DENIED,
 * ERR_LIMIT, ERR_NOMEM, or what the kernel said. Adding what is there and removing what is not is
 * fine.
 */
enum err network_address(struct network *n, bool add, const struct prefix *p) must_check;
/*
 * The same for a route. ERR_DENIED: a default route, or one that meets loopback, link-local,
 * multicast or reserved addresses.
 */
enum err network_route(struct network *n, bool add, const struct prefix *p) must_check;
/* Has our interface this address, by what was asked for here? */
bool network_has_address(const struct network *n, const struct addr *a);
/*
 * Ends a sync and sets the MTU (TUN_MTU_MIN..TUN_MTU_MAX). Goes on after an error and returns the
 * first one.
 */
enum err network_end(struct network *n, uint16_t mtu) must_check;
/* Why the last call failed, for the log; "" when it did not. */
const char *network_text(const struct network *n);
