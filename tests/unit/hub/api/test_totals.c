/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Rows of control as the API shows them; rows that it does not know do no harm. */
#include "hub/api/totals.h"
#include "tests/lib/store_fixture.h"

static const struct {
	struct store_total rows[6];
	const char *engine, *link;
} cases[] = {
	{ { { "", 0, "" } }, "null", "{}" },
	{ { { "link.joined", 2, "" }, { "link.refused-tls", 0, "" } },
	  "null",
	  "{\"joined\":2,\"refused-tls\":0}" },
	/* an engine that has not told how it works is none */
	{ { { "engine.peers", 2, "" } }, "null", "{}" },
	{ { { "engine.crypto", 0, "a/b" },
	    { "engine.peers", 2, "" },
	    { "engine.drops.mac1", 7, "" },
	    { "engine.offloads.tun-tso", 1, "" },
	    { "engine.offloads.udp-gro", 0, "" } },
	  "{\"compression\":{\"us_per_packet\":0.0},\"crypto\":\"a/b\",\"drops\":{\"mac1\":7},"
	  "\"offloads\":[\"tun-tso\"],\"peers\":2}",
	  "{}" },
	{ { { "engine.crypto", 0, "c" },
	    { "engine.compression.tried", 9, "" },
	    { "engine.compression.timed", 4, "" },
	    { "engine.compression.timed_ns", 10000, "" } },
	  "{\"compression\":{\"tried\":9,\"us_per_packet\":2.5},\"crypto\":\"c\",\"drops\":{},"
	  "\"offloads\":[]}",
	  "{}" },
	{ { { "nothing", 1, "" },
	    { "other.joined", 1, "" },
	    { "engine.crypto.peers", 1, "" },
	    { "engine.unknown.x", 1, "" },
	    { "links.joined", 1, "" } },
	  "null",
	  "{}" },
};

static void assert_json(const json_t *j, const char *want)
{
	char *text = json_dumps(j, JSON_SORT_KEYS | JSON_COMPACT | JSON_ENCODE_ANY |
					   JSON_REAL_PRECISION(3));

	assert_non_null(text);
	assert_string_equal(text, want);
	free(text);
}

static void rows_as_json(void **state)
{
	struct fixture f;

	(void)state;
	fixture_open(&f);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct totals t;
		size_t n = 0;

		while (n < ARRAY_LEN(cases[i].rows) && cases[i].rows[n].name[0])
			n++;
		assert_ok(store_totals_put(f.s, cases[i].rows, n));
		assert_ok(totals_load(f.s, &t));
		assert_json(t.engine, cases[i].engine);
		assert_json(t.link, cases[i].link);
		totals_fini(&t);
	}
	fixture_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_as_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
