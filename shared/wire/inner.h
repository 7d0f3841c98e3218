/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * inner: what is inside a decrypted transport packet (and what comes from the TUN device): an IP
 * packet, an extension packet between agents, or nothing (keepalive). The first nibble tells: 4, 6,
 * or 0. Layouts: schema/PROTOCOL.md, "Inside". No state.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/base/addr.h"
#include "shared/base/err.h"
#include "shared/wire/limits.h"

enum inner_kind { INNER_KEEPALIVE = 0, INNER_IPV4 = 4, INNER_IPV6 = 6, INNER_EXTENSION = 16 };

struct inner {
	enum inner_kind kind;
	/* IP only: */
	struct addr src, dst;
	/* IPv4: protocol; IPv6: the first next-header value, extension headers are not walked */
	uint8_t protocol;
	uint8_t ttl;        /* TTL or hop limit */
	bool fragment;      /* IPv4: offset or "more fragments" set; IPv6: never said */
	bool dont_fragment; /* IPv4: DF; IPv6: always */
	size_t header_len;  /* IPv4 with its options; IPv6 always 40 */
	size_t total_len;   /* header and payload; <= n, the rest is padding to be cut off */
	/* Extension only: */
	/* first byte, 1..15: enum extension_type, or one that this version does not know */
	uint8_t extension;
};

/*
 * Says what `p` is. IPv4: header length 20..60, total length between header length and `n`. IPv6:
 * payload length within `n`; jumbograms are not taken. ERR_INVALID otherwise; ERR_TRUNCATED when
 * the lengths say that something is missing. `agent`: the sender is an agent; extension packets of
 * anyone else are ERR_INVALID. An extension of a type that we do not know is not an error: drop it.
 * Addresses are not judged (see addr_is_special() and the source check).
 */
enum err inner_decode(const uint8_t *p, size_t n, bool agent, struct inner *out) must_check;

/*
 * EXTENSION_PROBE. To be padded with zeros to `size` bytes, so that the answer proves that the
 * path carries that much.
 */
struct inner_probe {
	/* none known yet: sent as 0, ignored by the receiver, echoed in the reply */
	uint8_t flags;
	/* bytes of the whole plaintext with padding, >= EXTENSION_PROBE_BYTES */
	uint16_t size;
	uint8_t id[8];    /* random, so that only who got the probe can answer it */
	uint64_t sent_us; /* sender's clock, means nothing to the receiver */
};

/*
 * EXTENSION_PROBE_REPLY: id, size and time echoed, and how the probe came in as the replier saw
 * it. Not padded.
 */
struct inner_probe_reply {
	uint8_t flags;
	uint16_t size;
	/* enum path_kind of shared/ipc/engine_msg.h: the path over which the probe arrived */
	uint8_t path;
	uint8_t id[8];
	uint64_t sent_us;
	/*
	 * outer source address of the probe; family 0 when it is not known (TCP). scope_id is not
	 * carried
	 */
	struct endpoint observed;
};

/* Writes the probe and its padding: `size` bytes at `out`, which the caller made sure are there. */
void inner_encode_probe(const struct inner_probe *m, uint8_t *out);
void inner_encode_probe_reply(const struct inner_probe_reply *m,
			      uint8_t out[EXTENSION_PROBE_REPLY_BYTES]);
/*
 * `n` is the length of the plaintext. ERR_INVALID: another type, size below EXTENSION_PROBE_BYTES
 * or not `n`, a family that is none. ERR_TRUNCATED: too short.
 */
enum err inner_decode_probe(const uint8_t *p, size_t n, struct inner_probe *out) must_check;
enum err inner_decode_probe_reply(const uint8_t *p, size_t n,
				  struct inner_probe_reply *out) must_check;

/* EXTENSION_COMPRESSED: one IP packet, compressed by itself. */
struct inner_compressed {
	enum compress_method method;
	size_t original_len; /* <= TUN_MTU_MAX, and more than the whole extension packet */
	const uint8_t *data; /* within the plaintext that was decoded */
	size_t data_len;     /* > 0 */
};

/* Writes what stands before the data. `original_len` <= TUN_MTU_MAX. */
void inner_encode_compressed(enum compress_method method, size_t original_len,
			     uint8_t out[EXTENSION_COMPRESSED_HEADER_BYTES]);
/*
 * `n` is the length of the plaintext. ERR_INVALID: another type, an unknown method, the reserved
 * byte set, an original length that is none of those above. ERR_TRUNCATED: no data. What the data
 * unpacks to is for shared/tunnel/compress.h to judge.
 */
enum err inner_decode_compressed(const uint8_t *p, size_t n,
				 struct inner_compressed *out) must_check;
