/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/monitor/pidfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shared/base/file.h"
#include "shared/base/paths.h"

#define TRIES 8 /* each lost to a daemon that removed its file between our open() and flock() */

static pid_t read_pid(int fd)
{
	char text[24] = "";
	char *end;
	long pid;
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);

	if (n <= 0)
		return 0;
	pid = strtol(text, &end, 10);
	return end == text || pid < 1 || pid > 4194304 ? 0 : (pid_t)pid;
}

static bool is_still_at(int fd, const char *path)
{
	struct stat mine, there;

	return fstat(fd, &mine) == 0 && stat(path, &there) == 0 && mine.st_ino == there.st_ino &&
	       mine.st_dev == there.st_dev;
}

/*
 * Opens and locks; the file may have been unlinked by its owner before we got the lock: then
 * ERR_AGAIN.
 */
static enum err lock(const char *path, int *out, pid_t *other)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY, 0644);
	enum err e = ERR_AGAIN;

	if (fd < 0)
		return err_from_errno(errno);
	if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		e = errno == EWOULDBLOCK ? ERR_BUSY : err_from_errno(errno);
		*other = read_pid(fd);
	} else if (is_still_at(fd, path)) {
		*out = fd;
		return ERR_OK;
	}
	close(fd);
	return e;
}

static enum err write_pid(int fd)
{
	char text[24];
	int n = snprintf(text, sizeof(text), "%ld\n", (long)getpid());

	if (ftruncate(fd, 0) != 0 || pwrite(fd, text, (size_t)n, 0) != n)
		return err_from_errno(errno);
	return ERR_OK;
}

enum err pidfile_open(const char *path, int *fd, pid_t *other)
{
	char dir[PATHS_FILE_SIZE];
	const char *slash = strrchr(path, '/');
	enum err e = ERR_OK;

	*other = 0;
	if (slash && slash != path) {
		snprintf(dir, sizeof(dir), "%.*s", (int)(slash - path), path);
		e = file_make_dir(dir, 0755);
	}
	if (e != ERR_OK)
		return e;
	e = ERR_AGAIN;
	for (unsigned i = 0; i < TRIES && e == ERR_AGAIN; i++)
		e = lock(path, fd, other);
	if (e != ERR_OK)
		return e;
	e = write_pid(*fd);
	if (e != ERR_OK)
		pidfile_close(path, fd);
	return e;
}

void pidfile_close(const char *path, int *fd)
{
	if (*fd < 0)
		return;
	unlink(path);
	close(*fd);
	*fd = -1;
}
