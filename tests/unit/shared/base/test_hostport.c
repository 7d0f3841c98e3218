/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>
#include <sys/socket.h>

#include "shared/base/hostport.h"

static void splitting(void **state)
{
	static const struct {
		const char *text, *host;
		uint16_t port;
	} cases[] = {
		{ "hq.example.com", "hq.example.com", 6655 },
		{ "hq.example.com:443", "hq.example.com", 443 },
		{ "hq.example.com 443", "hq.example.com", 443 },
		{ "192.0.2.1", "192.0.2.1", 6655 },
		{ "192.0.2.1:1", "192.0.2.1", 1 },
		{ "2001:db8::1", "2001:db8::1", 6655 },
		{ "2001:db8::1 443", "2001:db8::1", 443 },
		{ "[2001:db8::1]", "2001:db8::1", 6655 },
		{ "[2001:db8::1]:65535", "2001:db8::1", 65535 },
		{ "[2001:db8::1]\t443", "2001:db8::1", 443 },
		{ "", NULL, 0 },
		{ ":443", NULL, 0 },
		{ "host:", NULL, 0 },
		{ "host:0", NULL, 0 },
		{ "host:65536", NULL, 0 },
		{ "host:12a", NULL, 0 },
		{ "host 1 2", NULL, 0 },
		{ "a/b", NULL, 0 },
		{ "a,b", NULL, 0 },
		{ "[2001:db8::1", NULL, 0 },
		{ "[host]:1", NULL, 0 },
		{ "[2001:db8::1]x", NULL, 0 },
		{ "2001:zz::1", NULL, 0 },
		{ "[]", NULL, 0 },
		{ " host", NULL, 0 },
		{ "[2001:db8::1]  443", "2001:db8::1", 443 },
		{ "fe80::1%eth0 443", "fe80::1%eth0", 443 },
		{ "host -1", NULL, 0 },
	};
	char host[HOSTPORT_HOST_SIZE];
	uint16_t port;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		enum err e = hostport_split(cases[i].text, 6655, host, &port);

		if (cases[i].host ? e || strcmp(host, cases[i].host) != 0 || port != cases[i].port
				  : e != ERR_INVALID)
			fail_msg("\"%s\": %s", cases[i].text, err_str(e));
	}
}

static void binding(void **state)
{
	static const struct {
		const char *text;
		uint16_t default_port;
		int family;
		unsigned n;
		const char *first;
		uint16_t port;
	} rows[] = {
		{ "192.0.2.1", 6655, AF_UNSPEC, 1, "192.0.2.1", 6655 },
		{ "192.0.2.1 7", 6655, AF_INET6, 1, "192.0.2.1", 7 },
		{ "192.0.2.1", 0, AF_UNSPEC, 1, "192.0.2.1", 0 },
		{ "192.0.2.1:65535", 0, AF_UNSPEC, 1, "192.0.2.1", 65535 },
		{ "[2001:db8::1]", 0, AF_UNSPEC, 1, "2001:db8::1", 0 },
		{ "[2001:db8::1] 9", 0, AF_UNSPEC, 1, "2001:db8::1", 9 },
		{ "*", 6655, AF_UNSPEC, 2, "::", 6655 },
		{ "*", 0, AF_INET, 1, "0.0.0.0", 0 },
		{ "* 443", 0, AF_INET6, 1, "::", 443 },
		{ "*:443", 6655, AF_UNSPEC, 2, "::", 443 },
		{ "*x", 6655, AF_UNSPEC, 0, NULL, 0 },
		{ "* 0", 0, AF_UNSPEC, 0, NULL, 0 },
		{ "hq.example.com", 6655, AF_UNSPEC, 0, NULL, 0 },
		{ "", 6655, AF_UNSPEC, 0, NULL, 0 },
	};
	struct endpoint list[3];
	char text[ENDPOINT_STR_SIZE];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		unsigned n = 1;
		enum err e = hostport_bind(rows[i].text, rows[i].default_port, rows[i].family, list,
					   3, &n);

		if (e != (rows[i].n ? ERR_OK : ERR_INVALID) || n != 1 + rows[i].n)
			fail_msg("\"%s\": %s, %u", rows[i].text, err_str(e), n);
		if (!rows[i].n)
			continue;
		assert_string_equal(addr_format(&list[1].addr, text), rows[i].first);
		assert_int_equal(list[n - 1].port, rows[i].port);
		n = 3 - rows[i].n + 1;
		assert_int_equal(hostport_bind(rows[i].text, rows[i].default_port, rows[i].family,
					       list, 3, &n),
				 ERR_LIMIT);
	}
}

static void lines(void **state)
{
	static const struct {
		const char *text;
		bool is_line;
	} cases[] = {
		{ "vpn.example.com 6655", true },
		{ "192.0.2.1 1", true },
		{ "2001:db8::1 443", true },
		{ "vpn.example.com", false },
		{ "vpn.example.com:443", false },
		{ "[2001:db8::1] 443", false },
		{ "host  443", false },
		{ "host 443 ", false },
		{ "host 0", false },
		{ "host 65536", false },
		{ "host 0443", false },
		{ "a;b 1", false },
		{ "", false },
		{ "hub-1.example.net 65535", true },
		{ "fe80::1 6655", true },
		{ "fe80::1%eth0 6655", false },
		{ "-hub 1", false },
		{ "hub ", false },
		{ " 6655", false },
		{ "hub +1", false },
		{ "hub\t6655", false },
		{ "hub 655360", false },
		{ "h\x1b[0m 1", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		if (hostport_is_line(cases[i].text) != cases[i].is_line)
			fail_msg("%s", cases[i].text);
}

/* The longest host, and one byte more. */
static void longest(void **state)
{
	char text[HOSTPORT_HOST_SIZE + 8], host[HOSTPORT_HOST_SIZE];
	uint16_t port;

	(void)state;
	memset(text, 'a', sizeof(text));
	memcpy(text + HOSTPORT_HOST_SIZE - 1, " 1", 3);
	assert_int_equal(hostport_split(text, 0, host, &port), ERR_OK);
	assert_int_equal(strlen(host), HOSTPORT_HOST_SIZE - 1);
	text[HOSTPORT_HOST_SIZE - 1] = 'a';
	memcpy(text + HOSTPORT_HOST_SIZE, " 1", 3);
	assert_int_equal(hostport_split(text, 0, host, &port), ERR_INVALID);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(splitting),
		cmocka_unit_test(binding),
		cmocka_unit_test(lines),
		cmocka_unit_test(longest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
