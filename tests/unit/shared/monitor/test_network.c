/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/shared/monitor/child.h"

#include "shared/base/log.h"
#include "shared/monitor/device.h"
#include "shared/monitor/netlink.h"
#include "shared/monitor/network.h"

static struct device dev = { .fd = -1 };
static struct netlink *nl;
static struct network *nw;

static void set_up(void)
{
	enter_netns();
	CHECK(device_open("/dev/net/tun", "blt0", false, &dev) == ERR_OK);
	CHECK(netlink_open(dev.index, &nl) == ERR_OK);
	CHECK(netlink_link_up(nl, 1400, DEVICE_TX_QUEUE_PACKETS) == ERR_OK);
	CHECK(network_new(nl, &nw) == ERR_OK);
}

static void tear_down(void)
{
	network_free(nw);
	netlink_close(nl);
	device_close(&dev);
}

static enum err route(bool add, const char *s)
{
	struct prefix p;

	CHECK(prefix_parse(s, &p, NULL) == ERR_OK);
	return network_route(nw, add, &p);
}

static enum err address(bool add, const char *s)
{
	struct prefix p;

	CHECK(prefix_parse(s, &p, NULL) == ERR_OK);
	return network_address(nw, add, &p);
}

static bool has_address(const char *s) { return command_says("ip -o address show dev blt0", s); }

static bool has_route(const char *s)
{
	char both[16384];

	return strstr(output_of("ip route show proto 165; ip -6 route show proto 165", both,
				sizeof(both)),
		      s) != NULL;
}

static void body_refusals(void *arg)
{
	struct prefix broken = { .addr = { .family = AF_INET, .b = { 10, 0, 0, 1 } }, .len = 8 };

	(void)arg;
	set_up();
	CHECK(route(true, "0.0.0.0/0") == ERR_DENIED && strstr(network_text(nw), "default route"));
	CHECK(route(true, "::/0") == ERR_DENIED);
	CHECK(route(true, "224.0.0.0/8") == ERR_DENIED && strstr(network_text(nw), "224.0.0.0/8"));
	CHECK(address(true, "127.0.0.5/32") == ERR_DENIED);
	CHECK(address(true, "224.0.0.1/32") == ERR_DENIED);
	CHECK(address(true, "::1/128") == ERR_DENIED);
	CHECK(address(true, "10.1.0.0/16") == ERR_INVALID);
	CHECK(network_route(nw, true, &broken) == ERR_INVALID);
	broken.len = 33;
	CHECK(network_route(nw, true, &broken) == ERR_INVALID);
	broken.addr.family = AF_UNIX;
	CHECK(network_address(nw, true, &broken) == ERR_INVALID);
	CHECK(network_end(nw, 0) == ERR_INVALID && network_end(nw, 575) == ERR_INVALID &&
	      network_end(nw, 9001) == ERR_INVALID);
	CHECK(!has_address("inet") && !has_route("blt0"));
	CHECK(command_says("ip -o link show blt0", "mtu 1400 "));
	/* Taking away what was never there is fine, and is no way to touch what is not ours. */
	CHECK(route(false, "10.9.0.0/16") == ERR_OK && address(false, "10.9.0.1/32") == ERR_OK);
	tear_down();
}

static void refuses(void **state)
{
	(void)state;
	run_in_child(body_refusals, NULL);
}

static void body_sweep(void *arg)
{
	(void)arg;
	set_up();
	network_begin(nw);
	CHECK(address(true, "10.99.0.1/32") == ERR_OK && address(true, "fd00:99::1/128") == ERR_OK);
	CHECK(route(true, "10.20.0.0/24") == ERR_OK && route(true, "10.21.0.0/24") == ERR_OK);
	CHECK(route(true, "fd00:20::/48") == ERR_OK);
	CHECK(network_end(nw, 1300) == ERR_OK);
	CHECK(command_says("ip -o link show blt0", "mtu 1300 "));
	CHECK(has_address("10.99.0.1/32") && has_address("fd00:99::1/128"));
	CHECK(has_route("10.20.0.0/24 dev blt0 scope link src 10.99.0.1"));
	CHECK(has_route("fd00:20::/48 dev blt0 src fd00:99::1"));

	/* The second sync names one of the old and one new. */
	network_begin(nw);
	CHECK(address(true, "10.99.0.1/32") == ERR_OK);
	CHECK(route(true, "10.21.0.0/24") == ERR_OK && route(true, "10.22.0.0/24") == ERR_OK);
	CHECK(has_route("10.20.0.0/24")); /* until the end */
	CHECK(network_end(nw, 1300) == ERR_OK);
	CHECK(!has_route("10.20.0.0/24") && has_route("10.21.0.0/24") && has_route("10.22.0.0/24"));
	CHECK(!has_route("fd00:20::/48") && !has_address("fd00:99::1"));

	/* Single changes between syncs. */
	CHECK(route(false, "10.22.0.0/24") == ERR_OK && !has_route("10.22.0.0/24"));
	CHECK(route(true, "10.23.0.0/24") == ERR_OK && has_route("10.23.0.0/24"));
	CHECK(route(true, "10.23.0.0/24") == ERR_OK);
	network_begin(nw);
	CHECK(network_end(nw, 1300) == ERR_OK);
	CHECK(!has_route("blt0") && !has_address("10.99"));
	tear_down();
}

