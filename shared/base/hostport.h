/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/* hostport: a host with a port as people write it in configuration, options and requests. */
#include <stdbool.h>
#include <stdint.h>

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
 * True for the one form in which it is stored and sent: "host port", a single space between, the
 * port without leading zeros, no scope (it means nothing on another machine). The hub accepts from
 * its admins just what spokes accept from the hub: one line that they refused would cost them the
 * whole directory.
 */
bool hostport_is_line(const char *s);
