/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 *                           ,-> ASKING -.
 *   connect --> CONNECTING -+-----------+-> HANDSHAKE --> OPEN --> FINISHING --> LINGERING
 *   accept  --------------------------------^   |           |          |             |
 *                  |                            v           v          v             v
 *                  +-----------------------> DEAD <---------+----------+-------------+
 *
 * ASKING has a proxy make the connection to the other side (proxy.h).
 * FINISHING sends what is queued and close_notify; LINGERING waits for the other side to close, and
 * throws away what it still sends: closing with unread bytes would reset the connection, and the
 * other side could lose our last words.
 *
 * Timers: one a stream. Trigger: connect or accept; delay: handshake_ms; action: end with
 * ERR_TIMEOUT. It is disarmed when the stream opens. Trigger: stream_finish(); delay: 2 s; action:
 * end with ERR_CLOSED.
 *
 * Lifetime: whatever the loop calls is bracketed by enter() and leave(). A stream that dies inside
 * gives back its socket and TLS state at once, its memory when the outermost bracket closes. So an
 * owner may close a stream from its own callbacks.
 */
#include "shared/loop/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "shared/loop/stream_identity.h"

/* Per readiness, so that one busy peer does not starve the others. */
#define READ_AT_ONCE_BYTES  65536u
#define WRITE_AT_ONCE_BYTES 262144u /* the same for sending */
#define RECORD_BYTES        16384u  /* RFC 8446 section 5.1 */
#define FINISH_MS           2000u

enum state { CONNECTING, ASKING, HANDSHAKE, OPEN, FINISHING, LINGERING, DEAD };

/* One row a state: the states that may follow, as bits. */
static const unsigned allowed_moves[] = {
	[CONNECTING] = 1u << ASKING | 1u << HANDSHAKE | 1u << DEAD,
	[ASKING] = 1u << HANDSHAKE | 1u << DEAD,
	[HANDSHAKE] = 1u << OPEN | 1u << DEAD,
	[OPEN] = 1u << FINISHING | 1u << DEAD,
	[FINISHING] = 1u << LINGERING | 1u << DEAD,
	[LINGERING] = 1u << DEAD,
	[DEAD] = 0,
};

/* What is needed while a proxy is asked. */
struct asking {
	struct proxy proxy;
	struct proxy_talk talk;
	char host[HOSTPORT_HOST_SIZE];
	uint16_t port;
	struct buf in, out;
};

struct stream {
	struct loop *loop;
	struct loop_fd io;
	struct timer deadline;
	struct loop_later later; /* send what was queued, read what OpenSSL still holds, or end */
	enum state state;
	unsigned entered; /* depth of enter() */
	bool wants_write; /* handshake, reading or goodbye: OpenSSL must send before it can go on */
	bool write_wants_read; /* sending: OpenSSL must receive before it can go on */
	bool finish_early;     /* stream_finish() before the stream was open */
	struct asking *asking; /* NULL: no proxy, or it has done its work */
	SSL *ssl;
	struct buf in, out;
	struct stream_limits limits;
	const struct stream_events *ev;
	void *arg;
	struct endpoint local, remote;
	char why[160];
};

static void move(struct stream *s, enum state to)
{
	BUG_ON(!(allowed_moves[s->state] & 1u << to));
	s->state = to;
}

static void enter(struct stream *s) { s->entered++; }

/* Closes the bracket; the last one frees a dead stream. */
static void leave(struct stream *s)
{
	if (--s->entered > 0 || s->state != DEAD)
		return;
	buf_fini(&s->in);
	free(s);
}

/* The proxy's password goes with it. */
static void asking_free(struct asking *a)
{
	if (!a)
		return;
	buf_fini(&a->in);
	buf_fini(&a->out);
	secret_zero(a, sizeof(*a));
	free(a);
}

