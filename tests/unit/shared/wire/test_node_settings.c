/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Settings from and to JSON: only what is known and in its range. */
#include "shared/wire/node_settings.h"
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "shared/base/table.h"
#include "tests/lib/json_text.h"

static const struct {
	const char *text;
	enum err err;
	const char *bad;
} rows[] = {
	{ "{}", ERR_OK, "" },
	{ "{'port':0,'mtu':576,'log_level':5,'pmtu_discovery':false}", ERR_OK, "" },
	{ "[]", ERR_INVALID, "" },
	{ "{'port':65536}", ERR_INVALID, "port" },
	{ "{'port':-1}", ERR_INVALID, "port" },
	{ "{'port':'7000'}", ERR_INVALID, "port" },
	{ "{'port':7000.0}", ERR_INVALID, "port" },
	{ "{'mtu':575}", ERR_INVALID, "mtu" },
	{ "{'clamp_mss':1}", ERR_INVALID, "clamp_mss" },
	{ "{'direct_idle':true}", ERR_INVALID, "direct_idle" },
	{ "{'warp':1}", ERR_INVALID, "warp" },
	{ "{'a-name-that-is-longer-than-there-is-room':1}", ERR_INVALID, "a-name-that-is-" },
};

static void test_json(void **state)
{
	struct node_settings s, again;
	char bad[16];
	json_t *j;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		json_t *in = json_text_parse(rows[i].text);

		assert_int_equal(node_settings_from_json(in, &s, bad, sizeof(bad)), rows[i].err);
		assert_string_equal(bad, rows[i].bad);
		if (rows[i].err) {
			assert_int_equal(s.set, 0);
		} else {
			j = node_settings_to_json(&s);
			assert_true(json_equal(in, j));
			json_decref(j);
			j = node_settings_to_json(&s);
			assert_int_equal(node_settings_from_json(j, &again, bad, sizeof(bad)),
					 ERR_OK);
			assert_true(node_settings_equal(&s, &again));
			json_decref(j);
		}
		json_decref(in);
	}
}

static void test_sets(void **state)
{
	struct node_settings a = { 0 }, b = { 0 };
	enum setting_source source;
	enum node_setting k;

	(void)state;
	node_settings_put(&a, SETTING_MTU, 1300);
	assert_false(node_settings_equal(&a, &b));
	node_settings_put(&b, SETTING_MTU, 1301);
	assert_false(node_settings_equal(&a, &b));
	node_settings_put(&b, SETTING_MTU, 1300);
	assert_true(node_settings_equal(&a, &b));
	node_settings_remove(&a, SETTING_MTU);
	assert_false(node_settings_has(&a, SETTING_MTU) || node_settings_equal(&a, &b));
	assert_true(node_settings_find("local_discovery", &k) && k == SETTING_LOCAL_DISCOVERY);
	assert_false(node_settings_find("", &k));
	for (enum setting_source s = 0; s < SETTING_SOURCES; s++)
		assert_true(setting_source_parse(setting_source_str(s), &source) && source == s);
	assert_false(setting_source_parse("elsewhere", &source));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_sets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
