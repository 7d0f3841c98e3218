/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The whole control worker on one loop with a hub, an engine and a monitor that we play:
 *
 *     fake hub ==TLS== worker --channel-- engine
 *                         |  \--channel-- monitor
 *                         +---UNIX------- status clients
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <ftw.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cmocka.h>

#include "shared/base/base64.h"
#include "shared/base/clock.h"
#include "shared/base/file.h"
#include "spoke/control/spoke.h"
#include "shared/keys/keys.h"
#include "spoke/roles.h"
#include "tests/unit/spoke/fake_hub.h"

#define WAIT_MS   5000u
#define NOTES_MAX 4096u

struct world {
	char root[40];
	struct paths paths;
	struct spoke_config cfg;
	struct keys keys, bergen;
	struct fake_hub hub;
	struct loop *loop;
	struct worker w;
	struct channel *engine, *monitor; /* our ends */
	bool engine_answers;              /* ENGINE_APPLIED at once */
	bool silent;                      /* questions for the status get no ... */
	bool rows_only;                   /* ... or half an answer */
	uint32_t status_tag;              /* of the last such question */
	uint64_t to_apply;                /* the revision of the last end or commit */
	char notes[NOTES_MAX];     /* what came, in order: "hello 7; ack 7; peer bergen; ..." */
	uint64_t welcome_revision; /* 0: hellos are not answered */
	struct control_hello hello;
	unsigned hellos;
	struct timer tick;
	uint64_t deadline_ms;
	bool (*done)(struct world *x);
	const char *wanted;
};

static struct world *world;

static void note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static void note(const char *fmt, ...)
{
	size_t n = strlen(world->notes);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(world->notes + n, NOTES_MAX - n, fmt, ap);
	va_end(ap);
	n = strlen(world->notes);
	snprintf(world->notes + n, NOTES_MAX - n, "; ");
}

static void forget_notes(void) { world->notes[0] = '\0'; }

/* --- waiting --- */

static void tick(struct timer *t, uint64_t now_ms)
{
	(void)t;
	if (world->done(world) || now_ms >= world->deadline_ms)
		loop_stop(world->loop, 0);
	else
		timer_arm(loop_timers(world->loop), &world->tick, now_ms + 2);
}

static bool wait_until(bool (*done)(struct world *x), unsigned ms)
{
	world->done = done;
	world->deadline_ms = clock_now_ms() + ms;
	timer_arm(loop_timers(world->loop), &world->tick, clock_now_ms());
	loop_run(world->loop);
	return done(world);
}

static bool has_wanted(struct world *x) { return strstr(x->notes, x->wanted) != NULL; }

static bool never(struct world *x)
{
	(void)x;
	return false;
}

static void expect(const char *wanted)
{
	world->wanted = wanted;
	if (!wait_until(has_wanted, WAIT_MS))
		fail_msg("\"%s\" did not come; there was \"%s\"", wanted, world->notes);
}

static void expect_not(const char *unwanted, unsigned ms)
{
	wait_until(never, ms);
	if (strstr(world->notes, unwanted))
		fail_msg("\"%s\" came: \"%s\"", unwanted, world->notes);
}

/* --- the three others --- */

static void hub_message(struct fake_hub *h, struct control_msg *m)
{
	struct control_msg out = { .type = CONTROL_WELCOME };

	switch (m->type) {
	case CONTROL_HELLO:
		world->hello = m->hello;
		world->hellos++;
		note("hello %u", (unsigned)m->hello.revision);
		if (!world->welcome_revision)
			break;
		fake_welcome(&out.welcome, 2, "oslo", world->welcome_revision);
		fake_hub_send(h, &out);
		break;
	case CONTROL_ACK:
		note("ack %u", (unsigned)m->ack.revision);
		break;
	case CONTROL_LOCATE:
		note("locate %u", m->locate.id);
		break;
	default:
		note("%s", control_type_str(m->type));
		break;
	}
}

static void send_revision(uint16_t type, uint64_t revision)
{
	struct engine_revision m = { .revision = revision };
	uint8_t mem[64];
	struct cursor c;

	cursor_init_write(&c, mem, sizeof(mem));
	engine_revision_encode(&m, &c);
	assert_int_equal(channel_send(world->engine, type, mem, cursor_pos(&c), -1), ERR_OK);
}

