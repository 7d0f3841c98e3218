/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "spoke/cli/cli.h"

#include "spoke/cli/request.h"
#include "spoke/config.h"

int cli_connect(const struct launch *l, const struct paths *paths, struct request *r)
{
	struct spoke_config c;
	enum err e;

	spoke_config_init(&c, paths);
	e = request_open(r, c.status_socket);
	if (e == ERR_DENIED)
		fprintf(stderr, "%s: %s: only root may ask\n", l->program, c.status_socket);
	else if (e)
		fprintf(stderr, "%s: network %s: the daemon does not run (%s)\n", l->program,
			paths->net, c.status_socket);
	spoke_config_fini(&c);
	if (!e)
		return LAUNCH_DONE;
	request_close(r);
	return e == ERR_DENIED ? LAUNCH_REFUSED : LAUNCH_NOT_RUNNING;
}

void cli_print_json(json_t *j)
{
	json_dumpf(j, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(j);
}
