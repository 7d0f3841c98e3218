/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The hub's own identity key: made, announced, confirmed, used and promoted by a control worker
 * that is killed at every step. The test plays the monitor's part with the real files. */
#include "hub/change_hub_identity.h"
#include "shared/keys/keys.h"
#include "shared/monitor/key_files.h"
#include "tests/unit/hub/control/hub_world.h"

static struct world *the_world;
static bool disk_full;

/* As the monitor does it. */
static void monitor_keeps(struct channel *ch, void *arg, uint16_t type, struct cursor *body, int fd)
{
	struct world *w = arg;
	struct key_files files = { .identity = w->config.identity_key_file };
	struct monitor_done done = { 0 };
	struct monitor_key m;
	uint8_t mem[512];
	struct cursor out;

	if (type != MONITOR_KEY) {
		monitor_hears(ch, arg, type, body, fd);
		return;
	}
	assert_int_equal(monitor_key_decode(body, &m), ERR_OK);
	assert_true(key_files_may(&files, WORKER_CONTROL, &m));
	w->heard.monitor[type]++;
	done.tag = m.tag;
	done.result = disk_full ? ERR_FULL : key_files_step(&files, &m);
	cursor_init_write(&out, mem, sizeof(mem));
	monitor_done_encode(&done, &out);
	assert_int_equal(channel_send(w->monitor, MONITOR_DONE, mem, cursor_pos(&out), -1), ERR_OK);
}

static const struct channel_events keeping_calls = { .message = monitor_keeps,
						     .closed = nobody_closes };

/* Ends the worker, and starts it anew with a monitor that has files. */
static void restart(struct world *w)
{
	world_end_worker(w);
	memset(&w->w, 0, sizeof(w->w));
	memset(&w->heard, 0, sizeof(w->heard));
	w->w.role = WORKER_CONTROL;
	w->w.ops = control_role();
	w->w.loop = w->loop;
	listen_on_loopback(w);
	join_ends(w, &w->w.monitor, &w->monitor, &keeping_calls);
	join_ends(w, &w->w.siblings[WORKER_ENGINE], &w->engine, &engine_calls);
	join_ends(w, &w->w.siblings[WORKER_API], &w->api, &api_calls);
	assert_int_equal(w->w.ops->load(&w->config, &w->w.state), ERR_OK);
	w->c = w->w.state;
	assert_int_equal(w->w.ops->start(&w->w), ERR_OK);
	w->w.ops->sibling_up(&w->w, WORKER_ENGINE);
	w->w.ops->sibling_up(&w->w, WORKER_API);
	w->running = true;
	settle(w, 20);
}

static int setup(void **state)
{
	int code = world_setup(state);

	the_world = *state;
	disk_full = false;
	restart(the_world);
	return code;
}

static void nudge_keys(struct world *w)
{
	assert_int_equal(channel_send(w->api, NUDGE_KEYS, NULL, 0, -1), ERR_OK);
}

static void admin_rotates(struct world *w, uint32_t overlap_s)
{
	struct change c = by_admin(w);

	if (change_hub_identity_rotate(&c, w->hub_id, overlap_s, NULL))
		fail_msg("rotate: %s %s", c.code, c.detail);
	nudge_keys(w);
}

static void admin_finishes(struct world *w)
{
	struct change c = by_admin(w);

	if (change_hub_identity_switch(&c, w->hub_id, true, NULL))
		fail_msg("finish: %s %s", c.code, c.detail);
	nudge(w);
}

static struct hub_identity view(struct world *w)
{
	struct hub_identity h;

	assert_int_equal(hub_identity_read(w->admin, w->hub_id, &h), ERR_OK);
	return h;
}

static bool is_announced(void *arg) { return ((struct world *)arg)->c->hub_key.told.has_key; }

static bool is_none(void *arg)
{
	const struct control *c = ((struct world *)arg)->c;

	return !c->hub_key.told.has_key && !c->hub_key.next && !c->hub_key.unpromoted;
}

static bool all_know(void *arg)
{
	struct hub_identity h = view(arg);

	return h.sum.known == h.sum.spokes;
}

/* The key of a file; zeros: there is none. */
static struct public_key in_file(struct world *w, bool next)
{
	struct public_key key = { { 0 } };
	struct stream_identity *id;
	struct secret_key seed;
	bool found = true;

	if (next)
		assert_int_equal(keys_read_next(w->config.identity_key_file, &seed, &found),
				 ERR_OK);
	else
		assert_int_equal(keys_read_secret(w->config.identity_key_file, &seed), ERR_OK);
	if (!found)
		return key;
	assert_int_equal(stream_identity_new(&seed, &id), ERR_OK);
	key = *stream_identity_public(id);
	stream_identity_free(id);
	return key;
}

