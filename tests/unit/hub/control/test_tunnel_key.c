/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The hub's own tunnel key: made, used, changed over to and promoted by a control worker that is
 * killed at every step. The test plays the engine's and the monitor's part with the real files. */
#include "hub/change_hub_tunnel.h"
#include "shared/keys/keys.h"
#include "shared/monitor/key_files.h"
#include "shared/tunnel/own_keys.h"
#include "tests/unit/hub/control/hub_world.h"

static struct world *the_world;
static bool disk_full;
static bool monitor_deaf; /* takes requests, does nothing and says nothing */

static struct key_files files_of(struct world *w)
{
	return (struct key_files){ .identity = w->config.identity_key_file,
				   .tunnel = w->config.tunnel_key_file };
}

/* As the monitor does it. */
static void monitor_keeps(struct channel *ch, void *arg, uint16_t type, struct cursor *body, int fd)
{
	struct world *w = arg;
	struct key_files files = files_of(w);
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
	if (monitor_deaf)
		return;
	done.tag = m.tag;
	done.result = disk_full ? ERR_FULL : key_files_step(&files, &m);
	cursor_init_write(&out, mem, sizeof(mem));
	monitor_done_encode(&done, &out);
	assert_int_equal(channel_send(w->monitor, MONITOR_DONE, mem, cursor_pos(&out), -1), ERR_OK);
}

static const struct channel_events monitor_with_files = { .message = monitor_keeps,
							  .closed = nobody_closes };

/* --- the engine --- */

static struct {
	struct public_key key[2];
	unsigned n;
	struct public_key named; /* by the last ENGINE_SELF */
	unsigned made;
} engine;

/* The key of a file; zeros: there is none. */
static struct public_key in_file(struct world *w, bool next)
{
	struct public_key key = { { 0 } };
	struct secret_key secret;
	bool found = true;

	if (next)
		assert_int_equal(keys_read_next(w->config.tunnel_key_file, &secret, &found),
				 ERR_OK);
	else
		assert_int_equal(keys_read_secret(w->config.tunnel_key_file, &secret), ERR_OK);
	if (found)
		assert_int_equal(keys_tunnel_public(&secret, &key), ERR_OK);
	return key;
}

static const struct public_key no_key;

static bool is_key(struct public_key a, struct public_key b) { return public_key_equal(&a, &b); }

static void engine_tells(struct world *w, enum err result)
{
	struct engine_keys m = { .result = result, .n = (uint8_t)engine.n };
	uint8_t mem[128];
	struct cursor cur;

	memcpy(m.key, engine.key, sizeof(m.key));
	cursor_init_write(&cur, mem, sizeof(mem));
	engine_keys_encode(&m, &cur);
	assert_int_equal(channel_send(w->engine, ENGINE_KEYS, mem, cursor_pos(&cur), -1), ERR_OK);
}

/* From its files, as after a start. */
static void engine_starts(struct world *w)
{
	engine.key[0] = in_file(w, false);
	engine.key[1] = in_file(w, true);
	engine.n = is_key(engine.key[1], no_key) || is_key(engine.key[0], engine.key[1]) ? 1 : 2;
	engine_tells(w, ERR_OK);
}

/* The second key, in its file. */
static void second_key(struct world *w)
{
	struct monitor_key m = { .what = MONITOR_KEY_TUNNEL, .op = MONITOR_KEY_KEEP };
	struct key_files files = files_of(w);

	assert_int_equal(engine.n, 1);
	secret_random(m.key.b, sizeof(m.key.b));
	assert_true(key_files_may(&files, WORKER_ENGINE, &m));
	assert_int_equal(key_files_step(&files, &m), ERR_OK);
	engine.key[1] = in_file(w, true);
	engine.n = 2;
	engine.made++;
}

static void engine_makes(struct world *w)
{
	if (!disk_full)
		second_key(w);
	engine_tells(w, disk_full ? ERR_FULL : ERR_OK);
}

static void engine_retires(struct world *w)
{
	if (is_key(engine.key[1], engine.named))
		engine.key[0] = engine.key[1];
	assert_true(is_key(engine.key[0], engine.named));
	engine.n = 1;
	engine_tells(w, ERR_OK);
}

