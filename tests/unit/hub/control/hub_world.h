/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * A control worker in this process, with a store in a temporary folder, and everything that it
 * talks to on the other end: spokes over TLS, and the test's ends of the channel pairs.
 *
 *   spokes --- loopback --- control worker --- "engine", "api", "monitor"
 *                                |
 *                              store --- world.admin: a connection of its own, through change.h
 *
 * All on one loop; wait_for() runs it until a condition holds.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <ftw.h>
#include <limits.h>
#include <openssl/evp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "hub/change.h"
#include "hub/control/control.h"
#include "hub/control/core.h"
#include "shared/base/base64.h"
#include "shared/base/clock.h"
#include "shared/base/file.h"
#include "shared/ipc/nudge_msg.h"

#define SPOKE_INBOX 48
#define WAIT_MS     15000u

/* What the test's end of a channel heard. */
struct heard {
	unsigned engine[80], monitor[80]; /* how often each type came */
	unsigned nudges[16];
	struct nudge_order_done done; /* of the last order */
	struct engine_forget last_forget;
	bool engine_is_dumb; /* ENGINE_FORGET is not answered */
	uint32_t last_gone;
	enum peer_gone_why last_gone_why;
	uint64_t last_revision;
	struct engine_peer last_peer;
	struct engine_endpoints last_endpoints;
	struct monitor_prefix last_route;
	struct monitor_script scripts[32];
	unsigned n_scripts;
	struct prefix routes[320], addresses[8]; /* asked for now */
	unsigned n_routes, n_addresses;
};

struct world {
	struct loop *loop;
	char dir[64];
	struct hub_config config;
	struct worker w;
	struct control *c;
	struct store *admin;
	struct channel *engine, *api, *monitor; /* our ends */
	struct heard heard;
	uint16_t port;
	uint32_t hub_id;
	struct public_key hub_key;
	bool ended; /* the worker stopped its loop */
	bool running;
	unsigned n_streams; /* of spokes; not 0 at the end only after a failed test */
};

struct spoke {
	struct world *world;
	struct stream_identity *identity;
	struct secret_key seed;
	struct public_key tunnel;
	struct stream *stream;
	bool opened, closed;
	enum path_policy policy; /* for its hellos */
	struct control_msg in[SPOKE_INBOX];
	unsigned n;
	uint32_t id;       /* from welcome */
	uint64_t revision; /* from welcome and directory */
};

/* --- running --- */

struct waiting {
	struct timer timer;
	struct loop *loop;
	bool (*done)(void *arg);
	void *arg;
	uint64_t until_ms;
	unsigned rounds; /* at least so many rounds of the loop: a busy machine only makes it longer
			  */
	bool ok;
};

static inline void waiting_fired(struct timer *t, uint64_t now_ms)
{
	struct waiting *x = container_of(t, struct waiting, timer);

	x->ok = x->done(x->arg);
	if (x->rounds)
		x->rounds--;
	if (x->ok || (now_ms >= x->until_ms && !x->rounds))
		loop_stop(x->loop, 77);
	else
		timer_arm(loop_timers(x->loop), t, now_ms + 1);
}

/* Runs the loop until `done` holds, at most `ms`. */
static inline bool wait_ms_for(struct world *w, bool (*done)(void *), void *arg, unsigned ms)
{
	struct waiting x = { .loop = w->loop,
			     .done = done,
			     .arg = arg,
			     .until_ms = clock_now_ms() + ms,
			     .rounds = ms };

	x.timer.fire = waiting_fired;
	timer_arm(loop_timers(w->loop), &x.timer, clock_now_ms());
	/* The worker's own end stops the loop for all of us, who go on. */
	while (loop_run(w->loop) != 77)
		w->ended = true;
	timer_disarm(loop_timers(w->loop), &x.timer);
	return x.ok;
}

static inline bool wait_for(struct world *w, bool (*done)(void *), void *arg)
{
	return wait_ms_for(w, done, arg, WAIT_MS);
}

static inline bool never(void *arg)
{
	(void)arg;
	return false;
}

/* Lets everything that is under way happen. */
static inline void settle(struct world *w, unsigned ms) { (void)wait_ms_for(w, never, NULL, ms); }

/* --- the worker's neighbours --- */

