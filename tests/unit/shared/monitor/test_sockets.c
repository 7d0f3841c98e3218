/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/shared/monitor/child.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/un.h>

#include "shared/monitor/sockets.h"
#include "shared/wire/limits.h"

static const struct sockets_options plain;

static struct endpoint endpoint(const char *s)
{
	struct endpoint e;

	CHECK(endpoint_parse(s, 0, &e) == ERR_OK);
	return e;
}

static int option(int fd, int level, int name)
{
	int v = -1;
	socklen_t len = sizeof(v);

	CHECK(getsockopt(fd, level, name, &v, &len) == 0);
	return v;
}

static void up_lo(void)
{
	enter_netns();
	CHECK(!command_says("ip link set lo up 2>&1", "rror"));
}

static void check_flags(int fd)
{
	CHECK((fcntl(fd, F_GETFL) & O_NONBLOCK) && (fcntl(fd, F_GETFD) & FD_CLOEXEC));
}

static void body_udp(void *arg)
{
	const struct sockets_options o = { .fwmark = 77, .bind_interface = "lo" };
	struct endpoint list[2];
	unsigned n = 0;
	int fds[2] = { -1, -1 };

	(void)arg;
	up_lo();
	list[0] = endpoint("[::]:6655");
	list[1] = endpoint("0.0.0.0:6655");
	CHECK(sockets_open_udp(list, 2, &o, fds, &n) == ERR_OK && n == 2);
	for (unsigned i = 0; i < 2; i++) {
		check_flags(fds[i]);
		CHECK(option(fds[i], SOL_SOCKET, SO_TYPE) == SOCK_DGRAM);
		CHECK(option(fds[i], SOL_SOCKET, SO_RCVBUF) >= (int)SOCKET_BUFFER_BYTES);
		CHECK(option(fds[i], SOL_SOCKET, SO_SNDBUF) >= (int)SOCKET_BUFFER_BYTES);
		CHECK(option(fds[i], SOL_SOCKET, SO_MARK) == 77);
		CHECK(option(fds[i], SOL_SOCKET, SO_REUSEADDR) == 0);
	}
	CHECK(option(fds[0], SOL_SOCKET, SO_DOMAIN) == AF_INET6 &&
	      option(fds[0], IPPROTO_IPV6, IPV6_V6ONLY) == 1);
	CHECK(option(fds[0], IPPROTO_IPV6, IPV6_MTU_DISCOVER) == IPV6_PMTUDISC_DONT);
	CHECK(option(fds[1], IPPROTO_IP, IP_MTU_DISCOVER) == IP_PMTUDISC_DONT);
	CHECK(command_says("ss -Hunl", "%lo:6655"));
	sockets_close(fds, 2);
	CHECK(fds[0] == -1 && fds[1] == -1 && !command_says("ss -Hunl", ":6655"));
}

/* Several sockets an address only where that was asked for, and each packet goes to one of them. */
static void body_shared(void *arg)
{
	const struct sockets_options o = { .shared = true };
	struct endpoint at;
	unsigned n = 0, got[2] = { 0 };
	int fds[2] = { -1, -1 }, other = -1;

	(void)arg;
	up_lo();
	CHECK(freopen("/dev/null", "w", stderr) != NULL);
	at = endpoint("127.0.0.1:6655");
	for (unsigned i = 0; i < 2; i++)
		CHECK(sockets_open_udp(&at, 1, &o, &fds[i], &n) == ERR_OK && n == 1);
	CHECK(sockets_open_udp(&at, 1, &plain, &other, &n) != ERR_OK && other == -1);
	for (unsigned i = 0; i < 64; i++) {
		struct sockaddr_storage ss;
		socklen_t len = endpoint_to_sockaddr(&at, &ss);
		int from = socket(AF_INET, SOCK_DGRAM, 0);

		CHECK(sendto(from, "x", 1, 0, (struct sockaddr *)&ss, len) == 1);
		close(from);
	}
	for (unsigned i = 0; i < 2; i++) {
		char byte;

		while (recv(fds[i], &byte, 1, 0) == 1)
			got[i]++;
	}
	CHECK(got[0] && got[1] && got[0] + got[1] == 64);
	sockets_close(fds, 2);
}

static void body_tcp(void *arg)
{
	struct endpoint list[2];
	unsigned n = 0;
	int fds[2] = { -1, -1 };

	(void)arg;
	up_lo();
	list[0] = endpoint("[::1]:6655");
	list[1] = endpoint("127.0.0.1:6655");
	CHECK(sockets_open_tcp(list, 2, &plain, fds, &n) == ERR_OK && n == 2);
	for (unsigned i = 0; i < 2; i++) {
		check_flags(fds[i]);
		CHECK(option(fds[i], SOL_SOCKET, SO_ACCEPTCONN) == 1);
		CHECK(option(fds[i], SOL_SOCKET, SO_REUSEADDR) == 1);
	}
	CHECK(command_says("ss -Htnl", "4096"));
}

