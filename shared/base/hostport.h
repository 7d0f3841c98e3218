/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/* hostport: a host with a port as people write it in configuration, options and requests. */
#include <stdbool.h>
#include <stdint.h>

#include "shared/base/addr.h"
#include "shared/base/err.h"

#define HOSTPORT_HOST_SIZE 256u

/*
 * Splits "host", "host port", "host:port", "[address]:port" or "[address] port" into a host and a
 * port, `default_port` when there is none (0: one must be there). The host is a name or a numeric
 * address, without brackets, link-local ones perhaps with "%scope". ERR_INVALID.
 */
enum err hostport_split(const char *s, uint16_t default_port, char host[HOSTPORT_HOST_SIZE],
			uint16_t *port) must_check;
/*
 * What a line BindToAddress or its like names: a numeric address of this machine, or "*" for all of
 * the wanted families (`family`: AF_UNSPEC both, IPv6 first), with an optional port. They are added
 * to `list`, which has room for `max` and holds `*n`. ERR_INVALID; ERR_LIMIT: too many.
 */
enum err hostport_bind(const char *s, uint16_t default_port, int family, struct endpoint *list,
		       unsigned max, unsigned *n) must_check;
/*
 * True for the one form in which it is stored and sent: "host port", a single space between, the
 * port without leading zeros, no scope (it means nothing on another machine). The hub accepts from
 * its admins just what spokes accept from the hub: one line that they refused would cost them the
 * whole directory.
 */
bool hostport_is_line(const char *s);