static inline void engine_answers(struct world *w, uint64_t revision)
{
	struct engine_revision m = { .revision = revision };
	uint8_t mem[16];
	struct cursor cur;

	cursor_init_write(&cur, mem, sizeof(mem));
	engine_revision_encode(&m, &cur);
	assert_int_equal(channel_send(w->engine, ENGINE_APPLIED, mem, cursor_pos(&cur), -1),
			 ERR_OK);
}

/* One session, or three that do not answer. */
static inline void engine_forgets(struct world *w, struct cursor *body)
{
	struct engine_forgotten m;
	uint8_t mem[16];
	struct cursor cur;

	assert_int_equal(engine_forget_decode(body, &w->heard.last_forget), ERR_OK);
	m = (struct engine_forgotten){ .tag = w->heard.last_forget.tag,
				       .n = w->heard.last_forget.id ? 1 : 3 };
	cursor_init_write(&cur, mem, sizeof(mem));
	engine_forgotten_encode(&m, &cur);
	if (!w->heard.engine_is_dumb)
		assert_int_equal(
			channel_send(w->engine, ENGINE_FORGOTTEN, mem, cursor_pos(&cur), -1),
			ERR_OK);
}

static inline void engine_hears(struct channel *ch, void *arg, uint16_t type, struct cursor *body,
				int fd)
{
	struct world *w = arg;
	struct engine_peer_gone gone;
	struct engine_revision rev;

	(void)ch;
	assert_int_equal(fd, -1);
	w->heard.engine[type]++;
	if (type == ENGINE_PEER) {
		assert_int_equal(engine_peer_decode(body, &w->heard.last_peer), ERR_OK);
	} else if (type == ENGINE_PEER_GONE) {
		assert_int_equal(engine_peer_gone_decode(body, &gone), ERR_OK);
		w->heard.last_gone = gone.id;
		w->heard.last_gone_why = gone.why;
	} else if (type == ENGINE_ENDPOINTS) {
		assert_int_equal(engine_endpoints_decode(body, &w->heard.last_endpoints), ERR_OK);
	} else if (type == ENGINE_FORGET) {
		engine_forgets(w, body);
	} else if (type == ENGINE_SYNC_END || type == ENGINE_COMMIT) {
		assert_int_equal(engine_revision_decode(body, &rev), ERR_OK);
		w->heard.last_revision = rev.revision;
		engine_answers(w, rev.revision);
	}
}

static inline void api_hears(struct channel *ch, void *arg, uint16_t type, struct cursor *body,
			     int fd)
{
	struct world *w = arg;

	(void)ch;
	(void)fd;
	assert_true(type < ARRAY_LEN(w->heard.nudges));
	w->heard.nudges[type]++;
	if (type == NUDGE_ORDER_DONE)
		assert_int_equal(nudge_order_done_decode(body, &w->heard.done), ERR_OK);
}

static inline void set_change(struct prefix *set, unsigned *n, const struct monitor_prefix *m)
{
	for (unsigned i = 0; i < *n; i++) {
		if (!prefix_equal(&set[i], &m->prefix))
			continue;
		assert_false(m->add);
		set[i] = set[--*n];
		return;
	}
	assert_true(m->add);
	set[(*n)++] = m->prefix;
}

static inline void monitor_hears(struct channel *ch, void *arg, uint16_t type, struct cursor *body,
				 int fd)
{
	struct world *w = arg;
	struct heard *h = &w->heard;
	struct monitor_prefix m;

	(void)ch;
	(void)fd;
	h->monitor[type]++;
	if (type == MONITOR_ROUTE || type == MONITOR_ADDRESS) {
		assert_int_equal(monitor_prefix_decode(body, &m), ERR_OK);
		if (type == MONITOR_ROUTE)
			set_change(h->routes, &h->n_routes, &m);
		else
			set_change(h->addresses, &h->n_addresses, &m);
	} else if (type == MONITOR_SCRIPT) {
		assert_true(h->n_scripts < ARRAY_LEN(h->scripts));
		assert_int_equal(monitor_script_decode(body, &h->scripts[h->n_scripts++]), ERR_OK);
	}
}

static inline void nobody_closes(struct channel *ch, void *arg)
{
	(void)ch;
	(void)arg;
	fail_msg("a channel was closed");
}

