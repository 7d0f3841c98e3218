/* SPDX-License-Identifier: GPL-3.0-or-later */
/* zone and answer: the network below, asked by each of its nodes. */
#include "shared/dns/answer.h"

#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

enum { HUB = 1, OSLO, BERGEN, NORTH, CASE, ODD };

static struct zone zone;

static struct addr v4(uint8_t a, uint8_t b, uint8_t c, uint8_t d)
{
	return (struct addr){ .family = AF_INET, .b = { a, b, c, d } };
}

static void put(uint32_t id, const char *name, uint64_t groups, uint64_t reach)
{
	struct dns_node n = { .id = id, .hub = id == HUB, .groups = groups, .reach = reach };

	snprintf(n.name, sizeof(n.name), "%s", name);
	n.addresses[0] = v4(192, 168, 100, (uint8_t)id);
	if (id == OSLO)
		n.addresses[1] = (struct addr){ .family = AF_INET6, .b = { 0xfd, [15] = OSLO } };
	assert_int_equal(zone_put(&zone, &n), ERR_OK);
}

static void put_subnet(uint32_t id, struct addr a, uint8_t len, uint32_t weight)
{
	static struct dns_subnets m;

	m = (struct dns_subnets){ .id = id, .n = 1 };
	m.list[0] = (struct node_subnet){ .prefix = { a, len }, .weight = weight };
	assert_int_equal(zone_put_subnets(&zone, &m), ERR_OK);
}

static int set_up(void **state)
{
	static const struct dns_self self = {
		.id = HUB,
		.pools = { { .addr = { .family = AF_INET, .b = { 192, 168, 100 } }, .len = 24 } },
	};

	(void)state;
	assert_int_equal(zone_init(&zone, "NET"), ERR_OK);
	zone_reset(&zone, &self);
	put(HUB, "HQ", 1, 1);
	put(OSLO, "oslo", 1, 1);
	put(BERGEN, "bergen", 2, 2);
	put(NORTH, "a.north", 1, 1);
	put(CASE, "OSLO", 1, 1);
	put(ODD, "a..b", 1, 1);
	put_subnet(OSLO, v4(10, 1, 0, 0), 16, 10);
	put_subnet(NORTH, v4(10, 1, 2, 0), 24, 10);
	put_subnet(BERGEN, v4(10, 9, 0, 0), 16, 10);
	/* The same behind two: lower wins, both are named. */
	put_subnet(OSLO, v4(10, 5, 0, 0), 16, 20);
	put_subnet(NORTH, v4(10, 5, 0, 0), 16, 10);
	zone.revision = 7;
	zone.ready = true;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	zone_fini(&zone);
	return 0;
}

static const char *asker_name[] = { [HUB] = "hq", [OSLO] = "oslo", [BERGEN] = "bergen" };

/* Asks, and leaves the reply in `out`. */
static size_t ask(uint32_t asker, const char *name, uint16_t type, uint8_t out[DNS_TCP_BYTES])
{
	uint8_t msg[DNS_QUERY_MAX_BYTES];
	struct dns_query q;
	struct cursor c;

	cursor_init_write(&c, msg, sizeof(msg));
	cursor_put_bytes(&c, "\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00", 12);
	while (*name) {
		size_t n = strcspn(name, ".");

		cursor_put_u8(&c, (uint8_t)n);
		cursor_put_bytes(&c, name, n);
		name += n + (name[n] == '.');
	}
	cursor_put_u8(&c, 0);
	cursor_put_be16(&c, type);
	cursor_put_be16(&c, DNS_CLASS_IN);
	assert_int_equal(dns_query_decode(msg, cursor_pos(&c), &q), ERR_OK);
	assert_int_equal(q.rcode, DNS_NOERROR);
	return answer_query(&zone, asker ? zone_find(&zone, asker_name[asker]) : NULL, &q, out,
			    DNS_TCP_BYTES);
}

struct row {
	uint32_t asker;
	const char *name;
	uint16_t type;
	enum dns_rcode rcode;
	uint8_t answers, authority;
	const char *has; /* bytes of the reply; NULL: not looked at */
	size_t n_has;
};

#define HAS(s)  s, sizeof(s) - 1
#define NOTHING NULL, 0

