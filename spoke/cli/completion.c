/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/cli/completion.h"

#include "spoke/cli/cli.h"

int cmd_completion(struct cli *cli, struct args *a)
{
	enum err e = completion_print(&spoke_commands, NULL, CONF_SPOKE, a->words[0], stdout);

	(void)cli;
	if (e == ERR_INVALID)
		return cli_usage("completion for bash or zsh, not \"%.64s\"", a->words[0]);
	return e ? LAUNCH_FAILED : LAUNCH_DONE;
}
