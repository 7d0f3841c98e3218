/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * offload: what segmentation (segment.h) and coalescing (coalesce.h) have in common: limits and the
 * Internet checksum (RFC 1071). Pure: bytes in, bytes out; no I/O, no clock, no allocation.
 *
 *   TUN -> vnet_decode -> segment_begin, segment_next ... -> seal     one super-packet read
 *   unseal -> coalesce_add ... coalesce_flush -> vnet_encode -> TUN   one super-packet written
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "shared/tunnel/vnet.h"
#include "shared/wire/inner.h"

/* Of one super-packet that we write (older kernels refuse UDP ones with more); what we read is
 * bounded by its length. */
#define OFFLOAD_SEGMENTS_MAX 64u
/* IP and TCP header of a super-packet with all their options, or some IPv6 extension headers. */
#define OFFLOAD_HEADERS_MAX 128u
/* Flows that are being put together at the same time. With 8 each packet of more flows would be a
 * write of its own, a microsecond; the search among 64 costs 20 ns at worst. */
#define OFFLOAD_FLOWS 64u

/*
 * Adds the 16-bit words of `n` bytes to `sum`, which begins as 0 or as the result of another call
 * with even `n`. Words are taken in native order: offload_fold() gives what belongs into memory.
 */
uint64_t offload_sum(const void *p, size_t n, uint64_t sum);

/* The 16-bit sum with all carries, not inverted; 0 only when nothing but zeros was added. To be
 * stored in native order. */
static inline uint16_t offload_fold(uint64_t sum)
{
	sum = (sum & 0xffffffffu) + (sum >> 32);
	sum = (sum & 0xffffffffu) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

/* The sum of the pseudo-header (RFC 9293 section 3.1, RFC 8200 section 8.1) of a packet with
 * `l4_len` bytes of L4 header and payload. `packet` is IPv4 when `v4`, IPv6 without routing header
 * otherwise. */
uint64_t offload_pseudo_sum(const uint8_t *packet, bool v4, uint8_t protocol, size_t l4_len);

/* Fields of packets, in network order at any address. */
static inline uint16_t offload_get16(const uint8_t *p) { return (uint16_t)(p[0] << 8 | p[1]); }
static inline void offload_put16(uint8_t *p, size_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}
static inline uint32_t offload_get32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}
static inline void offload_put32(uint8_t *p, uint32_t v)
{
	offload_put16(p, v >> 16);
	offload_put16(p + 2, v & 0xffff);
}

/* Checksums, in the form that offload_fold() gives. */
static inline uint16_t offload_get_csum(const uint8_t *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}
static inline void offload_put_csum(uint8_t *p, uint16_t v) { memcpy(p, &v, sizeof(v)); }

/*
 * Replaces the pseudo-header's sum, stored `at` bytes into `l4` of `n` bytes (at + 2 <= n), by the
 * whole checksum. Never 0, which would mean "none" to UDP (RFC 768) and is the same to all others.
 */
void offload_complete_at(uint8_t *l4, size_t n, size_t at);

/*
 * The same for a packet, TCP or UDP. ERR_INVALID for others, fragments and packets that are too
 * short; they are left as they are.
 */
enum err offload_complete_csum(uint8_t *packet, const struct inner *in) must_check;

/*
 * Is the whole L4 checksum right? UDP over IPv4 without one (0) counts as right. False for other
 * protocols, fragments, and a UDP length that does not fit.
 */
bool offload_csum_is_right(const uint8_t *packet, const struct inner *in);
