/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * gate_conn: one client of the API, from accept to close.
 *
 *    client --TLS--> raw --framing--> to_house ==pair==> the HTTP library
 *           <--TLS-- to_client       <=========pair==== its answers
 *
 *    NEW --> SHAKING --> OPEN ----> ENDING ----> LINGERING --> GONE     (from each: GONE)
 *     |  `---------------^ ^ plain    ^  all that was answered goes out
 *     `---- no TLS where there must be: a problem
 *
 * Only one request is in the house at a time, in turns:
 *
 *    CLIENT   a request comes; judged, it goes on to the library
 *    HOUSE    it is whole; nothing is read until it is answered
 *    REST     it is answered; what the pair still holds of the answer is on its way
 *
 * So a request that cannot be read is answered after all those before it, and what the library says
 * belongs to the request that it has. What it says of one that it has told the house nothing of is
 * not passed on: then the gate answers.
 *
 * Timer (one; its delay follows from what is waited for):
 *    first byte, TLS handshake      GATE_SHAKE_MS     GONE
 *    first byte of a request        GATE_IDLE_MS      ENDING
 *    the rest of its head           GATE_HEAD_MS      408, ENDING
 *    the rest of its body           GATE_BODY_MS      408, ENDING
 *    the client takes a byte        GATE_SEND_MS      GONE
 *    the client closes, in LINGERING  GATE_LINGER_MS  GONE
 */
#include "hub/api/framing.h"
#include "hub/api/gate.h"
#include "hub/api/transport.h"

#define GATE_SHAKE_MS  10000u
#define GATE_IDLE_MS   30000u
#define GATE_HEAD_MS   10000u
#define GATE_BODY_MS   60000u
#define GATE_SEND_MS   30000u
#define GATE_LINGER_MS 5000u

#define GATE_READ_BYTES      16384u      /* at once, of a client */
#define GATE_TO_HOUSE_BYTES  16384u      /* waiting for the library; with more nothing is read */
#define GATE_TO_CLIENT_BYTES (64u << 10) /* waiting for the client; with more nothing is taken */

enum gate_state { GATE_NEW, GATE_SHAKING, GATE_OPEN, GATE_ENDING, GATE_LINGERING, GATE_GONE };
enum gate_turn { TURN_CLIENT, TURN_HOUSE, TURN_REST };

enum gate_wait {
	WAIT_NONE,
	WAIT_SHAKE,
	WAIT_IDLE,
	WAIT_HEAD,
	WAIT_BODY,
	WAIT_SEND,
	WAIT_LINGER,
};

struct gate_conn {
	struct list link; /* gate.conns or gate.gone */
	struct gate *gate;
	struct gate_listener *listener;
	struct auth_peer peer; /* UNIX socket */
	struct addr remote;    /* HTTPS */
	enum gate_state state;
	enum gate_turn turn;

	struct transport client;
	struct loop_fd client_io;
	bool client_left;  /* it sends no more, as the kernel says; there may be more to be read */
	bool client_ended; /* all was read */
	bool client_hung;  /* it has closed both directions: not watched any more */

	int house_fd;    /* our end of the pair; -1: none */
	int library_fd;  /* its end, while `in_library` */
	bool in_library; /* the library has its end, or may call back for it */
	bool known;      /* gate_find() has told whose it is */
	struct loop_fd house_io;
	bool house_deaf; /* it reads no more */
	bool house_hung; /* it has closed: what it said is read, and not waited for */

	struct framing framing;
	struct buf raw, to_house, to_client;
	void *guest;   /* of the house; NULL: none, or completed */
	bool asked;    /* the house has this request */
	bool answered; /* the house has given an answer to the library */
	bool served;   /* a request was answered before this one */

	struct timer deadline;
	enum gate_wait wait;
	uint64_t waits_since_ms;
	bool progress; /* the client has taken something */
	struct loop_later later;
};

/* Takes over `fd`, which does not block. NULL: there is no memory, or nobody knows whose it is. */
struct gate_conn *gate_conn_new(struct gate_listener *l, int fd, const struct addr *remote);
/* Closes and moves it to gate.gone. */
void gate_conn_close(struct gate_conn *c);
/* Does what can be done at once. */
void gate_conn_step(struct gate_conn *c);

/* --- for the house: what the library does with the request that it has --- */

/* It has read the head. `guest`, not NULL, comes back by gate_house.left. */
void gate_conn_asked(struct gate_conn *c, void *guest);
/* It was given an answer. */
void gate_conn_answered(struct gate_conn *c);
/* It has written all of the answer, or will write no more. */
void gate_conn_completed(struct gate_conn *c);
/* It has closed its end. `c` may not be used after that. */
void gate_conn_let_go(struct gate_conn *c);

/* Who the client is: by the kernel on the UNIX socket, else NULL; by address for HTTPS. */
const struct auth_peer *gate_conn_peer(const struct gate_conn *c);
const struct addr *gate_conn_remote(const struct gate_conn *c);
