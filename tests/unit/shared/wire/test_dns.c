/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/wire/dns.h"

#include <stdarg.h>
#include <setjmp.h>
#include <string.h>
#include <cmocka.h>

/* A message of literals, whose end mark does not count. */
#define MSG(s)                   (const uint8_t *)(s), sizeof(s) - 1
#define HEAD                     "\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00"
#define OSLO                     "\x04OsLo\x03net\x08internal\x00"
#define IN_A                     "\x00\x01\x00\x01"
#define OPT(size, version, data) "\x00\x00\x29" size "\x00" version "\x00\x00\x00" data

struct row {
	const char *what;
	const uint8_t *msg;
	size_t n;
	enum err err;
	enum dns_rcode rcode;
	const char *name; /* NULL: the question was not understood */
};

static const struct row rows[] = {
	{ "a question", MSG(HEAD "\x00" OSLO IN_A), ERR_OK, DNS_NOERROR, "oslo.net.internal" },
	{ "the root", MSG(HEAD "\x00\x00" IN_A), ERR_OK, DNS_NOERROR, "" },
	{ "bytes that no name of ours has",
	  MSG(HEAD "\x00\x04"
		   "a.\\\xff\x00" IN_A),
	  ERR_OK, DNS_NOERROR, "a\\\\\\" },
	{ "EDNS", MSG(HEAD "\x01" OSLO IN_A OPT("\x10\x00", "\x00", "\x00")), ERR_OK, DNS_NOERROR,
	  "oslo.net.internal" },
	{ "EDNS with an option",
	  MSG(HEAD "\x01" OSLO IN_A OPT("\x10\x00", "\x00", "\x06\x00\x0a\x00\x02xy")), ERR_OK,
	  DNS_NOERROR, "oslo.net.internal" },
	{ "another version of EDNS", MSG(HEAD "\x01" OSLO IN_A OPT("\x10\x00", "\x01", "\x00")),
	  ERR_OK, DNS_BADVERS, "oslo.net.internal" },
	{ "nothing", MSG(""), ERR_INVALID, 0, NULL },
	{ "less than a header", MSG(HEAD), ERR_INVALID, 0, NULL },
	{ "a reply", MSG("\x12\x34\x81\x00\x00\x01\x00\x00\x00\x00\x00\x00" OSLO IN_A), ERR_INVALID,
	  0, NULL },
	{ "another opcode", MSG("\x12\x34\x29\x00\x00\x01\x00\x00\x00\x00\x00\x00" OSLO IN_A),
	  ERR_OK, DNS_NOTIMP, NULL },
	{ "a question that was cut",
	  MSG("\x12\x34\x03\x00\x00\x01\x00\x00\x00\x00\x00\x00" OSLO IN_A), ERR_OK, DNS_FORMERR,
	  NULL },
	{ "no question", MSG("\x12\x34\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00"), ERR_OK,
	  DNS_FORMERR, NULL },
	{ "two questions",
	  MSG("\x12\x34\x01\x00\x00\x02\x00\x00\x00\x00\x00\x00" OSLO IN_A OSLO IN_A), ERR_OK,
	  DNS_FORMERR, NULL },
	{ "an answer", MSG("\x12\x34\x01\x00\x00\x01\x00\x01\x00\x00\x00\x00" OSLO IN_A), ERR_OK,
	  DNS_FORMERR, NULL },
	{ "two records behind it", MSG(HEAD "\x02" OSLO IN_A OPT("\x10\x00", "\x00", "\x00")),
	  ERR_OK, DNS_FORMERR, NULL },
	{ "a record that is not OPT",
	  MSG(HEAD "\x01" OSLO IN_A "\x00\x00\x01\x00\x01\x00\x00\x00\x00\x00\x00"), ERR_OK,
	  DNS_FORMERR, "oslo.net.internal" },
	{ "OPT with a name",
	  MSG(HEAD "\x01" OSLO IN_A "\x01x\x00\x00\x29\x10\x00\x00\x00\x00\x00\x00\x00"), ERR_OK,
	  DNS_FORMERR, "oslo.net.internal" },
	{ "an option that is longer than its record",
	  MSG(HEAD "\x01" OSLO IN_A OPT("\x10\x00", "\x00", "\x06\x00\x0a\x00\x03xy")), ERR_OK,
	  DNS_FORMERR, "oslo.net.internal" },
	{ "a pointer", MSG(HEAD "\x00\xc0\x0c" IN_A), ERR_OK, DNS_FORMERR, NULL },
	{ "a label of an unknown kind",
	  MSG(HEAD "\x00\x41"
		   "a\x00" IN_A),
	  ERR_OK, DNS_FORMERR, NULL },
	{ "a name without an end", MSG(HEAD "\x00\x04oslo"), ERR_OK, DNS_FORMERR, NULL },
	{ "a name that ends inside a label", MSG(HEAD "\x00\x09oslo"), ERR_OK, DNS_FORMERR, NULL },
	{ "no type", MSG(HEAD "\x00" OSLO "\x00\x01\x00"), ERR_OK, DNS_FORMERR, NULL },
	{ "something left over", MSG(HEAD "\x00" OSLO IN_A "x"), ERR_OK, DNS_FORMERR,
	  "oslo.net.internal" },
};

