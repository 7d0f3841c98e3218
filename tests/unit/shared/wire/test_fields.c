/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/wire/fields.h"

#include <stdarg.h>
#include <setjmp.h>
#include <string.h>
#include <cmocka.h>

#include "tests/lib/json_text.h"

#define KEY_TEXT "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="

/* Readers of one kind each, for the table: all read the field "x". */
static void get_small(struct fields *f) { fields_get_int(f, "x", FIELDS_REQUIRED, -5, 5); }
static void get_optional(struct fields *f) { fields_get_int(f, "x", FIELDS_OPTIONAL, 1, 5); }
static void get_count(struct fields *f) { fields_get_count(f, "x", FIELDS_REQUIRED); }
static void get_id(struct fields *f) { fields_get_id(f, "x"); }
static void get_bool(struct fields *f) { fields_get_bool(f, "x", FIELDS_REQUIRED); }
static void get_bits(struct fields *f) { fields_get_bits(f, "x", FIELDS_REQUIRED); }

static void get_text(struct fields *f)
{
	char text[5];

	fields_get_text(f, "x", FIELDS_REQUIRED, text, sizeof(text));
}

static void get_name(struct fields *f)
{
	char name[NAME_SIZE];

	fields_get_name(f, "x", name);
}

static void get_key(struct fields *f)
{
	uint8_t key[32];

	fields_get_bytes(f, "x", FIELDS_REQUIRED, key, sizeof(key));
}

static void get_array(struct fields *f) { fields_get_array(f, "x", FIELDS_REQUIRED, 2); }

static void get_endpoint(struct fields *f)
{
	struct endpoint e;

	fields_get_endpoint(f, "x", &e);
}

static void get_endpoints(struct fields *f)
{
	struct endpoint e[2];

	fields_get_endpoints(f, "x", e, 2);
}

static void get_prefix(struct fields *f)
{
	struct prefix p;

	fields_get_prefix(f, "x", &p);
}

static void get_addrs(struct fields *f)
{
	struct addr a[2];

	fields_get_addrs(f, "x", a);
}

static void get_prefixes(struct fields *f)
{
	struct prefix p[2];

	fields_get_prefixes(f, "x", p);
}