/* Gives back everything but the memory and what the owner's callback may be looking at. */
static void release(struct stream *s)
{
	int fd = s->io.fd;

	move(s, DEAD);
	timer_disarm(loop_timers(s->loop), &s->deadline);
	loop_later_cancel(s->loop, &s->later);
	loop_fd_del(s->loop, &s->io);
	SSL_free(s->ssl);
	s->ssl = NULL;
	asking_free(s->asking);
	s->asking = NULL;
	close(fd);
	buf_fini(&s->out);
}

/* The end that was not asked for by stream_close(): the owner is told, once. Only inside enter()
 * and leave(). */
static void end(struct stream *s, enum err e, const char *why)
{
	bool finishing = s->state == FINISHING || s->state == LINGERING || s->finish_early;

	if (s->state == DEAD)
		return;
	release(s);
	/* An owner that is done with the stream hears of one end only. */
	s->ev->closed(s, s->arg, finishing ? ERR_CLOSED : e, why);
}

/* Ends with an errno value as the phrase: strerror()'s text, which begins with a capital. */
static void end_errno(struct stream *s, int errnum)
{
	snprintf(s->why, sizeof(s->why), "%s", strerror(errnum));
	if (s->why[0] >= 'A' && s->why[0] <= 'Z')
		s->why[0] = (char)(s->why[0] - 'A' + 'a');
	end(s, errnum == ETIMEDOUT ? ERR_TIMEOUT : ERR_IO, s->why);
}

/* Ends with the reason in OpenSSL's error queue. An alert of the other side is told apart from what
 * we found ourselves. */
static void end_tls(struct stream *s)
{
	unsigned long code = ERR_peek_error();
	const char *reason = ERR_reason_error_string(code),
		   *alert = reason ? strstr(reason, "alert ") : NULL;
	bool hung_up = ERR_GET_LIB(code) == ERR_LIB_SSL &&
		       ERR_GET_REASON(code) == SSL_R_UNEXPECTED_EOF_WHILE_READING;

	ERR_clear_error();
	if (hung_up) {
		end(s, ERR_IO,
		    s->state == HANDSHAKE ? "the other side hung up during the TLS handshake"
					  : "the other side hung up without a goodbye");
		return;
	}
	if (alert)
		snprintf(s->why, sizeof(s->why), "TLS: refused by the other side: %s",
			 alert + strlen("alert "));
	else
		snprintf(s->why, sizeof(s->why), "TLS: %s", reason ? reason : "failed");
	end(s, ERR_AUTH, s->why);
}

/*
 * Looks at an OpenSSL call that returned `ret` <= 0. Either it has to wait for one of the two
 * directions, which is noted in
 * `*wants_read` or `*wants_write`, or the stream ends here. errno must still be that of the call.
 */
static void wait_or_end(struct stream *s, int ret, bool *wants_read, bool *wants_write)
{
	int errnum = errno;

	switch (SSL_get_error(s->ssl, ret)) {
	case SSL_ERROR_WANT_READ:
		*wants_read = true;
		return;
	case SSL_ERROR_WANT_WRITE:
		*wants_write = true;
		return;
	case SSL_ERROR_ZERO_RETURN:
		/* Its goodbye is answered by ours; whether that still arrives is of no interest. */
		if (s->state == OPEN)
			SSL_shutdown(s->ssl);
		ERR_clear_error();
		end(s, ERR_CLOSED, "closed by the other side");
		return;
	case SSL_ERROR_SYSCALL:
		ERR_clear_error();
		end_errno(s, errnum ? errnum : EPIPE);
		return;
	default:
		end_tls(s);
	}
}

/* Waits for what the state needs: the one place for it, called at the end of every step. */
static void update_events(struct stream *s)
{
	uint32_t events = EPOLLIN;

	if (s->state == DEAD)
		return;
	if (s->state == CONNECTING || (s->state == ASKING && buf_len(&s->asking->out)))
		events = EPOLLOUT;
	/* While it only gets rid of what is queued nothing is read, and unread bytes must not wake
	 * it without end. */
	if (s->state == FINISHING && !s->write_wants_read)
		events = 0;
	if (s->wants_write)
		events |= EPOLLOUT;
	if ((s->state == OPEN || s->state == FINISHING) && buf_len(&s->out) && !s->write_wants_read)
		events |= EPOLLOUT;
	loop_fd_events(s->loop, &s->io, events);
}

