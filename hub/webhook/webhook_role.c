/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Timers: `gather`, GATHER_SOON_MS after a nudge (they come in bursts) and every GATHER_TICK_MS for
 * what a lost nudge would have told.
 */
#include "hub/webhook/webhook_role.h"

#include <stdlib.h>
#include <unistd.h>

#include "hub/config.h"
#include "hub/webhook/gather.h"
#include "hub/webhook/sender.h"
#include "shared/base/clock.h"
#include "shared/base/log.h"
#include "shared/monitor/filter.h"

#define GATHER_SOON_MS 50u
#define GATHER_TICK_MS 5000u

struct webhooks {
	struct worker *worker;
	const struct hub_config *config;
	struct store *store;
	struct gather gather;
	struct sender sender;
	struct timer timer;
	struct log_limit log_limit;
};

static void gather_in(struct webhooks *h, uint64_t delay_ms)
{
	uint64_t at_ms = loop_now_ms(h->worker->loop) + delay_ms;

	if (!timer_armed(&h->timer) || h->timer.at_ms > at_ms)
		timer_arm(loop_timers(h->worker->loop), &h->timer, at_ms);
}

static void fire(struct timer *t, uint64_t now_ms)
{
	struct webhooks *h = container_of(t, struct webhooks, timer);
	bool more = false;
	enum err e = gather_run(&h->gather, clock_wall_ms(), &more);

	(void)now_ms;
	if (e && log_allowed(&h->log_limit))
		log_warn("webhooks: events could not be read: %s (%s)", err_str(e),
			 store_error(h->store));
	sender_look(&h->sender);
	gather_in(h, more ? 0 : GATHER_TICK_MS);
}

static enum err load(void *config, void **state)
{
	struct webhooks *h = calloc(1, sizeof(*h));

	if (!h)
		return ERR_NOMEM;
	h->config = config;
	h->log_limit = (struct log_limit){ .burst = 5, .every_ms = 10000 };
	h->timer.fire = fire;
	*state = h;
	return ERR_OK;
}

static enum err start(struct worker *w)
{
	struct webhooks *h = w->state;
	enum err e;

	h->worker = w;
	e = store_open(h->config->paths.state, &h->store);
	if (e) {
		log_error("webhooks: the database in %s could not be opened: %s",
			  h->config->paths.state, err_str(e));
		return e;
	}
	gather_init(&h->gather, h->store);
	e = sender_init(&h->sender, w->loop, h->store, h->config->paths.net);
	if (e) {
		log_error("webhooks: the HTTP client could not be started");
		return e;
	}
	gather_in(h, 0);
	return ERR_OK;
}

/* Whatever a sibling says: something may have happened. */
static void message(struct worker *w, enum worker_role from, uint16_t type, struct cursor *body,
		    int fd)
{
	(void)from;
	(void)type;
	(void)body;
	if (fd >= 0)
		close(fd);
	gather_in(w->state, GATHER_SOON_MS);
}

static void fini(struct worker *w)
{
	struct webhooks *h = w->state;

	timer_disarm(loop_timers(w->loop), &h->timer);
	sender_fini(&h->sender);
	store_close(h->store);
	free(h);
	w->state = NULL;
}

const struct worker_role_ops *webhook_role(void)
{
	static const struct worker_role_ops ops = {
		.role = WORKER_WEBHOOKS,
		.name = "webhooks",
		.calls = FILTER_FILES | FILTER_SOCKETS | FILTER_THREADS,
		.load = load,
		.start = start,
		.message = message,
		.fini = fini,
	};

	return &ops;
}
