/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 *   connect --> CONNECTING --> HANDSHAKE --> OPEN --> FINISHING --> LINGERING
 *   accept  -------------------^   |           |          |             |
 *                  |               v           v          v             v
 *                  +----------> DEAD <---------+----------+-------------+
 *
 * FINISHING sends what is queued and close_notify; LINGERING waits for the other side to close, and throws away what it
 * still sends: closing with unread bytes would reset the connection, and the other side could lose our last words.
 *
 * Timers: one a stream. Trigger: connect or accept; delay: handshake_ms; action: end with ERR_TIMEOUT. It is disarmed when the
 * stream opens. Trigger: stream_finish(); delay: 2 s; action: end with ERR_CLOSED.
 *
 * Lifetime: whatever the loop calls is bracketed by enter() and leave(). A stream that dies inside gives back its socket
 * and TLS state at once, its memory when the outermost bracket closes. So an owner may close a stream from its own callbacks.
 */
#include "shared/loop/stream.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "shared/loop/stream_identity.h"

#define READ_AT_ONCE_BYTES 65536u	/* per readiness, so that one busy peer does not starve the others */
#define WRITE_AT_ONCE_BYTES 262144u	/* the same for sending */
#define RECORD_BYTES 16384u		/* RFC 8446 section 5.1 */
#define FINISH_MS 2000u

enum state { CONNECTING, HANDSHAKE, OPEN, FINISHING, LINGERING, DEAD };

/* One row a state: the states that may follow, as bits. */
static const unsigned allowed_moves[] = {
	[CONNECTING] = 1u << HANDSHAKE | 1u << DEAD,
	[HANDSHAKE] = 1u << OPEN | 1u << DEAD,
	[OPEN] = 1u << FINISHING | 1u << DEAD,
	[FINISHING] = 1u << LINGERING | 1u << DEAD,
	[LINGERING] = 1u << DEAD,
	[DEAD] = 0,
};

