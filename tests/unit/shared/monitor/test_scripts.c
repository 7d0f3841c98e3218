/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/shared/monitor/child.h"

#include <errno.h>
#include <fcntl.h>

#include "shared/base/log.h"
#include "shared/monitor/scripts.h"

static char dir[64];
static struct loop *loop;
static struct scripts *scripts;

static void on_idle(void *arg)
{
	(void)arg;
	loop_stop(loop, 0);
}

static void on_child(void *arg, int signo)
{
	int status;
	pid_t pid;

	(void)arg;
	(void)signo;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		(void)scripts_reaped(scripts, pid, status);
}

static void too_late(struct timer *t, uint64_t now_ms)
{
	(void)t;
	(void)now_ms;
	loop_stop(loop, 99);
}

static struct timer watchdog = { .fire = too_late };

#define LONG_MS 120000u /* more than any script of these tests takes on the busiest machine */

/* Runs the loop until the scripts are idle. */
static void wait_idle(void)
{
	if (scripts_idle(scripts))
		return;
	timer_arm(loop_timers(loop), &watchdog, clock_now_ms() + LONG_MS);
	CHECK(loop_run(loop) == 0);
	timer_disarm(loop_timers(loop), &watchdog);
}

static void set_up(unsigned limit_ms)
{
	struct scripts_params p = { .dir = dir,
				    .net = "testnet",
				    .node = "oslo",
				    .device = "/dev/net/tun",
				    .interface = "blt0",
				    .time_limit_ms = limit_ms,
				    .idle = on_idle };
	char path[128];

	snprintf(dir, sizeof(dir), "/tmp/branchline-scripts-XXXXXX");
	CHECK(mkdtemp(dir) != NULL);
	snprintf(path, sizeof(path), "%s/hosts", dir);
	CHECK(mkdir(path, 0755) == 0);
	CHECK(loop_new(&loop) == ERR_OK && loop_signal(loop, SIGCHLD, on_child, NULL) == ERR_OK);
	CHECK(scripts_new(loop, &p, &scripts) == ERR_OK);
}

static void tear_down(void)
{
	char out[64], command[128];
	sigset_t none;

	scripts_free(scripts);
	loop_free(loop);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	output_of(command, out, sizeof(out));
}

static const char *in_dir(const char *file)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/%s", dir, file);
	return path;
}

static void script(const char *file, const char *body)
{
	char text[1024];

	snprintf(text, sizeof(text), "#!/bin/sh\n%s\n", body);
	write_file(in_dir(file), text, 0755);
}

static const char *result(const char *file)
{
	static char text[16384];

	return read_text(in_dir(file), text, sizeof(text));
}

/* A FIFO "gate" in the script folder: who reads it hangs until open_gate(). */
static int make_gate(void)
{
	int fd;

	CHECK(mkfifo(in_dir("gate"), 0600) == 0);
	fd = open(in_dir("gate"), O_RDWR | O_CLOEXEC);
	CHECK(fd >= 0);
	return fd;
}

static void open_gate(int fd) { CHECK(write(fd, "\n", 1) == 1); }

static void tell(enum monitor_script_kind kind, const char *node, uint32_t weight)
{
	struct monitor_script m = { .kind = kind, .weight = weight };

	snprintf(m.node, sizeof(m.node), "%s", node);
	if (kind == SCRIPT_SUBNET_UP || kind == SCRIPT_SUBNET_DOWN)
		CHECK(prefix_parse("10.20.0.0/24", &m.subnet, NULL) == ERR_OK);
	CHECK(scripts_run(scripts, &m) == ERR_OK);
}

