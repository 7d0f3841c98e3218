/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/monitor/scripts.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shared/base/clock.h"
#include "shared/base/list.h"
#include "shared/base/log.h"
#include "shared/base/paths.h"

#define ENV_MAX   12u                     /* variables */
#define ENV_BYTES (PATHS_FILE_SIZE + 16u) /* of one, with its name */
/* A script that is refused is named at once, then at most hourly. */
#define WARN_EVERY_MS    3600000u
#define EXIT_CANNOT_EXEC 127 /* as a shell says it */

static const char path_variable[] =
	"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/* One row a kind of event. */
static const struct kind {
	const char *file;
	const char *host_suffix; /* hosts/NAME + suffix is run, too; NULL none */
	bool droppable;
} kinds[SCRIPT_COUNT] = {
	[SCRIPT_TINC_UP] = { "tinc-up", NULL, false },
	[SCRIPT_TINC_DOWN] = { "tinc-down", NULL, false },
	[SCRIPT_HOST_UP] = { "host-up", "-up", true },
	[SCRIPT_HOST_DOWN] = { "host-down", "-down", true },
	[SCRIPT_SUBNET_UP] = { "subnet-up", NULL, true },
	[SCRIPT_SUBNET_DOWN] = { "subnet-down", NULL, true },
};

struct job {
	struct list link;
	struct monitor_script event;
	bool of_host; /* hosts/NAME-up rather than host-up */
};

struct scripts {
	struct loop *loop;
	struct scripts_params p;
	struct list queue; /* of struct job, oldest first */
	unsigned waiting;
	pid_t pid;                     /* of the one that runs, 0 none */
	enum monitor_script_kind kind; /* of the one that runs */
	char name[PATHS_FILE_SIZE];    /* its path, for the log */
	struct timer limit;            /* armed while one runs: kills it */
	struct log_limit refused[SCRIPT_COUNT][2];
	struct log_limit dropped;
};

/* The environment of one script. */
struct env {
	char text[ENV_MAX][ENV_BYTES];
	char *v[ENV_MAX + 1];
	unsigned n;
	bool whole; /* nothing was cut */
};

static void time_is_up(struct timer *t, uint64_t now_ms);
static void run_next(struct scripts *s);

enum err scripts_new(struct loop *l, const struct scripts_params *p, struct scripts **out)
{
	struct scripts *s = calloc(1, sizeof(*s));

	if (!s)
		return ERR_NOMEM;
	s->loop = l;
	s->p = *p;
	s->limit.fire = time_is_up;
	s->dropped = (struct log_limit){ .burst = 1, .every_ms = 10000 };
	for (unsigned k = 0; k < SCRIPT_COUNT; k++)
		for (unsigned i = 0; i < 2; i++)
			s->refused[k][i] =
				(struct log_limit){ .burst = 1, .every_ms = WARN_EVERY_MS };
	list_init(&s->queue);
	*out = s;
	return ERR_OK;
}

static void drop(struct scripts *s, struct job *j)
{
	list_del(&j->link);
	s->waiting--;
	free(j);
}

/* The whole process group; the process itself, too, in case it has not made its group yet. */
static void kill_running(const struct scripts *s)
{
	if (s->pid <= 0)
		return;
	kill(-s->pid, SIGKILL);
	kill(s->pid, SIGKILL);
}

void scripts_free(struct scripts *s)
{
	struct list *pos, *tmp;

	if (!s)
		return;
	kill_running(s);
	timer_disarm(loop_timers(s->loop), &s->limit);
	list_for_each(pos, tmp, &s->queue)
		drop(s, list_entry(pos, struct job, link));
	free(s);
}

bool scripts_idle(const struct scripts *s) { return s->pid == 0 && list_empty(&s->queue); }

static void time_is_up(struct timer *t, uint64_t now_ms)
{
	struct scripts *s = container_of(t, struct scripts, limit);

	(void)now_ms;
	log_warn("script %s did not end within %u ms: killed", s->name, s->p.time_limit_ms);
	kill_running(s);
}

