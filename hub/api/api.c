/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hub/api/api.h"

#include <stdlib.h>
#include <unistd.h>

#include "hub/api/context.h"
#include "hub/api/hashing.h"
#include "hub/api/server.h"
#include "hub/api/sign_in.h"
#include "shared/base/clock.h"
#include "shared/base/file.h"
#include "shared/base/log.h"
#include "shared/ipc/nudge_msg.h"
#include "shared/monitor/filter.h"

#define PEM_MAX_BYTES (256u << 10)

uint64_t api_now_ms(const struct api *a)
{
	return a->worker ? loop_now_ms(a->worker->loop) : clock_now_ms();
}

/* Tells control; a full or broken channel is the monitor's business. */
static void nudge(struct api *a, uint16_t type, const void *payload, size_t n)
{
	struct channel *control = a->worker ? a->worker->siblings[WORKER_CONTROL] : NULL;
	enum err e = control ? channel_send(control, type, payload, n, -1) : ERR_OK;

	if (e)
		log_warn("api: control could not be told of a change: %s", err_str(e));
}

void api_nudge_revision(struct api *a, uint64_t revision)
{
	const struct nudge_revision m = { revision };
	uint8_t mem[16];
	struct cursor c;

	cursor_init_write(&c, mem, sizeof(mem));
	nudge_revision_encode(&m, &c);
	nudge(a, NUDGE_REVISION, mem, cursor_pos(&c));
}

void api_nudge_events(struct api *a)
{
	struct channel *webhooks = a->worker ? a->worker->siblings[WORKER_WEBHOOKS] : NULL;

	events_nudge(&a->events, api_now_ms(a));
	/* One that is full or broken reads all by itself, within seconds. */
	if (webhooks && channel_send(webhooks, NUDGE_EVENTS, NULL, 0, -1))
		log_debug(1, "api: webhooks could not be told of an event");
}

void api_nudge_settings(struct api *a, uint32_t node_id)
{
	const struct nudge_node m = { node_id };
	uint8_t mem[8];
	struct cursor c;

	cursor_init_write(&c, mem, sizeof(mem));
	nudge_node_encode(&m, &c);
	nudge(a, NUDGE_SETTINGS, mem, cursor_pos(&c));
}

void api_nudge_log_level(struct api *a, int level)
{
	const struct monitor_log_level m = { .level = (uint8_t)level };
	uint8_t mem[8];
	struct cursor c;

	cursor_init_write(&c, mem, sizeof(mem));
	monitor_log_level_encode(&m, &c);
	nudge(a, NUDGE_LOG_LEVEL, mem, cursor_pos(&c));
}

/* Has control hand an echo on to the engine. */
static enum err ask_echo(struct echoes *e, const struct engine_ping *ping)
{
	struct api *a = container_of(e, struct api, echoes);
	struct channel *control = a->worker ? a->worker->siblings[WORKER_CONTROL] : NULL;
	uint8_t mem[16];
	struct cursor c;

	cursor_init_write(&c, mem, sizeof(mem));
	engine_ping_encode(ping, &c);
	return control ? channel_send(control, NUDGE_PING, mem, cursor_pos(&c), -1) : ERR_CLOSED;
}

/* Has control do something at once. */
static enum err ask_order(struct order_waits *o, const struct nudge_order *order)
{
	struct api *a = container_of(o, struct api, orders);
	struct channel *control = a->worker ? a->worker->siblings[WORKER_CONTROL] : NULL;
	uint8_t mem[16];
	struct cursor c;

	cursor_init_write(&c, mem, sizeof(mem));
	nudge_order_encode(order, &c);
	return control ? channel_send(control, NUDGE_ORDER, mem, cursor_pos(&c), -1) : ERR_CLOSED;
}

static void take_order_done(struct api *a, struct cursor *body)
{
	struct nudge_order_done done;

	if (nudge_order_done_decode(body, &done) == ERR_OK)
		order_waits_take(&a->orders, &done);
}

static void take_echo(struct api *a, struct cursor *body)
{
	struct engine_pong pong;

	if (engine_pong_decode(body, &pong) == ERR_OK)
		echoes_pong(&a->echoes, &pong, api_now_ms(a));
}

void api_nudge_keys(struct api *a) { nudge(a, NUDGE_KEYS, NULL, 0); }

void api_nudge_tokens(struct api *a) { nudge(a, NUDGE_TOKENS, NULL, 0); }

