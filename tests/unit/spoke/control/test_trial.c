/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the hub sets on a spoke: on trial first, on the disk before it is done. */
#include "spoke/control/trial_file.h"
#include "worker_world.h"

static void send_settings(uint64_t number, int32_t mtu)
{
	struct control_msg m = { .type = CONTROL_SETTINGS };

	m.settings.number = number;
	m.settings.confirm_s = SETTINGS_CONFIRM_MIN_S;
	node_settings_put(&m.settings.values, SETTING_MTU, mtu);
	fake_hub_send(&world->hub, &m);
}

static struct trial on_disk(void)
{
	struct trial t = { 0 };

	assert_int_equal(trial_file_load(&t, world->cfg.settings_file), ERR_OK);
	return t;
}

static struct spoke *start_told(struct world *x)
{
	struct spoke *s;

	x->settings = true;
	s = start(x);
	expect("told");
	return s;
}

static void confirmed_by_a_new_link(void **state)
{
	struct world *x = *state;
	struct spoke *s = start_told(x);
	struct trial t;

	assert_int_equal(x->told.effective.value[SETTING_MTU], s->cache.welcome.mtu);
	assert_int_equal(x->told.source[SETTING_MTU], SETTING_DEFAULT);
	forget_notes();
	send_settings(41, 1300);
	expect("hello 7"); /* of a new link */
	expect("told 41 41 0");
	assert_int_equal(engine_feed_mtu(&s->engine, &s->cache), 1300);
	assert_int_equal(x->told.source[SETTING_MTU], SETTING_HUB);
	t = on_disk();
	assert_true(t.in_force == 41 && t.outcome == SETTINGS_NONE);
	forget_notes();
	send_settings(41, 1300); /* the hub has not heard: nothing is tried, it is told again */
	expect("told 41 41 0");
	expect_not("hello", 50);
}

static void unknown_setting_is_no_end_of_the_link(void **state)
{
	struct world *x = *state;
	struct spoke *s = start_told(x);

	/* As the decoder gives the message of a later hub. */
	trial_begin(s,
		    &(struct control_settings){ .number = 41, .confirm_s = 60, .unknown = "warp" });
	expect("told 0 41 2");
	assert_non_null(strstr(x->told.reason, "warp"));
	assert_int_equal(s->client.state, CLIENT_UP);
}

/* A trial as a killed daemon leaves it behind. */
static void leave_trial(int64_t began_ms)
{
	struct trial t = { .in_force = 40,
			   .tried = 41,
			   .outcome = SETTINGS_TRYING,
			   .confirm_s = SETTINGS_CONFIRM_MAX_S,
			   .began_ms = began_ms };

	node_settings_put(&t.held, SETTING_MTU, 1280);
	node_settings_put(&t.wished, SETTING_MTU, 1300);
	assert_int_equal(trial_file_save(&t, world->cfg.settings_file), ERR_OK);
}

static void goes_on_after_a_restart(void **state)
{
	struct world *x = *state;

	leave_trial(clock_wall_ms() - 1000);
	start_told(x);
	expect("told 41 41 0");
	assert_int_equal(x->cfg.mtu, 1300);
}

static void taken_back_after_a_long_restart(void **state)
{
	struct world *x = *state;

	leave_trial(clock_wall_ms() - 700000);
	start_told(x);
	expect("told 40 41 2");
	assert_int_equal(x->cfg.mtu, 1280);
	assert_int_equal(on_disk().outcome, SETTINGS_ROLLED_BACK);
}

/* A box without a clock wakes up in 1970. */
static void clock_that_went_back(void **state)
{
	struct world *x = *state;

	leave_trial(clock_wall_ms() + 3600000);
	start_told(x);
	expect("told 40 41 2");
	assert_int_equal(x->cfg.mtu, 1280);
}

static void nothing_is_tried_that_cannot_be_written(void **state)
{
	struct world *x = *state;
	struct spoke *s = start_told(x);

	snprintf(x->cfg.settings_file, sizeof(x->cfg.settings_file), "%s/none/settings.json",
		 x->paths.state);
	send_settings(41, 1300);
	expect("told 0 41 2");
	assert_non_null(strstr(x->told.reason, "disk"));
	assert_int_equal(engine_feed_mtu(&s->engine, &s->cache), s->cache.welcome.mtu);
}

static void damaged_file_is_passed_over(void **state)
{
	struct world *x = *state;

	assert_int_equal(file_write_atomic(x->cfg.settings_file, "{\"format\":2}", 12, 0600),
			 ERR_OK);
	start_told(x);
	expect("told 0 0 0");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(confirmed_by_a_new_link),     CASE(unknown_setting_is_no_end_of_the_link),
		CASE(goes_on_after_a_restart),     CASE(taken_back_after_a_long_restart),
		CASE(clock_that_went_back),        CASE(nothing_is_tried_that_cannot_be_written),
		CASE(damaged_file_is_passed_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
