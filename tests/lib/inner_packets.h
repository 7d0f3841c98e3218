/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * TCP and UDP packets for tests: makes them, judges them and cuts super-packets in the most naive
 * way. Shares no code with what is tested.
 */
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define PACKET_MAX 65600u

#define FLAG_FIN 0x01u
#define FLAG_SYN 0x02u
#define FLAG_RST 0x04u
#define FLAG_PSH 0x08u
#define FLAG_ACK 0x10u
#define FLAG_URG 0x20u
#define FLAG_ECE 0x40u
#define FLAG_CWR 0x80u

/* What a packet says; zero fields get a plain value only where it is noted. */
struct shape {
	int version;   /* 0: 4 */
	uint8_t proto; /* 0: TCP */
	uint8_t host;  /* last byte of the source address */
	uint16_t sport, dport;
	uint8_t tos; /* with ECN */
	uint8_t ttl; /* 0: 64 */
	uint32_t label;
	bool df;
	uint16_t id;
	size_t ip_options; /* bytes, a multiple of 4 */
	uint32_t seq, ack;
	uint8_t flags; /* 0: ACK */
	uint16_t window, urgent;
	size_t tcp_options; /* bytes, a multiple of 4 */
	size_t payload;
	uint32_t salt; /* of the payload */
	bool partial;  /* only the pseudo-header's sum in the checksum */
};

/* Xorshift: the same numbers in every run. */
static inline uint32_t random_u32(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return (uint32_t)(*state >> 32);
}

static inline void put16(uint8_t *p, size_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static inline void put32(uint8_t *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v & 0xffff);
}

static inline uint32_t get16(const uint8_t *p) { return (uint32_t)p[0] << 8 | p[1]; }
static inline uint32_t get32(const uint8_t *p) { return get16(p) << 16 | get16(p + 2); }

/* The folded sum of `n` bytes on top of `sum`, word by word (RFC 1071). */
static inline uint32_t naive_sum(const uint8_t *p, size_t n, uint32_t sum)
{
	for (size_t i = 0; i < n; i++) {
		sum += i % 2 ? p[i] : (uint32_t)p[i] << 8;
		sum = (sum & 0xffff) + (sum >> 16);
	}
	return sum;
}

/* Where things stand in a packet without extension headers. */
static inline bool is_v4(const uint8_t *p) { return p[0] >> 4 == 4; }
static inline size_t l4_at(const uint8_t *p) { return is_v4(p) ? (p[0] & 0x0fu) * 4u : 40u; }
static inline uint8_t proto_of(const uint8_t *p) { return is_v4(p) ? p[9] : p[6]; }
static inline size_t csum_at(const uint8_t *p)
{
	return l4_at(p) + (proto_of(p) == IPPROTO_TCP ? 16 : 6);
}
static inline size_t payload_at(const uint8_t *p)
{
	return l4_at(p) + (proto_of(p) == IPPROTO_TCP ? (size_t)(p[l4_at(p) + 12] >> 4) * 4 : 8);
}

static inline uint32_t naive_pseudo(const uint8_t *p, size_t len)
{
	size_t l4_len = len - l4_at(p);
	uint32_t sum = is_v4(p) ? naive_sum(p + 12, 8, 0) : naive_sum(p + 8, 32, 0);

	sum += (uint32_t)l4_len + proto_of(p);
	return (sum & 0xffff) + (sum >> 16);
}

static inline void set_ip_csum(uint8_t *p)
{
	if (!is_v4(p))
		return;
	put16(p + 10, 0);
	put16(p + 10, ~naive_sum(p, l4_at(p), 0) & 0xffff);
}

/* Writes the whole L4 checksum, or only the pseudo-header's sum. */
static inline void set_l4_csum(uint8_t *p, size_t len, bool partial)
{
	uint32_t sum = naive_pseudo(p, len);

	put16(p + csum_at(p), 0);
	if (!partial) {
		sum = ~naive_sum(p + l4_at(p), len - l4_at(p), sum) & 0xffff;
		sum = sum ? sum : 0xffff;
	}
	put16(p + csum_at(p), sum);
}

static inline void set_lengths(uint8_t *p, size_t len)
{
	if (is_v4(p))
		put16(p + 2, len);
	else
		put16(p + 4, len - 40);
	if (proto_of(p) == IPPROTO_UDP)
		put16(p + l4_at(p) + 4, len - l4_at(p));
}

/* Are lengths, IP checksum and L4 checksum right? */
static inline bool naive_is_right(const uint8_t *p, size_t len)
{
	size_t said = is_v4(p) ? get16(p + 2) : get16(p + 4) + 40;

	if (said != len || payload_at(p) > len)
		return false;
	if (is_v4(p) && naive_sum(p, l4_at(p), 0) != 0xffff)
		return false;
	if (proto_of(p) == IPPROTO_UDP &&
	    (get16(p + l4_at(p) + 4) != len - l4_at(p) || get16(p + csum_at(p)) == 0))
		return false;
	return naive_sum(p + l4_at(p), len - l4_at(p), naive_pseudo(p, len)) == 0xffff;
}

static inline bool naive_has_pseudo(const uint8_t *p, size_t len)
{
	return get16(p + csum_at(p)) == naive_pseudo(p, len);
}

