/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/* For tests of coalesce: keeps what it emits, and takes it apart again in the naive way. */
#include "shared/base/err.h"
#include "shared/tunnel/coalesce.h"
#include "tests/lib/inner_packets.h"

struct sink {
	struct coalescer c;
	struct packets in;  /* as they were made; the coalescer has its own copies */
	struct packets own; /* those copies */
	struct packets out; /* each with its vnet header, when there is one */
	bool *partial;      /* of each packet of `in` */
};

/* Copies, since the coalescer's memory is used again. */
static inline void sink_emit(void *arg, const struct iovec *iov, int n)
{
	struct sink *s = arg;
	size_t len = 0;
	uint8_t *all, *at;

	BUG_ON(n < 1 || n > (int)OFFLOAD_SEGMENTS_MAX + 1);
	for (int i = 0; i < n; i++)
		len += iov[i].iov_len;
	at = all = malloc(len);
	BUG_ON(!all);
	for (int i = 0; i < n; i++) {
		memcpy(at, iov[i].iov_base, iov[i].iov_len);
		at += iov[i].iov_len;
	}
	packets_add(&s->out, all, len);
	free(all);
}

static inline struct sink *sink_new(bool vnet, bool tcp, bool udp)
{
	struct sink *s = malloc(sizeof(*s));

	BUG_ON(!s);
	memset(s, 0xa5, sizeof(*s)); /* nothing may count on zeroed memory */
	s->in = s->own = s->out = (struct packets){ 0 };
	s->partial = NULL;
	coalesce_init(&s->c, vnet, tcp, udp, sink_emit, s);
	return s;
}

static inline void sink_free(struct sink *s)
{
	packets_clear(&s->in);
	packets_clear(&s->own);
	packets_clear(&s->out);
	free(s->partial);
	free(s);
}

/* Hands one packet to the coalescer. */
static inline void sink_add_bytes(struct sink *s, const uint8_t *p, size_t len, bool partial)
{
	struct inner in;
	uint8_t *own;

	BUG_ON(inner_decode(p, len, false, &in));
	s->partial = realloc(s->partial, s->in.n + 1);
	BUG_ON(!s->partial);
	s->partial[s->in.n] = partial;
	packets_add(&s->in, p, len);
	own = packets_add(&s->own, p, len);
	coalesce_add(&s->c, own, &in, partial);
}

static inline void sink_add(struct sink *s, const struct shape *shape)
{
	uint8_t *p = malloc(PACKET_MAX);

	BUG_ON(!p);
	sink_add_bytes(s, p, make_packet(p, shape), shape->partial);
	free(p);
}

/* The vnet header and the packet of output number `i`. */
static inline struct raw_vnet sink_vnet(const struct sink *s, unsigned i)
{
	struct raw_vnet raw;

	BUG_ON(i >= s->out.n || s->out.at[i].len < sizeof(raw));
	memcpy(&raw, s->out.at[i].data, sizeof(raw));
	return raw;
}

static inline uint8_t *sink_packet(const struct sink *s, unsigned i, size_t *len)
{
	BUG_ON(i >= s->out.n);
	*len = s->out.at[i].len - sizeof(struct raw_vnet);
	return s->out.at[i].data + sizeof(struct raw_vnet);
}

/*
 * What the kernel makes of the output: super-packets cut, checksums completed. Aborts when a vnet
 * header is one that the kernel would refuse, or differs from what the packet is.
 */
static inline void sink_take_apart(const struct sink *s, struct packets *list)
{
	for (unsigned i = 0; i < s->out.n; i++) {
		struct raw_vnet raw = sink_vnet(s, i), want;
		size_t len;
		uint8_t *p = sink_packet(s, i, &len), *copy;

		if (!raw.flags) {
			want = (struct raw_vnet){ 0 };
			BUG_ON(memcmp(&raw, &want, sizeof(raw)) != 0);
			packets_add(list, p, len);
			continue;
		}
		want = vnet_of(p, raw.gso_size);
		want.hdr_len = raw.gso_size ? want.hdr_len : 0;
		BUG_ON(memcmp(&raw, &want, sizeof(raw)) != 0);
		if (!raw.gso_size) {
			copy = packets_add(list, p, len);
			set_l4_csum(copy, len, false);
			continue;
		}
		BUG_ON(!naive_has_pseudo(p, len) || len > 65535);
		BUG_ON(is_v4(p) && naive_sum(p, l4_at(p), 0) != 0xffff);
		BUG_ON(len - payload_at(p) <= raw.gso_size);
		BUG_ON((len - payload_at(p) - 1) / raw.gso_size + 1 > OFFLOAD_SEGMENTS_MAX);
		naive_cut(p, len, raw.gso_size, list);
	}
}
