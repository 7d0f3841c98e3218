/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/monitor/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shared/base/clock.h"
#include "shared/base/file.h"

#define PID_FILE_MAX_BYTES 64u
#define LOG_TAIL_MAX_BYTES (64l << 10)

enum { OPT_LOGFILE = 256, OPT_PIDFILE, OPT_HELP, OPT_VERSION };

/* The leading "+": stop at the subcommand, whose own flags may have the same letters. */
static const char short_options[] = "+:n:c:Dd::k::o:K::U:";
static const struct option long_options[] = {
	{ "net", required_argument, NULL, 'n' },
	{ "config", required_argument, NULL, 'c' },
	{ "no-detach", no_argument, NULL, 'D' },
	{ "debug", optional_argument, NULL, 'd' },
	{ "kill", optional_argument, NULL, 'k' },
	{ "option", required_argument, NULL, 'o' },
	{ "generate-keys", optional_argument, NULL, 'K' },
	{ "user", required_argument, NULL, 'U' },
	{ "logfile", optional_argument, NULL, OPT_LOGFILE },
	{ "pidfile", required_argument, NULL, OPT_PIDFILE },
	{ "help", no_argument, NULL, OPT_HELP },
	{ "version", no_argument, NULL, OPT_VERSION },
	{ NULL, 0, NULL, 0 },
};

const char launch_help[] =
	"  -n, --net=NET            the network (default: the environment's NETNAME)\n"
	"  -c, --config=DIR         its configuration folder (default /etc/branchline/NET)\n"
	"  -D, --no-detach          stay in the foreground\n"
	"  -d, --debug[=LEVEL]      log more: 0 to 5\n"
	"  -k, --kill[=SIGNAL]      send a signal to the daemon that runs: HUP, TERM (default), "
	"INT, USR1, USR2, KILL\n"
	"  -o, --option=KEY=VALUE   set a configuration variable\n"
	"  -U, --user=USER          the unprivileged user of the worker processes (-o User=USER)\n"
	"  -K, --generate-keys[=N]  say how keys are made here (tincd made them with -K)\n"
	"      --logfile[=FILE]     write the log to a file\n"
	"      --pidfile=FILE       where the daemon's process id is kept\n"
	"      --help               show this and exit\n"
	"      --version            show the version and exit\n";

static const struct signal_name {
	const char *name;
	int signo;
} signal_names[] = {
	{ "HUP", SIGHUP },   { "TERM", SIGTERM }, { "INT", SIGINT },
	{ "KILL", SIGKILL }, { "QUIT", SIGQUIT }, { "USR1", SIGUSR1 },
	{ "USR2", SIGUSR2 }, { "ALRM", SIGALRM }, { "WINCH", SIGWINCH },
};

