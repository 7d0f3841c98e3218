/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * mover: a further worker of the data plane (Workers > 1). It has its own TUN queue, UDP sockets
 * and nonce space, and moves data packets with the keypairs that the engine gives it, through the
 * same tx.c and rx.c as the engine. It makes no handshakes and decides nothing: what it cannot move
 * goes to the engine, and what happened is told there. It lives no longer than its engine.
 *
 * The functions below are what the stations do in a mover in the place of what they do in the
 * engine; t->mover is never NULL in them.
 */
#include "shared/ipc/mover_msg.h"
#include "shared/monitor/worker.h"
#include "shared/noise/aead.h"
#include "shared/tunnel/path.h"
#include "shared/tunnel/session.h"

struct mover_params {
	enum aead_choice crypto; /* which library seals packets */
	bool offload;            /* use what the kernel has of UDP segmentation and GRO */
	unsigned workers;        /* of the engine and its movers together, 2..WORKERS_MAX */
};

/* For the daemon's own load(). */
enum err mover_load(const struct mover_params *params, void **state) must_check;

/* The roles of all movers that there can be, with the daemon's own load(). */
void mover_roles(enum err (*load)(void *config, void **state),
		 struct worker_role_ops out[WORKERS_MAX - 1]);

/* An inner packet without a session to go through; `len` 0: only a session is wanted. */
void mover_pass_inner(struct peer *p, const uint8_t *packet, size_t len, uint8_t flags);
/* A message that is the engine's, or another worker's to open; as it came, before its envelope was
 * taken off. */
void mover_pass_packet(struct tunnel *t, const struct pkt *msg, const struct session_source *from);
/* The same for one of an unknown session; rate-limited. */
void mover_pass_stranger(struct tunnel *t, const struct pkt *msg,
			 const struct session_source *from);
/* An authentic extension packet. */
void mover_pass_extension(struct peer *p, const struct pkt *pkt, const struct endpoint *from,
			  bool relayed);

/* Sealed packets for a carrier, a whole CARRIER_PACKETS message. False: the engine is slow. */
bool mover_pass_carried(struct tunnel *t, const void *p, size_t n);

/* Something to tell the engine within MOVER_EVENT_MS; p->counters are told with it. */
void mover_tell_later(struct peer *p);
static inline void mover_note(struct peer *p, enum mover_event_flag what)
{
	if (list_empty(&p->news.link))
		mover_tell_later(p);
	p->news.flags |= (uint8_t)what;
}
/* An authentic packet; `first`: the first one with this keypair. */
void mover_note_received(struct peer *p, const struct keypair *kp, bool first,
			 enum path_traffic traffic, const struct session_source *from);
