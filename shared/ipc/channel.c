/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Life of a channel:
 *
 *     open --EOF, socket error, malformed, queue full--> dead --closed()--> freed
 *       \                                                                  /
 *        `---------------------- channel_free() --------------------------'
 *
 * "dead" is the time between the fault and the callback: nothing is read or sent any more. A fault
 * found in receiving is told at once; one found in channel_send() or channel_bad() is told by the
 * loop at the end of the round, so that closed() never comes from inside a call of the owner.
 *
 * channel_free() gives up socket and queue at once; the memory stays until no callback of this
 * channel is on the stack.
 */
#include "shared/ipc/channel.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "shared/base/list.h"
#include "shared/base/log.h"
#include "shared/base/secret.h"

#define TYPE_BYTES           2u
#define READS_PER_ROUND      64u /* at one readiness, so that one sender does not starve the rest */
#define FDS_RECEIVED_MAX     4u /* room to see that there are too many; the kernel drops the rest */
#define SOCKET_BUFFER_WANTED (1 << 20) /* bytes; a whole burst of peers goes without waiting */

struct out_msg {
	struct list link;
	int fd; /* our own copy, -1 none */
	size_t len;
	uint8_t bytes[]; /* type and payload */
};

struct channel {
	struct loop *loop;
	struct loop_fd io;
	struct loop_later later;
	const struct channel_events *ev;
	void *arg;
	struct list queue; /* of struct out_msg */
	size_t queue_bytes;
	unsigned depth;  /* our callbacks on the stack */
	bool dead;       /* a fault was found; no traffic any more */
	bool freed;      /* given up by its owner, or after closed(): only memory */
	bool no_sending; /* the other side is gone; what it sent before is still to be read */
	uint8_t in[TYPE_BYTES + CHANNEL_MSG_MAX_BYTES];
};

enum err channel_pair(int fds[2])
{
	int pair[2];
	int size = SOCKET_BUFFER_WANTED;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0)
		return err_from_errno(errno);
	/* Best effort: the default buffer works, too, our own queue is only used earlier. */
	for (int i = 0; i < 2; i++)
		if (setsockopt(pair[i], SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)) < 0)
			(void)setsockopt(pair[i], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	fds[0] = pair[0];
	fds[1] = pair[1];
	return ERR_OK;
}

static void out_msg_free(struct channel *ch, struct out_msg *m)
{
	list_del(&m->link);
	ch->queue_bytes -= sizeof(*m) + m->len;
	if (m->fd >= 0)
		close(m->fd);
	secret_zero(m->bytes, m->len);
	free(m);
}

static void drop_queue(struct channel *ch)
{
	while (!list_empty(&ch->queue))
		out_msg_free(ch, list_entry(ch->queue.next, struct out_msg, link));
}

/* Gives the descriptor and everything queued back; afterwards only the memory is left. */
static void release(struct channel *ch)
{
	int fd = ch->io.fd;

	ch->freed = true;
	loop_later_cancel(ch->loop, &ch->later);
	loop_fd_del(ch->loop, &ch->io);
	if (fd >= 0)
		close(fd);
	drop_queue(ch);
}

static void leave_callback(struct channel *ch)
{
	if (--ch->depth == 0 && ch->freed)
		free(ch);
}

/* Tells the owner that it is over, and frees. */
static void die(struct channel *ch)
{
	ch->depth++;
	ch->dead = true;
	ch->ev->closed(ch, ch->arg);
	if (!ch->freed)
		release(ch);
	leave_callback(ch);
}

static void die_later(struct loop_later *l) { die(container_of(l, struct channel, later)); }

/* Stops all traffic now; closed() comes at the end of this round. */
static void fail(struct channel *ch)
{
	if (ch->dead)
		return;
	ch->dead = true;
	loop_fd_events(ch->loop, &ch->io, 0);
	drop_queue(ch);
	loop_later(ch->loop, &ch->later, die_later);
}

/* Nobody reads any more: what was sent to us before can still be read, and its end brings closed().
 */
static void stop_sending(struct channel *ch)
{
	ch->no_sending = true;
	drop_queue(ch);
	loop_fd_events(ch->loop, &ch->io, EPOLLIN);
	(void)shutdown(ch->io.fd, SHUT_RDWR);
}

/* One sendmsg() of type and payload: ERR_OK, ERR_AGAIN (the socket is full), ERR_CLOSED, other
 * errors. */
static enum err send_now(struct channel *ch, struct iovec *iov, size_t n_iov, int fd)
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(sizeof(int))];
	} control;
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = n_iov };

	memset(&control, 0, sizeof(control));
	if (fd >= 0) {
		struct cmsghdr *cm;

		msg.msg_control = control.room;
		msg.msg_controllen = sizeof(control.room);
		cm = CMSG_FIRSTHDR(&msg);
		cm->cmsg_level = SOL_SOCKET;
		cm->cmsg_type = SCM_RIGHTS;
		cm->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(cm), &fd, sizeof(fd));
	}
	for (;;) {
		if (sendmsg(ch->io.fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
			return ERR_OK;
		if (errno == EAGAIN || errno == EWOULDBLOCK)
			return ERR_AGAIN;
		if (errno == EPIPE || errno == ECONNRESET || errno == ENOTCONN ||
		    errno == ECONNREFUSED)
			return ERR_CLOSED;
		if (errno != EINTR)
			return err_from_errno(errno);
	}
}

/* Queues a copy of the message. */
static enum err try_enqueue(struct channel *ch, const struct iovec iov[2], int fd)
{
	size_t len = iov[0].iov_len + iov[1].iov_len;
	struct out_msg *m;

	if (ch->queue_bytes + sizeof(*m) + len > CHANNEL_QUEUE_MAX_BYTES) {
		log_warn("channel: the other process does not read, %zu bytes are waiting",
			 ch->queue_bytes);
		return ERR_LIMIT;
	}
	m = malloc(sizeof(*m) + len);
	if (!m)
		return ERR_NOMEM;
	m->fd = -1;
	if (fd >= 0) {
		m->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
		if (m->fd < 0) {
			free(m);
			return err_from_errno(errno);
		}
	}
	m->len = len;
	memcpy(m->bytes, iov[0].iov_base, iov[0].iov_len);
	if (iov[1].iov_len)
		memcpy(m->bytes + iov[0].iov_len, iov[1].iov_base, iov[1].iov_len);
	list_push_back(&ch->queue, &m->link);
	ch->queue_bytes += sizeof(*m) + len;
	loop_fd_events(ch->loop, &ch->io, EPOLLIN | EPOLLOUT);
	return ERR_OK;
}

/*
 * A message that cannot be queued ends the channel: messages are never dropped one by one, since
 * the next one may say "that was all" (a revocation that is lost must not be confirmed).
 */
static enum err enqueue(struct channel *ch, const struct iovec iov[2], int fd)
{
	enum err e = try_enqueue(ch, iov, fd);

	if (e) {
		log_warn("channel: a message cannot be queued: %s; closing", err_str(e));
		fail(ch);
	}
	return e;
}

/* `wait`: may it go into the queue? */
static enum err send_message(struct channel *ch, uint16_t type, const void *payload, size_t n,
			     int fd, bool wait)
{
	uint8_t head[TYPE_BYTES] = { (uint8_t)type, (uint8_t)(type >> 8) };
	struct iovec iov[2] = {
		{ .iov_base = head, .iov_len = sizeof(head) },
		{ .iov_base = (void *)(uintptr_t)payload, .iov_len = n }, /* only read */
	};
	enum err e;

	if (n > CHANNEL_MSG_MAX_BYTES)
		return ERR_TOOBIG;
	if (ch->dead || ch->freed || ch->no_sending)
		return ERR_CLOSED;
	e = list_empty(&ch->queue) ? send_now(ch, iov, 2, fd) : ERR_AGAIN;
	if (e == ERR_AGAIN)
		return wait ? enqueue(ch, iov, fd) : e;
	if (e == ERR_CLOSED)
		stop_sending(ch);
	else if (e)
		fail(ch);
	return e;
}

enum err channel_send(struct channel *ch, uint16_t type, const void *payload, size_t n, int fd)
{
	return send_message(ch, type, payload, n, fd, true);
}

enum err channel_try_send(struct channel *ch, uint16_t type, const void *payload, size_t n)
{
	return send_message(ch, type, payload, n, -1, false);
}

void channel_wipe(struct channel *ch) { secret_zero(ch->in, sizeof(ch->in)); }

/* Sends from the queue until the socket is full again. */
static void flush(struct channel *ch)
{
	while (!list_empty(&ch->queue)) {
		struct out_msg *m = list_entry(ch->queue.next, struct out_msg, link);
		struct iovec iov = { .iov_base = m->bytes, .iov_len = m->len };
		enum err e = send_now(ch, &iov, 1, m->fd);

		if (e == ERR_AGAIN)
			return;
		if (e == ERR_CLOSED) {
			stop_sending(ch);
			return;
		}
		if (e) {
			log_warn("channel: sending failed: %s", err_str(e));
			fail(ch);
			return;
		}
		out_msg_free(ch, m);
	}
	loop_fd_events(ch->loop, &ch->io, EPOLLIN);
}

/* Takes all descriptors out of a received message. Returns how many. */
static size_t received_fds(struct msghdr *msg, int fds[FDS_RECEIVED_MAX])
{
	size_t n = 0;

	for (struct cmsghdr *cm = CMSG_FIRSTHDR(msg); cm; cm = CMSG_NXTHDR(msg, cm)) {
		size_t bytes;

		if (cm->cmsg_level != SOL_SOCKET || cm->cmsg_type != SCM_RIGHTS ||
		    cm->cmsg_len < CMSG_LEN(0))
			continue;
		bytes = cm->cmsg_len - CMSG_LEN(0);
		for (size_t i = 0; i < bytes / sizeof(int) && n < FDS_RECEIVED_MAX; i++)
			memcpy(&fds[n++], CMSG_DATA(cm) + i * sizeof(int), sizeof(int));
	}
	return n;
}

/*
 * One recvmsg(). ERR_OK with the bytes in ch->in, their number and perhaps a descriptor; ERR_AGAIN:
 * nothing there; ERR_CLOSED: the other side is gone; ERR_INVALID: cut, too short, or with more than
 * one descriptor (all closed).
 */
static enum err receive(struct channel *ch, size_t *len, int *fd)
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(FDS_RECEIVED_MAX * sizeof(int))];
	} control;
	struct iovec iov = { .iov_base = ch->in, .iov_len = sizeof(ch->in) };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.room,
		.msg_controllen = sizeof(control.room),
	};
	int fds[FDS_RECEIVED_MAX];
	size_t n_fds;
	ssize_t n = recvmsg(ch->io.fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	if (n < 0) {
		/* ECONNRESET comes once, when the other side left messages unread: ours are still
		 * there. */
		if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ||
		    errno == ECONNRESET)
			return ERR_AGAIN;
		return ERR_CLOSED;
	}
	n_fds = received_fds(&msg, fds);
	if (n == 0 && n_fds == 0 && !(msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC)))
		return ERR_CLOSED;
	if (n < (ssize_t)TYPE_BYTES || n_fds > 1 || (msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC))) {
		for (size_t i = 0; i < n_fds; i++)
			close(fds[i]);
		return ERR_INVALID;
	}
	*len = (size_t)n;
	*fd = n_fds ? fds[0] : -1;
	return ERR_OK;
}

/* Hands received messages to the owner. ERR_CLOSED: receive() found that the channel is over. */
static enum err read_some(struct channel *ch)
{
	for (unsigned i = 0; i < READS_PER_ROUND && !ch->dead && !ch->freed; i++) {
		struct cursor body;
		size_t len = 0;
		int fd = -1;
		enum err e = receive(ch, &len, &fd);

		if (e == ERR_AGAIN)
			return ERR_OK;
		if (e == ERR_INVALID)
			log_warn("channel: malformed message from the other process; closing");
		if (e)
			return ERR_CLOSED;
		cursor_init_read(&body, ch->in + TYPE_BYTES, len - TYPE_BYTES);
		ch->ev->message(ch, ch->arg, (uint16_t)(ch->in[0] | ch->in[1] << 8), &body, fd);
	}
	return ERR_OK;
}

static void ready(struct loop_fd *f, uint32_t events)
{
	struct channel *ch = container_of(f, struct channel, io);
	enum err e = ERR_OK;

	if (ch->dead) /* epoll reports a hang-up even to those who wait for nothing */
		return;
	ch->depth++;
	if (events & EPOLLOUT)
		flush(ch);
	if (events & (EPOLLIN | EPOLLHUP | EPOLLERR))
		e = read_some(ch);
	if (e && !ch->freed && !ch->dead)
		die(ch);
	leave_callback(ch);
}

enum err channel_new(struct loop *l, int fd, const struct channel_events *ev, void *arg,
		     struct channel **out)
{
	struct channel *ch = calloc(1, sizeof(*ch));
	enum err e;

	if (!ch) {
		close(fd);
		return ERR_NOMEM;
	}
	ch->loop = l;
	ch->ev = ev;
	ch->arg = arg;
	list_init(&ch->queue);
	e = loop_fd_add(l, &ch->io, fd, EPOLLIN, ready);
	if (e) {
		close(fd);
		free(ch);
		return e;
	}
	*out = ch;
	return ERR_OK;
}

void channel_free(struct channel *ch)
{
	if (!ch || ch->freed)
		return;
	release(ch);
	if (ch->depth == 0)
		free(ch);
}

void channel_bad(struct channel *ch, uint16_t type, enum err e)
{
	if (ch->freed || ch->dead)
		return;
	log_warn("channel: malformed message of type %u from the other process: %s; closing",
		 (unsigned)type, err_str(e));
	fail(ch);
}
