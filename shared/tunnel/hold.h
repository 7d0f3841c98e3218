/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * hold: lets the device's queues wait while the outer sockets are full enough (backlog.h says when
 * that is): looks at the sockets and at the clock, stops reading, begins again by a timer.
 */
#include <stddef.h>

#include "shared/loop/timer.h"
#include "shared/tunnel/tun.h"

struct tunnel;

struct hold {
	struct tunnel *tunnel;
	struct timer timer; /* armed while the queue is held */
};

void hold_init(struct tunnel *t);
void hold_fini(struct tunnel *t);
/* How many bytes of the queue may be read now; 0: it is held, and will be read when there is room.
 */
size_t hold_room(struct tunnel *t, enum tun_queue queue);
/* Behind the flush of a burst of `bytes`. */
void hold_sent(struct tunnel *t, size_t bytes);
