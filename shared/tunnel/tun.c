/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/tunnel/tun.h"

#include <errno.h>
#include <linux/if_tun.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#ifndef TUN_F_USO4
#define TUN_F_USO4 0x20
#define TUN_F_USO6 0x40
#endif

#define MIN_PACKET_BYTES 20u

/* Of which the vnet header takes the last bytes, so that the packet is aligned. */
#define FRONT_BYTES 64u

struct tun {
	int fds[TUN_QUEUES]; /* by queue; -1: none */
	struct tun_offloads offloads;
	struct tun_counters counters;
	/* One read fills header and packet, which begins FRONT_BYTES behind the start. */
	uint8_t memory[FRONT_BYTES + TUN_PACKET_BYTES] __attribute__((aligned(64)));
};

/* Asks for as much as the kernel has: UDP segmentation is newer (6.2) than TCP's. */
static void negotiate(struct tun *t)
{
	static const struct {
		unsigned long bits;
		bool tso, uso;
	} wishes[] = {
		{ TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_USO4 | TUN_F_USO6, true, true },
		{ TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6, true, false },
		{ 0, false, false },
	};

	for (unsigned i = 0; i < ARRAY_LEN(wishes); i++) {
		if (ioctl(t->fds[TUN_FIRST], TUNSETOFFLOAD, wishes[i].bits))
			continue;
		t->offloads.tso = wishes[i].tso;
		t->offloads.uso = wishes[i].uso;
		return;
	}
}

enum err tun_new(const struct worker_fds *fds, struct tun **out)
{
	struct tun *t = aligned_alloc(64, (sizeof(*t) + 63) / 64 * 64);

	if (!t)
		return ERR_NOMEM;
	/* With the header, which stays like that for a device that has none. */
	memset(t, 0, offsetof(struct tun, memory) + FRONT_BYTES);
	t->fds[TUN_FIRST] = fds->tun;
	t->fds[TUN_BULK] = fds->tun_bulk;
	t->offloads.vnet = fds->tun_vnet_hdr;
	if (fds->tun >= 0 && t->offloads.vnet)
		negotiate(t);
	*out = t;
	return ERR_OK;
}

void tun_free(struct tun *t) { free(t); }

int tun_fd(const struct tun *t, enum tun_queue queue) { return t->fds[queue]; }

struct tun_offloads tun_offloads(const struct tun *t) { return t->offloads; }

const struct tun_counters *tun_counters(const struct tun *t) { return &t->counters; }

enum err tun_read(struct tun *t, enum tun_queue queue, uint8_t **packet, size_t *len,
		  const uint8_t **header)
{
	const size_t header_bytes = t->offloads.vnet ? VNET_HEADER_BYTES : 0;
	uint8_t *at = t->memory + FRONT_BYTES;
	ssize_t got;

	do {
		got = read(t->fds[queue], at - header_bytes, header_bytes + TUN_PACKET_BYTES);
	} while (got < 0 && errno == EINTR);
	/* EIO: the interface is down for the moment. EBADFD: it was deleted. */
	if (got < 0)
		return errno == EAGAIN || errno == EIO ? ERR_AGAIN : ERR_CLOSED;
	t->counters.read++;
	*packet = at;
	*header = at - VNET_HEADER_BYTES;
	*len = (size_t)got > header_bytes ? (size_t)got - header_bytes : 0;
	return ERR_OK;
}

/* Does the packet, whose whole IP header is in its first piece, belong to a TCP flow? */
static bool is_tcp(const struct iovec *first)
{
	const uint8_t *p = first->iov_base;

	if (first->iov_len < MIN_PACKET_BYTES)
		return false;
	return (p[0] >> 4 == 4 ? p[9] : p[6]) == IPPROTO_TCP;
}

void tun_writev(struct tun *t, const struct iovec *iov, int n)
{
	const bool bulk = t->fds[TUN_BULK] >= 0 && is_tcp(&iov[t->offloads.vnet]);
	const int fd = t->fds[bulk ? TUN_BULK : TUN_FIRST];

	if (fd < 0 || writev(fd, iov, n) < 0)
		t->counters.write_failed++;
	else
		t->counters.written++;
}

void tun_write(struct tun *t, const uint8_t *packet, size_t len)
{
	uint8_t header[VNET_HEADER_BYTES] = { 0 };
	/* writev() does not write through the pointer. */
	struct iovec iov[2] = {
		{ .iov_base = header, .iov_len = t->offloads.vnet ? VNET_HEADER_BYTES : 0 },
		{ .iov_base = (void *)(uintptr_t)packet, .iov_len = len },
	};

	tun_writev(t, iov, 2);
}
