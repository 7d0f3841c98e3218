/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What GET /status asks an admin to look at: each kind appears when there is a reason, and goes
 * with it. */
#include <jansson.h>

#include "hub/api/attention.h"
#include "hub/change_key.h"
#include "hub/key_settings.h"
#include "shared/base/clock.h"
#include "tests/lib/change_fixture.h"

#define DAY_MS (86400 * INT64_C(1000))

/* The list as it is `later_ms` from now; the engine answers. A new reference. */
static json_t *collect(struct network *w, int64_t later_ms)
{
	struct api api = { .store = w->f.s };
	struct totals totals = { .engine = json_object() };
	json_t *list = json_array();

	assert_ok(attention_collect(&api, &totals, clock_wall_ms() + later_ms, w->hub, list));
	json_decref(totals.engine);
	return list;
}

/* How many have this code and node; NULL: none named. */
static unsigned count(struct network *w, int64_t later_ms, const char *code, const char *node)
{
	json_t *list = collect(w, later_ms), *item;
	unsigned n = 0;
	size_t i;

	json_array_foreach(list, i, item)
	{
		const char *name = json_string_value(json_object_get(item, "node"));

		assert_true(json_string_length(json_object_get(item, "text")) > 10);
		if (strcmp(json_string_value(json_object_get(item, "code")), code) == 0 &&
		    (node ? name && strcmp(name, node) == 0 : !name))
			n++;
	}
	json_decref(list);
	return n;
}

static void nothing_in_a_healthy_network(void **state)
{
	struct network w;
	struct keys k;
	json_t *list;

	(void)state;
	network_open(&w);
	network_join(&w, network_spoke(&w, "oslo", "10.20.0.0/24"), &k);
	list = collect(&w, 0);
	assert_int_equal(json_array_size(list), 0);
	json_decref(list);
	network_close(&w);
}

static void engine_is_down(void **state)
{
	struct totals totals = { .engine = json_null() };
	json_t *list = json_array();
	struct network w;

	(void)state;
	network_open(&w);
	assert_ok(attention_collect(&(struct api){ .store = w.f.s }, &totals, clock_wall_ms(),
				    w.hub, list));
	assert_int_equal(json_array_size(list), 1);
	assert_string_equal(json_string_value(json_object_get(json_array_get(list, 0), "code")),
			    "engine_down");
	json_decref(list);
	network_close(&w);
}

static void proposals_wait(void **state)
{
	struct node_subnet subs[] = { fixture_subnet("10.30.0.0/24", 10),
				      fixture_subnet("10.31.0.0/24", 10) };
	struct store_subnet added;
	struct network w;
	struct keys k;
	uint32_t oslo;

	(void)state;
	network_open(&w);
	oslo = network_spoke(&w, "oslo", NULL);
	network_join(&w, oslo, &k);
	for (size_t i = 0; i < ARRAY_LEN(subs); i++)
		assert_code(&w.c, change_subnet_propose(&w.c, oslo, &subs[i]), ERR_OK, "");
	assert_int_equal(count(&w, 0, "subnet_proposed", "oslo"), 1);
	for (size_t i = 0; i < ARRAY_LEN(subs); i++)
		assert_code(&w.c, change_subnet_add(&w.c, oslo, &subs[i], false, &added), ERR_OK,
			    "");
	assert_int_equal(count(&w, 0, "subnet_proposed", "oslo"), 0);
	network_close(&w);
}

static void key_of_a_node_joined_anew(void **state)
{
	struct network w;
	struct keys k;
	uint32_t oslo;

	(void)state;
	network_open(&w);
	oslo = network_spoke(&w, "oslo", NULL);
	network_join(&w, oslo, &k);
	assert_int_equal(count(&w, 0, "key_changed", "oslo"), 0);
	network_join(&w, oslo, &k);
	assert_int_equal(count(&w, 0, "key_changed", "oslo"), 1);
	assert_int_equal(count(&w, ATTENTION_RECENT_MS + 1, "key_changed", "oslo"), 0);
	network_close(&w);
}