static void send_id(uint16_t type, uint32_t id)
{
	struct engine_node_id m = { .id = id };
	uint8_t mem[64];
	struct cursor c;

	cursor_init_write(&c, mem, sizeof(mem));
	engine_node_id_encode(&m, &c);
	assert_int_equal(channel_send(world->engine, type, mem, cursor_pos(&c), -1), ERR_OK);
}

static void answer_status(uint32_t tag)
{
	struct engine_status row = { .tag = tag,
				     .id = 3,
				     .path = PATH_HUB_UDP,
				     .reason = PATH_REASON_RELAYED,
				     .rx_bytes = 4711 };
	struct engine_status_end end = { .tag = tag,
					 .n_peers = 2,
					 .crypto = "aes-256-gcm/openssl",
					 .offloads =
						 ENGINE_OFFLOAD_TUN_TSO | ENGINE_OFFLOAD_UDP_GRO };
	uint8_t mem[1024];
	struct cursor c;

	cursor_init_write(&c, mem, sizeof(mem));
	engine_status_encode(&row, &c);
	assert_int_equal(channel_send(world->engine, ENGINE_STATUS, mem, cursor_pos(&c), -1),
			 ERR_OK);
	if (world->rows_only)
		return;
	cursor_init_write(&c, mem, sizeof(mem));
	engine_status_end_encode(&end, &c);
	assert_int_equal(channel_send(world->engine, ENGINE_STATUS_END, mem, cursor_pos(&c), -1),
			 ERR_OK);
}

static void answer_ping(const struct engine_ping *p)
{
	struct engine_pong m = {
		.tag = p->tag, .id = p->id, .result = ERR_OK, .rtt_us = 12300, .path = PATH_HUB_UDP
	};
	uint8_t mem[256];
	struct cursor c;

	cursor_init_write(&c, mem, sizeof(mem));
	engine_pong_encode(&m, &c);
	assert_int_equal(channel_send(world->engine, ENGINE_PONG, mem, cursor_pos(&c), -1), ERR_OK);
}

static void engine_peer(struct cursor *body)
{
	struct engine_peer *p = malloc(sizeof(*p));

	assert_int_equal(engine_peer_decode(body, p), ERR_OK);
	note("peer %s", p->name);
	free(p);
}

static void engine_message(struct channel *ch, void *arg, uint16_t type, struct cursor *body,
			   int fd)
{
	struct engine_revision revision;
	struct engine_peer_gone gone;
	struct engine_endpoints ends;
	struct engine_ping ping;
	struct engine_tag tag;

	(void)ch;
	(void)arg;
	(void)fd;
	switch (type) {
	case ENGINE_SYNC_BEGIN:
		note("begin");
		break;
	case ENGINE_PEER:
		engine_peer(body);
		break;
	case ENGINE_PEER_GONE:
		assert_int_equal(engine_peer_gone_decode(body, &gone), ERR_OK);
		note("gone %u", gone.id);
		break;
	case ENGINE_SYNC_END:
	case ENGINE_COMMIT:
		assert_int_equal(engine_revision_decode(body, &revision), ERR_OK);
		note("%s %u", type == ENGINE_COMMIT ? "commit" : "end",
		     (unsigned)revision.revision);
		world->to_apply = revision.revision;
		if (world->engine_answers)
			send_revision(ENGINE_APPLIED, revision.revision);
		break;
	case ENGINE_ENDPOINTS:
		assert_int_equal(engine_endpoints_decode(body, &ends), ERR_OK);
		note("endpoints of %u: %u%s", ends.id, ends.n, ends.punch ? " punch" : "");
		break;
	case ENGINE_STATUS_GET:
		assert_int_equal(engine_tag_decode(body, &tag), ERR_OK);
		world->status_tag = tag.tag;
		if (!world->silent)
			answer_status(tag.tag);
		break;
	case ENGINE_PING:
		assert_int_equal(engine_ping_decode(body, &ping), ERR_OK);
		answer_ping(&ping);
		break;
	default:
		break;
	}
}

