/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * cli: the subcommands of branchline-spoke, a file each. l->argv[0] is the subcommand. All return
 * an exit code (enum launch_exit).
 */
#include "shared/monitor/launch.h"

/* join [--force] [--timeout=SECONDS] [--json] TOKEN|-  : makes this machine a node. l->net may be
 * NULL: then the token says it. */
int join_main(const struct launch *l);
/* status [--json] [--verbose] */
int status_main(const struct launch *l, const struct paths *paths);
/* ping [-c COUNT] [--until-direct] [--json] NODE */
int ping_main(const struct launch *l, const struct paths *paths);
/* netcheck [--json]: LAUNCH_FAILED when there is something to be put right */
int netcheck_main(const struct launch *l, const struct paths *paths);

struct json_t;
struct request;
/* Connects to the daemon of this network, or says why not. LAUNCH_DONE, or the exit code. */
int cli_connect(const struct launch *l, const struct paths *paths, struct request *r);
/* Says why a request got no answer; the exit code. */
int cli_no_answer(const struct launch *l, enum err e);
/* Prints `j` with an end of line and drops the reference. */
void cli_print_json(struct json_t *j);
