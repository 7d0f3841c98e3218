/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Whom a change concerns. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "hub/control/concern.h"

#define G0 UINT64_C(1)
#define G1 UINT64_C(2)
#define G2 UINT64_C(4)

/* A spoke of a group that reaches `reach`. */
static struct node spoke(uint32_t id, enum node_status status, uint64_t groups, uint64_t reach)
{
	return (struct node){ .id = id,
			      .name = "box",
			      .kind = NODE_SPOKE,
			      .status = status,
			      .revision = 1,
			      .groups = groups,
			      .reach = reach };
}

static void test_table(void **state)
{
	static const struct {
		const char *what;
		bool is_new;
		enum node_status old, now;
		uint64_t old_reach, now_reach; /* of the changed node, which is in G1 */
		bool concerns_g0, concerns_g1;
	} rows[] = {
		{ "nothing", false, NODE_ACTIVE, NODE_ACTIVE, G1, G1, false, false },
		{ "an invited one is added", true, 0, NODE_INVITED, 0, G1, false, false },
		{ "an active one is added", true, 0, NODE_ACTIVE, 0, G1, false, true },
		{ "it joins", false, NODE_INVITED, NODE_ACTIVE, G1, G1, false, true },
		{ "it is revoked", false, NODE_ACTIVE, NODE_REVOKED, G1, G1, false, true },
		{ "it was disabled", false, NODE_DISABLED, NODE_REVOKED, G0 | G1, G1, false,
		  false },
		{ "it is shown to G0", false, NODE_ACTIVE, NODE_ACTIVE, G1, G0 | G1, true, true },
		{ "it is hidden from G0", false, NODE_ACTIVE, NODE_ACTIVE, G0 | G1, G1, true,
		  true },
		{ "it is deleted", false, NODE_ACTIVE, NODE_DELETED, G0, G0, true, false },
	};
	const struct node in_g0 = spoke(8, NODE_ACTIVE, G0, 0),
			  in_g1 = spoke(9, NODE_ACTIVE, G1, 0);
	struct concern x = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct node old = spoke(5, rows[i].old, G1, rows[i].old_reach),
				  now = spoke(5, rows[i].now, G1, rows[i].now_reach);

		concern_note(&x, rows[i].is_new ? NULL : &old, &now);
		if (concern_is(&x, &in_g0) != rows[i].concerns_g0 ||
		    concern_is(&x, &in_g1) != rows[i].concerns_g1)
			fail_msg("%s", rows[i].what);
		concern_clear(&x);
	}
}

/* Everybody sees the hub, and each itself. */
static void test_hub_and_self(void **state)
{
	const struct node apart = spoke(8, NODE_ACTIVE, G2, 0);
	struct node hub = spoke(1, NODE_ACTIVE, G0, G0), was = hub, mine = apart;
	struct concern x = { 0 };

	(void)state;
	hub.kind = was.kind = NODE_HUB;
	hub.keepalive_s = 9;
	concern_note(&x, &was, &hub);
	assert_true(concern_is(&x, &apart));
	concern_clear(&x);
	assert_false(concern_is(&x, &apart));
	mine.groups = G1;
	concern_note(&x, &apart, &mine);
	assert_true(concern_is(&x, &mine));
}

/* More than can be kept, or an unknown number of them: nobody is left out. */
static void test_too_many(void **state)
{
	const struct node apart = spoke(9000, NODE_ACTIVE, G2, 0);
	struct concern x = { 0 };

	(void)state;
	for (uint32_t i = 1; i <= CONCERN_CHANGES_MAX; i++) {
		const struct node n = spoke(i, NODE_ACTIVE, G0, G0);

		concern_note(&x, NULL, &n);
		assert_false(concern_is(&x, &apart));
	}
	const struct node last = spoke(8000, NODE_ACTIVE, G0, G0);
	concern_note(&x, NULL, &last);
	assert_true(concern_is(&x, &apart));
	concern_clear(&x);
	assert_false(concern_is(&x, &apart));
	concern_note_all(&x);
	assert_true(concern_is(&x, &apart));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_hub_and_self),
		cmocka_unit_test(test_too_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
