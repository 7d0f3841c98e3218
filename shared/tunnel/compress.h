/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * compress: makes IP packets for agents smaller where that pays, and gives back those that came
 * smaller (EXTENSION_COMPRESSED, schema/PROTOCOL.md section 6). Bytes in, bytes out: no I/O, no
 * allocation for a packet. One per worker; nothing is shared.
 *
 * A packet costs up to 100 us, as much as sending a hundred. So compressing may take
 * COMPRESS_TIME_PERCENT of the time and COMPRESS_BURST_US at one go: on a slow line that is enough
 * for every packet, on a fast one the others go as they are, and nothing gets slower.
 *
 * On the way out, behind segmentation, before the seal; `level` is p->set.compression of an agent:
 *
 *	if (p->set.compression && peer_is_agent(p))
 *		compress_pack(t->compressor, &p->compress, p->set.compression, pkt->data,
 *			      &pkt->len, t->now_ms);
 *
 * On the way in, behind session_open() and inner_decode():
 *
 *	if (in.kind == INNER_EXTENSION && in.extension == EXTENSION_COMPRESSED) {
 *		struct pkt plain;
 *		enum err e = compress_unpack(t->compressor, pkt->data, pkt->len, &plain);
 *
 *		if (e == ERR_LIMIT) { // the burst's memory is used up: first what refers to it
 *			flush what waits for the TUN device and for UDP;
 *			compress_release(t->compressor);
 *			e = compress_unpack(t->compressor, pkt->data, pkt->len, &plain);
 *		}
 *		if (e || inner_decode(plain.data, plain.len, false, &in)) {
 *			tunnel_drop(t, DROP_MALFORMED);
 *			return;
 *		}
 *		*pkt = plain; // and on, as any other packet: trim, source check, deliver
 *	}
 *
 * and behind the flush at the end of each burst compress_release(t->compressor).
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/base/err.h"
#include "shared/base/pkt.h"

struct compressor;

/* What compression has saved towards one peer. All zeros is a good start. */
struct compress_tally {
	uint64_t before_bytes, after_bytes; /* of all IP packets that compress_pack() was given */
};

/* Of one compressor since its start. */
struct compress_counters {
	/* Packets given to compress_pack() = small + paused + random + busy + tried. */
	uint64_t packets;
	uint64_t small;      /* below COMPRESS_MIN_BYTES (or what is no IP packet) */
	uint64_t paused;     /* of a flow for which it did not pay lately */
	uint64_t random;     /* look compressed or encrypted */
	uint64_t busy;       /* no time left for them */
	uint64_t tried;      /* what is not `compressed` of these went as it was */
	uint64_t compressed; /* went smaller */
	/* Bytes of all of them as they came and as they went, with header: the ratio. */
	uint64_t before_bytes, after_bytes;
	/* Time of trying, measured on about one in COMPRESS_TIMED of the packets tried. */
	uint64_t timed, timed_ns;
	uint64_t unpacked;       /* packets that compress_unpack() gave back */
	uint64_t unpack_failed;  /* not what they should be; dropped */
	uint64_t unpacked_bytes; /* of IP packets given back */
	uint64_t packed_bytes;   /* of the same, as they came */
};
#define COMPRESS_TIMED 16u

/* Nanoseconds that go on while we work, and only then: clock_cpu_ns(). What others do with the
 * machine meanwhile is not what a packet costs. A test has its own. */
typedef uint64_t (*compress_clock)(void);

/* ERR_NOMEM, ERR_UNSUPPORTED (the LZO library does not fit its header). About 40 KiB; what zlib and
 * LZO need comes with their first use. */
enum err compress_new(compress_clock clock, struct compressor **out) must_check;
void compress_free(struct compressor *c);

/*
 * Puts the compressed form in the place of an IP packet, when it is smaller; true then. Otherwise
 * the packet stays as it is, untouched. `level`: 1..NODE_COMPRESSION_MAX. `tally` may be NULL.
 * Anything that is not an IP packet of COMPRESS_MIN_BYTES..TUN_MTU_MAX stays as it is. Nothing
 * behind `*len` is written.
 */
bool compress_pack(struct compressor *c, struct compress_tally *tally, unsigned level,
		   uint8_t *packet, size_t *len, uint64_t now_ms);

/*
 * Gives back the packet in `n` bytes of EXTENSION_COMPRESSED, with head- and tailroom as any packet
 * has, in memory of the compressor that stays until compress_release(). `*out` begins like an IP
 * packet and is no longer than TUN_MTU_MAX, but is not decoded yet. ERR_INVALID, ERR_TRUNCATED: not
 * what it should be. ERR_LIMIT: release first. ERR_NOMEM.
 */
enum err compress_unpack(struct compressor *c, const uint8_t *p, size_t n,
			 struct pkt *out) must_check;
/* Nobody refers any more to what compress_unpack() gave. */
void compress_release(struct compressor *c);

const struct compress_counters *compress_counters(const struct compressor *c);