static inline void make_ip(uint8_t *p, const struct shape *s)
{
	if (s->version == 6) {
		put32(p, 6u << 28 | (uint32_t)s->tos << 20 | s->label);
		p[6] = s->proto ? s->proto : IPPROTO_TCP;
		p[7] = s->ttl ? s->ttl : 64;
		p[8] = p[24] = 0xfd;
		p[9] = p[25] = 9;
		p[23] = s->host;
		p[39] = 1;
		return;
	}
	p[0] = (uint8_t)(0x45 + s->ip_options / 4);
	p[1] = s->tos;
	put16(p + 4, s->id);
	p[6] = s->df ? 0x40 : 0;
	p[8] = s->ttl ? s->ttl : 64;
	p[9] = s->proto ? s->proto : IPPROTO_TCP;
	memcpy(p + 12, (const uint8_t[]){ 10, 9, 0, s->host, 10, 9, 0, 1 }, 8);
	memset(p + 20, 1, s->ip_options); /* no operation */
}

/* Writes the packet at `p`, which has room for it, and returns its length. */
static inline size_t make_packet(uint8_t *p, const struct shape *s)
{
	size_t l4 = s->version == 6 ? 40 : 20 + s->ip_options;
	bool tcp = s->proto == 0 || s->proto == IPPROTO_TCP;
	size_t head = l4 + (tcp ? 20 + s->tcp_options : 8);
	size_t len = head + s->payload;
	uint32_t x = s->salt * 2654435761u + 1;

	memset(p, 0, head);
	make_ip(p, s);
	put16(p + l4, s->sport);
	put16(p + l4 + 2, s->dport);
	if (tcp) {
		put32(p + l4 + 4, s->seq);
		put32(p + l4 + 8, s->ack);
		p[l4 + 12] = (uint8_t)((20 + s->tcp_options) / 4 << 4);
		p[l4 + 13] = s->flags ? s->flags : FLAG_ACK;
		put16(p + l4 + 14, s->window);
		put16(p + l4 + 18, s->urgent);
		memset(p + l4 + 20, 1, s->tcp_options);
	}
	for (size_t i = 0; i < s->payload; i++, x = x * 1664525u + 1013904223u)
		p[head + i] = (uint8_t)(x >> 24);
	set_lengths(p, len);
	set_ip_csum(p);
	set_l4_csum(p, len, s->partial);
	return len;
}

/* --- lists of packets ------------------------------------------------------------------------ */

struct packets {
	unsigned n, room;
	struct {
		uint8_t *
			data; /* of exactly `len` bytes, so that a sanitizer sees each step aside */
		size_t len;
	} * at;
};

static inline uint8_t *packets_add(struct packets *l, const uint8_t *data, size_t len)
{
	uint8_t *copy = malloc(len);

	if (l->n == l->room) {
		l->room = l->room ? l->room * 2 : 64;
		l->at = realloc(l->at, l->room * sizeof(*l->at));
	}
	if (!copy || !l->at)
		abort();
	memcpy(copy, data, len);
	l->at[l->n].data = copy;
	l->at[l->n++].len = len;
	return copy;
}

static inline void packets_clear(struct packets *l)
{
	while (l->n)
		free(l->at[--l->n].data);
	free(l->at);
	*l = (struct packets){ 0 };
}

/* Cuts a super-packet into `out`, all with whole checksums. */
static inline void naive_cut(const uint8_t *super, size_t len, size_t gso_size, struct packets *out)
{
	size_t head = payload_at(super), l4 = l4_at(super), done = 0;
	uint8_t *p = malloc(len);

	if (!p)
		abort();
	do {
		size_t n = len - head - done < gso_size ? len - head - done : gso_size;
		bool last = done + n == len - head;

		memcpy(p, super, head);
		memcpy(p + head, super + head + done, n);
		set_lengths(p, head + n);
		if (is_v4(p))
			put16(p + 4, get16(super + 4) + done / gso_size);
		if (proto_of(p) == IPPROTO_TCP) {
			uint8_t *flags = p + l4 + 13;

			put32(p + l4 + 4, get32(super + l4 + 4) + (uint32_t)done);
			*flags &= last ? 0xff : (uint8_t) ~(FLAG_PSH | FLAG_FIN | FLAG_RST);
			*flags &= done == 0 ? 0xff : (uint8_t)~FLAG_CWR;
			if (done && (*flags & FLAG_URG)) {
				bool later = get16(super + l4 + 18) > done;

				put16(p + l4 + 18, later ? get16(super + l4 + 18) - done : 0);
				*flags &= later ? 0xff : (uint8_t)~FLAG_URG;
			}
		}
		set_ip_csum(p);
		set_l4_csum(p, head + n, false);
		packets_add(out, p, head + n);
		done += n;
	} while (done < len - head);
	free(p);
}

/* --- the vnet header, as the kernel has it -----------------------------------------------------
 */

struct raw_vnet {
	uint8_t flags, gso_type;
	uint16_t hdr_len, gso_size, csum_start, csum_offset;
};
_Static_assert(sizeof(struct raw_vnet) == 10, "as struct virtio_net_hdr");

/* What the kernel says about the packet: `gso_size` 0 for one that only lacks its checksum. */
static inline struct raw_vnet vnet_of(const uint8_t *p, size_t gso_size)
{
	bool tcp = proto_of(p) == IPPROTO_TCP;

	return (struct raw_vnet){
		.flags = 1,
		.gso_type = (uint8_t)(!gso_size  ? 0
				      : !tcp     ? 5
				      : is_v4(p) ? 1
						 : 4),
		.hdr_len = (uint16_t)payload_at(p),
		.gso_size = (uint16_t)gso_size,
		.csum_start = (uint16_t)l4_at(p),
		.csum_offset = tcp ? 16 : 6,
	};
}
