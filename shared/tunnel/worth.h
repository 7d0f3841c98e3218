/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * worth: is it worth compressing this packet? Most traffic is compressed or encrypted already, and
 * trying costs ten times what sending does. Two answers: what was saved on the packets of the same
 * flow before, and what a sample of the packet's bytes looks like. Pure: `now_ms` is an argument.
 *
 *     fresh -- COMPRESS_TRIES packets --> pays: every packet is tried, a moving mean judges
 *       ^                                   |
 *       |                                   v saves less than COMPRESS_SAVING_MIN
 *       +--- pause over ---------------- paused for 1, 2, 4 ... 64 s; 1 s again once it has paid
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/wire/limits.h"

struct worth_flow {
	uint32_t tag;     /* hash of its addresses, protocol and ports; 0: free */
	int16_t saving;   /* moving mean, thousandths */
	uint8_t tries;    /* since the start or the last pause, up to COMPRESS_TRIES */
	uint8_t pauses;   /* without success between them */
	uint64_t used_ms; /* last packet */
	uint64_t retry_ms;
};

#define WORTH_WAYS 4u /* places that a flow may have */

/*
 * Two flows with one tag (2^-32 for a pair in one set) share their fate, which costs time or a few
 * per cent, never a packet. `seed` is secret, so that nobody can aim.
 */
struct worth {
	uint64_t seed[2];
	struct worth_flow flows[COMPRESS_FLOWS / WORTH_WAYS][WORTH_WAYS];
};

/* The number of bytes that a sample looks at, at most. */
#define WORTH_SAMPLE_BYTES 256u

void worth_init(struct worth *w);

/*
 * The flow of an IP packet of at least COMPRESS_MIN_BYTES; never NULL: a new one takes the place of
 * the one that was silent longest. Fragments and protocols without ports go by their addresses.
 */
struct worth_flow *worth_find_flow(struct worth *w, const uint8_t *packet, uint64_t now_ms);

/* False while the flow is paused. */
bool worth_may_try(const struct worth_flow *f, uint64_t now_ms);

/* A packet was tried: its bytes before and after (the same when nothing was gained). */
void worth_note(struct worth_flow *f, size_t before, size_t after, uint64_t now_ms);

/*
 * Do the bytes behind the headers look random? Judged by how often two bytes of a sample are equal:
 * less often than with 7 bits of (collision) entropy a byte, where a Huffman code would save less
 * than its table costs. Text, tables, programs are far on the other side.
 */
bool worth_looks_random(const uint8_t *packet, size_t n);
