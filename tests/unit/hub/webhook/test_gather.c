/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From what happens to deliveries, on a real store. */
#include "hub/change.h"
#include "hub/webhook/gather.h"
#include "tests/lib/store_fixture.h"

static struct fixture f;
static struct gather g;
static int64_t now = 2000000000000;

static int setup(void **unused)
{
	(void)unused;
	fixture_open(&f);
	gather_init(&g, f.s);
	return 0;
}

static int teardown(void **unused)
{
	(void)unused;
	fixture_close(&f);
	return 0;
}

static uint32_t hook(const char *name, const char *events)
{
	struct change c = { .store = f.s, .actor = "unix:root" };
	struct store_webhook w = { .enabled = true,
				   .url = "https://pager.example.com/",
				   .secret = "blw_0123456789abcdef" };

	snprintf(w.name, sizeof(w.name), "%s", name);
	snprintf(w.events, sizeof(w.events), "%s", events);
	if (change_webhook_add(&c, &w))
		fail_msg("%s: %s", c.code, c.detail);
	return w.id;
}

static void act(const char *action)
{
	struct store_audit a = { "unix:root", action, "node:oslo", "{}" };

	assert_ok(store_audit_add(f.s, &a));
}

static void run(void)
{
	bool more = true;

	while (more)
		assert_ok(gather_run(&g, now, &more));
}

static enum err note(void *arg, const struct store_delivery *d)
{
	char *text = arg;
	size_t n = strlen(text);

	snprintf(text + n, 512 - n, "%s ", d->event);
	return ERR_OK;
}

/* The events that are in the log of a webhook, the newest first. */
static const char *log_of(uint32_t id)
{
	static char text[512];

	text[0] = '\0';
	assert_ok(store_deliveries_list(f.s, id, 0, 0, note, text));
	return text;
}

static uint32_t waiting(uint32_t id)
{
	struct store_webhook w;

	assert_ok(store_webhook_get(f.s, id, &w));
	return w.waiting;
}

static void wanted_events_are_queued_once(void **unused)
{
	uint32_t all, some;

	(void)unused;
	act("node.add"); /* before there is anybody */
	run();
	all = hook("all", "*");
	some = hook("some", "node.* presence.*");
	act("node.edit");
	act("group.add");
	run();
	assert_string_equal(log_of(all), "group.add node.edit webhook.add webhook.add ");
	assert_string_equal(log_of(some), "node.edit ");
	run();
	assert_int_equal(waiting(all), 4);
	/* Another run of the worker goes on where this one was. */
	act("node.revoke");
	gather_init(&g, f.s);
	run();
	assert_string_equal(log_of(some), "node.revoke node.edit ");
}

static void a_test_goes_to_one_webhook_once(void **unused)
{
	struct change c = { .store = f.s, .actor = "unix:root" };
	uint32_t tried, other;
	struct store_delivery d;

	(void)unused;
	run();
	tried = hook("tried", "group.*");
	other = hook("other", "webhook.*");
	run();
	assert_ok(change_webhook_test(&c, tried, &d));
	run();
	assert_string_equal(log_of(tried), "webhook.test ");
	assert_string_equal(log_of(other), "webhook.add ");
}

static void presence_is_told(void **unused)
{
	uint32_t oslo = fixture_node(f.s, "oslo", NODE_SPOKE, NODE_ACTIVE, "10.99.0.9"), id;
	struct store_presence p = { .node_id = oslo, .online = true };

	(void)unused;
	run();
	id = hook("some", "presence.up");
	now = INT64_MAX / 2; /* presence has the time of now */
	assert_ok(store_presence_put(f.s, &p, 1));
	p.online = false;
	assert_ok(store_presence_put(f.s, &p, 1));
	run();
	assert_string_equal(log_of(id), "presence.up ");
}

static void the_queue_has_an_end(void **unused)
{
	uint32_t id;

	(void)unused;
	run();
	id = hook("flood", "node.flood");
	for (unsigned i = 0; i < STORE_DELIVERIES_WAITING + 50; i++)
		act("node.flood");
	run();
	assert_int_equal(waiting(id), STORE_DELIVERIES_WAITING);
}

static void one_that_is_disabled_gets_nothing(void **unused)
{
	struct change c = { .store = f.s, .actor = "unix:root" };
	struct change_webhook_edit off = { .enabled = 0 }, on = { .enabled = 1 };
	struct store_webhook w;
	struct store_delivery d;
	uint32_t id;

	(void)unused;
	run();
	id = hook("off", "node.*");
	act("node.one");
	run();
	assert_int_equal(waiting(id), 1);
	assert_ok(change_webhook_edit(&c, id, &off, &w));
	assert_int_equal(waiting(id), 0);
	act("node.two");
	run();
	assert_int_equal(waiting(id), 0);
	assert_int_equal(change_webhook_test(&c, id, &d), ERR_CONFLICT);
	assert_string_equal(c.code, "webhook_disabled");
	assert_ok(change_webhook_edit(&c, id, &on, &w));
	act("node.three");
	run();
	assert_string_equal(log_of(id), "node.three node.one ");
	assert_ok(change_webhook_delete(&c, id));
	assert_string_equal(log_of(id), "");
}

static void what_is_refused(void **unused)
{
	static const struct {
		const char *name, *url, *events, *code;
	} rows[] = {
		{ "-x", "https://a.example/", "*", "name_invalid" },
		{ "x", "gopher://a.example/", "*", "url_invalid" },
		{ "x", "http://localhost.example/", "", "event_invalid" },
		{ "x", "http://10.0.0.1/", "nope*", "event_invalid" },
	};
	struct change c = { .store = f.s, .actor = "unix:root" };

	(void)unused;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct store_webhook w = { .secret = "blw_0123456789abcdef" };

		snprintf(w.name, sizeof(w.name), "%s", rows[i].name);
		snprintf(w.url, sizeof(w.url), "%s", rows[i].url);
		snprintf(w.events, sizeof(w.events), "%s", rows[i].events);
		assert_int_not_equal(change_webhook_add(&c, &w), ERR_OK);
		assert_string_equal(c.code, rows[i].code);
	}
	for (unsigned i = 0; i < STORE_WEBHOOKS_MAX; i++) {
		char name[16];

		snprintf(name, sizeof(name), "hook%u", i);
		hook(name, "*");
	}
	struct store_webhook w = { .name = "more",
				   .url = "https://a.example/",
				   .events = "*",
				   .secret = "blw_0123456789abcdef" };
	assert_int_equal(change_webhook_add(&c, &w), ERR_LIMIT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(wanted_events_are_queued_once, setup, teardown),
		cmocka_unit_test_setup_teardown(a_test_goes_to_one_webhook_once, setup, teardown),
		cmocka_unit_test_setup_teardown(presence_is_told, setup, teardown),
		cmocka_unit_test_setup_teardown(the_queue_has_an_end, setup, teardown),
		cmocka_unit_test_setup_teardown(one_that_is_disabled_gets_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_refused, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
