/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * carry: how outer messages of the data plane travel on a TLS connection ("carrier") where UDP does
 * not get through: one after the other, each as 2 bytes of length (big-endian) and the message as
 * it would stand in a datagram. A length of 0 is a sign of life and nothing else. schema/CONTROL.md
 * section 14.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/base/err.h"
#include "shared/wire/limits.h"

#define CARRY_HEADER_BYTES 2u

/* Writes the header of a message of `len` bytes (0..CARRY_MESSAGE_MAX_BYTES). */
static inline void carry_put_header(uint8_t *at, size_t len)
{
	at[0] = (uint8_t)(len >> 8);
	at[1] = (uint8_t)len;
}
/*
 * The frame at the front of `n` bytes: `*len` is that of its message, which begins
 * CARRY_HEADER_BYTES behind `p`. ERR_AGAIN: not all there yet. ERR_TOOBIG: longer than
 * CARRY_MESSAGE_MAX_BYTES; nothing behind it can be read.
 */
enum err carry_next(const uint8_t *p, size_t n, size_t *len) must_check;
/*
 * The longest run of whole frames with messages at the front of `n` bytes that has at most
 * `max_bytes`: its size in bytes, 0 when there is none, and the number of messages in it. Stops
 * before a frame that carry_next() refuses, that is not all there, or that is a sign of life.
 */
size_t carry_run(const uint8_t *p, size_t n, size_t max_bytes, unsigned *messages);
/* True when all of it is whole frames with messages, at least one: what our own processes hand on.
 */
bool carry_is_whole(const uint8_t *p, size_t n);