static void engine_plays(struct channel *ch, void *arg, uint16_t type, struct cursor *body, int fd)
{
	struct world *w = arg;
	struct cursor copy = *body;
	struct engine_self self;

	if (type == ENGINE_SELF) {
		assert_int_equal(engine_self_decode(&copy, &self), ERR_OK);
		engine.named = self.tunnel_key;
	}
	if (type == ENGINE_KEY_MAKE)
		engine_makes(w);
	else if (type == ENGINE_KEY_RETIRE)
		engine_retires(w);
	engine_hears(ch, arg, type, body, fd);
}

static const struct channel_events engine_with_keys = { .message = engine_plays,
							.closed = nobody_closes };

/* A peer's session was made with this key; NULL: there is none. */
static void engine_has_session(struct world *w, uint32_t id, const struct public_key *key)
{
	struct engine_status m = { .tag = w->c->engine.status_tag,
				   .id = id,
				   .path = PATH_DIRECT_UDP,
				   .endpoint = { .port = 6655, .addr.family = AF_INET },
				   .cipher = CIPHER_WIREGUARD,
				   .own_key = key ? own_key_mark(key) : 0 };
	uint8_t mem[512];
	struct cursor cur;

	m.endpoint.addr.b[0] = 10;
	cursor_init_write(&cur, mem, sizeof(mem));
	engine_status_encode(&m, &cur);
	assert_int_equal(channel_send(w->engine, ENGINE_STATUS, mem, cursor_pos(&cur), -1), ERR_OK);
}

/* --- the world --- */

/* Ends the worker, and starts it anew, with engine and monitor. */
static void restart(struct world *w)
{
	world_end_worker(w);
	memset(&w->w, 0, sizeof(w->w));
	memset(&w->heard, 0, sizeof(w->heard));
	w->w.role = WORKER_CONTROL;
	w->w.ops = control_role();
	w->w.loop = w->loop;
	listen_on_loopback(w);
	join_ends(w, &w->w.monitor, &w->monitor, &monitor_with_files);
	join_ends(w, &w->w.siblings[WORKER_ENGINE], &w->engine, &engine_with_keys);
	join_ends(w, &w->w.siblings[WORKER_API], &w->api, &api_calls);
	assert_int_equal(w->w.ops->load(&w->config, &w->w.state), ERR_OK);
	w->c = w->w.state;
	assert_int_equal(w->w.ops->start(&w->w), ERR_OK);
	w->w.ops->sibling_up(&w->w, WORKER_ENGINE);
	w->w.ops->sibling_up(&w->w, WORKER_API);
	w->running = true;
	engine_starts(w);
	settle(w, 20);
}

/* The hub's tunnel key of the database gets its private half, in the file. */
static void make_tunnel_file(struct world *w)
{
	struct monitor_key m = { .what = MONITOR_KEY_TUNNEL, .op = MONITOR_KEY_KEEP };
	struct store_key k = { .node_id = w->hub_id, .kind = KEY_TUNNEL, .unbroken = true };
	struct key_files files;

	paths_join(w->config.tunnel_key_file, w->dir, "tunnel.key");
	files = files_of(w);
	secret_random(m.key.b, sizeof(m.key.b));
	assert_int_equal(key_files_step(&files, &m), ERR_OK);
	m.op = MONITOR_KEY_PROMOTE;
	assert_int_equal(key_files_step(&files, &m), ERR_OK);
	k.key = in_file(w, false);
	assert_int_equal(store_begin(w->admin), ERR_OK);
	assert_int_equal(store_key_put(w->admin, &k), ERR_OK);
	assert_int_equal(store_commit(w->admin), ERR_OK);
}

static int setup(void **state)
{
	int code = world_setup(state);

	the_world = *state;
	disk_full = monitor_deaf = false;
	memset(&engine, 0, sizeof(engine));
	world_end_worker(the_world);
	make_tunnel_file(the_world);
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

	if (change_hub_tunnel_rotate(&c, w->hub_id, overlap_s, NULL))
		fail_msg("rotate: %s %s", c.code, c.detail);
	nudge_keys(w);
}

static void admin_finishes(struct world *w)
{
	struct change c = by_admin(w);

	if (change_hub_tunnel_finish(&c, w->hub_id, true, NULL))
		fail_msg("finish: %s %s", c.code, c.detail);
}

static uint32_t admin_adds_device(struct world *w, const char *name)
{
	struct public_key key = { .b = { 9 } };
	struct change_node_add in = { .name = name, .kind = NODE_WIREGUARD, .tunnel_key = &key };
	struct change c = by_admin(w);
	struct node n;
	uint32_t id;

	if (change_node_add(&c, &in, &n))
		fail_msg("add: %s %s", c.code, c.detail);
	id = n.id;
	node_fini(&n);
	return id;
}

