/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/tunnel/udp.h"

#include <errno.h>
#include <linux/sock_diag.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "shared/base/resident.h"

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

/* UDP_SEGMENT, and TOS or traffic class. */
union tx_cmsg {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(sizeof(uint16_t)) + CMSG_SPACE(sizeof(int))];
};

/* UDP_GRO, TOS or traffic class, and SO_RXQ_OVFL. */
union rx_cmsg {
	struct cmsghdr align;
	char bytes[2 * CMSG_SPACE(sizeof(int)) + CMSG_SPACE(sizeof(uint32_t))];
};

/* Records to one endpoint. Those that lie next to each other in the arena share a piece. */
struct train {
	struct endpoint to;
	struct udp_mark mark;
	size_t segment; /* size of all records but the last */
	size_t len;
	unsigned n; /* records */
	unsigned n_iov;
	bool closed; /* a shorter record was the last, or it is not in the arena */
	struct iovec iov[UDP_TRAIN_RECORDS];
	struct sockaddr_storage name;
	union tx_cmsg cmsg;
};

struct udp {
	unsigned n_sockets;
	uint16_t port; /* of all of them */
	int fds[WORKER_UDP_SOCKETS_MAX];
	int send_fd[FAMILIES]; /* IPv4, IPv6; -1: no socket of this family */
	udp_carry carry;       /* takes trains for carriers; NULL: nobody does */
	void *carry_arg;
	bool segment[FAMILIES]; /* the kernel cuts trains */
	bool waiting[FAMILIES]; /* something that was sent may still be in the socket */
	bool gro;
	bool discovery;           /* udp_set_discovery() */
	bool fragments[FAMILIES]; /* what the socket does now with records that are too large */
	udp_too_big too_big;
	void *too_big_arg;
	struct udp_counters counters;
	/* sending */
	uint32_t burst; /* number of this burst, so that slots of earlier ones do not count */
	unsigned n_trains;
	struct train *last_train; /* of the last udp_reserve() */
	size_t last_len;
	struct udp_mark next_mark;
	size_t arena_used;
	/* receiving */
	struct udp_loss {
		uint32_t count; /* what the kernel dropped, as it last told */
		uint32_t lost;  /* of that, not in the counters yet */
		bool news;      /* it grew */
		bool full;      /* and that was because there was no room */
	} loss[WORKER_UDP_SOCKETS_MAX];
	unsigned n_messages;
	size_t message_bytes;
	struct mmsghdr rx_msgs[UDP_MESSAGES];
	struct iovec rx_iov[UDP_MESSAGES];
	struct sockaddr_storage rx_from[UDP_MESSAGES];
	union rx_cmsg rx_cmsg[UDP_MESSAGES];
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

/* Says whether the kernel may cut what is too large, or sets DF and refuses only what the device
 * does not take. Asked for before each run of sends; mostly it is so already. */
static void set_fragments(struct udp *u, unsigned family, bool fragments)
{
	static const struct {
		int level, option, no, yes;
	} of[FAMILIES] = {
		{ IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_PROBE, IP_PMTUDISC_DONT },
		{ IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_PROBE, IPV6_PMTUDISC_DONT },
	};
	const int value = fragments ? of[family].yes : of[family].no;

	if (u->fragments[family] == fragments)
		return;
	/* Cannot fail for a UDP socket of the family; if it did, packets would go as before. */
	(void)setsockopt(u->send_fd[family], of[family].level, of[family].option, &value,
			 sizeof(value));
	u->fragments[family] = fragments;
}

/* Without the option every message seems to come without TOS: nothing is inherited, no congestion
 * seen. */
static void ask_for_tos(int fd, unsigned family)
{
	const int one = 1;

	if (family)
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_RECVTCLASS, &one, sizeof(one));
	else
		(void)setsockopt(fd, IPPROTO_IP, IP_RECVTOS, &one, sizeof(one));
}

