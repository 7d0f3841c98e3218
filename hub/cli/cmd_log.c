/* SPDX-License-Identifier: GPL-3.0-or-later */
/* log: the daemon's own log, live, at a level of one's own. */
#include <string.h>

#include "hub/cli/show.h"
#include "shared/base/log.h"
#include "shared/cli/log_text.h"

#define LINE_MAX_BYTES (1u << 16) /* of one event */

/* What is read of the stream (Server-Sent Events). */
struct reading {
	struct cli *cli;
	struct buf line;
	bool broken;
};

static void take_line(struct reading *r, const char *line)
{
	json_t *j;

	if (strncmp(line, "data: ", 6) != 0)
		return;
	j = json_loads(line + 6, 0, NULL);
	r->broken = !log_text_print(j, r->cli->json, stdout);
	json_decref(j);
}

/* A piece of the stream, wherever it was cut. */
static bool take_piece(void *arg, const char *p, size_t n)
{
	struct reading *r = arg;

	for (size_t i = 0; i < n && !r->broken; i++) {
		if (p[i] != '\n') {
			r->broken = buf_put(&r->line, &p[i], 1) != ERR_OK;
			continue;
		}
		if (buf_cstr(&r->line))
			take_line(r, buf_cstr(&r->line));
		buf_clear(&r->line);
	}
	return !r->broken;
}

int cmd_log(struct cli *cli, struct args *a)
{
	struct reading r = { .cli = cli };
	char path[CALL_PATH_SIZE] = "/api/v1/log";
	uint64_t level;
	int code;

	if (a->n_words) {
		if (args_number(a, "the level", a->words[0], 0, LOG_LEVEL_MAX, &level))
			return call_usage("%s", a->error);
		snprintf(path, sizeof(path), "/api/v1/log?level=%u", (unsigned)level);
	}
	buf_init(&r.line, LINE_MAX_BYTES);
	code = call_stream(cli, path, "", take_piece, &r);
	buf_fini(&r.line);
	return code ? code : r.broken ? CLI_FAILED : CLI_DONE;
}