static const struct row rows[] = {
	{ OSLO, "oslo.net.internal", DNS_A, DNS_NOERROR, 1, 0, HAS("\x00\x04\xc0\xa8\x64\x02") },
	{ OSLO, "oslo.net.internal", DNS_AAAA, DNS_NOERROR, 1, 0, HAS("\x00\x10\xfd\x00") },
	{ OSLO, "oslo.net.internal", DNS_ANY, DNS_NOERROR, 2, 0, NOTHING },
	{ OSLO, "oslo.net.internal", 15, DNS_NOERROR, 0, 1, NOTHING },
	{ OSLO, "hq.net.internal", DNS_AAAA, DNS_NOERROR, 0, 1, NOTHING },
	{ OSLO, "hq.net.internal", DNS_A, DNS_NOERROR, 1, 0, NOTHING },
	{ OSLO, "nobody.net.internal", DNS_A, DNS_NXDOMAIN, 0, 1,
	  HAS("\x02hq\x03net\x08internal\x00\x0ahostmaster") },
	{ OSLO, "x.oslo.net.internal", DNS_A, DNS_NXDOMAIN, 0, 1, NOTHING },
	{ OSLO, "a.north.net.internal", DNS_A, DNS_NOERROR, 1, 0, NOTHING },
	{ OSLO, "north.net.internal", DNS_A, DNS_NOERROR, 0, 1, NOTHING },
	{ OSLO, "orth.net.internal", DNS_A, DNS_NXDOMAIN, 0, 1, NOTHING },
	{ OSLO, "bergen.net.internal", DNS_A, DNS_NXDOMAIN, 0, 1, NOTHING },
	{ BERGEN, "bergen.net.internal", DNS_A, DNS_NOERROR, 1, 0, NOTHING },
	{ BERGEN, "hq.net.internal", DNS_A, DNS_NOERROR, 1, 0, NOTHING },
	{ BERGEN, "oslo.net.internal", DNS_A, DNS_NXDOMAIN, 0, 1, NOTHING },
	{ HUB, "bergen.net.internal", DNS_A, DNS_NOERROR, 1, 0, NOTHING },
	{ 0, "hq.net.internal", DNS_A, DNS_REFUSED, 0, 0, NOTHING },
	{ OSLO, "net.internal", DNS_SOA, DNS_NOERROR, 1, 0, HAS("\x00\x00\x00\x07") },
	{ OSLO, "net.internal", DNS_NS, DNS_NOERROR, 1, 0, HAS("\x02hq\x03net") },
	{ OSLO, "net.internal", DNS_A, DNS_NOERROR, 0, 1, NOTHING },
	{ OSLO, "internal", DNS_SOA, DNS_REFUSED, 0, 0, NOTHING },
	{ OSLO, "xnet.internal", DNS_A, DNS_REFUSED, 0, 0, NOTHING },
	{ OSLO, "oslo.net.internal", 252, DNS_REFUSED, 0, 0, NOTHING },
	{ OSLO, "oslo.net.internal", DNS_OPT, DNS_REFUSED, 0, 0, NOTHING },
	/* addresses */
	{ OSLO, "2.100.168.192.in-addr.arpa", DNS_PTR, DNS_NOERROR, 1, 0, HAS("\x04oslo\x03net") },
	{ OSLO, "2.100.168.192.in-addr.arpa", DNS_A, DNS_NOERROR, 0, 1, NOTHING },
	{ OSLO, "99.100.168.192.in-addr.arpa", DNS_PTR, DNS_NXDOMAIN, 0, 1, NOTHING },
	{ OSLO, "3.100.168.192.in-addr.arpa", DNS_PTR, DNS_NXDOMAIN, 0, 1, NOTHING },
	{ HUB, "3.100.168.192.in-addr.arpa", DNS_PTR, DNS_NOERROR, 1, 0, NOTHING },
	/* one without a name, and one whose name another has */
	{ HUB, "6.100.168.192.in-addr.arpa", DNS_PTR, DNS_NXDOMAIN, 0, 1, NOTHING },
	{ HUB, "5.100.168.192.in-addr.arpa", DNS_PTR, DNS_NXDOMAIN, 0, 1, NOTHING },
	{ OSLO, "9.9.1.10.in-addr.arpa", DNS_PTR, DNS_NOERROR, 1, 0, HAS("\x04oslo") },
	{ OSLO, "9.2.1.10.in-addr.arpa", DNS_PTR, DNS_NOERROR, 1, 0, HAS("\x05north") },
	{ OSLO, "9.2.5.10.in-addr.arpa", DNS_PTR, DNS_NOERROR, 2, 0, NOTHING },
	{ OSLO, "9.2.9.10.in-addr.arpa", DNS_PTR, DNS_NXDOMAIN, 0, 1, NOTHING },
	{ OSLO, "9.2.7.10.in-addr.arpa", DNS_PTR, DNS_REFUSED, 0, 0, NOTHING },
	{ OSLO, "2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.d.f.ip6.arpa", DNS_PTR,
	  DNS_NOERROR, 1, 0, HAS("\x04oslo\x03net") },
	{ OSLO, "2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.e.f.ip6.arpa", DNS_PTR,
	  DNS_REFUSED, 0, 0, NOTHING },
	{ OSLO, "100.168.192.in-addr.arpa", DNS_SOA, DNS_NOERROR, 1, 0, NOTHING },
	{ OSLO, "168.192.in-addr.arpa", DNS_NS, DNS_NOERROR, 0, 1, NOTHING },
	{ OSLO, "10.in-addr.arpa", DNS_NS, DNS_REFUSED, 0, 0, NOTHING },
	{ OSLO, "in-addr.arpa", DNS_NS, DNS_REFUSED, 0, 0, NOTHING },
	{ OSLO, "ip6.arpa", DNS_NS, DNS_REFUSED, 0, 0, NOTHING },
	{ OSLO, "02.100.168.192.in-addr.arpa", DNS_PTR, DNS_REFUSED, 0, 0, NOTHING },
	{ OSLO, "256.100.168.192.in-addr.arpa", DNS_PTR, DNS_REFUSED, 0, 0, NOTHING },
	{ OSLO, "1.2.100.168.192.in-addr.arpa", DNS_PTR, DNS_REFUSED, 0, 0, NOTHING },
	{ OSLO, "10.d.f.ip6.arpa", DNS_PTR, DNS_REFUSED, 0, 0, NOTHING },
};

