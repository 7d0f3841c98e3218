/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/* wgconf: the configuration of a stock WireGuard device, in the form of wg-quick(8). Pure. */
#include <jansson.h>

#include "shared/base/buf.h"

/*
 * `node` is the device as POST /nodes answered, `status` is GET /status (hub and pools), `subnets`
 * the items of GET /subnets. The private key is left for the device's owner, who alone has it.
 * ERR_NOTFOUND: the hub has no key or no address that a device could use.
 */
enum err wgconf_write(const json_t *node, const json_t *status, const json_t *subnets,
		      struct buf *out) must_check;
