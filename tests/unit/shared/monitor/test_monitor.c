/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The monitor as a whole, with two toy roles (three with a mover), in a network namespace of its
 * own:
 *
 *     test body (netns, subreaper) --fork--> monitor --fork--> engine, control
 *
 * The workers tell what they see through shared memory. When a link comes up control sends PING
 * over it, engine answers PONG.
 */
#include "tests/unit/shared/monitor/child.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "shared/base/log.h"
#include "shared/monitor/monitor.h"
#include "shared/monitor/notify.h"
#include "shared/monitor/sandbox.h"

/* How long is waited for what should take milliseconds. */
#define WAIT_MS 60000u

enum { PING = 1000, PONG };

/* What a toy is told to do wrong. */
enum fault { FAULT_NONE, FAULT_LOAD, FAULT_START, FAULT_ASK, FAULT_NO_STOP, FAULT_GARBAGE };

struct seen {
	pid_t pid;
	uid_t uid, uid_at_load;
	unsigned starts, ups, downs, reloads, wishes[8], finis;
	unsigned open_fds;
	bool has_tun, has_udp, has_unix;
	unsigned linked; /* bit set of roles */
	unsigned pongs;
	unsigned done_ok, done_failed;
	char comm[16];
};

static volatile struct shared {
	struct seen engine, control, mover;
	enum fault engine_fault, control_fault;
} * shared;

static char dir[64];

/* --- toys ------------------------------------------------------------------------------------- */

static volatile struct seen *seen_by(const struct worker *w)
{
	if (w->role == WORKER_MOVER1)
		return &shared->mover;
	return w->role == WORKER_ENGINE ? &shared->engine : &shared->control;
}

static enum fault fault_of(const struct worker *w)
{
	if (w->role == WORKER_MOVER1)
		return FAULT_NONE;
	return w->role == WORKER_ENGINE ? shared->engine_fault : shared->control_fault;
}

static enum err load_engine(void *config, void **state)
{
	CHECK(config == (void *)&shared);
	shared->engine.uid_at_load = getuid();
	*state = (void *)(uintptr_t)4711;
	return shared->engine_fault == FAULT_LOAD ? ERR_NOTFOUND : ERR_OK;
}

static enum err load_control(void *config, void **state)
{
	(void)config;
	(void)state;
	shared->control.uid_at_load = getuid();
	return ERR_OK;
}

static void send_net(struct worker *w, uint16_t type, const char *prefix)
{
	struct monitor_prefix m = { .tag = 1, .add = true };
	uint8_t mem[64];
	struct cursor c;

	CHECK(prefix_parse(prefix, &m.prefix, NULL) == ERR_OK);
	cursor_init_write(&c, mem, sizeof(mem));
	monitor_prefix_encode(&m, &c);
	CHECK(cursor_end(&c) == ERR_OK &&
	      channel_send(w->monitor, type, mem, cursor_pos(&c), -1) == ERR_OK);
}

/* Two right requests, one that is refused, and the end. */
static void sync_network(struct worker *w)
{
	const struct monitor_net_end end = { .tag = 9, .mtu = 1280 };
	uint8_t mem[64];
	struct cursor c;

	CHECK(channel_send(w->monitor, MONITOR_NET_BEGIN, NULL, 0, -1) == ERR_OK);
	send_net(w, MONITOR_ADDRESS, "10.99.0.1/32");
	send_net(w, MONITOR_ROUTE, "10.20.0.0/24");
	send_net(w, MONITOR_ROUTE, "0.0.0.0/0");
	cursor_init_write(&c, mem, sizeof(mem));
	monitor_net_end_encode(&end, &c);
	CHECK(cursor_end(&c) == ERR_OK &&
	      channel_send(w->monitor, MONITOR_NET_END, mem, cursor_pos(&c), -1) == ERR_OK);
}

static void tell_host(struct worker *w, enum monitor_script_kind kind)
{
	const struct monitor_script m = { .kind = kind, .node = "bergen" };
	uint8_t mem[256];
	struct cursor c;

	cursor_init_write(&c, mem, sizeof(mem));
	monitor_script_encode(&m, &c);
	CHECK(cursor_end(&c) == ERR_OK &&
	      channel_send(w->monitor, MONITOR_SCRIPT, mem, cursor_pos(&c), -1) == ERR_OK);
}

