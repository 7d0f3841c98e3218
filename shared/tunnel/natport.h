/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * natport: the hub's second UDP socket, at which spokes find out how their NAT maps (nat.h). It
 * takes datagrams of exactly NAT_PROBE_BYTES, which are opened like any other; what is sent from it
 * is the answer to an authenticated probe with PROBE_FLAG_NAT_PORT, and is no longer than that.
 * Strangers get nothing.
 */
#include "shared/loop/loop.h"
#include "shared/monitor/worker.h"
#include "shared/wire/inner.h"

/* Answers a second, of all spokes together. */
#define NATPORT_ANSWERS_PER_S 500u
/* Datagrams in one round of the loop. */
#define NATPORT_BURST 64u

struct tunnel;
struct peer;

struct natport_socket {
	struct loop_fd fd;
	struct tunnel *tunnel; /* NULL: there is none */
	int family;
};

struct natport {
	struct natport_socket sockets[WORKER_UDP_SOCKETS_MAX];
	uint64_t second; /* now_ms / 1000 of the count */
	unsigned answers;
};

/* Takes up the sockets that the monitor has opened; none is fine. */
enum err natport_open(struct tunnel *t, const struct worker_fds *fds) must_check;
void natport_close(struct tunnel *t);
/* Seals the answer to a probe of `size` bytes that came from there, and sends it from this port. */
void natport_answer(struct peer *p, uint16_t size,
		    const uint8_t answer[EXTENSION_PROBE_REPLY_BYTES], const struct endpoint *to);
