/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "hub/api/context.h"
#include "hub/api/routes.h"
#include "tests/lib/store_fixture.h"

static struct fixture fixture;
static struct api api;
static unsigned woken;
static const struct auth_peer root = { .uid = 0 };

static void wake(struct event_stream *s)
{
	(void)s;
	woken++;
}

static int setup(void **unused)
{
	(void)unused;
	fixture_open(&fixture);
	memset(&api, 0, sizeof(api));
	api.store = fixture.s;
	waits_init(&api.waits, NULL, NULL);
	logs_init(&api.logs, NULL, NULL, wake);
	woken = 0;
	return 0;
}

static int teardown(void **unused)
{
	(void)unused;
	fixture_close(&fixture);
	return 0;
}

/* Begins to follow; the status. */
static unsigned follow(struct request *r, const char *level)
{
	request_init(r);
	r->api = &api;
	r->routes = &api_routes;
	r->method = router_method("GET");
	r->path = "/api/v1/log";
	r->peer = &root;
	if (level)
		params_add(&r->query, "level", level);
	if (!request_begin(r))
		request_run(r);
	return r->reply.status;
}

/* What comes now. */
static const char *fill(struct request *r, struct buf *out)
{
	buf_clear(out);
	assert_ok(logs_fill(r, out));
	return buf_len(out) ? buf_cstr(out) : "";
}

static void line(int level, const char *text)
{
	struct log_line l = { .level = level, .prio = LOG_PRIO_INFO, .process = "p" };

	snprintf(l.text, sizeof(l.text), "%s", text);
	logs_line(&api.logs, &l);
}

static void each_has_a_level_of_its_own(void **unused)
{
	struct request few, all, other;
	struct buf out;
	const char *text;

	(void)unused;
	buf_init(&out, 1 << 20);
	assert_int_equal(follow(&few, "0"), 200);
	assert_int_equal(follow(&all, "5"), 200);
	assert_int_equal(follow(&other, "6"), 400);
	request_fini(&other);
	/* First a comment: whoever follows is heard. */
	assert_string_equal(fill(&few, &out), ": still here\n\n");
	assert_string_equal(fill(&few, &out), "");
	line(3, "quiet");
	line(0, "loud");
	assert_int_equal(woken, 3);
	text = fill(&few, &out);
	assert_null(strstr(text, "quiet"));
	assert_non_null(strstr(text, "event: line\ndata: {"));
	assert_non_null(strstr(text, "\"text\":\"loud\",\"lost\":0}\n\n"));
	text = fill(&all, &out);
	assert_non_null(strstr(text, "quiet"));
	assert_non_null(strstr(text, "loud"));
	request_fini(&all);
	line(5, "to nobody");
	assert_int_equal(woken, 3);
	request_fini(&few);
	assert_int_equal(api.logs.n, 0);
	buf_fini(&out);
}

/* A reader that does not read costs its own lines, within a limit, and hears how many. */
static void who_is_slow_loses_lines(void **unused)
{
	char text[1024], want[64];
	struct request r;
	struct buf out;
	unsigned made = 3000, kept = 0;

	(void)unused;
	buf_init(&out, 1 << 20);
	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	assert_int_equal(follow(&r, "5"), 200);
	for (unsigned i = 0; i < made; i++)
		line(1, text);
	assert_true(buf_len(&r.stream.lines) <= LOGS_STREAM_MAX_BYTES);
	for (const char *at = fill(&r, &out); (at = strstr(at, "event: line")); at++)
		kept++;
	assert_in_range(kept, 100, made - 1);
	line(1, "read again");
	snprintf(want, sizeof(want), "\"read again\",\"lost\":%u}", made - kept);
	assert_non_null(strstr(fill(&r, &out), want));
	request_fini(&r);
	buf_fini(&out);
}

static void there_is_a_limit(void **unused)
{
	struct request all[LOGS_STREAMS_MAX], more;

	(void)unused;
	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		assert_int_equal(follow(&all[i], NULL), 200);
	assert_int_equal(follow(&more, NULL), 503);
	request_fini(&more);
	request_fini(&all[0]);
	assert_int_equal(follow(&all[0], NULL), 200);
	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		request_fini(&all[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(each_has_a_level_of_its_own, setup, teardown),
		cmocka_unit_test_setup_teardown(who_is_slow_loses_lines, setup, teardown),
		cmocka_unit_test_setup_teardown(there_is_a_limit, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
