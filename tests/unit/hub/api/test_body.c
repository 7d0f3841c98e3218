/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "hub/api/body.h"

static const struct body_field item[] = {
	{ .name = "prefix", .type = BODY_PREFIX, .required = true },
	{ .name = "weight", .type = BODY_INT, .min = 0, .max = 100 },
};

static const struct body_field fields[] = {
	{ .name = "name", .type = BODY_NAME, .required = true },
	{ .name = "text", .type = BODY_STRING, .min = 1, .max = 5 },
	{ .name = "n", .type = BODY_INT, .min = -1, .max = 10 },
	{ .name = "flag", .type = BODY_BOOL },
	{ .name = "kind", .type = BODY_KIND },
	{ .name = "path", .type = BODY_PATH },
	{ .name = "address", .type = BODY_ADDRESS },
	{ .name = "endpoint", .type = BODY_ENDPOINT },
	{ .name = "key", .type = BODY_KEY },
	{ .name = "node", .type = BODY_NODE },
	{ .name = "list",
	  .type = BODY_LIST,
	  .max = 2,
	  .item = BODY_OBJECT,
	  .fields = item,
	  .n_fields = ARRAY_LEN(item) },
};

#define KEY "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
#define A   "{\"name\":\"a\","

/* A row: body; code of the problem (NULL: it is fine), HTTP status, pointer. */
static const struct {
	const char *body, *code;
	unsigned status;
	const char *pointer;
} cases[] = {
	{ "{\"name\":\"a\"}", NULL, 0, "" },
	{ " {\"name\" : \"a\"}\n", NULL, 0, "" },
	{ A "\"path\":\"direct-only\"}", NULL, 0, "" },
	{ A "\"path\":\"direct\"}", "member_invalid", 422, "/path" },
	{ A "\"path\":1}", "member_type", 422, "/path" },
	{ "", "member_missing", 422, "/name" },
	{ "{}", "member_missing", 422, "/name" },
	{ "{", "json_invalid", 400, "" },
	{ "{} x", "json_invalid", 400, "" },
	{ "{\"name\":\"\xff\"}", "json_invalid", 400, "" },
	{ "{\"name\":\"a\\u0000\"}", "json_invalid", 400, "" },
	{ "{\"name\":\"a\",\"name\":\"a\"}", "member_duplicate", 400, "" },
	{ A "\"list\":[{\"prefix\":\"::/0\",\"prefix\":\"::/0\"}]}", "member_duplicate", 400, "" },
	{ "[]", "member_type", 422, "" },
	{ "\"name\"", "member_type", 422, "" },
	{ "null", "member_type", 422, "" },
	{ "[[[[[[[]]]]]]]", "json_too_deep", 400, "" },
	{ A "\"text\":\"[[{{\\\"\"}", NULL, 0, "" },
	{ "{\"name\":1}", "member_type", 422, "/name" },
	{ "{\"name\":null}", "member_type", 422, "/name" },
	{ "{\"name\":\"\"}", "name_invalid", 422, "/name" },
	{ "{\"name\":\"a b\"}", "name_invalid", 422, "/name" },
	{ A "\"a/b~c\":1}", "member_unknown", 422, "/a~1b~0c" },
	{ A "\"Name\":\"a\"}", "member_unknown", 422, "/Name" },
	{ A "\"text\":\"\"}", "member_range", 422, "/text" },
	{ A "\"text\":\"123456\"}", "member_range", 422, "/text" },
	{ A "\"text\":\"12345\"}", NULL, 0, "" },
	{ A "\"text\":\"a\\n\"}", "member_invalid", 422, "/text" },
	{ A "\"text\":\"a\\u007f\"}", "member_invalid", 422, "/text" },
	{ A "\"n\":-1}", NULL, 0, "" },
	{ A "\"n\":-2}", "member_range", 422, "/n" },
	{ A "\"n\":11}", "member_range", 422, "/n" },
	{ A "\"n\":1.0}", "member_type", 422, "/n" },
	{ A "\"n\":\"1\"}", "member_type", 422, "/n" },
	{ A "\"n\":99999999999999999999}", "json_invalid", 400, "" },
	{ A "\"flag\":true}", NULL, 0, "" },
	{ A "\"flag\":1}", "member_type", 422, "/flag" },
	{ A "\"kind\":\"wireguard\"}", NULL, 0, "" },
	{ A "\"kind\":\"hub\"}", "member_invalid", 422, "/kind" },
	{ A "\"address\":\"2001:db8::1\"}", NULL, 0, "" },
	{ A "\"address\":\"host\"}", "address_invalid", 422, "/address" },
	{ A "\"endpoint\":\"h.example 6655\"}", NULL, 0, "" },
	{ A "\"endpoint\":\"2001:db8::1 6655\"}", NULL, 0, "" },
	{ A "\"endpoint\":\"h.example\"}", "member_invalid", 422, "/endpoint" },
	{ A "\"endpoint\":\"h.example 0\"}", "member_invalid", 422, "/endpoint" },
	{ A "\"endpoint\":\"h.example 65536\"}", "member_invalid", 422, "/endpoint" },
	{ A "\"endpoint\":\"h.example  1\"}", "member_invalid", 422, "/endpoint" },
	{ A "\"endpoint\":\"h;x 1\"}", "member_invalid", 422, "/endpoint" },
	{ A "\"key\":\"" KEY "\"}", NULL, 0, "" },
	{ A "\"key\":\"AAAA\"}", "key_invalid", 422, "/key" },
	{ A "\"node\":\"b\"}", NULL, 0, "" },
	{ A "\"node\":5}", NULL, 0, "" },
	{ A "\"node\":0}", "member_range", 422, "/node" },
	{ A "\"node\":4294967296}", "member_range", 422, "/node" },
	{ A "\"node\":true}", "member_type", 422, "/node" },
	{ A "\"list\":[]}", NULL, 0, "" },
	{ A "\"list\":{}}", "member_type", 422, "/list" },
	{ A "\"list\":[1]}", "member_type", 422, "/list/0" },
	{ A "\"list\":[{\"prefix\":\"10.0.0.0/8\",\"weight\":1}]}", NULL, 0, "" },
	{ A "\"list\":[{\"weight\":1}]}", "member_missing", 422, "/list/0/prefix" },
	{ A "\"list\":[{\"prefix\":\"::/0\"},{\"prefix\":\"10.0.0.1/8\"}]}", "prefix_host_bits",
	  422, "/list/1/prefix" },
	{ A "\"list\":[{\"prefix\":\"x\"}]}", "member_invalid", 422, "/list/0/prefix" },
	{ A "\"list\":[{\"prefix\":\"::/0\",\"weight\":101}]}", "member_range", 422,
	  "/list/0/weight" },
	{ A "\"list\":[{\"prefix\":\"::/0\",\"x\":1}]}", "member_unknown", 422, "/list/0/x" },
	{ A "\"list\":[{},{},{}]}", "member_range", 422, "/list" },
};