static unsigned count_fds(void)
{
	unsigned n = 0;

	for (int fd = 0; fd < 4096; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static enum err start(struct worker *w)
{
	volatile struct seen *s = seen_by(w);
	enum fault fault = fault_of(w);

	if (fault == FAULT_START)
		return ERR_BUSY;
	s->starts++;
	s->uid = getuid();
	s->open_fds = count_fds();
	s->has_tun = w->fds.tun >= 0;
	s->has_udp = w->fds.n_udp == 1 && w->fds.udp[0] >= 0;
	s->has_unix = w->fds.listen_unix >= 0;
	prctl(PR_GET_NAME, (char *)s->comm, 0, 0, 0);
	CHECK(w->role != WORKER_ENGINE || w->state == (void *)(uintptr_t)4711);
	if (fault == FAULT_ASK)
		tell_host(w, SCRIPT_HOST_UP);
	if (fault == FAULT_GARBAGE)
		CHECK(channel_send(w->monitor, MONITOR_ROUTE, "garbage", 7, -1) == ERR_OK);
	if (w->role == WORKER_CONTROL && fault == FAULT_NONE)
		sync_network(w);
	s->pid = getpid();
	return ERR_OK;
}

static void up(struct worker *w, enum worker_role role)
{
	seen_by(w)->ups++;
	seen_by(w)->linked |= 1u << role;
	CHECK(w->siblings[role] != NULL);
	if (w->role == WORKER_CONTROL)
		(void)!channel_send(w->siblings[role], PING, "x", 1, -1); /* it may be dying */
}

static void down(struct worker *w, enum worker_role role)
{
	CHECK(w->siblings[role] == NULL);
	seen_by(w)->downs++;
}

static void take_done(volatile struct seen *s, struct cursor *body)
{
	struct monitor_done done;

	CHECK(monitor_done_decode(body, &done) == ERR_OK);
	if (done.result == ERR_OK)
		s->done_ok++;
	else if (done.result == ERR_DENIED && strstr(done.text, "default route"))
		s->done_failed++;
}

static void message(struct worker *w, enum worker_role from, uint16_t type, struct cursor *body,
		    int fd)
{
	CHECK(fd < 0);
	if (from == 0 && type == MONITOR_DONE)
		take_done(seen_by(w), body);
	else if (type == PING)
		(void)!channel_send(w->siblings[from], PONG, "y", 1, -1);
	else if (type == PONG)
		seen_by(w)->pongs++;
}

static void reload(struct worker *w)
{
	seen_by(w)->reloads++;
	log_notice("reloaded");
}

static void wish(struct worker *w, enum monitor_wish what) { seen_by(w)->wishes[what]++; }

static void stop(struct worker *w)
{
	if (fault_of(w) == FAULT_NO_STOP)
		return;
	if (w->role == WORKER_CONTROL)
		tell_host(w, SCRIPT_HOST_DOWN);
	loop_stop(w->loop, 0);
}

static void fini(struct worker *w) { seen_by(w)->finis++; }

static const struct worker_role_ops engine_ops = {
	.role = WORKER_ENGINE,
	.name = "engine",
	.load = load_engine,
	.start = start,
	.sibling_up = up,
	.sibling_down = down,
	.message = message,
	.reload = reload,
	.stop = stop,
	.fini = fini,
};
static const struct worker_role_ops control_ops = {
	.role = WORKER_CONTROL,
	.name = "control",
	.load = load_control,
	.start = start,
	.sibling_up = up,
	.sibling_down = down,
	.message = message,
	.reload = reload,
	.wish = wish,
	.stop = stop,
	.fini = fini,
};
static enum err load_nothing(void *config, void **state)
{
	(void)config;
	(void)state;
	return ERR_OK;
}

static const struct worker_role_ops mover_ops = {
	.role = WORKER_MOVER1,
	.name = "mover1",
	.load = load_nothing,
	.start = start,
	.sibling_up = up,
	.sibling_down = down,
	.message = message,
	.stop = stop,
	.fini = fini,
};
/* With Workers = 2 the last one, too. */
static const struct worker_role_ops *roles[4] = { &engine_ops, &control_ops };
static unsigned workers;

/* --- the monitor under test ------------------------------------------------------------------- */

static const char *in_dir(const char *file)
{
	static char path[8][128];
	static unsigned at;
	char *p = path[at++ % 8];

	snprintf(p, sizeof(path[0]), "%s/%s", dir, file);
	return p;
}

static pid_t start_monitor_as(const char *user, const char *log)
{
	int ready[2];
	char byte;
	pid_t pid;

	CHECK(pipe(ready) == 0);
	pid = fork();
	CHECK(pid >= 0);
	if (pid == 0) {
		struct monitor_params p = {
			.program = "toy",
			.net = "testnet",
			.node = "oslo",
			.user = user,
			.interface = "blt0",
			.device = "/dev/net/tun",
			.vnet_hdr = true,
			.mtu = 1400,
			.n_udp = 1,
			.workers = workers,
			.unix_path = in_dir("run/status.sock"),
			.unix_role = WORKER_CONTROL,
			.script_dir = dir,
			.pidfile = in_dir("run/pid"),
			.ready_fd = ready[1],
			.roles = roles,
			.config = (void *)&shared,
		};

		CHECK(endpoint_parse("0.0.0.0:6655", 0, &p.udp[0]) == ERR_OK);
		/* A test that fails leaves nothing behind. */
		CHECK(prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == 0);
		close(ready[0]);
		CHECK(log_open("toy", 2, log));
		_exit(monitor_run(&p));
	}
	close(ready[1]);
	if (read(ready[0], &byte, 1) != 1)
		byte = '\0';
	close(ready[0]);
	return byte == 'r' ? pid : -pid;
}

static pid_t start_monitor(void) { return start_monitor_as("nobody", in_dir("log")); }

static int exit_code(pid_t pid)
{
	int status;

	CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status));
	return WEXITSTATUS(status);
}

