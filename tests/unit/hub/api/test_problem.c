/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "hub/api/problem.h"

static const struct {
	enum err err;
	unsigned status;
	const char *code;
} statuses[] = {
	{ ERR_INVALID, 422, "invalid" },         { ERR_LIMIT, 409, "limit_reached" },
	{ ERR_NOTFOUND, 404, "not_found" },      { ERR_EXISTS, 409, "exists" },
	{ ERR_CONFLICT, 409, "conflict" },       { ERR_STALE, 412, "precondition_failed" },
	{ ERR_BUSY, 503, "store_busy" },         { ERR_FULL, 507, "store_full" },
	{ ERR_READONLY, 503, "store_readonly" }, { ERR_CORRUPT, 500, "store_corrupt" },
	{ ERR_IO, 500, "store_failed" },         { ERR_NOMEM, 503, "no_memory" },
	{ ERR_CRYPTO, 500, "internal" },
};

static void maps_errors(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < ARRAY_LEN(statuses); i++) {
		struct change c = { 0 };
		struct problem p = { 0 };

		problem_from_change(&p, statuses[i].err, &c);
		assert_int_equal(p.status, statuses[i].status);
		assert_int_equal(problem_status(statuses[i].err), statuses[i].status);
		assert_string_equal(p.code, statuses[i].code);
		assert_true(p.detail[0]);
		assert_string_not_equal(problem_title(p.status), "Error");
	}
}

static void keeps_what_the_change_says(void **unused)
{
	struct change c = { .code = "subnet_overlap",
			    .detail = "overlaps oslo",
			    .pointer = "/subnets/0/prefix" };
	struct problem p = { 0 };
	json_t *j;

	(void)unused;
	problem_from_change(&p, ERR_CONFLICT, &c);
	j = problem_to_json(&p);
	assert_string_equal(json_string_value(json_object_get(j, "type")),
			    "urn:branchline:problem:subnet_overlap");
	assert_string_equal(json_string_value(json_object_get(j, "title")), "Conflict");
	assert_int_equal(json_integer_value(json_object_get(j, "status")), 409);
	assert_string_equal(json_string_value(json_object_get(j, "detail")), "overlaps oslo");
	assert_string_equal(json_string_value(json_object_get(j, "code")), "subnet_overlap");
	assert_string_equal(json_string_value(json_object_get(j, "pointer")), "/subnets/0/prefix");
	assert_int_equal(json_object_size(j), 6);
	json_decref(j);
}

/* Half a character at the end of a text that was cut, bytes of no character at all. */
static void texts_need_not_be_utf8(void **unused)
{
	struct problem p = { 0 };
	json_t *j;

	(void)unused;
	problem_set(&p, 404, "not_found", "/\xc3", "a\xffz\xc3");
	j = problem_to_json(&p);
	assert_non_null(j);
	assert_string_equal(json_string_value(json_object_get(j, "detail")), "a?z?");
	assert_string_equal(json_string_value(json_object_get(j, "pointer")), "/?");
	json_decref(j);
}

static void cuts_long_texts(void **unused)
{
	struct problem p = { 0 };
	char text[2000];

	(void)unused;
	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	problem_set(&p, 400, text, text, "%s", text);
	assert_int_equal(strlen(p.detail), sizeof(p.detail) - 1);
	assert_int_equal(strlen(p.pointer), sizeof(p.pointer) - 1);
	assert_int_equal(strlen(p.code), sizeof(p.code) - 1);
}

static void what_is_in_the_way_is_listed(void **unused)
{
	struct change c = { .n_uses = CHANGE_USES_MAX + 1,
			    .code = "group_in_use",
			    .detail = "used" };
	struct problem p = { 0 };
	json_t *j;

	(void)unused;
	for (unsigned i = 0; i < CHANGE_USES_MAX; i++) {
		c.uses[i].kind = "node";
		snprintf(c.uses[i].name, sizeof(c.uses[i].name), "n%u", i);
	}
	problem_from_change(&p, ERR_CONFLICT, &c);
	j = problem_to_json(&p);
	assert_int_equal(json_integer_value(json_object_get(j, "status")), 409);
	assert_int_equal(json_array_size(json_object_get(j, "used_by")), CHANGE_USES_MAX);
	assert_int_equal(json_integer_value(json_object_get(j, "used_by_total")),
			 CHANGE_USES_MAX + 1);
	assert_string_equal(json_string_value(json_object_get(
				    json_array_get(json_object_get(j, "used_by"), 1), "name")),
			    "n1");
	json_decref(j);
	c.n_uses = 0;
	problem_from_change(&p, ERR_CONFLICT, &c);
	j = problem_to_json(&p);
	assert_null(json_object_get(j, "used_by"));
	json_decref(j);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(maps_errors),
		cmocka_unit_test(keeps_what_the_change_says),
		cmocka_unit_test(texts_need_not_be_utf8),
		cmocka_unit_test(cuts_long_texts),
		cmocka_unit_test(what_is_in_the_way_is_listed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