static void body_order(void *arg)
{
	int gate;

	(void)arg;
	set_up(LONG_MS);
	gate = make_gate();
	script("tinc-up", "read x <gate; echo tinc-up >>order");
	script("tinc-down", "echo tinc-down >>order");
	script("host-up", "echo host-up $NODE >>order");
	script("hosts/bergen-up", "echo bergen-up $NODE >>order");
	script("hosts/bergen-down", "echo bergen-down $NODE >>order");
	script("subnet-down", "echo subnet-down $SUBNET >>order; exit 3");
	tell(SCRIPT_TINC_UP, "", 0);
	tell(SCRIPT_HOST_UP, "bergen", 0);
	tell(SCRIPT_HOST_UP, "narvik", 0);
	tell(SCRIPT_SUBNET_UP, "bergen", 1); /* there is no subnet-up */
	tell(SCRIPT_SUBNET_DOWN, "bergen", 1);
	tell(SCRIPT_HOST_DOWN, "bergen", 0);
	tell(SCRIPT_TINC_DOWN, "", 0);
	CHECK(!scripts_idle(scripts));
	open_gate(gate);
	wait_idle();
	CHECK(strcmp(result("order"),
		     "tinc-up\nhost-up bergen\nbergen-up bergen\nhost-up narvik\n"
		     "subnet-down 10.20.0.0/24\nbergen-down bergen\ntinc-down\n") == 0);
	tear_down();
}

/* The environment as execve() got it, in the order it was given. */
static void body_environment(void *arg)
{
	struct monitor_script m = { .kind = SCRIPT_SUBNET_UP, .node = "bergen", .weight = 7 };

	(void)arg;
	set_up(LONG_MS);
	log_set_level(2);
	CHECK(setenv("LEAKED", "secret", 1) == 0);
	CHECK(endpoint_parse("[2001:db8::7]:6655", 0, &m.remote) == ERR_OK);
	CHECK(prefix_parse("10.20.0.0/24", &m.subnet, NULL) == ERR_OK);
	script("tinc-up", "tr '\\0' '\\n' </proc/$$/environ >env-tinc");
	script("subnet-up", "tr '\\0' '\\n' </proc/$$/environ >env-subnet");
	tell(SCRIPT_TINC_UP, "", 0);
	CHECK(scripts_run(scripts, &m) == ERR_OK);
	wait_idle();
	CHECK(strcmp(result("env-tinc"),
		     "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n"
		     "NETNAME=testnet\nNAME=oslo\nDEVICE=/dev/net/"
		     "tun\nINTERFACE=blt0\nDEBUG=2\n") == 0);
	CHECK(strcmp(result("env-subnet"),
		     "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n"
		     "NETNAME=testnet\nNAME=oslo\nDEVICE=/dev/net/tun\nINTERFACE=blt0\nDEBUG=2\n"
		     "NODE=bergen\nREMOTEADDRESS=2001:db8::7\nREMOTEPORT=6655\n"
		     "SUBNET=10.20.0.0/24\nWEIGHT=7\n") == 0);
	tear_down();
}

/* What a script inherits: no descriptor, no terminal, no blocked or ignored signal. */
static void body_process(void *arg)
{
	(void)arg;
	set_up(LONG_MS);
	CHECK(dup2(STDERR_FILENO, 50) == 50);
	signal(SIGPIPE, SIG_IGN);
	script("tinc-up",
	       "exec >process; [ -e /proc/$$/fd/50 ] && echo leaked; readlink /proc/$$/fd/0; pwd;"
	       "[ $(cut -d' ' -f6 /proc/$$/stat) = $$ ] && echo own session; umask; exec grep -E "
	       "'^Sig(Blk|Ign)' /proc/self/status");
	tell(SCRIPT_TINC_UP, "", 0);
	wait_idle();
	CHECK(strncmp(result("process"), "/dev/null\n", 10) == 0);
	CHECK(strstr(result("process"), "own session\n0022\nSigBlk:\t0000000000000000\nSigIgn:\t"));
	/* The two signals from 32 on that the C library keeps to itself stay as they were. */
	CHECK((strtoull(strstr(result("process"), "SigIgn:") + 7, NULL, 16) & 0x7fffffff) == 0);
	CHECK(strstr(result("process"), dir) != NULL);
	tear_down();
}

/* Gone, or a zombie that whoever adopted it has not collected yet. */
static bool sleeper_is_dead(void *arg)
{
	long pid = strtol(result("sleeper"), NULL, 10);
	char path[64], line[256];

	(void)arg;
	CHECK(pid > 0);
	snprintf(path, sizeof(path), "/proc/%ld/stat", pid);
	read_text(path, line, sizeof(line));
	return line[0] == '\0' || strstr(line, ") Z ");
}

