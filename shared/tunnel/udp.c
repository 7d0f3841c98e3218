/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/tunnel/udp.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

/* Packets of one address family that wait for the flush. */
struct send_queue {
	int fd; /* -1: no socket of this family */
	unsigned n;
	struct mmsghdr msgs[TX_BATCH];
	struct iovec iov[TX_BATCH];
	struct sockaddr_storage to[TX_BATCH];
};

struct udp {
	unsigned n_sockets;
	int fds[WORKER_UDP_SOCKETS_MAX];
	struct send_queue queues[2]; /* IPv4, IPv6 */
	struct udp_counters counters;
	/* receiving */
	struct mmsghdr msgs[RX_BATCH];
	struct iovec iov[RX_BATCH];
	struct sockaddr_storage from[RX_BATCH];
	struct udp_datagram batch[RX_BATCH];
	uint8_t buffers[RX_BATCH][UDP_BUFFER_BYTES] __attribute__((aligned(64)));
};

static void queue_init(struct send_queue *q)
{
	q->fd = -1;
	for (unsigned i = 0; i < TX_BATCH; i++) {
		q->msgs[i].msg_hdr.msg_iov = &q->iov[i];
		q->msgs[i].msg_hdr.msg_iovlen = 1;
		q->msgs[i].msg_hdr.msg_name = &q->to[i];
	}
}

enum err udp_new(const struct worker_fds *fds, struct udp **out)
{
	struct udp *u;

	if (fds->n_udp > WORKER_UDP_SOCKETS_MAX)
		return ERR_LIMIT;
	u = aligned_alloc(64, (sizeof(*u) + 63) / 64 * 64);
	if (!u)
		return ERR_NOMEM;
	memset(u, 0, offsetof(struct udp, buffers));
	queue_init(&u->queues[0]);
	queue_init(&u->queues[1]);
	for (unsigned i = 0; i < fds->n_udp; i++) {
		struct sockaddr_storage ss;
		socklen_t len = sizeof(ss);
		struct send_queue *q;

		if (getsockname(fds->udp[i], (struct sockaddr *)&ss, &len)) {
			free(u);
			return ERR_SYSTEM;
		}
		u->fds[u->n_sockets++] = fds->udp[i];
		/* The first socket of a family is the one that sends. */
		q = &u->queues[ss.ss_family == AF_INET6];
		if (q->fd < 0)
			q->fd = fds->udp[i];
	}
	*out = u;
	return ERR_OK;
}

void udp_free(struct udp *u) { free(u); }

unsigned udp_sockets(const struct udp *u) { return u->n_sockets; }

int udp_fd(const struct udp *u, unsigned socket) { return u->fds[socket]; }

const struct udp_counters *udp_counters(const struct udp *u) { return &u->counters; }

/* recvmmsg() changes the lengths, so they are set before each call. */
static void prepare_receive(struct udp *u)
{
	for (unsigned i = 0; i < RX_BATCH; i++) {
		u->iov[i].iov_base = u->buffers[i] + PACKET_HEADROOM_BYTES;
		u->iov[i].iov_len =
			UDP_BUFFER_BYTES - PACKET_HEADROOM_BYTES - PACKET_TAILROOM_BYTES;
		u->msgs[i].msg_hdr = (struct msghdr){
			.msg_name = &u->from[i],
			.msg_namelen = sizeof(u->from[i]),
			.msg_iov = &u->iov[i],
			.msg_iovlen = 1,
		};
	}
}

enum err udp_receive(struct udp *u, unsigned socket, struct udp_datagram **batch, unsigned *n)
{
	unsigned kept = 0;
	int got;

	prepare_receive(u);
	got = recvmmsg(u->fds[socket], u->msgs, RX_BATCH, MSG_DONTWAIT, NULL);
	*n = 0;
	*batch = u->batch;
	/* Errors of earlier sends (ICMP) surface here, too; they say nothing about this call. */
	if (got < 0)
		return errno == EAGAIN || errno == EINTR || errno == ECONNREFUSED ? ERR_OK : ERR_IO;
	for (int i = 0; i < got; i++) {
		struct udp_datagram *d = &u->batch[kept];

		if ((u->msgs[i].msg_hdr.msg_flags & MSG_TRUNC) ||
		    endpoint_from_sockaddr(&u->from[i], u->msgs[i].msg_hdr.msg_namelen, &d->from)) {
			u->counters.truncated++;
			continue;
		}
		pkt_init(&d->pkt, u->buffers[i], UDP_BUFFER_BYTES, PACKET_HEADROOM_BYTES);
		d->pkt.len = u->msgs[i].msg_len;
		kept++;
	}
	u->counters.received += (uint64_t)got;
	*n = kept;
	return ERR_OK;
}

/* Sends what is queued; a datagram that the kernel refuses is counted and passed over. */
static void flush_queue(struct udp *u, struct send_queue *q)
{
	unsigned done = 0;

	while (done < q->n) {
		int sent = sendmmsg(q->fd, q->msgs + done, q->n - done, MSG_DONTWAIT);

		if (sent > 0) {
			done += (unsigned)sent;
			u->counters.sent += (uint64_t)sent;
			continue;
		}
		if (errno == EINTR)
			continue;
		if (errno == EAGAIN || errno == ENOBUFS) {
			u->counters.send_failed += q->n - done;
			break;
		}
		if (errno == EMSGSIZE)
			u->counters.too_big++;
		else
			u->counters.send_failed++;
		done++;
	}
	q->n = 0;
}

void udp_queue(struct udp *u, const struct pkt *p, const struct endpoint *to)
{
	struct send_queue *q = &u->queues[to->addr.family == AF_INET6];
	unsigned i;

	if (q->fd < 0 || !endpoint_is_set(to)) {
		u->counters.send_failed++;
		return;
	}
	if (q->n == TX_BATCH)
		flush_queue(u, q);
	i = q->n++;
	q->iov[i] = (struct iovec){ .iov_base = p->data, .iov_len = p->len };
	q->msgs[i].msg_hdr.msg_namelen = endpoint_to_sockaddr(to, &q->to[i]);
}

void udp_flush(struct udp *u)
{
	for (unsigned i = 0; i < ARRAY_LEN(u->queues); i++)
		if (u->queues[i].n)
			flush_queue(u, &u->queues[i]);
}
