/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * orders: what an admin has done at once by hand, as with tinc: disconnect, connect, purge, retry.
 * Nothing of it lasts: who was disconnected comes back by itself. api asks, and is told what came
 * of it; one that is answered late or never (nobody is at the other end of a connect) it gives up.
 */
#include "shared/ipc/engine_msg.h"
#include "shared/ipc/nudge_msg.h"

/* That wait for the engine, or for a path. api has no more under way; the oldest gives way. */
#define ORDERS_PENDING_MAX 16u
/* A spoke whose link was ended comes again after so long, and jitter. */
#define ORDERS_BACK_MS 1000u

struct control;

struct orders {
	struct nudge_order pending[ORDERS_PENDING_MAX];   /* tag 0: free */
	struct nudge_order_done done[ORDERS_PENDING_MAX]; /* what is known of each by now */
	unsigned next;                                    /* the place of the next one */
};

void orders_take(struct control *c, const struct nudge_order *m);
/* ORDER_PURGE of a signal: what comes of it goes to the log. */
void orders_purge(struct control *c);
/* ENGINE_FORGOTTEN. */
void orders_forgotten(struct control *c, const struct engine_forgotten *m);
/* The path to a node has changed. */
void orders_path(struct control *c, uint32_t id);
/* The engine is gone, and what it was asked with it. */
void orders_engine_lost(struct control *c);
