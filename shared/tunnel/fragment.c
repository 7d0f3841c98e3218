/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/tunnel/fragment.h"

#include <string.h>

#include "shared/tunnel/offload.h"

#define HEADER_BYTES   20u
#define OPTION_END     0u
#define OPTION_NOP     1u
#define OPTION_COPIED  0x80u
#define MORE_FRAGMENTS 0x2000u
#define OFFSET_MASK    0x1fffu

/* The header of all fragments but the first: the fixed part, and the options that are copied,
 * filled up to a multiple of 4 bytes. */
static enum err make_later(struct fragmenter *f)
{
	size_t at = HEADER_BYTES;

	memcpy(f->later, f->first, HEADER_BYTES);
	f->later_len = HEADER_BYTES;
	while (at < f->first_len && f->first[at] != OPTION_END) {
		size_t n = 1;

		if (f->first[at] != OPTION_NOP) {
			n = at + 1 < f->first_len ? f->first[at + 1] : 0;
			if (n < 2 || at + n > f->first_len)
				return ERR_INVALID;
		}
		if (f->first[at] & OPTION_COPIED) {
			memcpy(f->later + f->later_len, f->first + at, n);
			f->later_len += n;
		}
		at += n;
	}
	while (f->later_len % 4)
		f->later[f->later_len++] = OPTION_END;
	f->later[0] = (uint8_t)(0x40 | f->later_len / 4);
	return ERR_OK;
}

enum err fragment_begin(struct fragmenter *f, uint8_t *packet, const struct inner *in, size_t mtu)
{
	const uint16_t word = offload_get16(packet + 6);

	if (in->kind != INNER_IPV4 || in->dont_fragment || mtu < FRAGMENT_MTU_MIN ||
	    in->header_len > sizeof(f->first))
		return ERR_INVALID;
	f->packet = packet;
	f->total_len = in->total_len;
	f->mtu = mtu;
	f->payload = f->next = in->header_len;
	f->offset = word & OFFSET_MASK;
	f->more = word & MORE_FRAGMENTS;
	f->first_len = in->header_len;
	memcpy(f->first, packet, in->header_len);
	return make_later(f);
}

bool fragment_next(struct fragmenter *f, uint8_t **packet, size_t *len)
{
	const bool first = f->next == f->payload;
	const size_t header = first ? f->first_len : f->later_len;
	const size_t left = f->total_len - f->next;
	const size_t part = left <= f->mtu - header ? left : (f->mtu - header) & ~(size_t)7;
	const size_t offset = f->offset + (f->next - f->payload) / 8;
	const bool more = f->more || part < left;
	uint8_t *p = f->packet + f->next - header;

	if (!left)
		return false;
	memcpy(p, first ? f->first : f->later, header);
	offload_put16(p + 2, header + part);
	offload_put16(p + 6, (more ? MORE_FRAGMENTS : 0) | offset);
	offload_put16(p + 10, 0);
	offload_put_csum(p + 10, (uint16_t)~offload_fold(offload_sum(p, header, 0)));
	f->next += part;
	*packet = p;
	*len = header + part;
	return true;
}