static void test_rows(void **state)
{
	static const struct {
		void (*get)(struct fields *f);
		const char *value; /* NULL: the field is missing */
		enum err e;
	} rows[] = {
		{ get_small, "5", ERR_OK },
		{ get_small, "-5", ERR_OK },
		{ get_small, "6", ERR_INVALID },
		{ get_small, "-6", ERR_INVALID },
		{ get_small, "1.0", ERR_INVALID },
		{ get_small, "'1'", ERR_INVALID },
		{ get_small, "true", ERR_INVALID },
		{ get_small, "null", ERR_INVALID },
		{ get_small, NULL, ERR_INVALID },
		{ get_optional, NULL, ERR_OK },
		{ get_optional, "null", ERR_OK },
		{ get_optional, "0", ERR_INVALID },
		{ get_count, "9223372036854775807", ERR_OK },
		{ get_count, "-1", ERR_INVALID },
		{ get_id, "4294967295", ERR_OK },
		{ get_id, "4294967296", ERR_INVALID },
		{ get_id, "0", ERR_INVALID },
		{ get_bool, "false", ERR_OK },
		{ get_bool, "0", ERR_INVALID },
		{ get_bool, "'true'", ERR_INVALID },
		{ get_bits, "'0'", ERR_OK },
		{ get_bits, "'18446744073709551615'", ERR_OK },
		{ get_bits, "'18446744073709551616'", ERR_INVALID },
		{ get_bits, "'28446744073709551615'", ERR_INVALID },
		{ get_bits, "'1x'", ERR_INVALID },
		{ get_bits, "'+1'", ERR_INVALID },
		{ get_bits, "'00'", ERR_INVALID },
		{ get_bits, "7", ERR_INVALID },
		{ get_text, "'abcd'", ERR_OK },
		{ get_text, "''", ERR_OK },
		{ get_text, "'\\u00e9\\u00e9'", ERR_OK },
		{ get_text, "'abcde'", ERR_INVALID },
		{ get_text, "'\\n'", ERR_INVALID },
		{ get_text, "'\\u007f'", ERR_INVALID },
		{ get_text, "'\\u001b['", ERR_INVALID },
		{ get_text, "'\\u0085'", ERR_INVALID },
		{ get_text, "'\\u009f'", ERR_INVALID },
		{ get_text, "'\\u00a0'", ERR_OK },
		{ get_text, "['a']", ERR_INVALID },
		{ get_name, "'a-b.c_D'", ERR_OK },
		{ get_name, "''", ERR_INVALID },
		{ get_name, "'-a'", ERR_INVALID },
		{ get_name, "'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'",
		  ERR_INVALID },
		{ get_key, "'" KEY_TEXT "'", ERR_OK },
		{ get_key, "'AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA'", ERR_INVALID },
		{ get_key, "'AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB='", ERR_INVALID },
		{ get_key, "''", ERR_INVALID },
		{ get_key, "'AQAA'", ERR_INVALID },
		{ get_array, "[1,2]", ERR_OK },
		{ get_array, "[]", ERR_OK },
		{ get_array, "[1,2,3]", ERR_LIMIT },
		{ get_array, "{}", ERR_INVALID },
		{ get_endpoint, NULL, ERR_OK },
		{ get_endpoint, "'192.0.2.1:1'", ERR_OK },
		{ get_endpoint, "'[2001:db8::1]:65535'", ERR_OK },
		{ get_endpoint, "'192.0.2.1'", ERR_INVALID },
		{ get_endpoint, "'192.0.2.1:0'", ERR_INVALID },
		{ get_endpoint, "'192.0.2.1:65536'", ERR_INVALID },
		{ get_endpoint, "'hub.example.net:1'", ERR_INVALID },
		{ get_endpoint, "'[fe80::1%2]:1'", ERR_INVALID },
		{ get_endpoint, "'none'", ERR_INVALID },
		{ get_endpoints, "['192.0.2.1:1','[::2]:2']", ERR_OK },
		{ get_endpoints, "['192.0.2.1:1','[::2]:2','[::2]:3']", ERR_LIMIT },
		{ get_endpoints, "[1]", ERR_INVALID },
		{ get_endpoints, "['']", ERR_INVALID },
		{ get_prefix, "'10.0.0.0/8'", ERR_OK },
		{ get_prefix, "'0.0.0.0/0'", ERR_OK },
		{ get_prefix, "'10.0.0.1/8'", ERR_INVALID },
		{ get_prefix, "'10.0.0.0/33'", ERR_INVALID },
		{ get_prefix, NULL, ERR_INVALID },
		{ get_addrs, "['fd00::1','10.0.0.1']", ERR_OK },
		{ get_addrs, "['fd00::1','fd00::1']", ERR_INVALID },
		{ get_addrs, "['10.0.0.1/8']", ERR_INVALID },
		{ get_prefixes, "['fd00::/8','10.0.0.0/8']", ERR_OK },
		{ get_prefixes, "['10.0.0.0/8','10.0.0.0/8']", ERR_INVALID },
		{ get_prefixes, "[0]", ERR_INVALID },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char text[256];
		struct fields f;
		json_t *j;

		if (rows[i].value)
			snprintf(text, sizeof(text), "{'y':1,'x':%s}", rows[i].value);
		else
			snprintf(text, sizeof(text), "{'y':1}");
		j = json_text_parse(text);
		assert_non_null(j);
		fields_init(&f, j);
		rows[i].get(&f);
		if (f.err != rows[i].e)
			fail_msg("row %zu, %s: %d, want %d", i, text, f.err, rows[i].e);
		json_decref(j);
	}
}

