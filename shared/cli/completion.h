/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * completion: the shell's completion of a program's command line, made of its tables of commands,
 * options and variables. For bash and, by way of its bashcompinit, zsh; needs no other package.
 */
#include "shared/base/command.h"
#include "shared/conf/vars.h"

/* `more` are commands that read their own arguments, besides those of the set; ends with a row
 * without a group. `shell` is "bash" or "zsh". ERR_INVALID: another one. */
enum err completion_print(const struct command_set *set, const struct command *more,
			  enum conf_program kind, const char *shell, FILE *out) must_check;
