/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * log_tap: the log lines of all our processes, as they are written, for the worker that serves an
 * admin's commands (api on the hub, control on a spoke).
 *
 *   1. log_tap_init()
 *   2. log_tap_want() with the level of whoever follows most, and again when that changes; -1: none
 *   3. log_tap_take() with the descriptor of MONITOR_LOG_TAPPED
 *   4. line() for each line, on the loop
 *
 * The writers never wait: what does not fit into the socket is counted by who wrote it. The level
 * of the log itself stays what it is.
 */
#include <jansson.h>

#include "shared/base/log.h"
#include "shared/ipc/channel.h"
#include "shared/loop/loop.h"

#define LOG_TAP_PER_ROUND 64u /* lines; then others have their turn */

/* One line. The texts have no control characters. */
struct log_line {
	int level; /* 0..LOG_LEVEL_MAX: from which on it is wanted */
	enum log_priority prio;
	uint64_t lost;    /* lines of the same process before it, which did not fit */
	int64_t at_ms;    /* wall clock */
	char process[64]; /* "branchline-hub[engine]" */
	char text[LOG_TAP_MAX_BYTES];
};
/* Of a message as log.h describes it. The sender may be taken over. */
enum err log_line_decode(const void *p, size_t n, struct log_line *out) must_check;
/* {at, level, priority, process, text, lost}; NULL when memory is out. `lost` more are added. */
json_t *log_line_json(const struct log_line *l, uint64_t lost);

struct log_tap {
	struct loop *loop;
	struct channel **monitor; /* of struct worker: NULL at times */
	struct loop_fd io;        /* fd -1: nothing to read from yet */
	int level;                /* as asked for */
	void (*line)(struct log_tap *t, const struct log_line *l);
};
void log_tap_init(struct log_tap *t, struct loop *loop, struct channel **monitor,
		  void (*line)(struct log_tap *t, const struct log_line *l));
void log_tap_fini(struct log_tap *t);
void log_tap_want(struct log_tap *t, int level);
/* Takes over `fd`, also on failure. */
enum err log_tap_take(struct log_tap *t, int fd) must_check;
