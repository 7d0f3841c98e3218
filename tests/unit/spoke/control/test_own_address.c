/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which of a machine's addresses are told to others, and what counts as a change of the network. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <linux/rtnetlink.h>

#include "spoke/control/netwatch.h"
#include "spoke/control/own_address.h"

static struct own_address address(const char *text, unsigned interface, bool running, bool tunnel)
{
	struct own_address a = { .interface = interface, .running = running, .tunnel = tunnel };

	assert_int_equal(addr_parse(text, &a.addr), ERR_OK);
	return a;
}

static void fill(struct own_addresses *a)
{
	memset(a, 0, sizeof(*a));
	a->list[a->n++] = address("127.0.0.1", 1, false, false);
	a->list[a->n++] = address("192.0.2.1", 2, true, false);
	a->list[a->n++] = address("2001:db8::1", 2, true, false);
	a->list[a->n++] = address("fe80::1", 2, true, false);
	a->list[a->n++] = address("172.31.0.1", 3, true, true);     /* another tunnel */
	a->list[a->n++] = address("10.9.0.1", 4, false, false);     /* no carrier */
	a->list[a->n++] = address("192.168.100.7", 5, true, false); /* in the network's pool */
}

/* The candidates as text, in order. */
static const char *candidates(const struct own_addresses *a, const struct spoke_config *cfg)
{
	static char text[1024];
	struct prefix pools[2] = { 0 };
	struct endpoint out[4];
	char one[ENDPOINT_STR_SIZE];
	size_t n;

	assert_int_equal(prefix_parse("192.168.100.0/24", &pools[0], NULL), ERR_OK);
	n = own_address_candidates(a, cfg, pools, out, ARRAY_LEN(out));
	text[0] = '\0';
	for (size_t i = 0; i < n; i++) {
		size_t at = strlen(text);

		snprintf(text + at, sizeof(text) - at, "%s%s", i ? " " : "",
			 endpoint_format(&out[i], one));
	}
	return text;
}

static void chooses_candidates(void **state)
{
	struct spoke_config *cfg = calloc(1, sizeof(*cfg));
	static struct own_addresses a;

	(void)state;
	assert_non_null(cfg);
	fill(&a);
	cfg->port = 6655;
	cfg->local_discovery = true;
	cfg->udp[0] = (struct endpoint){ .addr.family = AF_INET6, .port = 6655 };
	cfg->udp[1] = (struct endpoint){ .addr.family = AF_INET, .port = 6655 };
	cfg->n_udp = 2;
	assert_string_equal(candidates(&a, cfg), "[2001:db8::1]:6655 192.0.2.1:6655");
	/* What our own hosts file says; names mean nothing to others here. */
	cfg->own.n_addresses = 3;
	snprintf(cfg->own.addresses[0], ENDPOINT_NAME_SIZE, "198.51.100.9 7000");
	snprintf(cfg->own.addresses[1], ENDPOINT_NAME_SIZE, "oslo.example.com 7000");
	snprintf(cfg->own.addresses[2], ENDPOINT_NAME_SIZE, "192.0.2.1 6655");
	assert_string_equal(candidates(&a, cfg),
			    "[2001:db8::1]:6655 192.0.2.1:6655 198.51.100.9:7000");
	cfg->local_discovery = false;
	assert_string_equal(candidates(&a, cfg), "198.51.100.9:7000 192.0.2.1:6655");
	/* One that is bound is configured, also on a tunnel. */
	cfg->own.n_addresses = 0;
	cfg->n_udp = 1;
	cfg->udp[0] = (struct endpoint){ .addr = a.list[4].addr, .port = 7001 };
	assert_string_equal(candidates(&a, cfg), "172.31.0.1:7001");
	cfg->path_policy = PATH_POLICY_HUB_ONLY;
	assert_string_equal(candidates(&a, cfg), "");
	free(cfg);
}

