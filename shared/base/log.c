/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shared/base/clock.h"

#define LOG_LINE_MAX_BYTES 2048u /* with its newline; longer lines are cut and end in "..." */

/* The log of this process. It belongs to the process as standard error does, hence the one static
 * here. */
static struct {
	const char *program;
	int level;
	int fd;
	char *path; /* NULL: standard error */
	bool journal;
	uint64_t suppressed; /* lines that log_allowed() held back, to be told with the next line */
	int tap_fd;          /* -1: nobody follows */
	int tap_level;       /* -1 without */
	uint64_t tap_lost;   /* lines that did not fit, to be told with the next one */
} state = { .program = "branchline", .fd = STDERR_FILENO, .tap_fd = -1, .tap_level = -1 };

/* sd-daemon(3): JOURNAL_STREAM is "device:inode" of the stream; it counts only when that still is
 * standard error. */
static bool stderr_is_journal(void)
{
	const char *s = getenv("JOURNAL_STREAM");
	uintmax_t dev, ino;
	struct stat st;

	if (!s || sscanf(s, "%ju:%ju", &dev, &ino) != 2 || fstat(STDERR_FILENO, &st) != 0)
		return false;
	return st.st_dev == dev && st.st_ino == ino;
}

/*
 * The monitor opens the log as root, in a folder that belongs to the user of the workers. So the
 * name must not lead elsewhere: no symbolic link, no second name of another file, no pipe to hang
 * on.
 */
static int open_file(const char *path)
{
	struct stat st;
	int fd =
		open(path,
		     O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW | O_NONBLOCK,
		     0640);

	if (fd < 0)
		return -1;
	if (fstat(fd, &st) == 0 && !(S_ISREG(st.st_mode) && st.st_nlink > 1))
		return fd;
	close(fd);
	errno = EMLINK;
	return -1;
}

/* Gives back what a former log_open() took. */
static void close_file(void)
{
	if (state.fd != STDERR_FILENO)
		close(state.fd);
	free(state.path);
	state.fd = STDERR_FILENO;
	state.path = NULL;
}

bool log_open(const char *program, int level, const char *path)
{
	char *copy = NULL;
	int fd = STDERR_FILENO;

	if (path) {
		copy = strdup(path);
		fd = copy ? open_file(path) : -1;
		if (fd < 0) {
			free(copy);
			return false;
		}
	}
	close_file();
	state.fd = fd;
	state.path = copy;
	state.journal = !path && stderr_is_journal();
	state.program = program;
	log_set_level(level);
	return true;
}

void log_rename(const char *program) { state.program = program; }

void log_set_level(int level) { state.level = level < 0 ? 0 : level > 5 ? 5 : level; }

int log_level(void) { return state.level; }

bool log_wants(int level) { return level <= state.level || level <= state.tap_level; }

void log_tap(int fd, int level)
{
	if ((fd >= 0 || level < 0) && state.tap_fd >= 0) {
		close(state.tap_fd);
		state.tap_fd = -1;
		state.tap_lost = 0;
	}
	if (fd >= 0 && level < 0)
		close(fd);
	else if (fd >= 0)
		state.tap_fd = fd;
	state.tap_level = state.tap_fd < 0 ? -1 : level > LOG_LEVEL_MAX ? LOG_LEVEL_MAX : level;
}

int log_tap_fd(void) { return state.tap_fd; }

/* When the file cannot be opened any more the old one stays in use: a log in the wrong place beats
 * none. */
void log_reopen(void)
{
	int fd;

	if (!state.path)
		return;
	fd = open_file(state.path);
	if (fd < 0) {
		log_error("cannot open %s again: %s", state.path, strerror(errno));
		return;
	}
	close(state.fd);
	state.fd = fd;
}

int log_fd(void) { return state.fd; }

/*
 * The bucket is kept as one moment, as in the generic cell rate algorithm (ITU-T I.371 annex A):
 * `next_ms` is when it will be full again, and a line may pass when that is at most burst - 1
 * intervals ahead.
 */
