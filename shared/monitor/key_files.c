/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/monitor/key_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "shared/base/base64.h"
#include "shared/base/file.h"
#include "shared/base/paths.h"

#define PATH_SIZE (PATHS_FILE_SIZE + sizeof(KEY_FILES_NEXT))

static const char *file_of(const struct key_files *f, enum monitor_key_what what)
{
	switch (what) {
	case MONITOR_KEY_IDENTITY:
		return f->identity;
	case MONITOR_KEY_TUNNEL:
		return f->tunnel;
	case MONITOR_KEY_HUB_PIN:
		return f->hub_pin;
	}
	return NULL;
}

bool key_files_may(const struct key_files *f, enum worker_role from, const struct monitor_key *m)
{
	bool is_engines = m->what == MONITOR_KEY_TUNNEL && m->op == MONITOR_KEY_KEEP;

	if (!file_of(f, m->what))
		return false;
	return is_engines ? from == WORKER_ENGINE : from == WORKER_CONTROL;
}

static enum err keep(const char *path, const struct monitor_key *m)
{
	char text[KEY_BASE64_SIZE + 1];
	enum err e;

	base64_encode(m->key.b, KEY_BYTES, text);
	text[KEY_BASE64_SIZE - 1] = '\n';
	e = file_write_atomic(path, text, KEY_BASE64_SIZE,
			      m->what == MONITOR_KEY_HUB_PIN ? 0644 : 0600);
	secret_zero(text, sizeof(text));
	return e;
}

/* What was renamed or removed is on the disk when the folder is. */
static enum err sync_folder(const char *path)
{
	const char *slash = strrchr(path, '/');
	char dir[PATH_SIZE];
	enum err e = ERR_OK;
	int fd;

	snprintf(dir, sizeof(dir), "%.*s", slash ? (int)(slash - path) : 1, slash ? path : ".");
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_from_errno(errno);
	if (fsync(fd) < 0)
		e = err_from_errno(errno);
	close(fd);
	return e;
}

enum err key_files_step(const struct key_files *f, const struct monitor_key *m)
{
	const char *path = file_of(f, m->what);
	char next[PATH_SIZE];

	if (!path)
		return ERR_DENIED;
	if (snprintf(next, sizeof(next), "%s" KEY_FILES_NEXT, path) >= (int)sizeof(next))
		return ERR_TOOBIG;
	if (m->op == MONITOR_KEY_KEEP)
		return keep(next, m);
	if (m->op == MONITOR_KEY_PROMOTE ? rename(next, path) : unlink(next))
		return m->op == MONITOR_KEY_DROP && errno == ENOENT ? ERR_OK
								    : err_from_errno(errno);
	return sync_folder(path);
}
