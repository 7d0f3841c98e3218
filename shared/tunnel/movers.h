/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * movers: the engine's side of its movers (shared/tunnel/mover.h): what they are told, and what
 * they say. The tell functions do nothing when there are none (Workers = 1), and say it to all that
 * are there; one that comes later is told everything but the keys, which the engine does not keep:
 * each process gets each key at most once, so that no restart can use a nonce twice.
 */
#include "shared/ipc/mover_msg.h"
#include "shared/tunnel/session.h"

/* No worker opens packets of this keypair any more: whoever did has died, and with it the replay
 * window. */
#define RX_OWNER_NONE 0xffu

struct movers;

/* ERR_NOMEM. */
enum err movers_new(struct tunnel *t, struct movers **out) must_check;
void movers_free(struct movers *m);

/* A mover has come or gone (`number` 1..). */
void movers_up(struct tunnel *t, unsigned number, struct channel *ch);
void movers_down(struct tunnel *t, unsigned number);
bool movers_alive(const struct tunnel *t, unsigned number);
/* A message of a mover. An error: it broke the protocol, its channel must be closed. */
enum err movers_receive(struct tunnel *t, unsigned number, uint16_t type,
			struct cursor *body) must_check;

/* t->self is new. */
void movers_tell_self(struct tunnel *t);
/* Our own record, as control gave it; needs t->movers. ERR_LIMIT, ERR_NOMEM. */
enum err movers_tell_own(struct tunnel *t, const struct engine_peer *m) must_check;
/* A peer as control gave it, and where its packets go. */
void movers_tell_peer(struct tunnel *t, const struct engine_peer *m);
void movers_tell_gone(const struct peer *p);
void movers_tell_path(const struct peer *p);
/* A new keypair, in none of the movers yet. The caller zeroes the keys. */
void movers_tell_keypair(const struct peer *p, const struct keypair *kp,
			 const struct keypair_keys *keys);
void movers_tell_keypair_gone(struct tunnel *t, uint32_t index);
/* The revision is in force in the engine; control is told when it is in all movers. Needs
 * t->movers. */
void movers_commit(struct tunnel *t, uint64_t revision);
/* A message for the worker that opens it. */
void movers_pass_packet(struct tunnel *t, unsigned number, const struct pkt *msg,
			const struct session_source *from);
/* Adds what the movers have compressed to the engine's own numbers; all else is in t already. */
void movers_add_status(const struct tunnel *t, struct engine_status_end *m);
