/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The link and the directory of a whole control worker. */
#include "worker_world.h"

static void works_from_the_cache_while_the_hub_is_away(void **state)
{
	struct world *x = *state;

	x->cfg.n_hubs = 0;
	start(x);
	expect("begin; peer oslo; peer hq; peer bergen; end 7");
	expect("net 4");
	assert_non_null(strstr(x->notes, "net 1; net 2; net 3; net 3; net 4"));
	assert_null(strstr(x->notes, "ack"));
	assert_int_equal(x->hellos, 0);
}

static void hello_welcome_ack(void **state)
{
	struct world *x = *state;
	struct cache c;

	start(x);
	expect("ack 7");
	assert_int_equal(x->hello.revision, 7);
	assert_int_equal(x->hello.highest_revision, 7);
	assert_true(public_key_equal(&x->hub.peer, &x->keys.identity_public));
	assert_true(keys_tunnel_is_signed(&x->hub.peer, &x->hello.tunnel_key, x->hello.tunnel_sig));
	assert_non_null(strstr(x->notes, "endpoints of 1: "));
	read_cache(&c);
	assert_int_equal(c.last_good.port, x->hub.port);
	cache_fini(&c);
}

static void the_ack_waits_for_the_engine(void **state)
{
	struct world *x = *state;
	struct cache c;

	start(x);
	expect("ack 7");
	forget_notes();
	x->engine_answers = false;
	send_change(7, 8);
	expect("peer bergen; commit 8");
	read_cache(&c); /* written before the ack */
	assert_int_equal(c.dir.revision, 8);
	cache_fini(&c);
	expect_not("ack", 100);
	send_revision(ENGINE_APPLIED, 8);
	expect("ack 8");
}

static void a_full_disk_does_not_hold_the_ack_back(void **state)
{
	struct world *x = *state;

	start(x);
	expect("ack 7");
	snprintf(x->cfg.cache_file, sizeof(x->cfg.cache_file), "%s/missing/directory.json",
		 x->root);
	send_change(7, 8);
	expect("ack 8");
}

/* What was said with -o holds also after SIGHUP; what only the file says is read again. */
static void a_reload_keeps_overrides(void **state)
{
	static const char *const overrides[] = { "OfflineGrace=120", NULL };
	static const char conf[] = "Name = oslo\nOfflineGrace = 600\nLocalDiscovery = no\n";
	char path[PATHS_FILE_SIZE];
	struct world *x = *state;

	assert_int_equal(file_write_atomic(paths_join(path, x->paths.etc, "spoke.conf"), conf,
					   sizeof(conf) - 1, 0644),
			 ERR_OK);
	x->cfg.overrides = overrides;
	x->cfg.local_discovery = true;
	start(x);
	x->w.ops->reload(&x->w);
	assert_int_equal(x->cfg.offline_grace_s, 120);
	assert_false(x->cfg.local_discovery);
	assert_int_equal(x->cfg.n_hubs, 0);
}

/* No byte can be written to any file: a full disk, but what is there can still be removed. */
static void fill_disk(bool full)
{
	struct rlimit r;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &r), 0);
	r.rlim_cur = full ? 0 : r.rlim_max;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &r), 0);
}

/* With a full disk the old file stays while it holds too little, and goes when it holds too much:
 * a restart with the hub away must not bring back whom the hub has cut. */
static void a_full_disk_keeps_no_revoked_node(void **state)
{
	struct delta_gone gone = { .id = 3, .revoked = true };
	struct world *x = *state;

	start(x);
	expect("ack 7");
	fill_disk(true);
	send_change(7, 8);
	expect("ack 8");
	assert_true(file_exists(x->cfg.cache_file));
	send_delta((struct delta){ .from = 8, .to = 9, .n_gone = 1, .gone = &gone });
	expect("ack 9");
	fill_disk(false);
	assert_false(file_exists(x->cfg.cache_file));
	/* The next change that can be written is there again. */
	send_change(9, 10);
	expect("ack 10");
	assert_true(file_exists(x->cfg.cache_file));
}

