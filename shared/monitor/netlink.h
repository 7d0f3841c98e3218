/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * netlink: the few requests to the kernel (rtnetlink, rtnetlink(7)) that the monitor makes, all
 * about one interface. Each waits for the kernel's acknowledgement, at most NETLINK_TIMEOUT_MS.
 * Nothing is read from the kernel but acknowledgements.
 */
#include <stdint.h>

#include "shared/base/prefix.h"

#define NETLINK_TIMEOUT_MS 2000
/*
 * rtm_protocol of our routes: "ip route show proto 165". Not assigned in linux/rtnetlink.h, where
 * each routing daemon has its own.
 */
#define NETLINK_ROUTE_PROTOCOL 165
/*
 * Our routes lose against a directly connected LAN (metric 0) with the same prefix. IPv4 and IPv6
 * alike.
 */
#define NETLINK_ROUTE_METRIC 100u

struct netlink;

/* `index` is the interface that everything below is about. */
enum err netlink_open(unsigned index, struct netlink **out) must_check;
/* Accepts NULL. */
void netlink_close(struct netlink *nl);
/*
 * What the last failed request failed of: "RTNETLINK: File exists". Valid until the next request.
 */
const char *netlink_text(const struct netlink *nl);

/* First set-up: MTU, transmit queue, no link-local IPv6 address of the kernel's own, link up. */
enum err netlink_link_up(struct netlink *nl, uint16_t mtu, uint32_t tx_queue_packets) must_check;
enum err netlink_set_mtu(struct netlink *nl, uint16_t mtu) must_check;

/*
 * A single-host address, without the route that the kernel would make of it. One that is there, or
 * gone, already is fine.
 */
enum err netlink_add_address(struct netlink *nl, const struct addr *a) must_check;
enum err netlink_del_address(struct netlink *nl, const struct addr *a) must_check;

/*
 * A route in the main table. `source` is the preferred source address, or of family 0. Our own
 * route with this prefix is replaced; ERR_EXISTS when somebody else's has the same prefix and
 * metric: that one is never touched.
 */
enum err netlink_add_route(struct netlink *nl, const struct prefix *p,
			   const struct addr *source) must_check;
/* Only ours (this interface, protocol, metric). One that is gone already is fine. */
enum err netlink_del_route(struct netlink *nl, const struct prefix *p) must_check;
