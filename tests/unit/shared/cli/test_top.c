/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "shared/cli/owner.h"
#include "shared/cli/top.h"

static void take(struct top *t, uint64_t now_ms, const char *text)
{
	json_t *nodes = json_loads(text, 0, NULL);

	assert_non_null(nodes);
	assert_int_equal(top_take(t, nodes, now_ms), ERR_OK);
	json_decref(nodes);
}

/* Rates are over the time between two changes of the counters; who is gone, goes. */
static void rates(void **unused)
{
	struct top t = { .order = 't' };

	(void)unused;
	take(&t, 1000,
	     "[{\"name\": \"a\", \"rx_bytes\": 0, \"tx_bytes\": 5000},"
	     " {\"name\": \"b\", \"rx_bytes\": 0, \"tx_bytes\": 0}, {}, {\"name\": \"!\"}]");
	assert_int_equal(t.n, 2);
	take(&t, 2000,
	     "[{\"name\": \"a\", \"rx_bytes\": 0, \"tx_bytes\": 5000},"
	     " {\"name\": \"b\", \"rx_bytes\": 100, \"tx_bytes\": 300}]");
	take(&t, 3000,
	     "[{\"name\": \"a\", \"rx_bytes\": 2000, \"tx_bytes\": 5000},"
	     " {\"name\": \"b\", \"rx_bytes\": 100, \"tx_bytes\": 300}]");
	top_sort(&t);
	assert_string_equal(t.rows[0].name, "a");
	assert_int_equal((int)t.rows[0].rx_per_s, 1000);
	assert_int_equal((int)t.rows[0].tx_per_s, 0);
	assert_int_equal((int)t.rows[1].rx_per_s, 100);
	assert_int_equal((int)t.rows[1].tx_per_s, 300);
	t.order = 'o';
	top_sort(&t);
	assert_string_equal(t.rows[0].name, "b");
	/* The node began anew: no negative rate. It stands still: no old rate. */
	take(&t, 4000, "[{\"name\": \"a\", \"rx_bytes\": 1, \"tx_bytes\": 1}]");
	assert_int_equal(t.n, 1);
	assert_int_equal((int)t.rows[0].rx_per_s, 0);
	take(&t, 5000, "[{\"name\": \"a\", \"rx_bytes\": 501, \"tx_bytes\": 1}]");
	assert_int_equal((int)t.rows[0].rx_per_s, 500);
	take(&t, 25000, "[{\"name\": \"a\", \"rx_bytes\": 501, \"tx_bytes\": 1}]");
	assert_int_equal((int)t.rows[0].rx_per_s, 0);
	top_fini(&t);
}

/* The longest prefix, then the lower weight. */
static void owners(void **unused)
{
	static const char *const want[] = { "c", "b", "a" };
	json_t *found, *list,
		*nodes = json_loads("[{\"name\": \"a\", \"subnets\": [{\"prefix\": \"10.0.0.0/8\", "
				    "\"weight\": 1}]},"
				    " {\"name\": \"b\", \"subnets\": [{\"prefix\": "
				    "\"10.1.0.0/16\", \"weight\": 20},"
				    "   {\"prefix\": \"fd00::/8\", \"weight\": 1}]},"
				    " {\"name\": \"c\", \"addresses\": [\"10.2.0.1\"],"
				    "   \"subnets\": [{\"prefix\": \"10.1.0.0/16\", \"weight\": "
				    "5}, {\"prefix\": 1}]}]",
				    0, NULL);

	(void)unused;
	assert_int_equal(owner_find(nodes, "10.1.2.3", &found), ERR_OK);
	list = json_object_get(found, "owners");
	assert_int_equal(json_array_size(list), ARRAY_LEN(want));
	for (size_t i = 0; i < ARRAY_LEN(want); i++)
		assert_string_equal(
			json_string_value(json_object_get(json_array_get(list, i), "node")),
			want[i]);
	json_decref(found);
	assert_int_equal(owner_find(nodes, "10.1.0.0/15", &found), ERR_INVALID);
	assert_int_equal(owner_find(nodes, "10.0.0.0/15", &found), ERR_OK);
	assert_int_equal(json_array_size(json_object_get(found, "owners")), 1);
	json_decref(found);
	assert_int_equal(owner_find(nodes, "192.0.2.1", &found), ERR_OK);
	assert_int_equal(json_array_size(json_object_get(found, "owners")), 0);
	json_decref(found);
	json_decref(nodes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rates),
		cmocka_unit_test(owners),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