/* The first error stays, and everything read after it is zero. */
static void test_sticky(void **state)
{
	json_t *j = json_text_parse("{'a':[1,2,3],'n':7,'s':'text','b':true,'k':'" KEY_TEXT
				    "','e':['192.0.2.1:1']}");
	struct endpoint e[1];
	uint8_t key[32];
	char text[8] = "before";
	struct fields f;

	(void)state;
	fields_init(&f, j);
	assert_null(fields_get_array(&f, "a", FIELDS_REQUIRED, 2));
	assert_int_equal(fields_get_int(&f, "n", FIELDS_REQUIRED, 0, 9), 0);
	assert_false(fields_get_bool(&f, "b", FIELDS_REQUIRED));
	fields_get_text(&f, "s", FIELDS_REQUIRED, text, sizeof(text));
	assert_string_equal(text, "");
	memset(key, 0xff, sizeof(key));
	assert_false(fields_get_bytes(&f, "k", FIELDS_REQUIRED, key, sizeof(key)));
	assert_int_equal(key[0], 0);
	assert_int_equal(fields_get_endpoints(&f, "e", e, 1), 0);
	assert_int_equal(f.err, ERR_LIMIT);
	json_decref(j);
	fields_init(&f, NULL);
	assert_int_equal(f.err, ERR_INVALID);
}

/* What is written can be read, whatever the text was. */
static void test_put_text(void **state)
{
	static const struct {
		const char *in, *out;
	} rows[] = {
		{ "plain", "plain" },           { "caf\xc3\xa9", "caf\xc3\xa9" },
		{ "caf\xe9", "caf?" },          { "a\nb\x1b[0m\x7f", "a?b?[0m?" },
		{ "\xc2\x85\xc3\xa9", "????" }, { "", "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct fields_out o;
		struct fields f;
		char text[32];
		json_t *j;

		fields_write_init(&o);
		fields_put_text(&o, "x", rows[i].in);
		j = fields_write_end(&o);
		assert_non_null(j);
		fields_init(&f, j);
		fields_get_text(&f, "x", FIELDS_REQUIRED, text, sizeof(text));
		assert_int_equal(f.err, ERR_OK);
		assert_string_equal(text, rows[i].out);
		json_decref(j);
	}
}

/* A text that was cut inside a character is still a JSON string. */
static void test_text(void **state)
{
	static const struct {
		const char *in, *out;
	} rows[] = {
		{ "", "" },
		{ "plain", "plain" },
		{ "caf\xc3\xa9", "caf\xc3\xa9" },
		{ "caf\xc3\xa9 caf\xc3", "caf?? caf?" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		json_t *j = fields_text(rows[i].in);

		assert_string_equal(json_string_value(j), rows[i].out);
		json_decref(j);
	}
}

static void test_put_fails(void **state)
{
	struct fields_out o;

	(void)state;
	fields_write_init(&o);
	fields_put_count(&o, "x", INT64_MAX);
	fields_put_count(&o, "y", 1ull << 63);
	fields_put_int(&o, "z", 1);
	assert_null(fields_write_end(&o));
	fields_write_init(&o);
	fields_put(&o, "x", NULL);
	assert_null(fields_write_end(&o));
}

/* A scope means nothing on another machine: it is left out. */
static void test_put_endpoint(void **state)
{
	struct endpoint e = { .port = 9 };
	struct fields_out o;
	json_t *j;

	(void)state;
	fields_write_init(&o);
	fields_put_endpoint(&o, "none", &e);
	assert_int_equal(addr_parse("fe80::1", &e.addr), ERR_OK);
	e.scope_id = 3;
	fields_put_endpoint(&o, "x", &e);
	j = fields_write_end(&o);
	assert_null(json_object_get(j, "none"));
	assert_string_equal(json_string_value(json_object_get(j, "x")), "[fe80::1]:9");
	json_decref(j);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),      cmocka_unit_test(test_sticky),
		cmocka_unit_test(test_put_text),  cmocka_unit_test(test_text),
		cmocka_unit_test(test_put_fails), cmocka_unit_test(test_put_endpoint),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
