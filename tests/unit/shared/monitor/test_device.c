/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/shared/monitor/child.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <sys/ioctl.h>

#include "shared/monitor/device.h"

static void checks_names(void **state)
{
	static const struct {
		const char *name;
		bool valid;
	} rows[] = {
		{ "blt0", true },   { "linodeVPN", true },
		{ "a", true },      { "fifteen-bytes-x", true },
		{ "", false },      { ".", false },
		{ "..", false },    { "sixteen-bytes-xx", false },
		{ "a/b", false },   { "a b", false },
		{ "tun%d", false }, { "a:1", false },
		{ "a\n", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (device_name_is_valid(rows[i].name) != rows[i].valid)
			fail_msg("\"%s\"", rows[i].name);
}

static short flags_of(int fd)
{
	struct ifreq ifr;

	memset(&ifr, 0, sizeof(ifr));
	CHECK(ioctl(fd, TUNGETIFF, &ifr) == 0);
	return ifr.ifr_flags;
}

static void body_open(void *arg)
{
	struct device d = { .fd = -1 };
	char byte[64];

	(void)arg;
	enter_netns();
	CHECK(device_open("/dev/net/tun", "blt0", false, &d) == ERR_OK);
	CHECK(strcmp(d.name, "blt0") == 0 && d.index == if_nametoindex("blt0") && !d.vnet_hdr);
	CHECK((flags_of(d.fd) & (IFF_TUN | IFF_NO_PI | IFF_VNET_HDR)) == (IFF_TUN | IFF_NO_PI));
	CHECK((fcntl(d.fd, F_GETFL) & O_NONBLOCK) && (fcntl(d.fd, F_GETFD) & FD_CLOEXEC));
	CHECK(read(d.fd, byte, sizeof(byte)) < 0 && (errno == EAGAIN || errno == EIO));
	device_close(&d);
	device_close(&d);
	CHECK(d.fd == -1 && if_nametoindex("blt0") == 0);
}

static void body_vnet_hdr(void *arg)
{
	struct device d = { .fd = -1 };
	int size = 0;

	(void)arg;
	enter_netns();
	CHECK(device_open("/dev/net/tun", "blt0", true, &d) == ERR_OK && d.vnet_hdr);
	CHECK(flags_of(d.fd) & IFF_VNET_HDR);
	CHECK(ioctl(d.fd, TUNGETVNETHDRSZ, &size) == 0 && size == DEVICE_VNET_HDR_BYTES);
}

/* One interface, several queues; a second daemon does not get in, and with the last queue it is
 * gone. */
static void body_queues(void *arg)
{
	struct device d = { .fd = -1 }, second = { .fd = -7 };
	int more[2] = { -1, -1 };

	(void)arg;
	enter_netns();
	CHECK(device_open_queues("/dev/net/tun", "blt0", true, &d, more, 2) == ERR_OK);
	CHECK(d.vnet_hdr && d.index == if_nametoindex("blt0"));
	for (unsigned i = 0; i < 2; i++) {
		CHECK(flags_of(more[i]) == flags_of(d.fd));
		CHECK((fcntl(more[i], F_GETFL) & O_NONBLOCK) &&
		      (fcntl(more[i], F_GETFD) & FD_CLOEXEC));
	}
	CHECK(flags_of(d.fd) & IFF_MULTI_QUEUE);
	CHECK(freopen("/dev/null", "w", stderr) != NULL);
	CHECK(device_open("/dev/net/tun", "blt0", true, &second) != ERR_OK && second.fd == -7);
	device_close(&d);
	CHECK(if_nametoindex("blt0") != 0);
	close(more[0]);
	close(more[1]);
	CHECK(if_nametoindex("blt0") == 0);
	/* One queue is as before. */
	CHECK(device_open_queues("/dev/net/tun", "blt0", true, &d, NULL, 0) == ERR_OK);
	CHECK(!(flags_of(d.fd) & IFF_MULTI_QUEUE));
	device_close(&d);
	/* All or nothing. */
	CHECK(device_open_queues("/dev/net/tun", "lo", true, &d, more, 2) != ERR_OK);
}

/* Every failure leaves the caller's struct as it was. */
static void body_refusals(void *arg)
{
	struct device d = { .fd = -1 }, second = { .fd = -7 };

	(void)arg;
	enter_netns();
	CHECK(freopen("/dev/null", "w", stderr) != NULL);
	CHECK(device_open("/dev/net/tun", "blt0", false, &d) == ERR_OK);
	CHECK(device_open("/dev/net/tun", "blt0", false, &second) == ERR_BUSY);
	CHECK(device_open("/dev/net/tun", "lo", false, &second) == ERR_INVALID);
	CHECK(device_open("/dev/net/tun", "tun%d", false, &second) == ERR_INVALID);
	CHECK(device_open("/dev/net/no-such-device", "blt1", false, &second) == ERR_NOTFOUND);
	CHECK(device_open("/dev/null", "blt1", false, &second) != ERR_OK);
	CHECK(device_open("/etc/passwd", "blt1", false, &second) == ERR_INVALID);
	CHECK(second.fd == -7);
}

static void opens(void **state)
{
	(void)state;
	run_in_child(body_open, NULL);
}

static void opens_with_vnet_hdr(void **state)
{
	(void)state;
	run_in_child(body_vnet_hdr, NULL);
}

static void opens_queues(void **state)
{
	(void)state;
	run_in_child(body_queues, NULL);
}

static void refuses(void **state)
{
	(void)state;
	run_in_child(body_refusals, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(checks_names),
		cmocka_unit_test(opens),
		cmocka_unit_test(opens_with_vnet_hdr),
		cmocka_unit_test(opens_queues),
		cmocka_unit_test(refuses),
	};

	return cmocka_run_group_tests(tests, need_root, NULL);
}
