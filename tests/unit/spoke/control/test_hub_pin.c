/* SPDX-License-Identifier: GPL-3.0-or-later */
/* By which key the hub is known, and how another one takes its place. */
#include "shared/monitor/key_files.h"
#include "worker_world.h"

static struct keys next_keys;

/* What the hub wrote down of its next key. */
static struct control_hub_key announced(const struct keys *signer, const struct keys *next)
{
	struct control_hub_key k = { .has_key = true,
				     .key = next->identity_public,
				     .switch_ms = 1790604800000 };
	struct stream_identity *id;
	uint8_t input[NODE_SIGN_INPUT_MAX];

	assert_int_equal(stream_identity_new(&signer->identity, &id), ERR_OK);
	assert_int_equal(
		stream_identity_sign(id, input, node_identity_sign_input(&k.key, input), k.sig),
		ERR_OK);
	stream_identity_free(id);
	return k;
}

static void hub_says(struct control_hub_key k)
{
	struct control_msg m = { .type = CONTROL_HUB_KEY, .hub_key = k };

	fake_hub_send(&world->hub, &m);
}

static struct spoke *start_linked(struct world *x)
{
	struct spoke *s;

	assert_int_equal(keys_generate(&next_keys), ERR_OK);
	x->monitor_files.hub_pin = x->cfg.hub_pin_file;
	x->hub_caps = CAP_HUB_KEY;
	s = start(x);
	expect("ack 7");
	forget_notes();
	return s;
}

/* What stands in hub.pin, or hub.pin.next; false: there is no such file. */
static bool in_file(struct world *x, bool next, struct public_key *out)
{
	char path[PATHS_FILE_SIZE + 8];

	snprintf(path, sizeof(path), "%s%s", x->cfg.hub_pin_file, next ? KEY_FILES_NEXT : "");
	return keys_read_public(path, out) == ERR_OK;
}

static void assert_pin(struct world *x, const struct keys *pin, const struct keys *next)
{
	struct public_key key;

	assert_true(in_file(x, false, &key));
	assert_true(public_key_equal(&key, &pin->identity_public));
	assert_true(in_file(x, true, &key) == (next != NULL));
	assert_true(!next || public_key_equal(&key, &next->identity_public));
}

/* The hub's own record with the next key, as after the switch; with the chain or without. */
static void send_switched(uint64_t from, uint64_t to, bool chain)
{
	struct control_hub_key k = announced(&world->hub.keys, &next_keys);
	struct node_link link = { .key = world->hub.keys.identity_public };
	struct keys mixed = world->hub.keys;
	struct node n;

	mixed.identity = next_keys.identity;
	assert_int_equal(keys_complete(&mixed), ERR_OK);
	memcpy(link.sig, k.sig, sizeof(link.sig));
	fake_node(&n, 1, "hq", NODE_HUB, &mixed);
	if (chain)
		assert_int_equal(node_chain_add(&n, &link), ERR_OK);
	n.revision = to;
	send_delta((struct delta){ .from = from, .to = to, .n_changed = 1, .changed = &n });
	node_fini(&n);
}

static bool is_replaced(struct world *x)
{
	struct spoke *s = x->w.state;

	return public_key_equal(&s->hub_pin.pin, &next_keys.identity_public) &&
	       !s->hub_pin.unpromoted;
}

static void announced_confirmed_and_in_force(void **state)
{
	struct world *x = *state;
	struct spoke *s = start_linked(x);
	struct endpoint at = { 0 };

	assert_false(hub_pin_check(s, &at, &next_keys.identity_public));
	hub_says(announced(&x->hub.keys, &next_keys));
	expect("known");
	assert_true(public_key_equal(&x->known, &next_keys.identity_public));
	assert_pin(x, &x->hub.keys, &next_keys);
	assert_true(hub_pin_check(s, &at, &next_keys.identity_public));
	assert_true(hub_pin_check(s, &at, &x->hub.keys.identity_public));
	assert_false(hub_pin_check(s, &at, &x->bergen.identity_public));
	/* Told again: confirmed again, nothing else. */
	forget_notes();
	hub_says(announced(&x->hub.keys, &next_keys));
	expect("known");
	/* The hub's directory names it. */
	send_switched(7, 8, true);
	assert_true(wait_until(is_replaced, WAIT_MS));
	assert_pin(x, &next_keys, NULL);
	assert_false(hub_pin_check(s, &at, &x->hub.keys.identity_public));
}

/* The hub with the next key answers when this spoke dials again: nothing else has told it. */
static void a_hub_that_shows_the_next_key(void **state)
{
	struct world *x = *state;

	start_linked(x);
	hub_says(announced(&x->hub.keys, &next_keys));
	expect("known");
	forget_notes();
	stream_identity_free(x->hub.identity);
	assert_int_equal(stream_identity_new(&next_keys.identity, &x->hub.identity), ERR_OK);
	stream_close(x->hub.stream);
	x->hub.stream = NULL;
	expect("hello 7");
	assert_true(wait_until(is_replaced, WAIT_MS));
	assert_pin(x, &next_keys, NULL);
}

static bool is_dropped(struct world *x)
{
	struct public_key key;

	return !((struct spoke *)x->w.state)->hub_pin.has_next && !in_file(x, true, &key);
}