/* The worker's ends: as worker.c does it. */
static inline enum worker_role role_of(const struct worker *w, const struct channel *ch)
{
	for (unsigned i = 1; i < WORKER_ROLES_MAX; i++)
		if (w->siblings[i] == ch)
			return (enum worker_role)i;
	return 0;
}

static inline void worker_hears(struct channel *ch, void *arg, uint16_t type, struct cursor *body,
				int fd)
{
	struct worker *w = arg;

	w->ops->message(w, role_of(w, ch), type, body, fd);
}

static const struct channel_events worker_calls = { .message = worker_hears,
						    .closed = nobody_closes };
static const struct channel_events engine_calls = { .message = engine_hears,
						    .closed = nobody_closes };
static const struct channel_events api_calls = { .message = api_hears, .closed = nobody_closes };
static const struct channel_events monitor_calls = { .message = monitor_hears,
						     .closed = nobody_closes };

static inline void join_ends(struct world *w, struct channel **theirs, struct channel **ours,
			     const struct channel_events *calls)
{
	int fds[2];

	assert_int_equal(channel_pair(fds), ERR_OK);
	assert_int_equal(channel_new(w->loop, fds[0], &worker_calls, &w->w, theirs), ERR_OK);
	assert_int_equal(channel_new(w->loop, fds[1], calls, w, ours), ERR_OK);
}

/* --- the network --- */

static inline int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

/* The public key of a seed, and the seed's signature over a tunnel key. */
static inline void sign_tunnel(const struct secret_key *seed, const struct public_key *tunnel,
			       struct public_key *identity, uint8_t sig[64])
{
	uint8_t text[64];
	size_t n = node_tunnel_sign_input(tunnel, text), len = KEY_BYTES, sig_len = 64;
	EVP_PKEY *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed->b, KEY_BYTES);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	assert_int_equal(EVP_PKEY_get_raw_public_key(key, identity->b, &len), 1);
	assert_int_equal(EVP_DigestSignInit(ctx, NULL, NULL, NULL, key), 1);
	assert_int_equal(EVP_DigestSign(ctx, sig, &sig_len, text, n), 1);
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(key);
}

static inline void put_settings(struct world *w)
{
	char hub_id[16];

	snprintf(hub_id, sizeof(hub_id), "%u", w->hub_id);
	assert_int_equal(store_begin(w->admin), ERR_OK);
	assert_int_equal(store_setting_put(w->admin, "hub_id", hub_id), ERR_OK);
	assert_int_equal(store_commit(w->admin), ERR_OK);
}

static inline void put_pools(struct world *w)
{
	assert_int_equal(store_begin(w->admin), ERR_OK);
	assert_int_equal(store_setting_put(w->admin, "network", "linodeVPN"), ERR_OK);
	assert_int_equal(store_setting_put(w->admin, "pool4", "10.99.0.0/24"), ERR_OK);
	assert_int_equal(store_setting_put(w->admin, "pool6", "fd99::/64"), ERR_OK);
	assert_int_equal(store_setting_put(w->admin, "mtu", "1380"), ERR_OK);
	assert_int_equal(store_commit(w->admin), ERR_OK);
}

/* As `init` does: databases, key file, the hub's own node. */
static inline void make_network(struct world *w)
{
	struct change change;
	struct secret_key seed;
	struct public_key tunnel;
	struct node hub;
	char text[KEY_BASE64_SIZE];
	uint8_t sig[64];

	assert_int_equal(store_create(w->dir), ERR_OK);
	assert_int_equal(store_open(w->dir, &w->admin), ERR_OK);
	secret_random(seed.b, sizeof(seed.b));
	secret_random(tunnel.b, sizeof(tunnel.b));
	sign_tunnel(&seed, &tunnel, &w->hub_key, sig);
	base64_encode(seed.b, KEY_BYTES, text);
	assert_int_equal(file_write_atomic(w->config.identity_key_file, text, strlen(text), 0600),
			 ERR_OK);
	put_pools(w);
	memset(&change, 0, sizeof(change));
	change.store = w->admin;
	change.actor = "unix:root";
	struct change_node_add add = { .name = "hq",
				       .kind = NODE_HUB,
				       .tunnel_key = &tunnel,
				       .identity_key = &w->hub_key,
				       .tunnel_sig = sig,
				       .aes = true };
	enum err e = change_node_add(&change, &add, &hub);
	if (e)
		fail_msg("hub node: %s %s", change.code, change.detail);
	w->hub_id = hub.id;
	node_fini(&hub);
	put_settings(w);
}