static const char *text_of(const char *file)
{
	static char text[65536];

	return read_text(in_dir(file), text, sizeof(text));
}

static void set_up(void)
{
	snprintf(dir, sizeof(dir), "/tmp/branchline-monitor-XXXXXX");
	CHECK(mkdtemp(dir) != NULL);
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	CHECK(shared != MAP_FAILED);
	enter_netns();
	CHECK(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0);
	write_file(in_dir("tinc-up"), "#!/bin/sh\nip -o link show $INTERFACE >up\n", 0755);
	write_file(in_dir("tinc-down"), "#!/bin/sh\nip -o link show $INTERFACE >down\n", 0755);
	write_file(in_dir("host-down"), "#!/bin/sh\necho $NODE >host-down-ran\n", 0755);
}

/* Nothing of the monitor is left, and everything that had to be done was done. */
static void check_all_gone(void)
{
	CHECK(if_nametoindex("blt0") == 0);
	CHECK(access(in_dir("run/pid"), F_OK) != 0 && access(in_dir("run/status.sock"), F_OK) != 0);
	CHECK(!command_says("ip route show", "blt0") && !command_says("ss -Hunl", ":6655"));
	CHECK(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD);
}

static void clean_up(void)
{
	char out[64], command[128];

	snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	output_of(command, out, sizeof(out));
}

static bool is_linked(void *arg)
{
	(void)arg;
	return shared->control.pongs >= 1 && shared->engine.ups >= 1 &&
	       shared->control.done_ok >= 3;
}

/* --- tests ------------------------------------------------------------------------------------ */

/* The engine has two queues of the device, but one when there are movers. */
static void check_workers(unsigned queues)
{
	CHECK(shared->engine.uid_at_load == 0 && shared->control.uid_at_load == 0);
	CHECK(shared->engine.uid == 65534 && shared->control.uid == 65534);
	CHECK(shared->engine.has_tun && shared->engine.has_udp && !shared->engine.has_unix);
	CHECK(!shared->control.has_tun && !shared->control.has_udp && shared->control.has_unix);
	/* Standard three, log, epoll, signalfd, monitor; and TUN and UDP, or the UNIX socket. */
	CHECK(shared->engine.open_fds == 8 + queues && shared->control.open_fds == 8);
	CHECK(strcmp((const char *)shared->engine.comm, "engine") == 0);
	CHECK(strcmp((const char *)shared->control.comm, "control") == 0);
}

