/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * backup create. The database is copied by a child that runs as the workers' user, so that root
 * never opens a database of theirs; everything else is root's own files.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hub/api/auth.h"
#include "hub/backup/archive.h"
#include "hub/backup/backup.h"
#include "hub/change_hub.h"
#include "hub/config.h"
#include "hub/store/store.h"
#include "shared/base/clock.h"
#include "shared/base/file.h"
#include "shared/base/log.h"
#include "shared/monitor/launch.h"
#include "shared/monitor/sandbox.h"

struct create {
	const struct paths *paths;
	const char *file;
	struct hub_config config;
	struct recipient recipient;
	struct sandbox_user user;        /* the workers' */
	int db;                          /* the copy of the database, its name already gone */
	char temporary[PATHS_FILE_SIZE]; /* the backup until it is whole; empty: standard output */
	int out;
	struct sealed_writer *w;
	unsigned n_files;
};

/* --- what goes in --- */

static int read_recipient(struct create *c)
{
	char path[PATHS_FILE_SIZE];
	const char *line;
	struct buf b;
	enum err e;

	buf_init(&b, 4096);
	e = file_read_secret(paths_join(path, c->paths->etc, "backup.key"), &b);
	line = e ? NULL : buf_cstr(&b);
	if (!e)
		e = line ? recipient_parse(line, &c->recipient) : ERR_NOMEM;
	buf_fini(&b);
	if (e == ERR_NOTFOUND)
		return backup_fail(LAUNCH_REFUSED,
				   "it is not said yet who can open backups; do this once: "
				   "branchline-hub -n %s backup passphrase",
				   c->paths->net);
	return e ? backup_fail(LAUNCH_FAILED, "%s: %s", path, err_str(e)) : LAUNCH_DONE;
}

/* In the child. */
static enum err copy_database(const char *state, const char *to)
{
	struct store *s = NULL;
	enum err e = store_open(state, &s);

	if (!e)
		e = store_copy(s, to);
	if (e && s)
		log_error("database: %s", store_error(s));
	store_close(s);
	return e;
}

/* In the child: the event of a backup that is whole. */
static enum err tell(const struct create *c, const char *actor)
{
	struct change change = { .actor = actor };
	enum err e = store_open(c->paths->state, &change.store);

	if (!e)
		e = change_hub_backup(&change, c->config.name, c->file);
	store_close(change.store);
	return e;
}

/* A child that is the workers' user copies the database to `to`; NULL: it tells of the backup. */
static bool child_does(const struct create *c, const char *to)
{
	struct auth_peer me = { .uid = getuid() };
	char actor[AUTH_ACTOR_SIZE];
	pid_t child;
	int status;

	auth_peer_actor(&me, actor);
	child = fork();
	if (child == 0)
		_exit((geteuid() == 0 && sandbox_drop(&c->user)) ||
		      (to ? copy_database(c->paths->state, to) : tell(c, actor)));
	return child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) &&
	       WEXITSTATUS(status) == 0;
}

/* A copy of the database whose name is gone again, so that nothing is left over. */
static int open_database(struct create *c)
{
	char name[64], path[PATHS_FILE_SIZE];
	struct stat st;
	enum err e;

	c->user = (struct sandbox_user){ geteuid(), getegid() };
	e = geteuid() == 0 ? sandbox_find_user(c->config.user, &c->user) : ERR_OK;
	if (e)
		return backup_fail(LAUNCH_FAILED, "user %s: %s", c->config.user, err_str(e));
	snprintf(name, sizeof(name), ".backup-%08x.db", secret_random_u32());
	paths_join(path, c->paths->state, name);
	if (!child_does(c, path))
		return backup_fail(LAUNCH_FAILED, "the database in %s could not be copied",
				   c->paths->state);
	c->db = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	unlink(path);
	/* The folder is the workers': what stands there now may be something else. */
	if (c->db < 0 || fstat(c->db, &st) || !S_ISREG(st.st_mode) || st.st_uid != c->user.uid)
		return backup_fail(LAUNCH_FAILED, "%s: %s", path,
				   c->db < 0 ? strerror(errno) : "is not what was written there");
	return LAUNCH_DONE;
}

