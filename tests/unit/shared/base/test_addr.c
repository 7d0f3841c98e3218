/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <string.h>

#include "shared/base/addr.h"

/* A row: text in, text out; NULL when it must be refused. */
static const struct {
	const char *in, *out;
} addresses[] = {
	{ "0.0.0.0", "0.0.0.0" },
	{ "10.20.30.40", "10.20.30.40" },
	{ "255.255.255.255", "255.255.255.255" },
	{ "2001:DB8::1", "2001:db8::1" },
	{ "::", "::" },
	{ "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8" },
	{ "::ffff:10.0.0.1", "::ffff:10.0.0.1" },
	{ "", NULL },
	{ " 10.0.0.1", NULL },
	{ "10.0.0.1 ", NULL },
	{ "10.0.0", NULL },
	{ "10.0.0.256", NULL },
	{ "010.0.0.1", NULL },
	{ "0x0a.0.0.1", NULL },
	{ "10.0.0.1.2", NULL },
	{ "1::2::3", NULL },
	{ "fe80::1%1", NULL },
	{ "[::1]", NULL },
	{ ":::", NULL },
	{ "12345::", NULL },
	{ "localhost", NULL },
};

static void addr_rows(void **unused)
{
	char text[ADDR_STR_SIZE];
	struct addr a;

	(void)unused;
	for (size_t i = 0; i < ARRAY_LEN(addresses); i++) {
		memset(&a, 7, sizeof(a));
		if (addr_parse(addresses[i].in, &a)) {
			assert_null(addresses[i].out);
			assert_int_equal(a.family, 7);
			continue;
		}
		assert_non_null(addresses[i].out);
		assert_string_equal(addr_format(&a, text), addresses[i].out);
	}
	assert_string_equal(addr_format(&(struct addr){ 0 }, text), "none");
}

/* In ascending order. */
static const char *const ascending[] = { "0.0.0.1", "9.0.0.0", "10.0.0.0", "255.0.0.0",
					 "::",      "::1",     "2001::",   "ff00::" };

static struct addr parsed(const char *s)
{
	struct addr a;

	assert_int_equal(addr_parse(s, &a), ERR_OK);
	return a;
}

static void ordering(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < ARRAY_LEN(ascending); i++)
		for (size_t j = 0; j < ARRAY_LEN(ascending); j++) {
			struct addr a = parsed(ascending[i]), b = parsed(ascending[j]);
			int d = addr_cmp(&a, &b);

			assert_int_equal((d > 0) - (d < 0), (i > j) - (i < j));
			assert_int_equal(addr_equal(&a, &b), i == j);
		}
}

static const struct {
	const char *text;
	bool special;
} specials[] = {
	{ "0.0.0.0", true },
	{ "127.0.0.1", true },
	{ "127.255.255.255", true },
	{ "224.0.0.1", true },
	{ "239.255.255.255", true },
	{ "255.255.255.255", true },
	{ "::", true },
	{ "::1", true },
	{ "ff02::1", true },
	{ "::ffff:127.0.0.1", true },
	{ "::ffff:224.0.0.1", true },
	{ "0.0.0.1", false },
	{ "10.0.0.1", false },
	{ "128.0.0.1", false },
	{ "223.255.255.255", false },
	{ "240.0.0.1", false },
	{ "169.254.1.1", false },
	{ "fe80::1", false },
	{ "fd00::1", false },
	{ "2001:db8::1", false },
	{ "::2", false },
	{ "::ffff:10.0.0.1", false },
};

static void special_rows(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < ARRAY_LEN(specials); i++) {
		struct addr a = parsed(specials[i].text);

		if (addr_is_special(&a) != specials[i].special)
			fail_msg("%s", specials[i].text);
	}
	assert_true(addr_is_special(&(struct addr){ 0 }));
}