static void body_whole_life(void *arg)
{
	pid_t monitor;

	(void)arg;
	set_up();
	monitor = start_monitor();
	CHECK(monitor > 0);
	CHECK(strstr(text_of("log"), "oslo on network testnet is ready\n"));
	CHECK(wait_until(is_linked, NULL, WAIT_MS));
	check_workers(2);
	CHECK(shared->control.done_ok == 3 && shared->control.done_failed == 1);
	CHECK(command_says("ip -o link show blt0", "mtu 1280 "));
	CHECK(command_says("ip -o link show blt0", "qlen 500"));
	CHECK(command_says("ip route show",
			   "10.20.0.0/24 dev blt0 proto 165 scope link src 10.99.0.1 metric 100"));
	CHECK(strtol(text_of("run/pid"), NULL, 10) == monitor);
	CHECK(kill(monitor, SIGTERM) == 0 && exit_code(monitor) == 0);
	check_all_gone();
	CHECK(shared->engine.finis == 1 && shared->control.finis == 1);
	CHECK(strstr(text_of("up"), "blt0") && strstr(text_of("down"), "mtu 1280"));
	CHECK(strcmp(text_of("host-down-ran"), "bergen\n") == 0); /* asked for while stopping */
	clean_up();
}

static pid_t before;

static bool engine_is_new(void *arg)
{
	(void)arg;
	return shared->engine.pid != before && shared->control.pongs == 2 &&
	       shared->control.downs == 1;
}

static bool control_is_new(void *arg)
{
	(void)arg;
	return shared->control.pid != before && shared->control.pongs == 3 &&
	       shared->engine.downs == 1;
}

/* Each in turn is killed: it comes back, the other one stays and gets a new channel to it. */
static void body_restart(void *arg)
{
	pid_t monitor, control;
	uint64_t killed_ms;

	(void)arg;
	set_up();
	monitor = start_monitor();
	CHECK(monitor > 0 && wait_until(is_linked, NULL, WAIT_MS));
	before = shared->engine.pid;
	control = shared->control.pid;
	killed_ms = clock_now_ms();
	CHECK(kill(before, SIGKILL) == 0 && wait_until(engine_is_new, NULL, WAIT_MS));
	CHECK(clock_now_ms() - killed_ms >= 100 && shared->control.pid == control &&
	      shared->engine.starts == 2);
	CHECK(shared->engine.has_tun && shared->engine.has_udp && shared->engine.open_fds == 10);
	before = control;
	CHECK(kill(before, SIGKILL) == 0 && wait_until(control_is_new, NULL, WAIT_MS));
	CHECK(shared->engine.starts == 2 && shared->control.has_unix);
	CHECK(strstr(text_of("log"), "was ended by signal 9") &&
	      strstr(text_of("log"), "engine is started again in 100 ms"));
	CHECK(kill(monitor, SIGTERM) == 0 && exit_code(monitor) == 0);
	CHECK(strstr(strstr(text_of("log"), " is ready\n") + 1, " is ready\n") ==
	      NULL); /* said once */
	check_all_gone();
	clean_up();
}

static bool mover_is_linked(void *arg)
{
	return is_linked(arg) && shared->mover.ups == 1 && shared->engine.ups == 2;
}

static bool mover_is_new(void *arg)
{
	(void)arg;
	return shared->mover.starts == 2 && shared->mover.pid != before && shared->engine.ups == 3;
}

