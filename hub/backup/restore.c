/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * backup verify and restore: both unpack everything into temporary folders and look at the
 * database; restore then gives the folders their names, verify removes them. What a backup says is
 * hostile until its last chunk has proved authentic, and nothing has its final name before that.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hub/backup/archive.h"
#include "hub/backup/backup.h"
#include "hub/backup/passphrase.h"
#include "hub/config.h"
#include "hub/place.h"
#include "hub/store/store.h"
#include "shared/base/clock.h"
#include "shared/base/log.h"
#include "shared/base/secret.h"
#include "shared/monitor/launch.h"

/* More changes than anybody loses with a hub; twice as many are skipped at the most. */
#define RESTORE_SKIPPED_MIN (1u << 24)

/* What a look at the restored database gave. */
struct findings {
	enum err err;
	uint64_t revision;
	uint32_t nodes;
};

struct restore {
	const struct paths *paths;
	struct paths elsewhere; /* verify: where nothing stays */
	const char *file;
	bool keep; /* restore, not verify */
	int in;
	struct sealed_reader *r;
	struct archive_about about;
	struct place place;
	struct hub_config config;
	struct findings found;
	unsigned n_files;
	bool has_db, has_conf;
};

/* --- unlocking --- */

static int open_backup(struct restore *x)
{
	char passphrase[PASSPHRASE_SIZE];
	enum err e;

	x->in = open(x->file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (x->in < 0)
		return backup_fail(LAUNCH_FAILED, "%s: %s", x->file, strerror(errno));
	e = sealed_reader_new(x->in, &x->r);
	if (e == ERR_VERSION)
		return backup_fail(LAUNCH_REFUSED, "%s: made by a later version of Branchline",
				   x->file);
	if (e)
		return backup_fail(LAUNCH_REFUSED, "%s: this is no backup of a hub (%s)", x->file,
				   err_str(e));
	if (passphrase_ask(false, passphrase))
		return LAUNCH_FAILED;
	e = sealed_unlock(x->r, passphrase);
	secret_zero(passphrase, sizeof(passphrase));
	if (e == ERR_AUTH)
		return backup_fail(LAUNCH_REFUSED, "%s: that is not its passphrase", x->file);
	return e ? backup_fail(LAUNCH_FAILED, "%s: %s", x->file, err_str(e)) : LAUNCH_DONE;
}

/* What a damaged, changed or cut file is called. */
static int fail_stream(const struct restore *x, enum err e)
{
	if (e == ERR_AUTH)
		return backup_fail(LAUNCH_REFUSED,
				   "%s: it was damaged or changed, or was not made by this hub",
				   x->file);
	if (e == ERR_TRUNCATED)
		return backup_fail(LAUNCH_REFUSED, "%s: its end is missing", x->file);
	return backup_fail(LAUNCH_REFUSED, "%s: %s", x->file, err_str(e));
}

static int read_about(struct restore *x)
{
	enum err e = archive_read_about(x->r, &x->about);

	if (e == ERR_VERSION)
		return backup_fail(LAUNCH_REFUSED, "%s: made by a later version of Branchline",
				   x->file);
	if (e)
		return fail_stream(x, e);
	if (strcmp(x->about.network, x->paths->net) != 0)
		return backup_fail(LAUNCH_REFUSED, "%s is a backup of network %s, not of %s",
				   x->file, x->about.network, x->paths->net);
	return LAUNCH_DONE;
}

/* --- unpacking --- */

static int copy_out(struct restore *x, int fd, uint64_t size, const char *path)
{
	uint8_t bytes[16384];
	int code = LAUNCH_DONE;

	while (size && code == LAUNCH_DONE) {
		size_t n = size < sizeof(bytes) ? (size_t)size : sizeof(bytes), at = 0;

		if (!sealed_read(x->r, bytes, n))
			code = fail_stream(x, sealed_error(x->r));
		while (at < n && code == LAUNCH_DONE) {
			ssize_t k = write(fd, bytes + at, n - at);

			if (k < 0 && errno != EINTR)
				code = backup_fail(LAUNCH_FAILED, "%s: %s", path, strerror(errno));
			at += k > 0 ? (size_t)k : 0;
		}
		size -= n;
	}
	secret_zero(bytes, sizeof(bytes));
	return code;
}

static int unpack_file(struct restore *x, const struct archive_file *f)
{
	const bool is_db = strcmp(f->name, ARCHIVE_DB) == 0;
	const char *inner = strchr(f->name, '/') + 1;
	char path[PATHS_FILE_SIZE];
	mode_t mode = is_db ? 0600 : f->mode & 0755;
	int fd, code;

	if (strlen(inner) + strlen(x->place.etc) + 2 > sizeof(path))
		return backup_fail(LAUNCH_FAILED, "%s: the name is too long", f->name);
	paths_join(path, is_db ? x->place.state : x->place.etc, inner);
	/* A second file of the same name would be somebody's trick. */
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return backup_fail(LAUNCH_FAILED, "%s: %s", path, strerror(errno));
	code = copy_out(x, fd, f->size, path);
	if (code == LAUNCH_DONE && (fchmod(fd, mode) || fsync(fd)))
		code = backup_fail(LAUNCH_FAILED, "%s: %s", path, strerror(errno));
	close(fd);
	x->has_db = x->has_db || is_db;
	x->has_conf = x->has_conf || strcmp(f->name, "etc/hub.conf") == 0;
	return code;
}

static int unpack_all(struct restore *x)
{
	struct archive_file f;
	char hosts[PATHS_FILE_SIZE];
	int code = LAUNCH_DONE;
	enum err e = ERR_OK;

	if (mkdir(paths_join(hosts, x->place.etc, "hosts"), 0755))
		return backup_fail(LAUNCH_FAILED, "%s: %s", hosts, strerror(errno));
	while (code == LAUNCH_DONE && !(e = archive_read_file(x->r, &f))) {
		if (++x->n_files > ARCHIVE_FILES_MAX)
			return backup_fail(LAUNCH_REFUSED, "%s: more than %u files", x->file,
					   ARCHIVE_FILES_MAX);
		code = unpack_file(x, &f);
	}
	if (code)
		return code;
	if (e == ERR_NOTFOUND)
		e = sealed_reader_end(x->r);
	if (e)
		return fail_stream(x, e);
	if (!x->has_db || !x->has_conf)
		return backup_fail(LAUNCH_REFUSED, "%s: the database or hub.conf is not in it",
				   x->file);
	return LAUNCH_DONE;
}

/* --- the database --- */

static enum err count(void *arg, const struct node *n, const struct store_node_meta *meta)
{
	struct findings *f = arg;

	(void)meta;
	f->nodes += n->status != NODE_DELETED;
	return ERR_OK;
}

/*
 * The hub has to know that revocations may be lost: hub/change_quarantine.c. And the numbers of the
 * revisions that are lost, however many there were, are never used again: a spoke that comes back
 * with one of them is seen to hold a directory that is not ours (hub/control/recv_hello.c). Not
 * always the same ones are skipped, since the same backup may be restored again.
 */
static enum err mark(struct store *s, uint64_t revision)
{
	const uint64_t skipped = RESTORE_SKIPPED_MIN + secret_random_below(RESTORE_SKIPPED_MIN);
	char number[24];
	uint64_t next;
	enum err e = store_begin(s);

	if (e)
		return e;
	snprintf(number, sizeof(number), "%llu", (unsigned long long)revision);
	e = store_setting_put(s, STORE_RESTORED_REVISION, number);
	if (!e)
		e = store_revision_skip(s, skipped, "root", "backup.restore", &next);
	if (!e)
		e = store_commit(s);
	if (e)
		store_rollback(s);
	return e;
}

/* In the child: brings it to the present version, checks every page, and marks it as restored. */
static void look(const char *state, struct findings *f)
{
	struct store *s = NULL;

	f->err = store_create(state);
	if (!f->err)
		f->err = store_open(state, &s);
	if (!f->err)
		f->err = store_check(s);
	if (!f->err)
		f->err = store_revision_get(s, &f->revision);
	if (!f->err)
		f->err = store_nodes_since(s, 0, 0, 0, count, f);
	if (!f->err)
		f->err = mark(s, f->revision);
	store_close(s);
}

/* A database is a program of its own kind: it is only opened as the user who will use it. */
static int look_in_child(struct restore *x, const struct sandbox_user *user)
{
	int pipes[2], status = 0;
	struct findings f = { .err = ERR_SYSTEM };
	pid_t child;

	if (pipe(pipes))
		return backup_fail(LAUNCH_FAILED, "%s", strerror(errno));
	child = fork();
	if (child == 0) {
		if (geteuid() != 0 || !sandbox_drop(user))
			look(x->place.state, &f);
		_exit(write(pipes[1], &f, sizeof(f)) != sizeof(f));
	}
	close(pipes[1]);
	if (child < 0 || read(pipes[0], &x->found, sizeof(x->found)) != sizeof(x->found))
		x->found.err = ERR_SYSTEM;
	close(pipes[0]);
	if (child > 0)
		waitpid(child, &status, 0);
	if (x->found.err)
		return backup_fail(LAUNCH_REFUSED, "%s: its database cannot be used: %s", x->file,
				   err_str(x->found.err));
	return LAUNCH_DONE;
}

static int check_contents(struct restore *x)
{
	struct paths at = *x->paths;
	struct sandbox_user user;
	enum err e;

	snprintf(at.etc, sizeof(at.etc), "%.*s", (int)sizeof(at.etc) - 1, x->place.etc);
	e = hub_config_load(&x->config, &at, NULL);
	if (e)
		return backup_fail(LAUNCH_REFUSED, "%s: its hub.conf: %s", x->file,
				   x->config.raw.error[0] ? x->config.raw.error : err_str(e));
	if (place_find_user(&x->place, x->config.user, &user) || place_give_state(&x->place, &user))
		return backup_fail(LAUNCH_FAILED, "%s", x->place.error);
	return look_in_child(x, &user);
}

/* --- the whole --- */

static void report(const struct restore *x)
{
	char made[CLOCK_RFC3339_SIZE];

	printf("%s: network %s, hub %s, made %s by Branchline %s\n", x->file, x->about.network,
	       x->about.hub, clock_format_rfc3339(x->about.made_ms, made), x->about.version);
	printf("  %u files; database: revision %llu, %u nodes, every page and reference checked\n",
	       x->n_files, (unsigned long long)x->found.revision, x->found.nodes);
	if (!x->keep)
		return;
	printf("The hub is back: %s and %s.\n", x->paths->etc, x->paths->state);
	printf("What was changed at the hub after the backup is lost. A branch that was revoked "
	       "since "
	       "is disabled\nas soon as one that knows it connects (events node.quarantine); look "
	       "through the log. Start it:  "
	       "branchline-hub -n %s run\n",
	       x->paths->net);
}

static int unpack_and_check(struct restore *x)
{
	int code;

	if (place_make_state(&x->place) || place_make_etc(&x->place))
		return backup_fail(LAUNCH_FAILED, "%s", x->place.error);
	code = unpack_all(x);
	if (code == LAUNCH_DONE)
		code = check_contents(x);
	if (code == LAUNCH_DONE && x->keep && place_commit(&x->place))
		code = backup_fail(LAUNCH_FAILED, "%s", x->place.error);
	return code;
}

static int restore(struct restore *x)
{
	sigset_t blocked, before;
	int code;

	place_init(&x->place, x->keep ? x->paths : &x->elsewhere);
	if (x->keep && place_refuse_existing(&x->place))
		return backup_fail(LAUNCH_REFUSED, "%s", x->place.error);
	if ((code = open_backup(x)) || (code = read_about(x)))
		return code;
	/* A signal in the middle would leave half-made folders: they wait until we are through. */
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGINT);
	sigaddset(&blocked, SIGTERM);
	sigaddset(&blocked, SIGHUP);
	sigprocmask(SIG_BLOCK, &blocked, &before);
	umask(022);
	code = unpack_and_check(x);
	if (code || !x->keep)
		place_discard(&x->place);
	sigprocmask(SIG_SETMASK, &before, NULL);
	if (code == LAUNCH_DONE)
		report(x);
	return code;
}

static int run(const struct paths *paths, const char *file, bool keep)
{
	struct restore *x = calloc(1, sizeof(*x));
	char temporary[] = "/var/tmp/branchline-verify-XXXXXX";
	int code;

	if (!x)
		return LAUNCH_FAILED;
	x->paths = paths;
	x->elsewhere = *paths;
	x->file = file;
	x->keep = keep;
	x->in = -1;
	if (!keep && (!mkdtemp(temporary) || chmod(temporary, 0711))) {
		code = backup_fail(LAUNCH_FAILED, "%s: %s", temporary, strerror(errno));
		goto out;
	}
	snprintf(x->elsewhere.etc, sizeof(x->elsewhere.etc), "%s/etc", temporary);
	snprintf(x->elsewhere.state, sizeof(x->elsewhere.state), "%s/state", temporary);
	code = restore(x);
	if (!keep)
		rmdir(temporary);
out:
	sealed_reader_free(x->r);
	if (x->in >= 0)
		close(x->in);
	hub_config_fini(&x->config);
	secret_zero(x, sizeof(*x));
	free(x);
	return code;
}

int backup_verify(const struct paths *paths, const char *file) { return run(paths, file, false); }
int backup_restore(const struct paths *paths, const char *file) { return run(paths, file, true); }
