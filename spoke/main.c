/* SPDX-License-Identifier: GPL-3.0-or-later */
/* branchline-spoke: the daemon of a branch server, and its commands. */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "shared/base/file.h"
#include "shared/base/log.h"
#include "shared/monitor/launch.h"
#include "shared/monitor/monitor.h"
#include "shared/wire/limits.h"
#include "spoke/cli/cli.h"
#include "spoke/cli/install.h"
#include "spoke/config.h"
#include "spoke/roles.h"

#define PROGRAM "branchline-spoke"

static void print_help(FILE *out)
{
	fputs("usage: " PROGRAM " [-n NET] [options] [command]\n\ncommands:\n", out);
	command_print_usage(&spoke_commands, out, NULL);
	fprintf(out,
		"\noptions:\n%s\n"
		"exit codes: 0 done, 1 failed, 2 usage, 3 not running or not reachable, 4 "
		"refused\n",
		launch_help);
}

static int usage_error(const struct launch *l)
{
	fprintf(stderr, PROGRAM ": %s\nSee " PROGRAM " --help\n", l->error);
	return LAUNCH_USAGE;
}

static void reload(void *config)
{
	struct spoke_config *c = config, *fresh = malloc(sizeof(*fresh));

	if (!fresh)
		return;
	if (spoke_config_load(fresh, &c->paths, c->overrides) == ERR_OK)
		spoke_config_take(c, fresh);
	spoke_config_fini(fresh);
	free(fresh);
}

static int daemon_code(const struct launch *l, struct spoke_config *c, const char *log_path)
{
	static const struct worker_role_ops *roles[3 + WORKERS_MAX];
	struct monitor_params p = {
		.program = PROGRAM,
		.net = c->paths.net,
		.node = c->name,
		.user = c->user,
		.interface = c->interface,
		.device = c->device,
		.vnet_hdr = c->offload,
		.mtu = TUN_MTU_DEFAULT,
		.n_udp = c->n_udp,
		.udp_bound = c->udp,
		.workers = c->workers,
		.unix_path = c->status_socket,
		.unix_role = WORKER_CONTROL,
		.fwmark = c->fwmark,
		.bind_interface = c->bind_interface,
		.script_dir = c->paths.etc,
		.keys = { .identity = c->identity_key_file,
			  .tunnel = c->tunnel_key_file,
			  .hub_pin = c->hub_pin_file },
		.pidfile = l->pid_file ? l->pid_file : c->pid_file,
		.ready_fd = l->ready_fd,
		.roles = roles,
		.config = c,
		.reload = reload,
	};

	if (l->debug >= 0) { /* as a line of spoke.conf would */
		node_settings_put(&c->local, SETTING_LOG_LEVEL, l->debug);
		spoke_config_steer(c, &c->steered);
	}
	if (!log_open(PROGRAM, c->log_level, log_path)) {
		fprintf(stderr, PROGRAM ": %s: cannot be opened\n", log_path);
		return LAUNCH_FAILED;
	}
	roles[0] = spoke_engine_role();
	roles[1] = spoke_control_role();
	for (unsigned i = 1; i < c->workers; i++)
		roles[1 + i] = spoke_mover_role(i);
	if (c->dns)
		roles[1 + c->workers] = spoke_dns_role();
	memcpy(p.udp, c->udp, sizeof(p.udp));
	return monitor_run(&p);
}

/* Folders that the daemon needs, with their owners. */
static int prepare_folders(const struct spoke_config *c)
{
	enum err e = install_state_dir(c->paths.state, c->user);

	if (e == ERR_NOTFOUND) {
		fprintf(stderr,
			PROGRAM
			": there is no user \"%s\"; make it (useradd --system %s), or set User\n",
			c->user, c->user);
		return LAUNCH_FAILED;
	}
	if (e) {
		fprintf(stderr, PROGRAM ": %s: %s\n", c->paths.state, err_str(e));
		return LAUNCH_FAILED;
	}
	e = file_make_dir(c->paths.run, 0755);
	if (e)
		fprintf(stderr, PROGRAM ": %s: %s\n", c->paths.run, err_str(e));
	return e ? LAUNCH_FAILED : LAUNCH_DONE;
}