/* Learns a socket's family and offloads. The first socket of a family is the one that sends. */
static enum err add_socket(struct udp *u, int fd, bool offload)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	const int one = 1, zero = 0;
	struct endpoint bound;
	unsigned family;

	if (getsockname(fd, (struct sockaddr *)&ss, &len))
		return ERR_SYSTEM;
	if (endpoint_from_sockaddr(&ss, len, &bound) == ERR_OK)
		u->port = bound.port;
	u->fds[u->n_sockets++] = fd;
	/* A kernel that cannot count loses no less. */
	(void)setsockopt(fd, SOL_SOCKET, SO_RXQ_OVFL, &one, sizeof(one));
	u->gro = u->gro && setsockopt(fd, IPPROTO_UDP, UDP_GRO, &one, sizeof(one)) == 0;
	family = ss.ss_family == AF_INET6;
	ask_for_tos(fd, family);
	if (u->send_fd[family] < 0) {
		u->send_fd[family] = fd;
		set_fragments(u, family, true);
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

void udp_release(struct udp *u)
{
	BUG_ON(u->arena_used);
	resident_forget(u->rx, sizeof(u->rx));
	resident_forget(u->arena, sizeof(u->arena));
}

void udp_set_carry(struct udp *u, udp_carry carry, void *arg)
{
	u->carry = carry;
	u->carry_arg = arg;
}

unsigned udp_sockets(const struct udp *u) { return u->n_sockets; }

int udp_fd(const struct udp *u, unsigned socket) { return u->fds[socket]; }

uint16_t udp_port(const struct udp *u) { return u->port; }

const struct udp_counters *udp_counters(const struct udp *u) { return &u->counters; }

struct udp_offloads udp_offloads(const struct udp *u)
{
	return (struct udp_offloads){ .segment = u->segment[0] || u->segment[1], .gro = u->gro };
}

void udp_on_too_big(struct udp *u, udp_too_big cb, void *arg)
{
	u->too_big = cb;
	u->too_big_arg = arg;
}

void udp_set_discovery(struct udp *u, bool on) { u->discovery = on; }

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

/* What the kernel says about a message: the size of the records that GRO put together, without that
 * the whole length; the TOS: a byte for IPv4, an int for IPv6; and what was dropped before it. */
static void read_control(struct msghdr *h, struct udp_message *m, struct udp_loss *loss)
{
	m->segment = m->len;
	m->tos = 0;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c; c = CMSG_NXTHDR(h, c)) {
		int value = 0;

		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_TOS &&
		    c->cmsg_len >= CMSG_LEN(1)) {
			m->tos = *CMSG_DATA(c);
			continue;
		}
		if (c->cmsg_len < CMSG_LEN(sizeof(value)))
			continue;
		memcpy(&value, CMSG_DATA(c), sizeof(value));
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SO_RXQ_OVFL) {
			loss->news = loss->news || (uint32_t)value != loss->count;
			loss->lost += (uint32_t)value - loss->count;
			loss->count = (uint32_t)value;
		}
		if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_TCLASS)
			m->tos = (uint8_t)value;
		if (c->cmsg_level == IPPROTO_UDP && c->cmsg_type == UDP_GRO && value > 0 &&
		    (size_t)value < m->len)
			m->segment = (size_t)value;
	}
}

/* The kernel's count has datagrams with wrong checksums in it, too, which anybody can send: only
 * while much waits in the socket does it tell of too little room. */
static void judge_loss(struct udp *u, unsigned socket)
{
	struct udp_loss *loss = &u->loss[socket];
	uint32_t mem[SK_MEMINFO_VARS] = { 0 };
	socklen_t len = sizeof(mem);

	loss->full = loss->news &&
		     getsockopt(u->fds[socket], SOL_SOCKET, SO_MEMINFO, mem, &len) == 0 &&
		     mem[SK_MEMINFO_RMEM_ALLOC] > mem[SK_MEMINFO_RCVBUF] / 2;
	loss->news = false;
	u->counters.lost += loss->lost;
	loss->lost = 0;
}

bool udp_overflowed(const struct udp *u, unsigned socket) { return u->loss[socket].full; }

bool udp_is_full_batch(const struct udp *u, unsigned n) { return n == u->n_messages; }

