/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * backlog: how much of what the device gives may wait in the outer socket.
 *
 * The socket's buffer has 4 MiB, which a line of 10 Mbit/s sends in three seconds; a call that gets
 * there has to wait for all of it. So the rate at which the socket drains is measured, and the
 * device is not read while more than BACKLOG_TARGET_US of it wait: first its queue of TCP, at twice
 * as much the other one. What is not read waits in the device, where a call overtakes TCP. A queue
 * has its turn whatever waits when others (the relay, or a flood in the other queue) have sent
 * twice as much as it might have.
 *
 * There it must not grow without end either, and TCP does not see it (the kernel lets go of a
 * packet's socket when TUN has it). A queue that is held back and was not empty once in
 * BACKLOG_INTERVAL_US stands; then its senders are told as CoDel does (RFC 8289 section 4, its
 * control law): a packet marked or dropped, and others in shorter and shorter intervals. That a
 * queue was empty stands in for the packet's age, which nobody tells us.
 *
 *   1. backlog_room() before a burst is read; 0: not now, but after backlog_wait_ms()
 *   2. backlog_congests() for each of its packets
 *   3. backlog_emptied() when the queue had no more
 *   4. backlog_sent() behind the flush
 *
 * A line that is faster than we are never has anything waiting, and nothing is held. Pure: no I/O,
 * `now_us` is an argument.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/tunnel/tun.h"

#define BACKLOG_TARGET_US   10000u
#define BACKLOG_INTERVAL_US 100000u
/* Two packets, as the kernel counts them: so many may wait at any rate. */
#define BACKLOG_MIN_BYTES (5u << 10)

/* What the outer sockets say (udp_backlog()). */
struct backlog_look {
	size_t queued; /* bytes handed over and not sent yet, with what the kernel adds */
	size_t buffer; /* how many they take */
	uint64_t sent; /* bytes handed over so far, without that */
};

struct backlog_queue {
	bool held;
	uint64_t held_sent;    /* what had been sent when that began */
	uint64_t held_us;      /* when it was so last */
	uint64_t standing_us;  /* held back since then, and never empty; 0: it is not so */
	uint64_t signal_us;    /* when its senders are told next */
	uint64_t signalled_us; /* when they were told last */
	uint32_t signals;      /* how often, of late */
};

struct backlog {
	uint64_t rate;           /* bytes a second that the sockets drain at; 0: not known */
	struct backlog_look now; /* the newest */
	uint64_t now_us;
	struct {
		uint64_t bytes, us; /* left, in that time, while nothing was handed over */
		bool at_least;      /* and more would have, if it had been there */
	} drain;
	struct backlog_queue queues[TUN_QUEUES];
};

/* Waits so little that there is no need to look? */
static inline bool backlog_is_small(const struct backlog *b)
{
	return b->now.queued <= BACKLOG_MIN_BYTES;
}

/* How many bytes of the queue may be read: 0..TUN_BURST_BYTES. */
size_t backlog_room(struct backlog *b, enum tun_queue queue, const struct backlog_look *look,
		    uint64_t now_us);
/* How long a queue without room is to be left alone, in milliseconds: 1 or more. */
unsigned backlog_wait_ms(const struct backlog *b, enum tun_queue queue);
/* Is the sender of this packet of `len` bytes to be told? As of the last look's time. */
bool backlog_congests(struct backlog *b, enum tun_queue queue, size_t len);
void backlog_emptied(struct backlog *b, enum tun_queue queue);
void backlog_sent(struct backlog *b, const struct backlog_look *look, uint64_t now_us);
