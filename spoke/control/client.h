/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * client: the spoke's end of the link as a state machine. It dials, says hello, waits for the
 * welcome, and dials again.
 *
 *            start              opened              welcome
 *   STOPPED ------> DIALLING ----------> GREETING -----------> UP
 *                    ^    |                  |                  |
 *       timer, retry |    | exhausted        | closed, bye,     | closed, bye,
 *                    |    v                  | 10 s             | 50 s of silence
 *                   WAITING <----------------+------------------+
 *
 *   Any state goes to STOPPED with client_stop().
 *
 * Timers (one struct timer, armed to the state's deadline):
 *   WAITING   client_retry_delay_ms()                 dial
 *   GREETING  LINK_HANDSHAKE_MS without a welcome     close, WAITING
 *   UP        LINK_DEAD_MS without a byte             close, WAITING
 *   UP        CLIENT_PROBE_MS without an answer to     close, WAITING
 *             client_network_changed()
 */
#include "shared/wire/control.h"
#include "spoke/control/dialer.h"

enum client_state {
	CLIENT_STOPPED,
	CLIENT_DIALLING,
	CLIENT_GREETING,
	CLIENT_UP,
	CLIENT_WAITING,
	CLIENT_STATES
};
const char *client_state_str(
	enum client_state s); /* "stopped", "dialling", "greeting", "up", "waiting" */

/* A link that was up for so long starts its retries from the shortest delay again. */
#define CLIENT_STABLE_MS 10000u

/* After the network has changed the hub has so long to answer another hello. */
#define CLIENT_PROBE_MS 5000u

/* What the next try depends on. */
struct client_retry {
	uint64_t away_ms;  /* for so long there has been no link that lasted */
	uint32_t asked_ms; /* bye's retry_after, 0 none */
	bool refused;      /* revoked, deleted, unknown */
	uint64_t tried_ms; /* the round that failed took so long */
};
/*
 * How long to wait before the next round, in ms. `random` is any number. Full jitter: evenly in 0
 * .. the time that the link has been away, that within MIN and MAX: who was away for a moment is
 * back after a moment, and who has tried for long tries seldom. What the failed round
 * took is taken off: who was kept waiting by a busy hub has waited. A delay that the hub asked for
 * is kept and spread by half; a refusal waits LINK_RETRY_REFUSED_MS and up to a quarter more.
 */
uint64_t client_retry_delay_ms(const struct client_retry *r, uint32_t random);
/* Is the move allowed? The table of the drawing above. */
bool client_may_move(enum client_state from, enum client_state to);

struct client;
struct client_events {
	/* Adds the places to dial to `d`, for a new round. */
	void (*places)(struct client *c, struct dialer *d);
	bool (*check)(struct client *c, const struct endpoint *at, const struct public_key *peer);
	/* Fills in the hello. */
	void (*hello)(struct client *c, struct control_hello *h);
	/* A message came in GREETING or UP; the callee may move the state. It stays the caller's.
	 */
	void (*message)(struct client *c, struct control_msg *m);
	/* The state has changed. */
	void (*moved)(struct client *c, enum client_state from, enum client_state to);
	size_t (*known)(struct client *c, const char *place, struct endpoint *out);
	void (*resolved)(struct client *c, const char *place, const struct endpoint *found,
			 size_t n);
};

struct client {
	struct loop *loop;
	const struct client_events *ev;
	void *owner; /* for the callbacks */
	struct dialer dialer;
	enum client_state state; /* written by client_move() alone */
	uint64_t since_ms;       /* of the state, CLOCK_BOOTTIME */
	int64_t since_wall_ms; /* of the present up or down time, wall clock; 0 before the first */
	uint64_t heard_ms;     /* last byte from the hub */
	uint64_t probed_ms;    /* UP: a hello was sent that nothing has come after yet; 0 none */
	uint32_t capabilities; /* of the hub, from its welcome */
	struct client_retry retry;
	uint64_t dialled_ms;    /* when this round began */
	uint64_t away_since_ms; /* when the last link that lasted was lost, or dialling began */
	struct timer timer;
	char why[CONTROL_TEXT_SIZE]; /* why the link is not up */
};

void client_init(struct client *c, struct loop *l, struct stream_identity *identity, int family,
		 const struct client_events *ev, void *owner);
void client_fini(struct client *c);
/* Dials at once. */
void client_start(struct client *c);
/* Closes and stays down. */
void client_stop(struct client *c);
/* The welcome was accepted. */
void client_welcomed(struct client *c, uint32_t capabilities);
/* Closes the link, for the reason in `why`, and dials again after `retry`'s delay. */
void client_close(struct client *c, const char *why, bool refused, uint32_t asked_ms);
/* Dials now if it is waiting: the configuration or the network has changed. */
void client_hurry(struct client *c);
/*
 * This machine's addresses or routes have changed. `gone`: the link's own address is not there any
 * more, so that nothing can come over it: it is dialled anew at once. Otherwise the hub is told our
 * new candidates by another hello, and must answer it soon. A hub that has asked us to wait is not
 * hurried.
 */
void client_network_changed(struct client *c, bool gone);
/* Sends a message; without a link it is dropped. */
void client_send(struct client *c, const struct control_msg *m);
static inline bool client_is_up(const struct client *c) { return c->state == CLIENT_UP; }