/* Workers = 2: a queue and a socket for each, and a mover that only the engine can talk to. */
static void body_movers(void *arg)
{
	pid_t monitor;

	(void)arg;
	set_up();
	roles[2] = &mover_ops;
	workers = 2;
	monitor = start_monitor();
	CHECK(monitor > 0 && wait_until(mover_is_linked, NULL, WAIT_MS));
	check_workers(1);
	CHECK(shared->mover.uid == 65534 && shared->mover.has_tun && shared->mover.has_udp &&
	      !shared->mover.has_unix);
	/* Standard three, log, epoll, signalfd, monitor, TUN, UDP. */
	CHECK(shared->mover.open_fds == 9);
	CHECK(shared->mover.linked == 1u << WORKER_ENGINE &&
	      shared->control.linked == 1u << WORKER_ENGINE &&
	      shared->engine.linked == (1u << WORKER_CONTROL | 1u << WORKER_MOVER1));
	CHECK(command_says("ip -d link show blt0", "multi_queue"));
	CHECK(command_says("ss -Hunl | grep -c :6655", "2"));
	before = shared->mover.pid;
	CHECK(kill(before, SIGKILL) == 0 && wait_until(mover_is_new, NULL, WAIT_MS));
	CHECK(shared->engine.starts == 1 && shared->control.starts == 1);
	CHECK(shared->mover.has_tun && shared->mover.has_udp && shared->mover.open_fds == 9);
	CHECK(kill(monitor, SIGTERM) == 0 && exit_code(monitor) == 0);
	check_all_gone();
	clean_up();
}

static bool engine_died_thrice(void *arg)
{
	(void)arg;
	return shared->engine.starts >= 4;
}

/* The delay doubles while it keeps dying, and the rest goes on. */
static void body_violation(void *arg)
{
	pid_t monitor, control;
	uint64_t begin_ms;

	(void)arg;
	set_up();
	monitor = start_monitor();
	CHECK(monitor > 0 && wait_until(is_linked, NULL, WAIT_MS));
	control = shared->control.pid;
	begin_ms = clock_now_ms();
	shared->engine_fault = FAULT_ASK;
	CHECK(kill(shared->engine.pid, SIGKILL) == 0 &&
	      wait_until(engine_died_thrice, NULL, WAIT_MS));
	CHECK(clock_now_ms() - begin_ms >= 700); /* 100 + 200 + 400 */
	shared->engine_fault = FAULT_NONE;
	CHECK(strstr(text_of("log"), "sent a message of type 5 that it must not send"));
	CHECK(shared->control.pid == control && access(in_dir("host-up-ran"), F_OK) != 0);
	CHECK(kill(monitor, SIGTERM) == 0 && exit_code(monitor) == 0);
	check_all_gone();
	clean_up();
}

static bool control_is_accused(void *arg)
{
	(void)arg;
	return shared->control.starts >= 2 &&
	       strstr(text_of("log"), "sent a message of type 3 that it must not send");
}

static void body_garbage(void *arg)
{
	pid_t monitor;

	(void)arg;
	set_up();
	monitor = start_monitor();
	CHECK(monitor > 0 && wait_until(is_linked, NULL, WAIT_MS));
	shared->control_fault = FAULT_GARBAGE;
	CHECK(kill(shared->control.pid, SIGKILL) == 0 &&
	      wait_until(control_is_accused, NULL, WAIT_MS));
	shared->control_fault = FAULT_NONE;
	CHECK(kill(monitor, SIGTERM) == 0 && exit_code(monitor) == 0);
	check_all_gone();
	clean_up();
}

static void body_failed_start(void *arg)
{
	static const struct {
		enum fault engine, control;
		const char *user, *want;
	} rows[] = {
		{ FAULT_LOAD, FAULT_NONE, "nobody", "toy[engine]: error: cannot load: " },
		{ FAULT_NONE, FAULT_START, "nobody", "toy[control]: error: cannot start: " },
		{ FAULT_NONE, FAULT_NONE, "root", "has root's rights" },
		{ FAULT_NONE, FAULT_NONE, "no-such-user-here", "there is no user" },
	};
	pid_t monitor;

	(void)arg;
	set_up();
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		shared->engine_fault = rows[i].engine;
		shared->control_fault = rows[i].control;
		monitor = start_monitor_as(rows[i].user, in_dir("log"));
		CHECK(monitor < 0 && exit_code(-monitor) == 1);
		CHECK(strstr(text_of("log"), rows[i].want) && !strstr(text_of("log"), "is ready"));
		check_all_gone();
		unlink(in_dir("log"));
	}
	clean_up();
}