static void free_api(struct api *a)
{
	if (!a)
		return;
	hashing_free(a->hashing);
	a->hashing = NULL;
	server_stop(a->server);
	logs_fini(&a->logs);
	store_close(a->store);
	idempotency_free(a->idempotency);
	buf_fini(&a->https_key);
	buf_fini(&a->https_cert);
	free(a);
}

static enum err load_keys(struct api *a)
{
	enum err e = file_read_secret(a->config->https_key_file, &a->https_key);

	if (e) {
		log_error("api: %s: %s", a->config->https_key_file, err_str(e));
		return e;
	}
	e = file_read(a->config->https_cert_file, &a->https_cert);
	if (e)
		log_error("api: %s: %s", a->config->https_cert_file, err_str(e));
	return e;
}

static enum err load(void *config, void **state)
{
	struct api *a = calloc(1, sizeof(*a));
	enum err e;

	if (!a)
		return ERR_NOMEM;
	a->config = config;
	a->log_limit = (struct log_limit){ .burst = 10, .every_ms = 5000 };
	buf_init(&a->https_key, PEM_MAX_BYTES);
	buf_init(&a->https_cert, PEM_MAX_BYTES);
	auth_unix_init(&a->auth_unix, a->config->group);
	e = a->config->n_https ? load_keys(a) : ERR_OK;
	if (e)
		free_api(a);
	else
		*state = a;
	return e;
}

static enum err start(struct worker *w)
{
	struct api *a = w->state;
	enum err e;

	a->worker = w;
	a->started_ms = clock_wall_ms();
	waits_init(&a->waits, loop_timers(w->loop), server_look);
	echoes_init(&a->echoes, loop_timers(w->loop), ask_echo, server_echoed);
	order_waits_init(&a->orders, loop_timers(w->loop), ask_order, server_ordered);
	events_init(&a->events, loop_timers(w->loop), server_wake);
	logs_init(&a->logs, w->loop, &w->monitor, server_wake);
	bucket_init(&a->sign_ins, SIGN_IN_PER_S, SIGN_IN_BURST, loop_now_ms(w->loop));
	e = idempotency_new(&a->idempotency);
	if (!e)
		e = hashing_new(w->loop, server_go_on, &a->hashing);
	if (e) {
		log_error("api: cannot begin: %s", err_str(e));
		return e;
	}
	e = store_open(a->config->paths.state, &a->store);
	if (e) {
		log_error("api: the database in %s could not be opened: %s", a->config->paths.state,
			  err_str(e));
		return e;
	}
	e = server_start(a, &a->server);
	buf_fini(&a->https_key);
	return e;
}

static void sibling_up(struct worker *w, enum worker_role role)
{
	struct api *a = w->state;

	if (role == WORKER_CONTROL)
		waits_nudge(&a->waits, loop_now_ms(w->loop));
}

static void sibling_down(struct worker *w, enum worker_role role)
{
	struct api *a = w->state;

	if (role == WORKER_CONTROL)
		order_waits_lost(&a->orders);
}

static void message(struct worker *w, enum worker_role from, uint16_t type, struct cursor *body,
		    int fd)
{
	struct api *a = w->state;

	if (from == 0 && type == MONITOR_LOG_TAPPED) {
		if (log_tap_take(&a->logs.tap, fd))
			log_warn("api: the log cannot be followed");
		return;
	}
	if (fd >= 0)
		close(fd);
	if (from == WORKER_CONTROL && type == NUDGE_PONG) {
		take_echo(a, body);
		return;
	}
	if (from == WORKER_CONTROL && type == NUDGE_ORDER_DONE) {
		take_order_done(a, body);
		return;
	}
	if (from == WORKER_CONTROL && type == NUDGE_PRESENCE)
		waits_nudge(&a->waits, loop_now_ms(w->loop));
	if (from == WORKER_CONTROL)
		events_nudge(&a->events, loop_now_ms(w->loop));
}

/* SIGHUP. What is wrong with the file is for control to say. */
static void reload(struct worker *w)
{
	struct api *a = w->state;
	char error[CONFIG_ERROR_SIZE];

	if (hub_config_reload(a->config, NULL, error))
		log_debug(1, "api: %s", error);
}

static void fini(struct worker *w)
{
	free_api(w->state);
	w->state = NULL;
}

const struct worker_role_ops *api_role(void)
{
	static const struct worker_role_ops ops = {
		.role = WORKER_API,
		.name = "api",
		.calls = FILTER_FILES | FILTER_SOCKETS | FILTER_THREADS,
		.load = load,
		.start = start,
		.sibling_up = sibling_up,
		.sibling_down = sibling_down,
		.message = message,
		.reload = reload,
		.fini = fini,
	};

	return &ops;
}