static void holds_bodies_against_the_table(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct problem p = { 0 };
		json_t *j = NULL;
		enum err e = body_parse(cases[i].body, strlen(cases[i].body), &j, &p);

		if (!e)
			e = body_check(j, fields, ARRAY_LEN(fields), &p);
		assert_int_equal(!e, !cases[i].code);
		assert_string_equal(p.code, cases[i].code ? cases[i].code : "");
		assert_int_equal(p.status, cases[i].status);
		assert_string_equal(p.pointer, cases[i].pointer);
		json_decref(j);
	}
}

static void suggests_the_network(void **unused)
{
	static const char body[] = A "\"list\":[{\"prefix\":\"10.20.3.4/16\"}]}";
	struct problem p = { 0 };
	json_t *j;

	(void)unused;
	assert_int_equal(body_parse(body, strlen(body), &j, &p), ERR_OK);
	assert_int_equal(body_check(j, fields, ARRAY_LEN(fields), &p), ERR_INVALID);
	assert_non_null(strstr(p.detail, "10.20.0.0/16"));
	json_decref(j);
}

/* Names as long as a body can hold: the pointer is cut, nothing else happens. */
static void survives_long_names(void **unused)
{
	char body[2048];
	struct problem p = { 0 };
	json_t *j;

	(void)unused;
	memset(body, '/', sizeof(body));
	memcpy(body, "{\"", 2);
	memcpy(body + sizeof(body) - 5, "\":1}", 5);
	assert_int_equal(body_parse(body, strlen(body), &j, &p), ERR_OK);
	assert_int_equal(body_check(j, fields, ARRAY_LEN(fields), &p), ERR_INVALID);
	assert_string_equal(p.code, "member_unknown");
	assert_true(strlen(p.pointer) < sizeof(p.pointer));
	json_decref(j);
}

static void reads_what_is_there(void **unused)
{
	static const char body[] = A "\"n\":7,\"flag\":true,\"text\":\"x\"}";
	struct problem p = { 0 };
	json_t *j;

	(void)unused;
	assert_int_equal(body_parse(body, strlen(body), &j, &p), ERR_OK);
	assert_string_equal(body_str(j, "text"), "x");
	assert_null(body_str(j, "kind"));
	assert_int_equal(body_int(j, "n", 1), 7);
	assert_int_equal(body_int(j, "other", 1), 1);
	assert_true(body_bool(j, "flag"));
	assert_false(body_bool(j, "other"));
	json_decref(j);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(holds_bodies_against_the_table),
		cmocka_unit_test(suggests_the_network),
		cmocka_unit_test(survives_long_names),
		cmocka_unit_test(reads_what_is_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
