/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * carrier: one TLS connection that carries tunnel packets, from the moment that both sides have
 * said so (CONTROL.md section 14). The owner keeps the stream, forwards its callbacks, and closes
 * it.
 *
 *   1. carrier_new()        the engine is told
 *   2. carrier_received()   from the stream's received(); carrier_drained() from its drained();
 *                           carrier_send() for what the engine has for this carrier's number
 *   3. carrier_free()       the engine is told; then the owner closes the stream
 *
 * Timer (one): last heard, LINK_PING_MS, the dialling side sends a sign of life; LINK_DEAD_MS:
 * dead() is called.
 */
#include "shared/carrier/queue.h"
#include "shared/ipc/carrier_msg.h"
#include "shared/loop/stream.h"

struct carrier;

struct carrier_params {
	struct loop *loop;
	struct stream *stream;
	/* The place of the channel to the engine, which comes and goes: &worker.carrier. */
	struct channel *const *engine;
	uint32_t number; /* > 0, not used before */
	uint32_t node;   /* whose identity key is at the other end */
	bool dialled;    /* we have dialled it, so we ask whether the other side lives */
	/* Nothing was heard for too long: close it. From a timer; the callee may call
	 * carrier_free(). */
	void (*dead)(void *arg);
	void *arg;
};

struct carrier_counters {
	uint64_t rx_packets, tx_packets; /* handed to the engine; to TLS */
	uint64_t rx_dropped, tx_dropped; /* the engine was slow; TCP was */
};

/* Copies `p`, and tells the engine, if there is one. */
enum err carrier_new(const struct carrier_params *p, struct carrier **out) must_check;
/* Accepts NULL. */
void carrier_free(struct carrier *c);
/* The engine has come: it is told of this carrier. */
void carrier_tell_engine(struct carrier *c);
uint32_t carrier_number(const struct carrier *c);
struct carrier_counters carrier_counters(const struct carrier *c);

/* Takes whole frames off the front of `in`. ERR_TOOBIG: what comes is no frame; the connection must
 * end. */
enum err carrier_received(struct carrier *c, struct buf *in) must_check;
/* The stream takes more. */
void carrier_drained(struct carrier *c);
/* Packets of the engine: whole frames, checked. */
void carrier_send(struct carrier *c, const uint8_t *frames, size_t n);