static void taken_back(void **state)
{
	struct world *x = *state;

	start_linked(x);
	hub_says(announced(&x->hub.keys, &next_keys));
	expect("known");
	hub_says((struct control_hub_key){ 0 });
	assert_true(wait_until(is_dropped, WAIT_MS));
	assert_pin(x, &x->hub.keys, NULL);
	/* Taken back while this spoke was away: the next welcome names none. */
	forget_notes();
	hub_says(announced(&x->hub.keys, &next_keys));
	expect("known");
	stream_close(x->hub.stream);
	x->hub.stream = NULL;
	assert_true(wait_until(is_dropped, WAIT_MS));
}

static void a_wrong_signature_is_refused(void **state)
{
	struct world *x = *state;
	struct spoke *s = start_linked(x);
	struct control_hub_key k = announced(&x->bergen, &next_keys);

	hub_says(k);
	k = announced(&x->hub.keys, &next_keys);
	k.key = x->bergen.identity_public; /* of another key */
	hub_says(k);
	expect_not("known", 100);
	assert_false(s->hub_pin.has_next);
	assert_pin(x, &x->hub.keys, NULL);
	assert_true(client_is_up(&s->client));
	/* Nor does a directory help that has no chain of signatures. */
	send_switched(7, 8, false);
	expect("ack 8");
	assert_false(hub_pin_check(s, &(struct endpoint){ 0 }, &next_keys.identity_public));
	assert_true(hub_pin_check(s, &(struct endpoint){ 0 }, &x->hub.keys.identity_public));
	assert_pin(x, &x->hub.keys, NULL);
}

/* A full disk while it was announced: not confirmed, and followed by the directory's chain. */
static void what_was_missed_follows_from_the_chain(void **state)
{
	struct world *x = *state;
	struct spoke *s = start_linked(x);

	x->monitor_fails = true;
	hub_says(announced(&x->hub.keys, &next_keys));
	expect_not("known", 100);
	assert_false(s->hub_pin.has_next);
	x->monitor_fails = false;
	send_switched(7, 8, true);
	assert_true(wait_until(is_replaced, WAIT_MS));
	assert_pin(x, &next_keys, NULL);
	expect("known");
}

static bool is_unpromoted(struct world *x)
{
	return ((struct spoke *)x->w.state)->hub_pin.unpromoted;
}

/* The file cannot take its place: both stay on the disk, so that a restart finds the right one. */
static void a_step_that_fails_is_tried_again(void **state)
{
	struct world *x = *state;
	struct spoke *s = start_linked(x);
	struct keys third;

	assert_int_equal(keys_generate(&third), ERR_OK);
	hub_says(announced(&x->hub.keys, &next_keys));
	expect("known");
	x->monitor_fails = true;
	send_switched(7, 8, true);
	expect("ack 8");
	assert_true(wait_until(is_unpromoted, WAIT_MS));
	assert_pin(x, &x->hub.keys, &next_keys);
	assert_false(hub_pin_check(s, &(struct endpoint){ 0 }, &x->hub.keys.identity_public));
	/* A third key has to wait: the file holds the one in force. */
	forget_notes();
	hub_says(announced(&next_keys, &third));
	expect_not("known", 100);
	assert_pin(x, &x->hub.keys, &next_keys);
	x->monitor_fails = false;
	send_change(8, 9);
	expect("known");
	assert_true(public_key_equal(&x->known, &third.identity_public));
	assert_pin(x, &next_keys, &third);
}

/* After a crash the two files are there, and either hub is ours. */
static void both_files_at_the_start(void **state)
{
	struct world *x = *state;
	char path[PATHS_FILE_SIZE + 8];
	struct spoke *s;

	assert_int_equal(keys_generate(&next_keys), ERR_OK);
	snprintf(path, sizeof(path), "%s" KEY_FILES_NEXT, x->cfg.hub_pin_file);
	put_file(path, next_keys.identity_public.b);
	x->monitor_files.hub_pin = x->cfg.hub_pin_file;
	s = start(x);
	expect("ack 7"); /* by a hub that says nothing of next keys: it stays */
	assert_true(s->hub_pin.has_next);
	assert_true(hub_pin_check(s, &(struct endpoint){ 0 }, &next_keys.identity_public));
}

static bool has_refused(struct world *x)
{
	return ((struct spoke *)x->w.state)->hub_pin.has_refused;
}

/* Away for all of it: refused, until the admin has changed hub.pin. */
static void pinned_by_hand(void **state)
{
	struct world *x = *state;
	struct spoke *s;

	assert_int_equal(keys_generate(&next_keys), ERR_OK);
	stream_identity_free(x->hub.identity);
	assert_int_equal(stream_identity_new(&next_keys.identity, &x->hub.identity), ERR_OK);
	s = start(x);
	assert_true(wait_until(has_refused, WAIT_MS));
	assert_true(public_key_equal(&s->hub_pin.refused, &next_keys.identity_public));
	assert_int_equal(x->hellos, 0);
	put_file(x->cfg.hub_pin_file, next_keys.identity_public.b);
	hub_pin_reload(s);
	client_hurry(&s->client);
	expect("hello 7");
	assert_false(hub_pin_check(s, &(struct endpoint){ 0 }, &x->hub.keys.identity_public));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(announced_confirmed_and_in_force, setup, teardown),
		cmocka_unit_test_setup_teardown(a_hub_that_shows_the_next_key, setup, teardown),
		cmocka_unit_test_setup_teardown(taken_back, setup, teardown),
		cmocka_unit_test_setup_teardown(a_wrong_signature_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(what_was_missed_follows_from_the_chain, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_step_that_fails_is_tried_again, setup, teardown),
		cmocka_unit_test_setup_teardown(both_files_at_the_start, setup, teardown),
		cmocka_unit_test_setup_teardown(pinned_by_hand, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
