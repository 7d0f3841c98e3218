/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "spoke/cli/request.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "shared/base/clock.h"

/*
 * connect() to a daemon that accepts nobody, and whose queue is full, waits for ever, as does
 * send(): both go by this limit.
 */
static enum err limit_sending(int fd, unsigned timeout_ms)
{
	struct timeval tv = { .tv_sec = timeout_ms / 1000, .tv_usec = timeout_ms % 1000 * 1000 };

	return setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv)) ? err_from_errno(errno)
									: ERR_OK;
}

enum err request_open(struct request *r, const char *socket_path, unsigned timeout_ms)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	enum err e;

	r->fd = -1;
	buf_init(&r->in, REQUEST_LINE_MAX_BYTES);
	if (strlen(socket_path) >= sizeof(sa.sun_path))
		return ERR_TOOBIG;
	memcpy(sa.sun_path, socket_path, strlen(socket_path));
	r->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (r->fd < 0)
		return err_from_errno(errno);
	e = limit_sending(r->fd, timeout_ms);
	if (e)
		return e;
	if (connect(r->fd, (const struct sockaddr *)&sa, sizeof(sa)) == 0)
		return ERR_OK;
	if (errno == EACCES || errno == EPERM)
		return ERR_DENIED;
	if (errno == EAGAIN)
		return ERR_TIMEOUT;
	return errno == ENOENT ? ERR_NOTFOUND : ERR_CLOSED;
}

void request_close(struct request *r)
{
	if (r->fd >= 0)
		close(r->fd);
	r->fd = -1;
	buf_fini(&r->in);
}

enum err request_send(struct request *r, json_t *j)
{
	char *text = j ? json_dumps(j, JSON_COMPACT) : NULL;
	size_t done = 0, len;
	enum err e = ERR_OK;
	struct buf line;

	json_decref(j);
	if (!text)
		return ERR_NOMEM;
	buf_init(&line, REQUEST_LINE_MAX_BYTES);
	e = buf_printf(&line, "%s\n", text);
	free(text);
	for (len = buf_len(&line); e == ERR_OK && done < len;) {
		ssize_t n = send(r->fd, buf_data(&line) + done, len - done, MSG_NOSIGNAL);

		if (n > 0)
			done += (size_t)n;
		else if (errno == EPIPE || errno == ECONNRESET)
			break;
		else if (errno != EINTR)
			e = errno == EAGAIN ? ERR_TIMEOUT : ERR_CLOSED;
	}
	buf_fini(&line);
	return e;
}

/* Takes the first whole line off the buffer. ERR_AGAIN: there is none yet. */
static enum err take_line(struct request *r, json_t **out)
{
	const uint8_t *p = buf_data(&r->in), *end = memchr(p, '\n', buf_len(&r->in));

	if (!end)
		return ERR_AGAIN;
	*out = json_loadb((const char *)p, (size_t)(end - p), 0, NULL);
	buf_consume(&r->in, (size_t)(end - p) + 1);
	return *out ? ERR_OK : ERR_INVALID;
}

static enum err read_some(struct request *r, uint64_t deadline_ms)
{
	struct pollfd p = { .fd = r->fd, .events = POLLIN };
	uint64_t now_ms = clock_now_ms();
	char chunk[8192];
	ssize_t n;

	if (now_ms >= deadline_ms || poll(&p, 1, (int)(deadline_ms - now_ms)) == 0)
		return ERR_TIMEOUT;
	n = recv(r->fd, chunk, sizeof(chunk), MSG_DONTWAIT);
	if (n < 0)
		return errno == EINTR || errno == EAGAIN ? ERR_OK : ERR_CLOSED;
	return n == 0 ? ERR_CLOSED : buf_put(&r->in, chunk, (size_t)n);
}

enum err request_read(struct request *r, unsigned timeout_ms, json_t **out)
{
	uint64_t deadline_ms = clock_now_ms() + timeout_ms;
	enum err e;

	while ((e = take_line(r, out)) == ERR_AGAIN) {
		e = read_some(r, deadline_ms);
		if (e)
			return e;
	}
	return e;
}
