/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "spoke/cli/cli.h"

#include <stdarg.h>

#include "spoke/cli/request.h"
#include "spoke/config.h"

int cli_main(const struct launch *l, const struct paths *paths)
{
	struct cli cli = { .launch = l, .paths = paths };
	const struct command *c;
	struct args a;
	int code;

	c = command_parse(&spoke_commands, l->argc, l->argv, &a, &code);
	if (!c)
		return code;
	cli.json = args_has(&a, "--json");
	code = c->run(&cli, &a);
	if (fflush(stdout) == EOF && code == LAUNCH_DONE)
		code = LAUNCH_FAILED;
	return code;
}

int cli_usage(const char *fmt, ...)
{
	va_list ap;

	fputs("branchline-spoke: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	return LAUNCH_USAGE;
}

int cli_connect(const struct launch *l, const struct paths *paths, struct request *r)
{
	struct spoke_config c;
	enum err e;

	spoke_config_init(&c, paths);
	e = request_open(r, c.status_socket, REQUEST_SEND_TIMEOUT_MS);
	if (e == ERR_DENIED)
		fprintf(stderr, "%s: %s: only root may ask\n", l->program, c.status_socket);
	else if (e == ERR_TIMEOUT)
		(void)cli_no_answer(l, e);
	else if (e)
		fprintf(stderr, "%s: network %s: the daemon does not run (%s)\n", l->program,
			paths->net, c.status_socket);
	spoke_config_fini(&c);
	if (!e)
		return LAUNCH_DONE;
	request_close(r);
	if (e == ERR_TIMEOUT)
		return LAUNCH_FAILED;
	return e == ERR_DENIED ? LAUNCH_REFUSED : LAUNCH_NOT_RUNNING;
}

int cli_ask(const struct cli *cli, json_t *question, unsigned timeout_ms, json_t **out)
{
	const struct launch *l = cli->launch;
	const char *text;
	struct request r;
	int code = cli_connect(l, cli->paths, &r);
	enum err e;

	*out = NULL;
	if (code) {
		json_decref(question);
		return code;
	}
	e = request_send(&r, question);
	if (!e)
		e = request_read(&r, timeout_ms, out);
	request_close(&r);
	if (e)
		return cli_no_answer(l, e);
	json_object_del(*out, "done");
	if (!json_is_string(json_object_get(*out, "error")))
		return LAUNCH_DONE;
	text = json_string_value(json_object_get(*out, "text"));
	fprintf(stderr, "%s: %s\n", l->program, text ? text : "the daemon has refused this");
	json_decref(*out);
	*out = NULL;
	return LAUNCH_FAILED;
}

int cli_no_answer(const struct launch *l, enum err e)
{
	if (e == ERR_TIMEOUT)
		fprintf(stderr,
			"%s: the daemon runs, but does not answer: it hangs, is stopped, or the "
			"machine is very busy; look at its log, then restart it\n",
			l->program);
	else if (e == ERR_CLOSED)
		fprintf(stderr,
			"%s: the daemon closed the connection before it answered, as when it has "
			"just ended or started again; ask again\n",
			l->program);
	else
		fprintf(stderr, "%s: the daemon's answer cannot be used: %s\n", l->program,
			err_str(e));
	return e == ERR_CLOSED ? LAUNCH_NOT_RUNNING : LAUNCH_FAILED;
}

void cli_print_json(json_t *j)
{
	json_dumpf(j, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(j);
}
