/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/tunnel/udp.h"

#include <errno.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#ifndef UDP_GRO
#define UDP_GRO 104
#endif

#define FAMILIES             2u
#define FAMILY_CARRIER       FAMILIES /* in the place of a family: not a socket */
#define GRO_MESSAGES         8u       /* with UDP_GRO: few and large */
#define GRO_MESSAGE_BYTES    65536u
#define SINGLE_MESSAGE_BYTES 16384u /* without: many and small, in the same memory */
#define RX_BYTES             (GRO_MESSAGES * GRO_MESSAGE_BYTES)

union segment_cmsg {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(sizeof(uint16_t))];
};

union gro_cmsg {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(sizeof(int))];
};

/* Records to one endpoint. Those that lie next to each other in the arena share a piece. */
struct train {
	struct endpoint to;
	size_t segment; /* size of all records but the last */
	size_t len;
	unsigned n; /* records */
	unsigned n_iov;
	bool closed; /* a shorter record was the last, or it is not in the arena */
	struct iovec iov[UDP_TRAIN_RECORDS];
	struct sockaddr_storage name;
	union segment_cmsg cmsg;
};

struct udp {
	unsigned n_sockets;
	int fds[WORKER_UDP_SOCKETS_MAX];
	int send_fd[FAMILIES]; /* IPv4, IPv6; -1: no socket of this family */
	udp_carry carry;       /* takes trains for carriers; NULL: nobody does */
	void *carry_arg;
	bool segment[FAMILIES]; /* the kernel cuts trains */
	bool gro;
	struct udp_counters counters;
	/* sending */
	uint32_t burst; /* number of this burst, so that slots of earlier ones do not count */
	unsigned n_trains;
	struct train *last_train; /* of the last udp_reserve() */
	size_t last_len;
	size_t arena_used;
	/* receiving */
	unsigned n_messages;
	size_t message_bytes;
	struct mmsghdr rx_msgs[UDP_MESSAGES];
	struct iovec rx_iov[UDP_MESSAGES];
	struct sockaddr_storage rx_from[UDP_MESSAGES];
	union gro_cmsg rx_cmsg[UDP_MESSAGES];
	struct udp_message batch[UDP_MESSAGES];
	struct mmsghdr tx_msgs[UDP_TRAINS];
	struct train trains[UDP_TRAINS];
	uint8_t rx[RX_BYTES] __attribute__((aligned(64)));
	uint8_t arena[UDP_ARENA_BYTES] __attribute__((aligned(64)));
};

static unsigned family_index(const struct endpoint *e)
{
	if (endpoint_is_carrier(e))
		return FAMILY_CARRIER;
	return e->addr.family == AF_INET6;
}

/* Is there anything that takes records for it? */
static bool can_send(const struct udp *u, const struct endpoint *to)
{
	if (endpoint_is_carrier(to))
		return u->carry != NULL;
	return endpoint_is_set(to) && u->send_fd[family_index(to)] >= 0;
}

/* May records to it share a train? */
static bool takes_trains(const struct udp *u, const struct endpoint *to)
{
	return endpoint_is_carrier(to) || u->segment[family_index(to)];
}

/* Learns a socket's family and offloads. The first socket of a family is the one that sends. */
static enum err add_socket(struct udp *u, int fd, bool offload)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	const int one = 1, zero = 0;
	unsigned family;

	if (getsockname(fd, (struct sockaddr *)&ss, &len))
		return ERR_SYSTEM;
	u->fds[u->n_sockets++] = fd;
	u->gro = u->gro && setsockopt(fd, IPPROTO_UDP, UDP_GRO, &one, sizeof(one)) == 0;
	family = ss.ss_family == AF_INET6;
	if (u->send_fd[family] < 0) {
		u->send_fd[family] = fd;
		u->segment[family] = offload && setsockopt(fd, IPPROTO_UDP, UDP_SEGMENT, &zero,
							   sizeof(zero)) == 0;
	}
	return ERR_OK;
}