/* One of the list is taken: nothing of it stays open, and the result is as it was. */
static void body_taken(void *arg)
{
	struct endpoint list[2], taken;
	unsigned n = 0, m = 42;
	int fd = -1, fds[2] = { -1, -1 };

	(void)arg;
	up_lo();
	CHECK(freopen("/dev/null", "w", stderr) != NULL);
	taken = endpoint("127.0.0.1:7001");
	list[0] = endpoint("127.0.0.1:7000");
	list[1] = taken;
	CHECK(sockets_open_udp(&taken, 1, &plain, &fd, &n) == ERR_OK);
	CHECK(sockets_open_udp(list, 2, &plain, fds, &m) != ERR_OK);
	CHECK(m == 42 && fds[0] == -1 && fds[1] == -1 && !command_says("ss -Hunl", ":7000"));
	list[1] = endpoint("198.51.100.7:7002"); /* not ours */
	CHECK(sockets_open_tcp(list, 2, &plain, fds, &m) != ERR_OK);
	CHECK(!command_says("ss -Htnl", ":7000"));
}

/* A machine without IPv6: socket(AF_INET6) fails with EAFNOSUPPORT. */
static void forbid_ipv6(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_socket, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[0])),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_INET6, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EAFNOSUPPORT),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog prog = { .len = ARRAY_LEN(code), .filter = code };

	CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	CHECK(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog) == 0);
}

static void body_no_ipv6(void *arg)
{
	struct endpoint list[2];
	unsigned n = 0;
	int fds[2] = { -1, -1 };

	(void)arg;
	up_lo();
	CHECK(freopen("/dev/null", "w", stderr) != NULL);
	forbid_ipv6();
	list[0] = endpoint("[::]:6655");
	list[1] = endpoint("0.0.0.0:6655");
	CHECK(sockets_open_udp(list, 2, &plain, fds, &n) == ERR_OK && n == 1);
	CHECK(option(fds[0], SOL_SOCKET, SO_DOMAIN) == AF_INET);
	list[1].port = 6656; /* no stand-in for port 6655 */
	CHECK(sockets_open_tcp(list, 2, &plain, fds, &n) != ERR_OK);
	CHECK(sockets_open_tcp(list, 1, &plain, fds, &n) != ERR_OK);
}

static char dir[] = "/tmp/branchline-sockets-XXXXXX";
static char path[128];

static int dial(void)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int r, fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(sun.sun_path, sizeof(sun.sun_path), "%.100s", path);
	r = connect(fd, (struct sockaddr *)&sun, sizeof(sun));
	close(fd);
	return r;
}

static void body_unix(void *arg)
{
	struct stat st;
	int fd = -1, other = -1;

	(void)arg;
	CHECK(freopen("/dev/null", "w", stderr) != NULL);
	snprintf(path, sizeof(path), "%s/run/net/api.sock", dir);
	CHECK(sockets_open_unix(path, "nogroup", &fd) == ERR_OK);
	check_flags(fd);
	CHECK(stat(path, &st) == 0 && S_ISSOCK(st.st_mode) && (st.st_mode & 0777) == 0660);
	CHECK(st.st_uid == 0 && st.st_gid == 65534 && dial() == 0);
	CHECK(sockets_open_unix(path, NULL, &other) == ERR_EXISTS && other == -1);
	CHECK(dial() == 0); /* the first one is untouched */
	sockets_close(&fd, 1);
	CHECK(dial() != 0 && stat(path, &st) == 0);
	CHECK(sockets_open_unix(path, NULL, &fd) == ERR_OK); /* the stale one is replaced */
	CHECK(stat(path, &st) == 0 && st.st_gid == 0 && dial() == 0);
	snprintf(path, sizeof(path), "%s/file", dir);
	write_file(path, "precious", 0600);
	CHECK(sockets_open_unix(path, NULL, &other) == ERR_EXISTS && stat(path, &st) == 0 &&
	      S_ISREG(st.st_mode));
	snprintf(path, sizeof(path), "%s/x.sock", dir);
	CHECK(sockets_open_unix(path, "no-such-group-here", &other) == ERR_NOTFOUND &&
	      stat(path, &st) != 0);
	memset(path, 'x', sizeof(path) - 1);
	CHECK(sockets_open_unix(path, NULL, &other) == ERR_TOOBIG);
}

#define IN_CHILD(test, body)                                                                       \
	static void test(void **state)                                                             \
	{                                                                                          \
		(void)state;                                                                       \
		run_in_child(body, NULL);                                                          \
	}

