/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/wire/carry.h"

enum err carry_next(const uint8_t *p, size_t n, size_t *len)
{
	size_t size;

	if (n < CARRY_HEADER_BYTES)
		return ERR_AGAIN;
	size = (size_t)p[0] << 8 | p[1];
	if (size > CARRY_MESSAGE_MAX_BYTES)
		return ERR_TOOBIG;
	if (n - CARRY_HEADER_BYTES < size)
		return ERR_AGAIN;
	*len = size;
	return ERR_OK;
}

size_t carry_run(const uint8_t *p, size_t n, size_t max_bytes, unsigned *messages)
{
	size_t at = 0, len;

	*messages = 0;
	while (carry_next(p + at, n - at, &len) == ERR_OK && len) {
		if (at + CARRY_HEADER_BYTES + len > max_bytes)
			break;
		at += CARRY_HEADER_BYTES + len;
		++*messages;
	}
	return at;
}

bool carry_is_whole(const uint8_t *p, size_t n)
{
	unsigned messages;

	return n && carry_run(p, n, n, &messages) == n;
}
