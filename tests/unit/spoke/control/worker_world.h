/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * worker_world: the whole control worker on one loop with a hub, an engine and a monitor that we
 * play:
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
#include "shared/monitor/key_files.h"
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
	bool settings;             /* the hub wants to know which settings hold */
	uint32_t hub_caps;         /* more of its capabilities */
	struct public_key known;   /* of the last hub-key-known */
	/* The monitor's part: NULLs: keys are not kept. */
	struct key_files monitor_files;
	bool monitor_fails; /* its disk is full */
	struct control_settings_state told;
	struct control_hello hello;
	unsigned hellos;
	struct timer tick;
	uint64_t deadline_ms;
	bool (*done)(struct world *x);
	const char *wanted;
};

static struct world *world;

static inline void note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static inline void note(const char *fmt, ...)
{
	size_t n = strlen(world->notes);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(world->notes + n, NOTES_MAX - n, fmt, ap);
	va_end(ap);
	n = strlen(world->notes);
	snprintf(world->notes + n, NOTES_MAX - n, "; ");
}

static inline void forget_notes(void) { world->notes[0] = '\0'; }

/* --- waiting --- */

static inline void tick(struct timer *t, uint64_t now_ms)
{
	(void)t;
	if (world->done(world) || now_ms >= world->deadline_ms)
		loop_stop(world->loop, 0);
	else
		timer_arm(loop_timers(world->loop), &world->tick, now_ms + 2);
}

static inline bool wait_until(bool (*done)(struct world *x), unsigned ms)
{
	world->done = done;
	world->deadline_ms = clock_now_ms() + ms;
	timer_arm(loop_timers(world->loop), &world->tick, clock_now_ms());
	loop_run(world->loop);
	return done(world);
}

static inline bool has_wanted(struct world *x) { return strstr(x->notes, x->wanted) != NULL; }

static inline bool never(struct world *x)
{
	(void)x;
	return false;
}

static inline void expect(const char *wanted)
{
	world->wanted = wanted;
	if (!wait_until(has_wanted, WAIT_MS))
		fail_msg("\"%s\" did not come; there was \"%s\"", wanted, world->notes);
}

static inline void expect_not(const char *unwanted, unsigned ms)
{
	wait_until(never, ms);
	if (strstr(world->notes, unwanted))
		fail_msg("\"%s\" came: \"%s\"", unwanted, world->notes);
}

/* --- the three others --- */

static inline void hub_message(struct fake_hub *h, struct control_msg *m)
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
		if (world->settings)
			out.welcome.capabilities |= CAP_SETTINGS;
		out.welcome.capabilities |= world->hub_caps;
		fake_hub_send(h, &out);
		break;
	case CONTROL_ACK:
		note("ack %u", (unsigned)m->ack.revision);
		break;
	case CONTROL_SETTINGS_STATE:
		world->told = m->settings_state;
		note("told %u %u %d", (unsigned)m->settings_state.in_force,
		     (unsigned)m->settings_state.tried, (int)m->settings_state.outcome);
		break;
	case CONTROL_HUB_KEY_KNOWN:
		world->known = m->hub_key_known.key;
		note("known");
		break;
	case CONTROL_LOCATE:
		note("locate %u", m->locate.id);
		break;
	default:
		note("%s", control_type_str(m->type));
		break;
	}
}

static inline void send_revision(uint16_t type, uint64_t revision)
{
	struct engine_revision m = { .revision = revision };
	uint8_t mem[64];
	struct cursor c;

	cursor_init_write(&c, mem, sizeof(mem));
	engine_revision_encode(&m, &c);
	assert_int_equal(channel_send(world->engine, type, mem, cursor_pos(&c), -1), ERR_OK);
}

static inline void send_id(uint16_t type, uint32_t id)
{
	struct engine_node_id m = { .id = id };
	uint8_t mem[64];
	struct cursor c;

	cursor_init_write(&c, mem, sizeof(mem));
	engine_node_id_encode(&m, &c);
	assert_int_equal(channel_send(world->engine, type, mem, cursor_pos(&c), -1), ERR_OK);
}

static inline void answer_status(uint32_t tag)
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

static inline void answer_ping(const struct engine_ping *p)
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

/* Three that do not answer. */
static inline void answer_forget(const struct engine_forget *f)
{
	struct engine_forgotten m = { .tag = f->tag, .n = f->id ? 1 : 3 };
	uint8_t mem[64];
	struct cursor c;

	cursor_init_write(&c, mem, sizeof(mem));
	engine_forgotten_encode(&m, &c);
	assert_int_equal(channel_send(world->engine, ENGINE_FORGOTTEN, mem, cursor_pos(&c), -1),
			 ERR_OK);
}

