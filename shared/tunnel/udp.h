/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * udp: the outer sockets, in batches.
 *
 * Sending: records are written straight into a train, the run of records to one endpoint that one
 * system call hands to the kernel as one UDP_SEGMENT message. All trains leave at udp_flush(), at
 * the end of a burst, never by a timer.
 *
 *   1. udp_reserve() gives room for one record; write it (sealing is the only copy)
 *   2. udp_cancel() if it could not be made after all
 *   3. udp_flush()
 *
 * Receiving: one system call gives up to UDP_MESSAGES messages, each of which UDP_GRO may have put
 * together from many records of one size. Without either offload of the kernel everything works one
 * record at a time.
 */
#include <sys/uio.h>

#include "shared/base/addr.h"
#include "shared/monitor/worker.h"
#include "shared/tunnel/backlog.h"
#include "shared/wire/limits.h"

#define UDP_MESSAGES      32u          /* received by one call at the most */
#define UDP_TRAINS        64u          /* open at the same time */
#define UDP_TRAIN_RECORDS 64u          /* what older kernels take in one message */
#define UDP_TRAIN_BYTES   65507u       /* the largest UDP payload over IPv4 */
#define UDP_ARENA_BYTES   (512u << 10) /* all records of a burst; a full arena is flushed */

/* One received message: records of `segment` bytes one after the other, the last may be shorter.
 * Its memory may be changed until the next udp_receive(). */
struct udp_message {
	uint8_t *data;
	size_t len;
	size_t segment; /* equals `len` for a single record */
	uint8_t tos;    /* TOS or traffic class of the outer header: the same for all of them */
	struct endpoint from;
};

/* What records of a train have in common besides their endpoint. Zeros are right for everything
 * that is neither large nor carries an inner packet. */
struct udp_mark {
	uint8_t tos;    /* TOS (RFC 791) or traffic class (RFC 8200) of the outer header */
	bool fragment;  /* may be cut on its way; without, it has DF and the path's MTU is its limit
			 */
	uint32_t owner; /* for udp_on_too_big(): whose packet it is; 0 nobody's */
};

/* Remembers a peer's present train, so that it need not be searched. Zeros: none. */
struct udp_slot {
	uint32_t burst;
	uint32_t train;
};

struct udp;

/*
 * Where trains for a carrier (an endpoint with endpoint_carrier()) go at the flush: `n` records of
 * `segment` bytes, the last may be shorter, in pieces of whole records.
 */
typedef void (*udp_carry)(void *arg, const struct endpoint *to, const struct iovec *iov,
			  unsigned n_iov, size_t segment, unsigned n);

struct udp_counters {
	uint64_t sent, send_failed, too_big; /* records */
	uint64_t sent_bytes;                 /* of them, but for carriers */
	uint64_t received, truncated;        /* messages */
	uint64_t lost;                       /* messages that the kernel dropped before us */
	uint64_t trains;                     /* messages sent */
};

struct udp_offloads {
	bool segment, gro;
};

/* A record of `len` bytes that must not be cut is larger than the device takes. Called from
 * udp_flush(), at most once a train: only to take note, nothing is to be reserved or flushed. */
typedef void (*udp_too_big)(void *arg, uint32_t owner, size_t len);

/* Takes the descriptors of `fds` for its life (they are closed by whoever opened them). Finds out
 * what the kernel can do. */
enum err udp_new(const struct worker_fds *fds, bool offload, struct udp **out) must_check;
void udp_free(struct udp *u);
/* Gives the memory of the buffers back until they are used again. Not while something is reserved
 * or a batch is being looked at. */
void udp_release(struct udp *u);
/* Before the first record for a carrier; without it they are counted as not sent. */
void udp_set_carry(struct udp *u, udp_carry carry, void *arg);
unsigned udp_sockets(const struct udp *u);
int udp_fd(const struct udp *u, unsigned socket);
/* The port that our datagrams come from; 0 without a socket. */
uint16_t udp_port(const struct udp *u);
const struct udp_counters *udp_counters(const struct udp *u);
struct udp_offloads udp_offloads(const struct udp *u);

void udp_on_too_big(struct udp *u, udp_too_big cb, void *arg);
/*
 * With path MTU discovery records have DF, unless their mark says otherwise, and what ICMP says is
 * not believed (IP_PMTUDISC_PROBE): whoever sends finds out what the path carries (pmtu.h). Without
 * (at the start), all may be cut.
 */
void udp_set_discovery(struct udp *u, bool on);

/* Receives from one socket; `*n` = 0 when there is nothing. `*batch` points to the messages. */
enum err udp_receive(struct udp *u, unsigned socket, struct udp_message **batch,
		     unsigned *n) must_check;

/* Did that socket drop messages for want of room before the last udp_receive()? */
bool udp_overflowed(const struct udp *u, unsigned socket);
/* Are `n` messages all that one call takes, so that more may wait? */
bool udp_is_full_batch(const struct udp *u, unsigned n);

/* The mark of the record that udp_reserve() is asked for next, and of that one only. */
void udp_mark_next(struct udp *u, const struct udp_mark *mark);
/* Room for one record of `len` bytes to `to`. NULL (counted): no socket of that family, no
 * endpoint, too long. */
uint8_t *udp_reserve(struct udp *u, const struct endpoint *to, struct udp_slot *slot, size_t len);
/* Takes the record reserved last back. */
void udp_cancel(struct udp *u);
/* Queues `n` records of `segment` bytes (the last may be shorter) that lie at `p`, without a copy:
 * they must stay until the flush. */
void udp_forward(struct udp *u, const struct endpoint *to, uint8_t *p, size_t len, size_t segment,
		 unsigned n, const struct udp_mark *mark);
void udp_flush(struct udp *u);
/* What waits in the sockets that were sent from since the last time that nothing did. */
void udp_backlog(struct udp *u, struct backlog_look *out);