static struct hub_tunnel view(struct world *w)
{
	struct hub_tunnel h;

	assert_int_equal(hub_tunnel_read(w->admin, w->hub_id, &h), ERR_OK);
	return h;
}

static bool is_overlap(void *arg)
{
	struct hub_tunnel h = view(arg);

	return h.has_row && h.row.state == HUB_TUNNEL_OVERLAP &&
	       is_key(engine.named, h.current.key);
}

/* One key, everywhere. */
static bool is_stable(void *arg)
{
	struct hub_tunnel h = view(arg);

	return !h.has_row && engine.n == 1 && is_key(engine.key[0], h.current.key) &&
	       is_key(in_file(arg, true), no_key) && is_key(in_file(arg, false), h.current.key);
}

static bool one_has_changed_over(void *arg) { return view(arg).sum.known == 1; }

static void made_used_and_promoted(void **state)
{
	struct world *w = *state;
	struct public_key before = in_file(w, false);
	uint32_t device = admin_adds_device(w, "lamp");
	struct hub_tunnel h;
	struct spoke x;

	spoke_joins(w, &x, "oslo", NULL);
	spoke_sends_ack(&x, x.revision);
	assert_true(is_key(engine.named, before));
	admin_rotates(w, 3600);
	assert_true(wait_for(w, is_overlap, w));
	h = view(w);
	/* It is on the disk already, the spoke is told, and both are there. */
	assert_true(is_key(in_file(w, true), h.current.key));
	assert_true(is_key(in_file(w, false), before) && engine.n == 2);
	assert_true(wait_for(w, is_caught_up, &x));
	/* Sessions with the old key say nothing; and a device without one needs the old key yet. */
	engine_has_session(w, x.id, &before);
	engine_has_session(w, device, NULL);
	settle(w, 2 * TUNNEL_KEY_WRITE_MS);
	assert_int_equal(view(w).sum.known, 0);
	engine_has_session(w, x.id, &h.current.key);
	assert_true(wait_for(w, one_has_changed_over, w));
	engine_has_session(w, device, &h.current.key);
	assert_true(wait_for(w, is_stable, w));
	assert_true(is_key(in_file(w, false), h.current.key));
	assert_false(x.closed);
	spoke_end(&x);
}

/* A spoke without a session knows the new key by its directory. */
static void a_spoke_without_a_session(void **state)
{
	struct world *w = *state;
	struct spoke x;

	spoke_joins(w, &x, "oslo", NULL);
	admin_rotates(w, 3600);
	assert_true(wait_for(w, is_overlap, w));
	engine_has_session(w, x.id, NULL);
	settle(w, 2 * TUNNEL_KEY_WRITE_MS);
	assert_int_equal(view(w).sum.known, 0);
	assert_true(wait_for(w, is_caught_up, &x));
	spoke_sends_ack(&x, w->c->dir.revision);
	settle(w, 50);
	engine_has_session(w, x.id, NULL);
	assert_true(wait_for(w, is_stable, w));
	spoke_end(&x);
}

/* What a worker finds that died at each step, and what it makes of that. */
static void killed_at_every_step(void **state)
{
	struct world *w = *state;
	struct public_key before = in_file(w, false), next;
	struct change c = by_admin(w);

	admin_adds_device(w, "lamp");
	/* Asked for, nothing made. */
	world_end_worker(w);
	assert_int_equal(change_hub_tunnel_rotate(&c, w->hub_id, 3600, NULL), ERR_OK);
	restart(w);
	assert_true(wait_for(w, is_overlap, w));
	next = view(w).current.key;
	/* In the overlap. */
	restart(w);
	settle(w, 50);
	assert_true(is_overlap(w) && is_key(view(w).current.key, next) && engine.n == 2);
	/* Over in the store, the file not promoted. */
	world_end_worker(w);
	admin_finishes(w);
	assert_true(is_key(in_file(w, false), before));
	restart(w);
	assert_true(wait_for(w, is_stable, w));
	assert_true(is_key(in_file(w, false), next));
	/* Made, and on the disk, but in nobody's directory yet: it is used, no other is made. */
	world_end_worker(w);
	assert_int_equal(change_hub_tunnel_rotate(&c, w->hub_id, 3600, NULL), ERR_OK);
	second_key(w);
	engine.made = 0;
	restart(w);
	assert_true(wait_for(w, is_overlap, w));
	assert_int_equal(engine.made, 0);
	/* Promoted, and the engine was not told. */
	world_end_worker(w);
	admin_finishes(w);
	assert_int_equal(key_files_step(&(struct key_files){ .tunnel = w->config.tunnel_key_file },
					&(struct monitor_key){ .what = MONITOR_KEY_TUNNEL,
							       .op = MONITOR_KEY_PROMOTE }),
			 ERR_OK);
	restart(w);
	assert_true(wait_for(w, is_stable, w));
}