static const struct public_key no_key;

static bool is_key(struct public_key a, struct public_key b) { return public_key_equal(&a, &b); }

/* A hello that says that the spoke takes announcements. */
static void says_hello(struct spoke *x)
{
	struct control_msg m = { .type = CONTROL_HELLO };
	struct public_key identity;

	spoke_dial(x);
	m.hello.revision = m.hello.highest_revision = x->revision;
	m.hello.capabilities = CAP_HUB_KEY;
	m.hello.aes = true;
	m.hello.tunnel_key = x->tunnel;
	sign_tunnel(&x->seed, &x->tunnel, &identity, m.hello.tunnel_sig);
	spoke_sends(x, &m);
	spoke_expects(x, CONTROL_WELCOME);
}

static void confirms(struct spoke *x, const struct public_key *key)
{
	struct control_msg m = { .type = CONTROL_HUB_KEY_KNOWN, .hub_key_known.key = *key };

	spoke_sends(x, &m);
}

static void announced_confirmed_and_used(void **state)
{
	struct world *w = *state;
	struct public_key before = w->hub_key;
	const struct control_hub_key *k;
	struct spoke x, old;
	struct hub_identity h;

	spoke_joins(w, &x, "oslo", NULL);
	spoke_joins(w, &old, "bergen", NULL); /* of a version that has not heard of this */
	says_hello(&x);
	assert_false(spoke_got(&x, CONTROL_WELCOME, 0)->welcome.hub_key.has_key);
	admin_rotates(w, 3600);
	k = &spoke_expects(&x, CONTROL_HUB_KEY)->hub_key;
	assert_true(k->has_key && keys_identity_is_signed(&before, &k->key, k->sig));
	assert_true(k->switch_ms > clock_wall_ms());
	h = view(w);
	assert_true(is_key(h.key, k->key));
	/* It is on the disk already, and not in force. */
	assert_true(is_key(in_file(w, true), k->key));
	assert_true(is_key(in_file(w, false), before));
	/* A confirmation of something else says nothing; this one does, once. */
	confirms(&x, &before);
	confirms(&x, &k->key);
	confirms(&x, &k->key);
	settle(w, 2 * HUB_KEY_WRITE_MS);
	h = view(w);
	assert_true(h.sum.spokes == 2 && h.sum.known == 1);
	assert_null(spoke_got(&old, CONTROL_HUB_KEY, 0));
	/* Who comes is told by its welcome. */
	says_hello(&x);
	k = &spoke_got(&x, CONTROL_WELCOME, 0)->welcome.hub_key;
	assert_true(k->has_key && is_key(k->key, h.key));
	admin_finishes(w);
	w->hub_key = h.key;
	assert_true(wait_for(w, is_none, w));
	assert_true(is_key(in_file(w, false), h.key));
	assert_true(is_key(in_file(w, true), no_key));
	/* The link from before has stayed, and heard of the new key by the directory alone. */
	assert_true(wait_for(w, is_caught_up, &x));
	assert_false(x.closed || old.closed);
	assert_null(spoke_got(&x, CONTROL_HUB_KEY, 0));
	/* A new one is opened with it, which proves that the spoke takes it. */
	h = view(w);
	assert_int_equal(h.sum.known, 1);
	says_hello(&old);
	assert_true(wait_for(w, all_know, w));
	spoke_end(&x);
	spoke_end(&old);
}

static void taken_back(void **state)
{
	struct world *w = *state;
	struct change c = by_admin(w);
	struct spoke x;

	spoke_joins(w, &x, "oslo", NULL);
	says_hello(&x);
	admin_rotates(w, 3600);
	assert_true(spoke_expects(&x, CONTROL_HUB_KEY)->hub_key.has_key);
	assert_int_equal(change_hub_identity_cancel(&c, w->hub_id, "", NULL), ERR_OK);
	nudge_keys(w);
	assert_false(spoke_expects_nth(&x, CONTROL_HUB_KEY, 1)->hub_key.has_key);
	assert_true(wait_for(w, is_none, w));
	settle(w, 20);
	assert_true(is_key(in_file(w, true), no_key));
	assert_true(is_key(in_file(w, false), w->hub_key));
	spoke_end(&x);
}

