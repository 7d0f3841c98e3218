/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/* fragment: cuts an IPv4 packet as a router does (RFC 791 section 3.2, "An Example Fragmentation
 * Procedure"; options that are copied: section 3.1). Pure. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/base/err.h"
#include "shared/wire/inner.h"

/* The smallest MTU that IPv4 knows: a header of 60 bytes and 8 of payload. */
#define FRAGMENT_MTU_MIN 68u

/*
 *   1. fragment_begin()
 *   2. fragment_next() until it returns false; each fragment must be used up before the next call,
 *      since its header is written over the payload before it. Nothing behind it may be written.
 */
struct fragmenter {
	uint8_t *packet;
	size_t total_len, mtu;
	size_t payload;              /* where the payload begins in the packet */
	size_t next;                 /* the next byte of it to go */
	uint16_t offset;             /* the packet's own, in units of 8 bytes */
	bool more;                   /* its own "more fragments" */
	size_t first_len, later_len; /* of the headers below */
	uint8_t first[60], later[60];
};

/*
 * `packet` is IPv4, checked by inner_decode() as `in`, without DF; its L4 checksum is whole. It is
 * changed in place. ERR_INVALID: not such a packet, options that make no sense, an MTU below
 * FRAGMENT_MTU_MIN.
 */
enum err fragment_begin(struct fragmenter *f, uint8_t *packet, const struct inner *in,
			size_t mtu) must_check;
/* The next fragment, of at most `mtu` bytes, inside the packet's memory. */
bool fragment_next(struct fragmenter *f, uint8_t **packet, size_t *len);