static void sweeps(void **state)
{
	(void)state;
	run_in_child(body_sweep, NULL);
}

/* The source of a family's routes follows its oldest address. */
static void body_source(void *arg)
{
	(void)arg;
	set_up();
	CHECK(route(true, "10.20.0.0/24") == ERR_OK && route(true, "fd00:20::/48") == ERR_OK);
	CHECK(has_route("10.20.0.0/24 dev blt0 scope link metric"));
	CHECK(address(true, "10.99.0.1/32") == ERR_OK && address(true, "10.99.0.2/32") == ERR_OK);
	CHECK(has_route("10.20.0.0/24 dev blt0 scope link src 10.99.0.1"));
	CHECK(has_route("fd00:20::/48 dev blt0 metric"));
	CHECK(address(true, "fd00:99::1/128") == ERR_OK);
	CHECK(has_route("fd00:20::/48 dev blt0 src fd00:99::1"));
	CHECK(address(false, "10.99.0.1/32") == ERR_OK);
	CHECK(has_route("10.20.0.0/24 dev blt0 scope link src 10.99.0.2"));
	CHECK(address(false, "10.99.0.2/32") == ERR_OK);
	CHECK(has_route("10.20.0.0/24 dev blt0 scope link metric"));
	CHECK(address(false, "fd00:99::1/128") == ERR_OK &&
	      has_route("fd00:20::/48 dev blt0 metric"));
	tear_down();
}

static void follows_source(void **state)
{
	(void)state;
	run_in_child(body_source, NULL);
}

static void body_limits(void *arg)
{
	struct prefix p = { .addr = { .family = AF_INET, .b = { 10, 0, 0, 0 } }, .len = 24 };
	struct prefix host = { .addr = { .family = AF_INET, .b = { 192, 168, 7, 0 } }, .len = 32 };

	(void)arg;
	set_up();
	for (unsigned i = 0; i < NETWORK_ROUTES_MAX; i++) {
		p.addr.b[1] = (uint8_t)(i >> 8);
		p.addr.b[2] = (uint8_t)i;
		CHECK(network_route(nw, true, &p) == ERR_OK);
	}
	CHECK(route(true, "192.168.0.0/24") == ERR_LIMIT && network_text(nw)[0]);
	CHECK(route(true, "10.255.255.0/24") == ERR_OK); /* one of them again */
	network_begin(nw);
	CHECK(network_end(nw, 1400) == ERR_OK);
	CHECK(!has_route("blt0"));
	for (unsigned i = 0; i < NETWORK_ADDRESSES_MAX; i++) {
		host.addr.b[3] = (uint8_t)(i + 1);
		CHECK(network_address(nw, true, &host) == ERR_OK);
	}
	CHECK(address(true, "192.168.8.1/32") == ERR_LIMIT);
	tear_down();
}

static void has_limits(void **state)
{
	(void)state;
	run_in_child(body_limits, NULL);
}

static void works_without_interface(void **state)
{
	(void)state;
	assert_int_equal(network_new(NULL, &nw), ERR_OK);
	network_begin(nw);
	assert_int_equal(address(true, "10.99.0.1/32"), ERR_UNSUPPORTED);
	assert_int_equal(route(true, "10.20.0.0/24"), ERR_UNSUPPORTED);
	assert_true(strstr(network_text(nw), "no interface") != NULL);
	assert_int_equal(network_end(nw, 1400), ERR_OK);
	network_free(nw);
	network_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses),
		cmocka_unit_test(sweeps),
		cmocka_unit_test(follows_source),
		cmocka_unit_test(has_limits),
		cmocka_unit_test(works_without_interface),
	};

	return cmocka_run_group_tests(tests, need_root, NULL);
}