static void monitor_message(struct channel *ch, void *arg, uint16_t type, struct cursor *body,
			    int fd)
{
	struct monitor_script script;

	(void)ch;
	(void)arg;
	(void)fd;
	if (type == MONITOR_SCRIPT) {
		assert_int_equal(monitor_script_decode(body, &script), ERR_OK);
		note("script %d %s", (int)script.kind, script.node);
	} else {
		note("net %u", type);
	}
}

static void other_closed(struct channel *ch, void *arg)
{
	(void)ch;
	(void)arg;
}

static void worker_message(struct channel *ch, void *arg, uint16_t type, struct cursor *body,
			   int fd)
{
	enum worker_role from = ch == world->w.monitor ? (enum worker_role)0 : WORKER_ENGINE;

	(void)arg;
	world->w.ops->message(&world->w, from, type, body, fd);
}

static const struct channel_events engine_events = { engine_message, other_closed };
static const struct channel_events monitor_events = { monitor_message, other_closed };
static const struct channel_events worker_events = { worker_message, other_closed };

/* --- the world --- */

static void put_file(const char *path, const uint8_t key[KEY_BYTES])
{
	char text[KEY_BASE64_SIZE];

	base64_encode(key, KEY_BYTES, text);
	assert_int_equal(file_write_atomic(path, text, strlen(text), 0600), ERR_OK);
}

static void put_node(struct cache *c, struct node *n)
{
	assert_int_equal(directory_put(&c->dir, n), ERR_OK);
	node_fini(n);
}

/* A directory at revision 7 with hq, oslo (us) and bergen. */
static void fill_cache(struct cache *c)
{
	struct node n;

	cache_init(c);
	fake_welcome(&c->welcome, 2, "oslo", 7);
	c->has_welcome = true;
	fake_node(&n, 1, "hq", NODE_HUB, &world->hub.keys);
	put_node(c, &n);
	fake_node(&n, 2, "oslo", NODE_SPOKE, &world->keys);
	put_node(c, &n);
	fake_node(&n, 3, "bergen", NODE_SPOKE, &world->bergen);
	fake_subnet(&n, "10.30.0.0/24", 10);
	put_node(c, &n);
	c->dir.revision = c->highest = 7;
	c->confirmed_ms = c->seen_ms = clock_wall_ms();
}

static int setup(void **state)
{
	struct world *x = calloc(1, sizeof(*x));
	struct cache c;

	world = *state = x;
	snprintf(x->root, sizeof(x->root), "/tmp/spoke-worker-XXXXXX");
	assert_non_null(mkdtemp(x->root));
	setenv("BRANCHLINE_STATE", x->root, 1);
	setenv("BRANCHLINE_RUN", x->root, 1);
	assert_int_equal(paths_init(&x->paths, "testnet", x->root), ERR_OK);
	assert_int_equal(file_make_dir(x->paths.state, 0755), ERR_OK);
	assert_false(keys_generate(&x->keys) || keys_generate(&x->bergen) ||
		     keys_generate(&x->hub.keys));
	spoke_config_init(&x->cfg, &x->paths);
	x->cfg.name = "oslo";
	x->cfg.port = 6655;
	x->cfg.offline_grace_s = 86400;
	snprintf(x->cfg.interface, sizeof(x->cfg.interface), "testnet");
	fake_hub_listen(&x->hub);
	x->cfg.n_hubs = 1;
	snprintf(x->cfg.hubs[0].name, NAME_SIZE, "hq");
	x->cfg.hubs[0].n_addresses = 1;
	snprintf(x->cfg.hubs[0].addresses[0], ENDPOINT_NAME_SIZE, "127.0.0.1 %u", x->hub.port);
	put_file(x->cfg.identity_key_file, x->keys.identity.b);
	put_file(x->cfg.tunnel_key_file, x->keys.tunnel.b);
	put_file(x->cfg.hub_pin_file, x->hub.keys.identity_public.b);
	fill_cache(&c);
	assert_int_equal(cache_save(&c, x->cfg.cache_file), ERR_OK);
	cache_fini(&c);
	x->hub.message = hub_message;
	x->tick.fire = tick;
	x->engine_answers = true;
	x->welcome_revision = 7;
	x->w.fds.listen_unix = -1;
	assert_int_equal(loop_new(&x->loop), ERR_OK);
	fake_hub_start(&x->hub, x->loop);
	return 0;
}