static void body_second_instance(void *arg)
{
	pid_t first, second;
	char want[64];

	(void)arg;
	set_up();
	first = start_monitor();
	CHECK(first > 0 && wait_until(is_linked, NULL, WAIT_MS));
	second = start_monitor_as("nobody", in_dir("log2"));
	CHECK(second < 0 && exit_code(-second) == 1);
	snprintf(want, sizeof(want), "already running as pid %ld\n", (long)first);
	CHECK(strstr(text_of("log2"), want));
	CHECK(if_nametoindex("blt0") != 0 && access(in_dir("run/pid"), F_OK) == 0);
	CHECK(access(in_dir("run/status.sock"), F_OK) == 0 && shared->engine.starts == 1);
	CHECK(kill(first, SIGINT) == 0 && exit_code(first) == 0);
	check_all_gone();
	clean_up();
}

/* Starts a monitor whose engine does not end when asked to; how long the monitor needs to end. */
static uint64_t stop_with_a_hanging_engine(void)
{
	pid_t monitor;
	uint64_t begin_ms;

	memset((void *)shared, 0, sizeof(*shared));
	shared->engine_fault = FAULT_NO_STOP;
	monitor = start_monitor();
	CHECK(monitor > 0 && wait_until(is_linked, NULL, WAIT_MS));
	begin_ms = clock_now_ms();
	CHECK(kill(monitor, SIGTERM) == 0 && exit_code(monitor) == 0);
	begin_ms = clock_now_ms() - begin_ms;
	CHECK(strstr(text_of("log"), "hangs: killed"));
	check_all_gone();
	return begin_ms;
}

/*
 * A worker that does not end when asked to is killed after its time: never before, and not late
 * every time, though a machine that stands still can make it so once.
 */
static void body_no_stop(void *arg)
{
	uint64_t took_ms;
	unsigned tries = 0;

	(void)arg;
	set_up();
	do {
		took_ms = stop_with_a_hanging_engine();
		CHECK(took_ms >= 2900);
	} while (took_ms >= 6000 && ++tries < 5);
	CHECK(took_ms < 6000);
	clean_up();
}

/* The monitor is killed: nobody stays behind. */
static void body_orphans(void *arg)
{
	pid_t monitor;

	(void)arg;
	set_up();
	monitor = start_monitor();
	CHECK(monitor > 0 && wait_until(is_linked, NULL, WAIT_MS));
	/* One that is stopped cannot see its channel closing: only the kernel can end it. */
	CHECK(kill(shared->engine.pid, SIGSTOP) == 0 && kill(monitor, SIGKILL) == 0);
	alarm(WAIT_MS / 1000);
	/*
	 * A worker either is killed by the kernel or has seen its channel closing just before.
	 * tinc-up may be among them.
	 */
	while (waitpid(-1, NULL, 0) > 0)
		;
	CHECK(kill(shared->engine.pid, 0) != 0 && kill(shared->control.pid, 0) != 0 &&
	      if_nametoindex("blt0") == 0);
	/* What it left (pid file, socket) is no obstacle. */
	monitor = start_monitor();
	CHECK(monitor > 0 && kill(monitor, SIGTERM) == 0 && exit_code(monitor) == 0);
	check_all_gone();
	clean_up();
}

static bool both_reloaded(void *arg)
{
	(void)arg;
	return shared->engine.reloads == 1 && shared->control.reloads == 1;
}

static bool engine_reloaded_again(void *arg)
{
	(void)arg;
	return shared->engine.reloads == 2;
}

/*
 * Rotation: the workers, which could not open the log file themselves, write to the new one, too.
 */