/* Enough for a script that only says something, also on a busy machine. */
#define LIMIT_MS 2000u

/* A script that hangs, and one behind it; how long it takes until both are over. */
static uint64_t run_beside_one_that_hangs(void)
{
	uint64_t begin_ms;

	set_up(LIMIT_MS);
	(void)make_gate();
	script("tinc-up", "cat <gate & echo $! >sleeper; wait");
	script("host-up", "echo next >next");
	begin_ms = clock_now_ms();
	tell(SCRIPT_TINC_UP, "", 0);
	tell(SCRIPT_HOST_UP, "bergen", 0);
	wait_idle();
	begin_ms = clock_now_ms() - begin_ms;
	CHECK(strcmp(result("next"), "next\n") == 0);
	CHECK(wait_until(sleeper_is_dead, NULL, LONG_MS));
	tear_down();
	return begin_ms;
}

/* The one that hangs is killed with what it started, and the next one has its turn: never before
 * its time, and not late every time, as a busy machine can be. */
static void body_time_limit(void *arg)
{
	uint64_t took_ms;
	unsigned tries = 0;

	(void)arg;
	do {
		took_ms = run_beside_one_that_hangs();
		CHECK(took_ms >= LIMIT_MS);
	} while (took_ms >= LIMIT_MS + 3000 && ++tries < 5);
	CHECK(took_ms < LIMIT_MS + 3000);
}

static void ruin_mode(void) { CHECK(chmod(in_dir("tinc-up"), 0757) == 0); }
static void ruin_group(void) { CHECK(chmod(in_dir("tinc-up"), 0775) == 0); }
static void ruin_owner(void) { CHECK(chown(in_dir("tinc-up"), 65534, 0) == 0); }
static void ruin_exec(void) { CHECK(chmod(in_dir("tinc-up"), 0644) == 0); }
static void ruin_folder(void) { CHECK(chmod(dir, 0777) == 0); }
static void ruin_folder_owner(void) { CHECK(chown(dir, 65534, 0) == 0); }
static void ruin_nothing(void) {}
static void ruin_link(void)
{
	char target[256];

	snprintf(target, sizeof(target), "%s", in_dir("elsewhere"));
	CHECK(rename(in_dir("tinc-up"), target) == 0 && symlink(target, in_dir("tinc-up")) == 0);
}

static void body_permissions(void *arg)
{
	static const struct {
		void (*ruin)(void);
		bool runs;
	} rows[] = {
		{ ruin_nothing, true },       { ruin_mode, false }, { ruin_group, false },
		{ ruin_owner, false },        { ruin_exec, false }, { ruin_folder, false },
		{ ruin_folder_owner, false }, { ruin_link, false },
	};

	(void)arg;
	CHECK(freopen("/dev/null", "w", stderr) != NULL);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		set_up(LONG_MS);
		script("tinc-up", "echo ran >ran");
		rows[i].ruin();
		tell(SCRIPT_TINC_UP, "", 0);
		wait_idle();
		if ((strcmp(result("ran"), "ran\n") == 0) != rows[i].runs) {
			printf("row %zu\n", i);
			_exit(1);
		}
		tear_down();
	}
}

/* Whoever can write to the script folder could put another "hosts" there. */
static void body_host_folder(void *arg)
{
	(void)arg;
	CHECK(freopen("/dev/null", "w", stderr) != NULL);
	set_up(LONG_MS);
	script("hosts/bergen-up", "echo ran >ran");
	CHECK(chmod(dir, 0777) == 0);
	tell(SCRIPT_HOST_UP, "bergen", 0);
	wait_idle();
	CHECK(result("ran")[0] == '\0');
	CHECK(chmod(dir, 0755) == 0 && chmod(in_dir("hosts"), 0777) == 0);
	tell(SCRIPT_HOST_UP, "bergen", 0);
	wait_idle();
	CHECK(result("ran")[0] == '\0');
	CHECK(chmod(in_dir("hosts"), 0755) == 0);
	tell(SCRIPT_HOST_UP, "bergen", 0);
	wait_idle();
	CHECK(strcmp(result("ran"), "ran\n") == 0);
	tear_down();
}

