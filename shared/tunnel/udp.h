/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * udp: the outer sockets, in batches. One system call receives up to RX_BATCH datagrams into
 * buffers of this module; packets to send are queued by reference and leave together at
 * udp_flush(), at the end of the burst, never by a timer.
 */
#include "shared/base/addr.h"
#include "shared/base/pkt.h"
#include "shared/monitor/worker.h"
#include "shared/wire/limits.h"

/* A buffer holds the largest packet of the largest MTU with all headers. */
#define UDP_BUFFER_BYTES (PACKET_HEADROOM_BYTES + TUN_MTU_MAX + 256u + PACKET_TAILROOM_BYTES)

/* One received datagram. The packet's memory is the batch's: it may be changed in place until the
 * next udp_receive(). */
struct udp_datagram {
	struct pkt pkt;
	struct endpoint from;
};

struct udp;

struct udp_counters {
	uint64_t sent, send_failed, too_big, received, truncated;
};

/* Takes the descriptors of `fds` for its life (they are closed by whoever opened them). */
enum err udp_new(const struct worker_fds *fds, struct udp **out) must_check;
void udp_free(struct udp *u);
unsigned udp_sockets(const struct udp *u);
int udp_fd(const struct udp *u, unsigned socket);
/* Receives at most RX_BATCH datagrams from one socket; `*n` = 0 when there are none. `*batch`
 * points to them. */
enum err udp_receive(struct udp *u, unsigned socket, struct udp_datagram **batch,
		     unsigned *n) must_check;
/* Queues a packet; its bytes must stay as they are until udp_flush(). A full queue is flushed
 * first. */
void udp_queue(struct udp *u, const struct pkt *p, const struct endpoint *to);
void udp_flush(struct udp *u);
const struct udp_counters *udp_counters(const struct udp *u);