static const struct {
	const char *in;
	uint16_t default_port;
	const char *out;
} endpoints[] = {
	{ "1.2.3.4:655", 0, "1.2.3.4:655" },
	{ "1.2.3.4:1", 6655, "1.2.3.4:1" },
	{ "1.2.3.4", 6655, "1.2.3.4:6655" },
	{ "[2001:db8::1]:65535", 0, "[2001:db8::1]:65535" },
	{ "[2001:db8::1]", 6655, "[2001:db8::1]:6655" },
	{ "2001:db8::1", 6655, "[2001:db8::1]:6655" },
	{ "[fe80::1%3]:655", 0, "[fe80::1%3]:655" },
	{ "fe80::1%4294967295", 9, "[fe80::1%4294967295]:9" },
	{ "1.2.3.4", 0, NULL },
	{ "2001:db8::1", 0, NULL },
	{ "[2001:db8::1]", 0, NULL },
	{ "1.2.3.4:", 6655, NULL },
	{ "1.2.3.4:0", 6655, NULL },
	{ "1.2.3.4:65536", 6655, NULL },
	{ "1.2.3.4:0655", 6655, NULL },
	{ "1.2.3.4:+655", 6655, NULL },
	{ "1.2.3.4: 655", 6655, NULL },
	{ "1.2.3.4:655 ", 6655, NULL },
	{ "[1.2.3.4]:655", 0, NULL },
	{ "[2001:db8::1]655", 0, NULL },
	{ "[2001:db8::1", 655, NULL },
	{ "[2001:db8::1]:", 655, NULL },
	{ "[2001:db8::1%3]:655", 0, NULL }, /* a scope only where it means something */
	{ "[fe80::1%eth0]:655", 0, NULL },
	{ "[fe80::1%4294967296]:655", 0, NULL },
	{ "[fe80::1%]:655", 0, NULL },
	{ "1.2.3.4%3:655", 0, NULL },
	{ "", 655, NULL },
	{ ":655", 0, NULL },
	{ "[]:655", 0, NULL },
	{ "host:655", 0, NULL },
};

static void endpoint_rows(void **unused)
{
	char text[ENDPOINT_STR_SIZE];
	struct sockaddr_storage ss;
	struct endpoint e, back;

	(void)unused;
	for (size_t i = 0; i < ARRAY_LEN(endpoints); i++) {
		if (endpoint_parse(endpoints[i].in, endpoints[i].default_port, &e)) {
			if (endpoints[i].out)
				fail_msg("%s refused", endpoints[i].in);
			continue;
		}
		if (!endpoints[i].out)
			fail_msg("%s accepted", endpoints[i].in);
		assert_string_equal(endpoint_format(&e, text), endpoints[i].out);
		assert_int_equal(endpoint_from_sockaddr(&ss, endpoint_to_sockaddr(&e, &ss), &back),
				 ERR_OK);
		assert_true(endpoint_equal(&e, &back));
	}
}

static void sockaddr_edges(void **unused)
{
	struct sockaddr_storage ss = { .ss_family = AF_INET6 };
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&ss;
	char text[ENDPOINT_STR_SIZE];
	struct endpoint e;

	(void)unused;
	in6->sin6_port = htons(99);
	in6->sin6_scope_id = 5;
	assert_int_equal(inet_pton(AF_INET6, "::ffff:10.1.2.3", &in6->sin6_addr), 1);
	assert_int_equal(endpoint_from_sockaddr(&ss, sizeof(*in6), &e), ERR_OK);
	assert_string_equal(endpoint_format(&e, text), "10.1.2.3:99");
	assert_int_equal(e.scope_id, 0);
	assert_int_equal(endpoint_from_sockaddr(&ss, sizeof(*in6) - 1, &e), ERR_INVALID);
	assert_int_equal(endpoint_from_sockaddr(&ss, 0, &e), ERR_INVALID);
	ss.ss_family = AF_UNIX;
	assert_int_equal(endpoint_from_sockaddr(&ss, sizeof(ss), &e), ERR_INVALID);
	assert_false(endpoint_is_set(&(struct endpoint){ 0 }));
}

/* A carrier is an endpoint of its own, never the text or socket address of anything. */
static void test_carrier(void **state)
{
	const struct endpoint a = endpoint_of_carrier(1), b = endpoint_of_carrier(0xfffefdfc);
	struct endpoint v4 = { .addr = { .family = AF_INET, .b = { 0, 0, 0, 1 } } };
	struct sockaddr_storage ss;
	char text[ENDPOINT_STR_SIZE];

	(void)state;
	assert_true(endpoint_is_set(&a));
	assert_true(endpoint_is_carrier(&a));
	assert_int_equal(endpoint_carrier(&a), 1);
	assert_int_equal(endpoint_carrier(&b), 0xfffefdfc);
	assert_false(endpoint_equal(&a, &b));
	assert_false(endpoint_equal(&a, &v4));
	assert_false(endpoint_is_carrier(&v4));
	assert_int_equal(endpoint_carrier(&v4), 0);
	assert_string_equal(endpoint_format(&a, text), "tcp");
	assert_int_equal(endpoint_parse(text, 655, &v4), ERR_INVALID);
	endpoint_to_sockaddr(&a, &ss);
	assert_int_equal(ss.ss_family, AF_UNSPEC);
	assert_true(addr_is_special(&a.addr));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addr_rows),      cmocka_unit_test(ordering),
		cmocka_unit_test(special_rows),   cmocka_unit_test(endpoint_rows),
		cmocka_unit_test(sockaddr_edges), cmocka_unit_test(test_carrier),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
