/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/shared/monitor/child.h"

#include "shared/monitor/pidfile.h"

static char dir[] = "/tmp/branchline-pidfile-XXXXXX";
static char path[128];

/*
 * Another process must be refused and told whose it is; a lock of our own process would not do as a
 * test.
 */
static void body_second(void *arg)
{
	pid_t other = 0;
	int fd = -7;

	CHECK(pidfile_open(path, &fd, &other) == ERR_BUSY);
	CHECK(other == *(const pid_t *)arg && fd == -7);
}

static void body_again(void *arg)
{
	pid_t other = 0;
	int fd = -1;

	(void)arg;
	CHECK(pidfile_open(path, &fd, &other) == ERR_OK);
	pidfile_close(path, &fd);
}

static void locks(void **state)
{
	char text[64], want[64];
	pid_t other, me = getpid();
	int fd = -1;

	(void)state;
	assert_int_equal(pidfile_open(path, &fd, &other), ERR_OK);
	snprintf(want, sizeof(want), "%ld\n", (long)me);
	assert_string_equal(read_text(path, text, sizeof(text)), want);
	run_in_child(body_second, &me);
	assert_string_equal(read_text(path, text, sizeof(text)), want);
	pidfile_close(path, &fd);
	assert_int_equal(fd, -1);
	assert_int_equal(access(path, F_OK), -1);
	pidfile_close(path, &fd);
	run_in_child(body_again, NULL);
}

/* What a daemon left that was killed: the file, but no lock. */
static void replaces_stale(void **state)
{
	static const char *const rows[] = { "999999\n", "", "no number\n",
					    "1234567890123456789012345678901234567890" };
	char text[64];
	pid_t other;
	int fd = -1;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		write_file(path, rows[i], 0644);
		assert_int_equal(pidfile_open(path, &fd, &other), ERR_OK);
		assert_int_equal(strtol(read_text(path, text, sizeof(text)), NULL, 10), getpid());
		pidfile_close(path, &fd);
	}
}

static void follows_no_link(void **state)
{
	char target[160], text[64];
	pid_t other;
	int fd = -1;

	(void)state;
	snprintf(target, sizeof(target), "%s/precious", dir);
	write_file(target, "precious", 0644);
	assert_int_equal(symlink(target, path), 0);
	assert_true(pidfile_open(path, &fd, &other) < 0);
	assert_string_equal(read_text(target, text, sizeof(text)), "precious");
	unlink(path);
}

static int set_up(void **state)
{
	if (need_root(state) != 0 || !mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/run/net/pid", dir);
	return 0;
}

static int tear_down(void **state)
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
		cmocka_unit_test(locks),
		cmocka_unit_test(replaces_stale),
		cmocka_unit_test(follows_no_link),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
