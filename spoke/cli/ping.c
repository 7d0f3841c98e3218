/* SPDX-License-Identifier: GPL-3.0-or-later */
/* branchline-spoke ping NODE: an encrypted echo through the tunnel itself, with the path that it
 * took. And connect NODE, which is done when the first is answered. */
#include <string.h>

#include "spoke/cli/cli.h"
#include "spoke/cli/request.h"

#define PING_COUNT_DEFAULT 3
#define PING_COUNT_MAX     1000
#define PING_TIMEOUT_MS                                                                            \
	15000u /* for one answer of the daemon, which has its own, shorter limit for each ping */

#define PING_COUNT_UNTIL_DIRECT 30

struct ping_args {
	const char *node;
	int count;
	bool as_json;
	bool until_direct;
};

/* What was seen so far. */
struct ping_tally {
	int answered, changes;
	int64_t least_us, most_us, sum_us;
	char way[96]; /* of the last answer */
	bool direct;
};

static const char *string_of(const json_t *j, const char *key)
{
	const char *s = json_string_value(json_object_get(j, key));

	return s ? s : "";
}

/* "via hub", "via hub by TCP", "direct 198.51.100.7:6655". */
static void way_of(const json_t *p, char out[96])
{
	const char *path = string_of(p, "path");

	if (strcmp(path, "direct-udp") == 0)
		snprintf(out, 96, "direct %s", string_of(p, "endpoint"));
	else if (strcmp(path, "hub-udp") == 0)
		snprintf(out, 96, "via hub");
	else if (strcmp(path, "hub-tcp") == 0)
		snprintf(out, 96, "via hub by TCP");
	else
		snprintf(out, 96, "by no known path");
}

/* True when the path is another than that of the answer before. */
static bool count_answer(struct ping_tally *t, const json_t *p)
{
	int64_t us = json_integer_value(json_object_get(p, "rtt_us"));
	char way[sizeof(t->way)];
	bool changed;

	way_of(p, way);
	changed = t->answered && strcmp(way, t->way) != 0;
	memcpy(t->way, way, sizeof(way));
	t->changes += changed;
	t->direct = strcmp(string_of(p, "path"), "direct-udp") == 0;
	if (!t->answered || us < t->least_us)
		t->least_us = us;
	if (us > t->most_us)
		t->most_us = us;
	t->sum_us += us;
	t->answered++;
	return changed;
}

static void print_pong(const json_t *p, const char *node, const struct ping_tally *t, bool changed)
{
	double ms = (double)json_integer_value(json_object_get(p, "rtt_us")) / 1000;

	if (json_is_true(json_object_get(p, "ok")))
		printf("%s: %s %.1f ms%s\n", node, t->way, ms,
		       changed ? " (the path changed)" : "");
	else
		printf("%s: no answer (%s); %s%s%s\n", node, string_of(p, "error"),
		       string_of(p, "reason"), *string_of(p, "advice") ? ": " : "",
		       string_of(p, "advice"));
	fflush(stdout);
}

static void print_summary(const struct ping_args *a, const struct ping_tally *t, size_t sent)
{
	printf("%s: %d of %zu answered", a->node, t->answered, sent);
	if (t->answered)
		printf(", least/mean/most %.1f/%.1f/%.1f ms, %s", (double)t->least_us / 1000,
		       (double)t->sum_us / t->answered / 1000, (double)t->most_us / 1000, t->way);
	if (t->changes)
		printf(", path changed %d %s", t->changes, t->changes == 1 ? "time" : "times");
	putchar('\n');
	if (a->until_direct && !t->direct)
		printf("%s: no direct path was found\n", a->node);
}

/* The daemon's refusal as an exit code. */
static int refused(const struct launch *l, const json_t *j, const char *code)
{
	const char *why = json_string_value(json_object_get(j, "text"));

	fprintf(stderr, "%s: %s\n", l->program, why ? why : code);
	return strcmp(code, "unknown_node") == 0 || strcmp(code, "refused") == 0 ||
			       strcmp(code, "key_refused") == 0 || strcmp(code, "key_held") == 0
		       ? LAUNCH_REFUSED
	       : strcmp(code, "no_engine") == 0 ? LAUNCH_NOT_RUNNING
						: LAUNCH_FAILED;
}