static void a_gap_leads_to_a_snapshot(void **state)
{
	struct world *x = *state;
	struct node n[2];

	start(x);
	expect("ack 7");
	forget_notes();
	x->welcome_revision = 12;
	send_change(11, 12);
	expect("hello 0");
	assert_int_equal(x->hello.highest_revision, 7);
	fake_node(&n[0], 1, "hq", NODE_HUB, &x->hub.keys);
	fake_node(&n[1], 2, "oslo", NODE_SPOKE, &x->keys);
	send_delta((struct delta){ .from = 0, .to = 12, .n_changed = 2, .changed = n });
	expect("begin; peer oslo; peer hq; end 12");
	expect("ack 12");
	node_fini(&n[0]);
	node_fini(&n[1]);
}

static void revoked_drops_all_peers_and_is_remembered(void **state)
{
	struct world *x = *state;
	struct control_msg m = { .type = CONTROL_BYE,
				 .bye = { .reason = BYE_REVOKED, .text = "stolen" } };
	struct spoke *s = start(x);
	struct cache c;

	expect("ack 7");
	forget_notes();
	fake_hub_send(&x->hub, &m);
	expect("begin; peer oslo; end 7");
	assert_int_equal(s->client.state, CLIENT_WAITING);
	assert_true(timer_armed(&s->client.timer));
	assert_true(s->client.timer.at_ms >= clock_now_ms() + LINK_RETRY_REFUSED_MS - 2000);
	assert_string_equal(s->client.why, "its key was revoked: stolen");
	read_cache(&c);
	assert_true(c.refused);
	cache_fini(&c);
	/* The next engine gets no peers either. */
	forget_notes();
	detach_engine(x);
	attach_engine(x);
	expect("begin; peer oslo; end 7");
	/* Pardoned: the peers come back. */
	forget_notes();
	client_hurry(&s->client);
	expect("begin; peer oslo; peer hq; peer bergen; end 7");
	expect("ack 7");
}

static void refused_before_a_restart(void **state)
{
	struct world *x = *state;
	struct cache c;

	fill_cache(&c);
	c.refused = true;
	snprintf(c.refused_why, sizeof(c.refused_why), "its key was revoked");
	assert_int_equal(cache_save(&c, x->cfg.cache_file), ERR_OK);
	cache_fini(&c);
	x->welcome_revision = 0;
	start(x);
	expect("begin; peer oslo; end 7");
}

static void an_old_directory_is_not_trusted(void **state)
{
	struct world *x = *state;
	struct cache c;

	fill_cache(&c);
	c.confirmed_ms = c.seen_ms = clock_wall_ms() - 86400ll * 1000 - 1;
	assert_int_equal(cache_save(&c, x->cfg.cache_file), ERR_OK);
	cache_fini(&c);
	x->welcome_revision = 0;
	start(x);
	expect("begin; peer oslo; end 7");
	expect("hello 7");
	/* The hub confirms it: all is well again. */
	forget_notes();
	x->welcome_revision = 7;
	stream_close(x->hub.stream);
	x->hub.stream = NULL;
	expect("peer hq; peer bergen; end 7");
}

static void another_hub_hears_nothing(void **state)
{
	struct world *x = *state;

	stream_identity_free(x->hub.identity);
	assert_int_equal(stream_identity_new(&x->bergen.identity, &x->hub.identity), ERR_OK);
	start(x);
	expect_not("hello", 300);
	assert_true(x->hub.connections > 0);
}

/* A hub key that is not the pin, but is in the cached directory, is the hub's when the pin's key
 * has signed for it; that it stands there alone says nothing. */
static void a_key_of_the_directory_leads_back_to_the_pin(void **state)
{
	struct world *x = *state;
	struct node_link link = { .key = x->bergen.identity_public };
	uint8_t input[NODE_SIGN_INPUT_MAX];
	struct stream_identity *id;
	struct spoke *s;
	struct node n;

	put_file(x->cfg.hub_pin_file, x->bergen.identity_public.b);
	x->monitor_files.hub_pin = x->cfg.hub_pin_file;
	s = start(x);
	assert_false(hub_pin_check(s, &(struct endpoint){ 0 }, &x->hub.keys.identity_public));
	assert_int_equal(stream_identity_new(&x->bergen.identity, &id), ERR_OK);
	assert_int_equal(
		stream_identity_sign(id, input,
				     node_identity_sign_input(&x->hub.keys.identity_public, input),
				     link.sig),
		ERR_OK);
	stream_identity_free(id);
	fake_node(&n, 1, "hq", NODE_HUB, &x->hub.keys);
	assert_int_equal(node_chain_add(&n, &link), ERR_OK);
	put_node(&s->cache, &n);
	client_hurry(&s->client);
	expect("ack 7");
}