static void notices_differences(void **state)
{
	static struct own_addresses a, b;

	(void)state;
	fill(&a);
	fill(&b);
	assert_true(own_address_same(&a, &b));
	assert_true(own_address_has(&a, &b.list[6].addr));
	b.list[1].running = false;
	assert_false(own_address_same(&a, &b));
	fill(&b);
	b.list[1].interface = 9;
	assert_false(own_address_same(&a, &b));
	fill(&b);
	b.n--;
	assert_false(own_address_same(&a, &b));
	assert_false(own_address_has(&b, &a.list[6].addr));
}

/* The kernel of the machine that runs the tests has a loopback at least. */
static void reads_the_kernel(void **state)
{
	static struct own_addresses a;
	struct addr loopback;

	(void)state;
	assert_int_equal(own_address_read("none", &a), ERR_OK);
	assert_int_equal(addr_parse("127.0.0.1", &loopback), ERR_OK);
	if (own_address_has(&a, &loopback)) {
		assert_int_equal(own_address_read("lo", &a), ERR_OK);
		assert_false(own_address_has(&a, &loopback));
	}
}

/* A message of the kernel with a route in it. */
static size_t put_route(char *mem, uint16_t type, uint8_t dst_len, uint8_t table, unsigned oif)
{
	struct nlmsghdr h = { .nlmsg_type = type };
	struct rtmsg rt = { .rtm_family = AF_INET,
			    .rtm_dst_len = dst_len,
			    .rtm_table = table,
			    .rtm_type = RTN_UNICAST };
	struct rtattr attr = { .rta_len = RTA_LENGTH(sizeof(oif)), .rta_type = RTA_OIF };

	h.nlmsg_len = (uint32_t)(NLMSG_LENGTH(sizeof(rt)) + RTA_LENGTH(sizeof(oif)));
	memcpy(mem, &h, sizeof(h));
	memcpy(mem + NLMSG_HDRLEN, &rt, sizeof(rt));
	memcpy(mem + NLMSG_LENGTH(sizeof(rt)), &attr, sizeof(attr));
	memcpy(mem + NLMSG_LENGTH(sizeof(rt)) + RTA_LENGTH(0), &oif, sizeof(oif));
	return h.nlmsg_len;
}

static void judges_messages(void **state)
{
	static const struct {
		uint16_t type;
		uint8_t dst_len, table;
		unsigned oif, what;
	} rows[] = {
		{ RTM_NEWROUTE, 0, RT_TABLE_MAIN, 2, NETWATCH_ROUTE },
		{ RTM_DELROUTE, 0, RT_TABLE_MAIN, 2, NETWATCH_ROUTE },
		{ RTM_NEWROUTE, 0, RT_TABLE_MAIN, 7, 0 },  /* into our own tunnel */
		{ RTM_NEWROUTE, 24, RT_TABLE_MAIN, 2, 0 }, /* not the default */
		{ RTM_NEWROUTE, 0, RT_TABLE_LOCAL, 2, 0 },
		{ RTM_NEWADDR, 0, 0, 0, NETWATCH_ADDRESS },
		{ RTM_DELLINK, 0, 0, 0, NETWATCH_ADDRESS },
		{ RTM_NEWNEIGH, 0, 0, 0, 0 },
	};
	char mem[256] __attribute__((aligned(8)));

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		size_t n =
			put_route(mem, rows[i].type, rows[i].dst_len, rows[i].table, rows[i].oif);

		if (netwatch_judge(mem, n, 7) != rows[i].what)
			fail_msg("row %zu", i);
		/* Cut short anywhere, it is at worst not understood. */
		for (size_t k = 0; k < n; k++)
			assert_int_equal(netwatch_judge(mem, k, 7), 0);
	}
}

static void notices_sleep(void **state)
{
	(void)state;
	assert_false(netwatch_slept(1000, 1000));
	assert_false(netwatch_slept(1000, 1000 + NETWATCH_SLEPT_MS));
	assert_true(netwatch_slept(1000, 1001 + NETWATCH_SLEPT_MS));
	assert_false(netwatch_slept(100000, 1000)); /* set back by hand */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(chooses_candidates), cmocka_unit_test(notices_differences),
		cmocka_unit_test(reads_the_kernel),   cmocka_unit_test(judges_messages),
		cmocka_unit_test(notices_sleep),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
