/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Commands for the hub of this machine, without its API: its files (get, set, add, del, edit, fsck)
 * and its process (pid, reload, stop, restart).
 */
#include <signal.h>

#include "hub/cli/call.h"
#include "hub/config.h"
#include "hub/fsck.h"
#include "shared/cli/networks.h"
#include "shared/conf/change.h"
#include "shared/monitor/launch.h"

/* These are about files here; a hub far away has its own. */
static int refuse_remote(const struct cli *cli)
{
	return cli->target.url ? call_usage("this is about the files of this machine: run it where "
					    "the hub runs, without --url or --profile")
			       : CLI_DONE;
}

static enum err check(const struct paths *paths, char why[512])
{
	struct hub_config c;
	enum err e = hub_config_load(&c, paths, NULL);

	if (e)
		snprintf(why, 512, "%s", c.raw.error[0] ? c.raw.error : err_str(e));
	hub_config_fini(&c);
	return e;
}

static struct conf_files files_of(const struct cli *cli)
{
	return (struct conf_files){ .program = "branchline-hub",
				    .kind = CONF_HUB,
				    .paths = cli->paths,
				    .main = "hub.conf",
				    .check = check,
				    .json = cli->json,
				    .dry_run = cli->dry_run };
}

int cmd_get(struct cli *cli, struct args *a)
{
	struct conf_files f = files_of(cli);
	int code = refuse_remote(cli);

	return code ? code : conf_get(&f, a);
}

/* set, add and del. */
static int change(struct cli *cli, struct args *a, enum conf_edit kind)
{
	struct conf_files f = files_of(cli);
	int code = refuse_remote(cli);

	return code ? code : conf_change(&f, a, kind);
}

int cmd_set(struct cli *cli, struct args *a) { return change(cli, a, CONF_EDIT_SET); }

int cmd_add(struct cli *cli, struct args *a) { return change(cli, a, CONF_EDIT_ADD); }

int cmd_del(struct cli *cli, struct args *a) { return change(cli, a, CONF_EDIT_DEL); }

int cmd_edit(struct cli *cli, struct args *a)
{
	struct conf_files f = files_of(cli);
	int code = refuse_remote(cli);

	return code ? code : conf_editor(&f, a);
}

int cmd_fsck(struct cli *cli, struct args *a)
{
	int code = refuse_remote(cli);

	return code ? code : hub_fsck(cli->paths, cli->json, args_has(a, "--fix"));
}

/* --- the process --- */

static int send_signal(struct cli *cli, int signo)
{
	struct launch l = { .program = "branchline-hub", .kill_signal = signo };
	char pid_file[PATHS_FILE_SIZE];
	int code = refuse_remote(cli);

	return code ? code : launch_signal(&l, paths_join(pid_file, cli->paths->run, "hub.pid"));
}

int cmd_network(struct cli *cli, struct args *a)
{
	static const struct networks x = { "branchline-hub", "hub.conf", "hub.pid",
					   launch_running };
	int code = refuse_remote(cli);

	(void)a;
	return code ? code : networks_show(&x, cli->json);
}

int cmd_pid(struct cli *cli, struct args *a)
{
	char pid_file[PATHS_FILE_SIZE];
	int code = refuse_remote(cli);

	(void)a;
	return code ? code
		    : launch_print_pid("branchline-hub",
				       paths_join(pid_file, cli->paths->run, "hub.pid"));
}

int cmd_reload(struct cli *cli, struct args *a)
{
	(void)a;
	return send_signal(cli, SIGHUP);
}

int cmd_stop(struct cli *cli, struct args *a)
{
	(void)a;
	return send_signal(cli, SIGTERM);
}

int cmd_restart(struct cli *cli, struct args *a)
{
	char pid_file[PATHS_FILE_SIZE];
	int code = refuse_remote(cli);

	(void)a;
	return code ? code
		    : launch_restart("branchline-hub", cli->paths->net, cli->paths->etc,
				     paths_join(pid_file, cli->paths->run, "hub.pid"));
}