static void welcome_of_another_network_is_refused(void **state)
{
	struct world *x = *state;
	struct spoke *s;

	snprintf(x->cfg.paths.net, sizeof(x->cfg.paths.net), "othernet");
	s = start(x);
	expect("hello 0"); /* the cache is testnet's */
	expect_not("ack", 100);
	assert_int_equal(s->client.state, CLIENT_WAITING);
}

/* The key says who we are: the hub may call us otherwise than spoke.conf does. */
static void name_is_what_the_hub_says(void **state)
{
	struct world *x = *state;
	struct spoke *s;

	x->cfg.name = "bergen";
	s = start(x);
	expect("hello 7");
	expect("ack 7");
	assert_string_equal(cache_name(&s->cache), "oslo");
}

static void cache_of_another_key_is_not_used(void **state)
{
	struct world *x = *state;

	assert_int_equal(keys_generate(&x->keys), ERR_OK);
	put_file(x->cfg.identity_key_file, x->keys.identity.b);
	put_file(x->cfg.tunnel_key_file, x->keys.tunnel.b);
	start(x);
	expect("hello 0");
}

/* Disabled is not for ever, but while it lasts nobody is talked to. */
static void disabled_drops_peers_until_welcomed(void **state)
{
	struct world *x = *state;
	struct control_msg m = { .type = CONTROL_BYE };
	struct spoke *s = start(x);

	expect("ack 7");
	forget_notes();
	m.bye = (struct control_bye){ .reason = BYE_DISABLED, .retry_after_ms = 1 };
	fake_hub_send(&x->hub, &m);
	expect("begin; peer oslo; end 7"); /* nobody but ourselves */
	assert_true(s->cache.refused && s->engine.muted);
	assert_int_equal(s->client.state, CLIENT_WAITING);
	forget_notes();
	client_hurry(&s->client);
	expect("peer bergen");
	assert_false(s->cache.refused || s->engine.muted);
}

static void locate_and_presence(void **state)
{
	struct world *x = *state;
	struct control_msg m = { .type = CONTROL_PUNCH };

	start(x);
	expect("ack 7");
	send_id(ENGINE_LOCATE, 3);
	send_id(ENGINE_LOCATE, 3);
	send_id(ENGINE_LOCATE, 1);
	send_id(ENGINE_LOCATE, 99);
	expect("locate 3");
	expect_not("locate 1", 50);
	assert_null(strstr(strstr(x->notes, "locate 3") + 1, "locate"));
	m.presence = (struct control_presence){ .id = 3, .online = true, .n_endpoints = 1 };
	assert_int_equal(endpoint_parse("203.0.113.9:6655", 0, &m.presence.endpoints[0]), ERR_OK);
	fake_hub_send(&x->hub, &m);
	expect("endpoints of 3: 1 punch");
	m.presence.id = 99;
	fake_hub_send(&x->hub, &m);
	m.presence.id = 1;
	fake_hub_send(&x->hub, &m);
	expect_not("endpoints of 99", 50);
}

/* A node says by the hub that it is to be reached through it only: the engine is told, it is not
 * looked for, and what was known of it is forgotten, until it says something else. */