static enum err complain(struct launch *l, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
static enum err complain(struct launch *l, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(l->error, sizeof(l->error), fmt, ap);
	va_end(ap);
	return ERR_INVALID;
}

/* A whole decimal number in lo..hi, or -1. */
static int small_number(const char *s, int lo, int hi)
{
	char *end;
	long v;

	if (*s < '0' || *s > '9')
		return -1;
	errno = 0;
	v = strtol(s, &end, 10);
	return errno || *end || v < lo || v > hi ? -1 : (int)v;
}

/* "HUP", "SIGHUP", "1"; -1 for anything else. */
static int signal_number(const char *s)
{
	if (strncasecmp(s, "SIG", 3) == 0)
		s += 3;
	for (size_t i = 0; i < ARRAY_LEN(signal_names); i++)
		if (strcasecmp(s, signal_names[i].name) == 0)
			return signal_names[i].signo;
	return small_number(s, 1, 64);
}

/* tincd also takes "-d 5" and "-k HUP", with the value in the next word. It is taken when it can be
 * nothing else. */
static const char *optional_value(const char *given, int argc, char **argv,
				  int (*value)(const char *))
{
	if (!given && optind < argc && value(argv[optind]) >= 0)
		return argv[optind++];
	return given;
}

static int debug_level(const char *s) { return small_number(s, 0, 5); }

static enum err set_debug(struct launch *l, const char *value)
{
	if (!value) {
		l->debug = l->debug < 0 ? 1 : l->debug < 5 ? l->debug + 1 : 5;
		return ERR_OK;
	}
	if (debug_level(value) < 0)
		return complain(l, "debug level \"%s\" is not a number from 0 to 5", value);
	l->debug = debug_level(value);
	return ERR_OK;
}

static enum err set_kill(struct launch *l, const char *value)
{
	l->kill_signal = value ? signal_number(value) : SIGTERM;
	if (l->kill_signal < 0)
		return complain(l,
				"\"%s\" is not a signal; known are HUP, TERM, INT, KILL, QUIT, "
				"USR1, USR2, ALRM, WINCH and numbers",
				value);
	return ERR_OK;
}

static enum err add_override(struct launch *l, const char *assignment)
{
	if (l->n_overrides == LAUNCH_OVERRIDES_MAX)
		return complain(l, "more than %u options -o", LAUNCH_OVERRIDES_MAX);
	if (!strchr(assignment, '=') || assignment[0] == '=')
		return complain(l, "-o %s: KEY=VALUE is wanted", assignment);
	l->overrides[l->n_overrides++] = assignment;
	return ERR_OK;
}

/* "-U USER" is "-o User=USER". */
static enum err set_user(struct launch *l, const char *name)
{
	if (snprintf(l->user, sizeof(l->user), "User=%s", name) >= (int)sizeof(l->user))
		return complain(l, "\"%.64s...\" is too long for a user's name", name);
	return add_override(l, l->user);
}

static int key_bits(const char *s) { return small_number(s, 1, 65536); }

/* tincd takes the length of an RSA key; there is none to choose here. */
static enum err set_keys(struct launch *l, const char *bits)
{
	if (bits && key_bits(bits) < 0)
		return complain(l, "\"%s\" is not a number of bits", bits);
	l->keys_asked = true;
	return ERR_OK;
}

static enum err set_net(struct launch *l, const char *name)
{
	if (!name_is_valid(name))
		return complain(l,
				"\"%s\" cannot be a network's name: 1 to %u letters, digits, '_', "
				"'.' and '-' are",
				name, NAME_MAX_BYTES);
	l->net = name;
	return ERR_OK;
}

/* One flag that getopt found. */
static enum err take_flag(struct launch *l, int flag, int argc, char **argv)
{
	switch (flag) {
	case 'n':
		return set_net(l, optarg);
	case 'c':
		l->config_dir = optarg;
		return ERR_OK;
	case 'D':
		l->foreground = true;
		return ERR_OK;
	case 'd':
		return set_debug(l, optional_value(optarg, argc, argv, debug_level));
	case 'k':
		return set_kill(l, optional_value(optarg, argc, argv, signal_number));
	case 'o':
		return add_override(l, optarg);
	case 'U':
		return set_user(l, optarg);
	case 'K':
		return set_keys(l, optional_value(optarg, argc, argv, key_bits));
	case OPT_LOGFILE:
		l->log_to_file = true;
		l->log_file = optarg;
		return ERR_OK;
	case OPT_PIDFILE:
		l->pid_file = optarg;
		return ERR_OK;
	case OPT_HELP:
		l->help = true;
		return ERR_OK;
	case OPT_VERSION:
		l->version = true;
		return ERR_OK;
	case ':':
		return complain(l, "%s needs a value", argv[optind - 1]);
	default:
		return complain(l, "unknown option %s%s", argv[optind - 1],
				argv[optind - 1][1] == '-' ? "; a command's own options go behind "
							     "it (see --help)"
							   : "");
	}
}

static enum err parse_flags(struct launch *l, int argc, char **argv)
{
	enum err e = ERR_OK;
	int flag;

	optind = 0; /* GNU: start afresh, also with another argv */
	opterr = 0;
	while (e == ERR_OK &&
	       (flag = getopt_long(argc, argv, short_options, long_options, NULL)) != -1)
		e = take_flag(l, flag, argc, argv);
	if (e == ERR_OK) {
		l->argc = argc - optind;
		l->argv = argv + optind;
	}
	return e;
}

enum err launch_parse(struct launch *l, const char *program, int argc, char **argv)
{
	const char *env = getenv("NETNAME");
	enum err e;

	*l = (struct launch){ .program = program, .debug = -1 };
	e = parse_flags(l, argc, argv);
	if (e == ERR_OK && !l->net && env && *env)
		e = set_net(l, env);
	return e;
}

enum err launch_parse_more(struct launch *l) { return parse_flags(l, l->argc, l->argv); }

const char *launch_log_path(const struct launch *l, const struct paths *p,
			    char out[PATHS_FILE_SIZE])
{
	char name[80];

	if (l->log_file)
		return l->log_file;
	if (l->foreground && !l->log_to_file)
		return NULL;
	snprintf(name, sizeof(name), "%s.log", l->program);
	return paths_join(out, p->state, name);
}

/* Prints what was appended to the log since it was `from` bytes long: why the daemon did not start.
 */
static void print_log_tail(const char *log_path, off_t from)
{
	char chunk[4096];
	off_t end;
	ssize_t n;
	int fd = open(log_path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW | O_NONBLOCK);

	if (fd < 0)
		return;
	end = lseek(fd, 0, SEEK_END);
	if (end - from > LOG_TAIL_MAX_BYTES)
		from = end - LOG_TAIL_MAX_BYTES;
	if (lseek(fd, from, SEEK_SET) == from)
		while ((n = read(fd, chunk, sizeof(chunk))) > 0)
			fwrite(chunk, 1, (size_t)n, stderr);
	close(fd);
}

/* Waits until `fd` is readable, at most `ms`. */
static bool wait_readable(int fd, int ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	uint64_t deadline_ms = clock_now_ms() + (uint64_t)ms;

	for (;;) {
		uint64_t now_ms = clock_now_ms();
		int n = poll(&p, 1, now_ms < deadline_ms ? (int)(deadline_ms - now_ms) : 0);

		if (n >= 0)
			return n > 0;
		if (errno != EINTR)
			return false;
	}
}

/* The parent's part: the exit code that tells what became of the daemon. A byte comes when it is
 * ready, the end of the pipe when it ends. */
static int await_child(const struct launch *l, pid_t child, int fd, const char *log_path,
		       off_t log_from)
{
	bool in_time = wait_readable(fd, LAUNCH_START_MS);
	char byte;
	bool ready = in_time && read(fd, &byte, 1) == 1;
	int status = 0;

	close(fd);
	if (ready)
		return LAUNCH_DONE;
	if (!in_time)
		kill(child, SIGTERM); /* it must not stay behind half started */
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	if (log_path)
		print_log_tail(log_path, log_from);
	fprintf(stderr, "%s: the daemon did not start%s", l->program, in_time ? "" : " in time");
	if (log_path)
		fprintf(stderr, "; its log is %s", log_path);
	fputc('\n', stderr);
	return WIFEXITED(status) && WEXITSTATUS(status) ? WEXITSTATUS(status) : LAUNCH_FAILED;
}

/* The child's part: no terminal, nothing inherited on the standard descriptors. */
static void detach(struct launch *l, int fd)
{
	int null;

	/* Out of the way of the standard descriptors, should the caller have been started without
	 * them. */
	l->ready_fd = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	close(fd);
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	setsid();
	if (null >= 0) {
		for (int i = STDIN_FILENO; i <= STDERR_FILENO; i++)
			dup2(null, i);
		if (null > STDERR_FILENO)
			close(null);
	}
}

int launch_daemonize(struct launch *l, const char *log_path)
{
	struct stat st = { 0 };
	int fds[2];
	pid_t child;

	if (log_path && stat(log_path, &st) < 0)
		st.st_size = 0;
	if (pipe2(fds, O_CLOEXEC) < 0)
		goto failed;
	fflush(NULL);
	child = fork();
	if (child < 0) {
		close(fds[0]);
		close(fds[1]);
		goto failed;
	}
	if (child > 0) {
		close(fds[1]);
		return await_child(l, child, fds[0], log_path, st.st_size);
	}
	close(fds[0]);
	detach(l, fds[1]);
	return -1;
failed:
	fprintf(stderr, "%s: cannot go to the background: %s\n", l->program, strerror(errno));
	return LAUNCH_FAILED;
}

/* The process id in a pid file. ERR_NOTFOUND: no file, or nothing sensible in it. */
static enum err read_pid(const char *path, pid_t *out)
{
	struct buf b;
	const char *text;
	char *end;
	long v = 0;
	enum err e;

	buf_init(&b, PID_FILE_MAX_BYTES);
	e = file_read(path, &b);
	if (e == ERR_OK) {
		text = buf_cstr(&b);
		v = text ? strtol(text, &end, 10) : 0;
		if (v <= 1 || v > INT_MAX || end == text || (*end && *end != '\n' && *end != ' '))
			e = ERR_NOTFOUND;
	}
	buf_fini(&b);
	if (e == ERR_OK)
		*out = (pid_t)v;
	return e;
}

/* A pid file may be older than the machine's last start: is this process really our program? */
static bool runs_program(pid_t pid, const char *program)
{
	char link[64], target[PATH_MAX];
	const char *base;
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/%ld/exe", (long)pid);
	n = readlink(link, target, sizeof(target) - 1);
	if (n <= 0)
		return false;
	target[n] = '\0';
	base = strrchr(target, '/');
	return strncmp(base ? base + 1 : target, program, strlen(program)) == 0;
}

int launch_signal(const struct launch *l, const char *pid_file)
{
	bool ends =
		l->kill_signal == SIGTERM || l->kill_signal == SIGINT || l->kill_signal == SIGKILL;
	int pidfd = -1, code = LAUNCH_NOT_RUNNING;
	pid_t pid;
	enum err e = read_pid(pid_file, &pid);

	/* The descriptor is taken before the check, so that the id cannot go to another process in
	 * between. */
	if (e == ERR_OK)
		pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (pidfd < 0 || !runs_program(pid, l->program)) {
		if (e == ERR_OK || e == ERR_NOTFOUND)
			fprintf(stderr, "%s: not running (%s)\n", l->program, pid_file);
		else
			fprintf(stderr, "%s: %s: %s\n", l->program, pid_file, err_str(e));
		goto out;
	}
	if (syscall(SYS_pidfd_send_signal, pidfd, l->kill_signal, NULL, 0) < 0) {
		fprintf(stderr, "%s: process %ld: %s\n", l->program, (long)pid, strerror(errno));
		code = LAUNCH_FAILED;
		goto out;
	}
	code = LAUNCH_DONE;
	if (ends && !wait_readable(pidfd, LAUNCH_STOP_MS)) {
		fprintf(stderr, "%s: process %ld has not ended after %d s\n", l->program, (long)pid,
			LAUNCH_STOP_MS / 1000);
		code = LAUNCH_FAILED;
	}
out:
	if (pidfd >= 0)
		close(pidfd);
	return code;
}

pid_t launch_running(const char *program, const char *pid_file)
{
	pid_t pid;

	return read_pid(pid_file, &pid) == ERR_OK && runs_program(pid, program) ? pid : 0;
}

int launch_print_pid(const char *program, const char *pid_file)
{
	pid_t pid;
	enum err e = read_pid(pid_file, &pid);

	if (e == ERR_OK && runs_program(pid, program)) {
		printf("%ld\n", (long)pid);
		return LAUNCH_DONE;
	}
	if (e == ERR_OK || e == ERR_NOTFOUND)
		fprintf(stderr, "%s: not running (%s)\n", program, pid_file);
	else
		fprintf(stderr, "%s: %s: %s\n", program, pid_file, err_str(e));
	return LAUNCH_NOT_RUNNING;
}

/* The unit of systemd that a process is in, when it is one of ours; "" otherwise. */
static void unit_of(pid_t pid, char unit[256])
{
	char path[64], *at = NULL;
	struct buf b;

	unit[0] = '\0';
	snprintf(path, sizeof(path), "/proc/%ld/cgroup", (long)pid);
	buf_init(&b, 65536);
	if (file_read(path, &b) == ERR_OK && buf_cstr(&b))
		at = strstr(buf_cstr(&b), "/branchline-");
	if (at)
		snprintf(unit, 256, "%.*s", (int)strcspn(at + 1, "/\n"), at + 1);
	if (!strstr(unit, ".service"))
		unit[0] = '\0';
	buf_fini(&b);
}

int launch_restart(const char *program, const char *net, const char *etc, const char *pid_file)
{
	const struct launch l = { .program = program, .kill_signal = SIGTERM };
	char self[PATHS_FILE_SIZE], unit[256];
	const char *const argv[] = { program, "-n", net, "-c", etc, "run", NULL };
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	pid_t pid;

	if (n <= 0) {
		fprintf(stderr, "%s: /proc/self/exe: %s\n", program, strerror(errno));
		return LAUNCH_FAILED;
	}
	self[n] = '\0';
	if (read_pid(pid_file, &pid) == ERR_OK && runs_program(pid, program)) {
		int code;

		unit_of(pid, unit);
		if (unit[0]) {
			fprintf(stderr, "%s: the daemon is a service: systemctl restart %s\n",
				program, unit);
			return LAUNCH_REFUSED;
		}
		code = launch_signal(&l, pid_file);
		if (code)
			return code;
	}
	execv(self, (char *const *)(uintptr_t)argv);
	fprintf(stderr, "%s: %s: %s\n", program, self, strerror(errno));
	return LAUNCH_FAILED;
}
