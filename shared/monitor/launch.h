/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * launch: what both programs do before they are a daemon or a command: the global flags (tincd's),
 * going to the background, and sending a signal to the daemon that runs.
 *
 *   1. launch_parse()                       -n -c -D -d -k -o -U -K --logfile --pidfile --help
 * --version
 *   2. l->argc, l->argv                     the subcommand and its own arguments
 *      launch_parse_more()                  when those are global flags again ("run -D")
 *   3. launch_signal()                      for -k
 *      launch_daemonize()                   a daemon without -D; in the child monitor_run() with
 *                                           ready_fd = l->ready_fd
 */
#include <stdbool.h>

#include "shared/base/paths.h"

#define LAUNCH_OVERRIDES_MAX 64u
#define LAUNCH_START_MS      30000 /* how long the parent waits for the daemon to be ready */
#define LAUNCH_STOP_MS       10000 /* how long -k waits for the daemon to end */

/* Exit codes of both programs (DESIGN section 7). */
enum launch_exit {
	LAUNCH_DONE = 0,
	LAUNCH_FAILED = 1,
	LAUNCH_USAGE = 2,
	LAUNCH_NOT_RUNNING = 3, /* or not reachable */
	LAUNCH_REFUSED = 4,
};

struct launch {
	const char *program;    /* "branchline-spoke", as given to launch_parse() */
	const char *net;        /* -n, else the environment's NETNAME, else NULL */
	const char *config_dir; /* -c, or NULL */
	bool foreground;        /* -D */
	int debug; /* -d: 0..5; -1 not given. `-d` alone is one more than before, as in tincd */
	int kill_signal; /* -k: the signal's number; 0 not given. `-k` alone is SIGTERM */
	const char *overrides[LAUNCH_OVERRIDES_MAX + 1]; /* -o KEY=VALUE, NULL-terminated */
	unsigned n_overrides;
	const char *log_file; /* --logfile; NULL not given */
	bool log_to_file; /* --logfile was given, perhaps without a name: the default place is meant
			   */
	const char *pid_file; /* --pidfile; NULL not given */
	bool keys_asked;      /* -K: the program says how keys are made */
	char user[80];        /* "User=NAME" of -U, one of the overrides */
	bool help;
	bool version;
	int argc; /* what follows the global flags; argv[0] is the subcommand when argc > 0 */
	char **argv;
	int ready_fd; /* after launch_daemonize() in the child: for monitor_params.ready_fd; else 0
		       */
	char error[256]; /* after ERR_INVALID: what is wrong, for standard error */
};

/* The common lines of both programs' --help. */
extern const char launch_help[];

/* Parses the flags before the subcommand; all strings stay in argv. ERR_INVALID with l->error: exit
 * with LAUNCH_USAGE. */
enum err launch_parse(struct launch *l, const char *program, int argc, char **argv) must_check;
/* Parses more global flags, those behind the subcommand l->argv[0]; what is left over is in l->argc
 * / l->argv again. */
enum err launch_parse_more(struct launch *l) must_check;

/* The log file of the daemon in `out`: --logfile; STATE/PROGRAM.log when it is to be detached or
 * --logfile has no name. NULL: standard error. */
const char *launch_log_path(const struct launch *l, const struct paths *p,
			    char out[PATHS_FILE_SIZE]);

/*
 * Goes to the background. In the child: returns -1, a session of its own, standard input and output
 * on /dev/null, l->ready_fd set. In the parent: waits until the child is ready, ended or
 * LAUNCH_START_MS have gone by, prints what it logged to `log_path` when it failed, and returns the
 * exit code for main(). The caller makes the folder of `log_path` first.
 */
int launch_daemonize(struct launch *l, const char *log_path);

/* Sends l->kill_signal to the daemon whose process id is in `pid_file`; for SIGTERM, SIGINT and
 * SIGKILL waits until it has ended. Returns the exit code. */
int launch_signal(const struct launch *l, const char *pid_file);
/*
 * Stops the daemon, if it runs, and takes its place in a new process: this program's `run`, which
 * goes to the background, with the same network and configuration folder `etc`. Returns only on a
 * failure: LAUNCH_REFUSED for a daemon that a service manager has started, which would start it
 * again, too.
 */
int launch_restart(const char *program, const char *net, const char *etc, const char *pid_file);
/* The process id of the daemon that runs; 0: it does not, as far as this user may know. */
pid_t launch_running(const char *program, const char *pid_file);
/* Prints the process id of the daemon that runs. LAUNCH_NOT_RUNNING with the reason printed. */
int launch_print_pid(const char *program, const char *pid_file);
