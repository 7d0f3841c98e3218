/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hub/api/logs.h"

#include <stdlib.h>

#include "hub/api/context.h"
#include "hub/api/handlers.h"

static struct event_stream *stream_of(struct list *link)
{
	return list_entry(link, struct event_stream, link);
}

static void beat(struct timer *t, uint64_t now_ms)
{
	struct logs *x = container_of(t, struct logs, beat);
	struct list *pos, *tmp;

	list_for_each(pos, tmp, &x->streams) {
		stream_of(pos)->beat = true;
		x->wake(stream_of(pos));
	}
	timer_arm(x->timers, &x->beat, x->n ? now_ms + EVENTS_BEAT_MS : TIMER_NEVER);
}

static void tapped(struct log_tap *t, const struct log_line *l)
{
	logs_line(container_of(t, struct logs, tap), l);
}

void logs_init(struct logs *x, struct loop *loop, struct channel **monitor,
	       void (*wake)(struct event_stream *s))
{
	*x = (struct logs){ .wake = wake, .beat.fire = beat };
	x->timers = loop ? loop_timers(loop) : NULL;
	list_init(&x->streams);
	if (loop)
		log_tap_init(&x->tap, loop, monitor, tapped);
}

void logs_fini(struct logs *x) { log_tap_fini(&x->tap); }

/* The level of who follows most; -1: nobody does. */
static void set_level(struct logs *x)
{
	struct list *pos, *tmp;
	int level = -1;

	list_for_each(pos, tmp, &x->streams) {
		if (stream_of(pos)->level > level)
			level = stream_of(pos)->level;
	}
	if (x->tap.loop)
		log_tap_want(&x->tap, level);
}

/* What does not fit is counted, and told with the next line that does. */
static void put(struct event_stream *s, const struct log_line *l)
{
	char *text = NULL;
	json_t *j = NULL;

	if (buf_len(&s->lines) < LOGS_STREAM_MAX_BYTES - 4 * LOG_TAP_MAX_BYTES)
		j = log_line_json(l, s->lost);
	text = j ? json_dumps(j, JSON_COMPACT) : NULL;
	if (text && buf_printf(&s->lines, "event: line\ndata: %s\n\n", text) == ERR_OK)
		s->lost = 0;
	else
		s->lost += 1 + l->lost;
	free(text);
	json_decref(j);
}

void logs_line(struct logs *x, const struct log_line *l)
{
	struct list *pos, *tmp;

	list_for_each(pos, tmp, &x->streams) {
		struct event_stream *s = stream_of(pos);

		if (l->level > s->level)
			continue;
		put(s, l);
		x->wake(s);
	}
}

enum err logs_fill(struct request *r, struct buf *out)
{
	struct event_stream *s = &r->stream;
	enum err e = ERR_OK;

	if (s->beat && !request_may_go_on(r))
		return ERR_DENIED;
	if (buf_len(&s->lines))
		e = buf_put(out, buf_data(&s->lines), buf_len(&s->lines));
	else if (s->beat)
		e = buf_put_str(out, ": still here\n\n");
	buf_clear(&s->lines);
	s->beat = false;
	return e;
}

void logs_remove(struct request *r)
{
	if (!r->stream.of_log)
		return;
	r->stream.of_log = false;
	list_del(&r->stream.link);
	buf_fini(&r->stream.lines);
	r->api->logs.n--;
	set_level(&r->api->logs);
}

void logs_get(struct request *r)
{
	struct logs *x = &r->api->logs;
	struct problem p = { 0 };
	uint64_t level;

	if (params_uint(&r->query, "level", 0, LOG_LEVEL_MAX, (uint64_t)log_level(), &level, &p)) {
		reply_problem(&r->reply, &p);
		return;
	}
	if (x->n == LOGS_STREAMS_MAX) {
		reply_refuse(&r->reply, 503, "too_many_listeners",
			     "%u follow the log already, the most that may", LOGS_STREAMS_MAX);
		return;
	}
	r->stream.of_log = true;
	r->stream.level = (int)level;
	r->stream.beat = true;
	buf_init(&r->stream.lines, LOGS_STREAM_MAX_BYTES);
	list_push_back(&x->streams, &r->stream.link);
	if (x->n++ == 0 && x->timers)
		timer_arm(x->timers, &x->beat, api_now_ms(r->api) + EVENTS_BEAT_MS);
	set_level(x);
	reply_stream(&r->reply, "text/event-stream");
}