/* Makes room for one more by dropping the oldest event of a host or subnet. */
static void make_room(struct scripts *s)
{
	struct list *pos, *tmp;

	if (s->waiting < SCRIPTS_QUEUE_MAX)
		return;
	list_for_each(pos, tmp, &s->queue) {
		struct job *j = list_entry(pos, struct job, link);

		if (!kinds[j->event.kind].droppable)
			continue;
		if (log_allowed(&s->dropped))
			log_warn("more than %u scripts are waiting: %s of %s is left out",
				 SCRIPTS_QUEUE_MAX, kinds[j->event.kind].file, j->event.node);
		drop(s, j);
		return;
	}
}

static enum err enqueue(struct scripts *s, const struct monitor_script *m, bool of_host)
{
	struct job *j;

	make_room(s);
	j = malloc(sizeof(*j));
	if (!j)
		return ERR_NOMEM;
	j->event = *m;
	j->of_host = of_host;
	list_push_back(&s->queue, &j->link);
	s->waiting++;
	return ERR_OK;
}

enum err scripts_run(struct scripts *s, const struct monitor_script *m)
{
	enum err e;

	if ((unsigned)m->kind >= SCRIPT_COUNT)
		return ERR_INVALID;
	if (kinds[m->kind].droppable && !name_is_valid(m->node))
		return ERR_INVALID;
	e = enqueue(s, m, false);
	if (e == ERR_OK && kinds[m->kind].host_suffix)
		e = enqueue(s, m, true);
	run_next(s);
	return e;
}

