/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * offload: checksums, and the whole way: super-packet -> segment -> coalesce -> the kernel's own
 * segmentation, here a naive one. What comes out must be what a sender without offload had sent.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "shared/tunnel/segment.h"
#include "tests/lib/coalesce_sink.h"

static void test_sum_is_the_naive_one(void **state)
{
	uint64_t r = 0x13198a2e03707344u;
	uint8_t bytes[2048];

	(void)state;
	for (size_t n = 0; n < 1600; n++) {
		size_t at = n % 17;
		uint16_t start = (uint16_t)random_u32(&r), got;
		uint8_t be[2], *exact = malloc(n ? n : 1);

		assert_non_null(exact);
		for (size_t i = 0; i < sizeof(bytes); i++)
			bytes[i] = n % 5 ? (uint8_t)random_u32(&r) : 0xff;
		memcpy(exact, bytes + at, n);
		put16(be, naive_sum(exact, n, start));
		put16((uint8_t *)&got, start);
		got = offload_fold(offload_sum(bytes + at, n, got));
		assert_memory_equal(be, &got, 2);
		put16((uint8_t *)&got, start);
		got = offload_fold(offload_sum(exact, n, got));
		assert_memory_equal(be, &got, 2);
		free(exact);
	}
	/* Carries of the sum that is handed on. */
	assert_int_equal(offload_fold(offload_sum("", 0, UINT64_MAX)), 0xffff);
	assert_int_equal(offload_fold(offload_sum("\1\0", 2, UINT64_MAX)),
			 offload_get_csum((const uint8_t *)"\1\0"));
	assert_int_equal(offload_fold(0), 0);
}

static void test_complete_and_verify(void **state)
{
	static const struct {
		struct shape s;
		bool ours;
	} rows[] = {
		{ { .payload = 0 }, true },
		{ { .payload = 999, .tcp_options = 12 }, true },
		{ { .payload = 1448, .version = 6 }, true },
		{ { .payload = 1, .proto = 17 }, true },
		{ { .payload = 64, .proto = 17, .version = 6 }, true },
		{ { .payload = 64, .ip_options = 40 }, true },
		{ { .payload = 64, .proto = 1 }, false },
		{ { .payload = 64, .proto = 44, .version = 6 }, false },
	};
	uint8_t p[2048], before[2048];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct shape s = rows[i].s;
		struct inner in;
		size_t len;

		s.partial = rows[i].ours;
		len = make_packet(p, &s);
		memcpy(before, p, len);
		assert_int_equal(inner_decode(p, len, false, &in), ERR_OK);
		assert_false(offload_csum_is_right(p, &in));
		if (!rows[i].ours) {
			assert_int_equal(offload_complete_csum(p, &in), ERR_INVALID);
			assert_memory_equal(p, before, len);
			continue;
		}
		assert_int_equal(offload_complete_csum(p, &in), ERR_OK);
		assert_true(naive_is_right(p, len));
		set_l4_csum(before, len, false);
		assert_memory_equal(p, before, len);
		for (size_t k = 0; k < len * 8; k++) {
			bool seen = k / 8 >= l4_at(p) || (k / 8 >= (is_v4(p) ? 12u : 8u) &&
							  k / 8 < (is_v4(p) ? 20u : 40u));

			p[k / 8] ^= (uint8_t)(1u << k % 8);
			if (seen)
				assert_false(offload_csum_is_right(p, &in));
			p[k / 8] ^= (uint8_t)(1u << k % 8);
		}
		in.fragment = true;
		assert_false(offload_csum_is_right(p, &in));
		assert_int_equal(offload_complete_csum(p, &in), ERR_INVALID);
		in.fragment = false;
		in.total_len = in.header_len + (in.protocol == IPPROTO_TCP ? 19 : 7);
		assert_false(offload_csum_is_right(p, &in));
		assert_int_equal(offload_complete_csum(p, &in), ERR_INVALID);
	}
}

static void test_udp_special_cases(void **state)
{
	uint8_t p[256];
	struct inner in;

	(void)state;
	for (int version = 4; version <= 6; version += 2) {
		struct shape s = { .version = version, .proto = 17, .payload = 100 };
		size_t len = make_packet(p, &s);

		assert_int_equal(inner_decode(p, len, false, &in), ERR_OK);
		put16(p + csum_at(p), 0);
		assert_int_equal(offload_csum_is_right(p, &in), version == 4);

		/* Bytes behind the datagram do not count; a length past the end is wrong. */
		put16(p + l4_at(p) + 4, 58);
		p[len - 60] ^= 1;
		put16(p + csum_at(p),
		      ~naive_sum(p + l4_at(p), 58, naive_pseudo(p, len - 50)) & 0xffff);
		assert_true(offload_csum_is_right(p, &in));
		p[len - 1] ^= 1;
		assert_true(offload_csum_is_right(p, &in));
		put16(p + l4_at(p) + 4, 109);
		assert_false(offload_csum_is_right(p, &in));
		put16(p + l4_at(p) + 4, 7);
		assert_false(offload_csum_is_right(p, &in));
	}
	/* A payload that brings the sum to 0xffff: the checksum would be 0, which UDP must not say.
	 */
	make_packet(p, &(struct shape){ .proto = 17, .payload = 2 });
	put16(p + 28, 0);
	set_l4_csum(p, 30, true);
	put16(p + 28, ~naive_sum(p + 20, 10, 0) & 0xffff);
	assert_int_equal(inner_decode(p, 30, false, &in), ERR_OK);
	assert_int_equal(offload_complete_csum(p, &in), ERR_OK);
	assert_int_equal(get16(p + 26), 0xffff);
	assert_true(offload_csum_is_right(p, &in));
}

