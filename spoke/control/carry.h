/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * carry: the spoke's carrier, a second TLS connection to the hub on which tunnel packets travel
 * while UDP does not get through. Control decides when there is one, the engine whether it is used.
 *
 *         wanted            opened            the hub's carry
 *   OFF ---------> DIALLING -------> GREETING ---------------> UP
 *    ^   ^           |   ^              |                       |
 *    |   |  no place |   | timer,       | closed, refused,      | closed, dead, deaf
 *    |   |           v   | wanted       | 10 s                  |
 *    |   '-------- WAITING <------------+-----------------------+
 *    |  not wanted                                              |
 *    '---------- UDP has worked for CARRIER_LINGER_MS ----------'
 *
 * Wanted: TCPOnly, or the engine says that the hub is silent, or its path down although it was
 * tried (a handshake that is still under way counts after CARRIER_AFTER_MS); and the link is up
 * with a hub that can carry.
 *
 * Timer (one), armed to the earliest:
 *   OFF        the handshake has been under way for CARRIER_AFTER_MS    dial
 *   WAITING    carry_retry_delay_ms()                                   dial
 *   GREETING   LINK_HANDSHAKE_MS without an answer                      WAITING
 *   UP         the hub's path was down, tried, for CARRIER_DEAF_MS      WAITING
 *   UP         not TCPOnly, and nothing but UDP was needed for
 *              CARRIER_LINGER_MS                                        OFF
 */
#include "shared/carrier/carrier.h"
#include "shared/ipc/engine_msg.h"
#include "shared/wire/control.h"
#include "spoke/control/dialer.h"

enum carry_state {
	CARRY_OFF,
	CARRY_DIALLING,
	CARRY_GREETING,
	CARRY_UP,
	CARRY_WAITING,
	CARRY_STATES
};
const char *carry_state_str(enum carry_state s);
bool carry_may_move(enum carry_state from, enum carry_state to);

/* What the engine says of the hub's path, boiled down to what matters here. */
enum carry_need {
	CARRY_IDLE,   /* nothing was tried */
	CARRY_TRYING, /* handshake under way */
	CARRY_NEEDED, /* silent, down, or by TCP already */
	CARRY_UDP,    /* UDP works */
};
enum carry_need carry_need_of(enum path_kind path, enum path_reason reason, bool silent);
/* Failures in a row so far, any random number: 0..500 ms, doubling to 30 s. */
uint64_t carry_retry_delay_ms(unsigned attempt, uint32_t random);

struct spoke;

struct carry {
	struct spoke *spoke;
	struct dialer dialer;
	enum carry_state state; /* written by carry_move() alone */
	uint64_t since_ms;      /* of the state */
	enum path_kind path;    /* the hub's; this and the next two as the engine told */
	enum path_reason reason;
	bool silent;          /* the hub is, on that path */
	enum carry_need need; /* what follows */
	uint64_t need_since_ms, down_since_ms;
	unsigned attempt;
	uint32_t last;           /* number given out last */
	struct carrier *carrier; /* in UP */
	struct timer timer;
	char why[CONTROL_TEXT_SIZE]; /* why it is not up; empty: it is, or was not tried */
};

void carry_init(struct carry *x, struct spoke *s);
/* Closes it. */
void carry_fini(struct carry *x);
/* ENGINE_PATH of the hub. */
void carry_path(struct carry *x, enum path_kind path, enum path_reason reason);
/* ENGINE_HUB_SILENT. */
void carry_silent(struct carry *x, bool silent);
/* The link came or went, the engine went, the configuration changed: looks again. */
void carry_settle(struct carry *x);
/* Closes it at once: the hub has refused this node. */
void carry_stop(struct carry *x);
/* The engine's channel for packets, and what comes on it. */
void carry_engine_up(struct carry *x);
void carry_message(struct carry *x, uint16_t type, struct cursor *body);
/* What is shown in the place of a carrier's endpoint: the hub's (or the proxy's) address. */
struct endpoint carry_shown(const struct carry *x, const struct endpoint *e);
