/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/* networks: which networks this machine has, as tinc's `network`. */
#include <stdbool.h>
#include <sys/types.h>

/* Of the daemon that asks. */
struct networks {
	const char *program;   /* "branchline-spoke" */
	const char *conf_file; /* what a network of this daemon has: "spoke.conf" */
	const char *pid_file;  /* "spoke.pid" */
	pid_t (*running)(const char *program, const char *pid_file); /* 0: it does not run */
};

/* Prints a table, or a JSON array of objects with `network`, `directory` and `pid` (null: it does
 * not run). Returns an exit code: 0, or 1 with the reason on standard error. */
int networks_show(const struct networks *x, bool as_json);