static void run_later(struct loop_later *l);

/* Hands the owner what came. False when reading is over. */
static bool deliver(struct stream *s)
{
	s->ev->received(s, s->arg, &s->in);
	if (s->state != OPEN)
		return false;
	if (buf_len(&s->in) < s->limits.in_bytes)
		return true;
	/* Full, and the owner finds no whole message in it: there never will be one. */
	end(s, ERR_TOOBIG, "the other side sent a message that is too large");
	return false;
}

/* Reads at most one record and delivers it. False when there is no more for now, or the stream is
 * over. */
static bool read_record(struct stream *s, size_t *total)
{
	size_t room = s->limits.in_bytes - buf_len(&s->in);
	size_t want = room < RECORD_BYTES ? room : RECORD_BYTES;
	bool wants_read = false;
	uint8_t *at;
	int n;

	if (buf_reserve(&s->in, want, &at)) {
		end(s, ERR_NOMEM, err_str(ERR_NOMEM));
		return false;
	}
	ERR_clear_error();
	errno = 0;
	n = SSL_read(s->ssl, at, (int)want);
	if (n <= 0) {
		wait_or_end(s, n, &wants_read, &s->wants_write);
		return false;
	}
	buf_commit(&s->in, (size_t)n);
	*total += (size_t)n;
	return deliver(s);
}

static void read_all(struct stream *s)
{
	size_t total = 0;

	s->wants_write = false;
	s->write_wants_read = false;
	while (total < READ_AT_ONCE_BYTES && read_record(s, &total))
		;
	if (s->state != OPEN)
		return;
	/* An idle connection should cost no buffer. */
	if (buf_len(&s->in) == 0)
		buf_fini(&s->in);
	/* What OpenSSL has decrypted already does not make the socket ready. */
	if (SSL_pending(s->ssl) > 0)
		loop_later(s->loop, &s->later, run_later);
}

/* Sends what is queued, as far as the socket takes it. */
static void flush(struct stream *s)
{
	size_t total = 0;

	while (buf_len(&s->out) && total < WRITE_AT_ONCE_BYTES) {
		size_t want = buf_len(&s->out) < RECORD_BYTES ? buf_len(&s->out) : RECORD_BYTES;
		int n;

		ERR_clear_error();
		errno = 0;
		n = SSL_write(s->ssl, buf_data(&s->out), (int)want);
		if (n <= 0) {
			bool wants_write;

			/* That it waits for room shows in `out`, which is not empty. */
			wait_or_end(s, n, &s->write_wants_read, &wants_write);
			return;
		}
		buf_consume(&s->out, (size_t)n);
		total += (size_t)n;
		if (!buf_len(&s->out) && s->state == OPEN && s->ev->drained) {
			s->ev->drained(s, s->arg);
			if (s->state != OPEN)
				return;
		}
	}
}

/* FINISHING: the queue, then close_notify, then the end of our side of the connection. */
static void finish(struct stream *s)
{
	int n;

	flush(s);
	if (s->state != FINISHING || buf_len(&s->out))
		return;
	s->wants_write = false;
	ERR_clear_error();
	errno = 0;
	n = SSL_shutdown(s->ssl);
	if (n < 0) {
		wait_or_end(s, n, &s->write_wants_read, &s->wants_write);
		return;
	}
	if (n > 0) {
		end(s, ERR_CLOSED, "closed");
		return;
	}
	shutdown(s->io.fd, SHUT_WR);
	move(s, LINGERING);
}

/* LINGERING: throws away what still comes until the other side closes, too. */
static void drain(struct stream *s)
{
	uint8_t scrap[4096];
	ssize_t n = 1;

	for (size_t i = 0; n > 0 && i < READ_AT_ONCE_BYTES / sizeof(scrap); i++)
		n = recv(s->io.fd, scrap, sizeof(scrap), MSG_DONTWAIT);
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		end(s, ERR_CLOSED, "closed");
}

