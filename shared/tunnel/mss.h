/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/* mss: lowers the MSS option of a TCP SYN to what fits the tunnel (RFC 9293 section 3.7.1), with
 * its checksum. */
#include "shared/wire/inner.h"

/*
 * `mtu`: bytes of an inner packet. Anything but a TCP SYN with an MSS option that is too large is
 * left alone. True when it was changed. `partial`: the checksum holds only the pseudo-header's sum,
 * which the option is no part of.
 */
bool mss_clamp(uint8_t *packet, const struct inner *in, uint16_t mtu, bool partial);