static inline void listen_on_loopback(struct world *w)
{
	struct sockaddr_in sa = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(sa);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	assert_int_equal(listen(fd, 128), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&sa, &len), 0);
	w->port = ntohs(sa.sin_port);
	w->w.fds.listen_tcp[0] = fd;
	w->w.fds.n_listen_tcp = 1;
}

/* Starts the worker on the network that is there. */
static inline void world_run_worker(struct world *w)
{
	memset(&w->w, 0, sizeof(w->w));
	memset(&w->heard, 0, sizeof(w->heard));
	w->w.role = WORKER_CONTROL;
	w->w.ops = control_role();
	w->w.loop = w->loop;
	listen_on_loopback(w);
	join_ends(w, &w->w.monitor, &w->monitor, &monitor_calls);
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

static inline void world_end_worker(struct world *w)
{
	if (!w->running)
		return;
	w->running = false;
	w->w.ops->fini(&w->w);
	channel_free(w->w.monitor);
	channel_free(w->monitor);
	channel_free(w->w.siblings[WORKER_ENGINE]);
	channel_free(w->engine);
	channel_free(w->w.siblings[WORKER_API]);
	channel_free(w->api);
}

static inline int world_setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	snprintf(w->dir, sizeof(w->dir), "/tmp/bl-hubctl-XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	snprintf(w->config.paths.state, sizeof(w->config.paths.state), "%s", w->dir);
	paths_join(w->config.identity_key_file, w->dir, "identity.key");
	w->config.device = "/dev/net/tun";
	assert_int_equal(loop_new(&w->loop), ERR_OK);
	make_network(w);
	world_run_worker(w);
	*state = w;
	return 0;
}

static inline void spoke_forget(struct spoke *x)
{
	for (unsigned i = 0; i < x->n; i++)
		control_msg_fini(&x->in[i]);
	x->n = 0;
}

static inline int world_teardown(void **state)
{
	struct world *w = *state;

	world_end_worker(w);
	if (w->n_streams == 0)
		loop_free(w->loop);
	store_close(w->admin);
	nftw(w->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	free(w);
	return 0;
}

/* --- what the admin does --- */

static inline void nudge(struct world *w)
{
	struct nudge_revision m = { .revision = 1 };
	uint8_t mem[16];
	struct cursor cur;

	cursor_init_write(&cur, mem, sizeof(mem));
	nudge_revision_encode(&m, &cur);
	assert_int_equal(channel_send(w->api, NUDGE_REVISION, mem, cursor_pos(&cur), -1), ERR_OK);
}

static inline struct change by_admin(struct world *w)
{
	struct change c = { .store = w->admin, .actor = "unix:root" };

	return c;
}

static inline uint32_t admin_adds(struct world *w, const char *name, const char *subnet)
{
	struct change c = by_admin(w);
	struct node_subnet s = { .weight = SUBNET_WEIGHT_DEFAULT };
	struct change_node_add add = {
		.name = name, .kind = NODE_SPOKE, .subnets = &s, .n_subnets = subnet ? 1 : 0
	};
	struct node n;

	if (subnet)
		assert_int_equal(prefix_parse(subnet, &s.prefix, NULL), ERR_OK);
	if (change_node_add(&c, &add, &n) != ERR_OK)
		fail_msg("node add: %s %s", c.code, c.detail);
	uint32_t id = n.id;
	node_fini(&n);
	nudge(w);
	return id;
}

static inline uint32_t admin_makes_token(struct world *w, uint32_t id,
					 uint8_t secret[JOIN_SECRET_BYTES])
{
	struct change c = by_admin(w);
	struct store_token t;

	if (change_token_create(&c, id, 0, 1, secret, &t) != ERR_OK)
		fail_msg("token: %s %s", c.code, c.detail);
	return t.id;
}

static inline void admin_revokes(struct world *w, uint32_t id, const char *why)
{
	struct change c = by_admin(w);

	if (change_node_revoke(&c, id, why) != ERR_OK)
		fail_msg("revoke: %s %s", c.code, c.detail);
	nudge(w);
}

/* --- spokes --- */

static inline void spoke_opened(struct stream *s, void *arg, const struct public_key *peer)
{
	struct spoke *x = arg;

	(void)s;
	assert_true(public_key_equal(peer, &x->world->hub_key));
	x->opened = true;
}

static inline void spoke_received(struct stream *s, void *arg, struct buf *in)
{
	struct spoke *x = arg;

	(void)s;
	for (;;) {
		assert_true(x->n < SPOKE_INBOX);
		enum err e = control_decode(in, LINK_FRAME_MAX_BYTES, &x->in[x->n]);
		if (e == ERR_AGAIN)
			return;
		assert_int_equal(e, ERR_OK);
		const struct control_msg *m = &x->in[x->n++];
		if (m->type == CONTROL_WELCOME) {
			x->id = m->welcome.id;
		} else if (m->type == CONTROL_DIRECTORY) {
			assert_true(m->directory.from == 0 || m->directory.from == x->revision);
			x->revision = m->directory.to;
		}
	}
}

static inline void spoke_closed(struct stream *s, void *arg, enum err e, const char *why)
{
	struct spoke *x = arg;

	(void)s;
	(void)e;
	(void)why;
	x->stream = NULL;
	x->world->n_streams--;
	x->closed = true;
}

static inline void spoke_new(struct world *w, struct spoke *x)
{
	memset(x, 0, sizeof(*x));
	x->world = w;
	secret_random(x->seed.b, sizeof(x->seed.b));
	secret_random(x->tunnel.b, sizeof(x->tunnel.b));
	assert_int_equal(stream_identity_new(&x->seed, &x->identity), ERR_OK);
}

static inline bool spoke_is_open(void *arg) { return ((struct spoke *)arg)->opened; }

static inline bool spoke_is_closed(void *arg) { return ((struct spoke *)arg)->closed; }

/* Hangs up without a word. */
static inline void spoke_hangs_up(struct spoke *x)
{
	x->world->n_streams -= x->stream != NULL;
	stream_close(x->stream);
	x->stream = NULL;
}

/* Dials and waits for TLS. */
static inline void spoke_dial(struct spoke *x)
{
	static const struct stream_events calls = { .opened = spoke_opened,
						    .received = spoke_received,
						    .closed = spoke_closed };
	static const struct stream_limits limits = { .in_bytes = LINK_FRAME_MAX_BYTES,
						     .out_bytes = 1 << 20,
						     .handshake_ms = 5000 };
	struct endpoint to = { .port = x->world->port };
	const uint8_t lo[4] = { 127, 0, 0, 1 };

	to.addr = addr_from_v4(lo);
	spoke_hangs_up(x);
	x->opened = x->closed = false;
	spoke_forget(x);
	assert_int_equal(
		stream_connect(x->world->loop, x->identity, &to, &limits, &calls, x, &x->stream),
		ERR_OK);
	x->world->n_streams++;
	assert_true(wait_for(x->world, spoke_is_open, x));
}

static inline void spoke_end(struct spoke *x)
{
	spoke_hangs_up(x);
	spoke_forget(x);
	stream_identity_free(x->identity);
	x->identity = NULL;
}

static inline void spoke_sends(struct spoke *x, const struct control_msg *m)
{
	struct buf b;

	buf_init(&b, 1 << 20);
	assert_int_equal(control_encode(m, 0, &b), ERR_OK);
	assert_non_null(x->stream);
	assert_int_equal(stream_send(x->stream, buf_data(&b), buf_len(&b)), ERR_OK);
	buf_fini(&b);
}

static inline void spoke_sends_text(struct spoke *x, const char *json)
{
	size_t n = strlen(json);
	uint8_t head[4] = { (uint8_t)(n >> 24), (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n };

	assert_int_equal(stream_send(x->stream, head, sizeof(head)), ERR_OK);
	assert_int_equal(stream_send(x->stream, json, n), ERR_OK);
}

/* The `nth` (from 0) message of a type, or NULL. */
static inline const struct control_msg *spoke_got(const struct spoke *x, enum control_type type,
						  unsigned nth)
{
	for (unsigned i = 0; i < x->n; i++)
		if (x->in[i].type == type && nth-- == 0)
			return &x->in[i];
	return NULL;
}

struct expecting {
	struct spoke *x;
	enum control_type type;
	unsigned nth;
};

static inline bool expectation(void *arg)
{
	const struct expecting *e = arg;

	return spoke_got(e->x, e->type, e->nth) != NULL;
}

/* Waits for the `nth` message of a type. */
static inline const struct control_msg *spoke_expects_nth(struct spoke *x, enum control_type type,
							  unsigned nth)
{
	struct expecting e = { x, type, nth };

	if (!wait_for(x->world, expectation, &e))
		fail_msg("no %s came", control_type_str(type));
	return spoke_got(x, type, nth);
}

static inline const struct control_msg *spoke_expects(struct spoke *x, enum control_type type)
{
	return spoke_expects_nth(x, type, 0);
}

static inline void spoke_sends_join(struct spoke *x, const uint8_t secret[JOIN_SECRET_BYTES])
{
	struct control_msg m = { .type = CONTROL_JOIN };
	struct public_key identity;

	memcpy(m.join.secret, secret, JOIN_SECRET_BYTES);
	m.join.tunnel_key = x->tunnel;
	m.join.aes = true;
	m.join.capabilities = CAP_ZLIB;
	snprintf(m.join.version, sizeof(m.join.version), "0.1.0");
	snprintf(m.join.hostname, sizeof(m.join.hostname), "box");
	sign_tunnel(&x->seed, &x->tunnel, &identity, m.join.tunnel_sig);
	spoke_sends(x, &m);
}

static inline void spoke_sends_hello(struct spoke *x, uint64_t revision, uint64_t highest)
{
	struct control_msg m = { .type = CONTROL_HELLO };
	struct public_key identity;

	m.hello.revision = revision;
	m.hello.highest_revision = highest;
	m.hello.capabilities = CAP_ZLIB;
	m.hello.aes = true;
	m.hello.path_policy = x->policy;
	m.hello.tunnel_key = x->tunnel;
	snprintf(m.hello.version, sizeof(m.hello.version), "0.1.0");
	snprintf(m.hello.hostname, sizeof(m.hello.hostname), "box");
	sign_tunnel(&x->seed, &x->tunnel, &identity, m.hello.tunnel_sig);
	m.hello.n_candidates = 1;
	m.hello.candidates[0].addr.family = AF_INET;
	memcpy(m.hello.candidates[0].addr.b, (const uint8_t[]){ 192, 0, 2, (uint8_t)x->id }, 4);
	m.hello.candidates[0].port = 6655;
	spoke_sends(x, &m);
}

static inline void spoke_sends_ack(struct spoke *x, uint64_t revision)
{
	struct control_msg m = { .type = CONTROL_ACK, .ack.revision = revision };

	spoke_sends(x, &m);
}

static inline void spoke_sends_locate(struct spoke *x, uint32_t id)
{
	struct control_msg m = { .type = CONTROL_LOCATE, .locate.id = id };

	spoke_sends(x, &m);
}

static inline bool is_caught_up(void *arg)
{
	const struct spoke *x = arg;

	return x->revision == x->world->c->dir.revision;
}

/* A node is made, and a spoke joins as it: link up, directory received. */
static inline void spoke_joins(struct world *w, struct spoke *x, const char *name,
			       const char *subnet)
{
	uint8_t secret[JOIN_SECRET_BYTES];
	uint32_t id = admin_adds(w, name, subnet);

	admin_makes_token(w, id, secret);
	spoke_new(w, x);
	spoke_dial(x);
	spoke_sends_join(x, secret);
	spoke_expects(x, CONTROL_DIRECTORY);
	assert_int_equal(x->id, id);
	assert_true(wait_for(w, is_caught_up, x));
}

/* A known spoke dials and says hello from the revision it holds. */
static inline void spoke_returns(struct spoke *x)
{
	spoke_dial(x);
	spoke_sends_hello(x, x->revision, x->revision);
	spoke_expects(x, CONTROL_WELCOME);
}

static inline const struct node *find_changed(const struct delta *d, uint32_t id)
{
	for (uint32_t i = 0; i < d->n_changed; i++)
		if (d->changed[i].id == id)
			return &d->changed[i];
	return NULL;
}
