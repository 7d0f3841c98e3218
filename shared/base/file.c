/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shared/base/secret.h"

#define READ_CHUNK_BYTES 65536u

/* Reads once more. ERR_CLOSED is the end of the file. One byte into nowhere tells a full buffer
 * from one that is too small. */
static enum err read_some(int fd, struct buf *out)
{
	size_t room = out->max - buf_len(out);
	size_t want = room < READ_CHUNK_BYTES ? room : READ_CHUNK_BYTES;
	uint8_t probe, *at = &probe;
	ssize_t n;
	enum err e;

	if (want > 0) {
		e = buf_reserve(out, want, &at);
		if (e)
			return e;
	}
	do
		n = read(fd, at, want ? want : 1);
	while (n < 0 && errno == EINTR);
	probe = 0;
	if (n < 0)
		return errno == EACCES || errno == EPERM ? ERR_DENIED : ERR_IO;
	if (n == 0)
		return ERR_CLOSED;
	if (want == 0)
		return ERR_TOOBIG;
	buf_commit(out, (size_t)n);
	return ERR_OK;
}

/* Appends all that is left of `fd`; on failure the buffer ends where it ended before. */
static enum err read_rest(int fd, struct buf *out)
{
	size_t before = buf_len(out);
	enum err e;

	do
		e = read_some(fd, out);
	while (e == ERR_OK);
	if (e == ERR_CLOSED)
		return ERR_OK;
	if (out->mem)
		secret_zero(out->mem + out->off + before, out->len - before);
	out->len = before;
	return e;
}

enum err file_read(const char *path, struct buf *out)
{
	/* O_NONBLOCK: opening a FIFO that nobody writes must not hang. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	enum err e;

	if (fd < 0)
		return err_from_errno(errno);
	e = read_rest(fd, out);
	close(fd);
	return e;
}

enum err file_read_secret(const char *path, struct buf *out)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | O_NOFOLLOW);
	struct stat st;
	enum err e;

	if (fd < 0)
		return err_from_errno(errno);
	if (fstat(fd, &st) != 0)
		e = ERR_IO;
	else if (!S_ISREG(st.st_mode) || (st.st_mode & 077) ||
		 (st.st_uid != 0 && st.st_uid != geteuid()))
		e = ERR_DENIED;
	else
		e = read_rest(fd, out);
	close(fd);
	return e;
}

static enum err write_all(int fd, const uint8_t *p, size_t n)
{
	while (n > 0) {
		ssize_t put = write(fd, p, n);

		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return err_from_errno(errno);
		p += put;
		n -= (size_t)put;
	}
	return ERR_OK;
}

/*
 * The name of the new file, "DIR/.NAME.XXXXXX" for mkostemp(). The leading dot keeps what a power
 * cut may leave behind from being taken for a file of its own (see name.h). `*dir_len` is the
 * length of "DIR/", 0 for the working folder.
 */
static enum err temporary_name(const char *path, char out[PATH_MAX], size_t *dir_len)
{
	const char *slash = strrchr(path, '/');
	size_t n = slash ? (size_t)(slash - path) + 1 : 0;
	int len;

	if (path[n] == 0)
		return ERR_INVALID;
	len = snprintf(out, PATH_MAX, "%.*s.%s.XXXXXX", (int)n, path, path + n);
	if (len < 0 || len >= PATH_MAX)
		return ERR_TOOBIG;
	*dir_len = n;
	return ERR_OK;
}

/* Makes a rename in this folder last. */
static enum err sync_dir(const char *path, size_t dir_len)
{
	char dir[PATH_MAX];
	int fd;
	enum err e = ERR_OK;

	snprintf(dir, sizeof(dir), "%.*s", (int)(dir_len ? dir_len : 1), dir_len ? path : ".");
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_from_errno(errno);
	if (fsync(fd) != 0)
		e = ERR_IO;
	close(fd);
	return e;
}

/* Mode, contents, and on the disk before it returns. Closes `fd`. */
static enum err fill(int fd, const void *p, size_t n, mode_t mode)
{
	enum err e = write_all(fd, p, n);

	if (!e && fchmod(fd, mode) != 0)
		e = err_from_errno(errno);
	if (!e && fsync(fd) != 0)
		e = err_from_errno(errno);
	if (close(fd) != 0 && !e)
		e = err_from_errno(errno);
	return e;
}

enum err file_write_atomic(const char *path, const void *p, size_t n, mode_t mode)
{
	char tmp[PATH_MAX];
	size_t dir_len;
	int fd;
	enum err e = temporary_name(path, tmp, &dir_len);

	if (e)
		return e;
	fd = mkostemp(tmp, O_CLOEXEC);
	if (fd < 0)
		return err_from_errno(errno);
	e = fill(fd, p, n, mode);
	if (!e && rename(tmp, path) != 0)
		e = err_from_errno(errno);
	if (e) {
		unlink(tmp);
		return e;
	}
	/* From here on the new file is in place; an error only says that a power cut might still
	 * bring back the old one. */
	return sync_dir(path, dir_len);
}

/* One folder. That somebody else makes it at the same moment is fine. */
static enum err make_one_dir(const char *path, mode_t mode, bool last)
{
	struct stat st;

	if (mkdir(path, mode) == 0)
		/* The umask may have taken bits from the mode that the caller asked for. */
		return last && chmod(path, mode) != 0 ? err_from_errno(errno) : ERR_OK;
	if (stat(path, &st) == 0)
		return S_ISDIR(st.st_mode) ? ERR_OK : ERR_EXISTS;
	return err_from_errno(errno);
}

enum err file_make_dir(const char *path, mode_t mode)
{
	char part[PATH_MAX];
	size_t n = strlen(path);
	enum err e;

	while (n > 1 && path[n - 1] == '/')
		n--;
	if (n == 0)
		return ERR_INVALID;
	if (n >= sizeof(part))
		return ERR_TOOBIG;
	memcpy(part, path, n);
	part[n] = 0;
	for (size_t i = 1; i < n; i++) {
		if (part[i] != '/' || part[i - 1] == '/')
			continue;
		part[i] = 0;
		e = make_one_dir(part, 0755, false);
		part[i] = '/';
		if (e)
			return e;
	}
	return make_one_dir(part, mode, true);
}

bool file_exists(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0;
}