enum err udp_receive(struct udp *u, unsigned socket, struct udp_message **batch, unsigned *n)
{
	unsigned kept = 0;
	int got;

	judge_loss(u, socket);
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
		read_control(h, m, &u->loss[socket]);
		kept++;
	}
	u->counters.received += (uint64_t)got;
	*n = kept;
	return ERR_OK;
}

/* --- sending --- */

static struct train *train_new(struct udp *u, const struct endpoint *to, size_t segment,
			       const struct udp_mark *mark)
{
	struct train *t;

	if (u->n_trains == UDP_TRAINS)
		udp_flush(u);
	t = &u->trains[u->n_trains++];
	t->to = *to;
	t->mark = *mark;
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

static bool mark_equal(const struct udp_mark *a, const struct udp_mark *b)
{
	return a->tos == b->tos && a->fragment == b->fragment && a->owner == b->owner;
}

void udp_mark_next(struct udp *u, const struct udp_mark *mark) { u->next_mark = *mark; }

uint8_t *udp_reserve(struct udp *u, const struct endpoint *to, struct udp_slot *slot, size_t len)
{
	const struct udp_mark mark = u->next_mark;
	struct train *t = NULL;
	uint8_t *p;

	u->next_mark = (struct udp_mark){ 0 };
	if (!can_send(u, to) || len > UDP_TRAIN_BYTES) {
		u->counters.send_failed++;
		return NULL;
	}
	if (u->arena_used + len > UDP_ARENA_BYTES)
		udp_flush(u);
	if (slot->burst == u->burst)
		t = &u->trains[slot->train];
	if (!t || !endpoint_equal(&t->to, to) || !mark_equal(&t->mark, &mark) ||
	    !has_room(u, t, len)) {
		t = train_new(u, to, len, &mark);
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
		 unsigned n, const struct udp_mark *mark)
{
	if (!can_send(u, to)) {
		u->counters.send_failed += n;
		return;
	}
	while (len) {
		unsigned most = takes_trains(u, to) ? UDP_TRAIN_RECORDS : 1;
		struct train *t = train_new(u, to, segment, mark);
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

/* One more control message of a train. */
static void put_control(struct train *t, struct msghdr *h, int level, int type, const void *value,
			size_t n)
{
	struct cmsghdr *c = (struct cmsghdr *)(void *)(t->cmsg.bytes + h->msg_controllen);

	c->cmsg_level = level;
	c->cmsg_type = type;
	c->cmsg_len = CMSG_LEN(n);
	memcpy(CMSG_DATA(c), value, n);
	h->msg_control = t->cmsg.bytes;
	h->msg_controllen += CMSG_SPACE(n);
}

static void put_tos(struct train *t, struct msghdr *h)
{
	const int tos = t->mark.tos;

	if (!tos)
		return;
	if (family_index(&t->to))
		put_control(t, h, IPPROTO_IPV6, IPV6_TCLASS, &tos, sizeof(tos));
	else
		put_control(t, h, IPPROTO_IP, IP_TOS, &tos, sizeof(tos));
}

static void prepare_send(struct train *t, struct mmsghdr *m)
{
	struct msghdr *h = &m->msg_hdr;
	const uint16_t segment = (uint16_t)t->segment;

	*h = (struct msghdr){
		.msg_name = &t->name,
		.msg_namelen = endpoint_to_sockaddr(&t->to, &t->name),
		.msg_iov = t->iov,
		.msg_iovlen = t->n_iov,
	};
	if (t->n > 1)
		put_control(t, h, IPPROTO_UDP, UDP_SEGMENT, &segment, sizeof(segment));
	put_tos(t, h);
}

static void count_failure(struct udp *u, int errnum, unsigned records)
{
	if (errnum == EMSGSIZE)
		u->counters.too_big += records;
	else
		u->counters.send_failed += records;
}

/* The device's limit has become smaller than what is sent. */
static void tell_too_big(struct udp *u, const struct train *t)
{
	if (u->too_big && t->mark.owner)
		u->too_big(u->too_big_arg, t->mark.owner, t->segment);
}

/* Each record of a train by itself: for kernels, devices and paths that do not take it whole.
 * False: there were records that are too large even so. */
static bool send_singly(struct udp *u, struct train *t, int fd)
{
	struct msghdr h = { .msg_name = &t->name };
	bool too_big = false;

	h.msg_namelen = endpoint_to_sockaddr(&t->to, &t->name);
	put_tos(t, &h);
	for (unsigned i = 0; i < t->n_iov; i++) {
		uint8_t *p = t->iov[i].iov_base;
		size_t left = t->iov[i].iov_len;

		while (left) {
			size_t len = left < t->segment ? left : t->segment;
			struct iovec one = { .iov_base = p, .iov_len = len };

			h.msg_iov = &one;
			h.msg_iovlen = 1;
			if (sendmsg(fd, &h, MSG_DONTWAIT) < 0) {
				too_big = too_big || errno == EMSGSIZE;
				count_failure(u, errno, 1);
			} else {
				u->counters.sent++;
				u->counters.sent_bytes += len;
			}
			p += len;
			left -= len;
		}
	}
	if (too_big)
		tell_too_big(u, t);
	return !too_big;
}

/*
 * A train that the kernel refused. EMSGSIZE: a record is larger than the path's MTU, which
 * segmentation never fragments. EIO, EOPNOTSUPP: the device or kernel cannot cut trains; it is not
 * asked again. EINVAL: either; before Linux 6.14 that was the word for too large, too. Which of
 * both it is the records show by themselves, but not where each may be fragmented.
 */
static void handle_refused(struct udp *u, struct train *t, unsigned family, int errnum)
{
	bool fits;

	if (t->n == 1 || errnum == EAGAIN || errnum == ENOBUFS) {
		count_failure(u, errnum, t->n);
		if (errnum == EMSGSIZE)
			tell_too_big(u, t);
		return;
	}
	fits = send_singly(u, t, u->send_fd[family]);
	if (errnum == EIO || errnum == EOPNOTSUPP ||
	    (errnum == EINVAL && fits && !u->fragments[family]))
		u->segment[family] = false;
}

/* The trains of one family that may be cut, or those that must not. */
static void flush_trains(struct udp *u, unsigned family, bool fragments)
{
	struct train *order[UDP_TRAINS];
	unsigned n = 0, done = 0;

	for (unsigned i = 0; i < u->n_trains; i++) {
		struct train *t = &u->trains[i];

		if (!t->n || family_index(&t->to) != family ||
		    (t->mark.fragment || !u->discovery) != fragments)
			continue;
		prepare_send(t, &u->tx_msgs[n]);
		order[n++] = t;
	}
	if (n) {
		set_fragments(u, family, fragments);
		u->waiting[family] = true;
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
		for (int i = 0; i < sent; i++, done++) {
			u->counters.sent += order[done]->n;
			u->counters.sent_bytes += order[done]->len;
		}
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
	u->next_mark = (struct udp_mark){ 0 };
	if (!u->n_trains)
		return;
	if (u->carry)
		flush_carriers(u);
	for (unsigned family = 0; family < FAMILIES; family++) {
		const bool now = u->fragments[family];

		if (u->send_fd[family] < 0)
			continue;
		/* First those that need no change of the socket. */
		flush_trains(u, family, now);
		flush_trains(u, family, !now);
	}
	u->n_trains = 0;
	u->arena_used = 0;
	u->burst++;
}

void udp_backlog(struct udp *u, struct backlog_look *out)
{
	*out = (struct backlog_look){ .sent = u->counters.sent_bytes };
	for (unsigned family = 0; family < FAMILIES; family++) {
		uint32_t mem[SK_MEMINFO_VARS] = { 0 };
		socklen_t len = sizeof(mem);

		if (!u->waiting[family] ||
		    getsockopt(u->send_fd[family], SOL_SOCKET, SO_MEMINFO, mem, &len) != 0)
			continue;
		out->queued += mem[SK_MEMINFO_WMEM_ALLOC];
		out->buffer += mem[SK_MEMINFO_SNDBUF];
		u->waiting[family] = mem[SK_MEMINFO_WMEM_ALLOC] != 0;
	}
}