/* --- into the stream --- */

/* `size` bytes of a file; one that shrinks under our hands is an error. */
static int put_bytes(struct create *c, int fd, uint64_t size, const char *name)
{
	uint8_t bytes[16384];

	while (size) {
		size_t want = size < sizeof(bytes) ? (size_t)size : sizeof(bytes);
		ssize_t k = read(fd, bytes, want);

		if (k < 0 && errno == EINTR)
			continue;
		if (k <= 0)
			return backup_fail(LAUNCH_FAILED, "%s: %s", name,
					   k ? strerror(errno)
					     : "became shorter while it was read");
		sealed_write(c->w, bytes, (size_t)k);
		size -= (uint64_t)k;
	}
	secret_zero(bytes, sizeof(bytes));
	return LAUNCH_DONE;
}

static int put_file(struct create *c, int fd, const char *name)
{
	struct archive_file f = { .mode = 0 };
	struct stat st;

	if (fstat(fd, &st) || !S_ISREG(st.st_mode))
		return backup_fail(LAUNCH_FAILED, "%s: not a file", name);
	if (strcmp(name, ARCHIVE_DB) != 0 && st.st_size > (off_t)ARCHIVE_ETC_FILE_BYTES)
		return backup_fail(LAUNCH_FAILED, "%s: larger than %u bytes; move it elsewhere",
				   name, ARCHIVE_ETC_FILE_BYTES);
	if (++c->n_files > ARCHIVE_FILES_MAX)
		return backup_fail(LAUNCH_FAILED, "more than %u files in the configuration folder",
				   ARCHIVE_FILES_MAX);
	snprintf(f.name, sizeof(f.name), "%s", name);
	f.mode = st.st_mode & 0777;
	f.size = (uint64_t)st.st_size;
	archive_write_file(c->w, &f);
	return put_bytes(c, fd, f.size, name);
}

