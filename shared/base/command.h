/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * command: a program's table of subcommands. Help, usage errors and completion come from the table,
 * and the words of a command line are held against it.
 */
#include <stdio.h>

#include "shared/base/args.h"

/* What a program gives to its commands; each program has its own. */
struct cli;

struct command {
	const char *group; /* "node" */
	const char *verb;  /* "add"; NULL: the group is the whole command */
	const char *words; /* "NODE PREFIX", as the help shows them */
	const char *summary;
	unsigned min_words, max_words;
	/* Its own; ends with a row without a name; may be NULL. */
	const struct args_option *options;
	/* Returns an exit code. NULL: a command that reads its own arguments, listed for completion
	 * only. */
	int (*run)(struct cli *cli, struct args *a);
};

/* A program's commands, and the options that all of them have. */
struct command_set {
	const char *program; /* "branchline-hub" */
	const struct command *commands;
	size_t n;
	const struct args_option *common; /* ends with a row without a name */
	int done, usage;                  /* exit codes */
};

/* Does a command begin with this word? */
bool command_exists(const struct command_set *set, const char *word);
/* A line of help for each command; `group` NULL for all. */
void command_print_usage(const struct command_set *set, FILE *out, const char *group);
/*
 * Finds the command of `argv[0..argc)` and reads its words and options into `a`, which points into
 * argv. NULL: help or what is wrong was printed, and `*code` is the exit code.
 */
const struct command *command_parse(const struct command_set *set, int argc, char *const *argv,
				    struct args *a, int *code);
