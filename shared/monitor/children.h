/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * children: the monitor's side of the workers. Forks one process a role, links them with each
 * other (a mover with the engine only), starts one that died again, ends them all. Timers, one a
 * child: while it is away, when to start it (CHILDREN_RESTART_MIN_MS, doubling to
 * CHILDREN_RESTART_MAX_MS, from the beginning again after CHILDREN_STEADY_MS of life); while it
 * lives and should not, when to kill it.
 */
#include <stdbool.h>
#include <sys/types.h>

#include "shared/monitor/worker.h"

#define CHILDREN_RESTART_MIN_MS 100u
#define CHILDREN_RESTART_MAX_MS 5000u
#define CHILDREN_STEADY_MS      30000u
#define CHILDREN_STOP_MS        3000u /* from SIGTERM to SIGKILL */
#define CHILDREN_HANG_MS        1000u /* from the end of its channel to SIGKILL */

struct children;
struct sandbox_user;

struct children_params {
	const char *program;
	const struct sandbox_user *user;
	const struct worker_role_ops *const *roles; /* NULL-terminated, one a role */
	const struct worker_fds *fds;               /* all that the monitor opened, but for */
	const struct worker_fds *mover_fds;         /* those of WORKER_MOVER1 and on */
	enum worker_role unix_role;                 /* who gets listen_unix */
	void *config;
	/*
	 * A message of a worker other than MONITOR_READY. An error is a violation: the worker is
	 * killed.
	 */
	enum err (*request)(void *arg, enum worker_role from, struct channel *ch, uint16_t type,
			    struct cursor *body);
	void (*ready)(void *arg);  /* once: every worker has started */
	void (*failed)(void *arg); /* one ended before ready() */
	void (*gone)(void *arg); /* after children_stop(): none is left. May come from inside it */
	void *arg;
};

/* The struct and all it points to must outlive the children. */
enum err children_new(struct loop *l, const struct children_params *p,
		      struct children **out) must_check;
/* Kills what is left. Accepts NULL. */
void children_free(struct children *c);

/* Forks every worker. In the children it does not return. */
enum err children_start(struct children *c) must_check;
/* The owner of SIGCHLD tells of a process that ended. False when it was none of ours. */
bool children_reaped(struct children *c, pid_t pid, int status);
/*
 * The workers of the data plane are ended and started again at once, with the descriptors as they
 * are now; when not all are up yet, as soon as they are.
 */
void children_restart_data(struct children *c);
/* Tells every worker how much to log. */
void children_log_level(struct children *c, int level);
/* Tells every worker to reload, and hands them the log's new descriptor. */
void children_reload(struct children *c);
/* Tells every worker at which level the log is followed (-1: not at all), and (`fd`, else -1) where
 * to. Those that start later inherit it. */
void children_log_tap(struct children *c, int level, int fd);
/* Tells every worker what a signal wants. */
void children_wish(struct children *c, enum monitor_wish wish);
/*
 * SIGTERM to all (api, control, engine), SIGKILL after CHILDREN_STOP_MS; no more restarts; then
 * gone().
 */
void children_stop(struct children *c);