static void shake_hands(struct stream *s)
{
	struct public_key peer;
	const char *why;
	bool wants_read;
	int n;
	enum err e;

	s->wants_write = false;
	ERR_clear_error();
	errno = 0;
	n = SSL_do_handshake(s->ssl);
	if (n <= 0) {
		wait_or_end(s, n, &wants_read, &s->wants_write);
		return;
	}
	e = stream_identity_peer(s->ssl, &peer, &why);
	if (e) {
		end(s, e, why);
		return;
	}
	move(s, OPEN);
	timer_disarm(loop_timers(s->loop), &s->deadline);
	s->ev->opened(s, s->arg, &peer);
	if (s->state == OPEN && (buf_len(&s->out) || SSL_pending(s->ssl) > 0))
		loop_later(s->loop, &s->later, run_later);
}

static void get_local(struct stream *s)
{
	struct sockaddr_storage ss = { 0 };
	socklen_t n = sizeof(ss);

	/* Only for showing: without an answer it stays "none". */
	if (getsockname(s->io.fd, (struct sockaddr *)&ss, &n) != 0 ||
	    endpoint_from_sockaddr(&ss, n, &s->local))
		s->local = (struct endpoint){ 0 };
}

/* The conversation has come to `e`. */
static void asked(struct stream *s, enum err e)
{
	if (e == ERR_AGAIN)
		return;
	if (e) {
		snprintf(s->why, sizeof(s->why), "%s",
			 s->asking->talk.why[0] ? s->asking->talk.why : err_str(e));
		end(s, e == ERR_AUTH || e == ERR_DENIED ? ERR_DENIED : e, s->why);
		return;
	}
	asking_free(s->asking);
	s->asking = NULL;
	move(s, HANDSHAKE);
	shake_hands(s);
}

static void begin_asking(struct stream *s)
{
	struct asking *a = s->asking;
	enum err e = proxy_talk_begin(&a->talk, &a->proxy, a->host, a->port, &a->out);

	move(s, ASKING);
	asked(s, e ? e : ERR_AGAIN);
}

/* What the proxy has said. Nothing of the other side can be behind it: TLS's client speaks first.
 */
static void hear_proxy(struct stream *s)
{
	struct asking *a = s->asking;
	uint8_t scrap[1024];
	ssize_t n = recv(s->io.fd, scrap, sizeof(scrap), MSG_DONTWAIT);
	enum err e;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0) {
		end_errno(s, errno);
		return;
	}
	if (n == 0) {
		end(s, ERR_IO, "the proxy hung up");
		return;
	}
	e = buf_put(&a->in, scrap, (size_t)n);
	asked(s, e ? e : proxy_talk_take(&a->talk, &a->in, &a->out));
}

/* ASKING: one step of the conversation. */
static void ask_proxy(struct stream *s, uint32_t events)
{
	struct asking *a = s->asking;
	ssize_t n;

	if (events & (EPOLLIN | EPOLLHUP | EPOLLERR))
		hear_proxy(s);
	if (s->state != ASKING || !buf_len(&a->out))
		return;
	n = send(s->io.fd, buf_data(&a->out), buf_len(&a->out), MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n >= 0)
		buf_consume(&a->out, (size_t)n);
	else if (errno != EAGAIN && errno != EINTR)
		end_errno(s, errno);
}

/* CONNECTING: the kernel has an answer. */
static void connected(struct stream *s)
{
	int errnum = 0;
	socklen_t n = sizeof(errnum);

	if (getsockopt(s->io.fd, SOL_SOCKET, SO_ERROR, &errnum, &n) != 0)
		errnum = errno;
	if (errnum) {
		end_errno(s, errnum);
		return;
	}
	get_local(s);
	if (s->asking) {
		begin_asking(s);
		return;
	}
	move(s, HANDSHAKE);
	shake_hands(s);
}

