/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/* tun: inner packets from and to the TUN device. One packet a system call; the batch shape is there
 * for segmentation offload. */
#include "shared/base/pkt.h"
#include "shared/monitor/worker.h"
#include "shared/wire/limits.h"

#define TUN_BUFFER_BYTES (PACKET_HEADROOM_BYTES + TUN_MTU_MAX + PACKET_TAILROOM_BYTES)

struct tun;

struct tun_counters {
	uint64_t read, written, write_failed;
};

/* `fds->tun` may be -1 (a hub that only relays): nothing is ever read, and writes are dropped. */
enum err tun_new(const struct worker_fds *fds, struct tun **out) must_check;
void tun_free(struct tun *t);
int tun_fd(const struct tun *t);
/*
 * Reads up to TX_BATCH packets, each with full headroom and tailroom; `*n` = 0 when there are none.
 * They are valid, and may be changed in place, until the next call. ERR_CLOSED when the device is
 * gone.
 */
enum err tun_read(struct tun *t, struct pkt **batch, unsigned *n) must_check;
/* Hands one packet to the kernel. */
void tun_write(struct tun *t, const struct pkt *p);
const struct tun_counters *tun_counters(const struct tun *t);
