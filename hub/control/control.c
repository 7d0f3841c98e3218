/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hub/control/control.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hub/change_hub.h"
#include "hub/control/core.h"
#include "hub/control/dump.h"
#include "hub/control/node_settings.h"
#include "hub/control/reach.h"
#include "hub/control/refresh.h"
#include "shared/base/clock.h"
#include "shared/ipc/nudge_msg.h"
#include "shared/monitor/filter.h"

#define BYE_SPREAD_MIN_MS                                                                          \
	1000u /* at an orderly stop spokes come back spread over 1 ms each, within these */
#define BYE_SPREAD_MAX_MS    30000u
#define UNKNOWN_TOKENS_PER_S 1u
#define UNKNOWN_TOKENS_BURST 20u

/* --- load: with the rights to read the key --- */

static enum err load(void *config, void **state)
{
	struct hub_config *conf = config;
	struct control *c = calloc(1, sizeof(*c));
	enum err e;

	if (!c)
		return ERR_NOMEM;
	e = hub_key_load(c, conf->identity_key_file);
	if (e) {
		free(c);
		return e;
	}
	c->config = conf;
	*state = c;
	return ERR_OK;
}

/* --- start --- */

/*
 * Looks for what a lost nudge would have told, ends links whose overlap is over, serves those that
 * were left out, and asks the engine.
 */
static void tick_fired(struct timer *t, uint64_t now_ms)
{
	struct control *c = container_of(t, struct control, tick);

	timer_arm(loop_timers(c->loop), t, now_ms + CONTROL_TICK_MS);
	refresh_schedule(c);
	refresh_cut_links(c);
	push_schedule(c);
	engine_feed_ask_status(c);
}

static void init_limits(struct control *c, uint64_t now_ms)
{
	bucket_init(&c->joins, LINK_JOINS_PER_S, LINK_JOINS_BURST, now_ms);
	bucket_init(&c->unknown_tokens, UNKNOWN_TOKENS_PER_S, UNKNOWN_TOKENS_BURST, now_ms);
	c->log_refused = (struct log_limit){ .burst = 20, .every_ms = 1000 };
	c->log_store = (struct log_limit){ .burst = 5, .every_ms = 10000 };
	c->log_system = (struct log_limit){ .burst = 5, .every_ms = 10000 };
}

/* Tables and lists: nothing is connected yet. */
static enum err init_tables(struct control *c)
{
	enum err e;

	list_init(&c->conns);
	list_init(&c->strangers);
	list_init(&c->broken);
	list_init(&c->gone);
	list_init(&c->moved);
	directory_init(&c->dir);
	push_init(c);
	if ((e = identities_init(&c->identities)) || (e = registry_init(&c->registry)) ||
	    (e = carriers_init(&c->carriers)) || (e = watch_init(&c->watches)) ||
	    (e = presence_init(c)) || (e = pairs_init(c)) || (e = history_init(c)) ||
	    (e = names_init(c)) || (e = expected_init(c)))
		return e;
	return admission_init(&c->admission, loop_now_ms(c->loop));
}

/* Said once for each run of the hub, however often this worker is started in it. */
static void tell_start(struct control *c)
{
	struct change change = { .store = c->store, .actor = "hub" };
	enum err e = change_hub_started(&change, c->config->name, c->config->loaded_ms);

	if (e)
		(void)core_store_failed(c, e, "audit the start");
}

static enum err start(struct worker *w)
{
	struct control *c = w->state;
	enum err e;

	c->w = w;
	c->loop = w->loop;
	init_limits(c, loop_now_ms(c->loop));
	e = init_tables(c);
	if (e)
		return e;
	e = store_open(c->config->paths.state, &c->store);
	if (e) {
		log_error("control: the store in %s cannot be opened: %s", c->config->paths.state,
			  err_str(e));
		return e;
	}
	e = refresh_start(c);
	if (e)
		return e;
	tell_start(c);
	presence_start(c);
	pairs_start(c);
	history_start(c);
	presence_hub(c);
	rotations_read(c);
	key_ages_start(c);
	revocations_start(c);
	net_feed_start(c);
	reach_own(c);
	hub_key_start(c);
	tunnel_key_start(c);
	e = listener_start(c);
	if (e)
		return e;
	expected_start(c);
	c->tick.fire = tick_fired;
	timer_arm(loop_timers(c->loop), &c->tick, loop_now_ms(c->loop) + CONTROL_TICK_MS);
	return ERR_OK;
}