static void test_decode(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct row *r = &rows[i];
		struct dns_query q;
		enum err e = dns_query_decode(r->msg, r->n, &q);

		if (e != r->err || (!e && q.rcode != r->rcode))
			fail_msg("%s: %d, rcode %d", r->what, e, q.rcode);
		if (e)
			continue;
		assert_int_equal(q.id, 0x1234);
		if ((q.question != NULL) != (r->name != NULL) ||
		    (r->name && strcmp(q.name, r->name) != 0))
			fail_msg("%s: \"%s\"", r->what, q.name);
	}
}

/* 255 bytes are a name, 256 are not (RFC 1035, 2.3.4). */
static void test_long_names(void **state)
{
	uint8_t msg[400] = { 0x12, 0x34, 1, 0, 0, 1 };
	struct dns_query q;

	(void)state;
	for (uint8_t last = 61; last <= 62; last++) {
		size_t n = DNS_HEADER_BYTES;

		for (int i = 0; i < 3; i++) {
			msg[n++] = 63;
			memset(msg + n, 'a', 63);
			n += 63;
		}
		msg[n++] = last;
		memset(msg + n, 'b', last);
		n += last;
		memcpy(msg + n, "\x00\x00\x01\x00\x01", 5);
		n += 5;
		assert_int_equal(dns_query_decode(msg, n, &q), ERR_OK);
		assert_int_equal(q.rcode, last == 61 ? DNS_NOERROR : DNS_FORMERR);
		assert_int_equal(strlen(q.name), last == 61 ? 253 : 0);
	}
}

static void test_sizes(void **state)
{
	static const struct {
		const uint8_t *msg;
		size_t n;
		uint16_t bytes;
	} sizes[] = {
		{ MSG(HEAD "\x00" OSLO IN_A), 512 },
		{ MSG(HEAD "\x01" OSLO IN_A OPT("\x00\x10", "\x00", "\x00")), 512 },
		{ MSG(HEAD "\x01" OSLO IN_A OPT("\x03\x00", "\x00", "\x00")), 768 },
		{ MSG(HEAD "\x01" OSLO IN_A OPT("\xff\xff", "\x00", "\x00")), 1232 },
	};
	struct dns_query q;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		assert_int_equal(dns_query_decode(sizes[i].msg, sizes[i].n, &q), ERR_OK);
		assert_int_equal(q.udp_bytes, sizes[i].bytes);
	}
}

