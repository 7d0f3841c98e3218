/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * branchline-hub: the daemon of headquarters and its command line in one. `run` becomes the monitor
 * of engine, control, api, webhooks and dns; `init` makes a network; everything else is a client of
 * the API of a running hub.
 */
#include <stdio.h>
#include <string.h>

#include "hub/api/api.h"
#include "hub/backup/backup.h"
#include "hub/cli/cli.h"
#include "hub/config.h"
#include "hub/control/control.h"
#include "hub/dns_role.h"
#include "hub/engine_role.h"
#include "hub/init.h"
#include "hub/prepare.h"
#include "hub/webhook/webhook_role.h"
#include "shared/base/file.h"
#include "shared/base/log.h"
#include "shared/monitor/launch.h"
#include "shared/wire/limits.h"

#define PROGRAM "branchline-hub"

static void print_help(void)
{
	printf("Usage: " PROGRAM " [flags] command [arguments]\n\n"
	       "  init                     make a network, with this machine as its hub (init "
	       "--help)\n"
	       "  run                      run the hub\n"
	       "  backup passphrase        say who can open backups, once\n"
	       "  backup create FILE       the whole hub in one encrypted file\n"
	       "  backup verify FILE       open a backup and check everything in it\n"
	       "  backup restore FILE      make the network from a backup\n");
	cli_usage(stdout);
	printf("\nFlags before the command, or behind run:\n%s", launch_help);
}

static void reload(void *config)
{
	char error[CONFIG_ERROR_SIZE];

	(void)!hub_config_reload(config, NULL, error);
}

/* Everything that the monitor is told. `roles` must outlive it. */
static struct monitor_params monitor_params_of(struct hub_config *c,
					       const struct worker_role_ops *const *roles,
					       int ready_fd, const char *pidfile)
{
	struct monitor_params p = {
		.program = PROGRAM,
		.net = c->paths.net,
		.node = c->name,
		.user = c->user,
		.interface = c->interface,
		.device = c->device,
		.vnet_hdr = c->offload,
		.mtu = TUN_MTU_DEFAULT,
		.unix_path = c->api_socket,
		.unix_group = c->group,
		.unix_role = WORKER_API,
		.fwmark = c->fwmark,
		.bind_interface = c->bind_interface,
		.script_dir = c->paths.etc,
		.keys = { .identity = c->identity_key_file, .tunnel = c->tunnel_key_file },
		.pidfile = pidfile,
		.ready_fd = ready_fd,
		.roles = roles,
		.config = c,
		.reload = reload,
	};

	memcpy(p.udp, c->udp, sizeof(p.udp));
	memcpy(p.nat_udp, c->nat_udp, sizeof(p.nat_udp));
	p.n_nat_udp = c->n_nat_udp;
	memcpy(p.tcp, c->tcp, sizeof(p.tcp));
	memcpy(p.https, c->https, sizeof(p.https));
	p.n_udp = c->n_udp;
	p.workers = c->workers;
	p.n_tcp = c->n_tcp;
	p.n_https = c->n_https;
	return p;
}

/* Goes to the background if wanted, and becomes the monitor. */
static int start(struct launch *l, struct hub_config *c)
{
	const struct worker_role_ops *roles[5 + WORKERS_MAX] = { hub_engine_role(), control_role(),
								 api_role(), webhook_role() };
	char log_file[PATHS_FILE_SIZE];
	const char *log_path = launch_log_path(l, &c->paths, log_file);
	struct monitor_params params;
	int code;

	if (!l->foreground) {
		code = launch_daemonize(l, log_path);
		if (code >= 0)
			return code;
	}
	if (!log_open(PROGRAM, l->debug >= 0 ? l->debug : c->log_level, log_path)) {
		log_error("%s: the log cannot be opened", log_path);
		return LAUNCH_FAILED;
	}
	for (unsigned i = 1; i < c->workers; i++)
		roles[3 + i] = hub_mover_role(i);
	if (c->dns)
		roles[3 + c->workers] = hub_dns_role();
	params = monitor_params_of(c, roles, l->ready_fd, l->pid_file ? l->pid_file : c->pidfile);
	return monitor_run(&params);
}

