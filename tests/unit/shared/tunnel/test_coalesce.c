/* SPDX-License-Identifier: GPL-3.0-or-later */
/* coalesce: what is merged, what never is, and in which order things come out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/lib/coalesce_sink.h"

#define PAYLOAD 1000u

/* Two packets that would be merged, of each kind. */
static const struct shape pairs[][2] = {
	{ { .payload = PAYLOAD, .seq = 1, .id = 1 }, { .payload = PAYLOAD, .seq = 1001, .id = 2 } },
	{ { .version = 6, .payload = PAYLOAD, .seq = 1 },
	  { .version = 6, .payload = PAYLOAD, .seq = 1001 } },
	{ { .proto = 17, .payload = PAYLOAD, .id = 0xffff }, { .proto = 17, .payload = PAYLOAD } },
	{ { .proto = 17, .payload = PAYLOAD, .version = 6 },
	  { .proto = 17, .payload = PAYLOAD, .version = 6 } },
};
#define TCP4 1u
#define TCP6 2u
#define UDP4 4u
#define UDP6 8u
#define TCP  (TCP4 | TCP6)
#define UDP  (UDP4 | UDP6)
#define V4   (TCP4 | UDP4)
#define V6   (TCP6 | UDP6)
#define ALL  (V4 | V6)

