/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>
#include <time.h>

#include "hub/cli/call.h"

#define LINE_MAX_BYTES (1u << 20) /* of one event */
#define RETRY_S        2
#define RETRIES_MAX    30u /* in a row; the hub may be starting again */

/* What is read of the stream (Server-Sent Events). */
struct reading {
	struct cli *cli;
	struct buf line;
	char id[64], event[80];
	bool heard; /* anything at all */
	bool broken;
};

/* A line for people: when, what, who and to what. */
static void print_event(const struct reading *r, const json_t *data)
{
	const json_t *detail = json_object_get(data, "detail");
	char *text = json_object_size(detail) ? json_dumps(detail, JSON_COMPACT) : NULL;

	printf("%.19s  %-20s", *call_str(data, "at") ? call_str(data, "at") : "-", r->event);
	if (*call_str(data, "actor"))
		printf("  %s", call_str(data, "actor"));
	if (*call_str(data, "object"))
		printf("  %s", call_str(data, "object"));
	if (*call_str(data, "node"))
		printf("  %s  %s, %s", call_str(data, "node"),
		       call_bool(data, "online") ? "online" : "offline", call_str(data, "path"));
	if (json_object_get(data, "applied"))
		printf("  revision %lld: %lld of %lld", (long long)call_int(data, "revision"),
		       (long long)call_int(data, "applied"), (long long)call_int(data, "online"));
	printf("%s%s\n", text ? "  " : "", text ? text : "");
	free(text);
}

static void take_data(struct reading *r, const char *text)
{
	json_t *data = json_loads(text, 0, NULL), *all;

	if (r->cli->json) {
		all = json_pack("{s:s, s:s, s:o}", "id", r->id, "event", r->event, "data",
				data ? json_incref(data) : json_null());
		r->broken = !all || json_dumpf(all, stdout, JSON_COMPACT) < 0 ||
			    fputc('\n', stdout) == EOF;
		json_decref(all);
	} else {
		print_event(r, data);
	}
	json_decref(data);
	r->broken = r->broken || fflush(stdout) == EOF;
}

static void take_line(struct reading *r, const char *line)
{
	if (strncmp(line, "id: ", 4) == 0)
		snprintf(r->id, sizeof(r->id), "%s", line + 4);
	else if (strncmp(line, "event: ", 7) == 0)
		snprintf(r->event, sizeof(r->event), "%s", line + 7);
	else if (strncmp(line, "data: ", 6) == 0)
		take_data(r, line + 6);
}

/* A piece of the stream, wherever it was cut. */
static bool take_piece(void *arg, const char *p, size_t n)
{
	struct reading *r = arg;

	r->heard = true;
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

int cmd_events(struct cli *cli, struct args *a)
{
	struct reading r = { .cli = cli };
	unsigned failed = 0;
	bool ever = false;
	int code;

	if (args_has(a, "--after"))
		snprintf(r.id, sizeof(r.id), "%s", args_get(a, "--after"));
	buf_init(&r.line, LINE_MAX_BYTES);
	for (;;) {
		struct timespec pause = { .tv_sec = RETRY_S };

		r.heard = false;
		buf_clear(&r.line);
		code = call_stream(cli, "/api/v1/events", r.id, take_piece, &r);
		failed = r.heard ? 0 : failed + 1;
		ever = ever || r.heard;
		/* The hub is started again, or the line was cut: where it ended it goes on. */
		if (r.broken || !ever || failed > RETRIES_MAX || (code && code != CLI_UNREACHABLE))
			break;
		nanosleep(&pause, NULL);
	}
	buf_fini(&r.line);
	return code ? code : CLI_FAILED;
}
