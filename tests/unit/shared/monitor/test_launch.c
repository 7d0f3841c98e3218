/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The global flags of both programs, going to the background, and -k. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "shared/base/file.h"
#include "shared/monitor/launch.h"

#define WORDS_MAX 12

/* Splits a command line at blanks; the program's name comes first. */
static int split(const char *line, char mem[256], char *argv[WORDS_MAX])
{
	int argc = 0;
	char *save = NULL;

	snprintf(mem, 256, "branchline-spoke %s", line);
	for (char *w = strtok_r(mem, " ", &save); w; w = strtok_r(NULL, " ", &save))
		argv[argc++] = w;
	argv[argc] = NULL;
	return argc;
}

static bool same(const char *a, const char *b) { return a == b || (a && b && strcmp(a, b) == 0); }

static void good_lines(void **state)
{
	static const struct {
		const char *line, *net, *dir, *command;
		int n_rest, debug, signal;
		bool foreground;
		unsigned overrides;
		const char *log, *pid;
	} rows[] = {
		{ "", NULL, NULL, NULL, 0, -1, 0, false, 0, NULL, NULL },
		{ "-n x run", "x", NULL, "run", 1, -1, 0, false, 0, NULL, NULL },
		{ "-nx -c /d -D", "x", "/d", NULL, 0, -1, 0, true, 0, NULL, NULL },
		{ "--net=x --config /d --no-detach", "x", "/d", NULL, 0, -1, 0, true, 0, NULL,
		  NULL },
		{ "-n x -d", "x", NULL, NULL, 0, 1, 0, false, 0, NULL, NULL },
		{ "-n x -d -d -d", "x", NULL, NULL, 0, 3, 0, false, 0, NULL, NULL },
		{ "-n x -d5 -D", "x", NULL, NULL, 0, 5, 0, true, 0, NULL, NULL },
		{ "-n x -d 3 run", "x", NULL, "run", 1, 3, 0, false, 0, NULL, NULL },
		{ "-n x --debug=0", "x", NULL, NULL, 0, 0, 0, false, 0, NULL, NULL },
		{ "-n x -d run", "x", NULL, "run", 1, 1, 0, false, 0, NULL, NULL },
		{ "-n x -k", "x", NULL, NULL, 0, -1, SIGTERM, false, 0, NULL, NULL },
		{ "-n x -kHUP", "x", NULL, NULL, 0, -1, SIGHUP, false, 0, NULL, NULL },
		{ "-n x -k hup", "x", NULL, NULL, 0, -1, SIGHUP, false, 0, NULL, NULL },
		{ "-n x --kill=SIGUSR1", "x", NULL, NULL, 0, -1, SIGUSR1, false, 0, NULL, NULL },
		{ "-n x -k9", "x", NULL, NULL, 0, -1, SIGKILL, false, 0, NULL, NULL },
		{ "-n x -o A=1 -o B=", "x", NULL, NULL, 0, -1, 0, false, 2, NULL, NULL },
		{ "-n x -U branch -K 4096 run", "x", NULL, "run", 1, -1, 0, false, 1, NULL, NULL },
		{ "-n x -K4096", "x", NULL, NULL, 0, -1, 0, false, 0, NULL, NULL },
		{ "-n x -K run", "x", NULL, "run", 1, -1, 0, false, 0, NULL, NULL },
		{ "-n x --logfile=/l --pidfile=/p", "x", NULL, NULL, 0, -1, 0, false, 0, "/l",
		  "/p" },
		/* Behind the subcommand its own flags begin. */
		{ "-n x ping -c 3 oslo", "x", NULL, "ping", 4, -1, 0, false, 0, NULL, NULL },
		{ "join --force bl1_x", NULL, NULL, "join", 3, -1, 0, false, 0, NULL, NULL },
	};
	char mem[256], *argv[WORDS_MAX];
	struct launch l;

	(void)state;
	unsetenv("NETNAME");
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		int argc = split(rows[i].line, mem, argv);

		if (launch_parse(&l, "branchline-spoke", argc, argv) != ERR_OK)
			fail_msg("\"%s\": %s", rows[i].line, l.error);
		if (!same(l.net, rows[i].net) || !same(l.config_dir, rows[i].dir) ||
		    !same(l.argc ? l.argv[0] : NULL, rows[i].command) || l.argc != rows[i].n_rest ||
		    l.debug != rows[i].debug || l.kill_signal != rows[i].signal ||
		    l.foreground != rows[i].foreground || l.n_overrides != rows[i].overrides ||
		    !same(l.log_file, rows[i].log) || !same(l.pid_file, rows[i].pid))
			fail_msg("\"%s\" was understood in another way", rows[i].line);
	}
}