static const struct rule {
	const char *what;
	unsigned kinds;
	bool merged;
	struct shape both, second; /* xored onto the packets */
	int flip;                  /* flips a bit of this byte of the second; -1: of its last */
} rules[] = {
	{ "nothing else", ALL, true, { 0 }, { 0 }, 0 },
	{ "same TOS with ECN", ALL, true, { .tos = 0xbb }, { 0 }, 0 },
	{ "same TTL", ALL, true, { .ttl = 1 }, { 0 }, 0 },
	{ "same DF", V4, true, { .df = true }, { 0 }, 0 },
	{ "DF with any id", V4, true, { .df = true }, { .id = 0x1234 }, 0 },
	{ "same flow label", V6, true, { .label = 0xabcde }, { 0 }, 0 },
	{ "same options", TCP, true, { .tcp_options = 40 }, { 0 }, 0 },
	{ "same ack and window", TCP, true, { .ack = 77, .window = 88 }, { 0 }, 0 },
	{ "sequence wraps", TCP, true, { .seq = 0xfffffe00u }, { .seq = 0xfffffc00u }, 0 },
	{ "shorter last", ALL, true, { 0 }, { .payload = PAYLOAD ^ 1 }, 0 },
	{ "PSH last", TCP, true, { .flags = FLAG_ACK }, { .flags = FLAG_PSH }, 0 },
	{ "FIN last", TCP, true, { .flags = FLAG_ACK }, { .flags = FLAG_FIN }, 0 },
	{ "both partial", ALL, true, { .partial = true }, { 0 }, 0 },
	{ "second partial", ALL, true, { 0 }, { .partial = true }, 0 },
	{ "first partial", ALL, true, { .partial = true }, { .partial = true }, 0 },

	{ "another source", ALL, false, { 0 }, { .host = 1 }, 0 },
	{ "another source port", ALL, false, { 0 }, { .sport = 1 }, 0 },
	{ "another destination port", ALL, false, { 0 }, { .dport = 1 }, 0 },
	{ "another TOS", ALL, false, { 0 }, { .tos = 0x10 }, 0 },
	{ "another ECN", ALL, false, { .tos = 2 }, { .tos = 1 }, 0 },
	{ "another TTL", ALL, false, { .ttl = 64 }, { .ttl = 1 }, 0 },
	{ "another DF", V4, false, { 0 }, { .df = true }, 0 },
	{ "DF gone", V4, false, { .df = true }, { .df = true }, 0 },
	{ "another flow label", V6, false, { 0 }, { .label = 1 }, 0 },
	{ "id stays", TCP4, false, { 0 }, { .id = 3 }, 0 },
	{ "id jumps", V4, false, { 0 }, { .id = 8 }, 0 },
	{ "longer", ALL, false, { 0 }, { .payload = PAYLOAD ^ 1001 }, 0 },
	{ "empty", ALL, false, { 0 }, { .payload = PAYLOAD }, 0 },
	{ "both empty", ALL, false, { .payload = PAYLOAD }, { 0 }, 0 },
	{ "a gap", TCP, false, { 0 }, { .seq = 1001 ^ 1002 }, 0 },
	{ "again", TCP, false, { 0 }, { .seq = 1001 ^ 1 }, 0 },
	{ "overlap", TCP, false, { 0 }, { .seq = 1001 ^ 1000 }, 0 },
	{ "another ack", TCP, false, { 0 }, { .ack = 1u << 31 }, 0 },
	{ "another window", TCP, false, { 0 }, { .window = 1 }, 0 },
	{ "another urgent pointer", TCP, false, { 0 }, { .urgent = 1 }, 0 },
	{ "more options", TCP, false, { 0 }, { .tcp_options = 4 }, 0 },
	{ "IP options", V4, false, { .ip_options = 4 }, { 0 }, 0 },
	{ "SYN", TCP, false, { .flags = FLAG_ACK }, { .flags = FLAG_SYN }, 0 },
	{ "RST", TCP, false, { .flags = FLAG_ACK }, { .flags = FLAG_RST }, 0 },
	{ "URG", TCP, false, { .flags = FLAG_ACK }, { .flags = FLAG_URG }, 0 },
	{ "ECE", TCP, false, { .flags = FLAG_ACK }, { .flags = FLAG_ECE }, 0 },
	{ "CWR", TCP, false, { .flags = FLAG_ACK }, { .flags = FLAG_CWR }, 0 },
	{ "both SYN", TCP, false, { .flags = FLAG_ACK | FLAG_SYN }, { 0 }, 0 },
	{ "both RST", TCP, false, { .flags = FLAG_ACK | FLAG_RST }, { 0 }, 0 },
	{ "both URG", TCP, false, { .flags = FLAG_ACK | FLAG_URG }, { 0 }, 0 },
	{ "both ECE", TCP, false, { .flags = FLAG_ACK | FLAG_ECE }, { 0 }, 0 },
	{ "both CWR", TCP, false, { .flags = FLAG_ACK | FLAG_CWR }, { 0 }, 0 },
	{ "both PSH", TCP, false, { .flags = FLAG_ACK | FLAG_PSH }, { 0 }, 0 },
	{ "both FIN", TCP, false, { .flags = FLAG_ACK | FLAG_FIN }, { 0 }, 0 },
	{ "no ACK", TCP, false, { .flags = FLAG_PSH }, { .flags = FLAG_PSH }, 0 },
	{ "wrong L4 checksum", ALL, false, { 0 }, { 0 }, -1 },
	{ "wrong IP checksum", V4, false, { 0 }, { 0 }, 11 },
	{ "wrong IP checksum, partial", V4, false, { .partial = true }, { 0 }, 11 },
	{ "other options", TCP4, false, { .tcp_options = 12, .partial = true }, { 0 }, 45 },
	{ "other options", TCP6, false, { .tcp_options = 12, .partial = true }, { 0 }, 65 },
	{ "a fragment", V4, false, { 0 }, { 0 }, 6 }, /* more fragments; wrong IP checksum too */
};

static void shape_xor(struct shape *s, const struct shape *change)
{
	uint8_t *a = (uint8_t *)s;
	const uint8_t *b = (const uint8_t *)change;

	for (size_t i = 0; i < sizeof(*s); i++)
		a[i] ^= b[i];
}

