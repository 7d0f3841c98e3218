/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A spoke replaces its own identity key: kept, proposed, then refused, or taken and the old one
 * retired. */
#include "worker_world.h"

static struct spoke *start_linked(struct world *x)
{
	struct spoke *s;

	x->monitor_files.identity = x->cfg.identity_key_file;
	x->hub_caps = CAP_ROTATE;
	s = start(x);
	expect("ack 7");
	s->cache.welcome.key_overlap_s = 1;
	forget_notes();
	return s;
}

static bool is_stable(struct world *x) { return rotation_phase(x->w.state) == ROTATION_STABLE; }

static void hub_refuses(const char *code)
{
	struct control_msg m = { .type = CONTROL_ERROR };

	snprintf(m.error.code, sizeof(m.error.code), "%s", code);
	fake_hub_send(&world->hub, &m);
}

static void refused_keys_are_dropped(void **state)
{
	struct world *x = *state;
	struct spoke *s = start_linked(x);

	rotation_ask(s, false, true);
	assert_int_equal(rotation_phase(s), ROTATION_MAKING);
	expect("key 1 1; rotate-key"); /* on the disk before it is said */
	assert_int_equal(rotation_phase(s), ROTATION_PROPOSED);
	hub_refuses("key_refused");
	expect("key 1 3");
	assert_true(is_stable(x));
	assert_true(
		public_key_equal(stream_identity_public(s->identity), &x->keys.identity_public));
}

static void taken_and_the_old_one_retired(void **state)
{
	struct world *x = *state;
	struct spoke *s = start_linked(x);
	struct public_key fresh;
	struct node n;

	rotation_ask(s, false, true);
	expect("rotate-key");
	fresh = *stream_identity_public(s->rotation.identity[1]);
	fake_node(&n, 2, "oslo", NODE_SPOKE, &x->keys);
	n.identity_key = fresh;
	send_delta((struct delta){ .from = 7, .to = 8, .n_changed = 1, .changed = &n });
	node_fini(&n);
	expect("hello 8"); /* a new link, by the new key */
	assert_true(public_key_equal(&x->hub.peer, &fresh));
	expect("key 1 2");
	assert_true(wait_until(is_stable, WAIT_MS));
	assert_true(public_key_equal(stream_identity_public(s->identity), &fresh));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(refused_keys_are_dropped, setup, teardown),
		cmocka_unit_test_setup_teardown(taken_and_the_old_one_retired, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
