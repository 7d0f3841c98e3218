/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/shared/monitor/child.h"

#include "shared/monitor/device.h"
#include "shared/monitor/netlink.h"

static struct device dev = { .fd = -1 };
static struct netlink *nl;

/* A namespace of our own with one TUN interface that is up. */
static void set_up(void)
{
	enter_netns();
	CHECK(device_open("/dev/net/tun", "blt0", false, &dev) == ERR_OK);
	CHECK(netlink_open(dev.index, &nl) == ERR_OK);
	CHECK(netlink_link_up(nl, 1400, DEVICE_TX_QUEUE_PACKETS) == ERR_OK);
}

static struct addr address(const char *s)
{
	struct addr a;

	CHECK(addr_parse(s, &a) == ERR_OK);
	return a;
}

static struct prefix net(const char *s)
{
	struct prefix p;

	CHECK(prefix_parse(s, &p, NULL) == ERR_OK);
	return p;
}

static void body_link(void *arg)
{
	(void)arg;
	set_up();
	CHECK(command_says("ip -o link show blt0", "mtu 1400 "));
	CHECK(command_says("ip -o link show blt0", "qlen 500"));
	CHECK(command_says("ip -o link show blt0", ",UP"));
	CHECK(!command_says("ip -o -6 address show dev blt0", "fe80"));
	CHECK(netlink_set_mtu(nl, 1280) == ERR_OK);
	CHECK(command_says("ip -o link show blt0", "mtu 1280 "));
	netlink_close(nl);
	device_close(&dev);
	CHECK(!command_says("ip -o link show", "blt0"));
}

static void sets_link(void **state)
{
	(void)state;
	run_in_child(body_link, NULL);
}

static void body_addresses(void *arg)
{
	struct addr v4, v6;

	(void)arg;
	set_up();
	v4 = address("10.99.0.1");
	v6 = address("fd00:99::1");
	CHECK(netlink_add_address(nl, &v4) == ERR_OK && netlink_add_address(nl, &v6) == ERR_OK);
	CHECK(command_says("ip -o address show dev blt0", "inet 10.99.0.1/32 "));
	CHECK(command_says("ip -o address show dev blt0", "inet6 fd00:99::1/128 "));
	CHECK(!command_says("ip -6 route show", "fd00:99::1"));
	/* Again is fine. */
	CHECK(netlink_add_address(nl, &v4) == ERR_OK && netlink_add_address(nl, &v6) == ERR_OK);
	CHECK(netlink_del_address(nl, &v4) == ERR_OK && netlink_del_address(nl, &v6) == ERR_OK);
	CHECK(!command_says("ip -o address show dev blt0", "inet"));
	CHECK(netlink_del_address(nl, &v4) == ERR_OK && netlink_del_address(nl, &v6) == ERR_OK);
}

static void sets_addresses(void **state)
{
	(void)state;
	run_in_child(body_addresses, NULL);
}

static void body_routes(void *arg)
{
	static const struct {
		const char *prefix, *source, *show, *want;
	} rows[] = {
		{ "10.20.0.0/24", NULL, "ip route show proto 165",
		  "10.20.0.0/24 dev blt0 scope link metric 100" },
		{ "10.21.0.0/24", "10.99.0.1", "ip route show proto 165",
		  "10.21.0.0/24 dev blt0 scope link src 10.99.0.1 metric 100" },
		{ "10.22.0.1/32", "fd00:99::1", "ip route show proto 165",
		  "10.22.0.1 dev blt0 scope link metric 100" },
		{ "fd00:20::/48", NULL, "ip -6 route show proto 165",
		  "fd00:20::/48 dev blt0 metric 100" },
		{ "fd00:21::/48", "fd00:99::1", "ip -6 route show proto 165",
		  "fd00:21::/48 dev blt0 src fd00:99::1 metric 100" },
	};
	struct addr v4, v6;

	(void)arg;
	set_up();
	v4 = address("10.99.0.1");
	v6 = address("fd00:99::1");
	CHECK(netlink_add_address(nl, &v4) == ERR_OK && netlink_add_address(nl, &v6) == ERR_OK);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct prefix p = net(rows[i].prefix);
		struct addr src = { 0 };

		if (rows[i].source)
			src = address(rows[i].source);
		CHECK(netlink_add_route(nl, &p, &src) == ERR_OK);
		CHECK(command_says(rows[i].show, rows[i].want));
		CHECK(netlink_add_route(nl, &p, &src) == ERR_OK); /* ours: replaced */
		CHECK(netlink_del_route(nl, &p) == ERR_OK);
		CHECK(!command_says(rows[i].show, rows[i].want));
		CHECK(netlink_del_route(nl, &p) == ERR_OK);
	}
}

static void sets_routes(void **state)
{
	(void)state;
	run_in_child(body_routes, NULL);
}

/* Somebody else's route is neither replaced nor removed, whatever its metric. */
static void body_foreign(void *arg)
{
	static const struct addr none;
	struct device lan;
	struct prefix p, q;

	(void)arg;
	set_up();
	p = net("10.30.0.0/24");
	q = net("fd00:30::/48");
	CHECK(device_open("/dev/net/tun", "lan0", false, &lan) == ERR_OK);
	CHECK(!command_says("ip link set lan0 up 2>&1", "rror"));
	CHECK(!command_says("ip route add 10.30.0.0/24 dev lan0 metric 100 2>&1", "rror"));
	CHECK(!command_says("ip -6 route add fd00:30::/48 dev lan0 metric 100 2>&1", "rror"));
	CHECK(netlink_add_route(nl, &p, &none) == ERR_EXISTS);
	CHECK(strstr(netlink_text(nl), "another route") != NULL);
	CHECK(netlink_add_route(nl, &q, &none) == ERR_EXISTS);
	CHECK(netlink_del_route(nl, &p) == ERR_OK && netlink_del_route(nl, &q) == ERR_OK);
	CHECK(command_says("ip route show", "10.30.0.0/24 dev lan0"));
	CHECK(command_says("ip -6 route show", "fd00:30::/48 dev lan0"));
	/* A directly connected network (metric 0) goes before ours. */
	CHECK(!command_says("ip address add 10.31.0.1/24 dev lan0 2>&1", "rror"));
	p = net("10.31.0.0/24");
	CHECK(netlink_add_route(nl, &p, &none) == ERR_OK);
	CHECK(command_says("ip route get 10.31.0.9", "dev lan0"));
}

static void spares_foreign_routes(void **state)
{
	(void)state;
	run_in_child(body_foreign, NULL);
}

static void body_errors(void *arg)
{
	struct netlink *other;
	struct addr a;

	(void)arg;
	set_up();
	a = address("10.99.0.1");
	CHECK(netlink_open(4711, &other) == ERR_OK);
	CHECK(netlink_add_address(other, &a) != ERR_OK);
	CHECK(strncmp(netlink_text(other), "RTNETLINK: ", 11) == 0);
	CHECK(netlink_set_mtu(other, 1400) != ERR_OK);
	CHECK(netlink_set_mtu(nl, 1) != ERR_OK && netlink_text(nl)[0] != '\0');
	CHECK(netlink_set_mtu(nl, 1400) == ERR_OK && netlink_text(nl)[0] == '\0');
	netlink_close(other);
	netlink_close(NULL);
}

static void tells_errors(void **state)
{
	(void)state;
	run_in_child(body_errors, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sets_link),    cmocka_unit_test(sets_addresses),
		cmocka_unit_test(sets_routes),  cmocka_unit_test(spares_foreign_routes),
		cmocka_unit_test(tells_errors),
	};

	return cmocka_run_group_tests(tests, need_root, NULL);
}
