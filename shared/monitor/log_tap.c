/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/monitor/log_tap.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "shared/base/clock.h"
#include "shared/ipc/monitor_msg.h"

/* --- a line --- */

/* A number of at most `max`, and the blank behind it. */
static bool take_number(const char **s, uint64_t max, uint64_t *out)
{
	const char *p = *s;
	uint64_t n = 0;

	if (*p < '0' || *p > '9')
		return false;
	for (; *p >= '0' && *p <= '9'; p++) {
		const uint64_t digit = (uint64_t)(*p - '0');

		if (digit > max || n > (max - digit) / 10)
			return false;
		n = n * 10 + digit;
	}
	if (*p != ' ')
		return false;
	*s = p + 1;
	*out = n;
	return true;
}

static void copy_clean(char *out, size_t size, const char *s, size_t n)
{
	if (n > size - 1)
		n = size - 1;
	for (size_t i = 0; i < n; i++)
		out[i] = (unsigned char)s[i] < 0x20 || s[i] == 0x7f ? '?' : s[i];
	out[n] = '\0';
}

enum err log_line_decode(const void *p, size_t n, struct log_line *out)
{
	char mem[LOG_TAP_MAX_BYTES + 1];
	const char *s = mem, *end;
	uint64_t level, prio, at_ms;

	if (n > LOG_TAP_MAX_BYTES)
		return ERR_TOOBIG;
	memcpy(mem, p, n);
	mem[n] = '\0';
	end = memchr(mem, '\n', n);
	if (!end || !take_number(&s, LOG_LEVEL_MAX, &level) ||
	    !take_number(&s, LOG_PRIO_DEBUG, &prio) || !take_number(&s, INT64_MAX, &out->lost) ||
	    !take_number(&s, INT64_MAX, &at_ms) || prio < LOG_PRIO_ERROR || s > end)
		return ERR_INVALID;
	out->level = (int)level;
	out->prio = (enum log_priority)prio;
	out->at_ms = (int64_t)at_ms;
	copy_clean(out->process, sizeof(out->process), s, (size_t)(end - s));
	copy_clean(out->text, sizeof(out->text), end + 1, n - (size_t)(end + 1 - mem));
	return ERR_OK;
}

/* What is no UTF-8 is shown without its bytes above 127. */
static json_t *text_json(const char *s)
{
	json_t *j = json_string(s);
	char *plain;

	if (j)
		return j;
	plain = strdup(s);
	for (char *p = plain; p && *p; p++)
		if ((unsigned char)*p > 0x7f)
			*p = '?';
	j = plain ? json_string(plain) : NULL;
	free(plain);
	return j;
}

json_t *log_line_json(const struct log_line *l, uint64_t lost)
{
	char at[CLOCK_RFC3339_SIZE];

	return json_pack("{s:s, s:i, s:i, s:o, s:o, s:I}", "at", clock_format_rfc3339(l->at_ms, at),
			 "level", l->level, "priority", (int)l->prio, "process",
			 text_json(l->process), "text", text_json(l->text), "lost",
			 (json_int_t)((l->lost + lost) & INT64_MAX));
}

/* --- the reading end --- */

static void close_tap(struct log_tap *t)
{
	int fd = t->io.fd;

	if (fd < 0)
		return;
	loop_fd_del(t->loop, &t->io);
	close(fd);
}

static void ready(struct loop_fd *f, uint32_t events)
{
	struct log_tap *t = container_of(f, struct log_tap, io);
	char mem[LOG_TAP_MAX_BYTES];
	struct log_line l;

	(void)events;
	for (unsigned i = 0; i < LOG_TAP_PER_ROUND && t->io.fd >= 0; i++) {
		ssize_t n = recv(f->fd, mem, sizeof(mem), MSG_DONTWAIT);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n <= 0) {
			close_tap(t);
			return;
		}
		if (t->level >= 0 && log_line_decode(mem, (size_t)n, &l) == ERR_OK)
			t->line(t, &l);
	}
}

void log_tap_init(struct log_tap *t, struct loop *loop, struct channel **monitor,
		  void (*line)(struct log_tap *t, const struct log_line *l))
{
	*t = (struct log_tap){
		.loop = loop, .monitor = monitor, .io.fd = -1, .level = -1, .line = line
	};
}

void log_tap_fini(struct log_tap *t)
{
	if (!t->loop)
		return;
	log_tap_want(t, -1);
	close_tap(t);
}

void log_tap_want(struct log_tap *t, int level)
{
	const struct monitor_log_tap m = { .level = level, .anew = t->level < 0 };
	uint8_t mem[8];
	struct cursor c;

	if (level == t->level)
		return;
	t->level = level;
	if (level < 0)
		close_tap(t);
	cursor_init_write(&c, mem, sizeof(mem));
	monitor_log_tap_encode(&m, &c);
	if (!*t->monitor ||
	    channel_send(*t->monitor, MONITOR_LOG_TAP, mem, cursor_pos(&c), -1) != ERR_OK)
		log_debug(3, "the monitor was not told who follows the log");
}

enum err log_tap_take(struct log_tap *t, int fd)
{
	enum err e;

	/* Nobody wants it any more. */
	if (fd < 0 || t->level < 0) {
		if (fd >= 0)
			close(fd);
		return fd < 0 ? ERR_INVALID : ERR_OK;
	}
	close_tap(t);
	e = loop_fd_add(t->loop, &t->io, fd, EPOLLIN, ready);
	if (e)
		close(fd);
	return e;
}