static void body_refusals(void *arg)
{
	struct monitor_script m = { .kind = SCRIPT_HOST_UP, .node = "../../etc/x" };

	(void)arg;
	set_up(LONG_MS);
	CHECK(scripts_run(scripts, &m) == ERR_INVALID);
	m.node[0] = '\0';
	CHECK(scripts_run(scripts, &m) == ERR_INVALID);
	m.kind = SCRIPT_COUNT;
	CHECK(scripts_run(scripts, &m) == ERR_INVALID);
	CHECK(scripts_idle(scripts) && !scripts_reaped(scripts, 1, 0) &&
	      !scripts_reaped(scripts, 0, 0));
	tear_down();
}

/* While tinc-up runs, more events come than may wait: the oldest go, the interface's own never. */
static void body_overflow(void *arg)
{
	char want[8192] = "";
	size_t at = 0;
	int gate;

	(void)arg;
	CHECK(freopen("/dev/null", "w", stderr) != NULL);
	set_up(LONG_MS);
	gate = make_gate();
	script("tinc-up", "read x <gate");
	script("subnet-up", "echo $WEIGHT >>weights");
	script("tinc-down", "echo down >>weights");
	tell(SCRIPT_TINC_UP, "", 0);
	for (uint32_t i = 0; i < SCRIPTS_QUEUE_MAX + 20; i++)
		tell(SCRIPT_SUBNET_UP, "bergen", i);
	tell(SCRIPT_TINC_DOWN, "", 0);
	open_gate(gate);
	wait_idle();
	for (uint32_t i = 21; i < SCRIPTS_QUEUE_MAX + 20; i++)
		at += (size_t)snprintf(want + at, sizeof(want) - at, "%u\n", i);
	snprintf(want + at, sizeof(want) - at, "down\n");
	CHECK(strcmp(result("weights"), want) == 0);
	tear_down();
}

static void body_hurry(void *arg)
{
	uint64_t begin_ms = clock_now_ms();

	(void)arg;
	CHECK(freopen("/dev/null", "w", stderr) != NULL);
	set_up(LONG_MS);
	(void)make_gate();
	script("host-up", "cat gate");
	script("subnet-up", "echo subnet >>order");
	script("tinc-down", "echo down >>order");
	tell(SCRIPT_HOST_UP, "bergen", 0);
	tell(SCRIPT_SUBNET_UP, "bergen", 0);
	tell(SCRIPT_TINC_DOWN, "", 0);
	scripts_hurry(scripts);
	wait_idle();
	CHECK(strcmp(result("order"), "down\n") == 0 && clock_now_ms() - begin_ms < LONG_MS / 2);
	tear_down();
}

#define IN_CHILD(test, body)                                                                       \
	static void test(void **state)                                                             \
	{                                                                                          \
		(void)state;                                                                       \
		run_in_child(body, NULL);                                                          \
	}

IN_CHILD(keeps_order, body_order)
IN_CHILD(sets_environment, body_environment)
IN_CHILD(starts_clean, body_process)
IN_CHILD(ends_at_time_limit, body_time_limit)
IN_CHILD(checks_permissions, body_permissions)
IN_CHILD(checks_host_folder, body_host_folder)
IN_CHILD(refuses_bad_events, body_refusals)
IN_CHILD(drops_oldest, body_overflow)
IN_CHILD(hurries, body_hurry)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keeps_order),
		cmocka_unit_test(sets_environment),
		cmocka_unit_test(starts_clean),
		cmocka_unit_test(ends_at_time_limit),
		cmocka_unit_test(checks_permissions),
		cmocka_unit_test(refuses_bad_events),
		cmocka_unit_test(checks_host_folder),
		cmocka_unit_test(drops_oldest),
		cmocka_unit_test(hurries),
	};

	return cmocka_run_group_tests(tests, need_root, NULL);
}
