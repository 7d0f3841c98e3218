/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * rotations: which nodes are to be told about keys on their way to be replaced: that new ones are
 * wanted, or that those which they have proposed are refused. The rows of the store, in memory, so
 * that a hello costs no query. Read anew when api says so (NUDGE_KEYS).
 */
#include "hub/store/store.h"

struct control;
struct conn;

struct rotation_news {
	uint32_t node_id;
	enum rotation_state state;
	unsigned keys; /* ROTATION_* */
};

struct rotations {
	struct rotation_news *list; /* by node_id; owned */
	size_t n, cap;
};

void rotations_fini(struct control *c);
/* From the store; who is connected is told at once. When it cannot be read (logged) the list stays.
 */
void rotations_read(struct control *c);
/* A link has just been welcomed. */
void rotations_greet(struct control *c, struct conn *conn);