static void body_reload(void *arg)
{
	pid_t monitor;

	(void)arg;
	set_up();
	monitor = start_monitor();
	CHECK(monitor > 0 && wait_until(is_linked, NULL, WAIT_MS));
	CHECK(rename(in_dir("log"), in_dir("log.1")) == 0);
	CHECK(kill(monitor, SIGHUP) == 0 && wait_until(both_reloaded, NULL, WAIT_MS));
	CHECK(kill(shared->engine.pid, SIGHUP) == 0 &&
	      wait_until(engine_reloaded_again, NULL, WAIT_MS));
	CHECK(strstr(text_of("log"), "toy[engine]: reloaded"));
	CHECK(kill(monitor, SIGTERM) == 0 && exit_code(monitor) == 0);
	CHECK(strstr(text_of("log"), "oslo on network testnet is stopping"));
	CHECK(!strstr(text_of("log.1"), "is stopping"));
	check_all_gone();
	clean_up();
}

static bool is_told(void *arg)
{
	return shared->control.wishes[*(const enum monitor_wish *)arg] == 1;
}

/* Signals are for whom they concern, and end nobody, also when the workers get them themselves. */
static void body_wishes(void *arg)
{
	static const struct {
		int signo;
		enum monitor_wish wish;
	} rows[] = {
		{ SIGALRM, WISH_RETRY },
		{ SIGWINCH, WISH_PURGE },
		{ SIGUSR1, WISH_DUMP_CONNECTIONS },
		{ SIGUSR2, WISH_DUMP_ALL },
	};
	pid_t monitor;

	(void)arg;
	set_up();
	monitor = start_monitor();
	CHECK(monitor > 0 && wait_until(is_linked, NULL, WAIT_MS));
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		enum monitor_wish wish = rows[i].wish;

		CHECK(kill(shared->engine.pid, rows[i].signo) == 0);
		CHECK(kill(shared->control.pid, rows[i].signo) == 0);
		CHECK(kill(monitor, rows[i].signo) == 0);
		CHECK(wait_until(is_told, &wish, WAIT_MS));
	}
	/* Each once; who asks too often is not heard. */
	for (int i = 0; i < 20; i++)
		CHECK(kill(monitor, SIGUSR1) == 0);
	CHECK(kill(monitor, SIGHUP) == 0 && wait_until(both_reloaded, NULL, WAIT_MS));
	CHECK(shared->control.wishes[WISH_RETRY] == 1);
	CHECK(shared->engine.wishes[WISH_RETRY] == 0);
	CHECK(shared->control.wishes[WISH_DUMP_CONNECTIONS] < 20);
	CHECK(shared->engine.starts == 1 && shared->control.starts == 1);
	CHECK(kill(monitor, SIGTERM) == 0 && exit_code(monitor) == 0);
	check_all_gone();
	clean_up();
}

/* The next datagram that is no sign of life; how many of these came before it goes to `alive`. */
static const char *next_state(int fd, unsigned *alive)
{
	static char text[64];
	ssize_t n;

	for (*alive = 0; (n = recv(fd, text, sizeof(text) - 1, 0)) > 0; (*alive)++) {
		text[n] = '\0';
		if (strcmp(text, "WATCHDOG=1") != 0)
			return text;
	}
	return "nothing";
}

/* A watchdog of 600 ms: READY=1, signs of life, a reload that begins and ends, STOPPING=1. */
static void body_notify(void *arg)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	struct timeval limit = { .tv_sec = WAIT_MS / 1000 };
	unsigned alive, alive_later = 0;
	char text[16];
	pid_t monitor;
	int fd;

	(void)arg;
	set_up();
	/* Nobody reads while the monitor starts, however long that takes. */
	CHECK(output_of("sysctl -w net.unix.max_dgram_qlen=1000", text, sizeof(text))[0]);
	snprintf(sun.sun_path, sizeof(sun.sun_path), "%s/notify", dir);
	fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	CHECK(bind(fd, (struct sockaddr *)&sun, sizeof(sun)) == 0);
	CHECK(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) == 0);
	CHECK(setenv("NOTIFY_SOCKET", sun.sun_path, 1) == 0);
	CHECK(setenv("WATCHDOG_USEC", "600000", 1) == 0);
	monitor = start_monitor();
	CHECK(monitor > 0 && strcmp(next_state(fd, &alive), "READY=1") == 0 && alive > 0);
	for (; alive_later < 3 && recv(fd, text, sizeof(text), 0) == 10; alive_later++)
		CHECK(memcmp(text, "WATCHDOG=1", 10) == 0);
	CHECK(alive_later == 3);
	CHECK(kill(monitor, SIGHUP) == 0);
	CHECK(strncmp(next_state(fd, &alive), "RELOADING=1\nMONOTONIC_USEC=", 27) == 0);
	CHECK(strcmp(next_state(fd, &alive), "READY=1") == 0);
	CHECK(kill(monitor, SIGTERM) == 0);
	CHECK(strcmp(next_state(fd, &alive), "STOPPING=1") == 0);
	CHECK(exit_code(monitor) == 0);
	check_all_gone();
	clean_up();
}

