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

static void buckets_add_up(void **unused)
{
	static const struct route read = { .method = HTTP_GET, .path = "/x" };
	static const struct route change = { .method = HTTP_POST, .path = "/x" };
	struct durations d = { 0 };
	struct buf out;

	(void)unused;
	buf_init(&out, 1 << 16);
	durations_add(&d, &read, 200, 1000); /* on the end: within */
	durations_add(&d, &read, 200, 1001);
	durations_add(&d, &read, 200, 9000000); /* above all */
	durations_add(&d, &change, 409, 20000);
	durations_add(&d, NULL, 404, 1);
	assert_ok(durations_print(&d, "t", &out));
	const char *text = buf_cstr(&out);
	assert_non_null(strstr(text, "t_bucket{kind=\"read\",code=\"2xx\",le=\"0.001\"} 1\n"));
	assert_non_null(strstr(text, "t_bucket{kind=\"read\",code=\"2xx\",le=\"0.005\"} 2\n"));
	assert_non_null(strstr(text, "t_bucket{kind=\"read\",code=\"2xx\",le=\"5\"} 2\n"));
	assert_non_null(strstr(text, "t_bucket{kind=\"read\",code=\"2xx\",le=\"+Inf\"} 3\n"));
	assert_non_null(strstr(text, "t_sum{kind=\"read\",code=\"2xx\"} 9.002001\n"));
	assert_non_null(strstr(text, "t_count{kind=\"read\",code=\"2xx\"} 3\n"));
	assert_non_null(strstr(text, "t_count{kind=\"change\",code=\"4xx\"} 1\n"));
	assert_non_null(strstr(text, "t_count{kind=\"none\",code=\"4xx\"} 1\n"));
	assert_null(strstr(text, "5xx"));
	buf_fini(&out);
}

/* The family that a series belongs to: without the endings of a histogram. */
static void family_of(const char *line, bool histogram, char out[128])
{
	static const char *const ends[] = { "_bucket", "_sum", "_count" };
	size_t n = strcspn(line, "{ ");

	snprintf(out, 128, "%.*s", (int)n, line);
	for (size_t i = 0; histogram && i < 3; i++) {
		size_t k = strlen(ends[i]);

		if (n > k && strcmp(out + n - k, ends[i]) == 0)
			out[n - k] = '\0';
	}
}

/* What promtool checks: HELP, TYPE, then the series of that family only; each family once; counters
 * end in _total, others do not; base units; no series twice. */
static void check_sheet(char *text)
{
	static char seen[1024][192];
	char family[128] = "", name[128], type[16] = "", *save = NULL;
	unsigned n = 0, series = 0;

	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		if (sscanf(line, "# HELP %127s", name) == 1) {
			char head[160];

			/* Families and series are told apart: one without labels is its family. */
			snprintf(head, sizeof(head), "# %s", name);
			for (unsigned i = 0; i < n; i++)
				assert_string_not_equal(seen[i], head);
			assert_true(strlen(line) > strlen(name) + 8);
			snprintf(family, sizeof(family), "%s", name);
			snprintf(seen[n++], sizeof(seen[0]), "%s", head);
			type[0] = '\0';
			continue;
		}
		if (sscanf(line, "# TYPE %127s %15s", name, type) == 2) {
			assert_string_equal(name, family);
			assert_int_equal(strcmp(type, "counter") == 0,
					 strstr(name, "_total") &&
						 strcmp(strstr(name, "_total"), "_total") == 0);
			assert_null(strstr(name, "_ms"));
			assert_null(strstr(name, "_us"));
			continue;
		}
		assert_true(type[0] != '\0');
		family_of(line, strcmp(type, "histogram") == 0, name);
		assert_string_equal(name, family);
		*strrchr(line, ' ') = '\0';
		for (unsigned i = 0; i < n; i++)
			assert_string_not_equal(seen[i], line);
		assert_true(n < 1024 && strlen(line) < sizeof(seen[0]));
		snprintf(seen[n++], sizeof(seen[0]), "%.191s", line);
		series++;
	}
	assert_true(series > 20);
}

static void the_sheet_is_sound(void **unused)
{
	static const struct auth_peer root = { .uid = 0 };
	struct store_webhook w = { .name = "ops",
				   .url = "https://a.example/",
				   .events = "*",
				   .secret = "blw_0123456789abcdef",
				   .created_ms = 1,
				   .created_by = "x",
				   .enabled = true };
	static struct api api;
	struct fixture f;
	struct request r;

	(void)unused;
	fixture_open(&f);
	fixture_node(f.s, "oslo", NODE_SPOKE, NODE_ACTIVE, "10.99.0.9");
	assert_ok(store_webhook_put(f.s, &w));
	api.store = f.s;
	waits_init(&api.waits, NULL, NULL);
	events_init(&api.events, NULL, NULL);
	durations_add(&api.durations, NULL, 404, 7);
	request_init(&r);
	r.api = &api;
	r.routes = &api_routes;
	r.method = router_method("GET");
	r.path = "/metrics";
	r.peer = &root;
	params_add(&r.query, "nodes", "1");
	assert_false(request_begin(&r));
	request_run(&r);
	assert_int_equal(r.reply.status, 200);
	assert_non_null(strstr(buf_cstr(&r.reply.body), "branchline_node_up{node=\"oslo\"} 0\n"));
	assert_non_null(strstr(buf_cstr(&r.reply.body),
			       "branchline_webhook_waiting_deliveries{webhook=\"ops\""));
	check_sheet((char *)(uintptr_t)buf_cstr(&r.reply.body));
	request_fini(&r);
	fixture_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(buckets_add_up),
		cmocka_unit_test(the_sheet_is_sound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