/* --- there and back ------------------------------------------------------------------------ */

static struct shape random_shape(uint64_t *r)
{
	static const uint8_t flags[] = {
		FLAG_PSH, FLAG_FIN, FLAG_CWR, FLAG_ECE, FLAG_URG, FLAG_RST
	};
	struct shape s = {
		.version = random_u32(r) % 2 ? 6 : 4,
		.proto = random_u32(r) % 3 ? IPPROTO_TCP : IPPROTO_UDP,
		.sport = (uint16_t)random_u32(r),
		.tos = (uint8_t)random_u32(r),
		.df = random_u32(r) % 2,
		.id = (uint16_t)random_u32(r),
		.seq = random_u32(r),
		.ack = random_u32(r),
		.flags = FLAG_ACK,
		.window = (uint16_t)random_u32(r),
		.tcp_options = random_u32(r) % 2 ? 12 : 4 * (random_u32(r) % 11),
		.salt = random_u32(r),
		.partial = true,
	};

	for (size_t k = 0; k < ARRAY_LEN(flags); k++)
		s.flags |= random_u32(r) % 4 ? 0 : flags[k];
	return s;
}

/* The sender's side: cuts the packet and hands each piece to the receiver's side. */
static void through_the_tunnel(struct sink *s, const uint8_t *super, size_t len, size_t gso_size,
			       bool partial)
{
	struct raw_vnet raw = vnet_of(super, gso_size);
	uint8_t *p = malloc(len), *out;
	struct segmenter seg;
	struct inner in;
	struct vnet v;
	size_t n;
	bool is_partial;

	assert_non_null(p);
	memcpy(p, super, len);
	assert_int_equal(inner_decode(p, len, false, &in), ERR_OK);
	assert_int_equal(vnet_decode((const uint8_t *)&raw, p, &in, &v), ERR_OK);
	assert_int_equal(segment_begin(&seg, p, &in, &v, partial), ERR_OK);
	while (segment_next(&seg, &out, &n, &is_partial)) {
		assert_true(is_partial ? naive_has_pseudo(out, n) : naive_is_right(out, n));
		sink_add_bytes(s, out, n, is_partial);
	}
	free(p);
}

static void assert_equal_lists(const struct packets *got, const struct packets *want)
{
	assert_int_equal(got->n, want->n);
	for (unsigned i = 0; i < got->n; i++) {
		assert_int_equal(got->at[i].len, want->at[i].len);
		assert_memory_equal(got->at[i].data, want->at[i].data, want->at[i].len);
	}
}

static void test_round_trip(void **state)
{
	uint64_t r = 0xa4093822299f31d0u;
	uint8_t *super = malloc(PACKET_MAX);

	(void)state;
	assert_non_null(super);
	for (int i = 0; i < 400; i++) {
		struct packets want = { 0 }, got = { 0 };
		struct sink *s = sink_new(true, true, true);
		struct shape shape = random_shape(&r);
		size_t gso_size = 1 + random_u32(&r) % (i % 4 ? 9000 : 100);
		size_t most = gso_size * 150 < 65400 ? gso_size * 150 : 65400, len;
		bool special = shape.flags & (FLAG_RST | FLAG_URG | FLAG_ECE);

		shape.payload = random_u32(&r) % most;
		len = make_packet(super, &shape);
		naive_cut(super, len, gso_size, &want);
		through_the_tunnel(s, super, len, gso_size, random_u32(&r) % 2);
		coalesce_flush(&s->c);
		sink_take_apart(s, &got);
		assert_equal_lists(&got, &want);
		/* It did merge: all of it, but for the first with CWR, and for the limits. */
		if (shape.proto == IPPROTO_UDP || !special)
			assert_true(s->out.n <= want.n / OFFLOAD_SEGMENTS_MAX + 3);
		packets_clear(&want);
		packets_clear(&got);
		sink_free(s);
	}
	free(super);
}

/* --- many flows ---------------------------------------------------------------------------- */

#define FLOWS_MOST 20u