struct stream {
	struct loop *loop;
	struct loop_fd io;
	struct timer deadline;
	struct loop_later later;	/* send what was queued, read what OpenSSL still holds, or end */
	enum state state;
	unsigned entered;		/* depth of enter() */
	bool read_wants_write;		/* OpenSSL must send before it can go on reading */
	bool write_wants_read;
	bool finish_early;		/* stream_finish() before the stream was open */
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

static void enter(struct stream *s)
{
	s->entered++;
}

/* Closes the bracket; the last one frees a dead stream. */
static void leave(struct stream *s)
{
	if (--s->entered > 0 || s->state != DEAD)
		return;
	buf_fini(&s->in);
	free(s);
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
	close(fd);
	buf_fini(&s->out);
}

/* The end that was not asked for by stream_close(): the owner is told, once. Only inside enter() and leave(). */
static void end(struct stream *s, enum err e, const char *why)
{
	bool finishing = s->state == FINISHING || s->state == LINGERING;

	if (s->state == DEAD)
		return;
	release(s);
	/* An owner that is done with the stream hears of one end only. */
	s->ev->closed(s, s->arg, finishing ? ERR_CLOSED : e, why);
}

/* An errno value as a phrase: strerror()'s text, which begins with a capital. */
static void end_errno(struct stream *s, int errnum, const char *doing)
{
	const char *text = strerror(errnum);
	int n = snprintf(s->why, sizeof(s->why), "%s", doing);

	if (n > 0 && (size_t)n < sizeof(s->why))
		snprintf(s->why + n, sizeof(s->why) - (size_t)n, "%c%s", text[0] >= 'A' && text[0] <= 'Z' ? text[0] + 32 : text[0],
			 text[0] ? text + 1 : "");
	end(s, errnum == ETIMEDOUT ? ERR_TIMEOUT : ERR_IO, s->why);
}

/* Ends with what OpenSSL put into its error queue. An alert of the other side is told apart from what we found ourselves. */
static void end_tls(struct stream *s)
{
	unsigned long code = ERR_peek_error();
	const char *reason = ERR_reason_error_string(code), *alert;

	if (ERR_GET_LIB(code) == ERR_LIB_SSL && ERR_GET_REASON(code) == SSL_R_UNEXPECTED_EOF_WHILE_READING) {
		ERR_clear_error();
		end(s, ERR_IO, s->state == HANDSHAKE ? "the other side hung up during the TLS handshake" :
						       "the other side hung up without a goodbye");
		return;
	}
	alert = reason ? strstr(reason, "alert ") : NULL;
	if (alert)
		snprintf(s->why, sizeof(s->why), "TLS: refused by the other side: %s", alert + strlen("alert "));
	else
		snprintf(s->why, sizeof(s->why), "TLS: %s", reason ? reason : "failed");
	ERR_clear_error();
	end(s, ERR_AUTH, s->why);
}

/*
 * Looks at a failed OpenSSL call. True when it only has to wait, and then sets `*wants_read` and `*wants_write`; otherwise the
 * stream has ended. errno must be that of the call.
 */
static bool must_wait(struct stream *s, int ret, bool *wants_read, bool *wants_write)
{
	int errnum = errno;

	switch (SSL_get_error(s->ssl, ret)) {
	case SSL_ERROR_WANT_READ:
		*wants_read = true;
		return true;
	case SSL_ERROR_WANT_WRITE:
		*wants_write = true;
		return true;
	case SSL_ERROR_ZERO_RETURN:
		/* Its goodbye is answered by ours; whether that still arrives is of no interest. */
		SSL_shutdown(s->ssl);
		end(s, ERR_CLOSED, "closed by the other side");
		return false;
	case SSL_ERROR_SYSCALL:
		end_errno(s, errnum ? errnum : EPIPE, "");
		return false;
	default:
		end_tls(s);
		return false;
	}
}

/* Waits for what the state needs; one place for all, called at the end of every step. */
static void update_events(struct stream *s)
{
	uint32_t events = EPOLLIN;

	if (s->state == DEAD)
		return;
	if (s->state == CONNECTING)
		events = EPOLLOUT;
	else if (s->read_wants_write || (s->state != HANDSHAKE && s->state != LINGERING && buf_len(&s->out) && !s->write_wants_read))
		events |= EPOLLOUT;
	/* While it only gets rid of what is queued nothing is read, so readable bytes must not wake it without end. */
	if (s->state == FINISHING && !s->write_wants_read)
		events &= ~(uint32_t)EPOLLIN;
	loop_fd_events(s->loop, &s->io, events);
}

static void run_later(struct loop_later *l);

/* Hands the owner what came. False when the stream is over. */
static bool deliver(struct stream *s)
{
	if (s->state == OPEN && buf_len(&s->in))
		s->ev->received(s, s->arg, &s->in);
	if (s->state != OPEN)
		return false;
	if (buf_len(&s->in) >= s->limits.in_bytes) {
		end(s, ERR_TOOBIG, "the other side sent a message that is too large");
		return false;
	}
	/* An idle connection should cost no buffer. */
	if (buf_len(&s->in) == 0)
		buf_fini(&s->in);
	return true;
}

/* Reads one record's worth. Returns how much came, 0 when there is nothing now or the stream ended. */
static size_t read_some(struct stream *s)
{
	size_t room = s->limits.in_bytes - buf_len(&s->in);
	size_t want = room < RECORD_BYTES ? room : RECORD_BYTES;
	bool wants_read = false;
	uint8_t *at;
	int n;

	if (buf_reserve(&s->in, want, &at)) {
		end(s, ERR_NOMEM, err_str(ERR_NOMEM));
		return 0;
	}
	s->read_wants_write = false;
	ERR_clear_error();
	errno = 0;
	n = SSL_read(s->ssl, at, (int)want);
	if (n > 0) {
		buf_commit(&s->in, (size_t)n);
		return (size_t)n;
	}
	/* What came before the end still counts: the owner gets it first, then the end (the error stays in OpenSSL). */
	if (SSL_get_error(s->ssl, n) != SSL_ERROR_WANT_READ && SSL_get_error(s->ssl, n) != SSL_ERROR_WANT_WRITE) {
		int errnum = errno;
		unsigned long pending = ERR_peek_error();

		if (buf_len(&s->in) && !pending && errnum == 0 && !deliver(s))
			return 0;
		errno = errnum;
	}
	must_wait(s, n, &wants_read, &s->read_wants_write);
	return 0;
}