static int run(struct launch *l, const struct paths *paths)
{
	struct hub_config c;
	int code = LAUNCH_FAILED;
	enum err e = hub_config_load(&c, paths, l->overrides);

	if (e) {
		fprintf(stderr, PROGRAM ": %s\n", c.raw.error[0] ? c.raw.error : err_str(e));
		goto out;
	}
	e = file_make_dir(paths->run, 0755);
	if (e) {
		log_error("%s: %s", paths->run, err_str(e));
		goto out;
	}
	if (prepare_state(&c) == ERR_OK)
		code = start(l, &c);
out:
	hub_config_fini(&c);
	return code;
}

/* `run` may have global flags behind it, as in "run -D". */
static int run_command(struct launch *l, const struct paths *paths)
{
	if (l->argc && launch_parse_more(l)) {
		fprintf(stderr, PROGRAM ": %s\n", l->error);
		return LAUNCH_USAGE;
	}
	if (l->argc) {
		fprintf(stderr, PROGRAM ": run: %s: nothing more is expected here\n", l->argv[0]);
		return LAUNCH_USAGE;
	}
	return run(l, paths);
}

/* A signal for the daemon that runs; its process id is in the same place as always, unless
 * --pidfile says where. */
static int send_signal(const struct launch *l, const struct paths *paths)
{
	char pidfile[PATHS_FILE_SIZE];

	return launch_signal(l, l->pid_file ? l->pid_file
					    : paths_join(pidfile, paths->run, "hub.pid"));
}

static int dispatch(struct launch *l, const struct paths *paths)
{
	const char *command = l->argc ? l->argv[0] : NULL;

	if (l->kill_signal)
		return send_signal(l, paths);
	if ((!command && l->foreground) || (command && strcmp(command, "run") == 0))
		return run_command(l, paths);
	if (command && strcmp(command, "init") == 0)
		return init_main(paths, l->argc, l->argv);
	if (command && strcmp(command, "backup") == 0)
		return backup_main(paths, l->argc, l->argv);
	if (command && cli_has_command(command))
		return cli_main(paths, l->argc, l->argv);
	if (command)
		fprintf(stderr, PROGRAM ": unknown command %s; see " PROGRAM " --help\n", command);
	else
		fprintf(stderr, PROGRAM ": which command? See " PROGRAM " --help\n");
	return LAUNCH_USAGE;
}

int main(int argc, char **argv)
{
	static const struct paths none; /* of a command that is about all networks */
	struct launch l;
	struct paths paths;

	if (launch_parse(&l, PROGRAM, argc, argv)) {
		fprintf(stderr, PROGRAM ": %s\n", l.error);
		return LAUNCH_USAGE;
	}
	if (l.help || l.version) {
		if (l.help)
			print_help();
		else
			printf(PROGRAM " " BRANCHLINE_VERSION "\n");
		return LAUNCH_DONE;
	}
	if (l.keys_asked) {
		puts("There is no key length to choose: init makes the hub's keys (Ed25519 and "
		     "X25519, as strong as RSA with 3072 bits), each branch makes its own when it "
		     "joins, and node rotate makes new ones.");
		return LAUNCH_DONE;
	}
	if (!l.net && l.argc && !l.kill_signal && strcmp(l.argv[0], "network") == 0)
		return cli_main(&none, l.argc, l.argv);
	if (!l.net) {
		fprintf(stderr, PROGRAM
			": which network? Say -n NET, or set NETNAME in the environment (" PROGRAM
			" network lists them)\n");
		return LAUNCH_USAGE;
	}
	if (paths_init(&paths, l.net, l.config_dir)) {
		fprintf(stderr, PROGRAM
			": the network's name or a folder's name is not valid or too long\n");
		return LAUNCH_USAGE;
	}
	/* To standard error, until it is known where else. */
	if (!log_open(PROGRAM, l.debug > 0 ? l.debug : 0, NULL))
		return LAUNCH_FAILED;
	return dispatch(&l, &paths);
}
