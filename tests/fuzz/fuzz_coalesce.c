/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Packets from a peer on their way to the TUN device. The input: one byte (1 vnet, 2 TCP merged,
 * 4 UDP merged), then records of
 *
 *   0    1 partial, 2 make lengths and the IP checksum right, 4 make the L4 checksum right,
 *        8 no bytes follow: the packet before again, with the next sequence number and id, and
 *        shorter by what the length says, 16 flush behind it
 *   1-2  length (big endian)
 *   3-   that many bytes of packet
 *
 * All packets come out, in the order of their flow, with their bytes.
 */
#include "tests/lib/coalesce_sink.h"

#define PACKETS_MOST 200u
#define BYTES_MOST   200000u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Has the packet a TCP or UDP checksum at all? */
static bool has_csum(const uint8_t *p, size_t len)
{
	struct inner in;

	return !inner_decode(p, len, false, &in) && !in.fragment &&
	       (in.protocol == IPPROTO_TCP || in.protocol == IPPROTO_UDP) && csum_at(p) + 2 <= len;
}

/* Is `got` what may become of `want`? */
static bool is_same(const uint8_t *got, const uint8_t *want, size_t len, bool partial)
{
	bool same = memcmp(got, want, len) == 0;
	uint8_t *a, *b;

	if (same || !has_csum(want, len) || !has_csum(got, len))
		return same;
	if (!partial && (!naive_is_right(want, len) || !naive_is_right(got, len)))
		return false;
	a = malloc(len);
	b = malloc(len);
	BUG_ON(!a || !b);
	memcpy(a, got, len);
	memcpy(b, want, len);
	put16(a + csum_at(a), 0);
	put16(b + csum_at(b), 0);
	if (is_v4(b) && (b[6] & 0x40)) {
		put16(a + 4, get16(b + 4));
		put16(a + 10, get16(b + 10));
	}
	same = memcmp(a, b, len) == 0;
	free(a);
	free(b);
	return same;
}

/* May the second overtake the first? Not if they may be of one 5-tuple. */
static bool is_one_flow(const struct packets *l, unsigned i, unsigned k)
{
	const uint8_t *a = l->at[i].data, *b = l->at[k].data;
	size_t at = is_v4(a) ? 12 : 8, n = is_v4(a) ? 8 : 32;

	if (is_v4(a) != is_v4(b) || memcmp(a + at, b + at, n) != 0)
		return false;
	if (!has_csum(a, l->at[i].len) || !has_csum(b, l->at[k].len))
		return true;
	return proto_of(a) == proto_of(b) && !memcmp(a + l4_at(a), b + l4_at(b), 4);
}

/* Finds each packet among those that came out, the earliest first. */
static void check(const struct sink *s, const struct packets *got)
{
	unsigned place[PACKETS_MOST];
	bool taken[PACKETS_MOST] = { false };

	BUG_ON(got->n != s->in.n);
	for (unsigned i = 0; i < s->in.n; i++) {
		size_t len = s->in.at[i].len;
		unsigned k = 0;

		while (k < got->n &&
		       (taken[k] || got->at[k].len != len ||
			!is_same(got->at[k].data, s->in.at[i].data, len, s->partial[i])))
			k++;
		BUG_ON(k == got->n);
		taken[k] = true;
		place[i] = k;
		for (k = 0; k < i; k++)
			BUG_ON(place[k] > place[i] && is_one_flow(&s->in, k, i));
	}
}

/* The packet that a sender would send next. Returns its length. */
static size_t make_next(uint8_t *p, size_t len, size_t shorter)
{
	size_t payload;

	if (!has_csum(p, len) || l4_at(p) + 20 > len || payload_at(p) > len)
		return len;
	payload = len - payload_at(p);
	if (proto_of(p) == IPPROTO_TCP)
		put32(p + l4_at(p) + 4, get32(p + l4_at(p) + 4) + (uint32_t)payload);
	if (is_v4(p))
		put16(p + 4, get16(p + 4) + 1);
	return len - (payload ? shorter % payload : 0);
}

static void repair(uint8_t *p, size_t len, uint8_t how)
{
	if (len < 60 || (p[0] >> 4 != 4 && p[0] >> 4 != 6) || l4_at(p) < 20)
		return;
	if (how & 2) {
		set_lengths(p, len);
		set_ip_csum(p);
	}
	if ((how & 4) && has_csum(p, len))
		set_l4_csum(p, len, how & 1);
}

static void add(struct sink *s, uint8_t *p, size_t len, uint8_t how)
{
	struct inner in;

	repair(p, len, how);
	if (inner_decode(p, len, false, &in) || (in.kind != INNER_IPV4 && in.kind != INNER_IPV6))
		return;
	sink_add_bytes(s, p, in.total_len, how & 1);
	if (how & 16)
		coalesce_flush(&s->c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t p[PACKET_MAX];
	struct packets got = { 0 };
	struct sink *s;
	size_t at = 1, len = 0, sum = 0;

	if (size < 1)
		return 0;
	s = sink_new(data[0] & 1, data[0] & 2, data[0] & 4);
	while (at + 3 <= size && s->in.n < PACKETS_MOST && sum < BYTES_MOST) {
		uint8_t how = data[at];
		size_t n = get16(data + at + 1);

		at += 3;
		if (how & 8) {
			len = make_next(p, len, n);
		} else {
			len = n < size - at ? n : size - at;
			memcpy(p, data + at, len);
			at += len;
		}
		add(s, p, len, how);
		sum += len;
	}
	coalesce_flush(&s->c);
	if (data[0] & 1)
		sink_take_apart(s, &got);
	for (unsigned i = 0; i < s->out.n && !(data[0] & 1); i++)
		packets_add(&got, s->out.at[i].data, s->out.at[i].len);
	check(s, &got);
	packets_clear(&got);
	sink_free(s);
	return 0;
}