/* Port 0: one port for both families and all workers, in the list afterwards. */
static void body_any_port(void *arg)
{
	const struct sockets_options o = { .shared = true };
	struct endpoint list[3] = { { .addr.family = AF_INET6 }, { .addr.family = AF_INET } };
	int fds[2][3];
	unsigned n = 0;

	(void)arg;
	up_lo();
	list[2] = endpoint("127.0.0.1:7005");
	for (unsigned i = 0; i < 2; i++) {
		CHECK(sockets_open_udp(list, 3, &o, fds[i], &n) == ERR_OK && n == 3);
		CHECK(list[0].port && list[0].port == list[1].port && list[2].port == 7005);
		for (unsigned k = 0; k < 2; k++) {
			struct sockaddr_storage ss;
			socklen_t len = sizeof(ss);
			struct endpoint at;

			CHECK(getsockname(fds[i][k], (struct sockaddr *)&ss, &len) == 0);
			CHECK(endpoint_from_sockaddr(&ss, len, &at) == ERR_OK);
			CHECK(at.port == list[0].port && at.addr.family == list[k].addr.family);
		}
	}
}

/* Connections come from the address of their family, with mark and interface; accepted ones have
 * the listener's mark. */
static void body_dial(void *arg)
{
	const struct sockets_options o = { .fwmark = 77, .bind_interface = "lo" },
				     gone = { .bind_interface = "blnone0" };
	struct endpoint from[3], at = endpoint("127.0.0.1:7000");
	struct sockaddr_storage ss;
	socklen_t len = endpoint_to_sockaddr(&at, &ss);
	struct endpoint seen;
	unsigned n = 0;
	int listener = -1, fd = -1, accepted;

	(void)arg;
	up_lo();
	CHECK(freopen("/dev/null", "w", stderr) != NULL);
	from[0] = (struct endpoint){ .addr.family = AF_INET, .port = 6655 };
	from[1] = endpoint("[::1]:6655");
	from[2] = endpoint("127.0.0.7:6655");
	CHECK(sockets_open_tcp(&at, 1, &o, &listener, &n) == ERR_OK && n == 1);
	CHECK(sockets_open_dial(AF_INET, from, 3, &o, &fd) == ERR_OK);
	check_flags(fd);
	CHECK(option(fd, SOL_SOCKET, SO_MARK) == 77);
	CHECK(connect(fd, (struct sockaddr *)&ss, len) == 0 || errno == EINPROGRESS);
	len = sizeof(ss);
	do {
		accepted = accept(listener, (struct sockaddr *)&ss, &len);
	} while (accepted < 0 && errno == EAGAIN);
	CHECK(accepted >= 0 && endpoint_from_sockaddr(&ss, len, &seen) == ERR_OK);
	CHECK(addr_equal(&seen.addr, &from[2].addr) && seen.port != 6655);
	CHECK(option(accepted, SOL_SOCKET, SO_MARK) == 77);
	close(fd);
	/* "Any" says nothing, and another family's address is not for this one. */
	CHECK(sockets_open_dial(AF_INET, from, 2, &plain, &fd) == ERR_OK);
	len = sizeof(ss);
	CHECK(getsockname(fd, (struct sockaddr *)&ss, &len) == 0 &&
	      ((struct sockaddr_in *)&ss)->sin_addr.s_addr == 0);
	CHECK(option(fd, SOL_SOCKET, SO_MARK) == 0);
	close(fd);
	fd = -1;
	CHECK(sockets_open_dial(AF_INET, from, 3, &gone, &fd) != ERR_OK && fd == -1);
	from[2] = endpoint("198.51.100.7:6655"); /* not ours */
	CHECK(sockets_open_dial(AF_INET, from, 3, &plain, &fd) != ERR_OK && fd == -1);
}

IN_CHILD(opens_udp, body_udp)
IN_CHILD(takes_any_port, body_any_port)
IN_CHILD(opens_dial, body_dial)
IN_CHILD(shares_udp, body_shared)
IN_CHILD(opens_tcp, body_tcp)
IN_CHILD(is_all_or_nothing, body_taken)
IN_CHILD(goes_without_ipv6, body_no_ipv6)
IN_CHILD(opens_unix, body_unix)

static int make_dir(void **state) { return need_root(state) == 0 && mkdtemp(dir) ? 0 : -1; }

static int remove_dir(void **state)
{
	char out[64], command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	output_of(command, out, sizeof(out));
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(opens_udp),         cmocka_unit_test(shares_udp),
		cmocka_unit_test(opens_tcp),         cmocka_unit_test(is_all_or_nothing),
		cmocka_unit_test(goes_without_ipv6), cmocka_unit_test(opens_unix),
		cmocka_unit_test(takes_any_port),    cmocka_unit_test(opens_dial),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