/* What belongs to root and can be changed by root only. */
static bool is_roots(const struct stat *st)
{
	return st->st_uid == 0 && (st->st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

static bool is_roots_folder(const char *dir)
{
	struct stat st;

	return stat(dir, &st) == 0 && S_ISDIR(st.st_mode) && is_roots(&st);
}

/*
 * May this file be run as root? NULL: yes; "": there is none; else why not. `dir` is its folder, in
 * or equal to `base`. What only root can change stays what it is between this check and execve().
 */
static const char *objection(const char *base, const char *dir, const char *path)
{
	struct stat st;

	if (lstat(path, &st) != 0)
		return errno == ENOENT || errno == ENOTDIR ? "" : strerror(errno);
	if (!S_ISREG(st.st_mode))
		return "it is not a regular file";
	if (!is_roots(&st))
		return "it must belong to root and be writable by root only";
	if (!(st.st_mode & S_IXUSR))
		return "it is not executable";
	if (!is_roots_folder(base) || !is_roots_folder(dir))
		return "its folder must belong to root and be writable by root only";
	return NULL;
}

static void env_add(struct env *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void env_add(struct env *e, const char *fmt, ...)
{
	va_list ap;
	int n;

	BUG_ON(e->n >= ENV_MAX);
	va_start(ap, fmt);
	n = vsnprintf(e->text[e->n], ENV_BYTES, fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= ENV_BYTES)
		e->whole = false;
	e->v[e->n] = e->text[e->n];
	e->v[++e->n] = NULL;
}

static void env_fill(struct env *e, const struct scripts *s, const struct monitor_script *m)
{
	char text[PREFIX_STR_SIZE];

	*e = (struct env){ .whole = true };
	env_add(e, "%s", path_variable);
	env_add(e, "NETNAME=%s", s->p.net);
	env_add(e, "NAME=%s", s->p.node);
	env_add(e, "DEVICE=%s", s->p.device);
	env_add(e, "INTERFACE=%s", s->p.interface);
	env_add(e, "DEBUG=%d", log_level());
	if (m->node[0])
		env_add(e, "NODE=%s", m->node);
	if (endpoint_is_set(&m->remote)) {
		env_add(e, "REMOTEADDRESS=%s", addr_format(&m->remote.addr, text));
		env_add(e, "REMOTEPORT=%u", m->remote.port);
	}
	if (m->subnet.addr.family) {
		env_add(e, "SUBNET=%s", prefix_format(&m->subnet, text));
		env_add(e, "WEIGHT=%u", m->weight);
	}
}

/*
 * The child: a new session, nothing open but the standard descriptors, no signal blocked or
 * ignored.
 */
static _Noreturn void become(const char *dir, const char *path, char *const envp[])
{
	char *const argv[] = { (char *)(uintptr_t)path, NULL };
	struct sigaction def = { .sa_handler = SIG_DFL };
	sigset_t none;
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	setsid();
	umask(022);
	for (int signo = 1; signo < NSIG; signo++)
		(void)sigaction(signo, &def, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (null < 0 || dup2(null, STDIN_FILENO) < 0 || chdir(dir) != 0)
		_exit(EXIT_CANNOT_EXEC);
	/*
	 * Everything of ours is close-on-exec already; this also gets what the daemon was started
	 * with.
	 */
	if (close_range(STDERR_FILENO + 1, ~0u, 0) != 0)
		for (int fd = STDERR_FILENO + 1; fd < 1024; fd++)
			close(fd);
	execve(path, argv, envp);
	_exit(EXIT_CANNOT_EXEC);
}

/* Starts one script. False when there is none, or it must not be run. */
static bool start(struct scripts *s, const struct job *j)
{
	const struct kind *k = &kinds[j->event.kind];
	char dir[PATHS_FILE_SIZE], file[NAME_SIZE + 8];
	struct env env;
	const char *why;

	if (j->of_host) {
		paths_join(dir, s->p.dir, "hosts");
		snprintf(file, sizeof(file), "%s%s", j->event.node, k->host_suffix);
	} else {
		snprintf(dir, sizeof(dir), "%s", s->p.dir);
		snprintf(file, sizeof(file), "%s", k->file);
	}
	if (snprintf(s->name, sizeof(s->name), "%s/%s", dir, file) >= (int)sizeof(s->name))
		return false;
	why = objection(s->p.dir, dir, s->name);
	env_fill(&env, s, &j->event);
	if (!why && !env.whole)
		why = "its environment is too large";
	if (why) {
		if (*why && log_allowed(&s->refused[j->event.kind][j->of_host]))
			log_warn("script %s is not run: %s", s->name, why);
		return false;
	}
	log_debug(2, "running script %s", s->name);
	s->pid = fork();
	if (s->pid == 0)
		become(s->p.dir, s->name, env.v);
	if (s->pid < 0) {
		log_error("cannot run script %s: %s", s->name, strerror(errno));
		s->pid = 0;
		return false;
	}
	s->kind = j->event.kind;
	timer_arm(loop_timers(s->loop), &s->limit, clock_now_ms() + s->p.time_limit_ms);
	return true;
}

/* Starts the first script of the queue that there is, unless one runs. */
static void run_next(struct scripts *s)
{
	while (s->pid == 0 && !list_empty(&s->queue)) {
		struct job *j = list_entry(s->queue.next, struct job, link);

		(void)start(s, j);
		drop(s, j);
	}
}

bool scripts_reaped(struct scripts *s, pid_t pid, int status)
{
	if (s->pid == 0 || pid != s->pid)
		return false;
	s->pid = 0;
	timer_disarm(loop_timers(s->loop), &s->limit);
	if (WIFEXITED(status) && WEXITSTATUS(status) != 0)
		log_warn("script %s ended with code %d", s->name, WEXITSTATUS(status));
	else if (WIFSIGNALED(status))
		log_warn("script %s was ended by signal %d", s->name, WTERMSIG(status));
	run_next(s);
	if (scripts_idle(s) && s->p.idle)
		s->p.idle(s->p.arg);
	return true;
}

void scripts_hurry(struct scripts *s)
{
	struct list *pos, *tmp;
	unsigned n = 0;

	list_for_each(pos, tmp, &s->queue) {
		struct job *j = list_entry(pos, struct job, link);

		if (j->event.kind == SCRIPT_TINC_DOWN)
			continue;
		drop(s, j);
		n++;
	}
	if (n)
		log_warn("%u scripts that were waiting are left out", n);
	if (s->pid && s->kind != SCRIPT_TINC_DOWN)
		kill_running(s);
}