static void bad_lines(void **state)
{
	static const struct {
		const char *line, *words;
	} rows[] = {
		{ "-n", "needs a value" },
		{ "-n a/b", "network's name" },
		{ "-n -x", "network's name" },
		{ "-d6", "0 to 5" },
		{ "-d-1", "0 to 5" },
		{ "--debug=x", "0 to 5" },
		{ "-kNONSENSE", "not a signal" },
		{ "-k0", "not a signal" },
		{ "-k65", "not a signal" },
		{ "-Kmany", "number of bits" },
		{ "-U", "needs a value" },
		{ "-o A", "KEY=VALUE" },
		{ "-o =1", "KEY=VALUE" },
		{ "-x", "unknown option -x" },
		{ "--nonsense", "--nonsense" },
		{ "--pidfile", "needs a value" },
	};
	char mem[256], *argv[WORDS_MAX];
	struct launch l;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		int argc = split(rows[i].line, mem, argv);

		if (launch_parse(&l, "branchline-spoke", argc, argv) != ERR_INVALID)
			fail_msg("\"%s\" was accepted", rows[i].line);
		if (!strstr(l.error, rows[i].words))
			fail_msg("\"%s\": \"%s\" does not say \"%s\"", rows[i].line, l.error,
				 rows[i].words);
	}
}

static void the_environment_names_the_network(void **state)
{
	char mem[256], *argv[WORDS_MAX];
	struct launch l;

	(void)state;
	setenv("NETNAME", "fromenv", 1);
	assert_int_equal(launch_parse(&l, "p", split("status", mem, argv), argv), ERR_OK);
	assert_string_equal(l.net, "fromenv");
	assert_int_equal(launch_parse(&l, "p", split("-n x status", mem, argv), argv), ERR_OK);
	assert_string_equal(l.net, "x");
	setenv("NETNAME", "not/valid", 1);
	assert_int_equal(launch_parse(&l, "p", split("status", mem, argv), argv), ERR_INVALID);
	unsetenv("NETNAME");
}

static void flags_behind_run(void **state)
{
	char mem[256], *argv[WORDS_MAX];
	struct launch l;

	(void)state;
	assert_int_equal(
		launch_parse(&l, "p", split("-n x -o A=1 run -D -d2 -o B=2", mem, argv), argv),
		ERR_OK);
	assert_false(l.foreground);
	assert_int_equal(launch_parse_more(&l), ERR_OK);
	assert_true(l.foreground);
	assert_int_equal(l.debug, 2);
	assert_int_equal(l.n_overrides, 2);
	assert_int_equal(l.argc, 0);
}

/* What launch_daemonize() gives its caller when the daemon does `ready`, or ends with `code`. */
static int background(bool ready, int code)
{
	struct launch l = { .program = "test" };
	int result = launch_daemonize(&l, NULL);

	if (result != -1)
		return result;
	if (ready && write(l.ready_fd, "r", 1) != 1)
		_exit(99);
	_exit(code);
}

static void the_parent_knows_how_it_went(void **state)
{
	(void)state;
	assert_int_equal(background(true, 0), LAUNCH_DONE);
	assert_int_equal(background(false, 3), 3);
	assert_int_equal(background(false, 0), LAUNCH_FAILED);
}

static void put_pid(const char *path, const char *text)
{
	assert_int_equal(file_write_atomic(path, text, strlen(text), 0644), ERR_OK);
}

static void signals_go_to_our_program_only(void **state)
{
	char path[64] = "/tmp/launch-pid-XXXXXX", text[32];
	struct launch l = { .program = "test_launch", .kill_signal = SIGTERM };
	int fd = mkstemp(path), status;
	pid_t child;

	(void)state;
	close(fd);
	put_pid(path, "");
	assert_int_equal(launch_signal(&l, path), LAUNCH_NOT_RUNNING);
	put_pid(path, "1\n");
	assert_int_equal(launch_signal(&l, path), LAUNCH_NOT_RUNNING);
	put_pid(path, "-1\n");
	assert_int_equal(launch_signal(&l, path), LAUNCH_NOT_RUNNING);
	put_pid(path, "99999999999999999999\n");
	assert_int_equal(launch_signal(&l, path), LAUNCH_NOT_RUNNING);
	assert_int_equal(launch_signal(&l, "/nonexistent/pid"), LAUNCH_NOT_RUNNING);
	child = fork();
	if (child == 0) {
		signal(SIGTERM, SIG_DFL);
		pause();
		_exit(0);
	}
	snprintf(text, sizeof(text), "%ld\n", (long)child);
	put_pid(path, text);
	l.program = "another-program";
	assert_int_equal(launch_signal(&l, path), LAUNCH_NOT_RUNNING);
	l.program = "test_launch";
	assert_int_equal(launch_signal(&l, path), LAUNCH_DONE);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
	unlink(path);
}

static void where_the_log_goes(void **state)
{
	struct paths p = { .state = "/state" };
	char mem[PATHS_FILE_SIZE];
	struct launch l = { .program = "branchline-spoke" };

	(void)state;
	assert_string_equal(launch_log_path(&l, &p, mem), "/state/branchline-spoke.log");
	l.foreground = true;
	assert_null(launch_log_path(&l, &p, mem));
	l.log_to_file = true;
	assert_string_equal(launch_log_path(&l, &p, mem), "/state/branchline-spoke.log");
	l.log_file = "/elsewhere";
	assert_string_equal(launch_log_path(&l, &p, mem), "/elsewhere");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_lines),
		cmocka_unit_test(bad_lines),
		cmocka_unit_test(the_environment_names_the_network),
		cmocka_unit_test(flags_behind_run),
		cmocka_unit_test(the_parent_knows_how_it_went),
		cmocka_unit_test(signals_go_to_our_program_only),
		cmocka_unit_test(where_the_log_goes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
