/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hub/control/core.h"

#include "shared/base/clock.h"
#include "shared/ipc/nudge_msg.h"

const struct node *core_hub(const struct control *c)
{
	return directory_find(&c->dir, c->settings.hub_id);
}

enum err core_store_failed(struct control *c, enum err e, const char *what)
{
	counters_add(&c->counters, COUNT_STORE_FAILED);
	if (e == ERR_BUSY)
		c->store_rest_ms = clock_now_ms() + CONTROL_STORE_REST_MS;
	if (log_allowed(&c->log_store))
		log_error("control: cannot %s: %s (%s)", what, err_str(e), store_error(c->store));
	return e;
}

bool core_store_rests(const struct control *c) { return loop_now_ms(c->loop) < c->store_rest_ms; }

const char *core_store_code(enum err e)
{
	switch (e) {
	case ERR_BUSY:
		return "store_busy";
	case ERR_FULL:
		return "store_full";
	default:
		return "store_failed";
	}
}

void core_nudge(struct control *c, uint16_t type)
{
	static const enum worker_role whom[] = { WORKER_API, WORKER_WEBHOOKS };
	struct nudge_revision m = { .revision = c->dir.revision };
	uint8_t payload[16];
	struct cursor cur;

	cursor_init_write(&cur, payload, sizeof(payload));
	if (type == NUDGE_REVISION)
		nudge_revision_encode(&m, &cur);
	/* A channel that does not take it is closing; they read the database when they are back. */
	for (size_t i = 0; i < ARRAY_LEN(whom); i++) {
		struct channel *to = c->w->siblings[whom[i]];

		if (to && channel_send(to, type, payload, cursor_pos(&cur), -1) != ERR_OK)
			log_debug(3, "control: %s was not nudged", worker_role_str(whom[i]));
	}
}

void core_stopped(struct control *c)
{
	timer_disarm(loop_timers(c->loop), &c->stop_timer);
	presence_flush(c);
	pairs_flush(c);
	loop_stop(c->loop, 0);
}