static inline void engine_peer(struct cursor *body)
{
	struct engine_peer *p = malloc(sizeof(*p));

	assert_int_equal(engine_peer_decode(body, p), ERR_OK);
	note("peer %s", p->name);
	free(p);
}

static inline void engine_message(struct channel *ch, void *arg, uint16_t type, struct cursor *body,
				  int fd)
{
	struct engine_revision revision;
	struct engine_peer_gone gone;
	struct engine_endpoints ends;
	struct engine_ping ping;
	struct engine_forget forget;
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
	case ENGINE_FORGET:
		assert_int_equal(engine_forget_decode(body, &forget), ERR_OK);
		answer_forget(&forget);
		break;
	default:
		break;
	}
}

/* A step with the files of keys, as the monitor does it. */
static inline void monitor_key(struct cursor *body)
{
	struct monitor_done done = { 0 };
	struct monitor_key m;
	uint8_t mem[512];
	struct cursor c;

	assert_int_equal(monitor_key_decode(body, &m), ERR_OK);
	assert_true(key_files_may(&world->monitor_files, WORKER_CONTROL, &m));
	note("key %d %d", (int)m.what, (int)m.op);
	done.tag = m.tag;
	done.result = world->monitor_fails ? ERR_FULL : key_files_step(&world->monitor_files, &m);
	cursor_init_write(&c, mem, sizeof(mem));
	monitor_done_encode(&done, &c);
	assert_int_equal(channel_send(world->monitor, MONITOR_DONE, mem, cursor_pos(&c), -1),
			 ERR_OK);
}

static inline void monitor_message(struct channel *ch, void *arg, uint16_t type,
				   struct cursor *body, int fd)
{
	struct monitor_script script;

	(void)ch;
	(void)arg;
	(void)fd;
	if (type == MONITOR_SCRIPT) {
		assert_int_equal(monitor_script_decode(body, &script), ERR_OK);
		note("script %d %s", (int)script.kind, script.node);
	} else if (type == MONITOR_KEY) {
		monitor_key(body);
	} else {
		note("net %u", type);
	}
}

static inline void other_closed(struct channel *ch, void *arg)
{
	(void)ch;
	(void)arg;
}

static inline void worker_message(struct channel *ch, void *arg, uint16_t type, struct cursor *body,
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

static inline void put_file(const char *path, const uint8_t key[KEY_BYTES])
{
	char text[KEY_BASE64_SIZE];

	base64_encode(key, KEY_BYTES, text);
	assert_int_equal(file_write_atomic(path, text, strlen(text), 0600), ERR_OK);
}

static inline void put_node(struct cache *c, struct node *n)
{
	assert_int_equal(directory_put(&c->dir, n), ERR_OK);
	node_fini(n);
}

/* A directory at revision 7 with hq, oslo (us) and bergen. */
static inline void fill_cache(struct cache *c)
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

static inline int setup(void **state)
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

static inline void attach_engine(struct world *x)
{
	int fds[2];

	assert_int_equal(channel_pair(fds), ERR_OK);
	assert_int_equal(
		channel_new(x->loop, fds[0], &worker_events, NULL, &x->w.siblings[WORKER_ENGINE]),
		ERR_OK);
	assert_int_equal(channel_new(x->loop, fds[1], &engine_events, NULL, &x->engine), ERR_OK);
	x->w.ops->sibling_up(&x->w, WORKER_ENGINE);
}

static inline void detach_engine(struct world *x)
{
	channel_free(x->w.siblings[WORKER_ENGINE]);
	channel_free(x->engine);
	x->w.siblings[WORKER_ENGINE] = x->engine = NULL;
	x->w.ops->sibling_down(&x->w, WORKER_ENGINE);
}

/* Starts the worker as the monitor does. */
static inline struct spoke *start(struct world *x)
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

static inline int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

static inline int teardown(void **state)
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

static inline void send_delta(struct delta x)
{
	struct control_msg m = { .type = CONTROL_DIRECTORY, .directory = x };

	fake_hub_send(&world->hub, &m);
}

/* bergen's record with one more subnet, as a delta from `from` to `to`. */
static inline void send_change(uint64_t from, uint64_t to)
{
	struct node n;

	fake_node(&n, 3, "bergen", NODE_SPOKE, &world->bergen);
	fake_subnet(&n, "10.31.0.0/24", 10);
	send_delta((struct delta){ .from = from, .to = to, .n_changed = 1, .changed = &n });
	node_fini(&n);
}

static inline void read_cache(struct cache *c)
{
	cache_init(c);
	assert_int_equal(cache_load(c, world->cfg.cache_file), ERR_OK);
}
