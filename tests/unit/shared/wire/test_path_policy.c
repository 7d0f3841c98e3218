/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/wire/path_policy.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#define AUTO   PATH_POLICY_AUTO
#define HUB    PATH_POLICY_HUB_ONLY
#define DIRECT PATH_POLICY_DIRECT_ONLY

static void names(void **state)
{
	enum path_policy p = HUB;

	(void)state;
	for (int i = AUTO; i <= DIRECT; i++) {
		assert_int_equal(path_policy_parse(path_policy_str((enum path_policy)i), &p),
				 ERR_OK);
		assert_int_equal((int)p, i);
	}
	assert_int_equal(path_policy_parse("Auto", &p), ERR_INVALID);
	assert_int_equal(path_policy_parse("", &p), ERR_INVALID);
	assert_int_equal(p, DIRECT);
	assert_string_equal(path_policy_str((enum path_policy)3), "unknown");
	assert_string_equal(path_policy_str((enum path_policy)(-1)), "unknown");
}

static void stricter(void **state)
{
	static const enum path_policy rows[][3] = {
		{ AUTO, AUTO, AUTO },       { AUTO, HUB, HUB }, { AUTO, DIRECT, DIRECT },
		{ DIRECT, DIRECT, DIRECT }, { HUB, HUB, HUB },  { HUB, DIRECT, HUB },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_int_equal(path_policy_stricter(rows[i][0], rows[i][1]), rows[i][2]);
		assert_int_equal(path_policy_stricter(rows[i][1], rows[i][0]), rows[i][2]);
	}
}

static void of_pair(void **state)
{
	static const struct {
		struct path_rules a, b;
		enum path_policy pair;
	} rows[] = {
		{ { AUTO, 1, 0, 0 }, { AUTO, 1, 0, 0 }, AUTO },
		/* A row between groups 0 and 1; one side's set is enough. */
		{ { AUTO, 1, 2, 0 }, { AUTO, 2, 1, 0 }, HUB },
		{ { AUTO, 1, 2, 0 }, { AUTO, 2, 0, 0 }, HUB },
		{ { AUTO, 1, 0, 2 }, { AUTO, 2, 0, 1 }, DIRECT },
		/* A row that has nothing to do with the other. */
		{ { AUTO, 1, 4, 4 }, { AUTO, 2, 8, 8 }, AUTO },
		/* The highest group. */
		{ { AUTO, 1ull << 63, 1ull << 63, 0 }, { AUTO, 1ull << 63, 0, 0 }, HUB },
		/* hub-only wins, wherever it comes from. */
		{ { DIRECT, 1, 2, 0 }, { AUTO, 2, 1, 0 }, HUB },
		{ { HUB, 1, 0, 2 }, { DIRECT, 2, 0, 1 }, HUB },
		{ { AUTO, 3, 4, 4 }, { AUTO, 4, 0, 0 }, HUB },
		{ { DIRECT, 1, 0, 0 }, { AUTO, 1, 0, 0 }, DIRECT },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (path_policy_of_pair(&rows[i].a, &rows[i].b) != rows[i].pair ||
		    path_policy_of_pair(&rows[i].b, &rows[i].a) != rows[i].pair)
			fail_msg("row %zu", i);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names),
		cmocka_unit_test(stricter),
		cmocka_unit_test(of_pair),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