static void keys_become_old(void **state)
{
	struct key_settings settings;
	struct network w;
	struct keys k;
	char name[16];

	(void)state;
	network_open(&w);
	for (unsigned i = 0; i < ATTENTION_KEYS_MAX; i++) {
		snprintf(name, sizeof(name), "branch%u", i);
		network_join(&w, network_spoke(&w, name, NULL), &k);
	}
	assert_ok(key_settings_read(w.f.s, &settings));
	settings.max_age_s = 30 * 86400;
	settings.warn_s = 7 * 86400;
	assert_code(&w.c, change_key_settings(&w.c, &settings), ERR_OK, "");
	assert_int_equal(count(&w, 0, "key_soon", NULL), 0);
	assert_int_equal(count(&w, 0, "key_overdue", NULL), 0);
	/* So many are named, the others are one line. */
	assert_int_equal(count(&w, 25 * DAY_MS, "key_soon", NULL), 1);
	assert_int_equal(count(&w, 25 * DAY_MS, "key_soon", "branch0"), 2);
	assert_int_equal(count(&w, 25 * DAY_MS, "key_overdue", NULL), 0);
	assert_int_equal(count(&w, 31 * DAY_MS, "key_overdue", NULL), 1);
	assert_int_equal(count(&w, 31 * DAY_MS, "key_soon", NULL), 0);
	network_close(&w);
}

static void revocation_is_not_confirmed(void **state)
{
	struct store_presence p = { .online = true };
	struct store_revocation r;
	struct network w;
	struct keys k;
	uint32_t oslo, bergen;

	(void)state;
	network_open(&w);
	oslo = network_spoke(&w, "oslo", NULL);
	bergen = network_spoke(&w, "bergen", NULL);
	network_join(&w, oslo, &k);
	network_join(&w, bergen, &k);
	p.node_id = oslo;
	assert_ok(store_presence_put(w.f.s, &p, 1));
	assert_code(&w.c, change_node_revoke(&w.c, bergen, "stolen"), ERR_OK, "");
	assert_int_equal(count(&w, 0, "revocation_pending", "bergen"), 1);
	assert_ok(store_revocation_get(w.f.s, w.c.revision, &r));
	assert_int_equal(r.state, REVOCATION_PENDING);
	assert_string_equal(r.node_name, "bergen");
	assert_string_equal(r.reason, "stolen");
	assert_string_equal(r.actor, "unix:root");
	p.acked_revision = r.revision;
	assert_ok(store_presence_put(w.f.s, &p, 1));
	assert_int_equal(count(&w, 0, "revocation_pending", "bergen"), 0);
	network_close(&w);
}

static void backup_brings_a_node_back(void **state)
{
	struct network w;
	struct keys k;
	uint32_t oslo;

	(void)state;
	network_open(&w);
	oslo = network_spoke(&w, "oslo", NULL);
	network_join(&w, oslo, &k);
	assert_ok(store_setting_put(w.f.s, STORE_RESTORED_REVISION, "1"));
	assert_code(&w.c, change_node_quarantine(&w.c, oslo, 7), ERR_OK, "");
	assert_int_equal(count(&w, 0, "node_quarantined", "oslo"), 1);
	assert_code(&w.c, change_node_enable(&w.c, oslo), ERR_OK, "");
	assert_int_equal(count(&w, 0, "node_quarantined", "oslo"), 0);
	/* Disabled by the admin, it is what the admin wants. */
	assert_code(&w.c, change_node_disable(&w.c, oslo, ""), ERR_OK, "");
	assert_int_equal(count(&w, 0, "node_quarantined", "oslo"), 0);
	network_close(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_in_a_healthy_network),
		cmocka_unit_test(engine_is_down),
		cmocka_unit_test(proposals_wait),
		cmocka_unit_test(key_of_a_node_joined_anew),
		cmocka_unit_test(keys_become_old),
		cmocka_unit_test(revocation_is_not_confirmed),
		cmocka_unit_test(backup_brings_a_node_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
