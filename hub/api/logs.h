/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * logs: the log lines of all processes of the hub, told to admins who follow them (GET /api/v1/log,
 * Server-Sent Events). Each stream has a level of its own; what the log itself has is not changed.
 * A reader that is slow loses lines, and is told how many.
 *
 * Timers: `beat`, every EVENTS_BEAT_MS while there are streams: a comment to each, so that dead
 * connections are noticed, and a look whether the listener may still listen.
 */
#include "hub/api/request.h"
#include "shared/base/list.h"
#include "shared/monitor/log_tap.h"

#define LOGS_STREAMS_MAX 8u
/* Of lines that wait for one reader. */
#define LOGS_STREAM_MAX_BYTES (256u << 10)

struct logs {
	struct list streams; /* of struct event_stream */
	unsigned n;
	struct log_tap tap;
	struct timers *timers; /* NULL in tests */
	struct timer beat;
	void (*wake)(struct event_stream *s);
};

/* `monitor` is the worker's channel to it, which may be NULL at times. */
void logs_init(struct logs *x, struct loop *loop, struct channel **monitor,
	       void (*wake)(struct event_stream *s));
void logs_fini(struct logs *x);
/* A line was written: to all that want it. */
void logs_line(struct logs *x, const struct log_line *l);
/* As events_fill(), of a stream of the log. */
enum err logs_fill(struct request *r, struct buf *out) must_check;
/* The request is over. Harmless for one that is no stream of the log. */
void logs_remove(struct request *r);
