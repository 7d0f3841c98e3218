/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "hub/api/applied.h"

/* A row: a node, what is known of it, since when it is online or away, and whether it counts as
 * online, applied, missing, offline at revision 7, made at 1000, without node 9. */
static const struct {
	uint32_t id;
	enum node_kind kind;
	enum node_status status;
	bool heard, is_online;
	uint64_t acked;
	int64_t since_ms;
	unsigned online, applied, missing, offline;
} cases[] = {
	{ 2, NODE_SPOKE, NODE_ACTIVE, true, true, 7, 10, 1, 1, 0, 0 },
	{ 2, NODE_SPOKE, NODE_ACTIVE, true, true, 8, 10, 1, 1, 0, 0 },
	{ 2, NODE_SPOKE, NODE_ACTIVE, true, true, 6, 10, 1, 0, 1, 0 },
	{ 2, NODE_SPOKE, NODE_ACTIVE, true, true, 0, 10, 1, 0, 1, 0 },
	{ 2, NODE_SPOKE, NODE_ACTIVE, true, false, 7, 10, 0, 0, 0, 1 },
	{ 2, NODE_SPOKE, NODE_ACTIVE, true, false, 6, 999, 0, 0, 0, 1 },
	/* Its link was lost after the revision was made: it may still use the old one. */
	{ 2, NODE_SPOKE, NODE_ACTIVE, true, false, 6, 1000, 1, 0, 1, 0 },
	{ 2, NODE_SPOKE, NODE_ACTIVE, true, false, 7, 1000, 1, 1, 0, 0 },
	{ 2, NODE_SPOKE, NODE_ACTIVE, false, false, 0, 10, 0, 0, 0, 1 },
	{ 2, NODE_SPOKE, NODE_INVITED, false, false, 0, 10, 0, 0, 0, 0 },
	{ 2, NODE_SPOKE, NODE_REVOKED, true, true, 6, 10, 0, 0, 0, 0 },
	{ 2, NODE_SPOKE, NODE_DISABLED, true, true, 6, 10, 0, 0, 0, 0 },
	{ 2, NODE_SPOKE, NODE_DELETED, true, true, 6, 10, 0, 0, 0, 0 },
	{ 2, NODE_WIREGUARD, NODE_ACTIVE, false, false, 0, 10, 0, 0, 0, 0 },
	{ 2, NODE_HUB, NODE_ACTIVE, true, true, 0, 10, 0, 0, 0, 0 },
	{ 9, NODE_SPOKE, NODE_ACTIVE, true, true, 6, 10, 0, 0, 0, 0 },
	{ 9, NODE_SPOKE, NODE_ACTIVE, true, true, 7, 10, 0, 0, 0, 0 },
};

static void counts_active_spokes(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct node n = { .id = cases[i].id,
				  .name = "oslo",
				  .kind = cases[i].kind,
				  .status = cases[i].status };
		struct store_presence p = { .online = cases[i].is_online,
					    .since_ms = cases[i].since_ms,
					    .acked_revision = cases[i].acked,
					    .acked_ms = 50 };
		struct applied a;

		assert_int_equal(applied_init(&a, 7, 1000, 9), ERR_OK);
		applied_add(&a, &n, cases[i].heard ? &p : NULL);
		assert_int_equal(a.online, cases[i].online);
		assert_int_equal(a.applied, cases[i].applied);
		assert_int_equal(json_array_size(a.missing), cases[i].missing);
		assert_int_equal(json_array_size(a.offline), cases[i].offline);
		assert_int_equal(a.last_ms, cases[i].applied ? 50 : 0);
		applied_fini(&a);
	}
}

/* Who has it since when; of a later ack only that it was not after it. */
static void writes_receipts(void **unused)
{
	static const struct {
		uint64_t acked;
		bool online;
		const char *state, *at;
		bool exact;
		json_int_t elapsed_ms; /* -1: null */
	} rows[] = {
		{ 7, true, "applied", "1970-01-01T00:00:01.250Z", true, 250 },
		{ 8, true, "applied", "1970-01-01T00:00:01.250Z", false, 250 },
		{ 6, true, "pending", NULL, false, -1 },
		{ 6, false, "offline", NULL, false, -1 },
	};

	(void)unused;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct node n = {
			.id = 2, .name = "oslo", .kind = NODE_SPOKE, .status = NODE_ACTIVE
		};
		struct store_presence p = { .online = rows[i].online,
					    .since_ms = 10,
					    .acked_revision = rows[i].acked,
					    .acked_ms = 1250 };
		const json_t *r, *ms;
		struct applied a;

		assert_int_equal(applied_init(&a, 7, 1000, 9), ERR_OK);
		assert_int_equal(applied_want_receipts(&a), ERR_OK);
		applied_add(&a, &n, &p);
		assert_int_equal(json_array_size(a.receipts), 1);
		r = json_array_get(a.receipts, 0);
		ms = json_object_get(r, "elapsed_ms");
		assert_string_equal(json_string_value(json_object_get(r, "node")), "oslo");
		assert_string_equal(json_string_value(json_object_get(r, "state")), rows[i].state);
		assert_int_equal(json_is_true(json_object_get(r, "exact")), rows[i].exact);
		assert_int_equal(json_is_null(ms) ? -1 : json_integer_value(ms),
				 rows[i].elapsed_ms);
		if (rows[i].at)
			assert_string_equal(json_string_value(json_object_get(r, "at")),
					    rows[i].at);
		else
			assert_true(json_is_null(json_object_get(r, "at")));
		applied_fini(&a);
	}
}

static void measures_time(void **unused)
{
	struct applied all = { .online = 2, .applied = 2, .last_ms = 1300 };
	struct applied some = { .online = 2, .applied = 1, .last_ms = 1300 };
	struct applied none = { 0 };

	(void)unused;
	assert_int_equal(applied_elapsed_ms(&all, 1000, 9000), 300);
	assert_int_equal(applied_elapsed_ms(&some, 1000, 9000), 8000);
	assert_int_equal(applied_elapsed_ms(&none, 1000, 9000), 0);
	/* the wall clock was set back */
	assert_int_equal(applied_elapsed_ms(&all, 2000, 9000), 0);
	assert_int_equal(applied_elapsed_ms(&some, 9500, 9000), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts_active_spokes),
		cmocka_unit_test(writes_receipts),
		cmocka_unit_test(measures_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
