/* SPDX-License-Identifier: GPL-3.0-or-later */
/* branchline-spoke log [LEVEL]: the daemon's own log, live, at a level of one's own. */
#include "shared/base/log.h"
#include "shared/cli/log_text.h"
#include "spoke/cli/cli.h"
#include "spoke/cli/request.h"

#define QUIET_MS 3600000u /* then it is only asked again whether there is a line */

/* One answer of the daemon. LAUNCH_FAILED: it has refused, or the line cannot be written. */
static int print_line(const struct cli *cli, const json_t *j)
{
	const char *why = json_string_value(json_object_get(j, "text"));

	if (!json_object_get(j, "error"))
		return log_text_print(j, cli->json, stdout) ? LAUNCH_DONE : LAUNCH_FAILED;
	fprintf(stderr, "%s: %s\n", cli->launch->program,
		why ? why : "the daemon has refused this");
	return LAUNCH_FAILED;
}

int cmd_log(struct cli *cli, struct args *a)
{
	json_t *question = json_pack("{s:s}", "cmd", "log"), *j;
	struct request r;
	uint64_t level;
	int code;
	enum err e;

	if (a->n_words && args_number(a, "the level", a->words[0], 0, LOG_LEVEL_MAX, &level)) {
		json_decref(question);
		return cli_usage("%s", a->error);
	}
	if (a->n_words)
		json_object_set_new(question, "level", json_integer((json_int_t)level));
	code = cli_connect(cli->launch, cli->paths, &r);
	if (code) {
		json_decref(question);
		return code;
	}
	e = request_send(&r, question);
	while (!code && !e) {
		e = request_read(&r, QUIET_MS, &j);
		if (!e)
			code = print_line(cli, j);
		if (!e)
			json_decref(j);
		if (e == ERR_TIMEOUT)
			e = ERR_OK;
	}
	request_close(&r);
	return code ? code : cli_no_answer(cli->launch, e);
}