/* One entry of the configuration folder. */
static int put_entry(struct create *c, const char *dir, const char *prefix, const char *entry)
{
	char path[PATHS_FILE_SIZE], name[ARCHIVE_NAME_SIZE];
	struct stat st;
	int fd, code;

	if (strlen(dir) + strlen(entry) + 2 > sizeof(path) ||
	    snprintf(name, sizeof(name), "%s%s", prefix, entry) >= (int)sizeof(name))
		return backup_fail(LAUNCH_FAILED, "%s/%s: the name is too long", dir, entry);
	paths_join(path, dir, entry);
	/* A link may lead to a certificate elsewhere: what it leads to is kept. */
	if (stat(path, &st))
		return backup_fail(LAUNCH_FAILED, "%s: %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return LAUNCH_DONE;
	if (!archive_name_is_valid(name)) {
		fprintf(stderr,
			"branchline-hub: backup: %s is left out: not a name that is used "
			"here\n",
			path);
		return LAUNCH_DONE;
	}
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return backup_fail(LAUNCH_FAILED, "%s: %s", path, strerror(errno));
	code = put_file(c, fd, name);
	close(fd);
	return code;
}

/* The files of one folder, not of those in it. */
static int put_folder(struct create *c, const char *dir, const char *prefix)
{
	int code = LAUNCH_DONE;
	struct dirent *entry;
	DIR *d = opendir(dir);

	if (!d)
		return errno == ENOENT ? LAUNCH_DONE
				       : backup_fail(LAUNCH_FAILED, "%s: %s", dir, strerror(errno));
	while (code == LAUNCH_DONE && (entry = readdir(d)) != NULL)
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			code = put_entry(c, dir, prefix, entry->d_name);
	closedir(d);
	return code;
}

static int put_all(struct create *c)
{
	struct archive_about about = { .made_ms = clock_wall_ms() };
	char hosts[PATHS_FILE_SIZE];
	int code;

	snprintf(about.network, sizeof(about.network), "%s", c->paths->net);
	snprintf(about.hub, sizeof(about.hub), "%s", c->config.name);
	snprintf(about.version, sizeof(about.version), "%s", BRANCHLINE_VERSION);
	archive_write_about(c->w, &about);
	code = put_folder(c, c->paths->etc, "etc/");
	if (code == LAUNCH_DONE)
		code = put_folder(c, paths_join(hosts, c->paths->etc, "hosts"), "etc/hosts/");
	if (code == LAUNCH_DONE)
		code = put_file(c, c->db, ARCHIVE_DB);
	archive_write_end(c->w);
	return code;
}

/* --- the file --- */

static int open_out(struct create *c)
{
	if (strcmp(c->file, "-") == 0) {
		if (isatty(STDOUT_FILENO))
			return backup_fail(LAUNCH_USAGE, "not to a terminal: it is no text");
		c->out = STDOUT_FILENO;
		return LAUNCH_DONE;
	}
	if (snprintf(c->temporary, sizeof(c->temporary), "%s.part-%08x", c->file,
		     secret_random_u32()) >= (int)sizeof(c->temporary)) {
		c->temporary[0] = '\0';
		return backup_fail(LAUNCH_FAILED, "%s: the name is too long", c->file);
	}
	c->out = open(c->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (c->out < 0) {
		int code = backup_fail(LAUNCH_FAILED, "%s: %s", c->temporary, strerror(errno));

		c->temporary[0] = '\0';
		return code;
	}
	return LAUNCH_DONE;
}

/* The whole file gets its name. */
static int keep(struct create *c)
{
	enum err e = sealed_writer_end(c->w);

	c->w = NULL;
	if (e)
		return backup_fail(LAUNCH_FAILED, "%s: %s", c->file, err_str(e));
	if (!c->temporary[0])
		return LAUNCH_DONE;
	if (fsync(c->out) || rename(c->temporary, c->file))
		return backup_fail(LAUNCH_FAILED, "%s: %s", c->file, strerror(errno));
	c->temporary[0] = '\0';
	printf("%s: %u files and the database of network %s. Check it with: branchline-hub -n %s "
	       "backup verify %s\n",
	       c->file, c->n_files - 1, c->paths->net, c->paths->net, c->file);
	return LAUNCH_DONE;
}

static int create(struct create *c)
{
	int code;
	enum err e = hub_config_load(&c->config, c->paths, NULL);

	if (e)
		return backup_fail(LAUNCH_FAILED, "%s",
				   c->config.raw.error[0] ? c->config.raw.error : err_str(e));
	if ((code = read_recipient(c)) || (code = open_database(c)) || (code = open_out(c)))
		return code;
	e = sealed_writer_new(c->out, &c->recipient, &c->w);
	if (e)
		return backup_fail(LAUNCH_FAILED, "%s: %s", c->file, err_str(e));
	code = put_all(c);
	if (code == LAUNCH_DONE)
		code = keep(c);
	if (code == LAUNCH_DONE && !child_does(c, NULL))
		fprintf(stderr, "branchline-hub: backup: it is whole, but is not in the audit "
				"log: the database could not be written\n");
	return code;
}

int backup_create(const struct paths *paths, const char *file)
{
	struct create *c = calloc(1, sizeof(*c));
	int code;

	if (!c)
		return LAUNCH_FAILED;
	c->paths = paths;
	c->file = file;
	c->db = c->out = -1;
	signal(SIGPIPE, SIG_IGN);
	code = create(c);
	sealed_writer_free(c->w);
	if (c->temporary[0])
		unlink(c->temporary);
	if (c->out > STDOUT_FILENO)
		close(c->out);
	if (c->db >= 0)
		close(c->db);
	hub_config_fini(&c->config);
	secret_zero(c, sizeof(*c));
	free(c);
	return code;
}