static void test_answers(void **state)
{
	uint8_t out[DNS_TCP_BYTES];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct row *r = &rows[i];
		size_t n = ask(r->asker, r->name, r->type, out);

		if ((out[3] & 0xf) != r->rcode || out[7] != r->answers || out[9] != r->authority)
			fail_msg("%s %u for %u: rcode %d, %d and %d records", r->name, r->type,
				 r->asker, out[3] & 0xf, out[7], out[9]);
		if (((out[2] & 4) != 0) == (r->rcode == DNS_REFUSED))
			fail_msg("%s %u: AA is wrong", r->name, r->type);
		if (r->has && !memmem(out, n, r->has, r->n_has))
			fail_msg("%s %u: it does not say what it should", r->name, r->type);
	}
}

/* The negative answer is about the zone that encloses the name (RFC 2308, 3). */
static void test_soa_owner(void **state)
{
	uint8_t out[DNS_TCP_BYTES];
	size_t at;

	(void)state;
	(void)ask(OSLO, "nobody.net.internal", DNS_A, out);
	at = 12 + sizeof("\x06nobody\x03net\x08internal") + 4;
	assert_memory_equal(out + at, "\xc0\x13\x00\x06", 4);
	(void)ask(OSLO, "99.100.168.192.in-addr.arpa", DNS_PTR, out);
	at = 12 + sizeof("99.100.168.192.in-addr.arpa") + 1 + 4;
	assert_memory_equal(out + at, "\xc0\x0f\x00\x06", 4);
}

/* Who comes back by another name, and who inherits one. */
static void test_changes(void **state)
{
	uint8_t out[DNS_TCP_BYTES];

	(void)state;
	zone_remove(&zone, OSLO);
	assert_int_equal(zone_find(&zone, "oslo")->id, CASE);
	(void)ask(HUB, "9.9.1.10.in-addr.arpa", DNS_PTR, out);
	assert_int_equal(out[3] & 0xf, DNS_REFUSED);
	(void)ask(HUB, "9.2.5.10.in-addr.arpa", DNS_PTR, out);
	assert_int_equal(out[7], 1);
	put(OSLO, "Oslo", 1, 1);
	assert_int_equal(zone_find(&zone, "oslo")->id, OSLO);
	put(NORTH, "narvik", 1, 1);
	(void)ask(HUB, "north.net.internal", DNS_A, out);
	assert_int_equal(out[3] & 0xf, DNS_NXDOMAIN);
	assert_int_equal(zone.dotted, 0);
}

static void test_not_ready(void **state)
{
	uint8_t out[DNS_TCP_BYTES];

	(void)state;
	zone.ready = false;
	(void)ask(OSLO, "oslo.net.internal", DNS_A, out);
	assert_int_equal(out[3] & 0xf, DNS_SERVFAIL);
}

static void test_networks(void **state)
{
	struct zone z;

	(void)state;
	assert_int_equal(zone_init(&z, "a..b"), ERR_INVALID);
	assert_int_equal(zone_init(&z, "b."), ERR_INVALID);
	assert_int_equal(zone_init(&z, "Two.Words"), ERR_OK);
	assert_string_equal(z.apex, "two.words.internal");
	zone_fini(&z);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_answers, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_soa_owner, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_changes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_not_ready, set_up, tear_down),
		cmocka_unit_test(test_networks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
