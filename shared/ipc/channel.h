/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * channel: messages between our own processes, over one end of an AF_UNIX SOCK_SEQPACKET pair. A
 * message is a u16 type and a payload, and may carry one file descriptor. Messages are never lost:
 * what the kernel does not take waits in a queue with a hard limit, and whatever keeps a message
 * out of it (a full queue, no memory, no descriptor) closes the channel. When the other process
 * hangs, the monitor deals with that.
 */
#include "shared/base/cursor.h"
#include "shared/loop/loop.h"

#define CHANNEL_MSG_MAX_BYTES   16384u /* payload of one message */
#define CHANNEL_QUEUE_MAX_BYTES (8u << 20)

struct channel;

struct channel_events {
	/* One message. `body` reads its payload. `fd` is -1 or a descriptor that the callee now
	 * owns. A handler that finds the payload malformed calls channel_bad(). */
	void (*message)(struct channel *ch, void *arg, uint16_t type, struct cursor *body, int fd);
	/* The other side is gone. The channel is closed and freed after the callback. */
	void (*closed)(struct channel *ch, void *arg);
};

/* A socket pair for two processes, both ends close-on-exec and non-blocking. */
enum err channel_pair(int fds[2]) must_check;
/* Takes over `fd` (also closed on failure). */
enum err channel_new(struct loop *l, int fd, const struct channel_events *ev, void *arg,
		     struct channel **out) must_check;
void channel_free(struct channel *ch);
/* Sends one message of `n` payload bytes; `fd` is -1 or a descriptor to pass a copy of. ERR_TOOBIG:
 * our own mistake, nothing happened. After any other error (ERR_LIMIT when the queue is full,
 * ERR_CLOSED, ERR_NOMEM ...) the channel is over, and closed() follows from the loop. */
enum err channel_send(struct channel *ch, uint16_t type, const void *payload, size_t n,
		      int fd) must_check;
/*
 * The same for messages that may be lost: sent at once or not at all. ERR_AGAIN when it would have
 * to wait (nothing is kept); otherwise as channel_send().
 */
enum err channel_try_send(struct channel *ch, uint16_t type, const void *payload,
			  size_t n) must_check;
/* Inside the message callback: zeroes the message that it was called with, which held secrets. */
void channel_wipe(struct channel *ch);
/* Logs a malformed message by its type, and closes the channel from the loop (closed() follows). */
void channel_bad(struct channel *ch, uint16_t type, enum err e);
