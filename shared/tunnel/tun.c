/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/tunnel/tun.h"

#include <errno.h>
#include <linux/virtio_net.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

/* sizeof(struct virtio_net_hdr) as the device was told (TUNSETVNETHDRSZ). */
#define VNET_HEADER_BYTES 10u

struct tun {
	int fd;
	size_t header_bytes; /* VNET_HEADER_BYTES or 0 */
	struct tun_counters counters;
	struct pkt batch[TX_BATCH];
	uint8_t buffers[TX_BATCH][TUN_BUFFER_BYTES] __attribute__((aligned(64)));
};

enum err tun_new(const struct worker_fds *fds, struct tun **out)
{
	struct tun *t = aligned_alloc(64, (sizeof(*t) + 63) / 64 * 64);

	if (!t)
		return ERR_NOMEM;
	memset(t, 0, offsetof(struct tun, buffers));
	t->fd = fds->tun;
	t->header_bytes = fds->tun_vnet_hdr ? VNET_HEADER_BYTES : 0;
	*out = t;
	return ERR_OK;
}

void tun_free(struct tun *t) { free(t); }

int tun_fd(const struct tun *t) { return t->fd; }

const struct tun_counters *tun_counters(const struct tun *t) { return &t->counters; }

/* One packet; the vnet header in front of it is read aside, since no offload is on and it says
 * nothing. */
static ssize_t read_one(struct tun *t, struct pkt *p, uint8_t *buffer)
{
	uint8_t header[VNET_HEADER_BYTES];
	struct iovec iov[2];
	ssize_t got;

	pkt_init(p, buffer, TUN_BUFFER_BYTES, PACKET_HEADROOM_BYTES);
	iov[0] = (struct iovec){ .iov_base = header, .iov_len = t->header_bytes };
	iov[1] = (struct iovec){ .iov_base = p->data, .iov_len = TUN_MTU_MAX };
	got = readv(t->fd, iov, 2);
	if (got > (ssize_t)t->header_bytes)
		p->len = (size_t)got - t->header_bytes;
	return got;
}

enum err tun_read(struct tun *t, struct pkt **batch, unsigned *n)
{
	unsigned kept = 0;
	enum err e = ERR_OK;

	while (kept < TX_BATCH) {
		ssize_t got = read_one(t, &t->batch[kept], t->buffers[kept]);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0) {
			/* EIO: the interface is down for the moment. EBADFD: it was deleted. */
			e = errno == EAGAIN || errno == EIO ? ERR_OK : ERR_CLOSED;
			break;
		}
		if (t->batch[kept].len)
			kept++;
	}
	t->counters.read += kept;
	*batch = t->batch;
	*n = kept;
	return kept ? ERR_OK : e;
}

void tun_write(struct tun *t, const struct pkt *p)
{
	uint8_t header[VNET_HEADER_BYTES] = { 0 };
	struct iovec iov[2] = {
		{ .iov_base = header, .iov_len = t->header_bytes },
		{ .iov_base = p->data, .iov_len = p->len },
	};

	if (t->fd < 0 || writev(t->fd, iov, 2) < 0)
		t->counters.write_failed++;
	else
		t->counters.written++;
}