/* --- what others say --- */

static void sibling_up(struct worker *w, enum worker_role role)
{
	if (role == WORKER_ENGINE)
		engine_feed_up(w->state);
	if (role == WORKER_DNS)
		dns_feed_up(w->state);
}

static void sibling_down(struct worker *w, enum worker_role role)
{
	if (role == WORKER_ENGINE)
		engine_feed_down(w->state);
}

/* What is wanted of nodes, or what holds for all keys. */
static void keys_changed(struct control *c)
{
	refresh_settings(c);
	rotations_read(c);
	key_ages_look(c);
	hub_key_settle(c);
	tunnel_key_settle(c);
}

/* The admin has set the level at run time: the monitor tells all of us. */
static void set_log_level(struct control *c, const struct monitor_log_level *m)
{
	uint8_t mem[8];
	struct cursor out;

	cursor_init_write(&out, mem, sizeof(mem));
	monitor_log_level_encode(m, &out);
	if (!c->w->monitor ||
	    channel_send(c->w->monitor, MONITOR_LOG_LEVEL, mem, cursor_pos(&out), -1) != ERR_OK)
		log_warn("control: the log level could not be set");
}

static void from_api(struct control *c, uint16_t type, struct cursor *body)
{
	struct monitor_log_level level;
	struct engine_ping ping;
	struct nudge_order order;
	struct nudge_node node;

	if (type == NUDGE_PING && engine_ping_decode(body, &ping) == ERR_OK)
		engine_feed_ping(c, &ping);
	if (type == NUDGE_ORDER && nudge_order_decode(body, &order) == ERR_OK)
		orders_take(c, &order);
	if (type == NUDGE_SETTINGS && nudge_node_decode(body, &node) == ERR_OK)
		node_settings_push(c, node.id);
	if (type == NUDGE_LOG_LEVEL && monitor_log_level_decode(body, &level) == ERR_OK)
		set_log_level(c, &level);
	/*
	 * The revision that it names is not looked at: what counts is what the store says. Tokens
	 * are read when they are used.
	 */
	if (type == NUDGE_REVISION)
		refresh_schedule(c);
	else if (type == NUDGE_KEYS)
		keys_changed(c);
}

static void from_monitor(struct control *c, uint16_t type, struct cursor *body)
{
	struct monitor_done m;

	if (type != MONITOR_DONE || monitor_done_decode(body, &m) != ERR_OK)
		return;
	if (!hub_key_monitor_done(c, &m) && !tunnel_key_monitor_done(c, &m))
		net_feed_done(c, &m);
}

static void message(struct worker *w, enum worker_role from, uint16_t type, struct cursor *body,
		    int fd)
{
	if (fd >= 0)
		close(fd);
	if (from == WORKER_ENGINE)
		engine_feed_message(w->state, type, body);
	else if (from == WORKER_API)
		from_api(w->state, type, body);
	else if (from == 0)
		from_monitor(w->state, type, body);
}

static void carrier_up(struct worker *w) { carriers_engine_up(w->state); }

/* The next engine is told of all; until then what comes for it is dropped. */
static void carrier_down(struct worker *w) { (void)w; }

static void carrier_message(struct worker *w, uint16_t type, struct cursor *body)
{
	carriers_message(w->state, type, body);
}

/* SIGALRM: what waits for its turn is done now. */
static void retry(struct control *c)
{
	if (c->engine.there)
		log_notice("control: %" PRIu32 " nodes do not answer: they are called now",
			   engine_feed_call_all(c));
}