/* Reads answers until the last one; collects them in `pings`, or prints each at once. */
static int read_answers(const struct launch *l, struct request *r, const struct ping_args *a,
			json_t *pings, struct ping_tally *t)
{
	while (!(a->until_direct && t->direct)) {
		json_t *j = NULL;
		enum err e = request_read(r, PING_TIMEOUT_MS, &j);
		const char *error;
		int code = LAUNCH_DONE;
		bool changed;

		if (e)
			return cli_no_answer(l, e);
		error = json_string_value(json_object_get(j, "error"));
		if (json_is_true(json_object_get(j, "done"))) {
			code = error ? refused(l, j, error) : LAUNCH_DONE;
			json_decref(j);
			return code;
		}
		changed = json_is_true(json_object_get(j, "ok")) && count_answer(t, j);
		if (!a->as_json)
			print_pong(j, a->node, t, changed);
		json_array_append_new(pings, j);
	}
	return LAUNCH_DONE;
}

static void print_json(const struct ping_args *a, const struct ping_tally *t, json_t *pings)
{
	cli_print_json(json_pack("{s:s, s:i, s:i, s:i, s:b, s:O}", "node", a->node, "sent",
				 (int)json_array_size(pings), "answered", t->answered,
				 "path_changes", t->changes, "direct", (int)t->direct, "pings",
				 pings));
}

static int ping(const struct launch *l, const struct paths *paths, const struct ping_args *a)
{
	struct ping_tally tally = { 0 };
	struct request r;
	json_t *pings;
	int code = cli_connect(l, paths, &r);
	enum err e;

	if (code)
		return code;
	pings = json_array();
	e = request_send(&r, json_pack("{s:s, s:s, s:i}", "cmd", "ping", "node", a->node, "count",
				       a->count));
	code = e ? cli_no_answer(l, e) : read_answers(l, &r, a, pings, &tally);
	request_close(&r);
	if (code == LAUNCH_DONE && a->as_json)
		print_json(a, &tally, pings);
	else if (code == LAUNCH_DONE)
		print_summary(a, &tally, json_array_size(pings));
	json_decref(pings);
	if (code)
		return code;
	return tally.answered && (!a->until_direct || tally.direct) ? LAUNCH_DONE : LAUNCH_FAILED;
}

/* The count, by whichever of its two names. */
static int read_count(struct args *a, int *out)
{
	const char *name = args_has(a, "-c") ? "-c" : "--count";
	uint64_t count;

	if (args_has(a, "-c") && args_has(a, "--count"))
		return cli_usage("-c or --count, not both");
	if (args_uint(a, name, 1, PING_COUNT_MAX,
		      args_has(a, "--until-direct") ? PING_COUNT_UNTIL_DIRECT : PING_COUNT_DEFAULT,
		      &count))
		return cli_usage("%s", a->error);
	*out = (int)count;
	return LAUNCH_DONE;
}

int cmd_ping(struct cli *cli, struct args *args)
{
	struct ping_args a = { .node = args->words[0],
			       .as_json = cli->json,
			       .until_direct = args_has(args, "--until-direct") };
	int code = read_count(args, &a.count);

	return code ? code : ping(cli->launch, cli->paths, &a);
}

/* An echo makes the session that it needs, and the daemon looks for a direct path for it. */
int cmd_connect(struct cli *cli, struct args *args)
{
	/* The echoes are not printed; this one line says what came of it. */
	const struct ping_args a = { .node = args->words[0], .count = 1, .as_json = true };
	struct ping_tally tally = { 0 };
	struct request r;
	json_t *pings;
	int code = cli_connect(cli->launch, cli->paths, &r);
	enum err e;

	if (code)
		return code;
	pings = json_array();
	e = request_send(&r,
			 json_pack("{s:s, s:s, s:i}", "cmd", "ping", "node", a.node, "count", 1));
	code = e ? cli_no_answer(cli->launch, e) : read_answers(cli->launch, &r, &a, pings, &tally);
	request_close(&r);
	if (code == LAUNCH_DONE && cli->json)
		cli_print_json(json_incref(json_array_get(pings, 0)));
	else if (code == LAUNCH_DONE && tally.answered)
		printf("%s: connected, %s\n", a.node, tally.way);
	else if (code == LAUNCH_DONE)
		print_pong(json_array_get(pings, 0), a.node, &tally, false);
	json_decref(pings);
	return code ? code : tally.answered ? LAUNCH_DONE : LAUNCH_FAILED;
}