/* Control dies between promoting and telling the engine, which goes on: the file is not there. */
static void promoted_before_the_engine_knew(void **state)
{
	struct world *w = *state;

	admin_adds_device(w, "lamp");
	admin_rotates(w, 3600);
	assert_true(wait_for(w, is_overlap, w));
	monitor_deaf = true;
	admin_finishes(w);
	nudge_keys(w);
	settle(w, 50);
	assert_int_equal(key_files_step(&(struct key_files){ .tunnel = w->config.tunnel_key_file },
					&(struct monitor_key){ .what = MONITOR_KEY_TUNNEL,
							       .op = MONITOR_KEY_PROMOTE }),
			 ERR_OK);
	w->c->tunnel_key.step_tag = 0; /* as a new worker has it */
	monitor_deaf = false;
	nudge_keys(w);
	assert_true(wait_for(w, is_stable, w));
}

/* A key that nobody asks for any more goes. */
static void cancelled_after_it_was_made(void **state)
{
	struct world *w = *state;
	struct public_key before = in_file(w, false);
	struct change c = by_admin(w);

	world_end_worker(w);
	assert_int_equal(change_hub_tunnel_rotate(&c, w->hub_id, 3600, NULL), ERR_OK);
	second_key(w);
	assert_int_equal(change_hub_tunnel_cancel(&c, w->hub_id, NULL), ERR_OK);
	restart(w);
	assert_true(wait_for(w, is_stable, w));
	assert_true(is_key(in_file(w, false), before));
}

/* Spokes that do not come are waited for until the time is over, devices until they are gone. */
static void the_time_is_over(void **state)
{
	struct world *w = *state;
	uint32_t device;
	struct change c = by_admin(w);
	struct spoke x;

	spoke_joins(w, &x, "oslo", NULL);
	spoke_hangs_up(&x);
	admin_rotates(w, 1);
	assert_true(wait_for(w, is_overlap, w));
	assert_true(wait_for(w, is_stable, w));
	device = admin_adds_device(w, "lamp");
	nudge(w);
	admin_rotates(w, 1);
	assert_true(wait_for(w, is_overlap, w));
	settle(w, 1200);
	assert_true(is_overlap(w) && w->c->tunnel_key.waits_told);
	assert_int_equal(change_node_revoke(&c, device, "sold"), ERR_OK);
	nudge(w);
	assert_true(wait_for(w, is_stable, w));
	spoke_end(&x);
}

/* Nothing is used that is not on the disk; it goes on when there is room. */
static void a_full_disk(void **state)
{
	struct world *w = *state;

	admin_adds_device(w, "lamp");
	disk_full = true;
	admin_rotates(w, 3600);
	settle(w, 100);
	assert_false(is_overlap(w));
	assert_true(w->c->tunnel_key.again_ms != 0);
	disk_full = false;
	assert_true(wait_for(w, is_overlap, w));
	disk_full = true;
	admin_finishes(w);
	nudge_keys(w);
	settle(w, 100);
	assert_true(engine.n == 2);
	/* The next replacement waits for that: it needs the file. */
	admin_rotates(w, 3600);
	settle(w, 100);
	assert_false(is_overlap(w));
	disk_full = false;
	assert_true(wait_for(w, is_overlap, w));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(made_used_and_promoted, setup, world_teardown),
		cmocka_unit_test_setup_teardown(a_spoke_without_a_session, setup, world_teardown),
		cmocka_unit_test_setup_teardown(killed_at_every_step, setup, world_teardown),
		cmocka_unit_test_setup_teardown(promoted_before_the_engine_knew, setup,
						world_teardown),
		cmocka_unit_test_setup_teardown(cancelled_after_it_was_made, setup, world_teardown),
		cmocka_unit_test_setup_teardown(the_time_is_over, setup, world_teardown),
		cmocka_unit_test_setup_teardown(a_full_disk, setup, world_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