static void a_peers_own_policy(void **state)
{
	struct world *x = *state;
	struct control_msg m = { .type = CONTROL_PRESENCE };
	struct spoke *s = start(x);
	const struct node *n;

	expect("ack 7");
	m.presence = (struct control_presence){ .id = 3, .online = true, .n_endpoints = 1 };
	assert_int_equal(endpoint_parse("203.0.113.9:6655", 0, &m.presence.endpoints[0]), ERR_OK);
	fake_hub_send(&x->hub, &m);
	expect("endpoints of 3: 1");
	assert_non_null(cache_peer_find(&s->cache, 3));
	forget_notes();
	m.presence.path_policy = PATH_POLICY_HUB_ONLY;
	m.presence.n_endpoints = 0;
	fake_hub_send(&x->hub, &m);
	expect("peer bergen");
	n = directory_find(&s->cache.dir, 3);
	assert_int_equal(engine_feed_policy(&s->engine, &s->cache, n), PATH_POLICY_HUB_ONLY);
	assert_int_equal(engine_feed_rules(&s->engine, &s->cache, n), PATH_POLICY_AUTO);
	assert_null(cache_peer_find(&s->cache, 3));
	/* Away, it has not taken that back. */
	forget_notes();
	m.presence.online = false;
	m.presence.path_policy = PATH_POLICY_AUTO;
	fake_hub_send(&x->hub, &m);
	expect_not("peer bergen", 50);
	m.presence.online = true;
	m.presence.n_endpoints = 1;
	fake_hub_send(&x->hub, &m);
	expect("peer bergen; endpoints of 3: 1");
}

static void scripts_of_a_path(void **state)
{
	struct world *x = *state;
	struct engine_path p = { .id = 3, .path = PATH_HUB_UDP, .reason = PATH_REASON_RELAYED };
	struct delta_gone gone = { .id = 3, .revoked = true };
	char wanted[64];
	uint8_t mem[256];
	struct cursor c;

	start(x);
	expect("ack 7");
	for (int i = 0; i < 2; i++) {
		cursor_init_write(&c, mem, sizeof(mem));
		engine_path_encode(&p, &c);
		assert_int_equal(channel_send(x->engine, ENGINE_PATH, mem, cursor_pos(&c), -1),
				 ERR_OK);
	}
	snprintf(wanted, sizeof(wanted), "script %d bergen; script %d bergen", SCRIPT_HOST_UP,
		 SCRIPT_SUBNET_UP);
	expect(wanted);
	assert_null(strstr(strstr(x->notes, wanted) + strlen(wanted), "script"));
	send_delta((struct delta){ .from = 7, .to = 8, .n_gone = 1, .gone = &gone });
	snprintf(wanted, sizeof(wanted), "script %d bergen; script %d bergen", SCRIPT_HOST_DOWN,
		 SCRIPT_SUBNET_DOWN);
	expect(wanted);
	expect("gone 3; commit 8");
}

/* The next hello has come; the pause before it is cut short. */
static bool said_hello_again(struct world *x)
{
	struct spoke *s = x->w.state;

	client_hurry(&s->client);
	return strstr(x->notes, "hello") != NULL;
}

static void garbage_ends_the_link_and_no_more(void **state)
{
	static const char *const frames[] = { "\0\0\0\2{]", "\377\377\377\377", "\0\0\0\0",
					      "\0\0\0\2[]" };
	static const size_t sizes[] = { 6, 4, 4, 6 };
	struct world *x = *state;

	start(x);
	for (size_t i = 0; i < ARRAY_LEN(frames); i++) {
		expect("ack 7");
		forget_notes();
		assert_int_equal(stream_send(x->hub.stream, frames[i], sizes[i]), ERR_OK);
		assert_true(wait_until(said_hello_again, WAIT_MS));
	}
	expect("ack 7");
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(works_from_the_cache_while_the_hub_is_away),
		CASE(hello_welcome_ack),
		CASE(the_ack_waits_for_the_engine),
		CASE(a_full_disk_does_not_hold_the_ack_back),
		CASE(a_full_disk_keeps_no_revoked_node),
		CASE(a_reload_keeps_overrides),
		CASE(a_gap_leads_to_a_snapshot),
		CASE(revoked_drops_all_peers_and_is_remembered),
		CASE(refused_before_a_restart),
		CASE(an_old_directory_is_not_trusted),
		CASE(another_hub_hears_nothing),
		CASE(a_key_of_the_directory_leads_back_to_the_pin),
		CASE(welcome_of_another_network_is_refused),
		CASE(name_is_what_the_hub_says),
		CASE(cache_of_another_key_is_not_used),
		CASE(disabled_drops_peers_until_welcomed),
		CASE(locate_and_presence),
		CASE(a_peers_own_policy),
		CASE(scripts_of_a_path),
		CASE(garbage_ends_the_link_and_no_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