enum err udp_new(const struct worker_fds *fds, bool offload, struct udp **out)
{
	struct udp *u;
	enum err e = ERR_OK;

	if (fds->n_udp > WORKER_UDP_SOCKETS_MAX)
		return ERR_LIMIT;
	u = aligned_alloc(64, (sizeof(*u) + 63) / 64 * 64);
	if (!u)
		return ERR_NOMEM;
	memset(u, 0, offsetof(struct udp, tx_msgs));
	/* The kernel is never handed bytes that nobody has set, be it padding. */
	for (unsigned i = 0; i < UDP_TRAINS; i++)
		memset(&u->trains[i].cmsg, 0, sizeof(u->trains[i].cmsg));
	u->send_fd[0] = u->send_fd[1] = -1;
	u->burst = 1;
	u->gro = offload;
	for (unsigned i = 0; i < fds->n_udp && !e; i++)
		e = add_socket(u, fds->udp[i], offload);
	if (e) {
		free(u);
		return e;
	}
	u->n_messages = u->gro ? GRO_MESSAGES : UDP_MESSAGES;
	u->message_bytes = u->gro ? GRO_MESSAGE_BYTES : SINGLE_MESSAGE_BYTES;
	*out = u;
	return ERR_OK;
}

void udp_free(struct udp *u) { free(u); }

void udp_set_carry(struct udp *u, udp_carry carry, void *arg)
{
	u->carry = carry;
	u->carry_arg = arg;
}

unsigned udp_sockets(const struct udp *u) { return u->n_sockets; }

int udp_fd(const struct udp *u, unsigned socket) { return u->fds[socket]; }

const struct udp_counters *udp_counters(const struct udp *u) { return &u->counters; }

struct udp_offloads udp_offloads(const struct udp *u)
{
	return (struct udp_offloads){ .segment = u->segment[0] || u->segment[1], .gro = u->gro };
}

/* --- receiving --- */

/* recvmmsg() changes the lengths, so they are set before each call. */
static void prepare_receive(struct udp *u)
{
	for (unsigned i = 0; i < u->n_messages; i++) {
		u->rx_iov[i].iov_base = u->rx + i * u->message_bytes;
		u->rx_iov[i].iov_len = u->message_bytes;
		u->rx_msgs[i].msg_hdr = (struct msghdr){
			.msg_name = &u->rx_from[i],
			.msg_namelen = sizeof(u->rx_from[i]),
			.msg_iov = &u->rx_iov[i],
			.msg_iovlen = 1,
			.msg_control = u->rx_cmsg[i].bytes,
			.msg_controllen = sizeof(u->rx_cmsg[i].bytes),
		};
	}
}

/* The size of the records that GRO put together; the whole length when it did not. */
static size_t segment_of(struct msghdr *h, size_t len)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c; c = CMSG_NXTHDR(h, c)) {
		int size;

		if (c->cmsg_level != IPPROTO_UDP || c->cmsg_type != UDP_GRO ||
		    c->cmsg_len < CMSG_LEN(sizeof(size)))
			continue;
		memcpy(&size, CMSG_DATA(c), sizeof(size));
		if (size > 0 && (size_t)size < len)
			return (size_t)size;
	}
	return len;
}

enum err udp_receive(struct udp *u, unsigned socket, struct udp_message **batch, unsigned *n)
{
	unsigned kept = 0;
	int got;

	prepare_receive(u);
	got = recvmmsg(u->fds[socket], u->rx_msgs, u->n_messages, MSG_DONTWAIT, NULL);
	*n = 0;
	*batch = u->batch;
	/* Errors of earlier sends (ICMP) surface here, too; they say nothing about this call. */
	if (got < 0)
		return errno == EAGAIN || errno == EINTR || errno == ECONNREFUSED ? ERR_OK : ERR_IO;
	for (int i = 0; i < got; i++) {
		struct udp_message *m = &u->batch[kept];
		struct msghdr *h = &u->rx_msgs[i].msg_hdr;

		if ((h->msg_flags & MSG_TRUNC) ||
		    endpoint_from_sockaddr(&u->rx_from[i], h->msg_namelen, &m->from)) {
			u->counters.truncated++;
			continue;
		}
		m->data = u->rx_iov[i].iov_base;
		m->len = u->rx_msgs[i].msg_len;
		m->segment = segment_of(h, m->len);
		kept++;
	}
	u->counters.received += (uint64_t)got;
	*n = kept;
	return ERR_OK;
}