static int run(struct launch *l, const struct paths *paths)
{
	static struct spoke_config c; /* large, and the workers keep pointers into it */
	char log_mem[PATHS_FILE_SIZE];
	const char *log_path;
	int code;

	if (spoke_config_load(&c, paths, l->overrides)) {
		fprintf(stderr, PROGRAM ": %s\n", c.raw.error);
		if (!file_exists(paths_join(log_mem, paths->etc, "spoke.conf")))
			fprintf(stderr,
				"this machine has not joined network %s: paste the line that "
				"\"branchline-hub node add\" printed\n",
				paths->net);
		spoke_config_fini(&c);
		return LAUNCH_FAILED;
	}
	log_path = launch_log_path(l, paths, log_mem);
	code = prepare_folders(&c);
	if (!code && !l->foreground)
		code = launch_daemonize(l, log_path);
	/* Here is the foreground process (0), the child in the background (-1), or a parent that
	 * has its answer. */
	if ((!code && l->foreground) || code == -1)
		code = daemon_code(l, &c, log_path);
	spoke_config_fini(&c);
	return code;
}

static int send_signal(const struct launch *l, const struct paths *paths)
{
	struct spoke_config c;
	int code;

	spoke_config_init(&c, paths);
	code = launch_signal(l, l->pid_file ? l->pid_file : c.pid_file);
	spoke_config_fini(&c);
	return code;
}

/* Commands that need a network's name. */
static int dispatch(struct launch *l)
{
	const char *command = l->argc ? l->argv[0] : "run";
	struct paths paths;
	enum err e;

	if (!l->net) {
		fprintf(stderr, PROGRAM ": which network? Give -n NET, or set NETNAME (" PROGRAM
					" network lists them)\n");
		return LAUNCH_USAGE;
	}
	e = paths_init(&paths, l->net, l->config_dir);
	if (e) {
		fprintf(stderr, PROGRAM ": the paths of network %s: %s\n", l->net, err_str(e));
		return LAUNCH_FAILED;
	}
	if (l->kill_signal)
		return send_signal(l, &paths);
	if (strcmp(command, "run") == 0)
		return run(l, &paths);
	return cli_main(l, &paths);
}

/* A token names its network itself; the other is about all of them. */
static bool needs_no_network(const char *command)
{
	return strcmp(command, "join") == 0 || strcmp(command, "network") == 0;
}

int main(int argc, char **argv)
{
	struct launch l;

	if (launch_parse(&l, PROGRAM, argc, argv))
		return usage_error(&l);
	if (l.argc && strcmp(l.argv[0], "run") == 0) {
		if (launch_parse_more(&l))
			return usage_error(&l);
		if (l.argc) {
			snprintf(l.error, sizeof(l.error), "run takes no argument: %.100s",
				 l.argv[0]);
			return usage_error(&l);
		}
	}
	if (l.help) {
		print_help(stdout);
		return LAUNCH_DONE;
	}
	if (l.version) {
		printf(PROGRAM " " BRANCHLINE_VERSION "\n");
		return LAUNCH_DONE;
	}
	if (l.keys_asked) {
		puts("There is no key length to choose: join makes this branch's keys (Ed25519 and "
		     "X25519, as strong as RSA with 3072 bits), and gives the public halves to the "
		     "hub; no key file is copied by hand.");
		return LAUNCH_DONE;
	}
	if (!l.argc && !l.foreground && !l.kill_signal && !l.net && argc == 1) {
		print_help(stderr);
		return LAUNCH_USAGE;
	}
	return l.argc && needs_no_network(l.argv[0]) && !l.kill_signal ? cli_main(&l, NULL)
								       : dispatch(&l);
}
