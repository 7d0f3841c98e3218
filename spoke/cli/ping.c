/* SPDX-License-Identifier: GPL-3.0-or-later */
/* branchline-spoke ping NODE: an encrypted echo through the tunnel itself, with the path that it
 * took. */
#include <errno.h>
#include <getopt.h>
#include <string.h>

#include "spoke/cli/cli.h"
#include "spoke/cli/request.h"

#define PING_COUNT_DEFAULT 3
#define PING_COUNT_MAX     1000
#define PING_TIMEOUT_MS                                                                            \
	15000u /* for one answer of the daemon, which has its own, shorter limit for each ping */

struct ping_args {
	const char *node;
	int count;
	bool as_json;
};

static void print_pong(const json_t *p, const char *node)
{
	const char *path = json_string_value(json_object_get(p, "path")),
		   *error = json_string_value(json_object_get(p, "error"));
	const char *endpoint = json_string_value(json_object_get(p, "endpoint"));
	double ms = (double)json_integer_value(json_object_get(p, "rtt_us")) / 1000;

	if (json_is_true(json_object_get(p, "ok")))
		printf("%s: %.1f ms via %s%s%s\n", node, ms, path ? path : "?", endpoint ? " " : "",
		       endpoint ? endpoint : "");
	else
		printf("%s: no answer (%s)\n", node, error ? error : "unknown");
	fflush(stdout);
}

/* The daemon's refusal as an exit code. */
static int refused(const struct launch *l, const json_t *j, const char *code)
{
	const char *why = json_string_value(json_object_get(j, "text"));

	fprintf(stderr, "%s: %s\n", l->program, why ? why : code);
	return strcmp(code, "unknown_node") == 0 ? LAUNCH_REFUSED
	       : strcmp(code, "no_engine") == 0  ? LAUNCH_NOT_RUNNING
						 : LAUNCH_FAILED;
}

/* Reads answers until the last one; collects them in `pings`, or prints each at once. */
static int read_answers(const struct launch *l, struct request *r, const struct ping_args *a,
			json_t *pings, int *answered)
{
	for (;;) {
		json_t *j = NULL;
		enum err e = request_read(r, PING_TIMEOUT_MS, &j);
		const char *error;
		int code = LAUNCH_DONE;

		if (e) {
			fprintf(stderr, "%s: the daemon did not answer: %s\n", l->program,
				err_str(e));
			return e == ERR_CLOSED ? LAUNCH_NOT_RUNNING : LAUNCH_FAILED;
		}
		error = json_string_value(json_object_get(j, "error"));
		if (json_is_true(json_object_get(j, "done"))) {
			code = error ? refused(l, j, error) : LAUNCH_DONE;
			json_decref(j);
			return code;
		}
		*answered += json_is_true(json_object_get(j, "ok"));
		if (!a->as_json)
			print_pong(j, a->node);
		json_array_append_new(pings, j);
	}
}

static int ping(const struct launch *l, const struct paths *paths, const struct ping_args *a)
{
	struct request r;
	json_t *pings;
	int answered = 0, code = cli_connect(l, paths, &r);

	if (code)
		return code;
	pings = json_array();
	if (request_send(&r, json_pack("{s:s, s:s, s:i}", "cmd", "ping", "node", a->node, "count",
				       a->count))) {
		fprintf(stderr, "%s: the daemon has closed the connection\n", l->program);
		code = LAUNCH_NOT_RUNNING;
	} else {
		code = read_answers(l, &r, a, pings, &answered);
	}
	request_close(&r);
	if (code == LAUNCH_DONE && a->as_json)
		cli_print_json(json_pack("{s:s, s:i, s:i, s:O}", "node", a->node, "sent",
					 (int)json_array_size(pings), "answered", answered, "pings",
					 pings));
	json_decref(pings);
	return code ? code : answered ? LAUNCH_DONE : LAUNCH_FAILED;
}

static bool parse_count(const char *s, int *out)
{
	char *end;
	long v;

	errno = 0;
	v = strtol(s, &end, 10);
	if (errno || end == s || *end || v < 1 || v > PING_COUNT_MAX)
		return false;
	*out = (int)v;
	return true;
}

int ping_main(const struct launch *l, const struct paths *paths)
{
	static const struct option options[] = { { "count", required_argument, NULL, 'c' },
						 { "json", no_argument, NULL, 'j' },
						 { NULL, 0, NULL, 0 } };
	struct ping_args a = { .count = PING_COUNT_DEFAULT };
	int o;

	optind = 0;
	while ((o = getopt_long(l->argc, l->argv, "c:", options, NULL)) != -1) {
		if (o == 'c' && !parse_count(optarg, &a.count)) {
			fprintf(stderr, "%s: the count must be 1 to %d\n", l->program,
				PING_COUNT_MAX);
			return LAUNCH_USAGE;
		}
		if (o == 'j')
			a.as_json = true;
		else if (o != 'c')
			return LAUNCH_USAGE;
	}
	if (optind + 1 != l->argc) {
		fprintf(stderr, "usage: %s -n NET ping [-c COUNT] [--json] NODE\n", l->program);
		return LAUNCH_USAGE;
	}
	a.node = l->argv[optind];
	return ping(l, paths, &a);
}