static void attach_engine(struct world *x)
{
	int fds[2];

	assert_int_equal(channel_pair(fds), ERR_OK);
	assert_int_equal(
		channel_new(x->loop, fds[0], &worker_events, NULL, &x->w.siblings[WORKER_ENGINE]),
		ERR_OK);
	assert_int_equal(channel_new(x->loop, fds[1], &engine_events, NULL, &x->engine), ERR_OK);
	x->w.ops->sibling_up(&x->w, WORKER_ENGINE);
}

static void detach_engine(struct world *x)
{
	channel_free(x->w.siblings[WORKER_ENGINE]);
	channel_free(x->engine);
	x->w.siblings[WORKER_ENGINE] = x->engine = NULL;
	x->w.ops->sibling_down(&x->w, WORKER_ENGINE);
}

/* Starts the worker as the monitor does. */
static struct spoke *start(struct world *x)
{
	int fds[2];

	x->w.role = WORKER_CONTROL;
	x->w.loop = x->loop;
	x->w.ops = spoke_control_role();
	assert_int_equal(x->w.ops->load(&x->cfg, &x->w.state), ERR_OK);
	assert_int_equal(channel_pair(fds), ERR_OK);
	assert_int_equal(channel_new(x->loop, fds[0], &worker_events, NULL, &x->w.monitor), ERR_OK);
	assert_int_equal(channel_new(x->loop, fds[1], &monitor_events, NULL, &x->monitor), ERR_OK);
	assert_int_equal(x->w.ops->start(&x->w), ERR_OK);
	attach_engine(x);
	return x->w.state;
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

static int teardown(void **state)
{
	struct world *x = *state;

	if (x->w.ops) {
		if (x->w.ops->stop)
			x->w.ops->stop(&x->w);
		x->w.ops->fini(&x->w);
	}
	timer_disarm(loop_timers(x->loop), &x->tick);
	channel_free(x->w.siblings[WORKER_ENGINE]);
	channel_free(x->engine);
	channel_free(x->w.monitor);
	channel_free(x->monitor);
	fake_hub_stop(&x->hub);
	if (x->w.fds.listen_unix >= 0)
		close(x->w.fds.listen_unix);
	loop_free(x->loop);
	spoke_config_fini(&x->cfg);
	nftw(x->root, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	free(x);
	return 0;
}

static void send_delta(struct delta x)
{
	struct control_msg m = { .type = CONTROL_DIRECTORY, .directory = x };

	fake_hub_send(&world->hub, &m);
}

/* bergen's record with one more subnet, as a delta from `from` to `to`. */
static void send_change(uint64_t from, uint64_t to)
{
	struct node n;

	fake_node(&n, 3, "bergen", NODE_SPOKE, &world->bergen);
	fake_subnet(&n, "10.31.0.0/24", 10);
	send_delta((struct delta){ .from = from, .to = to, .n_changed = 1, .changed = &n });
	node_fini(&n);
}

static void read_cache(struct cache *c)
{
	cache_init(c);
	assert_int_equal(cache_load(c, world->cfg.cache_file), ERR_OK);
}

/* --- cases --- */

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

/* A hub key that is not the pin, but is in the cached directory, is the hub's. */
static void a_key_of_the_directory_is_as_good_as_the_pin(void **state)
{
	struct world *x = *state;

	put_file(x->cfg.hub_pin_file, x->bergen.identity_public.b);
	start(x);
	expect("ack 7");
}

static void welcome_of_another_network_is_refused(void **state)
{
	struct world *x = *state;
	struct spoke *s;

	x->cfg.name = "bergen";
	s = start(x);
	expect("hello 0"); /* the cache is oslo's */
	expect_not("ack", 100);
	assert_int_equal(s->client.state, CLIENT_WAITING);
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
	snprintf(wanted, sizeof(wanted), "script %d bergen; script %d bergen", SCRIPT_SUBNET_DOWN,
		 SCRIPT_HOST_DOWN);
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

/* --- the status socket --- */

static int status_listen(struct world *x)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s/s", x->root);
	assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	assert_int_equal(listen(fd, 2 * STATUS_CLIENTS_MAX), 0);
	x->w.fds.listen_unix = fd;
	return fd;
}

static int status_connect(struct world *x)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s/s", x->root);
	assert_int_equal(connect(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	return fd;
}

static int client_fd;
static char answer[65536];
static size_t answer_len;
static bool answer_ended;

static bool read_answer(struct world *x)
{
	ssize_t n;

	(void)x;
	while ((n = recv(client_fd, answer + answer_len, sizeof(answer) - 1 - answer_len, 0)) > 0)
		answer_len += (size_t)n;
	answer_ended |= n == 0;
	answer[answer_len] = '\0';
	return answer_ended || strstr(answer, "\"done\":true") || strstr(answer, "\"done\": true");
}

/* Sends bytes, and returns what came back until a last line or the end. */
static const char *ask(struct world *x, const void *p, size_t n)
{
	client_fd = status_connect(x);
	answer_len = 0;
	answer_ended = false;
	answer[0] = '\0';
	assert_int_equal(send(client_fd, p, n, MSG_NOSIGNAL), n);
	wait_until(read_answer, 2 * WAIT_MS);
	close(client_fd);
	return answer;
}

static void hostile_lines(void **state)
{
	static const struct {
		const char *line, *words;
	} rows[] = {
		{ "\n", "bad_request" },
		{ "{}\n", "bad_request" },
		{ "[]\n", "bad_request" },
		{ "nonsense\n", "bad_request" },
		{ "{\"cmd\": 1}\n", "bad_request" },
		{ "{\"cmd\": \"shutdown\"}\n", "unknown_command" },
		{ "{\"cmd\": \"ping\"}\n", "bad_request" },
		{ "{\"cmd\": \"ping\", \"node\": 1}\n", "bad_request" },
		{ "{\"cmd\": \"ping\", \"node\": \"bergen\", \"count\": 0}\n", "bad_request" },
		{ "{\"cmd\": \"ping\", \"node\": \"bergen\", \"count\": 1001}\n", "bad_request" },
		{ "{\"cmd\": \"ping\", \"node\": \"bergen\", \"count\": \"x\"}\n", "bad_request" },
		{ "{\"cmd\": \"ping\", \"node\": \"nobody\"}\n", "unknown_node" },
		{ "{\"cmd\": \"ping\", \"node\": \"oslo\"}\n", "unknown_node" },
		{ "{\"cmd\": \"status\"}\n", "\"network\":\"testnet\"" },
		{ "{\"cmd\": \"ping\", \"node\": \"bergen\"}\n", "\"rtt_us\":12300" },
	};
	struct world *x = *state;
	char *line = malloc(3 * STATUS_LINE_MAX_BYTES);

	status_listen(x);
	start(x);
	expect("ack 7");
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const char *got = ask(x, rows[i].line, strlen(rows[i].line));

		if (!strstr(got, rows[i].words))
			fail_msg("row %zu: \"%s\" does not say \"%s\"", i, got, rows[i].words);
	}
	/* Longer than a line may be, with and without an end. */
	memset(line, 'x', 3 * STATUS_LINE_MAX_BYTES);
	assert_non_null(strstr(ask(x, line, STATUS_LINE_MAX_BYTES), "too long"));
	line[2 * STATUS_LINE_MAX_BYTES] = '\n';
	ask(x, line, 3 * STATUS_LINE_MAX_BYTES);
	/* Deep nesting, NUL bytes, bytes above 127. */
	memset(line, '[', 4000);
	line[4000] = '\n';
	assert_non_null(strstr(ask(x, line, 4001), "bad_request"));
	assert_non_null(strstr(ask(x, "{\"cmd\":\"a\0b\"}\n", 14), "error"));
	assert_non_null(strstr(ask(x, "\377\376\n", 3), "bad_request"));
	assert_non_null(strstr(ask(x, rows[13].line, strlen(rows[13].line)), "\"rx_bytes\":4711"));
	assert_non_null(strstr(answer, "\"crypto\":\"aes-256-gcm/openssl\""));
	assert_non_null(strstr(answer, "\"offloads\":[\"tun-tso\",\"udp-gro\"]"));
	free(line);
}

static bool all_places_are_taken(struct world *x)
{
	return ((struct spoke *)x->w.state)->status.n_clients == STATUS_CLIENTS_MAX;
}

static bool nobody_is_connected(struct world *x)
{
	return ((struct spoke *)x->w.state)->status.n_clients == 0;
}

static void clients_are_bounded(void **state)
{
	struct world *x = *state;
	struct spoke *s;
	int fds[2 * STATUS_CLIENTS_MAX];

	status_listen(x);
	s = start(x);
	expect("ack 7");
	for (size_t i = 0; i < ARRAY_LEN(fds); i++)
		fds[i] = status_connect(x);
	assert_true(wait_until(all_places_are_taken, WAIT_MS));
	wait_until(never, 50);
	assert_int_equal(s->status.n_clients, STATUS_CLIENTS_MAX);
	assert_non_null(strstr(ask(x, "", 0), "\"error\":\"busy\""));
	for (size_t i = 0; i < ARRAY_LEN(fds); i++)
		close(fds[i]);
	assert_true(wait_until(nobody_is_connected, WAIT_MS));
	assert_non_null(strstr(ask(x, "{\"cmd\":\"status\"}\n", 17), "testnet"));
}

static void status_without_an_engine(void **state)
{
	static const char both[] = "{\"cmd\":\"status\"}\n{\"cmd\":\"ping\",\"node\":\"bergen\"}\n";
	struct world *x = *state;

	status_listen(x);
	start(x);
	expect("ack 7");
	detach_engine(x);
	assert_non_null(strstr(ask(x, both, sizeof(both) - 1), "\"engine\":null"));
	assert_non_null(strstr(answer, "\"engine_error\":\"the data plane does not run"));
	wait_until(never, 20);
	assert_non_null(strstr(ask(x, both + 17, sizeof(both) - 18), "no_engine"));
}

static void send_path(uint32_t id, enum path_kind path)
{
	struct engine_path m = { .id = id, .path = path, .reason = PATH_REASON_RELAYED };
	uint8_t mem[128];
	struct cursor c;

	cursor_init_write(&c, mem, sizeof(mem));
	engine_path_encode(&m, &c);
	assert_int_equal(channel_send(world->engine, ENGINE_PATH, mem, cursor_pos(&c), -1), ERR_OK);
}

/* Each status is answered in time, with what is known; what comes too late counts for nothing. */
static void status_of_a_silent_engine(void **state)
{
	static const char line[] = "{\"cmd\":\"status\"}\n";
	static const char late[] = "\"engine_error\":\"the data plane did not answer in time";
	struct world *x = *state;

	status_listen(x);
	start(x);
	expect("ack 7");
	send_path(3, PATH_HUB_UDP);
	x->silent = true;
	assert_non_null(strstr(ask(x, line, sizeof(line) - 1), late));
	assert_non_null(strstr(answer, "\"engine\":null"));
	assert_non_null(strstr(answer, "\"path\":\"hub-udp\""));
	assert_non_null(strstr(answer, "\"reason_id\":\"no-answer\""));
	answer_status(x->status_tag);
	x->silent = false;
	x->rows_only = true;
	assert_non_null(strstr(ask(x, line, sizeof(line) - 1), late));
	assert_non_null(strstr(answer, "\"rx_bytes\":4711"));
	x->rows_only = false;
	assert_non_null(strstr(ask(x, line, sizeof(line) - 1), "\"engine_error\":null"));
	assert_null(strstr(answer, "no-answer"));
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
		CASE(a_key_of_the_directory_is_as_good_as_the_pin),
		CASE(welcome_of_another_network_is_refused),
		CASE(locate_and_presence),
		CASE(scripts_of_a_path),
		CASE(garbage_ends_the_link_and_no_more),
		CASE(hostile_lines),
		CASE(clients_are_bounded),
		CASE(status_without_an_engine),
		CASE(status_of_a_silent_engine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
