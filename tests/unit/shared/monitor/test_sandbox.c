/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/shared/monitor/child.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <netinet/in.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "shared/base/log.h"
#include "shared/monitor/sandbox.h"

static void finds_users(void **state)
{
	static const struct {
		const char *name;
		enum err want;
	} rows[] = {
		{ "nobody", ERR_OK },
		{ "root", ERR_DENIED },
		{ "no-such-user-here", ERR_NOTFOUND },
		{ "", ERR_NOTFOUND },
	};
	struct sandbox_user u;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_int_equal(sandbox_find_user(rows[i].name, &u), rows[i].want);
}

static void become_nobody(void)
{
	struct sandbox_user u;

	CHECK(sandbox_find_user("nobody", &u) == ERR_OK);
	CHECK(sandbox_drop(&u) == ERR_OK);
}

static bool status_has(const char *status, const char *line)
{
	const char *at = strstr(status, line);

	if (!at)
		fprintf(stderr, "missing \"%s\" in:\n%s\n", line, status);
	return at != NULL;
}

static void kernel_says_nothing_is_left(void *arg)
{
	static const char *const lines[] = {
		"Uid:\t65534\t65534\t65534\t65534\n", "Gid:\t65534\t65534\t65534\t65534\n",
		"CapInh:\t0000000000000000\n",        "CapPrm:\t0000000000000000\n",
		"CapEff:\t0000000000000000\n",        "CapBnd:\t0000000000000000\n",
		"CapAmb:\t0000000000000000\n",        "NoNewPrivs:\t1\n",
	};
	const gid_t extra[] = { 0, 4711 };
	char status[8192];

	(void)arg;
	CHECK(setgroups(ARRAY_LEN(extra), extra) == 0);
	become_nobody();
	read_text("/proc/self/status", status, sizeof(status));
	for (size_t i = 0; i < ARRAY_LEN(lines); i++)
		CHECK(status_has(status, lines[i]));
	CHECK(getgroups(0, NULL) == 0);
}

static void drops_everything(void **state)
{
	(void)state;
	run_in_child(kernel_says_nothing_is_left, NULL);
}

static void nothing_can_be_had_back(void *arg)
{
	gid_t g = 0;

	(void)arg;
	become_nobody();
	CHECK(setuid(0) != 0 && seteuid(0) != 0 && setresuid(0, 0, 0) != 0);
	CHECK(setgid(0) != 0 && setgroups(1, &g) != 0);
	CHECK(open("/etc/shadow", O_RDONLY) < 0 && errno == EACCES);
	CHECK(socket(AF_INET, SOCK_RAW, IPPROTO_ICMP) < 0 && errno == EPERM);
	CHECK(unshare(CLONE_NEWNET) != 0 && errno == EPERM);
	CHECK(open("/proc/1/mem", O_RDONLY) < 0);
}

static void is_final(void **state)
{
	(void)state;
	run_in_child(nothing_can_be_had_back, NULL);
}

static void leaves_no_traces(void *arg)
{
	struct rlimit core;
	char cwd[64];

	(void)arg;
	become_nobody();
	CHECK(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0);
	CHECK(getrlimit(RLIMIT_CORE, &core) == 0 && core.rlim_cur == 0 && core.rlim_max == 0);
	CHECK(umask(0) == 077);
	CHECK(getcwd(cwd, sizeof(cwd)) != NULL && strcmp(cwd, "/") == 0);
}

static void sets_attributes(void **state)
{
	(void)state;
	run_in_child(leaves_no_traces, NULL);
}

/* Without the right to, it must say so, and not go on half dropped. */
static void refuses_unprivileged(void *arg)
{
	const struct sandbox_user other = { .uid = 1, .gid = 1 };

	(void)arg;
	CHECK(setresgid(65534, 65534, 65534) == 0 && setresuid(65534, 65534, 65534) == 0);
	CHECK(freopen("/dev/null", "w", stderr) != NULL);
	CHECK(sandbox_drop(&other) == ERR_SYSTEM);
}

static void fails_without_rights(void **state)
{
	(void)state;
	run_in_child(refuses_unprivileged, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_users),
		cmocka_unit_test(drops_everything),
		cmocka_unit_test(is_final),
		cmocka_unit_test(sets_attributes),
		cmocka_unit_test(fails_without_rights),
	};

	return cmocka_run_group_tests(tests, need_root, NULL);
}