/* --- sending --- */

static struct train *train_new(struct udp *u, const struct endpoint *to, size_t segment)
{
	struct train *t;

	if (u->n_trains == UDP_TRAINS)
		udp_flush(u);
	t = &u->trains[u->n_trains++];
	t->to = *to;
	t->segment = segment;
	t->len = 0;
	t->n = 0;
	t->n_iov = 0;
	t->closed = false;
	return t;
}

/* Does one more record of `len` bytes go into the train? */
static bool has_room(const struct udp *u, const struct train *t, size_t len)
{
	return !t->closed && takes_trains(u, &t->to) && t->n < UDP_TRAIN_RECORDS &&
	       len <= t->segment && t->len + len <= UDP_TRAIN_BYTES;
}

static void train_append(struct train *t, uint8_t *p, size_t len)
{
	struct iovec *last = t->n_iov ? &t->iov[t->n_iov - 1] : NULL;

	if (last && (uint8_t *)last->iov_base + last->iov_len == p)
		last->iov_len += len;
	else
		t->iov[t->n_iov++] = (struct iovec){ .iov_base = p, .iov_len = len };
	t->len += len;
	t->n++;
	if (len < t->segment)
		t->closed = true;
}

uint8_t *udp_reserve(struct udp *u, const struct endpoint *to, struct udp_slot *slot, size_t len)
{
	struct train *t = NULL;
	uint8_t *p;

	if (!can_send(u, to) || len > UDP_TRAIN_BYTES) {
		u->counters.send_failed++;
		return NULL;
	}
	if (u->arena_used + len > UDP_ARENA_BYTES)
		udp_flush(u);
	if (slot->burst == u->burst)
		t = &u->trains[slot->train];
	if (!t || !endpoint_equal(&t->to, to) || !has_room(u, t, len)) {
		t = train_new(u, to, len);
		*slot = (struct udp_slot){ .burst = u->burst, .train = (uint32_t)(t - u->trains) };
	}
	p = u->arena + u->arena_used;
	u->arena_used += len;
	u->last_train = t;
	u->last_len = len;
	train_append(t, p, len);
	return p;
}

void udp_cancel(struct udp *u)
{
	struct train *t = u->last_train;
	struct iovec *last = &t->iov[t->n_iov - 1];

	u->arena_used -= u->last_len;
	t->len -= u->last_len;
	t->n--;
	t->closed = false;
	last->iov_len -= u->last_len;
	if (!last->iov_len)
		t->n_iov--;
}

void udp_forward(struct udp *u, const struct endpoint *to, uint8_t *p, size_t len, size_t segment,
		 unsigned n)
{
	if (!can_send(u, to)) {
		u->counters.send_failed += n;
		return;
	}
	while (len) {
		unsigned most = takes_trains(u, to) ? UDP_TRAIN_RECORDS : 1;
		struct train *t = train_new(u, to, segment);
		size_t part;

		while (most > 1 && most * segment > UDP_TRAIN_BYTES)
			most--;
		part = len < most * segment ? len : most * segment;
		t->iov[0] = (struct iovec){ .iov_base = p, .iov_len = part };
		t->n_iov = 1;
		t->len = part;
		t->n = (unsigned)((part + segment - 1) / segment);
		t->closed = true;
		p += part;
		len -= part;
	}
}

