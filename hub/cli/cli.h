/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/* cli: the subcommands of branchline-hub that talk to a running hub. A client of the REST API and
 * nothing else. */
#include <stdbool.h>
#include <stdio.h>

#include "shared/base/paths.h"

/* Exit codes, the same for every command. */
enum cli_exit { CLI_DONE = 0, CLI_FAILED = 1, CLI_USAGE = 2, CLI_UNREACHABLE = 3, CLI_REFUSED = 4 };

/*
 * Runs one command. argv[0] is the command's first word ("node", "subnet", "token", "key",
 * "api-token", "status", "revision"), the rest follows as typed; argv[argc] need not be NULL. The
 * hub is found by paths->run/api.sock, or by --url. Returns an exit code of `enum cli_exit`.
 */
int cli_main(const struct paths *paths, int argc, char **argv);

/* True when `word` is the first word of one of these commands. */
bool cli_has_command(const char *word);

/* Prints all commands with one line each, for the daemon's own --help. */
void cli_usage(FILE *out);
