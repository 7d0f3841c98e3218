/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * whereabouts: where other spokes may be reached directly, from all that we know of it, for the
 * engine:
 *
 *   hosts/NAME        numeric Address lines, and what their names led to
 *   the hub           presence and punch; kept in the cache over restarts and while it is away
 *   the engine        the endpoint that a direct path really uses, first of those in the cache
 *   the directory     configured endpoints, and what their names led to
 *
 * A node that is hub-only for us is not looked for.
 */
#include "shared/ipc/engine_msg.h"
#include "shared/wire/control.h"

struct spoke;
struct node;

enum err whereabouts_init(struct spoke *s) must_check;
void whereabouts_fini(struct spoke *s);
/* The hub says where a peer is. One that is offline keeps what was told before: it may still be
 * reached there, and the hub may only have been restarted. */
void whereabouts_told(struct spoke *s, const struct node *n, const struct control_presence *p,
		      bool punch);
/* The engine says which path a peer has. */
void whereabouts_path(struct spoke *s, const struct engine_path *p);
/* Tells the engine of one peer, unless nothing is known. `punch`: start probing now. */
void whereabouts_send(struct spoke *s, const struct node *n, bool punch);
/* The engine was told all peers anew: now where they are. Those that ConnectTo names are looked for
 * at once. */
void whereabouts_sync(struct spoke *s);
/* The engine looks for a peer: names are looked up (again), and it is told what is known. */
void whereabouts_ask(struct spoke *s, const struct node *n);
/* The node is gone. */
void whereabouts_forget(struct spoke *s, uint32_t id);
/* Everything known of a node, best first, each once. Returns how many. */
size_t whereabouts_collect(const struct spoke *s, const struct node *n,
			   struct endpoint out[ENGINE_ENDPOINTS_MAX]);
