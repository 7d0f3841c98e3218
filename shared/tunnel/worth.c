/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/tunnel/worth.h"

#include <netinet/in.h>
#include <string.h>

#include "shared/base/err.h"
#include "shared/base/secret.h"

#define SETS (COMPRESS_FLOWS / WORTH_WAYS)
/* An IPv4 header at its longest and ports fit into the smallest packet that is looked at. */
_Static_assert(COMPRESS_MIN_BYTES >= 60 + 4, "headers are read without looking at the length");
_Static_assert((SETS & (SETS - 1)) == 0, "the set is taken by mask");

/* IP and TCP header without options: the sample begins behind them. */
#define SAMPLE_AFTER_BYTES 40u
/* The sample is taken in so many pieces from all over the packet. */
#define SAMPLE_PIECES 4u
/* The moving mean follows 1 / 4 of the difference. */
#define SAVING_WEIGHT 4

void worth_init(struct worth *w)
{
	memset(w, 0, sizeof(*w));
	secret_random(w->seed, sizeof(w->seed));
}

/* Takes `n` <= 8 bytes into the hash: multiply and fold, with a secret factor. */
static uint64_t mix(const struct worth *w, uint64_t h, const uint8_t *p, size_t n)
{
	__extension__ typedef unsigned __int128 wide;
	uint64_t word = 0;
	wide product;

	memcpy(&word, p, n);
	product = (wide)(h ^ word) * (w->seed[1] | 1);
	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static bool has_ports(uint8_t protocol)
{
	return protocol == IPPROTO_TCP || protocol == IPPROTO_UDP || protocol == IPPROTO_UDPLITE ||
	       protocol == IPPROTO_SCTP || protocol == IPPROTO_DCCP;
}

/* Addresses, protocol, and ports where they can be seen. A last round without input, since one
 * alone puts neighbouring ports at even distances, which for some factors is always the same set.
 */
static uint64_t hash_flow(const struct worth *w, const uint8_t *p)
{
	uint64_t h = w->seed[0];
	const uint8_t *ports;

	if (p[0] >> 4 == 4) {
		const bool fragment = (p[6] & 0x3f) || p[7];

		h = mix(w, h, p + 12, 8);
		h = mix(w, h, p + 9, 1);
		ports = has_ports(p[9]) && !fragment ? p + (p[0] & 0x0f) * 4u : NULL;
	} else {
		for (size_t i = 8; i < 40; i += 8)
			h = mix(w, h, p + i, 8);
		h = mix(w, h, p + 6, 1);
		ports = has_ports(p[6]) ? p + 40 : NULL;
	}
	if (ports)
		h = mix(w, h, ports, 4);
	return mix(w, h, p, 0);
}

struct worth_flow *worth_find_flow(struct worth *w, const uint8_t *packet, uint64_t now_ms)
{
	const uint64_t h = hash_flow(w, packet);
	struct worth_flow *set = w->flows[h & (SETS - 1)];
	struct worth_flow *f = &set[0];
	uint32_t tag = (uint32_t)(h >> 32);

	if (!tag)
		tag = 1;
	for (unsigned i = 0; i < WORTH_WAYS; i++) {
		if (set[i].tag == tag) {
			f = &set[i];
			break;
		}
		if (set[i].used_ms < f->used_ms || !set[i].tag)
			f = &set[i];
	}
	if (f->tag != tag || now_ms > f->used_ms + COMPRESS_FLOW_IDLE_MS)
		*f = (struct worth_flow){ .tag = tag };
	f->used_ms = now_ms;
	return f;
}

bool worth_may_try(const struct worth_flow *f, uint64_t now_ms) { return now_ms >= f->retry_ms; }

void worth_note(struct worth_flow *f, size_t before, size_t after, uint64_t now_ms)
{
	uint64_t pause_ms;
	int saving;

	BUG_ON(after > before || !before);
	saving = (int)((before - after) * 1000 / before);
	if (f->tries == 0)
		f->saving = (int16_t)saving;
	else
		f->saving = (int16_t)(f->saving + (saving - f->saving) / SAVING_WEIGHT);
	if (f->tries < COMPRESS_TRIES && ++f->tries < COMPRESS_TRIES)
		return;
	if (f->saving >= (int)COMPRESS_SAVING_MIN) {
		f->pauses = 0;
		return;
	}
	pause_ms = (uint64_t)COMPRESS_PAUSE_MIN_MS << f->pauses;
	if (pause_ms < COMPRESS_PAUSE_MAX_MS)
		f->pauses++;
	f->retry_ms = now_ms + pause_ms;
	f->tries = 0;
}

bool worth_looks_random(const uint8_t *packet, size_t n)
{
	uint16_t seen[256] = { 0 };
	uint32_t equal = 0; /* pairs of equal bytes */
	size_t payload, piece, step;

	if (n <= SAMPLE_AFTER_BYTES + SAMPLE_PIECES)
		return false;
	payload = n - SAMPLE_AFTER_BYTES;
	piece = (payload < WORTH_SAMPLE_BYTES ? payload : WORTH_SAMPLE_BYTES) / SAMPLE_PIECES;
	step = payload / SAMPLE_PIECES;
	for (unsigned i = 0; i < SAMPLE_PIECES; i++) {
		const uint8_t *p = packet + SAMPLE_AFTER_BYTES + i * step;

		for (size_t k = 0; k < piece; k++)
			equal += seen[p[k]]++;
	}
	/* Of the pairs in the sample, less than one in 2^7. */
	return equal * 128u < SAMPLE_PIECES * piece * (SAMPLE_PIECES * piece - 1) / 2;
}