/* Does whatever can be done now. `events` is 0 when it was put off by loop_later(). */
static void step(struct stream *s, uint32_t events)
{
	enter(s);
	switch (s->state) {
	case CONNECTING:
		if (events)
			connected(s);
		break;
	case ASKING:
		if (events)
			ask_proxy(s, events);
		break;
	case HANDSHAKE:
		if (events)
			shake_hands(s);
		break;
	case OPEN:
		if (events & (EPOLLIN | EPOLLHUP | EPOLLERR) || s->wants_write ||
		    SSL_pending(s->ssl) > 0)
			read_all(s);
		if (s->state == OPEN)
			flush(s);
		break;
	case FINISHING:
		finish(s);
		break;
	case LINGERING:
		drain(s);
		break;
	case DEAD:
		break;
	}
	update_events(s);
	leave(s);
}

static void io_ready(struct loop_fd *f, uint32_t events)
{
	struct stream *s = container_of(f, struct stream, io);

	/* It has been told to end, and does so at the end of this round. */
	if (!s->finish_early)
		step(s, events);
}

static void run_later(struct loop_later *l)
{
	struct stream *s = container_of(l, struct stream, later);

	if (!s->finish_early) {
		step(s, 0);
		return;
	}
	enter(s);
	end(s, ERR_CLOSED, "closed before it was open");
	leave(s);
}

static void deadline_passed(struct timer *t, uint64_t now_ms)
{
	struct stream *s = container_of(t, struct stream, deadline);

	(void)now_ms;
	enter(s);
	switch (s->state) {
	case CONNECTING:
		end(s, ERR_TIMEOUT, "no answer to the connection attempt");
		break;
	case ASKING:
		end(s, ERR_TIMEOUT, "the proxy took too long");
		break;
	case HANDSHAKE:
		end(s, ERR_TIMEOUT, "the TLS handshake took too long");
		break;
	case FINISHING:
		end(s, ERR_CLOSED, "closed before the other side had taken everything");
		break;
	default:
		end(s, ERR_CLOSED, "closed");
		break;
	}
	leave(s);
}

/* What both ways of getting a stream share. Takes over `fd`, also on failure. */
static enum err stream_new(struct loop *l, struct stream_identity *id, int fd, bool server,
			   struct stream *with, struct stream **out)
{
	struct stream *s = calloc(1, sizeof(*s));
	int on = 1;
	enum err e = ERR_NOMEM;

	if (!s)
		goto out;
	*s = *with;
	s->loop = l;
	s->state = server ? HANDSHAKE : CONNECTING;
	s->io.fd = -1;
	s->ssl = stream_identity_ssl(id, server);
	if (!s->ssl || SSL_set_fd(s->ssl, fd) != 1)
		goto out;
	/* Frames are small and wait for no others; a peer that vanished is found by the kernel in
	 * the end. */
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	e = loop_fd_add(l, &s->io, fd, server ? EPOLLIN : EPOLLOUT, io_ready);
	if (e)
		goto out;
	buf_init(&s->in, s->limits.in_bytes);
	buf_init(&s->out, s->limits.out_bytes);
	s->deadline.fire = deadline_passed;
	timer_arm(loop_timers(l), &s->deadline, loop_now_ms(l) + s->limits.handshake_ms);
	*out = s;
	return ERR_OK;
out:
	if (s)
		SSL_free(s->ssl);
	free(s);
	close(fd);
	ERR_clear_error();
	return e;
}

/* Begins to dial; takes over `asking`, also on failure. */
static enum err dial(struct loop *l, struct stream_identity *id, const struct endpoint *to,
		     struct stream *with, struct stream **out)
{
	struct sockaddr_storage ss;
	socklen_t n = endpoint_to_sockaddr(to, &ss);
	enum err e = ERR_INVALID;
	int fd = -1;