/* A whole reply, byte for byte. */
static void test_reply(void **state)
{
	static const uint8_t want[] =
		"\x12\x34\x85\x00\x00\x01\x00\x02\x00\x00\x00\x01" OSLO IN_A
		"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04\x0a\x01\x02\x03"
		"\xc0\x0c\x00\x0c\x00\x01\x00\x00\x00\x3c\x00\x0a\x01"
		"a\x02"
		"bc\x03net\x00"
		"\x00\x00\x29\x04\xd0\x00\x00\x00\x00\x00\x00";
	static const uint8_t msg[] = HEAD "\x01" OSLO IN_A OPT("\x10\x00", "\x00", "\x00");
	const struct addr a = { .family = AF_INET, .b = { 10, 1, 2, 3 } };
	uint8_t out[DNS_UDP_BYTES];
	struct dns_reply r;
	struct dns_query q;

	(void)state;
	assert_int_equal(dns_query_decode(msg, sizeof(msg) - 1, &q), ERR_OK);
	dns_reply_begin(&r, &q, out, sizeof(out));
	dns_reply_address(&r, &a, 60);
	dns_reply_name(&r, DNS_PTR, "a.bc.net", 60);
	assert_int_equal(dns_reply_end(&r, DNS_NOERROR), sizeof(want) - 1);
	assert_memory_equal(out, want, sizeof(want) - 1);
}

/* What does not fit leaves a question with TC, and the OPT that was promised. */
static void test_truncation(void **state)
{
	static const uint8_t msg[] = HEAD "\x01" OSLO IN_A OPT("\x02\x00", "\x00", "\x00");
	const struct addr a = { .family = AF_INET6, .b = { 0xfd } };
	uint8_t out[DNS_UDP_BYTES];
	struct dns_reply r;
	struct dns_query q;
	size_t n;

	(void)state;
	assert_int_equal(dns_query_decode(msg, sizeof(msg) - 1, &q), ERR_OK);
	for (unsigned records = 16; records <= 17; records++) {
		dns_reply_begin(&r, &q, out, sizeof(out));
		for (unsigned i = 0; i < records; i++)
			dns_reply_address(&r, &a, 60);
		n = dns_reply_end(&r, DNS_NOERROR);
		assert_int_equal((out[2] & 2) != 0, records == 17);
		assert_int_equal(out[7], records == 17 ? 0 : 16);
		assert_int_equal(n, DNS_HEADER_BYTES + q.question_bytes +
					    (records == 17 ? 0 : 16 * 28) + 11);
	}
}

/* A result of more than four bits is split over header and OPT (RFC 6891, 6.1.3). */
static void test_extended_result(void **state)
{
	static const uint8_t msg[] = HEAD "\x01" OSLO IN_A OPT("\x02\x00", "\x01", "\x00");
	uint8_t out[DNS_UDP_BYTES];
	struct dns_reply r;
	struct dns_query q;
	size_t n;

	(void)state;
	assert_int_equal(dns_query_decode(msg, sizeof(msg) - 1, &q), ERR_OK);
	dns_reply_begin(&r, &q, out, sizeof(out));
	n = dns_reply_end(&r, q.rcode);
	assert_int_equal(out[3] & 0xf, 0);
	assert_int_equal(out[n - 6], 1);
}

static void test_names(void **state)
{
	(void)state;
	assert_true(dns_name_is_valid("oslo"));
	assert_true(dns_name_is_valid("a.b-c._d"));
	assert_false(dns_name_is_valid(""));
	assert_false(dns_name_is_valid("a..b"));
	assert_false(dns_name_is_valid("a."));
	assert_true(dns_name_is_valid(
		"aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffggg.x"));
	assert_false(dns_name_is_valid(
		"aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffgggg.x"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_decode),     cmocka_unit_test(test_long_names),
		cmocka_unit_test(test_sizes),      cmocka_unit_test(test_reply),
		cmocka_unit_test(test_truncation), cmocka_unit_test(test_extended_result),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