/* Whatever was merged: the kernel gets all packets out again, in their order, with their bytes. */
static void assert_same_packets(const struct sink *s)
{
	struct packets got = { 0 };

	sink_take_apart(s, &got);
	assert_int_equal(got.n, s->in.n);
	for (unsigned i = 0; i < got.n; i++) {
		uint8_t *want = s->in.at[i].data;

		assert_int_equal(got.at[i].len, s->in.at[i].len);
		if (s->partial[i])
			set_l4_csum(want, got.at[i].len, false);
		/* With DF the id means nothing, and is made anew. */
		if (is_v4(want) && (want[6] & 0x40)) {
			put16(want + 4, get16(got.at[i].data + 4));
			set_ip_csum(want);
		}
		assert_memory_equal(got.at[i].data, want, got.at[i].len);
	}
	packets_clear(&got);
}

static void check_rule(const struct rule *rule, unsigned kind)
{
	struct shape first = pairs[kind][0], second = pairs[kind][1];
	struct sink *s = sink_new(true, true, true);
	uint8_t p[2048];
	size_t len;

	shape_xor(&first, &rule->both);
	shape_xor(&second, &rule->both);
	shape_xor(&second, &rule->second);
	sink_add(s, &first);
	len = make_packet(p, &second);
	if (rule->flip)
		p[rule->flip < 0 ? len - 1 : (size_t)rule->flip] ^= 0x20;
	sink_add_bytes(s, p, len, second.partial);
	coalesce_flush(&s->c);
	if (s->out.n != (rule->merged ? 1 : 2))
		fail_msg("%s, kind %u: %u packets came out", rule->what, kind, s->out.n);
	assert_same_packets(s);
	assert_int_equal(s->c.merged, 2);
	assert_int_equal(s->c.emitted, s->out.n);
	sink_free(s);
}

static void test_rules(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rules); i++)
		for (unsigned kind = 0; kind < ARRAY_LEN(pairs); kind++)
			if (rules[i].kinds & 1u << kind)
				check_rule(&rules[i], kind);
}

/* What no shape can say: bytes changed in both packets, checksums made right again. */
static void test_rules_of_bytes(void **state)
{
	static const struct {
		const char *what;
		unsigned kinds;
		size_t at; /* of the L4 header */
		uint8_t value;
	} rows[] = {
		{ "no TCP flags", TCP, 13, 0 },
		{ "reserved TCP bits", TCP, 12, 0x51 },
		{ "TCP header too short", TCP, 12, 0x40 },
		{ "TCP header too long", TCP, 12, 0xf0 },
		{ "UDP length too short", UDP, 5, 0x10 },
		{ "UDP length too long", UDP, 4, 0xff },
	};
	uint8_t p[2048];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows) * 4; i++) {
		struct sink *s = sink_new(true, true, true);
		bool long_header = rows[i / 4].value == 0xf0;

		for (unsigned k = 0; k < 2 && (rows[i / 4].kinds & 1u << i % 4); k++) {
			struct shape shape = pairs[i % 4][k];
			size_t len;

			shape.payload = long_header ? 30 : PAYLOAD;
			len = make_packet(p, &shape);
			p[l4_at(p) + rows[i / 4].at] = rows[i / 4].value;
			set_l4_csum(p, len, false);
			sink_add_bytes(s, p, len, false);
		}
		coalesce_flush(&s->c);
		if (s->out.n != s->in.n)
			fail_msg("%s, kind %zu: merged", rows[i / 4].what, i % 4);
		assert_same_packets(s);
		sink_free(s);
	}
}

/* UDP without a checksum stays so. */
static void test_udp_without_checksum(void **state)
{
	uint8_t p[2048];

	(void)state;
	for (unsigned kind = 2; kind < 4; kind++) {
		struct sink *s = sink_new(true, true, true);

		for (unsigned k = 0; k < 2; k++) {
			size_t len = make_packet(p, &pairs[kind][k]);

			put16(p + csum_at(p), 0);
			sink_add_bytes(s, p, len, false);
		}
		coalesce_flush(&s->c);
		assert_int_equal(s->out.n, 2);
		assert_same_packets(s);
		sink_free(s);
	}
}

