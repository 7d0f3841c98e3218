/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * tun: inner packets from and to the TUN device. With vnet headers and offloads the kernel hands
 * over super-packets of up to 64 KiB and takes such; without them, single packets. Which of both is
 * found out at the start.
 */
#include <sys/uio.h>

#include "shared/monitor/worker.h"
#include "shared/tunnel/vnet.h"

#define TUN_PACKET_BYTES 65536u
/* Read in one go, so that receiving and the other queue get their turn. */
#define TUN_BURST       32u          /* packets */
#define TUN_BURST_BYTES (256u << 10) /* 0.2 ms of work at 10 Gbit/s */

/*
 * A device of ours has two queues, so that calls, names and echoes do not wait behind what TCP has
 * put there: with a window of 3 MB that is milliseconds. The kernel gives a flow to the queue that
 * its packets last came from; tun_writev() therefore writes TCP to the second one. A flow that has
 * only one direction, or has been still for some seconds, may come in either.
 */
enum tun_queue {
	TUN_FIRST,
	TUN_BULK, /* not with movers, nor with a device that was there before us */
	TUN_QUEUES,
};

struct tun;

struct tun_counters {
	uint64_t read, written, write_failed;
};

struct tun_offloads {
	bool vnet, tso, uso;
};

/* `fds->tun` may be -1 (a hub that only relays): nothing is ever read, and writes are dropped. */
enum err tun_new(const struct worker_fds *fds, struct tun **out) must_check;
void tun_free(struct tun *t);
/* -1: there is no such queue. */
int tun_fd(const struct tun *t, enum tun_queue queue);
struct tun_offloads tun_offloads(const struct tun *t);
const struct tun_counters *tun_counters(const struct tun *t);
/*
 * Reads one packet. `*packet` may be changed in place and is valid until the next call; `*header`
 * is its vnet header (zeros when the device has none). ERR_AGAIN: nothing there. ERR_CLOSED: the
 * device is gone.
 */
enum err tun_read(struct tun *t, enum tun_queue queue, uint8_t **packet, size_t *len,
		  const uint8_t **header) must_check;
/* Hands a packet to the kernel as coalesce_emit gives it: with vnet headers iov[0] is one. */
void tun_writev(struct tun *t, const struct iovec *iov, int n);
/* Hands one whole packet with right checksums to the kernel. */
void tun_write(struct tun *t, const uint8_t *packet, size_t len);