bool log_allowed(struct log_limit *l)
{
	uint64_t now = clock_now_ms();
	uint64_t full = l->next_ms > now ? l->next_ms : now;
	uint64_t slack = (uint64_t)(l->burst ? l->burst - 1 : 0) * l->every_ms;

	if (full - now > slack) {
		l->suppressed++;
		return false;
	}
	l->next_ms = full + l->every_ms;
	state.suppressed += l->suppressed;
	l->suppressed = 0;
	return true;
}

/* What stands before the message: priority for the journal, or time, program and how bad it is. */
static size_t put_head(char *line, size_t size, enum log_priority prio)
{
	char when[CLOCK_RFC3339_SIZE];
	const char *mark = prio == LOG_PRIO_ERROR     ? "error: "
			   : prio == LOG_PRIO_WARNING ? "warning: "
						      : "";
	int n;

	if (state.journal)
		n = snprintf(line, size, "<%d>%s: ", (int)prio, state.program);
	else
		n = snprintf(line, size, "%s %s: %s", clock_format_rfc3339(clock_wall_ms(), when),
			     state.program, mark);
	return n < 0 ? 0 : (size_t)n >= size ? size - 1 : (size_t)n;
}

/* A message may quote what came from a stranger: nothing in it may start a line or drive a
 * terminal. */
static void clean(char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)s[i] < 0x20 || s[i] == 0x7f)
			s[i] = '?';
}

/* Appends to the line as far as there is room; returns the new length. */
static size_t put_text(char *line, size_t len, size_t size, const char *fmt, va_list ap)
	__attribute__((format(printf, 4, 0)));
static size_t put_text(char *line, size_t len, size_t size, const char *fmt, va_list ap)
{
	int n = vsnprintf(line + len, size - len, fmt, ap);

	if (n < 0)
		return len;
	if ((size_t)n < size - len)
		return len + (size_t)n;
	memcpy(line + size - 4, "...", 3);
	return size - 1;
}

static size_t put_suppressed(char *line, size_t len, size_t size, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
static size_t put_suppressed(char *line, size_t len, size_t size, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	len = put_text(line, len, size, fmt, ap);
	va_end(ap);
	return len;
}

/* To who follows the log: at once, or not at all. */
static void write_tap(int level, enum log_priority prio, const char *text, size_t n)
{
	char out[LOG_TAP_MAX_BYTES];
	int head = snprintf(out, sizeof(out), "%d %d %" PRIu64 " %" PRId64 " %s\n", level,
			    (int)prio, state.tap_lost, clock_wall_ms(), state.program);

	if (head < 0 || (size_t)head >= sizeof(out))
		return;
	if (n > sizeof(out) - (size_t)head)
		n = sizeof(out) - (size_t)head;
	memcpy(out + head, text, n);
	if (send(state.tap_fd, out, (size_t)head + n, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
		state.tap_lost = 0;
	else if (errno == EAGAIN || errno == EINTR || errno == ENOBUFS)
		state.tap_lost++;
	else
		log_tap(-1, -1);
}

void log_write(int level, enum log_priority prio, const char *fmt, ...)
{
	char line[LOG_LINE_MAX_BYTES];
	int saved = errno;
	const size_t head = put_head(line, sizeof(line) - 64, prio);
	size_t len = head;
	ssize_t written;
	va_list ap;

	/* The message may not take the room (64 bytes) that is kept for the count and the newline.
	 */
	va_start(ap, fmt);
	errno = saved;
	len = put_text(line, len, sizeof(line) - 64, fmt, ap);
	va_end(ap);
	if (state.suppressed && level <= state.level) {
		len = put_suppressed(line, len, sizeof(line) - 1,
				     " (%" PRIu64 " more like this were suppressed)",
				     state.suppressed);
		state.suppressed = 0;
	}
	clean(line, len);
	if (level <= state.tap_level)
		write_tap(level, prio, line + head, len - head);
	line[len++] = '\n';
	/* One write, so that lines of several processes never mix. When even the log fails there is
	 * nobody to tell. */
	if (level <= state.level) {
		written = write(state.fd, line, len);
		(void)written;
	}
	errno = saved;
}