/* Every header field of a super-packet. */
static void test_super_packet_header(void **state)
{
	static const struct {
		struct shape s;
		uint8_t type;
		uint16_t header, start, offset;
	} rows[] = {
		{ { .payload = 500 }, 1, 40, 20, 16 },
		{ { .payload = 500, .tcp_options = 12 }, 1, 52, 20, 16 },
		{ { .payload = 500, .version = 6 }, 4, 60, 40, 16 },
		{ { .payload = 500, .proto = 17 }, 5, 28, 20, 6 },
		{ { .payload = 500, .proto = 17, .version = 6 }, 5, 48, 40, 6 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct sink *s = sink_new(true, true, true);
		struct shape shape = rows[i].s;
		struct raw_vnet raw;
		size_t len;
		uint8_t *p;

		for (unsigned k = 0; k < 3; k++, shape.id++, shape.seq += 500) {
			shape.flags = k == 2 ? FLAG_ACK | FLAG_PSH | FLAG_FIN : FLAG_ACK;
			sink_add(s, &shape);
		}
		assert_int_equal(s->out.n, i < 3 ? 1 : 0); /* PSH ends it at once */
		coalesce_flush(&s->c);
		assert_int_equal(s->out.n, 1);
		raw = sink_vnet(s, 0);
		p = sink_packet(s, 0, &len);
		assert_int_equal(raw.flags, 1);
		assert_int_equal(raw.gso_type, rows[i].type);
		assert_int_equal(raw.gso_size, 500);
		assert_int_equal(raw.hdr_len, rows[i].header);
		assert_int_equal(raw.csum_start, rows[i].start);
		assert_int_equal(raw.csum_offset, rows[i].offset);
		assert_int_equal(len, rows[i].header + 1500);
		if (i < 3) {
			assert_int_equal(p[rows[i].start + 13], FLAG_ACK | FLAG_PSH | FLAG_FIN);
			assert_int_equal(get32(p + rows[i].start + 4), 0);
		}
		assert_same_packets(s);
		sink_free(s);
	}
}

/* How many packets of one size come out of `n` in a row. */
static void test_limits(void **state)
{
	static const struct {
		struct shape s;
		unsigned n, want;
	} rows[] = {
		{ { .payload = 10 }, 64, 1 },
		{ { .payload = 10 }, 65, 2 },
		{ { .payload = 10, .proto = 17 }, 64, 1 },
		{ { .payload = 10, .proto = 17 }, 200, 4 },
		{ { .payload = 1448, .tcp_options = 12 }, 45, 1 },
		{ { .payload = 1448, .tcp_options = 12 }, 46, 2 },
		{ { .payload = 13099 }, 5, 1 }, /* 65495 + 40 */
		{ { .payload = 13100 }, 5, 2 },
		{ { .payload = 13095, .version = 6 }, 5, 1 },
		{ { .payload = 13096, .version = 6 }, 5, 2 },
		{ { .payload = 9358, .proto = 17 }, 7, 1 }, /* 65506 + 28 */
		{ { .payload = 9359, .proto = 17 }, 7, 2 },
		{ { .payload = 65000, .proto = 17 }, 2, 2 },
		{ { .payload = 65495 }, 2, 2 },
		{ { .payload = 65515, .version = 6 }, 2, 2 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct sink *s = sink_new(true, true, true);
		struct shape shape = rows[i].s;

		for (unsigned k = 0; k < rows[i].n; k++) {
			sink_add(s, &shape);
			shape.id++;
			shape.seq += (uint32_t)shape.payload;
		}
		coalesce_flush(&s->c);
		if (s->out.n != rows[i].want)
			fail_msg("row %zu: %u packets came out", i, s->out.n);
		assert_same_packets(s);
		sink_free(s);
	}
}

/* A flow's next packet, equal in all but what has to count up. */
static void add_next(struct sink *s, struct shape *shape)
{
	sink_add(s, shape);
	shape->id++;
	shape->seq += (uint32_t)shape->payload;
}

/* The source port of output number `i`, which tells the flows apart. */
static unsigned port_of_output(const struct sink *s, unsigned i)
{
	size_t len;
	uint8_t *p = sink_packet(s, i, &len);

	return get16(p + l4_at(p));
}

static void test_flush_in_order_of_first_packets(void **state)
{
	struct sink *s = sink_new(true, true, true);
	struct shape flows[OFFLOAD_FLOWS + 1];

	(void)state;
	for (unsigned i = 0; i <= OFFLOAD_FLOWS; i++)
		flows[i] = (struct shape){ .sport = (uint16_t)i,
					   .payload = 100,
					   .version = i % 2 ? 6 : 4,
					   .proto = i % 3 ? IPPROTO_TCP : IPPROTO_UDP };
	for (unsigned i = 0; i < OFFLOAD_FLOWS; i++)
		add_next(s, &flows[i]);
	for (unsigned i = OFFLOAD_FLOWS; i-- > 0;)
		add_next(s, &flows[i]);
	assert_int_equal(s->out.n, 0);
	/* The ninth takes the place of the oldest, whose next one takes that of the second. */
	add_next(s, &flows[OFFLOAD_FLOWS]);
	assert_int_equal(s->out.n, 1);
	assert_int_equal(port_of_output(s, 0), 0);
	add_next(s, &flows[0]);
	assert_int_equal(s->out.n, 2);
	assert_int_equal(port_of_output(s, 1), 1);
	coalesce_flush(&s->c);
	assert_int_equal(s->out.n, OFFLOAD_FLOWS + 2);
	for (unsigned i = 2; i < OFFLOAD_FLOWS + 1; i++)
		assert_int_equal(port_of_output(s, i), i);
	assert_int_equal(port_of_output(s, OFFLOAD_FLOWS + 1), 0);
	/* All slots can be used again. */
	for (unsigned i = 0; i < OFFLOAD_FLOWS; i++)
		add_next(s, &flows[i]);
	assert_int_equal(s->out.n, OFFLOAD_FLOWS + 2);
	coalesce_flush(&s->c);
	assert_int_equal(s->out.n, 2 * OFFLOAD_FLOWS + 2);
	coalesce_flush(&s->c);
	assert_int_equal(s->out.n, 2 * OFFLOAD_FLOWS + 2);
	sink_free(s);
}

/*
 * A packet that cannot be merged sends the open packets off that it may belong to, and no others.
 * Open are: TCP of port 1, UDP of port 1, TCP of port 2, all of host 1; TCP of port 1 of host 2.
 */
static void test_what_goes_first(void **state)
{
	static const struct {
		const char *what;
		struct shape s;
		size_t at;       /* of a byte that is changed; 0: none */
		unsigned before; /* outputs with it */
	} rows[] = {
		{ "pure ACK", { .host = 1, .sport = 1 }, 0, 2 },
		{ "SYN", { .host = 1, .sport = 1, .flags = FLAG_SYN }, 0, 2 },
		{ "RST", { .host = 1, .sport = 2, .flags = FLAG_RST }, 0, 2 },
		{ "PSH out of order",
		  { .host = 1, .sport = 1, .flags = 0x18, .payload = 9 },
		  false,
		  2 },
		{ "empty UDP", { .host = 1, .sport = 1, .proto = 17 }, 0, 2 },
		{ "unknown port", { .host = 1, .sport = 3 }, 0, 1 },
		{ "other host", { .host = 2, .sport = 1 }, 0, 2 },
		{ "unknown host", { .host = 3, .sport = 1 }, 0, 1 },
		{ "IPv6", { .host = 1, .sport = 1, .version = 6 }, 0, 1 },
		{ "ICMP", { .host = 1, .proto = 1, .payload = 50 }, 0, 4 },
		{ "options", { .host = 1, .sport = 1, .ip_options = 4, .payload = 9 }, 0, 4 },
		{ "fragment", { .host = 1, .sport = 7, .proto = 17, .payload = 9 }, 7, 4 },
		{ "ICMP to another", { .host = 1, .proto = 1, .payload = 50 }, 19, 1 },
		{ "ICMP of nobody", { .host = 3, .proto = 1, .payload = 50 }, 0, 1 },
		{ "GRE, IPv6", { .host = 1, .proto = 47, .payload = 9, .version = 6 }, 0, 1 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct sink *s = sink_new(true, true, true);
		uint8_t p[512];
		size_t len;

		sink_add(s, &(struct shape){ .host = 1, .sport = 1, .payload = 9 });
		sink_add(s, &(struct shape){ .host = 1, .sport = 1, .payload = 9, .proto = 17 });
		sink_add(s, &(struct shape){ .host = 1, .sport = 2, .payload = 9 });
		sink_add(s, &(struct shape){ .host = 2, .sport = 1, .payload = 9 });
		len = make_packet(p, &rows[i].s);
		if (rows[i].at) {
			p[rows[i].at] ^= 4;
			set_ip_csum(p);
		}
		sink_add_bytes(s, p, len, false);
		if (s->out.n != rows[i].before)
			fail_msg("%s: %u packets came out", rows[i].what, s->out.n);
		assert_int_equal(s->out.at[s->out.n - 1].len, len + 10);
		assert_memory_equal(s->out.at[s->out.n - 1].data + 10, p, len);
		coalesce_flush(&s->c);
		assert_int_equal(s->out.n, 5);
		sink_free(s);
	}
}

/* Flows that differ in one byte of their addresses or ports are told apart, even with one hash. */
static void test_equal_hashes(void **state)
{
	(void)state;
	for (size_t at = 8; at < 44 + 12; at++) {
		bool v6 = at < 44;
		struct sink *s = sink_new(true, true, true), *other = sink_new(true, true, true);
		struct shape shape = { .version = v6 ? 6 : 4, .payload = 100 };
		uint8_t p[512];
		size_t len;

		add_next(s, &shape);
		len = make_packet(p, &shape);
		p[v6 ? at : at - 44 + 12] ^= 1;
		set_ip_csum(p);
		set_l4_csum(p, len, false);
		sink_add_bytes(other, p, len, false);
		s->c.hash[s->c.order[0]] = other->c.hash[other->c.order[0]];
		sink_add_bytes(s, p, len, false);
		assert_int_equal(s->c.open, 2);
		coalesce_flush(&s->c);
		assert_int_equal(s->out.n, 2);
		assert_same_packets(s);
		sink_free(other);
		sink_free(s);
	}
}

/* The same for what no one byte says: protocol and IP version. */
static void test_equal_hashes_of_other_kinds(void **state)
{
	struct shape shape = { .payload = 100, .sport = 1, .dport = 2 };
	uint8_t v4[512], v6[512], udp[512];
	const struct {
		uint8_t *first, *second;
	} rows[] = { { v4, v6 }, { v6, v4 }, { v4, udp }, { udp, v4 } };

	(void)state;
	make_packet(v4, &shape);
	shape.proto = IPPROTO_UDP;
	make_packet(udp, &shape);
	shape.proto = IPPROTO_TCP;
	shape.version = 6;
	make_packet(v6, &shape);
	/* What is addresses and ports to IPv4 stands at the same place of both. */
	memcpy(v6 + 12, v4 + 12, 12);
	set_l4_csum(v6, 160, false);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct sink *s = sink_new(true, true, true), *other = sink_new(true, true, true);
		size_t len = payload_at(rows[i].first) + 100;

		sink_add_bytes(s, rows[i].first, len, false);
		len = payload_at(rows[i].second) + 100;
		sink_add_bytes(other, rows[i].second, len, false);
		s->c.hash[s->c.order[0]] = other->c.hash[other->c.order[0]];
		sink_add_bytes(s, rows[i].second, len, false);
		assert_int_equal(s->c.open, 2);
		coalesce_flush(&s->c);
		assert_same_packets(s);
		sink_free(other);
		sink_free(s);
	}
}

/* What the device does not take merged comes out alone. */
static void test_devices_that_take_less(void **state)
{
	static const struct {
		bool vnet, tcp, udp;
		unsigned want;
	} rows[] = {
		{ true, true, true, 2 },   { true, true, false, 4 }, { true, false, true, 4 },
		{ true, false, false, 6 }, { false, true, true, 6 }, { false, false, false, 6 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows) * 2; i++) {
		bool vnet = rows[i / 2].vnet, partial = i % 2;
		struct sink *s = sink_new(vnet, rows[i / 2].tcp, rows[i / 2].udp);
		struct shape tcp = { .payload = 100, .partial = partial };
		struct shape udp = {
			.payload = 101, .proto = 17, .version = 6, .partial = partial
		};

		for (unsigned k = 0; k < 3; k++) {
			add_next(s, &tcp);
			add_next(s, &udp);
		}
		coalesce_flush(&s->c);
		assert_int_equal(s->out.n, rows[i / 2].want);
		assert_int_equal(s->c.merged, 6);
		assert_int_equal(s->c.emitted, rows[i / 2].want);
		for (unsigned k = 0; k < s->out.n && !vnet; k++)
			assert_true(naive_is_right(s->out.at[k].data, s->out.at[k].len));
		sink_free(s);
	}
}

/* A partial flag on something that has no such checksum means nothing. */
static void test_partial_flag_that_means_nothing(void **state)
{
	static const struct shape rows[] = {
		{ .proto = 1, .payload = 40 },
		{ .proto = 44, .payload = 40, .version = 6 },
		{ .proto = 47, .payload = 1 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows) * 2; i++) {
		bool vnet = i % 2;
		struct sink *s = sink_new(vnet, true, true);
		uint8_t p[512];
		size_t len = make_packet(p, &rows[i / 2]);

		sink_add_bytes(s, p, len, true);
		assert_int_equal(s->out.n, 1);
		assert_int_equal(s->out.at[0].len, len + (vnet ? 10 : 0));
		assert_memory_equal(s->out.at[0].data + (vnet ? 10 : 0), p, len);
		if (vnet)
			assert_int_equal(sink_vnet(s, 0).flags, 0);
		sink_free(s);
	}
}

/* Packets that end within the TCP or UDP header, or before the ports. */
static void test_short_packets(void **state)
{
	uint8_t p[64];

	(void)state;
	for (size_t i = 0; i < 20 * 8; i++) {
		size_t n = i / 8;
		struct shape shape = { .version = i & 1 ? 6 : 4, .proto = i & 2 ? 17 : 6 };
		struct sink *s = sink_new(i & 4, true, true);
		size_t l4;

		make_packet(p, &shape);
		l4 = l4_at(p);
		put16(p + (i & 1 ? 4 : 2), i & 1 ? n : l4 + n);
		set_ip_csum(p);
		sink_add_bytes(s, p, l4 + n, true);
		sink_add_bytes(s, p, l4 + n, false);
		coalesce_flush(&s->c);
		assert_int_equal(s->out.n, 2);
		for (unsigned k = 0; k < 2; k++)
			assert_int_equal(s->out.at[k].len, l4 + n + (i & 4 ? 10 : 0));
		if (i & 4) /* the kernel is not asked for a checksum that has no place */
			assert_int_equal(sink_vnet(s, 0).flags, n >= (i & 2 ? 8 : 18));
		sink_free(s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rules),
		cmocka_unit_test(test_rules_of_bytes),
		cmocka_unit_test(test_udp_without_checksum),
		cmocka_unit_test(test_super_packet_header),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_flush_in_order_of_first_packets),
		cmocka_unit_test(test_what_goes_first),
		cmocka_unit_test(test_equal_hashes),
		cmocka_unit_test(test_equal_hashes_of_other_kinds),
		cmocka_unit_test(test_devices_that_take_less),
		cmocka_unit_test(test_partial_flag_that_means_nothing),
		cmocka_unit_test(test_short_packets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
