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
	events_init(&api.events, NULL, wake);
	woken = 0;
	return 0;
}

static int teardown(void **unused)
{
	(void)unused;
	fixture_close(&fixture);
	return 0;
}

/* Begins to listen; the status. */
static unsigned listen_from(struct request *r, const char *last_id)
{
	request_init(r);
	r->api = &api;
	r->routes = &api_routes;
	r->method = router_method("GET");
	r->path = "/api/v1/events";
	r->peer = &root;
	r->headers.last_event_id = last_id;
	assert_false(request_begin(r));
	request_run(r);
	return r->reply.status;
}

/* What comes now. */
static const char *fill(struct request *r, struct buf *out)
{
	buf_clear(out);
	assert_ok(events_fill(r, out));
	return buf_len(out) ? buf_cstr(out) : "";
}

static void act(const char *action)
{
	struct store_audit a = { "unix:root", action, "node:oslo", "{}" };

	assert_ok(store_audit_add(fixture.s, &a));
}

static void mark(uint32_t node, bool online, uint8_t path)
{
	struct store_presence p = { .node_id = node, .online = online, .path = path };

	assert_ok(store_presence_put(fixture.s, &p, 1));
}

static void what_happens_is_told(void **unused)
{
	uint32_t oslo = fixture_node(fixture.s, "oslo", NODE_SPOKE, NODE_ACTIVE, "10.99.0.9");
	struct request r;
	struct buf out;
	const char *text;

	(void)unused;
	buf_init(&out, 1 << 20);
	act("before");
	assert_int_equal(listen_from(&r, NULL), 200);
	/* First its place, so that it can come back there. */
	text = fill(&r, &out);
	assert_non_null(strstr(text, "id: 1-0\n\n"));
	assert_null(strstr(text, "before"));
	assert_string_equal(fill(&r, &out), "");
	act("node.edit");
	text = fill(&r, &out);
	assert_non_null(strstr(text, "id: 2-0\nevent: node.edit\ndata: {"));
	mark(oslo, true, 0);
	text = fill(&r, &out);
	assert_non_null(strstr(text, "id: 2-1\nevent: presence.up\ndata: {"));
	assert_non_null(strstr(text, "\"node\":\"oslo\""));
	/* The same state again is no event. */
	mark(oslo, true, 0);
	assert_null(strstr(fill(&r, &out), "presence"));
	mark(oslo, true, 1);
	assert_non_null(strstr(fill(&r, &out), "event: presence.path\n"));
	mark(oslo, false, 0);
	assert_non_null(strstr(fill(&r, &out), "event: presence.down\n"));
	mark(oslo, true, 0);
	fill(&r, &out);
	/* Control starts again: nobody is online. */
	assert_ok(store_presence_reset(fixture.s));
	assert_non_null(strstr(fill(&r, &out), "event: presence.down\n"));
	events_nudge(&api.events, 1000);
	assert_int_equal(woken, 1);
	request_fini(&r);
	events_nudge(&api.events, 2000);
	assert_int_equal(woken, 1);
	buf_fini(&out);
}

static void coming_back(void **unused)
{
	struct request r;
	struct buf out;
	const char *text;

	(void)unused;
	buf_init(&out, 1 << 20);
	for (int i = 0; i < 3; i++)
		act(i ? "after" : "before");
	assert_int_equal(listen_from(&r, "1-0"), 200);
	text = fill(&r, &out);
	assert_null(strstr(text, "before"));
	assert_non_null(strstr(text, "id: 2-0\nevent: after\n"));
	assert_non_null(strstr(text, "id: 3-0\nevent: after\n"));
	request_fini(&r);
	/* A presence history that was made anew since. */
	assert_int_equal(listen_from(&r, "3-17"), 200);
	assert_non_null(strstr(fill(&r, &out), "event: lost\n"));
	request_fini(&r);
	buf_fini(&out);
}

/* More than is kept has happened. */
static void lost(void **unused)
{
	uint32_t oslo = fixture_node(fixture.s, "oslo", NODE_SPOKE, NODE_ACTIVE, "10.99.0.9");
	static struct store_presence rows[STORE_PRESENCE_CHANGES_MAX + 10];
	struct request r;
	struct buf out;

	(void)unused;
	buf_init(&out, 1 << 20);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		rows[i] = (struct store_presence){ .node_id = oslo, .online = i % 2 == 0 };
	assert_ok(store_presence_put(fixture.s, rows, ARRAY_LEN(rows)));
	assert_int_equal(listen_from(&r, "0-10"), 200);
	assert_null(strstr(fill(&r, &out), "event: lost\n"));
	request_fini(&r);
	assert_int_equal(listen_from(&r, "0-9"), 200);
	assert_non_null(strstr(fill(&r, &out), "event: lost\n"));
	request_fini(&r);
	buf_fini(&out);
}

static void hostile_ids(void **unused)
{
	static const char *const ids[] = { "1",
					   "-",
					   "1-",
					   "-1",
					   "a-b",
					   "1-1-1",
					   "2-0",
					   "+1-0",
					   " 1-0",
					   "99999999999999999999-0",
					   "111111111111111111111111111111-0" };
	struct request r;

	(void)unused;
	act("one");
	for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
		if (listen_from(&r, ids[i]) != 400)
			fail_msg("\"%s\"", ids[i]);
		request_fini(&r);
	}
	assert_int_equal(api.events.n, 0);
}

static void many_listeners(void **unused)
{
	static struct request all[EVENTS_STREAMS_MAX + 1];

	(void)unused;
	for (unsigned i = 0; i <= EVENTS_STREAMS_MAX; i++)
		assert_int_equal(listen_from(&all[i], NULL), i < EVENTS_STREAMS_MAX ? 200 : 503);
	for (unsigned i = 0; i <= EVENTS_STREAMS_MAX; i++)
		request_fini(&all[i]);
	assert_int_equal(api.events.n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_happens_is_told, setup, teardown),
		cmocka_unit_test_setup_teardown(coming_back, setup, teardown),
		cmocka_unit_test_setup_teardown(lost, setup, teardown),
		cmocka_unit_test_setup_teardown(hostile_ids, setup, teardown),
		cmocka_unit_test_setup_teardown(many_listeners, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