static void prepare_send(struct train *t, struct mmsghdr *m)
{
	struct msghdr *h = &m->msg_hdr;

	*h = (struct msghdr){
		.msg_name = &t->name,
		.msg_namelen = endpoint_to_sockaddr(&t->to, &t->name),
		.msg_iov = t->iov,
		.msg_iovlen = t->n_iov,
	};
	if (t->n > 1) {
		uint16_t segment = (uint16_t)t->segment;
		struct cmsghdr *c = &t->cmsg.align;

		c->cmsg_level = IPPROTO_UDP;
		c->cmsg_type = UDP_SEGMENT;
		c->cmsg_len = CMSG_LEN(sizeof(segment));
		memcpy(CMSG_DATA(c), &segment, sizeof(segment));
		h->msg_control = t->cmsg.bytes;
		h->msg_controllen = sizeof(t->cmsg.bytes);
	}
}

static void count_failure(struct udp *u, int errnum, unsigned records)
{
	if (errnum == EMSGSIZE)
		u->counters.too_big += records;
	else
		u->counters.send_failed += records;
}

/* Each record of a train by itself: for kernels, devices and paths that do not take it whole. */
static void send_singly(struct udp *u, struct train *t, int fd)
{
	socklen_t name_len = endpoint_to_sockaddr(&t->to, &t->name);

	for (unsigned i = 0; i < t->n_iov; i++) {
		uint8_t *p = t->iov[i].iov_base;
		size_t left = t->iov[i].iov_len;

		while (left) {
			size_t len = left < t->segment ? left : t->segment;

			if (sendto(fd, p, len, MSG_DONTWAIT, (struct sockaddr *)&t->name,
				   name_len) < 0)
				count_failure(u, errno, 1);
			else
				u->counters.sent++;
			p += len;
			left -= len;
		}
	}
}

/*
 * A train that the kernel refused. EMSGSIZE: a record is larger than the path's MTU, which
 * segmentation never fragments. EIO, EINVAL, EOPNOTSUPP: the device or kernel cannot cut trains; it
 * is not asked again.
 */
static void handle_refused(struct udp *u, struct train *t, unsigned family, int errnum)
{
	if (t->n == 1 || errnum == EAGAIN || errnum == ENOBUFS) {
		count_failure(u, errnum, t->n);
		return;
	}
	if (errnum == EIO || errnum == EINVAL || errnum == EOPNOTSUPP)
		u->segment[family] = false;
	send_singly(u, t, u->send_fd[family]);
}

static void flush_family(struct udp *u, unsigned family)
{
	struct train *order[UDP_TRAINS];
	unsigned n = 0, done = 0;

	for (unsigned i = 0; i < u->n_trains; i++) {
		struct train *t = &u->trains[i];

		if (!t->n || family_index(&t->to) != family)
			continue;
		prepare_send(t, &u->tx_msgs[n]);
		order[n++] = t;
	}
	while (done < n) {
		int sent = sendmmsg(u->send_fd[family], u->tx_msgs + done, n - done, MSG_DONTWAIT);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0) {
			handle_refused(u, order[done], family, errno);
			done++;
			continue;
		}
		u->counters.trains += (uint64_t)sent;
		for (int i = 0; i < sent; i++)
			u->counters.sent += order[done++]->n;
	}
}

/* What is lost behind this point is counted by whoever takes it. */
static void flush_carriers(struct udp *u)
{
	for (unsigned i = 0; i < u->n_trains; i++) {
		const struct train *t = &u->trains[i];

		if (!t->n || family_index(&t->to) != FAMILY_CARRIER)
			continue;
		u->carry(u->carry_arg, &t->to, t->iov, t->n_iov, t->segment, t->n);
		u->counters.trains++;
		u->counters.sent += t->n;
	}
}

void udp_flush(struct udp *u)
{
	if (!u->n_trains)
		return;
	if (u->carry)
		flush_carriers(u);
	for (unsigned family = 0; family < FAMILIES; family++)
		if (u->send_fd[family] >= 0)
			flush_family(u, family);
	u->n_trains = 0;
	u->arena_used = 0;
	u->burst++;
}
