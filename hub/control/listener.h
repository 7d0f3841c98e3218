/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/* listener: accepts the link's TCP connections, at the pace that admission allows. */
#include "shared/base/log.h"
#include "shared/loop/loop.h"

struct control;

struct listener {
	struct loop_fd fd;
	struct control *control;
	bool resting; /* not waiting for connections: admission, no place or no descriptor */
};

struct listeners {
	struct listener all[8];
	unsigned n;
	struct timer wake;
	uint64_t broke_ms; /* until then no descriptor can be had; 0: none is missing */
	unsigned n_open;   /* connections, of strangers, links and carriers */
	unsigned open_max; /* more would take the descriptors that the worker itself needs */
	struct log_limit log_full;
};

/* Starts on the descriptors that the monitor gave. */
enum err listener_start(struct control *c) must_check;
/* One of the reasons to rest may be gone: look again. Cheap. */
void listener_wake(struct control *c);
/* A connection was made, on a descriptor that was accepted. */
void listener_opened(struct control *c);
/* One of those is closed: its place and its descriptor are free. */
void listener_closed(struct control *c);
/* Closes all. */
void listener_stop(struct control *c);