static void body_watchdog_time(void *arg)
{
	static const struct {
		const char *usec, *pid; /* NULL: not set; "": our own */
		uint64_t ms;
	} table[] = {
		{ NULL, NULL, 0 },         { "30000000", NULL, 15000 },
		{ "30000000", "", 15000 }, { "30000000", "1", 0 },
		{ "30000000", "me", 0 },   { "0", NULL, 0 },
		{ "1", NULL, 1 },          { "-5", NULL, 0 },
		{ "5s", NULL, 0 },         { "99999999999999999999999", NULL, 0 },
	};
	char own[16];

	(void)arg;
	snprintf(own, sizeof(own), "%ld", (long)getpid());
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		unsetenv("WATCHDOG_USEC");
		unsetenv("WATCHDOG_PID");
		if (table[i].usec)
			CHECK(setenv("WATCHDOG_USEC", table[i].usec, 1) == 0);
		if (table[i].pid)
			CHECK(setenv("WATCHDOG_PID", *table[i].pid ? table[i].pid : own, 1) == 0);
		CHECK(notify_watchdog_ms() == table[i].ms);
	}
}

static void start_as_nobody(void *arg)
{
	pid_t monitor;

	(void)arg;
	CHECK(setresgid(65534, 65534, 65534) == 0 && setresuid(65534, 65534, 65534) == 0);
	monitor = start_monitor();
	CHECK(monitor < 0 && exit_code(-monitor) == 1);
	CHECK(strstr(text_of("log"), "must be started as root"));
}

static void body_not_root(void *arg)
{
	(void)arg;
	set_up();
	CHECK(chmod(dir, 0777) == 0);
	run_in_child(start_as_nobody, NULL);
	clean_up();
}

#define IN_CHILD(test, body)                                                                       \
	static void test(void **state)                                                             \
	{                                                                                          \
		(void)state;                                                                       \
		run_in_child(body, NULL);                                                          \
	}

IN_CHILD(lives_and_ends, body_whole_life)
IN_CHILD(restarts_and_relinks, body_restart)
IN_CHILD(gives_movers_their_own, body_movers)
IN_CHILD(kills_violators, body_violation)
IN_CHILD(kills_on_garbage, body_garbage)
IN_CHILD(ends_after_failed_start, body_failed_start)
IN_CHILD(refuses_second_instance, body_second_instance)
IN_CHILD(kills_after_time, body_no_stop)
IN_CHILD(leaves_no_orphans, body_orphans)
IN_CHILD(reloads, body_reload)
IN_CHILD(wishes, body_wishes)
IN_CHILD(notifies, body_notify)
IN_CHILD(knows_watchdog_time, body_watchdog_time)
IN_CHILD(refuses_without_root, body_not_root)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lives_and_ends),
		cmocka_unit_test(restarts_and_relinks),
		cmocka_unit_test(gives_movers_their_own),
		cmocka_unit_test(kills_violators),
		cmocka_unit_test(kills_on_garbage),
		cmocka_unit_test(ends_after_failed_start),
		cmocka_unit_test(refuses_second_instance),
		cmocka_unit_test(kills_after_time),
		cmocka_unit_test(leaves_no_orphans),
		cmocka_unit_test(reloads),
		cmocka_unit_test(wishes),
		cmocka_unit_test(notifies),
		cmocka_unit_test(knows_watchdog_time),
		cmocka_unit_test(refuses_without_root),
	};

	return cmocka_run_group_tests(tests, need_root, NULL);
}
