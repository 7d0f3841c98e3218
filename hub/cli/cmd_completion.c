/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hub/cli/call.h"
#include "shared/cli/completion.h"

/* Commands that main.c runs itself; they read their own arguments. */
static const struct command own_commands[] = {
	{ "run", NULL, "", "", 0, 0, NULL, NULL },
	{ "init", NULL, "", "", 0, 0, NULL, NULL },
	{ "backup", "passphrase", "", "", 0, 0, NULL, NULL },
	{ "backup", "create", "", "", 0, 0, NULL, NULL },
	{ "backup", "verify", "", "", 0, 0, NULL, NULL },
	{ "backup", "restore", "", "", 0, 0, NULL, NULL },
	{ NULL, NULL, NULL, NULL, 0, 0, NULL, NULL },
};

int cmd_completion(struct cli *cli, struct args *a)
{
	struct command_set set = cli_command_set();
	enum err e = completion_print(&set, own_commands, CONF_HUB, a->words[0], stdout);

	(void)cli;
	if (e == ERR_INVALID)
		return call_usage("completion for bash or zsh, not \"%.64s\"", a->words[0]);
	return e ? CLI_FAILED : CLI_DONE;
}
