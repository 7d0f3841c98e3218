/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/* cli: the subcommands of branchline-spoke, a file each, and what they have in common. */
#include <jansson.h>

#include "shared/base/command.h"
#include "shared/monitor/launch.h"

struct request;

/* What a command is given. */
struct cli {
	const struct launch *launch;
	const struct paths *paths; /* NULL for join, whose token names the network, and network */
	bool json;                 /* --json */
};

/* commands.c: every command, and the options that all of them have; a test walks it. */
extern const struct command_set spoke_commands;

/* Runs the command l->argv[0]. `paths` may be NULL for join and network only. Returns an exit code
 * (enum launch_exit). */
int cli_main(const struct launch *l, const struct paths *paths);

/* join.c: makes this machine a node */
int cmd_join(struct cli *cli, struct args *a);
/* status.c */
int cmd_status(struct cli *cli, struct args *a);
/* ping.c */
int cmd_ping(struct cli *cli, struct args *a);
int cmd_connect(struct cli *cli, struct args *a);
/* log.c */
int cmd_log(struct cli *cli, struct args *a);
/* netcheck.c: LAUNCH_FAILED when there is something to be put right */
int cmd_netcheck(struct cli *cli, struct args *a);

/* import.c */
int cmd_import_tinc(struct cli *cli, struct args *a);
int cmd_import(struct cli *cli, struct args *a);
/* completion.c */
int cmd_completion(struct cli *cli, struct args *a);
/* dump.c */
int cmd_dump(struct cli *cli, struct args *a);
int cmd_info(struct cli *cli, struct args *a);
int cmd_top(struct cli *cli, struct args *a);
int cmd_hosts(struct cli *cli, struct args *a);
int cmd_export(struct cli *cli, struct args *a);
int cmd_export_all(struct cli *cli, struct args *a);
/* local.c: the files and the process of this branch */
int cmd_get(struct cli *cli, struct args *a);
int cmd_set(struct cli *cli, struct args *a);
int cmd_add(struct cli *cli, struct args *a);
int cmd_del(struct cli *cli, struct args *a);
int cmd_edit(struct cli *cli, struct args *a);
int cmd_fsck(struct cli *cli, struct args *a);
int cmd_network(struct cli *cli, struct args *a);
int cmd_pid(struct cli *cli, struct args *a);
int cmd_reload(struct cli *cli, struct args *a);
int cmd_stop(struct cli *cli, struct args *a);
int cmd_restart(struct cli *cli, struct args *a);
int cmd_debug(struct cli *cli, struct args *a);
int cmd_retry(struct cli *cli, struct args *a);
int cmd_disconnect(struct cli *cli, struct args *a);
int cmd_purge(struct cli *cli, struct args *a);
/* key.c: the identity keys of other nodes */
int cmd_key_list(struct cli *cli, struct args *a);
int cmd_key_accept(struct cli *cli, struct args *a);
/* pin.c: which hub is ours */
int cmd_pin(struct cli *cli, struct args *a);
/* rotate.c: LAUNCH_REFUSED when the hub has not taken the keys */
int cmd_rotate_key(struct cli *cli, struct args *a);

/* Says what is wrong with the command line. Returns LAUNCH_USAGE. */
int cli_usage(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Connects to the daemon of this network, or says why not. LAUNCH_DONE, or the exit code. */
int cli_connect(const struct launch *l, const struct paths *paths, struct request *r);
/*
 * Asks the daemon one thing that has one answer. Takes over `question`. LAUNCH_DONE: `*out` is the
 * answer without its "done", a new reference. Otherwise the reason was printed.
 */
int cli_ask(const struct cli *cli, json_t *question, unsigned timeout_ms, json_t **out);
/* Says why a request got no answer; the exit code. */
int cli_no_answer(const struct launch *l, enum err e);
/* Prints `j` with an end of line and drops the reference. */
void cli_print_json(json_t *j);