/* What a worker finds that died at each step, and what it makes of that. */
static void killed_at_every_step(void **state)
{
	struct world *w = *state;
	struct public_key next;
	struct change c = by_admin(w);

	/* Asked for, nothing made. */
	world_end_worker(w);
	assert_int_equal(change_hub_identity_rotate(&c, w->hub_id, 3600, NULL), ERR_OK);
	restart(w);
	assert_true(wait_for(w, is_announced, w));
	next = w->c->hub_key.told.key;
	/* Announced. */
	restart(w);
	assert_true(is_announced(w) && is_key(w->c->hub_key.told.key, next));
	/* In force in the store, the file not promoted. */
	world_end_worker(w);
	assert_int_equal(change_hub_identity_switch(&c, w->hub_id, true, NULL), ERR_OK);
	assert_true(is_key(in_file(w, false), w->hub_key));
	restart(w);
	assert_true(is_key(*stream_identity_public(w->c->identity), next));
	assert_true(wait_for(w, is_none, w));
	assert_true(is_key(in_file(w, false), next));
	w->hub_key = next;
	/* A key that nobody asks for any more, from before a cancel. */
	admin_rotates(w, 3600);
	assert_true(wait_for(w, is_announced, w));
	world_end_worker(w);
	assert_int_equal(change_hub_identity_cancel(&c, w->hub_id, "", NULL), ERR_OK);
	restart(w);
	assert_true(wait_for(w, is_none, w));
	assert_true(is_key(in_file(w, true), no_key));
	assert_true(is_key(*stream_identity_public(w->c->identity), next));
}

/* The overlap ends by itself, also while no hub runs. */
static void the_time_is_over(void **state)
{
	struct world *w = *state;
	struct public_key next;

	admin_rotates(w, 1);
	assert_true(wait_for(w, is_announced, w));
	next = w->c->hub_key.told.key;
	assert_true(wait_for(w, is_none, w));
	assert_true(is_key(*stream_identity_public(w->c->identity), next));
	w->hub_key = next;
	admin_rotates(w, 1);
	assert_true(wait_for(w, is_announced, w));
	next = w->c->hub_key.told.key;
	world_end_worker(w);
	settle(w, 1100);
	restart(w);
	assert_true(wait_for(w, is_none, w));
	assert_true(is_key(*stream_identity_public(w->c->identity), next));
	w->hub_key = next;
}

/* Files that do not fit the database. */
static void lost_and_restored_files(void **state)
{
	struct world *w = *state;
	char next_file[PATHS_FILE_SIZE + 8];
	struct public_key next;

	snprintf(next_file, sizeof(next_file), "%s" KEY_FILES_NEXT, w->config.identity_key_file);
	admin_rotates(w, 3600);
	assert_true(wait_for(w, is_announced, w));
	/* The announced key is gone: what nobody could ever prove must not come into force. */
	world_end_worker(w);
	assert_int_equal(unlink(next_file), 0);
	restart(w);
	assert_true(wait_for(w, is_none, w));
	assert_false(view(w).has_next);
	/* A backup's database that is a little older than its files: the switch had been made. */
	admin_rotates(w, 3600);
	assert_true(wait_for(w, is_announced, w));
	next = w->c->hub_key.told.key;
	world_end_worker(w);
	assert_int_equal(rename(next_file, w->config.identity_key_file), 0);
	restart(w);
	assert_true(wait_for(w, is_none, w));
	assert_true(is_key(view(w).current.key, next));
	w->hub_key = next;
}

/* Nothing is announced that is not on the disk; it goes on when there is room. */
static void a_full_disk(void **state)
{
	struct world *w = *state;

	disk_full = true;
	admin_rotates(w, 3600);
	settle(w, 100);
	assert_false(is_announced(w));
	assert_true(w->c->hub_key.again_ms != 0);
	disk_full = false;
	assert_true(wait_for(w, is_announced, w));
	/* A switch with a full disk: the key in force is used from identity.key.next meanwhile. */
	disk_full = true;
	w->hub_key = w->c->hub_key.told.key;
	admin_finishes(w);
	settle(w, 100);
	assert_true(is_key(*stream_identity_public(w->c->identity), w->hub_key));
	assert_true(w->c->hub_key.unpromoted);
	/* The next replacement waits for that: it needs the file. */
	admin_rotates(w, 3600);
	settle(w, 100);
	assert_true(is_key(in_file(w, true), w->hub_key));
	disk_full = false;
	assert_true(wait_for(w, is_announced, w));
	assert_true(is_key(in_file(w, false), w->hub_key));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(announced_confirmed_and_used, setup,
						world_teardown),
		cmocka_unit_test_setup_teardown(taken_back, setup, world_teardown),
		cmocka_unit_test_setup_teardown(killed_at_every_step, setup, world_teardown),
		cmocka_unit_test_setup_teardown(the_time_is_over, setup, world_teardown),
		cmocka_unit_test_setup_teardown(lost_and_restored_files, setup, world_teardown),
		cmocka_unit_test_setup_teardown(a_full_disk, setup, world_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