/* The next packet of a flow: mostly more of the same, at times one of all that ends a run. */
static void add_some_packet(struct sink *s, struct shape *flow, uint64_t *r)
{
	struct shape now = *flow;
	uint32_t what = random_u32(r) % 24;
	uint8_t p[4096];
	size_t len;

	now.salt = random_u32(r);
	now.partial = random_u32(r) % 2;
	now.flags = FLAG_ACK;
	if (what == 0)
		now.payload = 0;
	else if (what == 1)
		now.payload = random_u32(r) % 2000;
	else if (what == 2)
		now.flags |= (uint8_t)(1u << random_u32(r) % 8);
	else if (what == 3)
		flow->ack = now.ack = random_u32(r);
	else if (what == 4)
		now.seq -= random_u32(r) % 3000;
	else if (what == 5)
		flow->tos = now.tos = (uint8_t)random_u32(r);
	else if (what == 6)
		flow->payload = now.payload = 1 + random_u32(r) % 2000;
	else if (what == 7)
		now.id = (uint16_t)random_u32(r);
	else if (what == 8)
		flow->tcp_options = now.tcp_options = 4 * (random_u32(r) % 11);
	len = make_packet(p, &now);
	if (what == 9 && !now.partial)
		p[len - 1] ^= 0x55;
	sink_add_bytes(s, p, len, now.partial);
	flow->seq = now.seq + (uint32_t)now.payload;
	flow->id = (uint16_t)(now.id + 1);
}

/* Ids that mean nothing and checksums that are open do not count. */
static void assert_same_packet(uint8_t *got, size_t got_len, uint8_t *want, size_t want_len,
			       bool partial)
{
	assert_int_equal(got_len, want_len);
	if (partial)
		set_l4_csum(want, want_len, false);
	if (is_v4(want) && (want[6] & 0x40)) {
		put16(want + 4, get16(got + 4));
		set_ip_csum(want);
	}
	assert_memory_equal(got, want, want_len);
}

/* Each flow's packets come out as they went in: all of them, in order, byte by byte. */
static void assert_flows_are_kept(const struct sink *s, unsigned flows)
{
	struct packets got = { 0 };

	sink_take_apart(s, &got);
	assert_int_equal(got.n, s->in.n);
	for (unsigned f = 0; f < flows; f++) {
		unsigned k = 0;

		for (unsigned i = 0; i < s->in.n; i++) {
			uint8_t *want = s->in.at[i].data;

			if (get16(want + l4_at(want)) != f)
				continue;
			while (k < got.n && get16(got.at[k].data + l4_at(got.at[k].data)) != f)
				k++;
			assert_true(k < got.n);
			assert_same_packet(got.at[k].data, got.at[k].len, want, s->in.at[i].len,
					   s->partial[i]);
			k++;
		}
	}
	packets_clear(&got);
}

static void test_many_flows(void **state)
{
	uint64_t r = 0x082efa98ec4e6c89u;
	uint64_t merged = 0, emitted = 0;

	(void)state;
	for (int round = 0; round < 60; round++) {
		unsigned flows = 1 + random_u32(&r) % FLOWS_MOST;
		struct shape flow[FLOWS_MOST];
		struct sink *s = sink_new(true, true, true);
		unsigned train = 1 + random_u32(&r) % 20;

		for (unsigned f = 0; f < flows; f++) {
			flow[f] = random_shape(&r);
			flow[f].sport = (uint16_t)f;
			flow[f].payload = 1 + random_u32(&r) % 1448;
		}
		for (unsigned i = 0; i < 400;) {
			unsigned f = random_u32(&r) % flows;

			for (unsigned k = random_u32(&r) % train + 1; k-- > 0; i++)
				add_some_packet(s, &flow[f], &r);
			if (random_u32(&r) % 16 == 0)
				coalesce_flush(&s->c);
		}
		coalesce_flush(&s->c);
		assert_flows_are_kept(s, flows);
		merged += s->c.merged;
		emitted += s->c.emitted;
		sink_free(s);
	}
	/* It was not all for nothing. */
	assert_true(emitted < merged * 2 / 3);
}

/* Without vnet nothing is held back, and every checksum is whole. */
static void test_many_flows_without_vnet(void **state)
{
	uint64_t r = 0x452821e638d01377u;
	struct sink *s = sink_new(false, true, true);
	struct shape flow = random_shape(&r);

	(void)state;
	flow.payload = 700;
	for (unsigned i = 0; i < 300; i++) {
		add_some_packet(s, &flow, &r);
		assert_int_equal(s->out.n, i + 1);
		assert_same_packet(s->out.at[i].data, s->out.at[i].len, s->in.at[i].data,
				   s->in.at[i].len, s->partial[i]);
	}
	sink_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sum_is_the_naive_one),
		cmocka_unit_test(test_complete_and_verify),
		cmocka_unit_test(test_udp_special_cases),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_many_flows),
		cmocka_unit_test(test_many_flows_without_vnet),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
