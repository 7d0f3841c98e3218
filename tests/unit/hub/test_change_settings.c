/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the hub sets on spokes: pending until the spoke has said how it went. */
#include "hub/change_settings.h"
#include "tests/lib/change_fixture.h"

static struct store_node_settings row(struct network *w, uint32_t id)
{
	struct store_node_settings x;

	assert_ok(store_node_settings_get(w->f.s, id, &x));
	return x;
}

static void a_change_is_pending_until_it_is_settled(void **state)
{
	struct change_settings in = { 0 }, back = { .reset = 1u << SETTING_MTU };
	struct store_node_settings x;
	struct network w;
	uint32_t oslo;
	uint64_t revision, first;

	(void)state;
	network_open(&w);
	oslo = network_spoke(&w, "oslo", NULL);
	revision = network_revision(&w);
	assert_int_equal(store_node_settings_get(w.f.s, oslo, &x), ERR_NOTFOUND);
	/* Nothing that would be another is no change. */
	assert_code(&w.c, change_settings_ask(&w.c, oslo, &back, &x), ERR_OK, "");
	assert_int_equal(store_node_settings_get(w.f.s, oslo, &x), ERR_NOTFOUND);

	node_settings_put(&in.put, SETTING_MTU, 1300);
	in.confirm_s = 10;
	assert_code(&w.c, change_settings_ask(&w.c, oslo, &in, &x), ERR_OK, "");
	x = row(&w, oslo);
	first = x.number;
	assert_true(first > 0 && x.state == SETTINGS_PENDING && x.confirm_s == 10);
	assert_true(x.held.set == 0 && node_settings_equal(&x.wished, &in.put));
	assert_string_equal(x.asked_by, "unix:root");
	assert_code(&w.c, change_settings_ask(&w.c, oslo, &in, &x), ERR_CONFLICT, "change_pending");
	assert_code(&w.c, change_settings_settle(&w.c, oslo, first + 1, true, ""), ERR_OK, "");
	assert_int_equal(row(&w, oslo).state, SETTINGS_PENDING); /* of another change */
	assert_code(&w.c, change_settings_settle(&w.c, oslo, first, true, ""), ERR_OK, "");
	x = row(&w, oslo);
	assert_true(x.state == SETTINGS_CONFIRMED && x.held_number == first);
	assert_true(node_settings_equal(&x.held, &in.put));

	/* Taken back: what held before holds. */
	node_settings_put(&in.put, SETTING_PORT, 7000);
	in.confirm_s = 0;
	assert_code(&w.c, change_settings_ask(&w.c, oslo, &in, &x), ERR_OK, "");
	assert_true(x.number > first && x.confirm_s == SETTINGS_CONFIRM_DEFAULT_S);
	assert_code(&w.c, change_settings_settle(&w.c, oslo, x.number, false, "no way"), ERR_OK,
		    "");
	x = row(&w, oslo);
	assert_int_equal(x.state, SETTINGS_TAKEN_BACK);
	assert_string_equal(x.reason, "no way");
	assert_true(x.held_number == first && !node_settings_has(&x.held, SETTING_PORT));
	/* Nobody but the spoke is told of any of it. */
	assert_int_equal(network_revision(&w), revision);
	assert_int_equal(network_audit_count(&w, "node.settings"), 2);
	assert_int_equal(network_audit_count(&w, "node.settings.confirmed"), 1);
	assert_int_equal(network_audit_count(&w, "node.settings.rolled_back"), 1);
	network_close(&w);
}

static void a_cancelled_change_is_one_back(void **state)
{
	struct change_settings in = { 0 };
	struct store_node_settings x;
	struct network w;
	uint32_t oslo;
	uint64_t number;

	(void)state;
	network_open(&w);
	oslo = network_spoke(&w, "oslo", NULL);
	assert_code(&w.c, change_settings_cancel(&w.c, oslo, &x), ERR_CONFLICT,
		    "no_change_pending");
	node_settings_put(&in.put, SETTING_LOG_LEVEL, 2);
	assert_code(&w.c, change_settings_ask(&w.c, oslo, &in, &x), ERR_OK, "");
	number = x.number;
	assert_code(&w.c, change_settings_cancel(&w.c, oslo, &x), ERR_OK, "");
	x = row(&w, oslo);
	/* With a number of its own, so that a spoke that has tried it already is told. */
	assert_true(x.state == SETTINGS_CANCELLED && x.number > number);
	assert_true(x.held_number == x.number && x.held.set == 0 && x.wished.set == 0);
	assert_code(&w.c, change_settings_settle(&w.c, oslo, number, true, ""), ERR_OK, "");
	assert_int_equal(row(&w, oslo).state, SETTINGS_CANCELLED);
	network_close(&w);
}

static void refusals(void **state)
{
	struct change_settings port0 = { 0 }, soon = { .confirm_s = 1 },
			       late = { .confirm_s = 601 }, fine = { 0 };
	struct store_node_settings x;
	struct network w;
	uint32_t oslo;

	(void)state;
	network_open(&w);
	oslo = network_spoke(&w, "oslo", NULL);
	node_settings_put(&port0.put, SETTING_PORT, 0);
	node_settings_put(&fine.put, SETTING_MTU, 1300);
	assert_code(&w.c, change_settings_ask(&w.c, oslo, &port0, &x), ERR_INVALID,
		    "setting_invalid");
	assert_string_equal(w.c.pointer, "/settings/port");
	assert_code(&w.c, change_settings_ask(&w.c, oslo, &soon, &x), ERR_INVALID,
		    "confirm_invalid");
	assert_code(&w.c, change_settings_ask(&w.c, oslo, &late, &x), ERR_INVALID,
		    "confirm_invalid");
	assert_code(&w.c, change_settings_ask(&w.c, w.hub, &fine, &x), ERR_DENIED,
		    "node_not_spoke");
	assert_code(&w.c, change_settings_ask(&w.c, 99, &fine, &x), ERR_NOTFOUND, "not_found");
	w.c.dry_run = true;
	assert_code(&w.c, change_settings_ask(&w.c, oslo, &fine, &x), ERR_OK, "");
	assert_int_equal(x.state, SETTINGS_PENDING);
	assert_int_equal(store_node_settings_get(w.f.s, oslo, &x), ERR_NOTFOUND);
	network_close(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_change_is_pending_until_it_is_settled),
		cmocka_unit_test(a_cancelled_change_is_one_back),
		cmocka_unit_test(refusals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