/* Signals, as with tincd. */
static void wish(struct worker *w, enum monitor_wish what)
{
	switch (what) {
	case WISH_RETRY:
		retry(w->state);
		break;
	case WISH_PURGE:
		orders_purge(w->state);
		break;
	case WISH_DUMP_CONNECTIONS:
		dump_connections(w->state);
		break;
	case WISH_DUMP_ALL:
		dump_all(w->state);
		break;
	}
}

static void reload(struct worker *w)
{
	struct control *c = w->state;

	counters_log(&c->counters);
	expected_reload(c);
	refresh_schedule(c);
}

/* --- the end --- */

static void stop_fired(struct timer *t, uint64_t now_ms)
{
	(void)now_ms;
	core_stopped(container_of(t, struct control, stop_timer));
}

/* Every spoke is told when to come back: not all at once. */
static void stop(struct worker *w)
{
	struct control *c = w->state;
	size_t spread = registry_count(&c->registry);
	struct list *pos, *tmp;

	if (c->stopping)
		return;
	c->stopping = true;
	if (spread < BYE_SPREAD_MIN_MS)
		spread = BYE_SPREAD_MIN_MS;
	if (spread > BYE_SPREAD_MAX_MS)
		spread = BYE_SPREAD_MAX_MS;
	listener_stop(c);
	list_for_each(pos, tmp, &c->conns) {
		struct conn *conn = list_entry(pos, struct conn, in_all);
		if (conn->state == CONN_UP)
			conn_bye(conn, BYE_SHUTDOWN, 1 + secret_random_below((uint32_t)spread),
				 "the hub is being stopped");
		else if (conn->state != CONN_BYE)
			conn_drop(conn, "the hub is being stopped");
	}
	if (list_empty(&c->conns)) {
		core_stopped(c);
		return;
	}
	c->stop_timer.fire = stop_fired;
	timer_arm(loop_timers(c->loop), &c->stop_timer, loop_now_ms(c->loop) + CONTROL_STOP_MS);
}

static void drop_all(struct control *c)
{
	c->stopping = true;
	while (!list_empty(&c->conns))
		conn_drop(list_entry(c->conns.next, struct conn, in_all),
			  "the hub is being stopped");
	conn_reap(c);
}

static void disarm_all(struct control *c)
{
	struct timers *ts = loop_timers(c->loop);

	timer_disarm(ts, &c->tick);
	timer_disarm(ts, &c->moved_timer);
	timer_disarm(ts, &c->stop_timer);
	loop_later_cancel(c->loop, &c->reap);
	loop_later_cancel(c->loop, &c->refresh);
}

static void fini(struct worker *w)
{
	struct control *c = w->state;

	if (c->loop) {
		listener_stop(c);
		drop_all(c);
		disarm_all(c);
		push_fini(c);
		engine_feed_fini(c);
		net_feed_fini(c);
		presence_fini(c);
		pairs_fini(c);
		history_fini(c);
		expected_fini(c);
		names_fini(c);
		key_ages_fini(c);
		rotations_fini(c);
		revocations_fini(c);
		watch_fini(&c->watches);
		carriers_fini(&c->carriers);
		registry_fini(&c->registry);
		admission_fini(&c->admission);
		identities_fini(&c->identities);
		directory_fini(&c->dir);
	}
	hub_key_fini(c);
	tunnel_key_fini(c);
	store_close(c->store);
	free(c);
	w->state = NULL;
}

const struct worker_role_ops *control_role(void)
{
	static const struct worker_role_ops ops = {
		.role = WORKER_CONTROL,
		.name = "control",
		.calls = FILTER_FILES | FILTER_SOCKETS | FILTER_THREADS,
		.load = load,
		.start = start,
		.sibling_up = sibling_up,
		.sibling_down = sibling_down,
		.message = message,
		.carrier_up = carrier_up,
		.carrier_down = carrier_down,
		.carrier_message = carrier_message,
		.reload = reload,
		.wish = wish,
		.stop = stop,
		.fini = fini,
	};
	return &ops;
}