	if (ss.ss_family == AF_UNSPEC || to->port == 0)
		goto out;
	fd = stream_identity_socket(id, ss.ss_family);
	if (fd < 0 || (connect(fd, (struct sockaddr *)&ss, n) != 0 && errno != EINPROGRESS)) {
		e = err_from_errno(errno);
		goto out;
	}
	with->remote = *to;
	e = stream_new(l, id, fd, false, with, out);
	fd = -1;
out:
	if (e)
		asking_free(with->asking);
	if (fd >= 0)
		close(fd);
	return e;
}

enum err stream_connect(struct loop *l, struct stream_identity *id, const struct endpoint *to,
			const struct stream_limits *limits, const struct stream_events *ev,
			void *arg, struct stream **out)
{
	struct stream with = { .limits = *limits, .ev = ev, .arg = arg };

	return dial(l, id, to, &with, out);
}

enum err stream_connect_via(struct loop *l, struct stream_identity *id, const struct endpoint *at,
			    const struct proxy *via, const char *host, uint16_t port,
			    const struct stream_limits *limits, const struct stream_events *ev,
			    void *arg, struct stream **out)
{
	struct stream with = { .limits = *limits, .ev = ev, .arg = arg };

	with.asking = calloc(1, sizeof(*with.asking));
	if (!with.asking)
		return ERR_NOMEM;
	with.asking->proxy = *via;
	snprintf(with.asking->host, sizeof(with.asking->host), "%s", host);
	with.asking->port = port;
	buf_init(&with.asking->in, PROXY_REPLY_MAX_BYTES);
	buf_init(&with.asking->out, PROXY_REQUEST_MAX_BYTES);
	return dial(l, id, at, &with, out);
}

enum err stream_accept(struct loop *l, struct stream_identity *id, int fd,
		       const struct stream_limits *limits, const struct stream_events *ev,
		       void *arg, struct stream **out)
{
	struct stream with = { .limits = *limits, .ev = ev, .arg = arg };
	struct sockaddr_storage ss = { 0 };
	socklen_t n = sizeof(ss);
	int flags = fcntl(fd, F_GETFL);
	enum err e;

	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0 ||
	    getpeername(fd, (struct sockaddr *)&ss, &n) != 0)
		e = err_from_errno(errno);
	else
		e = endpoint_from_sockaddr(&ss, n, &with.remote);
	if (e) {
		close(fd);
		return e;
	}
	e = stream_new(l, id, fd, true, &with, out);
	if (!e)
		get_local(*out);
	return e;
}

enum err stream_send(struct stream *s, const void *p, size_t n)
{
	enum err e;

	if (s->state > OPEN || s->finish_early)
		return ERR_CLOSED;
	e = buf_put(&s->out, p, n);
	/* Put off to the end of the round, so that several small messages become one record. */
	if (!e && s->state == OPEN)
		loop_later(s->loop, &s->later, run_later);
	return e;
}

void stream_finish(struct stream *s)
{
	if (s->state > OPEN || s->finish_early)
		return;
	if (s->state == OPEN) {
		move(s, FINISHING);
		timer_arm(loop_timers(s->loop), &s->deadline, loop_now_ms(s->loop) + FINISH_MS);
		update_events(s);
	} else {
		s->finish_early = true;
	}
	loop_later(s->loop, &s->later, run_later);
}

void stream_close(struct stream *s)
{
	if (!s || s->state == DEAD)
		return;
	enter(s);
	/* A goodbye if the socket takes it, so that the other side can tell this from a cut line.
	 */
	if (s->state == OPEN) {
		ERR_clear_error();
		SSL_shutdown(s->ssl);
		ERR_clear_error();
	}
	release(s);
	leave(s);
}

size_t stream_queued(const struct stream *s) { return buf_len(&s->out); }

const struct endpoint *stream_remote(const struct stream *s) { return &s->remote; }

const struct endpoint *stream_local(const struct stream *s) { return &s->local; }

void stream_keep_short(struct stream *s, unsigned unsent_bytes, unsigned stuck_ms)
{
	if (s->state == DEAD)
		return;
	setsockopt(s->io.fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent_bytes, sizeof(unsent_bytes));
	setsockopt(s->io.fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &stuck_ms, sizeof(stuck_ms));
}
